//! Drives both sides.

use std::collections::BTreeMap;

use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::Generation;
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_compiler::reference::Trace;
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_simulator::host::{
    ChipStepper, LoopParameters, PhiloxUniforms, Stepper, Trajectory, Uniforms, generate, pixels, sample,
};
use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::metrics::{Mean, Spikes, kl, pixel_mse, ratio};
use super::{Comparison, LayerComparison, LogitComparison, PixelComparison, TokenComparison};
use crate::float_stepper::FloatStepper;
use crate::generation::loop_of;

/// Compares a compiled model with its float reference over some images; `done` is told after each iteration.
///
/// # Errors
/// [`Code::Unsupported`] without a generation pipeline, or what the float reference refuses.
pub fn compare(
    model: &LoadedModel,
    program: &Program,
    images: u64,
    seed: u64,
    done: &mut dyn FnMut(),
) -> Result<Comparison, Diagnostics> {
    let generation = loop_of(program)?;
    if images == 0 {
        return Err(Diagnostic::new(Code::Argument, "--images 0", "expected at least one image").into());
    }
    let mut float = FloatStepper::new(model)?;
    let chip = Chip::new(program);
    let mut sums = Sums::default();
    for image in 0..images {
        let uniforms = PhiloxUniforms::new(seed, image);
        let parameters = LoopParameters::from(generation);
        let mut both = Both {
            float: &mut float,
            chip: &chip,
            generation,
            uniforms: &uniforms,
            sums: &mut sums,
            row: 0,
            decoded: Vec::new(),
        };
        let forced = generate(&parameters, &mut both, &uniforms, &mut |_| done());
        let decoded = both.decoded;
        sums.mse.add(pixel_mse(&pixels(&forced.membrane), &pixels(&decoded)));
        let mut observe = |_: &PassOutcome| {};
        let mut alone = ChipStepper::new(&chip, generation, &mut observe);
        let free = generate(&parameters, &mut alone, &uniforms, &mut |_| {});
        sums.free_running(&forced, &free);
    }
    Ok(sums.comparison(program, images, seed))
}

#[derive(Default)]
struct Sums {
    spikes: BTreeMap<PopulationId, Spikes>,
    max_abs_error: f64,
    squared_error: Mean,
    kl: Mean,
    drawn: u64,
    equal: u64,
    free_equal: Mean,
    mse: Mean,
    free_mse: Mean,
    overflows: u64,
}

/// Answers the loop with the float reference and asks the chip the same.
struct Both<'a, 'm> {
    float: &'a mut FloatStepper<'m>,
    chip: &'a Chip<'a>,
    generation: &'a Generation,
    uniforms: &'a PhiloxUniforms,
    sums: &'a mut Sums,
    row: usize,
    /// The chip's membrane for the float's final tokens.
    decoded: Vec<f64>,
}

impl Both<'_, '_> {
    /// Compares logits over the masked positions, and tokens over those drawn.
    fn logits(&mut self, tokens: &[u32], t: u32, float: &[f64], chip: &[f64]) {
        let g = self.generation;
        let positions = tokens.len();
        let of = |logits: &[f64], p: usize| -> Vec<f64> {
            logits.iter().skip(p).step_by(positions).copied().collect()
        };
        for p in (0..positions).filter(|&p| tokens[p] as usize == g.mask) {
            let (float, chip) = (of(float, p), of(chip, p));
            for (a, b) in float.iter().zip(&chip) {
                self.sums.max_abs_error = self.sums.max_abs_error.max((a - b).abs());
                self.sums.squared_error.add((a - b) * (a - b));
            }
            self.sums.kl.add(kl(&float, &chip, g.temperature));
            if self.uniforms.unmask(self.row, p) < 1.0 / f64::from(t) {
                let draw = |logits: Vec<f64>| {
                    sample(logits.into_iter(), g.temperature, self.uniforms.token(self.row, p))
                };
                self.sums.drawn += 1;
                self.sums.equal += u64::from(draw(float) == draw(chip));
            }
        }
        self.row += 1;
    }

    /// Runs the chip on an input that the float reference has just answered, and compares their spikes.
    fn chip(&mut self, network: NetworkId, input: &[f64], trace: &Trace) -> Vec<f64> {
        let mut outcome = self.chip.run(network, input);
        for (id, population) in self.chip.program.model.populations_of(network) {
            let Some(float) = trace.spikes(&population.name) else { continue };
            let layer = self.sums.spikes.entry(id).or_default();
            for (float, chip) in float.iter().zip(self.chip.spikes(&outcome, id)) {
                layer.add(float, &chip);
            }
        }
        let events = outcome.counts.steps.iter().flat_map(|step| &step.events);
        self.sums.overflows += outcome.counts.bias_saturations
            + events.map(|e| e.accumulator_overflows + e.state_saturations).sum::<u64>();
        outcome.readouts.swap_remove(0)
    }
}

impl Stepper for Both<'_, '_> {
    fn denoise(&mut self, tokens: &[u32], t: u32) -> Vec<f64> {
        let float = self.float.denoise(tokens, t);
        let mut input: Vec<f64> = tokens.iter().map(|&token| f64::from(token)).collect();
        input.resize(tokens.len() * 2, f64::from(t));
        if let Some(trace) = self.float.last_denoiser().cloned() {
            let chip = self.chip(self.generation.denoiser, &input, &trace);
            self.logits(tokens, t, &float, &chip);
        }
        float
    }

    fn decode(&mut self, tokens: &[u32]) -> Vec<f64> {
        let float = self.float.decode(tokens);
        let input: Vec<f64> = tokens.iter().map(|&token| f64::from(token)).collect();
        if let Some(trace) = self.float.last_decoder().cloned() {
            self.decoded = self.chip(self.generation.decoder, &input, &trace);
        }
        float
    }
}

impl Sums {
    /// Compares the float trajectory with that of the chip alone.
    fn free_running(&mut self, float: &Trajectory, chip: &Trajectory) {
        if let (Some(a), Some(b)) = (float.tokens.last(), chip.tokens.last()) {
            a.iter().zip(b).for_each(|(a, b)| self.free_equal.add(f64::from(u8::from(a == b))));
        }
        self.free_mse.add(pixel_mse(&pixels(&float.membrane), &pixels(&chip.membrane)));
    }

    fn comparison(self, program: &Program, images: u64, seed: u64) -> Comparison {
        let layer = |(&id, spikes): (&PopulationId, &Spikes)| {
            let (rate_float, rate_chip) = spikes.rates();
            LayerComparison {
                name: program.model.layer_name(id),
                spike_agreement: spikes.agreement(),
                spike_overlap: spikes.overlap(),
                rate_float,
                rate_chip,
            }
        };
        Comparison {
            model: program.model.name.clone(),
            target: program.target.name.clone(),
            images,
            seed,
            layers: self.spikes.iter().map(layer).collect(),
            logits: LogitComparison {
                max_abs_error: self.max_abs_error,
                rms_error: self.squared_error.get().sqrt(),
                kl: self.kl.get(),
            },
            tokens: TokenComparison {
                agreement: ratio(self.equal, self.drawn),
                drawn: self.drawn,
                free_running_agreement: self.free_equal.get(),
            },
            pixels: PixelComparison { mse: self.mse.get(), free_running_mse: self.free_mse.get() },
            overflows: self.overflows,
        }
    }
}
