//! The target's constants in the report: where they come from and what was charged with each.

use snnc_compiler::ir::program::Program;
use snnc_simulator::charge::{Bill, Component, Record, SliceTally};
use snnc_targets::{Provenance, Target};

use super::data::{EnergyConstant, ProvenanceSummary, Range, TargetInfo};

/// The target, and where its energy and time constants come from.
pub(super) fn target_info(target: &Target) -> TargetInfo {
    let mut provenance = ProvenanceSummary::default();
    for (name, value) in target.energy_constants() {
        file(&mut provenance, format!("energy.{name}"), &value.1);
    }
    for (name, unit) in target.unit_times() {
        file(&mut provenance, format!("timing.{name}.latency_ns"), &unit.latency_ns.1);
        file(&mut provenance, format!("timing.{name}.interval_ns"), &unit.interval_ns.1);
    }
    file(&mut provenance, "timing.barrier.points_ns".into(), &target.timing.barrier.points_ns.1);
    TargetInfo { name: target.name.clone(), description: target.description.clone(), provenance }
}

/// Constants with the events they were charged for: the same bill, cut another way.
pub(super) fn energy_constants(program: &Program, record: &Record) -> Vec<EnergyConstant> {
    let all = record.tally.total().total();
    let static_j = Bill::joules(record.ledger.total()[Component::Static]);
    let constants = program.target.energy_constants().into_iter();
    constants
        .map(|(name, sourced)| {
            let per_chip = name == "static_mw_per_chip";
            let unit = if per_chip { 1e-3 } else { 1e-12 };
            let value = sourced.0 * unit;
            let range = program.target.energy_range(name);
            let events = if per_chip { program.topology().chips.into() } else { events_of(name, &all) };
            EnergyConstant {
                name: name.into(),
                value,
                unit: if per_chip { "W" } else { "J" }.into(),
                provenance: sourced.1.kind().into(),
                source: sourced.1.text().into(),
                range: range.map(|r| Range { low: r.low * unit, high: r.high * unit }),
                range_source: range.map(|r| r.source.to_string()),
                events,
                energy_j: if per_chip { static_j } else { events as f64 * value },
            }
        })
        .collect()
}

/// How much of the energy rests on assumed energy constants.
pub(super) fn assumed_note(constants: &[EnergyConstant]) -> String {
    let sum = |c: &dyn Fn(&EnergyConstant) -> bool| {
        constants.iter().filter(|k| c(k)).map(|k| k.energy_j).sum::<f64>()
    };
    let (assumed, all) = (sum(&|k| k.provenance == "assumed"), sum(&|_| true));
    let share = if all > 0.0 { 100.0 * assumed / all } else { 0.0 };
    format!("{share:.1} % of the energy rests on assumed energy constants")
}

/// What the ends of the total mean.
pub(super) fn range_note(constants: &[EnergyConstant]) -> Option<String> {
    let ranged = constants.iter().filter(|k| k.range.is_some()).count();
    (ranged > 0).then(|| {
        format!(
            "the energy range has all {ranged} constants that have a range at their lowest, or all at their highest value"
        )
    })
}

fn file(summary: &mut ProvenanceSummary, name: String, provenance: &Provenance) {
    match provenance {
        Provenance::Measured(_) => summary.measured.push(name),
        Provenance::Published(_) => summary.published.push(name),
        Provenance::Derived(_) => summary.derived.push(name),
        Provenance::Assumed(_) => summary.assumed.push(name),
    }
}

/// Events that the constant of this name is charged for.
fn events_of(name: &str, all: &SliceTally) -> u64 {
    match name {
        "synaptic_operation_pj" => all.events.synaptic_operations,
        "neuron_update_active_pj" => all.events.updates_active,
        "neuron_update_inactive_pj" => all.events.updates_inactive,
        "neuron_spike_pj" => all.events.spikes,
        "axon_in_pj" => all.events.packets_received,
        "axon_out_pj" => all.events.packets_sent,
        "tile_delivery_pj" => all.deliveries,
        "hop_east_west_pj" => all.hops.east_west,
        "hop_north_south_pj" => all.hops.north_south,
        "hop_chip_pj" => all.hops.chip,
        "host_write_pj" => all.host_writes,
        "host_read_pj" => all.host_reads,
        _ => 0,
    }
}
