//! Drives both sides.

use std::sync::Arc;

use rayon::prelude::*;
use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::ir::{NetworkId, PopulationId, Shape};
use snnc_compiler::reference::Trace;
use snnc_simulator::counts::Grain;
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_simulator::host::{ChipStepper, Generation, PhiloxUniforms, Stepper, generate, pixels};
use snnc_targets::{Diagnostic, Diagnostics};

use super::Comparison;
use super::layerwise::Layerwise;
use super::sums::Sums;
use crate::float_stepper::FloatStepper;
use crate::generation::{IMAGES_MAX, check_images, loop_of};

/// One in so many denoiser passes is also checked layer by layer.
const CHECKED: usize = 16;

/// Spikes of every firing population of a pass, `[timestep][c, h, w]`.
type PassSpikes = Vec<(PopulationId, Vec<Vec<bool>>)>;

/// What to compare.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Number of images, at least 1.
    pub images: u64,
    /// Seed of the common random numbers.
    pub seed: u64,
    /// Denoiser passes recorded for the rounding, for the report.
    pub calibration_passes: u64,
}

/// Compares a compiled model with its float reference over some images; `done` is told after each iteration.
///
/// # Errors
/// [`snnc_targets::Code::Unsupported`] without a generation pipeline, or what the float reference refuses.
pub fn compare(
    model: &LoadedModel,
    (ir, program): (SpikingIr, &Arc<Program>),
    options: Options,
    done: &(dyn Fn() + Sync),
) -> Result<Comparison, Diagnostics> {
    let generation = loop_of(program)?;
    check_images(options.images, IMAGES_MAX)?;
    let sides = Sides {
        float: FloatStepper::new(model)?,
        chip: Chip::new(program.clone()),
        layerwise: Layerwise::new(model, ir)?,
        generation,
    };
    // As many images at once as there are cores: an image under way holds the spikes of all its passes.
    let chunk = rayon::current_num_threads().max(1) as u64;
    let mut sums = Sums::default();
    for first in (0..options.images).step_by(chunk as usize) {
        let images: Vec<Sums> = (first..options.images.min(first + chunk))
            .into_par_iter()
            .map(|image| sides.image(PhiloxUniforms::new(options.seed, image), done))
            .collect::<Result<_, Diagnostic>>()?;
        images.into_iter().for_each(|image| sums.merge(image));
    }
    Ok(sums.comparison(program, options.calibration_passes, options.seed))
}

struct Sides<'a> {
    float: FloatStepper<'a>,
    chip: Chip,
    layerwise: Layerwise,
    generation: Generation,
}

impl Sides<'_> {
    /// One image: the chip alone first, then the float trajectory with the chip beside it.
    fn image(&self, uniforms: PhiloxUniforms, done: &(dyn Fn() + Sync)) -> Result<Sums, Diagnostic> {
        let parameters = self.generation.parameters;
        let mut free_spikes = Vec::new();
        let mut observe =
            |outcome: &PassOutcome| free_spikes.push(spikes(&self.chip, outcome.counts.network, outcome));
        let free =
            ChipStepper::observed(&self.chip, &self.generation, (Grain::Pass, &mut observe), |alone| {
                generate(&parameters, alone, &uniforms, &mut |_| {})
            })?;
        let mut both = Both {
            sides: self,
            uniforms,
            sums: Sums::default(),
            row: 0,
            free: free_spikes.into_iter(),
            decoded: Vec::new(),
        };
        let forced = generate(&parameters, &mut both, &uniforms, &mut |_| done())?;
        let [float, chip, free_image] = [&forced.membrane, &both.decoded, &free.membrane].map(|m| pixels(m));
        let last = |tokens: &[Vec<u32>]| tokens.last().cloned().unwrap_or_default();
        let tokens = (last(&forced.tokens), last(&free.tokens));
        let mut sums = both.sums;
        sums.image(self.image_shape(), (&tokens.0, &tokens.1), [&float, &chip, &free_image]);
        Ok(sums)
    }

    /// Shape of the decoder's read-out.
    fn image_shape(&self) -> Shape {
        self.float.decoder().output_shape()
    }
}

/// Answers the loop with the float reference and asks the chip the same.
struct Both<'a, 'm> {
    sides: &'a Sides<'m>,
    uniforms: PhiloxUniforms,
    sums: Sums,
    row: usize,
    /// Spikes of the freely running chip, pass by pass.
    free: std::vec::IntoIter<PassSpikes>,
    /// The chip's membrane for the float's final tokens.
    decoded: Vec<f64>,
}

impl Both<'_, '_> {
    /// Runs the chip on an input that the float reference has just answered, and compares their spikes.
    fn chip(&mut self, network: NetworkId, input: &[f64], trace: &Trace) -> Result<Vec<f64>, Diagnostic> {
        let chip = &self.sides.chip;
        let mut outcome = chip.run(network, input)?;
        let model = &chip.program.model;
        let forced = spikes(chip, network, &outcome);
        let free = self.free.next().unwrap_or_default();
        for (sums, passes) in [(&mut self.sums.spikes, forced), (&mut self.sums.free_spikes, free)] {
            for (id, steps) in passes {
                let Some(float) = trace.spikes(&model.populations[id].name) else { continue };
                let layer = sums.entry(id).or_default();
                float.iter().zip(&steps).for_each(|(float, chip)| layer.add(float, chip));
            }
        }
        for events in outcome.counts.steps.iter().flat_map(|step| &step.events) {
            self.sums.saturation.accumulator += events.accumulator_overflows;
            self.sums.saturation.state += events.state_saturations;
        }
        self.sums.saturation.bias += outcome.counts.bias_saturations;
        if self.row.is_multiple_of(CHECKED) || network == self.sides.generation.decoder {
            for (id, check) in self.sides.layerwise.check(network, input, trace) {
                self.sums.checks.entry(id).or_default().merge(&check);
            }
        }
        Ok(outcome.readouts.swap_remove(0))
    }
}

impl Stepper for Both<'_, '_> {
    fn denoise(&mut self, tokens: &[u32], t: u32) -> Result<Vec<f64>, Diagnostic> {
        let (float, generation) = (&self.sides.float, self.sides.generation);
        let trace = float.denoiser_trace(tokens, t)?;
        let mut input: Vec<f64> = tokens.iter().map(|&token| f64::from(token)).collect();
        input.resize(tokens.len() * 2, f64::from(t));
        let chip = self.chip(generation.denoiser, &input, &trace)?;
        let float = trace.output().data.clone();
        self.sums.logits(&generation.parameters, &self.uniforms, self.row, tokens, (&float, &chip));
        self.row += 1;
        Ok(float)
    }

    fn decode(&mut self, tokens: &[u32]) -> Result<Vec<f64>, Diagnostic> {
        let trace = self.sides.float.decoder_trace(tokens)?;
        let input: Vec<f64> = tokens.iter().map(|&token| f64::from(token)).collect();
        self.decoded = self.chip(self.sides.generation.decoder, &input, &trace)?;
        Ok(trace.output().data.clone())
    }
}

/// Spikes of the network's firing populations.
fn spikes(chip: &Chip, network: NetworkId, outcome: &PassOutcome) -> PassSpikes {
    let populations = chip.program.model.populations_of(network);
    let firing = populations.filter(|(_, p)| p.dynamics.fires());
    firing.map(|(id, _)| (id, chip.spikes(outcome, id))).collect()
}
