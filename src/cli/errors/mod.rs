//! Errors and warnings as people read them.
//!
//! [`render`] draws them in the manner of rustc (the `annotate-snippets` crate, which is rustc's own renderer): code,
//! `file:line:column`, the line with the value marked, other places, what to do. [`crate::diagnostics`] gives the same
//! to programs.
//! Whatever comes from files and arguments passes [`snnc_targets::diagnostic::printable`] on the way, so that it cannot
//! steer a terminal.

pub mod render;

use std::io::Write;

use snnc_targets::{Diagnostic, Diagnostics};

use crate::cli::process::console::{self, Detail};
use crate::diagnostics;

/// Widest rendering, in columns.
const WIDEST: usize = 120;
/// Columns where there is no terminal.
const PIPED: usize = 80;

/// Writes diagnostics to standard error: drawn, in colours on a terminal (but see `NO_COLOR`), or as JSON.
///
/// A failure to write to standard error is ignored, since there is nowhere left to report it.
pub fn report(problems: &Diagnostics, json: bool) {
    if problems.0.is_empty() {
        return;
    }
    put(&text(problems, json));
}

/// The text of diagnostics: drawn, in colours, or as JSON.
pub fn text(problems: &Diagnostics, json: bool) -> String {
    if json { diagnostics::print(problems) } else { render::styled(problems, columns()) }
}

/// Writes such a text to standard error, in colours where that shows them.
pub fn put(text: &str) {
    let mut out = anstream::stderr();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Warnings on standard error, one after the other, unless only errors are wanted.
pub fn warn(found: &[Diagnostic]) {
    if console::detail() == Detail::Quiet {
        return;
    }
    report(&Diagnostics::from(found.to_vec()), false);
}

fn columns() -> usize {
    let terminal = ::console::Term::stderr().size_checked().map(|(_, columns)| usize::from(columns));
    terminal.map_or(PIPED, |columns| columns.clamp(40, WIDEST))
}
