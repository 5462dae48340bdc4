//! Golden check: the float reference against traces recorded from an original implementation.
//!
//! Place in the flow: beside the pipeline; it trusts nothing but the recording. [`GoldenFile`] holds the file as it is,
//! `cases` reads it into typed cases that fit the model, `checks` runs the float reference on each and `compare` turns
//! the two sides into rows of a [`GoldenReport`].
//! Keys (K counts from 0): `sdid.K.{tokens,t,logits}`, `decoder.K.{tokens,membrane}`, `encoder.K.{pixels,tokens}`,
//! `{sdid,decoder,encoder}.K.spikes.LAYER`, `loop.K.{u_unmask,u_token,tokens,membrane,pixels}`. Of these only inputs
//! must be there; what else is there is compared.
//! Invariants: spikes, tokens and pixels are compared exactly, floats to [`TOLERANCE`]; every key is compared, used as
//! an input, or listed as ignored.
//! Refused: recordings that lack an input, or whose types, shapes or values do not fit the model; nothing is run then.

mod cases;
mod checks;
mod compare;
mod file;
mod report;

use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::reference::Interpreter;
use snnc_targets::{Code, Diagnostic, Diagnostics};

use crate::float_stepper::{self, FloatStepper};
use crate::progress::Progress;
use cases::Cases;

pub use file::GoldenFile;
pub use report::{GoldenReport, GoldenRow};

/// Largest absolute error of a logit or membrane that passes.
pub const TOLERANCE: f64 = 1e-9;

/// The model's networks under the names of the golden keys.
struct Networks<'m> {
    /// Denoiser (`sdid`) and decoder (`decoder`).
    stepper: FloatStepper<'m>,
    /// `encoder`, if the pipeline has one.
    encoder: Option<Interpreter<'m>>,
}

impl<'m> Networks<'m> {
    fn new(model: &'m LoadedModel) -> Result<Self, Diagnostics> {
        let encoder = float_stepper::pipeline(model)?.encoder.as_deref();
        let encoder = encoder.map(|name| float_stepper::interpreter(model, name)).transpose()?;
        Ok(Self { stepper: FloatStepper::new(model)?, encoder })
    }
}

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
    let mut networks = Networks::new(model)?;
    let cases = Cases::read(golden, &networks)?;
    let rows = checks::run(&cases, &mut networks, progress)?;
    if rows.is_empty() {
        let message = "there is nothing to compare: no recorded spikes, logits, membranes, tokens or pixels";
        return Err(Diagnostic::new(Code::GoldenInvalid, golden.place(), message)
            .hint("keys are `sdid.0.tokens`, `sdid.0.spikes.sdid.conv1`, `loop.0.u_unmask` and so on")
            .into());
    }
    Ok(GoldenReport::new(&model.name, golden.place(), rows, cases.ignored))
}
