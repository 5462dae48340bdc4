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

use super::casts::Task;
use super::clock::{CoreCycles, UnitCycles};
use super::latency::Latencies;
use super::listener::{Arrived, Listener, Made, Unit, Work};
use super::mesh::{Crossing, Delivery, Injection, Traffic};
use super::posts::{Parcel, Posts};
use super::slowest::{SlowPacket, Slowest};
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
    /// Start of the current slice's updates, stalls left out, and with them.
    base: u64,
    began: u64,
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

/// All cores in one timestep. A packet's tag holds the number that the listener gave it above
/// [`Parcel::key`].
#[derive(Debug)]
pub struct Cores<'a, L> {
    posts: Posts<'a>,
    times: &'a CoreCycles,
    work: Vec<SliceWork<'a>>,
    senders: Vec<Sender>,
    receivers: Vec<Receiver>,
    /// Core at each port of the mesh.
    ports: &'a [Option<u32>],
    listener: L,
    /// Time under way of its packets, ps.
    pub latencies: Latencies,
    /// The slowest of them; times in cycles.
    pub slowest: Slowest,
    /// Cycles that makers of packets were stopped by full local buffers, all cores.
    pub makers_stopped: u64,
    end: u64,
}

impl<'a, L: Listener> Cores<'a, L> {
    /// `work` is ordered by slice; `starts` gives the first slice of each core, and one past the last.
    pub fn new(
        posts: Posts<'a>,
        times: &'a CoreCycles,
        ports: &'a [Option<u32>],
        starts: &[usize],
        work: Vec<SliceWork<'a>>,
        listener: L,
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
        Self {
            posts,
            times,
            work,
            senders,
            receivers,
            ports,
            listener,
            latencies: Latencies::default(),
            slowest: Slowest::default(),
            makers_stopped: 0,
            end: 0,
        }
    }

    /// When the last unit has finished.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Cycles that neuron units were stopped by full spike queues, all cores.
    pub fn neurons_stopped(&self) -> u64 {
        self.senders.iter().map(|sender| sender.stalled).sum()
    }
}

impl<L: Listener> Traffic for Cores<'_, L> {
    fn inject(&mut self, port: usize, free: u64) -> Option<Injection> {
        let core = self.ports[port]?;
        let sender = &mut self.senders[core as usize];
        let listener = &mut self.listener;
        let (next, from) = sender.next(core, &self.work, self.posts, self.times, &mut self.end, listener)?;
        let out = self.times.axon_out;
        let could = sender.free.max(sender.ready);
        let start = could.max(free.saturating_sub(out.latency));
        sender.free = start + out.interval;
        let (at, until) = (start + out.latency, sender.free);
        self.makers_stopped += start - could;
        self.end = self.end.max(until).max(at);
        let number = listener.made(&Made { injected: at, ..from });
        let work = |from, until, stopped| Work { core, unit: Unit::AxonOut, from, until, number, stopped };
        if start > could {
            listener.worked(|| work(could, start, true));
        }
        listener.worked(|| work(start, until, false));
        let Parcel { x, y, local, tree, key } = next;
        Some(Injection { at, x, y, local, tree, tag: u64::from(number) << 32 | u64::from(key) })
    }

    fn deliver(&mut self, port: usize, packet: &Delivery) -> u64 {
        let Delivery { injected, left, arrived, tag } = *packet;
        let latency = arrived - injected;
        self.latencies.add(latency.saturating_mul(self.times.clock_ps));
        let Some(core) = self.ports[port] else { return left };
        let number = (tag >> 32) as u32;
        let Task { axons, operations } = self.posts.task(tag as u32, core);
        let listener = &mut self.listener;
        self.slowest.enter(latency, || {
            let slice = listener.slice(number);
            SlowPacket { latency, injected, slice, core, operations }
        });
        listener.arrived(|| Arrived { number, core, operations, arrived });
        let receiver = &mut self.receivers[core as usize];
        let taken = receiver.take(arrived, axons.into(), operations.into(), self.times);
        let work = |unit, from, until| Work { core, unit, from, until, number, stopped: false };
        let decoded = receiver.decoder_free;
        listener.worked(|| work(Unit::AxonIn, taken.decode, decoded));
        if operations > 0 {
            listener.worked(|| work(Unit::Synapse, taken.integrate, receiver.synapse_free));
        }
        self.end = self.end.max(taken.done);
        if axons == 1 {
            return taken.next;
        }
        let last = left + u64::from(axons) * self.times.delivery;
        self.end = self.end.max(last);
        taken.next.max(last)
    }

    #[inline(always)]
    fn crossed(&mut self, crossing: impl FnOnce() -> Crossing) {
        self.listener.crossed(|| {
            let crossing = crossing();
            ((crossing.tag >> 32) as u32, crossing)
        });
    }
}

