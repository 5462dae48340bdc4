//! Standard output and standard error: the only room that writes to them.
//!
//! The work is done and files are written whatever becomes of the text. What went wrong with standard output is kept
//! until the end, when [`exit_code`] tells it. A text that standard error does not take is dropped.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use snnc_targets::text_width::folded;
use snnc_targets::{Code, Diagnostic, NamedPart, printable};

use super::CLOSED_PIPE;

/// How much a command tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Errors.
    Quiet,
    /// What most people want to know.
    Brief,
    /// All there is.
    Full,
}

impl Detail {
    /// As two options say it; quiet comes first.
    pub fn of(quiet: bool, verbose: bool) -> Self {
        match (quiet, verbose) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Full,
            (false, false) => Self::Brief,
        }
    }
}

static DETAIL: Mutex<Detail> = Mutex::new(Detail::Brief);

/// Sets how much is told from here on.
pub fn show(detail: Detail) {
    *DETAIL.lock().unwrap_or_else(PoisonError::into_inner) = detail;
}

/// How much is told.
pub fn detail() -> Detail {
    *DETAIL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether standard output is left alone for now.
static MUTED: AtomicBool = AtomicBool::new(false);

/// Keeps what is printed off standard output, or no longer: a rank's part of the work is told when all parts are put
/// together.
pub fn mute(muted: bool) {
    MUTED.store(muted, Ordering::SeqCst);
}

/// How standard output fares.
#[derive(Debug)]
enum OutputState {
    Open,
    /// A file of the command goes there, so text goes to standard error.
    Taken,
    /// Its reader has seen enough.
    Closed,
    Failed(String),
}

static OUTPUT: Mutex<OutputState> = Mutex::new(OutputState::Open);

fn output() -> MutexGuard<'static, OutputState> {
    OUTPUT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Prints to standard output, unless that has failed before, or only errors are wanted.
pub fn print(text: &str) {
    // No name, path or argument steers a terminal.
    put(&printable(text));
}

/// Prints a text for people as [`print()`], no line wider than a terminal; where standard output shows colours (but see
/// `NO_COLOR`), titles stand out: the lines without an indent.
pub fn print_titled(text: &str) {
    let text = folded(&printable(text));
    match anstream::AutoStream::choice(&std::io::stdout()) {
        anstream::ColorChoice::Never => put(&text),
        _ => put(&titles_in_colour(&text)),
    }
}

/// Lines without an indent in bold cyan.
fn titles_in_colour(text: &str) -> String {
    let line = |line: &str| match line.trim_end_matches('\n') {
        title if title.is_empty() || title.starts_with(' ') => line.to_owned(),
        title => format!("\x1b[1;36m{title}\x1b[0m{}", &line[title.len()..]),
    };
    text.split_inclusive('\n').map(line).collect()
}

/// Writes to standard output, unless that has failed before, or only errors are wanted.
fn put(text: &str) {
    if detail() == Detail::Quiet || MUTED.load(Ordering::SeqCst) {
        return;
    }
    let state = output();
    match *state {
        OutputState::Taken => say(text),
        OutputState::Closed | OutputState::Failed(_) => {}
        OutputState::Open => {
            let mut out = std::io::stdout().lock();
            let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
            drop(state);
            printed(&written);
        }
    }
}

/// Notes the result of printing that went past [`print()`], as clap does it.
pub fn printed(result: &std::io::Result<()>) {
    if let Err(error) = result {
        let closed = error.kind() == ErrorKind::BrokenPipe;
        *output() = if closed { OutputState::Closed } else { OutputState::Failed(error.to_string()) };
    }
}

/// The process was started without a standard output.
pub fn missing() {
    *output() = OutputState::Failed("it is closed".into());
}

/// A file of the command is written to standard output: text goes to standard error from here on.
pub fn give_away() {
    let mut output = output();
    if matches!(*output, OutputState::Open) {
        *output = OutputState::Taken;
    }
}

/// Prints to standard error; a text that it does not take is dropped.
pub fn say(text: &str) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

/// The exit code of a command that ended with `code`: another one, and an error on standard error, if its text was
/// lost.
pub fn exit_code(code: ExitCode) -> ExitCode {
    match &*output() {
        OutputState::Open | OutputState::Taken => code,
        OutputState::Closed => ExitCode::from(CLOSED_PIPE),
        OutputState::Failed(error) => {
            let message = format!("cannot print: {error}");
            let problem = Diagnostic::new(Code::OutputFailed, NamedPart::StandardOutput, message);
            say(&format!("{}\n", problem.hint("files were written; what should have been printed is lost")));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_the_lines_without_an_indent() {
        let text = "net on chip\n\n  1 mJ\n\nEnergy\n  a  1 J";
        let expected = "\x1b[1;36mnet on chip\x1b[0m\n\n  1 mJ\n\n\x1b[1;36mEnergy\x1b[0m\n  a  1 J";
        assert_eq!(titles_in_colour(text), expected);
    }
}
