//! `snnc fit`: which targets hold a model. Exit code 0 whether or not some do; the answer is the output.

use std::process::ExitCode;

use snnc_compiler::frontend;
use snnc_targets::{Diagnostics, Target, registry};

use super::compile::options;
use super::{json, print};
use crate::cli::{FitArgs, QuantiseArgs};
use crate::fit::fit;

pub fn run(args: &FitArgs) -> Result<ExitCode, Diagnostics> {
    let names = registry::names().map(str::to_owned).chain(args.target.iter().cloned());
    let targets: Vec<Target> = names.map(|name| registry::load(&name)).collect::<Result<_, _>>()?;
    let model = frontend::load(&args.model)?;
    let quantise = QuantiseArgs { weights: args.weights, calibrate: None };
    let answer = fit(&model, &targets, options(&quantise));
    print(&if args.json { json(&answer) } else { answer.to_string() });
    Ok(ExitCode::SUCCESS)
}
