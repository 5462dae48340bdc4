//! Golden check: the float reference against traces recorded from an original implementation.
//!
//! Place in the flow: beside the pipeline; it trusts nothing but the recording. [`GoldenFile`] holds the file as it is,
//! `records` reads what every recording has, `compare` turns the two sides into rows of a [`GoldenReport`]. Which keys
//! there are, and what is run for them, is the workload's: [`generation`], [`samples`].
//! Invariants: spikes, tokens and pixels are compared exactly, floats to [`TOLERANCE`]; every key is compared, used as
//! an input, or listed as ignored.
//! Refused: recordings that lack an input, or whose types, shapes or values do not fit the model; nothing is run then.

mod compare;
mod file;
mod generation;
mod records;
mod report;
mod samples;

use snnc_compiler::frontend::LoadedModel;
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, Subject};

use crate::progress::Progress;

pub use file::GoldenFile;
pub use report::{GoldenReport, GoldenRow};
pub use samples::check_samples;

/// Largest absolute error of a logit or membrane that passes.
pub const TOLERANCE: f64 = 1e-9;

/// Runs the float reference on every recorded case and compares all that was recorded. Steps are network passes, the
/// decodings at the end of a loop aside.
///
/// # Errors
/// [`Code::GoldenInvalid`] for each record that is malformed or does not fit the model, and for a file without
/// anything to compare; [`Code::ModelInvalid`] for a model without a consistent pipeline.
pub fn check(
    model: &LoadedModel,
    golden: &GoldenFile,
    progress: &dyn Progress,
) -> Result<GoldenReport, Diagnostics> {
    let pipeline = model.pipeline.as_ref().ok_or_else(|| {
        let message = "there is no `pipeline`, so it cannot generate";
        Diagnostic::new(Code::ModelInvalid, Subject::Model(model.name.clone()), message)
            .hint("add `pipeline: Some((latent: ..., denoiser: ..., decoder: ..., ...))` to the model file")
    })?;
    let checked = generation::check(model, pipeline, golden, progress);
    let (rows, ignored) = checked.map_err(|problems| model.origin.locate(problems))?;
    if rows.is_empty() {
        let message = "there is nothing to compare: no recorded spikes, logits, membranes, tokens or pixels";
        return Err(Diagnostic::new(Code::GoldenInvalid, Place::file(golden.place()), message)
            .hint(generation::KEYS)
            .into());
    }
    Ok(GoldenReport::new(&model.name, golden.place(), rows, ignored))
}