impl Sender {
    /// Where the next packet goes and where it comes from; its spike stands in the queue from `ready` on.
    fn next(
        &mut self,
        core: u32,
        work: &[SliceWork],
        posts: Posts,
        times: &CoreCycles,
        end: &mut u64,
        listener: &mut impl Listener,
    ) -> Option<(Parcel, Made)> {
        loop {
            let Some(current) = work[self.work.clone()].first() else {
                // Its last neuron has been updated.
                *end = (*end).max(self.base + self.stalled);
                return None;
            };
            let slice = current.slice as u32;
            let update =
                |from, until, stopped| Work { core, unit: Unit::Neuron, from, until, number: slice, stopped };
            let Some(&spike) = current.fired.get(self.spike) else {
                self.base += times.updates(&current.events);
                let (from, until) = (self.began, self.base + self.stalled);
                listener.worked(|| update(from, until, false));
                self.work.start += 1;
                self.spike = 0;
                self.began = until;
                continue;
            };
            if self.destination == 0 {
                let (from, until) = self.fire(current, spike, times);
                if until > from {
                    listener.worked(|| update(from, until, true));
                }
            }
            if let Some(found) = posts.packet(current.slice, spike.position, self.destination) {
                self.destination += 1;
                return Some((found, Made { slice, spike, injected: 0 }));
            }
            // A spike leaves the queue with its last packet.
            let queue = self.left.len();
            self.left[self.spikes % queue] = self.ready.max(if self.destination > 0 { self.free } else { 0 });
            self.spikes += 1;
            self.spike += 1;
            self.destination = 0;
        }
    }

    /// Updates neurons up to the spike, and puts it into the queue as soon as that has a place; how long the unit was
    /// stopped, from and until.
    fn fire(&mut self, current: &SliceWork, spike: Spike, times: &CoreCycles) -> (u64, u64) {
        let index = u64::from(spike.position) * u64::from(current.atoms) + u64::from(spike.atom);
        let from = self.base + times.before(&current.events, index, self.spike as u64) + self.stalled;
        let updated = from + times.active.latency + times.spike.latency;
        let place = if self.spikes >= self.left.len() { self.left[self.spikes % self.left.len()] } else { 0 };
        self.ready = updated.max(place);
        let stopped = self.ready - updated;
        self.stalled += stopped;
        (from, from + stopped)
    }
}

/// When a packet was taken.
#[derive(Debug, Clone, Copy)]
struct Taken {
    decode: u64,
    integrate: u64,
    /// When its work is done.
    done: u64,
    /// When the router may begin to deliver the next one.
    next: u64,
}

impl Receiver {
    /// Takes a packet, which is decoded for one axon after another and then worked off.
    fn take(&mut self, arrived: u64, axons: u64, operations: u64, times: &CoreCycles) -> Taken {
        let (decoded, integrated) = (self.decoded.len(), self.integrated.len());
        let UnitCycles { latency, interval } = times.axon_in;
        // The decoder hands on into the synapse unit's queue, which must have a place.
        let room = self.integrated[self.packets % integrated];
        let decode = arrived.max(self.decoder_free).max(room);
        self.decoder_free = decode + axons * interval;
        let integrate = (self.decoder_free - interval + latency).max(self.synapse_free);
        self.synapse_free = integrate + operations * times.synapse.interval;
        let last = times.synapse.latency.saturating_sub(times.synapse.interval);
        let done = self.synapse_free + if operations > 0 { last } else { 0 };
        self.decoded[self.packets % decoded] = decode;
        self.integrated[self.packets % integrated] = integrate;
        self.packets += 1;
        let next = self.decoded[self.packets % decoded];
        Taken { decode, integrate, done: done.max(self.decoder_free), next }
    }
}
