//! A chip description as a person reads it.

use snnc_targets::ranges::EnergyRange;
use snnc_targets::text_table::{TextTable, left, right};
use snnc_targets::time_ranges::RangeKnown;
use snnc_targets::{Sourced, Target};

/// Every constant with its provenance, and what rounding to the clock does to the times.
pub fn table(target: &Target) -> String {
    let mut text = format!("{}: {}\n", target.name, target.description);
    let clock = target.timing.clock_ns.get();
    let (t, c, s, n) = (&target.topology, &target.core, &target.synapses, &target.neuron);
    let mut section = |title: &str, rows: Vec<(String, String, String)>| {
        let mut table = TextTable::new(2, [left(""), right(""), left("")]);
        for (name, value, provenance) in rows {
            table.row([name, value, provenance]);
        }
        text += &format!("\n{title}\n{table}");
    };
    macro_rules! rows {
        ($from:expr; $($field:ident),*) => {
            vec![$((stringify!($field).to_owned(), format!("{:?}", $from.$field.0), $from.$field.1.to_string()),)*]
        };
    }
    let mut topology = rows!(t; mesh_columns, mesh_rows, cores_per_tile, chip_columns, chips_max, routing);
    let source = t.interconnect.as_ref().map_or("the default".into(), |joined| joined.1.to_string());
    topology.push(("interconnect".into(), t.interconnect().to_string(), source));
    section("topology", topology);
    let mut core = rows!(c; neurons, input_axons, output_axons, synapse_memory_bits);
    if let Some(profiles) = &c.threshold_profiles {
        core.push(("threshold_profiles".into(), profiles.0.to_string(), profiles.1.to_string()));
    }
    if let Some(merge) = &c.fan_in_merge {
        core.push(("fan_in_merge".into(), merge.0.to_string(), merge.1.to_string()));
    }
    section("core", core);
    let mut axons = rows!(target.axons; input, output);
    if let Some(most) = &target.axons.atoms_max {
        axons.push(("atoms_max".into(), most.0.to_string(), most.1.to_string()));
    }
    section("axons", axons);
    section(
        "synapses",
        rows!(s; weight_bits, weight_storage, index_bits, header_bits_per_list, kernel_sharing, zero_weights,
            delay_max),
    );
    let mut neuron = rows!(n; state_bits, accumulator_bits, accumulator_overflow, weight_shift, weight_shift_min,
            threshold_mantissa_bits, threshold_shift, threshold_comparison, decay_bits, bias_mantissa_bits,
            bias_exponent_max, active_windows, timesteps);
    for (name, most) in [
        ("threshold_max", &n.threshold_max),
        ("refractory_max", &n.refractory_max),
        ("floor_exponent_max", &n.floor_exponent_max),
    ] {
        neuron.extend(most.iter().map(|most| (name.into(), most.0.to_string(), most.1.to_string())));
    }
    let resets: Vec<String> = n.resets.0.iter().map(|reset| format!("{reset:?}")).collect();
    neuron.push(("resets".into(), resets.join(", "), n.resets.1.to_string()));
    let source = n.gated.as_ref().map_or("the default".into(), |gated| gated.1.to_string());
    neuron.push(("gated".into(), n.gated().to_string(), source));
    neuron.push(("programmable".into(), n.programmable.0.to_string(), n.programmable.1.to_string()));
    if let Some(current) = &n.synaptic_current {
        let rows = rows!(current; bits, overflow, decay_offset).into_iter();
        neuron.extend(rows.map(|(name, value, source)| (format!("current.{name}"), value, source)));
    }
    section("neuron", neuron);
    if let Some(layers) = &target.layer_cores {
        section("layer cores", layers.rows());
    }
    let energy = target.energy_constants();
    let energy = energy.iter().map(|(name, v)| ((*name).to_owned(), v.0.to_string(), v.1.to_string()));
    section("energy", energy.collect());
    if !target.energy.ranges.is_empty() {
        let row =
            |r: &EnergyRange| (r.constant.clone(), format!("{} to {}", r.low, r.high), r.source.to_string());
        section("ranges of energy", target.energy.ranges.iter().map(row).collect());
    }
    section("ranges of time", time_ranges(target));
    section("time (error if rounded to whole clocks)", times(target, clock));
    let area = target.area.clone().unwrap_or_default();
    section("area", area.parts().map(|(name, value)| known_or_not(name, value)).into());
    // Of a target that was scaled the laws are told below, with the point to which they brought it.
    match &target.scaling {
        Some(scaling) => section("supply, corner and clock", scaling.rows()),
        None if target.operating_point.is_none() => {
            section("supply, corner and clock", vec![known_or_not("laws of scaling", None)]);
        }
        None => {}
    }
    if let Some(network) = &target.network {
        let sizes = network.sizes().map(|(name, v)| (name.to_owned(), v.0.to_string(), v.1.to_string()));
        let times = network.times_ns().map(|(name, v)| (name.to_owned(), v.0.to_string(), v.1.to_string()));
        let source = network.allocation.as_ref().map_or("the default".into(), |joint| joint.1.to_string());
        let allocation = ("allocation".into(), format!("{:?}", network.allocation()), source);
        section("network", std::iter::once(allocation).chain(sizes).chain(times).collect());
    }
    if let Some(point) = &target.operating_point {
        text += &format!("\n{point}\n");
    }
    text
}

