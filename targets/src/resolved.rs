//! Targets resolved once: units turned into integers, contradictions found.
//!
//! Energy in attojoules ([`crate::energy`]) and time in picoseconds are exact integers from here on, so that sums over
//! cores, layers and iterations agree to the last digit.

use serde::Serialize;

use crate::schema::{
    Between, CorePath, FORMAT, InputAxonKind, KernelSharing, OutputAxonKind, RoutingScheme, Target, UnitTime,
    WeightStorage, ZeroWeights,
};
use crate::topology::{LinkKind, Routing as _};
use crate::{Code, Diagnostic, Diagnostics, Place, Subject};

/// Most tiles along a side of a system: ways over the mesh are kept link by link.
const SIDE_MAX: u32 = 1 << 14;

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
    /// Finds contradictions and values out of range, all of them at once.
    ///
    /// # Errors
    /// [`Code::TargetInvalid`], one for each problem; `place` is `file` and the field.
    pub fn check(&self, file: &str) -> Result<(), Diagnostics> {
        let mut problems = Diagnostics::default();
        let mut need = |ok: bool, field: &str, expected: &str| {
            if !ok {
                problems.push(Diagnostic::new(
                    Code::TargetInvalid,
                    Place::from(Subject::Field(field.into())).within(file),
                    format!("expected {expected}"),
                ));
            }
        };
        need(self.format == FORMAT, "format", &format!("\"{FORMAT}\", found \"{}\"", self.format));
        if let Some(fault) = crate::names::fault(&self.name) {
            need(false, "name", &format!("a name to print, but it {fault}"));
        }
        self.check_counts(&mut need);
        self.check_board(&mut need);
        let t = &self.topology;
        if let RoutingScheme::Multicast { table_entries: Some(table_entries) } = t.routing.0 {
            let range = format!("1 to {} table entries, found {table_entries}", 1 << 24);
            need((1..=1 << 24).contains(&table_entries), "topology.routing", &range);
        }
        self.check_axons(&mut need);
        if let Some(scaling) = &self.scaling {
            scaling.check(&mut need);
        }
        if let Some(layers) = &self.layer_cores {
            layers.check(self, &mut need);
        }
        self.check_weight_storage(&mut need);
        let n = &self.neuron;
        need(n.weight_shift.0 < n.accumulator_bits.0, "neuron.weight_shift", "less than accumulator_bits");
        need(n.weight_shift_min.0 <= n.weight_shift.0, "neuron.weight_shift_min", "at most weight_shift");
        need(
            n.threshold_mantissa_bits.0 >= 1
                && n.threshold_mantissa_bits.0.saturating_add(n.threshold_shift.0) <= 31,
            "neuron.threshold_mantissa_bits",
            "1 or more, and at most 31 with threshold_shift",
        );
        if let Some(most) = &n.threshold_max {
            let one = u64::from(most.0) >= 1 << n.threshold_shift.0.min(32);
            need(one && most.0 <= 1 << 30, "neuron.threshold_max", "1 << threshold_shift to 2^30, or None");
        }
        let distinct = n.resets.0.iter().enumerate().all(|(i, reset)| !n.resets.0[..i].contains(reset));
        need(!n.resets.0.is_empty() && distinct, "neuron.resets", "one reset or more, each once");
        if let Some(most) = &n.refractory_max {
            need((1..=1 << 16).contains(&most.0), "neuron.refractory_max", "1 to 2^16, or None");
        }
        if let Some(most) = &n.floor_exponent_max {
            need(most.0 <= 30, "neuron.floor_exponent_max", "0 to 30, or None");
        }
        if let Some(current) = &n.synaptic_current {
            let one = 1u64 << n.decay_bits.0.min(16);
            let (bits, offset) = (current.bits.0, u64::from(current.decay_offset.0));
            need((8..=31).contains(&bits), "neuron.synaptic_current.bits", "8 to 31");
            need(offset <= one, "neuron.synaptic_current.decay_offset", "at most 2^decay_bits");
        }
        need(
            n.bias_mantissa_bits.0 >= 2 && n.bias_mantissa_bits.0.saturating_add(n.bias_exponent_max.0) <= 31,
            "neuron.bias_mantissa_bits",
            "2 or more, and at most 31 with bias_exponent_max",
        );
        let barrier = &self.timing.barrier.points_ns.0;
        need(
            !barrier.is_empty() && barrier.windows(2).all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1),
            "timing.barrier.points_ns",
            "one or more (tiles, ns), tiles ascending, ns never falling",
        );
        for (value, field) in self.reals() {
            // One event costs at most a microjoule and takes at most a second: sums then stay far inside 128 bits.
            let most = if field.starts_with("energy") { 1e6 } else { 1e9 };
            need(
                value.is_finite() && (0.0..=most).contains(&value),
                &field,
                &format!("a number from 0 to {most}"),
            );
        }
        self.check_ranges(&mut need);
        self.check_time_ranges(&mut need);
        need(self.timing.clock_ns.0 >= 0.001, "timing.clock_ns", "at least 0.001");
        if let Some(network) = &self.network {
            let channels = u64::from(network.virtual_channels.0) * (4 + u64::from(t.cores_per_tile.0));
            need(channels <= 64, "network.virtual_channels", "at most 64 with 4 + cores_per_tile ports");
        }
        problems.into_result(())
    }

    /// Whether the ways in which weights are stored go with the other formats.
    fn check_weight_storage(&self, need: &mut impl FnMut(bool, &str, &str)) {
        let s = &self.synapses;
        if self.skips_zeros() {
            let stored = |whole: bool, why: &str| (!whole, format!("Stored {why}"));
            let planes = matches!(self.axons.input.0, InputAxonKind::BitPlanes { .. });
            let crossbar = stored(planes, "with bit planes: a crossbar has a bit for every axon and neuron");
            let words =
                stored(self.layer_cores.is_some(), "with layer cores, which count words of whole kernels");
            for (holds, needed) in [crossbar, words] {
                need(holds, "synapses.zero_weights", &needed);
            }
            need(
                s.index_bits.0 >= 1,
                "synapses.index_bits",
                "1 or more where zero_weights are Skipped: each weight says where it belongs",
            );
        }
        match s.weight_storage.0 {
            WeightStorage::Columns => {
                let power = s.weight_bits.0.is_power_of_two();
                need(power, "synapses.weight_bits", "a power of two where weights take columns");
            }
            WeightStorage::AnyWidth => {
                let words = self.layer_cores.is_some();
                need(!words, "synapses.weight_storage", "Fixed with layer cores, which count words");
            }
            WeightStorage::Fixed => {
                let planes = matches!(self.axons.input.0, InputAxonKind::BitPlanes { .. });
                need(
                    !planes,
                    "synapses.weight_storage",
                    "AnyWidth with bit planes, whose axons are the bits",
                );
            }
        }
    }

    /// Every whole number within what the compiler and the simulator count with.
    fn check_counts(&self, need: &mut impl FnMut(bool, &str, &str)) {
        let (t, c, s, n) = (&self.topology, &self.core, &self.synapses, &self.neuron);
        let mut within = |value: u64, field: &str, (least, most): (u64, u64)| {
            need((least..=most).contains(&value), field, &format!("{least} to {most}"));
        };
        let (few, many) = ((1, 1 << 16), (1, 1 << 24));
        for (value, field, range) in [
            (&t.mesh_columns, "topology.mesh_columns", few),
            (&t.mesh_rows, "topology.mesh_rows", few),
            (&t.cores_per_tile, "topology.cores_per_tile", few),
            (&t.chip_columns, "topology.chip_columns", few),
            (&t.chips_max, "topology.chips_max", few),
            (&c.neurons, "core.neurons", many),
            (&c.input_axons, "core.input_axons", many),
            (&c.output_axons, "core.output_axons", many),
            (&s.weight_bits, "synapses.weight_bits", (1, 16)),
            (&s.index_bits, "synapses.index_bits", (0, 64)),
            (&s.header_bits_per_list, "synapses.header_bits_per_list", (0, 1 << 16)),
            (&s.delay_max, "synapses.delay_max", (1, 1 << 10)),
            (&n.state_bits, "neuron.state_bits", (8, 31)),
            (&n.accumulator_bits, "neuron.accumulator_bits", (8, 31)),
            (&n.decay_bits, "neuron.decay_bits", (0, 16)),
        ] {
            within(value.0.into(), field, range);
        }
        within(c.synapse_memory_bits.0, "core.synapse_memory_bits", (1, 1 << 40));
        for (value, field) in
            [(&c.threshold_profiles, "core.threshold_profiles"), (&self.axons.atoms_max, "axons.atoms_max")]
        {
            value.iter().for_each(|value| within(value.0.into(), field, many));
        }
        if let OutputAxonKind::Population { atoms_per_slot } = self.axons.output.get() {
            within(atoms_per_slot.into(), "axons.output", many);
        }
        for (field, value) in self.network.iter().flat_map(|network| network.sizes()) {
            within(value.0.into(), &format!("network.{field}"), (1, 1 << 12));
        }
    }

    /// The largest system: its cores, and the sides of its mesh.
    fn check_board(&self, need: &mut impl FnMut(bool, &str, &str)) {
        let t = &self.topology;
        let [columns, rows, cores, across, chips] =
            [&t.mesh_columns, &t.mesh_rows, &t.cores_per_tile, &t.chip_columns, &t.chips_max]
                .map(|count| u128::from(count.0));
        let high = chips.div_ceil(across.max(1));
        let chips_placed = if high > 1 { high * across } else { chips };
        let sites = [rows, cores, chips_placed].into_iter().fold(columns, u128::saturating_mul);
        let most = 1 << 24;
        need(
            sites <= most,
            "topology",
            &format!("at most {most} cores in the largest system, found {sites}"),
        );
        self.check_input_port(need);
        if let Some(network) = &self.network {
            let (joined, found) = (t.interconnect(), network.virtual_channels.get());
            let classes = joined.channel_classes();
            let expected =
                format!("at least {classes} on a {joined}, or packets wait in circles; found {found}");
            need(found >= classes, "network.virtual_channels", &expected);
        }
        let (width, height) = (columns * across.min(chips), rows * high);
        let sides = width.max(height) <= SIDE_MAX.into();
        need(
            sides,
            "topology",
            &format!("at most {SIDE_MAX} tiles along a side of the largest system, found {width} x {height}"),
        );
    }

    /// Where spikes from outside enter: on a chip, with a time and a price.
    fn check_input_port(&self, need: &mut impl FnMut(bool, &str, &str)) {
        let t = &self.topology;
        let (time, price) = (&self.timing.input_packet, &self.energy.input_packet_pj);
        let Some(port) = &t.input_port else {
            need(time.is_none(), "timing.input_packet", "None without topology.input_port");
            need(price.is_none(), "energy.input_packet_pj", "None without topology.input_port");
            return;
        };
        let ((x, y), (columns, rows)) = (port.get(), (t.mesh_columns.get(), t.mesh_rows.get()));
        need(
            x < columns && y < rows,
            "topology.input_port",
            &format!("a tile of a chip of {columns} x {rows}, found ({x}, {y})"),
        );
        need(
            time.is_some(),
            "timing.input_packet",
            "the time of a packet that enters at topology.input_port",
        );
        need(
            price.is_some(),
            "energy.input_packet_pj",
            "the energy of a packet that enters at topology.input_port",
        );
        let layer_cores = self.layer_cores.is_some();
        need(!layer_cores, "topology.input_port", "None with layer cores, which are not simulated");
    }

    /// Crossbars, copies and merged dendrites.
    fn check_axons(&self, need: &mut impl FnMut(bool, &str, &str)) {
        let (axons, core) = (&self.axons, &self.core);
        if let InputAxonKind::BitPlanes { planes } = axons.input.get() {
            let bits = self.synapses.weight_bits.get().max(2);
            need(planes == bits, "axons.input", &format!("{bits} planes, the bits of a weight (2 at least)"));
            // Otherwise lists would be stored in a way that a crossbar has not.
            let unshared = self.synapses.kernel_sharing.get() == KernelSharing::Unshared;
            need(unshared, "synapses.kernel_sharing", "Unshared with bit planes");
        }
        if axons.output.get() == OutputAxonKind::NeuronCopies {
            let most = core.neurons.get();
            need(
                core.output_axons.get() <= most,
                "core.output_axons",
                "at most core.neurons with NeuronCopies",
            );
        }
        if axons.output.get() == OutputAxonKind::NeuronCopies {
            let unicast = self.topology.routing.get() == RoutingScheme::Unicast;
            need(unicast, "topology.routing", "Unicast with NeuronCopies: each copy sends to one axon");
        }
        if axons.repeats_work() {
            let fixed = |name: &str| self.timing.ranges.iter().all(|range| range.constant != name);
            let untimed = |(name, unit): &(&str, &UnitTime)| unit.interval_ns.get() == 0.0 && fixed(name);
            let untimed = self.unit_times().iter().all(untimed);
            need(
                untimed,
                "timing",
                "intervals of 0 with bit planes or copies: their work is charged, not timed",
            );
            need(self.network.is_none(), "network", "None with bit planes or copies");
        }
        if let Some(merge) = &core.fan_in_merge {
            let power = merge.get().is_power_of_two() && (2..=1 << 10).contains(&merge.get());
            need(power, "core.fan_in_merge", "a power of two from 2 to 1024, or None");
            let discrete = axons.input.get() == InputAxonKind::Discrete;
            need(discrete, "axons.input", "Discrete with core.fan_in_merge");
        }
    }

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

    /// All real-valued fields with their paths, for the range check.
    fn reals(&self) -> Vec<(f64, String)> {
        let mut all = vec![(self.timing.clock_ns.0, "timing.clock_ns".to_owned())];
        for (name, unit) in self.unit_times() {
            all.push((unit.latency_ns.0, format!("timing.{name}.latency_ns")));
            all.push((unit.interval_ns.0, format!("timing.{name}.interval_ns")));
        }
        for (name, value) in self.energy_constants() {
            all.push((value.0, format!("energy.{name}")));
        }
        for (name, value) in self.network.iter().flat_map(|network| network.times_ns()) {
            all.push((value.0, format!("network.{name}")));
        }
        for (name, value) in self.area.iter().flat_map(|area| area.known()) {
            all.push((value.0, format!("area.{name}")));
        }
        for (i, point) in self.timing.barrier.points_ns.0.iter().enumerate() {
            all.push((point.1, format!("timing.barrier.points_ns[{i}]")));
        }
        all
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
