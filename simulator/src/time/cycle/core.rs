//! A timestep's cores as the traffic of a mesh: neuron unit and making of packets in front of it, decoding and
//! synapse unit behind.
//!
//! A core updates its neurons in local order, one an interval, and the packets of a spike are made one after another,
//! nearest destination list first. A full spike queue stops the neuron unit, a full local buffer the making of
//! packets. Arriving packets are decoded and their synapses worked off in order of arrival, into the sums of a later
//! timestep; full queues stop the router's delivery. Every unit is a recurrence over its packets, so cores need no
//! events of their own.
//!
//! Which neurons were updated as inactive is not recorded, only how many: they are spread evenly over those that did
//! not fire.

use super::clock::{CoreCycles, UnitCycles};
use super::latency::Latencies;
use super::mesh::{Delivery, Injection, Traffic};
use super::routes::{Destination, Routes};
use crate::counts::Events;
use crate::execute::slice::Spike;

/// What one slice does in a timestep.
#[derive(Debug, Clone, Copy)]
pub struct SliceWork<'a> {
    /// Index of the slice.
    pub slice: usize,
    /// Channels of one position.
    pub atoms: u32,
    /// Its events.
    pub events: Events,
    /// Its spikes, ascending.
    pub fired: &'a [Spike],
}

/// The front of a core.
#[derive(Debug, Clone, Default)]
struct Sender {
    /// Range of [`Cores::work`].
    work: std::ops::Range<usize>,
    /// Start of the current slice's updates, stalls left out.
    base: u64,
    /// Spike of the current slice.
    spike: usize,
    /// Destination of that spike.
    destination: usize,
    /// Cycles that the neuron unit was stopped.
    stalled: u64,
    /// When the current spike is in the queue.
    ready: u64,
    /// Spikes so far.
    spikes: usize,
    /// When each of the last spikes left the queue.
    left: Vec<u64>,
    /// When the maker of packets may start the next one.
    free: u64,
}

/// The back of a core.
#[derive(Debug, Clone, Default)]
struct Receiver {
    packets: usize,
    /// When the last packets were taken by the decoder, and by the synapse unit.
    decoded: Vec<u64>,
    integrated: Vec<u64>,
    decoder_free: u64,
    synapse_free: u64,
}

/// All cores in one timestep.
#[derive(Debug)]
pub struct Cores<'a> {
    routes: &'a Routes,
    times: &'a CoreCycles,
    work: Vec<SliceWork<'a>>,
    senders: Vec<Sender>,
    receivers: Vec<Receiver>,
    /// Core at each port of the mesh.
    ports: &'a [Option<u32>],
    /// Time under way of its packets, ps.
    pub latencies: Latencies,
    end: u64,
}

impl<'a> Cores<'a> {
    /// `work` is ordered by slice; `starts` gives the first slice of each core, and one past the last.
    pub fn new(
        routes: &'a Routes,
        times: &'a CoreCycles,
        ports: &'a [Option<u32>],
        starts: &[usize],
        work: Vec<SliceWork<'a>>,
    ) -> Self {
        let mut senders = Vec::with_capacity(starts.len());
        for slices in starts.windows(2) {
            let first = work.partition_point(|w| w.slice < slices[0]);
            let last = work.partition_point(|w| w.slice < slices[1]);
            senders.push(Sender { work: first..last, left: vec![0; times.spike_queue], ..Sender::default() });
        }
        let receiver = Receiver {
            decoded: vec![0; times.axon_in_queue],
            integrated: vec![0; times.synapse_queue],
            ..Receiver::default()
        };
        let receivers = vec![receiver; senders.len()];
        Self { routes, times, work, senders, receivers, ports, latencies: Latencies::default(), end: 0 }
    }

    /// When the last unit has finished.
    pub fn end(&self) -> u64 {
        self.end
    }
}

impl Traffic for Cores<'_> {
    fn inject(&mut self, port: usize, free: u64) -> Option<Injection> {
        let sender = &mut self.senders[self.ports[port]? as usize];
        let destination = sender.next(&self.work, self.routes, self.times, &mut self.end)?;
        let out = self.times.axon_out;
        let start = sender.free.max(sender.ready).max(free.saturating_sub(out.latency));
        sender.free = start + out.interval;
        let at = start + out.latency;
        self.end = self.end.max(sender.free).max(at);
        let Destination { x, y, local, operations, .. } = *destination;
        Some(Injection { at, x, y, local, tag: operations.into() })
    }

    fn deliver(&mut self, port: usize, packet: &Delivery) -> u64 {
        self.latencies.add((packet.arrived - packet.injected).saturating_mul(self.times.clock_ps));
        let Some(core) = self.ports[port] else { return packet.left };
        let receiver = &mut self.receivers[core as usize];
        let (done, next) = receiver.take(packet.arrived, packet.tag, self.times);
        self.end = self.end.max(done);
        next
    }
}

impl Sender {
    /// The destination of the next packet, whose spike stands in the queue from `ready` on.
    fn next<'r>(
        &mut self,
        work: &[SliceWork],
        routes: &'r Routes,
        times: &CoreCycles,
        end: &mut u64,
    ) -> Option<&'r Destination> {
        loop {
            let Some(current) = work[self.work.clone()].first() else {
                // Its last neuron has been updated.
                *end = (*end).max(self.base + self.stalled);
                return None;
            };
            let Some(&spike) = current.fired.get(self.spike) else {
                self.base += times.updates(&current.events);
                self.work.start += 1;
                self.spike = 0;
                continue;
            };
            if self.destination == 0 {
                self.fire(current, spike, times);
            }
            if let Some(found) = routes.of(current.slice, spike.position).get(self.destination) {
                self.destination += 1;
                return Some(found);
            }
            // A spike leaves the queue with its last packet.
            let queue = self.left.len();
            self.left[self.spikes % queue] = self.ready.max(if self.destination > 0 { self.free } else { 0 });
            self.spikes += 1;
            self.spike += 1;
            self.destination = 0;
        }
    }

    /// Updates neurons up to the spike, and puts it into the queue as soon as that has a place.
    fn fire(&mut self, current: &SliceWork, spike: Spike, times: &CoreCycles) {
        let index = u64::from(spike.position) * u64::from(current.atoms) + u64::from(spike.atom);
        let before = times.before(&current.events, index, self.spike as u64);
        let updated = self.base + before + self.stalled + times.active.latency + times.spike.latency;
        let place = if self.spikes >= self.left.len() { self.left[self.spikes % self.left.len()] } else { 0 };
        self.ready = updated.max(place);
        self.stalled += self.ready - updated;
    }
}

impl Receiver {
    /// Takes a packet; when its work is done, and when the router may begin to deliver the next one.
    fn take(&mut self, arrived: u64, operations: u64, times: &CoreCycles) -> (u64, u64) {
        let (decoded, integrated) = (self.decoded.len(), self.integrated.len());
        let UnitCycles { latency, interval } = times.axon_in;
        // The decoder hands on into the synapse unit's queue, which must have a place.
        let room = self.integrated[self.packets % integrated];
        let decode = arrived.max(self.decoder_free).max(room);
        let integrate = (decode + latency).max(self.synapse_free);
        self.decoder_free = decode + interval;
        self.synapse_free = integrate + operations * times.synapse.interval;
        let last = times.synapse.latency.saturating_sub(times.synapse.interval);
        let done = self.synapse_free + if operations > 0 { last } else { 0 };
        self.decoded[self.packets % decoded] = decode;
        self.integrated[self.packets % integrated] = integrate;
        self.packets += 1;
        (done.max(self.decoder_free), self.decoded[self.packets % decoded])
    }
}
