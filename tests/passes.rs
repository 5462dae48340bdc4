//! Passes of the generation loop as who looks on sees them: each once, in order, as the chip alone would run them.

mod common;

use snnc_compiler::driver::{CompileOptions, compile};
use snnc_compiler::ir::NetworkId;
use snnc_simulator::charge::Meter;
use snnc_simulator::counts::{Grain, PassCounts};
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_simulator::host::{ChipStepper, Generation, LoopParameters, PhiloxUniforms, Stepper, generate};
use snnc_simulator::time::Fidelity;
use snnc_targets::{Code, Diagnostic, registry};

/// Remembers what the loop asked a stepper.
struct Asked<'s, S> {
    inner: &'s mut S,
    generation: &'s Generation,
    passes: Vec<(NetworkId, Vec<f64>)>,
}

impl<S: Stepper> Stepper for Asked<'_, S> {
    fn denoise(&mut self, tokens: &[u32], t: u32) -> Result<Vec<f64>, Diagnostic> {
        let mut input: Vec<f64> = tokens.iter().map(|&token| f64::from(token)).collect();
        input.resize(2 * tokens.len(), f64::from(t));
        self.passes.push((self.generation.denoiser, input));
        self.inner.denoise(tokens, t)
    }

    fn decode(&mut self, tokens: &[u32]) -> Result<Vec<f64>, Diagnostic> {
        let input = tokens.iter().map(|&token| f64::from(token)).collect();
        self.passes.push((self.generation.decoder, input));
        self.inner.decode(tokens)
    }
}

#[test]
fn every_pass_is_seen_once_in_order_and_costs_the_same_counted_as_one() {
    let target = registry::load("loihi-like").unwrap();
    let (_, program, _) = compile(&common::model(), &target, CompileOptions::default()).unwrap();
    let chip = Chip::new(program.clone());
    let generation = &Generation::of(&program.model).unwrap();
    let parameters = LoopParameters { iterations: 12, ..generation.parameters };
    let uniforms = PhiloxUniforms::new(5, 0);
    for grain in [Grain::Pass, Grain::Timestep] {
        let mut seen: Vec<PassCounts> = Vec::new();
        let mut observe = |outcome: &PassOutcome| seen.push(outcome.counts.clone());
        let (asked, trajectory) =
            ChipStepper::observed(&chip, generation, (grain, &mut observe), |stepper| {
                let mut asked = Asked { inner: stepper, generation, passes: Vec::new() };
                let trajectory = generate(&parameters, &mut asked, &uniforms, &mut |_| ()).unwrap();
                (asked.passes, trajectory)
            });
        let mut unobserved = ChipStepper::unobserved(&chip, generation);
        assert_eq!(trajectory, generate(&parameters, &mut unobserved, &uniforms, &mut |_| ()).unwrap());
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
    let (_, program, _) = compile(&common::model(), &target, CompileOptions::default()).unwrap();
    let chip = Chip::new(program.clone());
    let generation = &Generation::of(&program.model).unwrap();
    let denoiser = program.model.networks[generation.denoiser].name.clone();
    for input in [&[][..], &[0.0; 97], &[0.0; 99]] {
        let error = chip.run(generation.denoiser, input).unwrap_err();
        assert_eq!((error.code, error.place.to_string()), (Code::LayerShape, format!("network {denoiser}")));
        let expected = format!("{} input values found, 98 expected for [2, 7, 7]", input.len());
        assert_eq!(error.message, expected);
    }
    assert_eq!(chip.run(NetworkId(9), &[0.0; 98]).unwrap_err().code, Code::Argument);
    let mut stepper = ChipStepper::unobserved(&chip, generation);
    assert_eq!(stepper.denoise(&[0; 48], 1).unwrap_err().code, Code::LayerShape);
    assert_eq!(stepper.decode(&[0; 50]).unwrap_err().code, Code::LayerShape);
    // A loop over another grid.
    let parameters = LoopParameters { rows: 6, ..generation.parameters };
    let problem = generate(&parameters, &mut stepper, &PhiloxUniforms::new(5, 0), &mut |_| ()).unwrap_err();
    assert_eq!(problem.code, Code::LayerShape);
}
