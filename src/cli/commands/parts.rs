//! Parts of runs of samples and of comparisons: `--shard I/N`, and what `snnc merge` tells of them.

use std::path::Path;
use std::process::ExitCode;

use snnc_simulator::workload::Workload;
use snnc_targets::text_width::folded;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use super::options::Asked;
use super::samples::Fed;
use super::{json_of, print};
use crate::cli::arguments::{GenerateArgs, MergeArgs, VerifyArgs};
use crate::cli::process::console::{self, Detail};
use crate::cli::progress::Bar;
use crate::parts::comparisons::SCHEMA;
use crate::parts::manifest::RunWork;
use crate::parts::runs::RunOfSamples;
use crate::parts::{self, Merged};
use crate::program::Program;
use crate::report::brief;
use crate::session::parts_keep_no_state;
use crate::shard::Shard;

/// Options that a part of a run cannot have.
///
/// # Errors
/// [`Code::Argument`], by name.
pub fn check(args: &GenerateArgs) -> Result<(), Diagnostic> {
    if args.shard.is_none() {
        return Ok(());
    }
    if args.keep_state {
        return Err(parts_keep_no_state());
    }
    let given = [
        ("--trace", args.trace.packets.is_some(), "trace in a run of its own, of few samples"),
        ("--trace-events", args.trace.events.is_some(), "trace in a run of its own, of few samples"),
        ("--html", args.html, "leave it out; of the whole, `snnc report DIR --html` makes the page"),
        ("--json", args.json, "merge the parts, then report.json is in their folder"),
    ];
    refuse_given(&given, args.by_rank)
}

/// The part of a comparison that is asked for, with its folder.
///
/// # Errors
/// [`Code::Argument`] for options that a part cannot have.
pub fn asked_of_verify(args: &VerifyArgs) -> Result<Option<(Shard, &Path)>, Diagnostic> {
    let Some((shard, out)) = args.shard.zip(args.out.as_deref()) else { return Ok(None) };
    refuse_given(&[("--json", args.json, "merge the parts, then verify.json is in their folder")], false)?;
    Ok(Some((shard, out)))
}

fn refuse_given(given: &[(&str, bool, &str)], by_rank: bool) -> Result<(), Diagnostic> {
    match given.iter().find(|(_, given, _)| *given) {
        None => Ok(()),
        Some((option, _, hint)) => {
            let maker = if by_rank { "each rank" } else { "--shard" };
            let message = format!("is of a whole run, and {maker} makes a part of one");
            Err(Diagnostic::new(Code::Argument, Subject::argument(*option), message).hint(*hint))
        }
    }
}

/// Images are made in parts by another command.
///
/// # Errors
/// [`Code::Argument`].
pub fn refuse_images(args: &GenerateArgs) -> Result<(), Diagnostic> {
    let Some(shard) = args.shard else { return Ok(()) };
    if args.by_rank {
        let message = "images of a run are not spread over ranks, only samples are";
        return Err(Diagnostic::new(Code::Ranks, Subject::argument("--images"), message)
            .hint("`snnc generate` makes a set of images on all ranks; run this one without mpirun"));
    }
    let message = "is for samples; the model generates images by its pipeline";
    Err(Diagnostic::new(Code::Argument, Subject::value("--shard", shard), message)
        .hint("`snnc generate --shard` makes parts of a set of images"))
}

/// Runs a part of the samples.
pub fn run(
    program: &Program,
    (args, asked): (&GenerateArgs, &Asked),
    fed: &Fed,
    shard: Shard,
) -> Result<ExitCode, Diagnostics> {
    // The command line demands one.
    let out = args.out.as_deref().unwrap_or(Path::new("."));
    let compilation = program.compilation();
    let fidelity = super::simulate::timing(program, args);
    let mut options = asked.clone();
    options.insert("--timing".into(), fidelity.to_string());
    let work = RunWork {
        fed: fed.described(),
        options,
        fidelity,
        sensitivity: args.sensitivity,
        spikes: args.spikes,
        membranes: args.membranes.clone(),
        figures: program.mapping_report().map(Into::into),
        remarks: compilation.map(|compiled| compiled.remarks.clone()).unwrap_or_default(),
    };
    let run = RunOfSamples { samples: &fed.samples, work, threads: args.threads, resumes: args.by_rank };
    let bar = Bar::new("running", "samples");
    let made = parts::runs::run(program, &run, shard, out, &bar)?;
    drop(bar);
    Ok(told((shard, out), (made, fed.samples.len()), "sample"))
}

/// Says what a part has made.
pub fn told((shard, out): (Shard, &Path), (made, all): (u64, u64), item: &str) -> ExitCode {
    print(&format!("part {shard}: {made} of {all} {item}s in {}\n", out.display()));
    ExitCode::SUCCESS
}

/// Puts parts together and tells what a single run would have told; as JSON if that is asked for.
pub fn merge(args: &MergeArgs, json: bool) -> Result<ExitCode, Diagnostics> {
    match parts::merge(&args.folders, &args.out)? {
        Merged::Run(report, _) if json => print(&crate::report::json::print(&report)?),
        Merged::VerifiedSamples(comparison) if json => print(&json_of(SCHEMA, &*comparison)),
        Merged::VerifiedImages(comparison) if json => print(&json_of(SCHEMA, &*comparison)),
        Merged::Run(report, wrote) => {
            print(&folded(&match console::detail() {
                Detail::Full => report.to_string(),
                _ => brief::print(&report) + "\n-v tells more: where, when, and of which constants\n",
            }));
            let lines: String = wrote.iter().map(|line| folded(&format!("wrote {line}\n"))).collect();
            print(&format!("\n{lines}"));
        }
        Merged::VerifiedSamples(comparison) => print(&folded(&comparison.to_string())),
        Merged::VerifiedImages(comparison) => print(&folded(&comparison.to_string())),
    }
    Ok(ExitCode::SUCCESS)
}
