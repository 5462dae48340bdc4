//! Diagnostics as the Python exception `snnc.SnncError`, which has them as data.

use pyo3::prelude::*;
use snnc::targets::Subject;
use snnc::{Code, Diagnostic, Diagnostics};

/// Columns of the drawn form: that of a notebook's cell.
const COLUMNS: usize = 100;

/// The exception for some problems: their text as the command draws it, and their JSON.
pub fn raise(py: Python<'_>, problems: impl Into<Diagnostics>) -> PyErr {
    let problems = problems.into();
    let text = snnc::cli::errors::render::plain(&problems, COLUMNS);
    let json = snnc::diagnostics::print(&problems);
    let made = py
        .import("snnc._errors")
        .and_then(|module| module.getattr("SnncError"))
        .and_then(|class| class.call_method1("_of", (text, json)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// Refuses an argument of a Python function.
pub fn argument(name: &str, message: impl Into<String>, hint: &str) -> Diagnostic {
    Diagnostic::new(Code::Argument, Subject::argument(name), message).hint(hint)
}
