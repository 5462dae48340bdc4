//! Passes of the generation loop as who looks on sees them: each once, in order, as the chip alone would run them.

use crate::common;
use snnc_compiler::driver::{CompileOptions, compile};
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::spiking::SpikingModel;
use snnc_simulator::charge::Meter;
use snnc_simulator::counts::{Grain, PassCounts};
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_simulator::time::Fidelity;
use snnc_simulator::workload::generation::LoopParameters;
use snnc_simulator::workload::{ChipDriver, Driver, Generation, Workload, drive};
use snnc_targets::{Code, Diagnostic, registry};

/// Remembers what a driver was asked.
struct Asked<'d, D> {
    inner: &'d mut D,
    passes: Vec<(NetworkId, Vec<f64>)>,
}

impl<D: Driver> Driver for Asked<'_, D> {
    fn pass(&mut self, network: NetworkId, input: &[f64]) -> Result<Vec<Vec<f64>>, Diagnostic> {
        self.passes.push((network, input.to_vec()));
        self.inner.pass(network, input)
    }
}

#[test]
fn every_pass_is_seen_once_in_order_and_costs_the_same_counted_as_one() {
    let target = registry::load("loihi-like").unwrap();
    let (_, program, _) = compile(&common::model(), &target, CompileOptions::fewest_cores()).unwrap();
    let chip = Chip::new(program.clone());
    let whole = Generation::new(&program.model, 5, 1).unwrap();
    let generation =
        Generation { parameters: LoopParameters { iterations: 12, ..whole.parameters }, ..whole };
    for grain in [Grain::Pass, Grain::Timestep] {
        let mut seen: Vec<PassCounts> = Vec::new();
        let mut observe = |outcome: &PassOutcome| seen.push(outcome.counts.clone());
        let (asked, image) = ChipDriver::observed(&chip, (grain, &mut observe), |inner| {
            let mut asked = Asked { inner, passes: Vec::new() };
            let image = drive(generation.begin(0), &mut asked, &mut || ()).unwrap();
            (asked.passes, image)
        });
        let mut unobserved = ChipDriver::unobserved(&chip);
        assert_eq!(image, drive(generation.begin(0), &mut unobserved, &mut || ()).unwrap());
        assert_eq!((asked.len(), seen.len()), (13, 13));
        let meter = Meter::new(&program, &chip.table, Fidelity::None).unwrap();
        let (mut shown, mut alone) = (meter.record(), meter.record());
        for (i, ((network, input), seen)) in asked.iter().zip(&seen).enumerate() {
            let outcome = chip.run(*network, input).unwrap();
            if grain == Grain::Timestep {
                assert_eq!(*seen, outcome.counts, "pass {i}");
            }
            meter.add_pass(&mut shown, i, seen, &[]);
            meter.add_pass(&mut alone, i, &outcome.counts, &[]);
        }
        assert_eq!(shown, alone);
    }
}

#[test]
fn inputs_of_another_shape_are_errors() {
    let target = registry::load("loihi-like").unwrap();
    let (_, program, _) = compile(&common::model(), &target, CompileOptions::fewest_cores()).unwrap();
    let chip = Chip::new(program.clone());
    let generation = Generation::new(&program.model, 5, 1).unwrap();
    let denoiser = program.model.networks[generation.denoiser].name.clone();
    for input in [&[][..], &[0.0; 97], &[0.0; 99]] {
        let error = chip.run(generation.denoiser, input).unwrap_err();
        assert_eq!((error.code, error.place.to_string()), (Code::LayerShape, format!("network {denoiser}")));
        let expected = format!("{} input values found, 98 expected for [2, 7, 7]", input.len());
        assert_eq!(error.message, expected);
    }
    assert_eq!(chip.run(NetworkId(9), &[0.0; 98]).unwrap_err().code, Code::Argument);
    let mut driver = ChipDriver::unobserved(&chip);
    assert_eq!(driver.pass(generation.decoder, &[0.0; 50]).unwrap_err().code, Code::LayerShape);
    // A loop over another grid.
    let parameters = LoopParameters { rows: 6, ..generation.parameters };
    let other = Generation { parameters, ..generation };
    let problem = drive(other.begin(0), &mut driver, &mut || ()).unwrap_err();
    assert_eq!(problem.code, Code::LayerShape);
}

#[test]
fn a_loop_that_does_not_fit_its_networks_is_refused_with_all_that_is_wrong() {
    let target = registry::load("loihi-like").unwrap();
    let (_, program, _) = compile(&common::model(), &target, CompileOptions::fewest_cores()).unwrap();
    let numbers: [(&str, f64, &str); 6] = [
        ("temperature", 0.0, "temperature is 0, expected a positive number"),
        ("iterations", 0.5, "iterations is 0.5, expected a whole number of 1 to 1048576"),
        ("iterations", 2e6, "iterations is 2000000, expected a whole number"),
        ("mask", 127.0, "the denoiser must have one read-out of shape [127, 7, 7]"),
        ("rows", 6.0, "the denoiser's inputs must have shape [2, 6, 7]"),
        ("columns", 8.0, "the decoder's inputs must have shape [1, 7, 8]"),
    ];
    let refused = |model: &SpikingModel, expected: &str| {
        let problems = Generation::new(model, 1, 1).unwrap_err();
        assert!(problems.codes().iter().all(|&code| code == Code::ProgramInvalid), "{problems}");
        assert!(problems.to_string().contains(expected), "expected {expected} in\n{problems}");
    };
    for (name, number, expected) in numbers {
        let mut model = program.model.clone();
        *model.workload.as_mut().unwrap().numbers.get_mut(name).unwrap() = number;
        refused(&model, expected);
    }
    let mut model = program.model.clone();
    model.readouts.clear();
    refused(&model, "the decoder must have one read-out");
    let spec = model.workload.as_mut().unwrap();
    spec.networks.remove("decoder");
    spec.numbers.remove("mask");
    refused(&model, "there is no decoder");
    refused(&model, "mask is NaN");
    let spec = model.workload.as_mut().unwrap();
    spec.kind = "walk".into();
    let problem = Generation::new(&model, 1, 1).unwrap_err().to_string();
    assert!(problem.contains("is driven by `walk`"), "{problem}");
}
