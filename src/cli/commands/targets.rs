//! `snnc targets`: list, show, check.

use std::path::Path;
use std::process::ExitCode;

use snnc_targets::schema::FORMAT;
use snnc_targets::text_table::{TextTable, left};
use snnc_targets::text_width::folded;
use snnc_targets::{Diagnostics, registry};

use crate::cli::arguments::{TargetsAction, TargetsArgs, overrides};
use crate::diagnostics;
use crate::target_table::table;

pub fn run(args: &TargetsArgs) -> Result<ExitCode, Diagnostics> {
    let text = match &args.action {
        None => list()?,
        Some(TargetsAction::Show { target, set, json: true }) => {
            super::json_of(FORMAT, &registry::load_with(target, &overrides(set)?)?)
        }
        Some(TargetsAction::Show { target, set, json: false }) => {
            folded(&table(&registry::load_with(target, &overrides(set)?)?))
        }
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
    let mut table = TextTable::new(0, [left(""), left("")]).on_single_lines();
    for name in registry::names() {
        table.row([name, &registry::load(name)?.description]);
    }
    Ok(table.to_string())
}
