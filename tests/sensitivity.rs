//! What a run says of its constants: each at the ends of its range, against runs of chips that have those values.

use std::path::Path;

use snnc::samples::input::{self, SampleShape};
use snnc::{Code, CompileOptions, Fidelity, Model, Program, Report, Samples, Session, SessionOptions};
use snnc_compiler::ir::NetworkId;

const NET: NetworkId = NetworkId(0);

/// The event classifier on `loihi-like`, and three samples of it.
fn classifier() -> (Program, Samples) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/bars-events");
    let model = Model::load(folder.join("model.ron")).unwrap();
    let target = snnc::target("loihi-like").unwrap();
    let program = model.compile(&target, &CompileOptions::fewest_cores()).unwrap();
    let spiking = &program.mapped().model;
    let shape = SampleShape::of_compiled(spiking, NET).unwrap();
    let trains = input::trains(&folder.join("inputs.npy"), shape, Some(3)).unwrap();
    let samples = Samples::of_trains(spiking, NET, trains).unwrap();
    (program, samples)
}

/// The same program on a chip that differs.
fn on_another(program: &Program, change: impl FnOnce(&mut snnc::Target)) -> Program {
    let mut mapped = (**program.mapped()).clone();
    change(&mut mapped.target);
    mapped.target.timing.ranges.clear();
    mapped.target.energy.ranges.clear();
    Program::from(mapped)
}

fn report(program: &Program, samples: &Samples) -> Report {
    Session::new(program, SessionOptions::default()).unwrap().run(samples).unwrap().report()
}

#[test]
fn each_end_is_what_a_chip_with_that_value_takes() {
    let (program, samples) = classifier();
    let session = Session::with_sensitivity(&program, SessionOptions::default(), Vec::new()).unwrap();
    let told = session.run(&samples).unwrap().report();
    let near = |a: f64, b: f64| assert!((a - b).abs() <= 1e-9 * b.abs(), "{a} {b}");
    let ends = |group: &str, constant: &str| {
        let row = told.sensitivity.iter().find(|row| row.group == group && row.constant == constant).unwrap();
        (row.time_s, row.energy_j)
    };
    let (time, energy) = ends("time", "synaptic_operation");
    for (interval, seconds, joules) in [(3.1, time.low, energy.low), (4.7, time.high, energy.high)] {
        let other = report(
            &on_another(&program, |chip| chip.timing.synaptic_operation.interval_ns.0 = interval),
            &samples,
        );
        near(seconds, other.totals.time_s.unwrap());
        near(joules, other.totals.energy_j);
    }
    let (time, energy) = ends("energy", "hop_north_south_pj");
    let other = report(&on_another(&program, |chip| chip.energy.hop_north_south_pj.0 = 4.2), &samples);
    assert_eq!(time.low, time.high);
    near(energy.high, other.totals.energy_j);
    let (_, energy) = ends("energy", "static_uw_per_core");
    let other = report(
        &on_another(&program, |chip| chip.energy.static_uw_per_core.as_mut().unwrap().0 = 0.0),
        &samples,
    );
    near(energy.low, other.totals.energy_j);
    // The ones that move energy most come first, and a plain run says the same of its ends.
    let spans: Vec<f64> = told.sensitivity.iter().map(|row| row.energy_j.high - row.energy_j.low).collect();
    assert!(spans.is_sorted_by(|a, b| a >= b), "{spans:?}");
    let plain = report(&program, &samples);
    assert!(plain.sensitivity.is_empty() && !told.sensitivity.is_empty());
    assert_eq!((plain.time_range_s, plain.energy_range_j), (told.time_range_s, told.energy_range_j));
    assert!(told.to_string().contains("all together"), "{told}");
}

#[test]
fn the_report_of_a_sensitivity_follows_the_schema() {
    let (program, samples) = classifier();
    let session = Session::with_sensitivity(&program, SessionOptions::default(), Vec::new()).unwrap();
    let report = serde_json::to_value(session.run(&samples).unwrap().report()).unwrap();
    let schema: serde_json::Value = serde_json::from_str(include_str!("../docs/report.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> =
        schema.iter_errors(&report).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert_eq!(problems, [""; 0]);
    // Packets of a spike to the same core again are counted: this network has a cut kernel.
    let packets = &report["mapping"]["packets"];
    assert!(packets["sent"].as_u64() >= packets["neurons_and_cores"].as_u64(), "{packets}");
}

#[test]
fn simulated_times_have_no_sensitivity() {
    let (program, _) = classifier();
    for fidelity in [Fidelity::None, Fidelity::Cycle { every: 4 }] {
        let options = SessionOptions { fidelity, ..SessionOptions::default() };
        assert_eq!(
            Session::with_sensitivity(&program, options, Vec::new()).unwrap_err().code,
            Code::Argument
        );
    }
}
