//! The `snnc` command.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use snnc::cli::process::{console, panics, signals};
use snnc::cli::{arguments, commands, errors};

/// Whether the process was started without a standard output.
static NO_STDOUT: AtomicBool = AtomicBool::new(false);

/// Looks before Rust's runtime does, which opens `/dev/null` in the place of a missing stream.
#[ctor::ctor(unsafe)]
fn look_for_stdout() {
    use std::os::fd::AsFd;
    NO_STDOUT.store(std::io::stdout().as_fd().try_clone_to_owned().is_err(), Ordering::SeqCst);
}

fn main() -> ExitCode {
    panics::install();
    signals::install();
    if NO_STDOUT.load(Ordering::SeqCst) {
        console::missing();
    }
    let arguments = match arguments::parse() {
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
