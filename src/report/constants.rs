//! The target's constants in the report: where they come from and what was charged with each.

use snnc_simulator::charge::{EnergyBreakdown, present};
use snnc_targets::{EnergyEvent, Provenance, Sourced, StaticPower, Target};

use super::ReportInput;
use super::data::{AreaConstant, EnergyConstant, Exact, ProvenanceSummary, Range, TargetInfo};

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
    TargetInfo {
        name: target.name.clone(),
        description: target.description.clone(),
        provenance,
        operating_point: target.operating_point.clone(),
        has_scaling_laws: Some(target.scaling.is_some() || target.operating_point.is_some()),
    }
}

/// What the area of the chips is made of.
pub(super) fn area_constants(target: &Target) -> Vec<AreaConstant> {
    let constant = |(name, value): (&str, &Sourced<f64>)| AreaConstant {
        name: name.into(),
        value: value.get(),
        provenance: value.1.kind().into(),
        source: value.1.text().into(),
    };
    target.area.iter().flat_map(|area| area.known()).map(constant).collect()
}

/// Constants with the events they were charged for: the ledger's energy, split by constant.
pub(super) fn energy_constants(input: &ReportInput) -> Vec<EnergyConstant> {
    let target = &input.program.target;
    let (charged, prices) = (&input.run.total.charged, input.meter.prices());
    let events = EnergyEvent::ALL.into_iter().filter_map(|event| {
        let count = u64::try_from(charged.events(event)).unwrap_or(u64::MAX);
        let (each, energy) = (Exact(prices.aj(event).into()), charged.event_aj(prices, event));
        let constant = constant(target, event.constant(&target.energy)?, ("J", 1e-12), count, energy);
        Some(EnergyConstant { value_aj: Some(each), ..constant })
    });
    let powers = StaticPower::ALL.into_iter().zip(present(input.program)).filter_map(|(power, count)| {
        let (each, energy) = (Exact(prices.pw(power).into()), charged.static_aj(power));
        let constant = constant(target, power.constant(&target.energy)?, ("W", power.watts()), count, energy);
        Some(EnergyConstant { value_pw: Some(each), ..constant })
    });
    events.chain(powers).collect()
}

fn constant(
    target: &Target,
    (name, sourced): (&str, &Sourced<f64>),
    (unit, factor): (&str, f64),
    events: u64,
    attojoules: u128,
) -> EnergyConstant {
    let range = target.energy_range(name);
    EnergyConstant {
        name: name.into(),
        value: sourced.0 * factor,
        unit: unit.into(),
        provenance: sourced.1.kind().into(),
        source: sourced.1.text().into(),
        range: range.map(|r| Range { low: r.low * factor, high: r.high * factor }),
        range_source: range.map(|r| r.source.to_string()),
        events,
        energy_j: EnergyBreakdown::joules(attojoules),
        energy_aj: Some(Exact(attojoules)),
        value_aj: None,
        value_pw: None,
    }
}

fn file(summary: &mut ProvenanceSummary, name: String, provenance: &Provenance) {
    match provenance {
        Provenance::Measured(_) => summary.measured.push(name),
        Provenance::Published(_) => summary.published.push(name),
        Provenance::Derived(_) => summary.derived.push(name),
        Provenance::Assumed(_) => summary.assumed.push(name),
    }
}
