//! The `snnc` command.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = snnc::cli::Cli::parse();
    match snnc::commands::run(&arguments) {
        Ok(code) => code,
        Err(problems) => {
            eprintln!("{problems}");
            let codes: std::collections::BTreeSet<_> = problems.codes().into_iter().collect();
            if let Some(code) = codes.first() {
                eprintln!("\n`snnc explain {code}` says more");
            }
            ExitCode::FAILURE
        }
    }
}