/// A row of a value that a target may leave out.
fn known_or_not(name: &str, value: Option<&Sourced<f64>>) -> (String, String, String) {
    match value {
        Some(value) => (name.to_owned(), value.0.to_string(), value.1.to_string()),
        None => (name.to_owned(), "unknown".to_owned(), "the target gives none".to_owned()),
    }
}

/// Every constant of time with its ends, or with why they are not known.
fn time_ranges(target: &Target) -> Vec<(String, String, String)> {
    let mut rows: Vec<(String, String, String)> = Vec::new();
    for constant in target.time_constants() {
        let reader = if constant.in_formula { "" } else { ", read by cycle timing alone" };
        let unit = match constant.unit {
            "x" => "times the table",
            unit => unit,
        };
        let (ends, source) = match target.time_range(&constant.name) {
            RangeKnown::Ends(range) => {
                (format!("{} to {} {unit}{reader}", range.low, range.high), range.source.to_string())
            }
            RangeKnown::Unknown(reason) => ("not known".to_owned(), reason.to_owned()),
            RangeKnown::Unsaid => ("not known".to_owned(), "the target does not say".to_owned()),
        };
        rows.push((constant.name, ends, source));
    }
    rows
}

fn times(target: &Target, clock: f64) -> Vec<(String, String, String)> {
    let mut rows = vec![("clock_ns".into(), clock.to_string(), target.timing.clock_ns.1.to_string())];
    for (name, unit) in target.unit_times() {
        for (kind, value) in [("latency_ns", &unit.latency_ns), ("interval_ns", &unit.interval_ns)] {
            let clocks = value.0 / clock;
            let error = if value.0 > 0.0 { (clocks.round() / clocks - 1.0) * 100.0 } else { 0.0 };
            let shown = format!("{} ({error:+.1} %)", value.0);
            rows.push((format!("{name}.{kind}"), shown, value.1.to_string()));
        }
    }
    for (name, path, given) in [
        ("receive_path", target.timing.receive_path(), &target.timing.receive_path),
        ("send_path", target.timing.send_path(), &target.timing.send_path),
    ] {
        let source = given.as_ref().map_or("the default".into(), |given| given.1.to_string());
        rows.push((name.into(), format!("{path:?}"), source));
    }
    let barrier = &target.timing.barrier;
    for &(tiles, ns) in &barrier.points_ns.0 {
        rows.push((format!("barrier of {tiles} tiles"), ns.to_string(), barrier.points_ns.1.to_string()));
    }
    rows
}
