//! `snnc view`: a compiled program on a terminal.

use std::io::IsTerminal;
use std::process::ExitCode;

use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use crate::cli::arguments::ViewArgs;
use crate::cli::view;
use crate::program::Program;

pub fn run(args: &ViewArgs) -> Result<ExitCode, Diagnostics> {
    if !(std::io::stdout().is_terminal() && std::io::stdin().is_terminal()) {
        let message = "needs a terminal to draw on and to read keys from; standard input or output is none";
        return Err(Diagnostic::new(Code::Argument, Subject::argument("view"), message)
            .hint("`snnc compile --json` and `snnc run --json` give the same as data")
            .into());
    }
    let program = Program::load(&args.program)?;
    view::run(program.mapped()).map_err(|error| {
        let message = format!("the terminal refuses: {error}");
        Diagnostic::new(Code::OutputFailed, Subject::argument("view"), message)
    })?;
    Ok(ExitCode::SUCCESS)
}
