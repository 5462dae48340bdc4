//! One file a subcommand. Each prints its result on standard output; progress and notes go to standard error.

mod compile;
mod explain;
mod export;
mod files;
mod fit;
mod generate;
mod import;
mod mapping;
mod nir;
mod options;
mod partition;
mod parts;
mod passes;
mod place;
pub mod ranks;
mod reconstruct;
mod report;
mod samples;
mod shells;
mod simulate;
mod sweep;
mod targets;
mod verify;
mod view;

use std::process::ExitCode;

use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use crate::cli::arguments::{Cli, Command};
use crate::cli::process::console::{self, Detail, print};
use crate::report::json::{of_schema as json_of, plain as json};

/// Runs a command.
///
/// # Errors
/// What the user can mend; the caller prints it and exits with 1.
pub fn run(cli: &Cli) -> Result<ExitCode, Diagnostics> {
    console::show(Detail::of(cli.quiet && !cli.command.prints_data(), cli.verbose));
    match &cli.command {
        Command::Compile(args) => compile::run(args),
        Command::Fit(args) => fit::run(args),
        Command::Simulate(args) => simulate::simulate(args),
        Command::Run(args) => simulate::run(args),
        Command::Report(args) => report::report(args),
        Command::Compare(args) => report::compare_runs(args),
        Command::Verify(args) => verify::run(args),
        Command::Generate(args) => generate::run(args),
        Command::Sweep(args) => sweep::run(args),
        Command::Merge(args) => sweep::merge(args, false),
        Command::Reconstruct(args) => reconstruct::run(args),
        Command::View(args) => view::run(args),
        Command::Import(args) => import::run(args),
        Command::Place(args) => place::run(args),
        Command::Export(args) => export::run(args),
        Command::Partition(args) => partition::run(args),
        Command::Passes(args) => passes::run(args),
        Command::Targets(args) => targets::run(args),
        Command::Completions { shell } => shells::completions(*shell),
        Command::Man { out } => shells::man(out.as_deref()),
        Command::Explain { code } => explain::run(code),
    }
}

/// An option that would change nothing: it is refused rather than ignored.
fn changes_nothing(option: &str, why: &str) -> Diagnostic {
    Diagnostic::new(Code::Argument, Subject::argument(option), format!("would change nothing: {why}"))
        .hint("leave it out")
}
