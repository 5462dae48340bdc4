//! Models from files of either kind: what the options say of NIR files, and what is said about them.

use std::path::Path;

use snnc_compiler::frontend::nir::NirOptions;
use snnc_compiler::frontend::nir::dialect::Overrides;
use snnc_targets::Diagnostics;
use snnc_targets::file_kind::FileKind;

use super::changes_nothing;
use crate::cli::arguments::{FiringComparison, NirArgs, SampleArgs};
use crate::cli::process::console::say;
use crate::model::Model;
use crate::samples::input::sides;

/// Loads a model file or a NIR file; the timesteps of the latter may be those of the samples.
///
/// # Errors
/// Those of the files; an option that would change nothing.
pub fn load(path: &Path, args: &NirArgs, samples: Option<&SampleArgs>) -> Result<Model, Diagnostics> {
    if FileKind::of_file(path) != Some(FileKind::Hdf5) {
        if let Some(option) = given(args) {
            return Err(changes_nothing(option, "it is for NIR files, and the model is none").into());
        }
        return Model::load(path);
    }
    Model::load_nir(path, &options(args, samples))
}

/// What the options say.
pub fn options(args: &NirArgs, samples: Option<&SampleArgs>) -> NirOptions {
    let overrides = Overrides {
        dialect: args.dialect,
        dt: args.nir_dt,
        reset: args.reset,
        strict: args.compare.map(|compare| compare == FiringComparison::Above),
    };
    // An event list has its timesteps by --dt, and no end.
    let input = samples.filter(|samples| samples.dt.is_none()).and_then(|samples| samples.input.as_deref());
    NirOptions {
        overrides,
        timesteps: args.timesteps,
        samples: input.and_then(sides),
        constant_input: args.constant_input,
        read_out: args.readout.map(Into::into),
    }
}

/// Says on standard error what was decided about a NIR file, where no report does.
pub fn remark(model: &Model) {
    model.remarks().iter().for_each(|remark| say(&format!("note: {remark}\n")));
}

/// An option that only NIR files take, if one is given.
pub fn given(args: &NirArgs) -> Option<&'static str> {
    let all = [
        ("--dialect", args.dialect.is_some()),
        ("--timesteps", args.timesteps.is_some()),
        ("--nir-dt", args.nir_dt.is_some()),
        ("--reset", args.reset.is_some()),
        ("--compare", args.compare.is_some()),
        ("--constant-input", args.constant_input),
        ("--readout", args.readout.is_some()),
    ];
    all.into_iter().find_map(|(option, given)| given.then_some(option))
}
