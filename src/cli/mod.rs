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

use snnc_targets::Diagnostics;

use crate::ranks;
use arguments::Cli;
use process::{console, panics, signals};

/// The whole command: handlers for signals and panics are installed, `arguments` (the first is the command's name) are
/// parsed and carried out, and all text is printed. The exit code is for the process, which is to end with it.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    panics::install();
    signals::install();
    let started = ranks::started(|name| std::env::var(name).ok());
    match started {
        None => carry_out(arguments, &|cli| commands::run(&cli), true),
        Some(started) => on_ranks(arguments, &started),
    }
}

/// Does so with the processes that were started together with this one.
#[cfg(feature = "mpi")]
fn on_ranks(arguments: Vec<OsString>, _: &ranks::Started) -> ExitCode {
    use snnc_simulator::exchange::Exchange;
    use std::sync::Arc;

    let joined = match ranks::mpi::Joined::join() {
        Ok(joined) => joined,
        Err(problem) => {
            errors::report(&problem.into(), false);
            return ExitCode::FAILURE;
        }
    };
    let exchange: Arc<dyn Exchange> = Arc::new(joined.exchange());
    let together = |cli: Cli| match commands::ranks::stands_alone(&cli.command) {
        true => commands::run(&cli),
        false => Ok(commands::ranks::run(cli, exchange.clone())),
    };
    carry_out(arguments, &together, exchange.rank() == 0)
}

/// Without MPI, processes that were started together know nothing of each other.
#[cfg(not(feature = "mpi"))]
fn on_ranks(arguments: Vec<OsString>, started: &ranks::Started) -> ExitCode {
    let alone = |cli: Cli| match commands::ranks::stands_alone(&cli.command) {
        true => commands::run(&cli),
        false => Err(ranks::refuse(started).into()),
    };
    carry_out(arguments, &alone, true)
}

/// Parses arguments and has `command` carry them out; `tells` says whether this process says what is wrong with them.
fn carry_out(
    arguments: Vec<OsString>,
    command: &dyn Fn(Cli) -> Result<ExitCode, Diagnostics>,
    tells: bool,
) -> ExitCode {
    let cli = match arguments::parse_from(arguments) {
        Ok(cli) => cli,
        Err(answer) if tells => return said(&answer),
        Err(answer) => return usage_code(&answer),
    };
    let json = cli.command.json();
    match command(cli) {
        Ok(code) => console::exit_code(code),
        Err(problems) => {
            errors::report(&problems, json);
            ExitCode::FAILURE
        }
    }
}

/// Help and the version on standard output, or what is wrong with the arguments on standard error.
fn said(answer: &clap::Error) -> ExitCode {
    let printed = answer.print();
    let code = usage_code(answer);
    if answer.use_stderr() {
        return code;
    }
    console::printed(&printed);
    console::exit_code(code)
}

fn usage_code(answer: &clap::Error) -> ExitCode {
    ExitCode::from(u8::try_from(answer.exit_code()).unwrap_or(2))
}
