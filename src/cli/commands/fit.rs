//! `snnc fit`: which targets hold a model. Exit code 1 if none does.

use std::collections::HashSet;
use std::process::ExitCode;

use snnc_targets::{Diagnostics, Target, registry};

use super::compile::options;
use super::{json, print};
use crate::cli::arguments::{FitArgs, QuantiseArgs};

pub fn run(args: &FitArgs) -> Result<ExitCode, Diagnostics> {
    let targets = targets(&args.target)?;
    let quantise = QuantiseArgs { weights: args.weights, ..QuantiseArgs::default() };
    let answer = {
        let model = super::nir::load(&args.model, &args.nir, None)?;
        super::nir::remark(&model);
        model.fit(&targets, &options(&quantise))?
    };
    print(&if args.json { json(&answer) } else { answer.to_string() });
    let some = answer.targets.iter().any(|row| row.fits);
    Ok(if some { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The targets asked for, each once, or all that are built in. Errors collect what is wrong with each of them.
fn targets(asked: &[String]) -> Result<Vec<Target>, Diagnostics> {
    let mut names: Vec<&str> = asked.iter().map(String::as_str).collect();
    if names.is_empty() {
        names = registry::names().collect();
    }
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(*name));
    let (mut targets, mut problems) = (Vec::new(), Diagnostics::default());
    for name in names {
        match registry::load(name) {
            Ok(target) => targets.push(target),
            Err(found) => problems.0.extend(found.0),
        }
    }
    problems.into_result(targets)
}
