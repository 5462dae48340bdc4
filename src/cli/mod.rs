//! The `snnc` command: arguments in, calls of the library, text and files out.
//!
//! [`arguments`] holds the options, [`commands`] has a file for each subcommand. [`errors`] draws what is wrong with an
//! input, [`progress`] is the bar on a terminal, [`view`] a program on one, [`process`] handles standard streams,
//! signals, panics and exit codes. This is the only room that prints.

pub mod arguments;
pub mod commands;
pub mod errors;
pub mod process;
pub mod progress;
pub mod view;

use std::ffi::OsString;
use std::process::ExitCode;

use process::{console, panics, signals};

/// The whole command: handlers for signals and panics are installed, `arguments` (the first is the command's name) are
/// parsed and carried out, and all text is printed. The exit code is for the process, which is to end with it.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    panics::install();
    signals::install();
    let arguments = match arguments::parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(answer) => return said(&answer),
    };
    match commands::run(&arguments) {
        Ok(code) => console::exit_code(code),
        Err(problems) => {
            errors::report(&problems, arguments.command.json());
            ExitCode::FAILURE
        }
    }
}

/// Help and the version on standard output, or what is wrong with the arguments on standard error.
fn said(answer: &clap::Error) -> ExitCode {
    let printed = answer.print();
    let code = ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2));
    if answer.use_stderr() {
        return code;
    }
    console::printed(&printed);
    console::exit_code(code)
}
