//! The front of a core: the neuron unit, the queue of spikes behind it, and the making of packets. On a serial path
//! there is no queue: the neuron unit makes the packets of a spike itself before it goes on.

use super::{CoreCycles, LastPassed, SliceWork};
use crate::execute::slice::SliceSpike;
use crate::time::cycle::injection::{PacketHeader, PacketHeaders, PacketInjector};
use crate::time::cycle::records::{InjectedPacket, PacketObserver, Unit, UnitWork};

/// The front of a core.
#[derive(Debug, Clone, Default)]
pub(super) struct Sender<'a> {
    /// Range of [`super::Cores::work`].
    pub(super) work: std::ops::Range<usize>,
    /// Whether its spikes come from outside: they are all there at the start, and no neuron is updated for them.
    pub(super) outside: bool,
    /// Start of the current slice's updates, stalls left out, and with them.
    pub(super) base: u64,
    pub(super) began: u64,
    /// Spikes of the current slice that have been put into the queue.
    pub(super) fired: usize,
    /// The spike whose packets are being made, if there is one, and its slice; and those that are still to come.
    pub(super) spike: Option<SliceSpike>,
    pub(super) slice: u32,
    pub(super) headers: PacketHeaders<'a>,
    /// Whether it has sent any.
    pub(super) sent: bool,
    /// Cycles that the neuron unit was stopped.
    pub(super) stalled: u64,
    /// When the current spike is in the queue.
    pub(super) ready: u64,
    /// When the neuron behind it can be updated, its packets left out; on a serial path.
    pub(super) resumes: u64,
    /// When each of the last spikes left the queue.
    pub(super) left: LastPassed<u64>,
    /// When the maker of packets may start the next one.
    pub(super) free: u64,
}

impl<'a> Sender<'a> {
    /// Where the next packet goes and where it comes from; its spike stands in the queue from `ready` on.
    #[inline(always)]
    pub(super) fn next(
        &mut self,
        core: u32,
        work: &[SliceWork],
        injector: PacketInjector<'a>,
        times: &CoreCycles,
        end: &mut u64,
        observer: &mut impl PacketObserver,
    ) -> Option<(PacketHeader, InjectedPacket)> {
        loop {
            if let (Some(spike), Some(header)) = (self.spike, self.headers.next()) {
                self.sent = true;
                return Some((header, InjectedPacket { slice: self.slice, spike, injected: 0 }));
            }
            if !self.turn(core, work, injector, times, observer) {
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
        injector: PacketInjector<'a>,
        times: &CoreCycles,
        observer: &mut impl PacketObserver,
    ) -> bool {
        if self.spike.take().is_some() && !self.outside {
            let last_made = if self.sent { self.free } else { 0 };
            if times.sends_serially {
                self.base += last_made.saturating_sub(self.resumes);
            } else {
                // A spike leaves the queue with its last packet.
                self.left.pass(self.ready.max(last_made));
            }
        }
        let Some(current) = work[self.work.clone()].first() else { return false };
        self.slice = current.slice as u32;
        let number = self.slice;
        if self.outside {
            let next = current.fired.get(self.fired).copied();
            match next {
                Some(spike) => {
                    self.fired += 1;
                    self.headers = injector.packets(current.slice, spike);
                }
                None => {
                    self.work.start += 1;
                    self.fired = 0;
                }
            }
            self.spike = next;
            return true;
        }
        let update =
            |from, until, stopped| UnitWork { core, unit: Unit::Neuron, from, until, number, stopped };
        if let Some(&spike) = current.fired.get(self.fired) {
            let (from, until) = self.fire(current, spike, times);
            if until > from {
                observer.worked(|| update(from, until, true));
            }
            self.fired += 1;
            self.headers = injector.packets(current.slice, spike);
            (self.spike, self.sent) = (Some(spike), false);
        } else {
            self.base += times.updates(&current.events);
            let (from, until) = (self.began, self.base + self.stalled);
            observer.worked(|| update(from, until, false));
            self.work.start += 1;
            self.fired = 0;
            self.began = until;
        }
        true
    }

    /// Updates neurons up to the spike, and puts it into the queue as soon as that has a place; how long the unit was
    /// stopped, from and until.
    fn fire(&mut self, current: &SliceWork, spike: SliceSpike, times: &CoreCycles) -> (u64, u64) {
        let index = u64::from(spike.position) * u64::from(current.atoms) + u64::from(spike.atom);
        let from = self.base + times.before(&current.events, index, self.fired as u64) + self.stalled;
        let updated = from + times.active.latency + times.spike.latency;
        if times.sends_serially {
            self.resumes = from + times.active.interval + times.spike.interval;
            self.ready = updated.max(self.resumes);
            return (from, from);
        }
        self.ready = updated.max(self.left.before(times.spike_queue));
        let stopped = self.ready - updated;
        self.stalled += stopped;
        (from, from + stopped)
    }
}
