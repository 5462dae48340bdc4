//! The back of a core: decoder and synapse unit, with the queues in front of them.

use super::clock::UnitCycles;
use super::{CoreCycles, LastPassed};

/// The back of a core.
#[derive(Debug, Clone, Default)]
pub(super) struct Receiver {
    /// When each of the last packets was taken by the decoder, and by the synapse unit.
    pub(super) taken: LastPassed<(u64, u64)>,
    pub(super) decoder_free: u64,
    pub(super) synapse_free: u64,
}

/// When a packet was taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) decode: u64,
    /// When the decoder was done with it.
    pub(super) decoded: u64,
    pub(super) integrate: u64,
    /// When its work is done.
    pub(super) done: u64,
    /// When the router may begin to deliver the next one.
    pub(super) next: u64,
}

impl Receiver {
    /// Takes a packet, which is decoded for one axon after another and then worked off. On a serial path the next one
    /// is decoded when that is done.
    #[inline(always)]
    pub(super) fn take(&mut self, arrived: u64, axons: u64, operations: u64, times: &CoreCycles) -> Taken {
        let UnitCycles { latency, interval } = times.axon_in;
        // The decoder hands on into the synapse unit's queue, which must have a place.
        let (_, room) = self.taken.before(times.synapse_queue);
        let decode = arrived.max(self.decoder_free).max(room);
        self.decoder_free = decode + axons * interval;
        let decoded = self.decoder_free;
        let handed_on = decoded - interval + latency;
        let integrate =
            if times.receives_serially { handed_on.max(decoded) } else { handed_on.max(self.synapse_free) };
        self.synapse_free = integrate + operations * times.synapse.interval;
        if times.receives_serially {
            self.decoder_free = self.synapse_free;
        }
        let last = times.synapse.latency.saturating_sub(times.synapse.interval);
        let done = self.synapse_free + if operations > 0 { last } else { 0 };
        self.taken.pass((decode, integrate));
        let (next, _) = self.taken.before(times.axon_in_queue);
        Taken { decode, decoded, integrate, done: done.max(self.decoder_free), next }
    }
}

#[cfg(test)]
mod tests {
    use snnc_targets::registry;
    use snnc_targets::schema::{CorePath, Provenance, Sourced};

    use super::super::LastPassed;
    use super::*;

    /// When the work of packets `(arrival, operations)` is done, with 20 ns a packet and 3 ns an operation.
    fn done(path: CorePath, packets: &[(u64, u64)]) -> Vec<u64> {
        let mut target = registry::load("loihi-like").unwrap();
        let timing = &mut target.timing;
        timing.clock_ns.0 = 1.0;
        for (unit, ns) in [(&mut timing.axon_in, 20.0), (&mut timing.synaptic_operation, 3.0)] {
            (unit.latency_ns.0, unit.interval_ns.0) = (ns, ns);
        }
        timing.receive_path = Some(Sourced(path, Provenance::Assumed("a test".into())));
        let times = CoreCycles::new(&target.timing(), target.network.as_ref().unwrap());
        let mut receiver = Receiver { taken: LastPassed::new(times.axon_in_queue), ..Receiver::default() };
        packets
            .iter()
            .map(|&(arrived, operations)| receiver.take(arrived, 1, operations, &times).done)
            .collect()
    }

    /// Closed forms: in a pipeline n packets that are there at once take the first decoding and n times the slower
    /// unit; on a serial path n times both.
    #[test]
    fn a_pipeline_takes_the_slower_unit_and_a_serial_path_both() {
        let at_once = |operations: u64| vec![(0, operations); 10];
        let last = |path, operations: u64| *done(path, &at_once(operations)).last().unwrap();
        assert_eq!(last(CorePath::Pipelined, 30), 20 + 10 * 90);
        assert_eq!(last(CorePath::Pipelined, 2), 10 * 20 + 6);
        assert_eq!(last(CorePath::Serial, 30), 10 * (20 + 90));
        assert_eq!(last(CorePath::Serial, 2), 10 * (20 + 6));
        // A packet that meets no synapse is decoded.
        assert_eq!(last(CorePath::Serial, 0), 10 * 20);
        // Packets far apart wait for nothing on either path.
        for path in [CorePath::Pipelined, CorePath::Serial] {
            assert_eq!(done(path, &[(0, 5), (100, 5), (1_000, 7)]), [35, 135, 1_041]);
        }
    }
}
