//! A part of a comparison of chip and float reference: what each sample or image adds to the sums, written down and
//! added up again in the order of the whole.

use std::path::Path;
use std::time::Instant;

use serde::de::DeserializeOwned;
use snnc_simulator::workload::{Samples, Workload};
use snnc_targets::output::{self, ResultSet};
use snnc_targets::{Diagnostic, Diagnostics};

use super::PartFolder;
use super::manifest::{FedSamples, PartManifest, Spent, Work};
use super::whole::Whole;
use crate::comparison::{self, Comparison, ComparisonOptions, GenerationSums, SampleComparison, SampleSums};
use crate::model::Model;
use crate::program::Program;
use crate::progress::Progress;
use crate::report::images::{PngImage, image_name, write_image};
use crate::report::{is_result, json, memory};
use crate::shard::Shard;
use crate::sweep::digest;

/// Whose results a folder of a comparison holds.
pub const COMMAND: &str = "snnc verify";
/// Schema of verify.json.
pub const SCHEMA: &str = "snnc.verify/1";

/// A model, what it was compiled to, and the part of the comparison.
#[derive(Debug, Clone, Copy)]
pub struct ComparedPart<'a> {
    /// The model file.
    pub path: &'a Path,
    /// What it holds.
    pub model: &'a Model,
    /// The compiled model.
    pub program: &'a Program,
    /// The part.
    pub shard: Shard,
}

/// Compares the samples of a part into the folder `out`; their number.
///
/// # Errors
/// Those of [`comparison::compare_samples`], and [`snnc_targets::Code::OutputFailed`].
pub fn verify_samples(
    compared: ComparedPart<'_>,
    samples: &Samples,
    fed: FedSamples,
    out: &Path,
    progress: &dyn Progress,
) -> Result<u64, Diagnostics> {
    let ComparedPart { path, model, program, shard } = compared;
    let (start, mut folder, mut made) = (Instant::now(), PartFolder::begin(out)?, 0);
    let labels = fed.labels.clone();
    let mut write = |sums: SampleSums| {
        made += 1;
        folder.records.write(&sums)
    };
    let fed_to = (samples, labels.as_deref());
    comparison::compare_samples_shard(model, program, fed_to, shard, &mut write, progress)?;
    let work = Work::VerifySamples { reference: digest(&Model::files(path))?, fed };
    finish(folder, program, PartManifest::new(program, shard, samples.len(), work), start)?;
    Ok(made)
}

/// Compares the images of a part into the folder `out`; their number.
///
/// # Errors
/// Those of [`comparison::compare`], and [`snnc_targets::Code::OutputFailed`].
pub fn verify_images(
    compared: ComparedPart<'_>,
    options: ComparisonOptions,
    out: &Path,
    progress: &dyn Progress,
) -> Result<u64, Diagnostics> {
    let ComparedPart { path, model, program, shard } = compared;
    let (start, mut folder, mut made) = (Instant::now(), PartFolder::begin(out)?, 0);
    let mut write = |sums: GenerationSums| {
        made += 1;
        folder.records.write(&sums)
    };
    comparison::compare_shard(model, program, options, shard, &mut write, progress)?;
    let ComparisonOptions { images, seed, calibration_passes } = options;
    let work = Work::VerifyImages { reference: digest(&Model::files(path))?, seed, calibration_passes };
    finish(folder, program, PartManifest::new(program, shard, images, work), start)?;
    Ok(made)
}

fn finish(
    folder: PartFolder,
    program: &Program,
    mut manifest: PartManifest,
    start: Instant,
) -> Result<(), Diagnostic> {
    manifest.spent = Spent {
        compile_s: program.compile_seconds(),
        wall_s: start.elapsed().as_secs_f64(),
        peak_memory_bytes: memory::peak_bytes(),
    };
    folder.finish(program, &manifest)
}

/// The records of all items, in the order of the whole.
fn each<T: DeserializeOwned>(
    whole: &mut Whole,
    fits: impl Fn(&T) -> bool,
    mut add: impl FnMut(T),
) -> Result<(), Diagnostic> {
    for index in 0..whole.items() {
        let part = whole.part_of(index)?;
        let sums = part.records.next()?;
        if !fits(&sums) {
            return Err(part.records.refused("the sums of an item are of another program"));
        }
        add(sums);
    }
    whole.unchanged()
}

/// The comparison over all samples, written into `out`.
pub(super) fn merge_samples(
    mut whole: Whole,
    fed: &FedSamples,
    out: &Path,
) -> Result<SampleComparison, Diagnostics> {
    let program = whole.program()?;
    Samples::shapes(&program.mapped().model, fed.network)?;
    let set = ResultSet::begin(out, COMMAND, is_result)?;
    let mut sums = SampleSums::default();
    let populations = program.mapped().model.populations.len();
    each(&mut whole, |one: &SampleSums| one.fits(populations), |one| sums.merge(one))?;
    let mut comparison = sums.comparison(program.mapped(), fed.network, fed.labels.is_some());
    comparison.events = fed.events;
    write_samples(set, &comparison)?;
    Ok(comparison)
}

/// The comparison over all images, written into `out`.
pub(super) fn merge_images(
    mut whole: Whole,
    (calibration_passes, seed): (u64, u64),
    out: &Path,
) -> Result<Comparison, Diagnostics> {
    let program = whole.program()?;
    let set = ResultSet::begin(out, COMMAND, is_result)?;
    let mut sums = GenerationSums::default();
    let populations = program.mapped().model.populations.len();
    each(&mut whole, |one: &GenerationSums| one.layers.fits(populations), |one| sums.merge(one))?;
    let comparison = sums.comparison(program.mapped(), calibration_passes, seed);
    write_images(set, &comparison)?;
    Ok(comparison)
}

/// Writes verify.json of samples.
///
/// # Errors
/// [`snnc_targets::Code::OutputFailed`].
pub fn write_samples(set: ResultSet, comparison: &SampleComparison) -> Result<(), Diagnostic> {
    let text = json::of_schema(SCHEMA, comparison);
    output::write_atomic(&set.place("verify.json")?, text.as_bytes())?;
    set.commit()
}

/// Writes verify.json of images, and a picture an image: float, chip on the same tokens, chip running freely.
///
/// # Errors
/// [`snnc_targets::Code::OutputFailed`], or for images that no PNG holds.
pub fn write_images(set: ResultSet, comparison: &Comparison) -> Result<(), Diagnostics> {
    for (index, (shape, pixels)) in comparison.pictures.iter().enumerate() {
        write_image(&set.place(&image_name(index))?, &PngImage::new(*shape, pixels.clone())?)?;
    }
    let text = json::of_schema(SCHEMA, comparison);
    output::write_atomic(&set.place("verify.json")?, text.as_bytes())?;
    Ok(set.commit()?)
}
