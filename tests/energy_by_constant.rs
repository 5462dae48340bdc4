//! What a report prints by constant is what was charged: on every built-in target that can be simulated, for both
//! example models and, where those lose part of their membrane and the target cannot, for a network of perfect
//! integrators.

use crate::common;
use std::path::Path;

use indexmap::IndexMap;
use snnc::report::{ReportInput, text};
use snnc_compiler::driver::{CompileOptions, compile};
use snnc_compiler::frontend::{LoadedModel, load};
use snnc_compiler::graph::{Builder, Op};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::{NetworkId, Shape};
use snnc_compiler::layers::{Conv, If, Input, MeanOverTime};
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::weights::Tensor;
use snnc_simulator::charge::{Meter, Prices, RunRecord};
use snnc_simulator::counts::SliceTable;
use snnc_simulator::execute::Chip;
use snnc_simulator::time::Fidelity;
use snnc_targets::{EnergyEvent, StaticPower, Target, registry};

/// Three layers of integrators and a read-out; weights are quarters.
fn integrators() -> LoadedModel {
    let conv = |inputs: usize, outputs: usize| {
        let weights = (0..inputs * outputs).map(|i| f64::from(i as u32 % 5) / 4.0 - 0.25).collect();
        Op::Conv(Conv::new(Tensor::new(vec![outputs, inputs, 1, 1], weights)))
    };
    let fires = || Op::If(If::new(1.0));
    let ops = [
        Op::Input(Input::constant(Shape::new(2, 4, 4))),
        conv(2, 8),
        fires(),
        conv(8, 8),
        fires(),
        conv(8, 8),
        fires(),
        conv(8, 3),
        Op::MeanOverTime(MeanOverTime),
    ];
    let graph = Builder::chain("net", 8, ops).finish().unwrap();
    LoadedModel {
        name: "integrators".into(),
        graphs: IndexMap::from([("net".into(), graph)]),
        pipeline: None,
        origin: Default::default(),
    }
}

/// Ones and zeros, which are also rows of any table.
fn input(program: &Program, network: NetworkId, image: usize) -> Vec<f64> {
    let model = &program.model;
    let mut inputs = model.inputs.iter().filter(|i| model.populations[i.population].network == network);
    let length = inputs.next().map_or(0, |input| input.input.len());
    (0..length).map(|i| f64::from((i + image) as u32 % 2)).collect()
}

/// Runs every network twice and compares report and ledger.
fn constants_add_up(program: &Program) {
    let (chip, slices) = (Chip::new(program.clone()), SliceTable::new(program));
    let meter = Meter::new(program, &slices, Fidelity::Analytic).unwrap();
    let mut run = RunRecord::new(&meter);
    for image in 0..2 {
        let mut record = meter.item(image);
        for (pass, network) in program.model.networks.keys().enumerate() {
            let outcome = chip.run(network, &input(program, network, image as usize)).unwrap();
            meter.add_pass(&mut record, pass, &outcome.counts, &outcome.traces);
        }
        run.push(&meter, &record);
    }
    let name = format!("{} on {}", program.model.name, program.target.name);
    let total = run.total.ledger.total();
    let prices = Prices::of(&program.target);
    let event = |event| run.total.charged.event_aj(&prices, event);
    let by_event: u128 = EnergyEvent::ALL.into_iter().map(event).sum();
    let by_power: u128 = StaticPower::ALL.into_iter().map(|power| run.total.charged.static_aj(power)).sum();
    assert_eq!(by_event + by_power, total.total(), "{name}");
    assert_eq!(by_event, total.dynamic(), "{name}");

    let input = ReportInput {
        item_name: "image",
        program,
        warnings: &program.warnings(),
        slices: &slices,
        meter: &meter,
        run: &run,
        compile_s: 0.0,
        wall_s: 0.0,
        peak_memory_bytes: 0,
    };
    let report = input.report();
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * a.abs().max(b.abs()).max(1e-30);
    let time = report.totals.time_s.unwrap();
    for k in &report.energy_constants {
        // Prices are rounded to attojoules and picowatts, a pass's static energy to attojoules.
        let expected = k.value * k.events as f64 * if k.unit == "W" { time } else { 1.0 };
        assert!((k.energy_j - expected).abs() <= 1e-9 * expected + 1e-16, "{name}: {k:?}, {expected}");
    }
    let sum = |joules: &mut dyn Iterator<Item = f64>| near(joules.sum(), report.totals.energy_j);
    assert!(sum(&mut report.energy_constants.iter().map(|k| k.energy_j)), "{name}: constants");
    assert!(sum(&mut report.cores.iter().map(|c| c.energy_j)), "{name}: cores");
    assert!(sum(&mut report.layers.iter().map(|l| l.energy_j)), "{name}: layers");
    assert!(sum(&mut report.iterations.iter().map(|i| i.energy_j)), "{name}: iterations");
    assert!(sum(&mut report.energy_j.iter().map(|(_, j)| j)), "{name}: components");
    assert!(report.totals.energy_j > 0.0 && report.totals.spikes > 0, "{name}");
    let printed = text::print(&report);
    assert!(report.energy_constants.iter().all(|k| printed.contains(&k.name)), "{name}: {printed}");
    assert_eq!(printed.contains("repeats work"), program.target.axons.repeats_work(), "{name}");
}

#[test]
fn constants_add_up_to_the_total_on_every_target() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/feed-forward/model.ron");
    let models = [common::model(), load(&path).unwrap(), integrators()];
    // How long the search takes for a fast mapping is of no use here.
    let mut options = CompileOptions::fewest_cores();
    options.place.effort = Effort::Fast;
    let targets = registry::names().map(|name| registry::load(name).unwrap());
    for target in targets.filter(|target| target.neuron.timesteps.get()) {
        let fits = |model: &LoadedModel| Some(compile(model, &target, options).ok()?.1);
        let programs: Vec<Program> = models.iter().filter_map(fits).collect();
        assert!(!programs.is_empty(), "{} holds none", target.name);
        // What is refused, and why, is in the snapshots of mappings.
        assert_eq!(programs.len(), held(&target), "{}", target.name);
        programs.iter().for_each(constants_add_up);
    }
}

/// Models that a target holds: only integrators without a leak that is a fraction; a crossbar no wide layers.
fn held(target: &Target) -> usize {
    match (target.neuron.decay_bits.get(), target.axons.repeats_work()) {
        (0, true) => 1,
        (0, false) => 2,
        _ => 3,
    }
}
