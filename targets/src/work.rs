//! How long the units of a core are busy with what a timestep brings them: the per-core part of the bottleneck formula.
//!
//! The one authority for it. The simulator counts events and asks with whole numbers; the mapping expects them and asks
//! with fractions. Units of a core work in a pipeline, so a timestep lasts at least as long as the busiest of them.
//! Where a target says that two of them are one path on which things are done one after the other
//! ([`CorePath::Serial`]), they count as one unit: its work stands with the synapse unit (receiving) or the neuron unit
//! (sending), and the decoder, or the maker of packets, has none.

use crate::Timing;
use crate::schema::CorePath;

/// Units of a core, in the order of [`CoreWork::busy_ps`].
pub const CORE_UNITS: [&str; 4] = ["synapse", "neuron", "axon in", "axon out"];

/// Events of a core in a timestep: counted (`u64`) or expected (`f64`).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CoreWork<N> {
    /// Weights added to accumulators.
    pub synaptic_operations: N,
    /// Neurons updated with input, bias or state other than 0.
    pub updates_active: N,
    /// Neurons updated with none of them.
    pub updates_inactive: N,
    /// Neurons that fire.
    pub spikes: N,
    /// Packets decoded.
    pub packets_in: N,
    /// Packets made.
    pub packets_out: N,
}

/// A count of events that can be multiplied with an interval; whole numbers saturate.
pub trait EventCount: Copy + Default {
    /// So many events one after another.
    fn times(self, interval_ps: u64) -> Self;
    /// One after the other.
    fn then(self, other: Self) -> Self;
}

impl EventCount for u64 {
    fn times(self, interval_ps: u64) -> Self {
        self.saturating_mul(interval_ps)
    }

    fn then(self, other: Self) -> Self {
        self.saturating_add(other)
    }
}

impl EventCount for f64 {
    fn times(self, interval_ps: u64) -> Self {
        self * interval_ps as f64
    }

    fn then(self, other: Self) -> Self {
        self + other
    }
}

/// The place in [`CORE_UNITS`] of the unit that is busy with the decoding of packets.
pub fn decoding_unit(timing: &Timing) -> usize {
    match timing.receive_path {
        CorePath::Pipelined => 2,
        CorePath::Serial => 0,
    }
}

/// The place in [`CORE_UNITS`] of the unit that is busy with the making of packets.
pub fn making_unit(timing: &Timing) -> usize {
    match timing.send_path {
        CorePath::Pipelined => 3,
        CorePath::Serial => 1,
    }
}

impl<N: EventCount> CoreWork<N> {
    /// Picoseconds that each unit is busy, in the order of [`CORE_UNITS`].
    pub fn busy_ps(&self, timing: &Timing) -> [N; 4] {
        let updates = self
            .updates_active
            .times(timing.neuron_update_active.interval_ps)
            .then(self.updates_inactive.times(timing.neuron_update_inactive.interval_ps))
            .then(self.spikes.times(timing.neuron_spike.interval_ps));
        let walked = self.synaptic_operations.times(timing.synaptic_operation.interval_ps);
        let mut busy = [walked, updates, N::default(), N::default()];
        for (unit, packets, time) in [
            (decoding_unit(timing), self.packets_in, timing.axon_in),
            (making_unit(timing), self.packets_out, timing.axon_out),
        ] {
            busy[unit] = busy[unit].then(packets.times(time.interval_ps));
        }
        busy
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;
    use crate::schema::{Provenance, Sourced};

    #[test]
    fn units_are_busy_an_interval_for_each_event() {
        let timing = registry::load("loihi-like").unwrap().timing();
        let work = CoreWork {
            synaptic_operations: 10,
            updates_active: 3,
            updates_inactive: 2,
            spikes: 7,
            packets_in: 5,
            packets_out: 4,
        };
        // 3.5 ns, 8.4 ns, 5.3 ns, nothing for a spike and for decoding, 0.29 ns.
        assert_eq!(work.busy_ps(&timing), [35_000, 35_800, 0, 1_160]);
        let expected = CoreWork { synaptic_operations: 0.5, packets_out: 0.25, ..CoreWork::<f64>::default() };
        assert_eq!(expected.busy_ps(&timing), [1_750.0, 0.0, 0.0, 72.5]);
        let most = CoreWork { synaptic_operations: u64::MAX, updates_active: u64::MAX, ..work };
        assert_eq!(most.busy_ps(&timing)[..2], [u64::MAX, u64::MAX]);
    }

    #[test]
    fn the_times_of_a_serial_path_add_up() {
        let mut target = registry::load("loihi-like").unwrap();
        target.timing.axon_in.interval_ns.0 = 16.0;
        let serial = Some(Sourced(CorePath::Serial, Provenance::Assumed("a test".into())));
        let work = CoreWork {
            synaptic_operations: 10,
            updates_active: 3,
            spikes: 1,
            packets_in: 5,
            packets_out: 4,
            ..CoreWork::default()
        };
        // 10 x 3.5 ns and 5 x 16 ns; 3 x 8.4 ns and 4 x 0.29 ns.
        assert_eq!(work.busy_ps(&target.timing()), [35_000, 25_200, 80_000, 1_160]);
        target.timing.receive_path = serial.clone();
        assert_eq!(work.busy_ps(&target.timing()), [115_000, 25_200, 0, 1_160]);
        target.timing.send_path = serial;
        assert_eq!(work.busy_ps(&target.timing()), [115_000, 26_360, 0, 0]);
    }
}
