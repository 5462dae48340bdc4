//! `snnc sweep` and `snnc merge`. Exit code 1 if every point failed.

use std::path::Path;
use std::process::ExitCode;

use snnc_targets::Diagnostics;
use snnc_targets::output::Inputs;
use snnc_targets::text_width::folded;

use super::print;
use crate::cli::arguments::{MergeArgs, SweepArgs};
use crate::cli::process::signals;
use crate::cli::progress::Bar;
use crate::parts;
use crate::report::units::counted;
use crate::streaming;
use crate::sweep::point::PointOutcome;
use crate::sweep::{self, Plan, Sweep, SweepFile, SweepOptions, Swept, folder};

pub fn run(args: &SweepArgs) -> Result<ExitCode, Diagnostics> {
    let mut inputs = Inputs::new([&args.sweep]);
    let file = SweepFile::read(&args.sweep)?;
    file.files().iter().for_each(|path| inputs.add(path));
    let plan = Plan::new(file)?;
    let options = SweepOptions { threads: args.threads, jobs: args.jobs, shard: args.shard };
    signals::advise("the same command goes on where it stopped");
    let bar = Bar::new("sweeping", "points");
    let Swept { sweep, found } = sweep::run(&plan, &args.out, options, &bar)?;
    drop(bar);
    let made = sweep.outcomes.len() - found;
    Ok(told(&sweep, &args.out, &format!(" ({} made now, {found} found)", counted(made as u64, "point"))))
}

/// Puts parts together; what is told of runs and comparisons is JSON if that is asked for.
pub fn merge(args: &MergeArgs, json: bool) -> Result<ExitCode, Diagnostics> {
    if args.folders.iter().any(|folder| streaming::is_set(folder)) {
        let images = streaming::merge(&args.folders, &args.out)?;
        print(&format!("{} in {}\n", counted(images, "image"), args.out.display()));
        return Ok(ExitCode::SUCCESS);
    }
    if args.folders.iter().any(|folder| parts::is_part(folder)) {
        return super::parts::merge(args, json);
    }
    let sweep = sweep::merge(&args.folders, &args.out)?;
    Ok(told(&sweep, &args.out, ""))
}

/// Prints the front, and where the table is.
fn told(sweep: &Sweep, out: &Path, how: &str) -> ExitCode {
    let found = folded(&sweep.to_string());
    print(&format!("{found}\nwrote {}{how}\n", out.join(folder::TABLE).display()));
    let some =
        sweep.outcomes.is_empty() || sweep.outcomes.values().any(|o| matches!(o, PointOutcome::Done(_)));
    if some { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
