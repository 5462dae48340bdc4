//! The `snnc` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = snnc::cli::parse();
    match snnc::commands::run(&arguments) {
        Ok(code) => code,
        Err(problems) => {
            snnc::errors::report(&problems, arguments.command.json());
            ExitCode::FAILURE
        }
    }
}
