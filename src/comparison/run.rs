//! The generation loop on both sides.

use rayon::prelude::*;
use snnc_simulator::counts::Grain;
use snnc_simulator::execute::PassOutcome;
use snnc_simulator::workload::generation::{Diffusion, PhiloxUniforms, pixels};
use snnc_simulator::workload::{ChipDriver, Course, Generation, Workload, drive};
use snnc_targets::{Diagnostic, Diagnostics};

use super::Comparison;
use super::sides::Sides;
use super::sums::GenerationSums;
use crate::model::Model;
use crate::program::Program;
use crate::progress::{Progress, Stoppable, go_on};
use crate::session::{ITEMS_MAX, check_count};
use crate::shard::Shard;

/// One in so many denoiser passes is also checked layer by layer.
const CHECKED: usize = 16;

/// What to compare.
#[derive(Debug, Clone, Copy)]
pub struct ComparisonOptions {
    /// Number of images, at least 1.
    pub images: u64,
    /// Seed of the common random numbers.
    pub seed: u64,
    /// Denoiser passes recorded for the rounding, for the report.
    pub calibration_passes: u64,
}

/// Compares a compiled model with its float reference over some images; steps are passes.
///
/// # Errors
/// [`snnc_targets::Code::Unsupported`] without a generation pipeline, [`snnc_targets::Code::Argument`] for a
/// program that was read from a file, what the float reference refuses, or [`snnc_targets::Code::Stopped`] if the
/// progress says so.
pub fn compare(
    model: &Model,
    program: &Program,
    options: ComparisonOptions,
    progress: &dyn Progress,
) -> Result<Comparison, Diagnostics> {
    let mut sums = GenerationSums::default();
    let mut made = |image| {
        sums.merge(image);
        Ok(())
    };
    compare_shard(model, program, options, Shard::WHOLE, &mut made, progress)?;
    Ok(sums.comparison(program.mapped(), options.calibration_passes, options.seed))
}

/// As [`compare`], but only the images of a part, one after another, each as what it adds to the sums.
///
/// # Errors
/// Those of [`compare`] and of `made`.
pub fn compare_shard(
    model: &Model,
    program: &Program,
    options: ComparisonOptions,
    shard: Shard,
    made: &mut dyn FnMut(GenerationSums) -> Result<(), Diagnostic>,
    progress: &dyn Progress,
) -> Result<(), Diagnostics> {
    let mapped = program.mapped();
    mapped.needs_timesteps()?;
    let generation = program.generation(options.seed, options.images)?;
    check_count("--images", options.images, ITEMS_MAX)?;
    let own: Vec<u64> = (0..options.images).filter(|&index| shard.holds(index as usize)).collect();
    progress.begin((own.len() as u64).saturating_mul(generation.passes()));
    let sides = Sides::new(model.loaded(), (program.spiking()?.clone(), mapped))?;
    // As many images at once as there are cores: an image under way holds the spikes of all its passes.
    for chunk in own.chunks(rayon::current_num_threads().max(1)) {
        let images: Vec<GenerationSums> = chunk
            .par_iter()
            .map(|&index| image(&sides, &generation, index, progress))
            .collect::<Result<_, Diagnostic>>()?;
        images.into_iter().try_for_each(&mut *made)?;
    }
    Ok(())
}

/// One image: the chip alone first, then the float trajectory with the chip beside it.
fn image(
    sides: &Sides,
    generation: &Generation,
    index: u64,
    progress: &dyn Progress,
) -> Result<GenerationSums, Diagnostic> {
    let mut free_spikes = Vec::new();
    let mut observe = |outcome: &PassOutcome| free_spikes.push(sides.spikes(outcome.counts.network, outcome));
    let free = ChipDriver::observed(&sides.chip, (Grain::Pass, &mut observe), |alone| {
        drive(generation.begin(index), &mut Stoppable { driver: alone, progress }, &mut || ())
    })?;
    let (mut sums, mut free_spikes) = (GenerationSums::default(), free_spikes.into_iter());
    let mut course = Diffusion::new(generation, PhiloxUniforms::new(generation.seed, index));
    // The chip's membrane for the float's final tokens.
    let mut decoded = Vec::new();
    while let Some((network, input)) = course.input() {
        go_on(progress)?;
        let input = input.to_vec();
        let checked = course.iteration().is_none_or(|row| row.is_multiple_of(CHECKED));
        let answers = sides.pass(&mut sums.layers, (network, &input), free_spikes.next(), checked)?;
        sums.logits(&generation.parameters, &course, (&answers.float, &answers.chip));
        course.answer(&[answers.float])?;
        decoded = answers.chip;
        progress.advance(1);
    }
    let (forced, chip) = (course.finish(), pixels(&decoded));
    let images = [&forced.pixels, &chip, &free.pixels].map(Vec::as_slice);
    sums.image(generation.image, (&forced.tokens, &free.tokens), images);
    Ok(sums)
}
