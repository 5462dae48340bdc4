//! Warnings as data: the field `warnings` of reports and comparisons, and a section of their text.

use serde::{Deserialize, Serialize};
use snnc_targets::{Diagnostic, printable};

/// One warning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// For `snnc explain`.
    pub code: String,
    /// Layer or other place.
    pub place: String,
    /// Where that stands, as `file:line:column`, if a file says it.
    #[serde(default)]
    pub at: Option<String>,
    /// What may happen.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl From<&Diagnostic> for Warning {
    fn from(d: &Diagnostic) -> Self {
        Self {
            code: d.code.to_string(),
            place: d.place.label(),
            at: d.place.position(),
            message: d.message.clone(),
            remedy: d.hint.clone(),
        }
    }
}

/// As data.
pub fn of(found: &[Diagnostic]) -> Vec<Warning> {
    found.iter().map(Warning::from).collect()
}

/// As a section of a report; empty without warnings.
pub fn text(warnings: &[Warning]) -> String {
    let line = |w: &Warning| format!("  {} {}: {}\n", w.code, printable(&w.place), printable(&w.message));
    if warnings.is_empty() {
        String::new()
    } else {
        "Warnings\n".to_owned() + &warnings.iter().map(line).collect::<String>()
    }
}
