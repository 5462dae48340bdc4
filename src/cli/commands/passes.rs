//! `snnc passes`: the compiler's passes in their order, as `--emit-after` names them.

use std::process::ExitCode;

use snnc_compiler::passes::pipeline::{PASSES, PassInfo};
use snnc_targets::Diagnostics;

use super::{json, print};
use crate::cli::arguments::PassesArgs;

/// What `--json` prints.
#[derive(serde::Serialize)]
struct PassesJson {
    schema: &'static str,
    passes: [PassInfo; PASSES.len()],
}

pub fn run(args: &PassesArgs) -> Result<ExitCode, Diagnostics> {
    let text = match args.json {
        true => json(&PassesJson { schema: "snnc.passes/1", passes: PASSES }),
        false => PASSES.iter().map(described).collect(),
    };
    print(&text);
    Ok(ExitCode::SUCCESS)
}

/// A pass in three lines.
fn described(pass: &PassInfo) -> String {
    let PassInfo { name, takes, gives, description } = pass;
    format!("{name}\n  {description}\n  {takes} -> {gives}\n")
}
