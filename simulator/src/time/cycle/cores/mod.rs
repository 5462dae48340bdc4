//! A timestep's cores as the traffic of a mesh: neuron unit and making of packets in front of it, decoding and
//! synapse unit behind.
//!
//! A core updates its neurons in local order, one an interval, and the packets of a spike are made one after another,
//! nearest destination list first. A full spike queue stops the neuron unit, a full local buffer the making of
//! packets. Where a target's paths are serial, a neuron waits for the packets of the spike before it, and a packet
//! for the synapses of the one before. Arriving packets are decoded and their synapses worked off in order of arrival,
//! into the sums of a later timestep; full queues stop the router's delivery. Every unit is a recurrence over its
//! packets, so cores need no events of their own.
//!
//! Which neurons were updated as inactive is not recorded, only how many: they are spread evenly over those that did
//! not fire.

mod clock;
mod queue;
mod receiver;
mod sender;

use super::injection::{PacketHeader, PacketInjector, PacketWork};
use super::mesh::{Crossing, Delivery, Injection, MeshTraffic};
use super::records::{
    DeliveredPacket, InjectedPacket, Latencies, PacketObserver, SlowPacket, Slowest, Unit, UnitWork,
};
use crate::counts::Events;
use crate::execute::slice::SliceSpike;
use queue::LastPassed;
use receiver::Receiver;
use sender::Sender;

pub use clock::{CoreCycles, UnitCycles, mesh};

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
    pub fired: &'a [SliceSpike],
}

/// Where packets from outside enter the mesh: in front of a core, whose own packets follow when they have passed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EntryPort {
    /// Port of the mesh; none if the program takes no spikes from outside.
    pub entrance: Option<usize>,
    /// What stands for it among the program's cores, one a network that takes spikes.
    pub cores: Vec<u32>,
}

/// All cores in one timestep. A packet's tag holds the number that the observer gave it above
/// [`PacketHeader::key`].
#[derive(Debug)]
pub struct Cores<'a, L> {
    injector: PacketInjector<'a>,
    times: &'a CoreCycles,
    work: Vec<SliceWork<'a>>,
    senders: Vec<Sender<'a>>,
    receivers: Vec<Receiver>,
    /// Core at each port of the mesh.
    ports: &'a [Option<u32>],
    /// Where packets from outside enter.
    inputs: &'a EntryPort,
    observer: L,
    /// Time under way of its packets, ps.
    pub latencies: Latencies,
    /// The slowest of them; times in cycles.
    pub slowest: Slowest,
    /// Cycles that makers of packets were stopped by full local buffers, all cores.
    pub makers_stopped: u64,
    end: u64,
}

impl<'a, L: PacketObserver> Cores<'a, L> {
    /// `work` is ordered by slice; `starts` gives the first slice of each core, and one past the last.
    pub fn new(
        injector: PacketInjector<'a>,
        times: &'a CoreCycles,
        (ports, inputs): (&'a [Option<u32>], &'a EntryPort),
        starts: &[usize],
        work: Vec<SliceWork<'a>>,
        observer: L,
    ) -> Self {
        let mut senders = Vec::with_capacity(starts.len());
        for slices in starts.windows(2) {
            let first = work.partition_point(|w| w.slice < slices[0]);
            let last = work.partition_point(|w| w.slice < slices[1]);
            senders.push(Sender {
                work: first..last,
                left: LastPassed::new(times.spike_queue),
                ..Sender::default()
            });
        }
        inputs.cores.iter().for_each(|&core| senders[core as usize].outside = true);
        let longest = times.axon_in_queue.max(times.synapse_queue);
        let receiver = Receiver { taken: LastPassed::new(longest), ..Receiver::default() };
        let receivers = vec![receiver; senders.len()];
        Self {
            injector,
            times,
            work,
            senders,
            receivers,
            ports,
            inputs,
            observer,
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

impl<L: PacketObserver> Cores<'_, L> {
    /// The next packet of a core, made in times `out`.
    #[inline(always)]
    fn inject_from(&mut self, core: u32, free: u64, out: UnitCycles) -> Option<Injection> {
        let sender = &mut self.senders[core as usize];
        let observer = &mut self.observer;
        let (next, from) =
            sender.next(core, &self.work, self.injector, self.times, &mut self.end, observer)?;
        let could = sender.free.max(sender.ready);
        let start = could.max(free.saturating_sub(out.latency));
        sender.free = start + out.interval;
        let (at, until) = (start + out.latency, sender.free);
        self.makers_stopped += start - could;
        self.end = self.end.max(until).max(at);
        let number = observer.made(&InjectedPacket { injected: at, ..from });
        let work =
            |from, until, stopped| UnitWork { core, unit: Unit::AxonOut, from, until, number, stopped };
        if start > could {
            observer.worked(|| work(could, start, true));
        }
        observer.worked(|| work(start, until, false));
        let PacketHeader { x, y, local, tree, key } = next;
        Some(Injection { at, x, y, local, tree, tag: u64::from(number) << 32 | u64::from(key) })
    }

    /// The next packet from outside, if there is one more; behind the last, the core at its port may send.
    #[cold]
    fn inject_from_outside(&mut self, port: usize, free: u64) -> Option<Injection> {
        let inputs = self.inputs;
        let mut all = inputs.cores.iter();
        let next = all.find_map(|&core| self.inject_from(core, free, self.times.input_packet))?;
        if let Some(core) = self.ports[port] {
            let sender = &mut self.senders[core as usize];
            sender.free = sender.free.max(next.at);
        }
        Some(next)
    }
}

impl<L: PacketObserver> MeshTraffic for Cores<'_, L> {
    #[inline]
    fn inject(&mut self, port: usize, free: u64) -> Option<Injection> {
        if self.inputs.entrance == Some(port)
            && let Some(injection) = self.inject_from_outside(port, free)
        {
            return Some(injection);
        }
        let core = self.ports[port]?;
        self.inject_from(core, free, self.times.axon_out)
    }

    #[inline]
    fn deliver(&mut self, port: usize, packet: &Delivery) -> u64 {
        let Delivery { injected, left, arrived, tag } = *packet;
        let latency = arrived - injected;
        self.latencies.add(latency.saturating_mul(self.times.clock_ps));
        let Some(core) = self.ports[port] else { return left };
        let number = (tag >> 32) as u32;
        let PacketWork { axons, operations } = self.injector.packet_work(tag as u32, core);
        let observer = &mut self.observer;
        self.slowest.enter(latency, || {
            let slice = observer.slice(number);
            SlowPacket { latency, injected, slice, core, operations }
        });
        observer.arrived(|| DeliveredPacket { number, core, operations, arrived });
        let receiver = &mut self.receivers[core as usize];
        let taken = receiver.take(arrived, axons.into(), operations.into(), self.times);
        let work = |unit, from, until| UnitWork { core, unit, from, until, number, stopped: false };
        observer.worked(|| work(Unit::AxonIn, taken.decode, taken.decoded));
        if operations > 0 {
            observer.worked(|| work(Unit::Synapse, taken.integrate, receiver.synapse_free));
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
        self.observer.crossed(|| {
            let crossing = crossing();
            ((crossing.tag >> 32) as u32, crossing)
        });
    }
}
