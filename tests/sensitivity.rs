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
    mapped.target.network.as_mut().unwrap().ranges.clear();
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
    let simulated = serde_json::to_value(simulated(&program, &samples, 4)).unwrap();
    let schema: serde_json::Value = serde_json::from_str(include_str!("../docs/report.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let problems: Vec<String> = [&report, &simulated]
        .into_iter()
        .flat_map(|report| schema.iter_errors(report))
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert_eq!(problems, [""; 0]);
    // Packets of a spike to the same core again are counted: this network has a cut kernel.
    let packets = &report["mapping"]["packets"];
    assert!(packets["sent"].as_u64() >= packets["neurons_and_cores"].as_u64(), "{packets}");
}

/// The same classifier with every timestep simulated, or one of so many.
fn simulated(program: &Program, samples: &Samples, every: u32) -> Report {
    let options = SessionOptions { fidelity: Fidelity::Cycle { every }, ..SessionOptions::default() };
    let session = Session::with_sensitivity(program, options, Vec::new()).unwrap();
    session.run(samples).unwrap().report()
}

#[test]
fn simulated_ends_are_what_a_chip_with_that_value_takes() {
    let (program, samples) = classifier();
    for every in [1, 4] {
        let told = simulated(&program, &samples, every);
        let options = SessionOptions { fidelity: Fidelity::Cycle { every }, ..SessionOptions::default() };
        let time = |change: &dyn Fn(&mut snnc::Target)| {
            let session = Session::new(&on_another(&program, change), options).unwrap();
            session.run(&samples).unwrap().report().totals.time_s.unwrap()
        };
        let row = |constant: &str| {
            told.sensitivity.iter().find(|row| row.group == "time" && row.constant == constant).unwrap()
        };
        let nominal = told.totals.time_s.unwrap();
        // A latency, a depth, an interval, a time of the network, and two that no packet of one chip meets.
        let latency = |chip: &mut snnc::Target, ns| chip.timing.axon_out.latency_ns.0 = ns;
        let depth = |chip: &mut snnc::Target, places| {
            chip.network.as_mut().unwrap().spike_queue_spikes.0 = places;
        };
        let interval = |chip: &mut snnc::Target, ns| chip.timing.axon_in.interval_ns.0 = ns;
        let credit = |chip: &mut snnc::Target, ns| chip.network.as_mut().unwrap().credit_latency_ns.0 = ns;
        let expected = [
            ("axon_out.latency_ns", time(&|chip| latency(chip, 0.0)), time(&|chip| latency(chip, 5.1))),
            ("network.spike_queue_spikes", time(&|chip| depth(chip, 4)), time(&|chip| depth(chip, 64))),
            ("axon_in", time(&|chip| interval(chip, 0.0)), time(&|chip| interval(chip, 16.0))),
            ("network.credit_latency_ns", time(&|chip| credit(chip, 0.0)), time(&|chip| credit(chip, 6.5))),
            ("hop_chip.latency_ns", nominal, nominal),
            ("network.chip_buffer_flits", nominal, nominal),
        ];
        for (constant, low, high) in expected {
            assert_eq!((row(constant).time_s.low, row(constant).time_s.high), (low, high), "{constant}");
        }
        assert!(row("axon_out.latency_ns").time_s.high > nominal && row("axon_in").time_s.high > nominal);
        let ends = told.time_range_s.unwrap();
        assert!(ends.low < nominal && nominal < ends.high, "{ends:?} {nominal}");
        assert!(told.time_constants.iter().all(|constant| constant.enters));
    }
}

/// The formula reads no latency of a chip and no queue: the report says so.
#[test]
fn what_does_not_enter_the_formula_is_told() {
    let (program, samples) = classifier();
    let session = Session::with_sensitivity(&program, SessionOptions::default(), Vec::new()).unwrap();
    let told = session.run(&samples).unwrap().report();
    let constant = |name: &str| told.time_constants.iter().find(|constant| constant.name == name).unwrap();
    for (name, enters) in [
        ("hop_chip", true),
        ("hop_chip.latency_ns", false),
        ("host_read.latency_ns", true),
        ("clock_ns", false),
        ("network.buffer_flits", false),
        ("barrier", true),
    ] {
        assert_eq!(constant(name).enters, enters, "{name}");
        assert!(enters || told.sensitivity.iter().all(|row| row.constant != name), "{name}");
    }
    let depth = constant("network.buffer_flits");
    assert_eq!((depth.value, depth.unit.as_str()), (24.0, "flits"));
    assert_eq!(depth.range.map(|range| (range.low, range.high)), Some((6.0, 96.0)));
    let unknown = constant("hop_east_west.latency_ns");
    assert!(unknown.range.is_none() && unknown.range_source.as_deref().unwrap().starts_with("not known: "));
    // Eight latencies, two credits and five depths have a range.
    let text = told.to_string();
    assert!(
        text.contains("15 constants with a range (latencies, routers, queue depths) do not enter"),
        "{text}"
    );
    assert!(text.contains("constants of time have no known range"), "{text}");
}

#[test]
fn without_a_time_there_is_no_sensitivity() {
    let (program, _) = classifier();
    let options = SessionOptions { fidelity: Fidelity::None, ..SessionOptions::default() };
    let refused = Session::with_sensitivity(&program, options, Vec::new()).unwrap_err();
    assert_eq!(refused.code, Code::Argument);
}
