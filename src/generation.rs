//! Images from a program: the host loop on the simulated chip, metered.
//!
//! Image i depends on the seed and i alone, so batches, threads and chunks cannot change it.

use std::sync::Arc;

use rayon::prelude::*;
use snnc_compiler::ir::Shape;
use snnc_compiler::ir::program::Program;
use snnc_simulator::charge::{Meter, Record, RunRecord};
use snnc_simulator::counts::SliceTable;
use snnc_simulator::execute::Chip;
use snnc_simulator::execute::slice::SliceTrace;
use snnc_simulator::host::{ChipStepper, Generation, PhiloxUniforms, generate, pixels};
use snnc_simulator::time::Fidelity;
use snnc_simulator::time::cycle::Watcher;
use snnc_targets::{Code, Diagnostic};

use crate::awake::awake;

/// Images simulated before their records are merged: of each image only pixels and tokens stay in memory.
const CHUNK: u64 = 16;

/// Most images of a run that keeps them all in memory.
pub const IMAGES_MAX: u64 = 1 << 20;

/// Whether a number of images is one.
///
/// # Errors
/// [`Code::Argument`] for none, or more than `most`.
pub fn check_images(images: u64, most: u64) -> Result<(), Diagnostic> {
    if (1..=most).contains(&images) {
        return Ok(());
    }
    let expected = if images == 0 { "at least one image".into() } else { format!("at most {most} images") };
    Err(Diagnostic::new(Code::Argument, format!("--images {images}"), format!("expected {expected}")))
}

/// What to generate.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Number of images, at least 1.
    pub images: u64,
    /// Seed of the random streams.
    pub seed: u64,
    /// Timing model.
    pub fidelity: Fidelity,
}

impl Options {
    /// Whether there is something to generate, and not more than memory holds.
    ///
    /// # Errors
    /// [`Code::Argument`] for zero images, or more than [`IMAGES_MAX`].
    pub fn check(&self) -> Result<(), Diagnostic> {
        check_images(self.images, IMAGES_MAX).map_err(|problem| match self.images {
            0 => problem,
            _ => problem.hint("`snnc generate` streams larger sets to disk"),
        })
    }
}

/// One generated image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Final tokens, `[h, w]` row-major.
    pub tokens: Vec<u32>,
    /// Pixels, `[c, H, W]` row-major.
    pub pixels: Vec<u8>,
}

/// Who looks on while a run goes on. It changes nothing.
pub trait Observer {
    /// An image is done, with its timesteps; images come in order.
    ///
    /// # Errors
    /// What ends the run.
    fn image(&mut self, image: u64, record: &Record) -> Result<(), Diagnostic>;

    /// Who wants to see simulated packets. Images then run one after another, as their packets cannot all wait.
    fn watcher(&mut self) -> Option<&mut dyn Watcher>;
}

/// Nobody.
impl Observer for () {
    fn image(&mut self, _: u64, _: &Record) -> Result<(), Diagnostic> {
        Ok(())
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        None
    }
}

/// Images and what they cost.
#[derive(Debug)]
pub struct Generated {
    /// What timed and charged them.
    pub meter: Meter,
    /// In order.
    pub images: Vec<Image>,
    /// Counts, time and energy.
    pub record: RunRecord,
}

/// The generation loop of a program.
///
/// # Errors
/// [`Code::Unsupported`] if its model has none.
pub fn loop_of(program: &Program) -> Result<Generation, Diagnostic> {
    program.needs_timesteps()?;
    Generation::of(&program.model).map_err(|mut problems| problems.0.swap_remove(0))
}

/// Shape of the decoder's images, `[c, H, W]`.
///
/// # Errors
/// [`Code::Unsupported`] if the model has no generation loop.
pub fn image_shape(program: &Program) -> Result<Shape, Diagnostic> {
    Ok(loop_of(program)?.image)
}

/// Generates images; `done` is told after each denoising iteration of any image.
///
/// # Errors
/// [`Code::Unsupported`] without a generation pipeline or if the target cannot be timed so, [`Code::Argument`] for
/// zero images; the observer's.
pub fn run(
    program: &Arc<Program>,
    options: Options,
    observer: &mut dyn Observer,
    done: &(dyn Fn() + Sync),
) -> Result<Generated, Diagnostic> {
    let generation = &loop_of(program)?;
    options.check()?;
    let meter = || Meter::new(program, &SliceTable::new(program), options.fidelity);
    let (chip, meter) = rayon::join(|| Chip::new(program.clone()), meter);
    let meter = meter?;
    let mut record = RunRecord::new(&meter);
    let mut images = Vec::new();
    let one = |index, watcher: Option<&mut dyn Watcher>| {
        one(&chip, generation, &meter, (options.seed, index), watcher, done)
    };
    let chunk = if observer.watcher().is_some() { 1 } else { CHUNK };
    for first in (0..options.images).step_by(chunk as usize) {
        let chunk = first..(first + chunk).min(options.images);
        let made = match observer.watcher() {
            Some(watcher) => vec![one(first, Some(watcher))],
            None => {
                let few = chunk.end - chunk.start < rayon::current_num_threads() as u64;
                let all = || chunk.into_par_iter().map(|index| one(index, None)).collect::<Vec<_>>();
                if few { awake(all) } else { all() }
            }
        };
        for (index, made) in (first..).zip(made) {
            let (image, of_image) = made?;
            observer.image(index, &of_image)?;
            record.push(&meter, &of_image);
            images.push(image);
        }
    }
    Ok(Generated { meter, images, record })
}

fn one(
    chip: &Chip,
    generation: &Generation,
    meter: &Meter,
    (seed, index): (u64, u64),
    mut watcher: Option<&mut dyn Watcher>,
    done: &(dyn Fn() + Sync),
) -> Result<(Image, Record), Diagnostic> {
    let mut record = meter.image(index);
    let uniforms = PhiloxUniforms::new(seed, index);
    let (mut pass, mut failed) = (0, None);
    let mut observe = |outcome: &snnc_simulator::execute::PassOutcome| {
        if failed.is_none() {
            let watcher: Option<&mut dyn Watcher> = match &mut watcher {
                Some(watcher) => Some(&mut **watcher),
                None => None,
            };
            // Traces are made when looked at.
            let traces: &[SliceTrace] = if meter.reads_traces() { &outcome.traces } else { &[] };
            failed = meter.add_watched(&mut record, pass, (&outcome.counts, traces), watcher).err();
        }
        pass += 1;
    };
    let trajectory = ChipStepper::observed(chip, generation, (meter.grain(), &mut observe), |stepper| {
        generate(&generation.parameters, stepper, &uniforms, &mut |_| done())
    });
    if let Some(problem) = failed {
        return Err(problem);
    }
    let trajectory = trajectory?;
    let tokens = trajectory.tokens.last().cloned().unwrap_or_default();
    Ok((Image { tokens, pixels: pixels(&trajectory.membrane) }, record))
}
