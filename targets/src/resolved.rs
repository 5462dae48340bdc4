//! Targets resolved once: units turned into integers. What a target must keep for that, [`crate::checks`] says.
//!
//! Energy in attojoules ([`crate::energy`]) and time in picoseconds are exact integers from here on, so that sums over
//! cores, layers and iterations agree to the last digit.

use serde::Serialize;

use crate::schema::{Between, CorePath, InputAxonKind, Target, UnitTime, WeightStorage, ZeroWeights};
use crate::topology::LinkKind;

/// Latency and initiation interval in picoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UnitPs {
    /// Start to result.
    pub latency_ps: u64,
    /// Start to next start.
    pub interval_ps: u64,
}

/// Times in picoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of `TimingSpec`")]
pub struct Timing {
    pub clock_ps: u64,
    pub synaptic_operation: UnitPs,
    pub neuron_update_active: UnitPs,
    pub neuron_update_inactive: UnitPs,
    pub neuron_spike: UnitPs,
    pub axon_in: UnitPs,
    pub axon_out: UnitPs,
    pub tile_delivery: UnitPs,
    pub hop_east_west: UnitPs,
    pub hop_north_south: UnitPs,
    pub hop_chip: UnitPs,
    pub host_write: UnitPs,
    pub host_read: UnitPs,
    pub host_multiply_add: UnitPs,
    pub host_synchronisation: UnitPs,
    pub input_packet: UnitPs,
    pub receive_path: CorePath,
    pub send_path: CorePath,
    barrier_ps: Vec<(u32, u64)>,
    between_linear: bool,
}

impl Timing {
    /// Barrier for so many tiles in use, in ps.
    pub fn barrier_ps(&self, tiles: u32) -> u64 {
        let points = &self.barrier_ps;
        let after = points.partition_point(|&(key, _)| key <= tiles);
        if after == 0 {
            return points[0].1;
        }
        let (k0, p0) = points[after - 1];
        match points.get(after) {
            Some(&(k1, p1)) if self.between_linear => {
                // Barrier tables rise with the number of tiles; a falling one was refused by `check`.
                let share = u128::from(p1 - p0) * u128::from(tiles - k0) / u128::from(k1 - k0);
                p0 + share as u64
            }
            _ => p0,
        }
    }

    /// Times of one hop.
    pub fn hop(&self, kind: LinkKind) -> UnitPs {
        match kind {
            LinkKind::EastWest => self.hop_east_west,
            LinkKind::NorthSouth => self.hop_north_south,
            LinkKind::Chip => self.hop_chip,
        }
    }
}

impl Target {
    /// Whether weights of 0 take no memory and no synaptic operation.
    pub fn skips_zeros(&self) -> bool {
        self.synapses.zero_weights.get() == ZeroWeights::Skipped
    }

    /// This target for a model with narrower weights, as if it had been described for weights of that width: a
    /// crossbar spends axons on the bits in use only, and memory that stores weights of any width holds more of them.
    #[must_use]
    pub fn for_weight_bits(&self, bits: u32) -> Self {
        let mut target = self.clone();
        let (core, synapses) = (&mut target.core, &mut target.synapses);
        let widest = synapses.weight_bits.get();
        let narrow = bits.clamp(1, widest);
        match synapses.weight_storage.get() {
            WeightStorage::Fixed => {}
            WeightStorage::AnyWidth => synapses.weight_bits.0 = narrow,
            WeightStorage::Columns => {
                let stored = narrow.next_power_of_two().min(widest);
                core.neurons.0 = core.neurons.0.saturating_mul(widest / stored);
                synapses.weight_bits.0 = stored;
            }
        }
        if let InputAxonKind::BitPlanes { planes } = &mut target.axons.input.0 {
            *planes = synapses.weight_bits.0.max(2);
        }
        target
    }

    /// Times as integers. Call [`Target::check`] first.
    pub fn timing(&self) -> Timing {
        let t = &self.timing;
        let unit = |u: &UnitTime| UnitPs {
            latency_ps: milli(u.latency_ns.get()),
            interval_ps: milli(u.interval_ns.get()),
        };
        let nothing = UnitPs { latency_ps: 0, interval_ps: 0 };
        Timing {
            clock_ps: milli(t.clock_ns.get()),
            synaptic_operation: unit(&t.synaptic_operation),
            neuron_update_active: unit(&t.neuron_update_active),
            neuron_update_inactive: unit(&t.neuron_update_inactive),
            neuron_spike: t.neuron_spike.as_ref().map_or(nothing, unit),
            axon_in: unit(&t.axon_in),
            axon_out: unit(&t.axon_out),
            tile_delivery: unit(&t.tile_delivery),
            hop_east_west: unit(&t.hop_east_west),
            hop_north_south: unit(&t.hop_north_south),
            hop_chip: unit(&t.hop_chip),
            host_write: unit(&t.host_write),
            host_read: unit(&t.host_read),
            host_multiply_add: t.host_multiply_add.as_ref().map_or(nothing, unit),
            host_synchronisation: t.host_synchronisation.as_ref().map_or(nothing, unit),
            input_packet: t.input_packet.as_ref().map_or(nothing, unit),
            receive_path: t.receive_path(),
            send_path: t.send_path(),
            barrier_ps: t.barrier.points_ns.0.iter().map(|&(tiles, ns)| (tiles, milli(ns))).collect(),
            between_linear: t.barrier.between.0 == Between::Linear,
        }
    }

    /// Every time constant of units and links with its field name.
    pub fn unit_times(&self) -> Vec<(&'static str, &UnitTime)> {
        let t = &self.timing;
        let optional = [
            ("neuron_spike", &t.neuron_spike),
            ("input_packet", &t.input_packet),
            ("host_multiply_add", &t.host_multiply_add),
            ("host_synchronisation", &t.host_synchronisation),
        ];
        let given = optional.into_iter().filter_map(|(name, unit)| Some((name, unit.as_ref()?)));
        let always = [
            ("synaptic_operation", &t.synaptic_operation),
            ("neuron_update_active", &t.neuron_update_active),
            ("neuron_update_inactive", &t.neuron_update_inactive),
            ("axon_in", &t.axon_in),
            ("axon_out", &t.axon_out),
            ("tile_delivery", &t.tile_delivery),
            ("hop_east_west", &t.hop_east_west),
            ("hop_north_south", &t.hop_north_south),
            ("hop_chip", &t.hop_chip),
            ("host_write", &t.host_write),
            ("host_read", &t.host_read),
        ];
        always.into_iter().chain(given).collect()
    }
}

/// Nanoseconds as picoseconds, rounded.
pub fn picoseconds(ns: f64) -> u64 {
    milli(ns)
}

/// Thousandths, rounded: ns to ps, mW to uW.
fn milli(value: f64) -> u64 {
    (value * 1e3).round() as u64
}
