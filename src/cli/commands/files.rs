//! The files of a command: what it reads is protected, and where it writes is looked at before the work.

use std::path::PathBuf;

use snnc_targets::output::{self, Inputs, is_standard_output, same_file};
use snnc_targets::{Code, Diagnostic, Subject};

use crate::cli::arguments::{MappingArgs, ModelArgs, QuantiseArgs};
use crate::cli::process::console;
use crate::model::Model;
use crate::samples::array_file::split_key;

/// Protects a model file with its weights, and a target file.
pub fn model(args: &ModelArgs) -> Inputs {
    let mut inputs = Inputs::new(Model::files(&args.model));
    args.target.files().iter().for_each(|path| inputs.add(path));
    calibration(&args.quantise, &mut inputs);
    inputs
}

/// Protects the samples that rounding looks at.
pub fn calibration(args: &QuantiseArgs, inputs: &mut Inputs) {
    args.calibrate_input.iter().for_each(|path| inputs.add(&split_key(path).0));
}

/// Protects the files that say something about the mapping as well.
pub fn mapped(args: &ModelArgs, mapping: &MappingArgs) -> Inputs {
    let mut inputs = model(args);
    super::mapping::files(mapping).paths().for_each(|path| inputs.add(&path));
    inputs
}

/// Checks each `(option, path)` that a command is to write. If one of them is standard output, text goes to standard
/// error, so that they do not mix.
///
/// # Errors
/// [`Code::OutputFailed`] for one that cannot be written, [`Code::Argument`] for two that are one file.
pub fn outputs(outputs: &[(&str, Option<&PathBuf>)]) -> Result<(), Diagnostic> {
    let named: Vec<_> = outputs.iter().filter_map(|(option, path)| Some((*option, path.as_ref()?))).collect();
    for (index, (option, path)) in named.iter().enumerate() {
        if let Some((earlier, _)) = named[..index].iter().find(|(_, other)| same_file(other, path)) {
            let message = format!("expected another file than that of {earlier}");
            return Err(Diagnostic::new(Code::Argument, Subject::argument(*option), message));
        }
        output::check(path)?;
        if is_standard_output(path) {
            console::give_away();
        }
    }
    Ok(())
}
