//! `snnc verify`: the float reference against recorded traces, or the chip against the float reference.

use std::process::ExitCode;

use snnc_compiler::driver::{self, CompileOptions};
use snnc_compiler::frontend;
use snnc_targets::{Diagnostics, registry};

use super::{json, print};
use crate::cli::VerifyArgs;
use crate::{comparison, golden, progress};

pub fn run(args: &VerifyArgs) -> Result<ExitCode, Diagnostics> {
    let model = frontend::load(&args.model)?;
    if let Some(traces) = &args.golden {
        let recorded = golden::GoldenFile::read(traces)?;
        let bar = progress::bar(0, "checking");
        let report = golden::check(&model, &recorded, &mut |at| {
            bar.set_length(at.total as u64);
            bar.set_position(at.done as u64);
        })?;
        bar.finish_and_clear();
        print(&if args.json { report.json() } else { report.text() })?;
        return Ok(if report.pass { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    // The command line demands one of the two.
    let target = registry::load(args.target.as_deref().unwrap_or("loihi-like"))?;
    let (_, program, _) = driver::compile(&model, &target, CompileOptions::default())?;
    let iterations = program.model.generation.as_ref().map_or(0, |g| g.iterations as u64);
    let bar = progress::bar(args.images.saturating_mul(iterations), "comparing");
    let comparison = comparison::compare(&model, &program, args.images, args.seed, &mut || bar.inc(1))?;
    bar.finish_and_clear();
    print(&if args.json { json(&comparison) } else { comparison.to_string() })?;
    Ok(ExitCode::SUCCESS)
}
