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
use super::posts::{Parcel, Parcels, Posts};
use super::queue::Queue;
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
struct Sender<'a> {
    /// Range of [`Cores::work`].
    work: std::ops::Range<usize>,
    /// Start of the current slice's updates, stalls left out, and with them.
    base: u64,
    began: u64,
    /// Spikes of the current slice that have been put into the queue.
    fired: usize,
    /// The spike whose packets are being made, if there is one, and its slice; and those that are still to come.
    spike: Option<Spike>,
    slice: u32,
    parcels: Parcels<'a>,
    /// Whether it has sent any.
    sent: bool,
    /// Cycles that the neuron unit was stopped.
    stalled: u64,
    /// When the current spike is in the queue.
    ready: u64,
    /// When each of the last spikes left the queue.
    left: Queue<u64>,
    /// When the maker of packets may start the next one.
    free: u64,
}

/// The back of a core.
#[derive(Debug, Clone, Default)]
struct Receiver {
    /// When each of the last packets was taken by the decoder, and by the synapse unit.
    taken: Queue<(u64, u64)>,
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
    senders: Vec<Sender<'a>>,
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
            senders.push(Sender {
                work: first..last,
                left: Queue::new(times.spike_queue),
                ..Sender::default()
            });
        }
        let longest = times.axon_in_queue.max(times.synapse_queue);
        let receiver = Receiver { taken: Queue::new(longest), ..Receiver::default() };
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
    #[inline]
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

    #[inline]
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

impl<'a> Sender<'a> {
    /// Where the next packet goes and where it comes from; its spike stands in the queue from `ready` on.
    #[inline(always)]
    fn next(
        &mut self,
        core: u32,
        work: &[SliceWork],
        posts: Posts<'a>,
        times: &CoreCycles,
        end: &mut u64,
        listener: &mut impl Listener,
    ) -> Option<(Parcel, Made)> {
        loop {
            if let (Some(spike), Some(parcel)) = (self.spike, self.parcels.next()) {
                self.sent = true;
                return Some((parcel, Made { slice: self.slice, spike, injected: 0 }));
            }
            if !self.turn(core, work, posts, times, listener) {
                // Its last neuron has been updated.
                *end = (*end).max(self.base + self.stalled);
                return None;
            }
        }
    }

    /// Turns to the next spike, or to the next slice; whether there is one.
    #[inline(never)]
    fn turn(
        &mut self,
        core: u32,
        work: &[SliceWork],
        posts: Posts<'a>,
        times: &CoreCycles,
        listener: &mut impl Listener,
    ) -> bool {
        if self.spike.take().is_some() {
            // A spike leaves the queue with its last packet.
            self.left.pass(self.ready.max(if self.sent { self.free } else { 0 }));
        }
        let Some(current) = work[self.work.clone()].first() else { return false };
        self.slice = current.slice as u32;
        let number = self.slice;
        let update = |from, until, stopped| Work { core, unit: Unit::Neuron, from, until, number, stopped };
        if let Some(&spike) = current.fired.get(self.fired) {
            let (from, until) = self.fire(current, spike, times);
            if until > from {
                listener.worked(|| update(from, until, true));
            }
            self.fired += 1;
            self.parcels = posts.packets(current.slice, spike.position);
            (self.spike, self.sent) = (Some(spike), false);
        } else {
            self.base += times.updates(&current.events);
            let (from, until) = (self.began, self.base + self.stalled);
            listener.worked(|| update(from, until, false));
            self.work.start += 1;
            self.fired = 0;
            self.began = until;
        }
        true
    }

    /// Updates neurons up to the spike, and puts it into the queue as soon as that has a place; how long the unit was
    /// stopped, from and until.
    fn fire(&mut self, current: &SliceWork, spike: Spike, times: &CoreCycles) -> (u64, u64) {
        let index = u64::from(spike.position) * u64::from(current.atoms) + u64::from(spike.atom);
        let from = self.base + times.before(&current.events, index, self.fired as u64) + self.stalled;
        let updated = from + times.active.latency + times.spike.latency;
        self.ready = updated.max(self.left.before(times.spike_queue));
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
    #[inline(always)]
    fn take(&mut self, arrived: u64, axons: u64, operations: u64, times: &CoreCycles) -> Taken {
        let UnitCycles { latency, interval } = times.axon_in;
        // The decoder hands on into the synapse unit's queue, which must have a place.
        let (_, room) = self.taken.before(times.synapse_queue);
        let decode = arrived.max(self.decoder_free).max(room);
        self.decoder_free = decode + axons * interval;
        let integrate = (self.decoder_free - interval + latency).max(self.synapse_free);
        self.synapse_free = integrate + operations * times.synapse.interval;
        let last = times.synapse.latency.saturating_sub(times.synapse.interval);
        let done = self.synapse_free + if operations > 0 { last } else { 0 };
        self.taken.pass((decode, integrate));
        let (next, _) = self.taken.before(times.axon_in_queue);
        Taken { decode, integrate, done: done.max(self.decoder_free), next }
    }
}
