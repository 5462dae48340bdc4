//! `snnc targets`: list, show, check.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use snnc_targets::{Diagnostics, registry};

use crate::cli::arguments::{TargetsAction, TargetsArgs};
use crate::diagnostics;
use crate::target_table::table;

pub fn run(args: &TargetsArgs) -> Result<ExitCode, Diagnostics> {
    let text = match &args.action {
        None => list()?,
        Some(TargetsAction::Show { target, json: true }) => super::json(&registry::load(target)?),
        Some(TargetsAction::Show { target, json: false }) => table(&registry::load(target)?),
        Some(TargetsAction::Check { target, json }) => {
            let target = registry::read(Path::new(target))?;
            match json {
                true => diagnostics::print(&Diagnostics::default()),
                false => format!("{}: no contradictions\n", target.name),
            }
        }
    };
    super::print(&text);
    Ok(ExitCode::SUCCESS)
}

fn list() -> Result<String, Diagnostics> {
    let mut text = String::new();
    for name in registry::names() {
        let _ = writeln!(text, "{name:<20} {}", registry::load(name)?.description);
    }
    Ok(text)
}
