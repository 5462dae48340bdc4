//! What a target file must keep: every limit, format and constant within the range that this simulator computes with.

use crate::schema::{
    FORMAT, InputAxonKind, KernelSharing, OutputAxonKind, RoutingScheme, Target, UnitTime, WeightStorage,
};
use crate::topology::{Direction, Routing as _};
use crate::{Code, Diagnostic, Diagnostics, Place, Subject};

/// Most tiles along a side of a system: ways over the mesh are kept link by link.
const SIDE_MAX: u32 = 1 << 14;

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
        self.check_neurons(&mut need);
        self.check_constants(&mut need);
        if let Some(network) = &self.network {
            let channels = u64::from(network.virtual_channels.0)
                * (Direction::COUNT as u64 + u64::from(t.cores_per_tile.0));
            need(channels <= 64, "network.virtual_channels", "at most 64 with 4 + cores_per_tile ports");
        }
        problems.into_result(())
    }

    /// Whether widths and options of the neurons go together.
    fn check_neurons(&self, need: &mut impl FnMut(bool, &str, &str)) {
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
    }

    /// Whether constants of time and energy are numbers in their ranges.
    fn check_constants(&self, need: &mut impl FnMut(bool, &str, &str)) {
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
        self.check_ranges(need);
        self.check_time_ranges(need);
        need(self.timing.clock_ns.0 >= 0.001, "timing.clock_ns", "at least 0.001");
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
