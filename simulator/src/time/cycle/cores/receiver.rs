//! The back of a core: decoder and synapse unit, with the queues in front of them.

use super::clock::UnitCycles;
use super::{CoreCycles, Queue};

/// The back of a core.
#[derive(Debug, Clone, Default)]
pub(super) struct Receiver {
    /// When each of the last packets was taken by the decoder, and by the synapse unit.
    pub(super) taken: Queue<(u64, u64)>,
    pub(super) decoder_free: u64,
    pub(super) synapse_free: u64,
}

/// When a packet was taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) decode: u64,
    pub(super) integrate: u64,
    /// When its work is done.
    pub(super) done: u64,
    /// When the router may begin to deliver the next one.
    pub(super) next: u64,
}

impl Receiver {
    /// Takes a packet, which is decoded for one axon after another and then worked off.
    #[inline(always)]
    pub(super) fn take(&mut self, arrived: u64, axons: u64, operations: u64, times: &CoreCycles) -> Taken {
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
