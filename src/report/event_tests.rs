//! Every row of the energy table is counted, charged and reported.

use snnc_compiler::ir::PopulationId;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::NeuronModel;
use snnc_simulator::time::Fidelity;
use snnc_targets::energy::EventUnit;
use snnc_targets::{EnergyComponent, EnergyEvent, Provenance, Site, Sourced};

use crate::report::fixture::run_changed;

/// Flits of a packet in these tests.
const FLITS: u32 = 3;

/// One event costs 1 pJ and all others nothing, on a way with links of every kind; no static power.
fn charge_only(event: EnergyEvent, program: &mut Program) {
    program.sites = vec![Site(0), Site(129 + 32)].into();
    program.target.network.as_mut().unwrap().flits_per_packet.0 = FLITS;
    if event == EnergyEvent::InputPacket {
        // What the first core sends comes from outside instead.
        program.model.populations[PopulationId(0)].dynamics = NeuronModel::Port;
    }
    let energy = &mut program.target.energy;
    energy.ranges.clear();
    energy.static_mw_per_chip.0 = 0.0;
    (energy.static_uw_per_core, energy.static_uw_per_memory_kib) = (None, None);
    (energy.static_mw_per_unused_chip, energy.static_uw_per_unused_core) = (None, None);
    for other in EnergyEvent::ALL {
        let picojoules = if other == event { 1.0 } else { 0.0 };
        other.set_constant(energy, Sourced(picojoules, Provenance::Assumed("a test".into())));
    }
}

#[test]
fn an_event_that_is_counted_is_charged_and_reported() {
    for event in EnergyEvent::ALL {
        run_changed(
            Fidelity::Analytic,
            |program| charge_only(event, program),
            |input| {
                let report = input.report();
                let counted = input.run.total.tally.total().total().events[event];
                assert!(counted > 0, "{event:?} does not happen in the fixture, or nothing counts it");
                let flits = if event.unit() == EventUnit::Flit { FLITS } else { 1 };
                let charged = counted * u64::from(flits);
                let (name, _) = event.constant(&input.program.target.energy).unwrap();
                let constant = report.energy_constants.iter().find(|constant| constant.name == name);
                assert_eq!(constant.map(|constant| constant.events), Some(charged), "{event:?}");
                let expected = charged as f64 * 1e-12;
                let close = |found: f64, what: &str| {
                    assert!((found - expected).abs() < 1e-18, "{event:?}, {what}: {found}, not {expected}");
                };
                close(report.totals.energy_j, "total");
                close(constant.unwrap().energy_j, "constant");
                close(report.energy_j[event.component()], "component");
                close(report.layers.iter().map(|layer| layer.energy_j).sum(), "layers");
                close(report.cores.iter().map(|core| core.energy_j).sum(), "cores");
                close(report.iterations.iter().map(|iteration| iteration.energy_j).sum(), "iterations");
                close(report.per_image.iter().map(|image| image.energy_j).sum(), "images");
                assert_eq!(report.energy_j[EnergyComponent::Static], 0.0);
                assert!(super::text::print(&report).contains(name), "{event:?} is printed");
            },
        );
    }
}
