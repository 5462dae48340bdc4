//! Mappings as files, so that people's own can be read and ours be taken elsewhere.
//!
//! A partition file names layers as the reports do; a placement file gives chips and tiles. Both are RON, print from
//! any program and parse back to the same value. Nothing is trusted: what is read goes through the verifiers of
//! [`Partition`](super::Partition) and [`Placement`](super::Placement) and then, built, of the program.

pub mod partition;
pub mod placement;

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use snnc_targets::{Code, Diagnostic};

/// Longest mapping file that is read, in bytes.
const LONGEST: u64 = 1 << 30;

/// Prints `value` below a comment, an element of a list to a line.
fn print<T: Serialize>(comment: &str, value: &T) -> String {
    let style = ron::ser::PrettyConfig::new().depth_limit(2).indentor("  ");
    let text = ron::ser::to_string_pretty(value, style).expect("mapping files hold only plain data");
    format!("// {comment}\n{text}\n")
}

/// Reads a RON file of a given format string.
fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Diagnostic> {
    let unreadable = |e: &std::io::Error| Diagnostic::unreadable(path, e);
    let length = std::fs::metadata(path).map_err(|e| unreadable(&e))?.len();
    if length > LONGEST {
        let message = format!("{length} bytes, expected at most {LONGEST}");
        return Err(Diagnostic::new(Code::MappingInvalid, path.display().to_string(), message));
    }
    let text = std::fs::read_to_string(path).map_err(|e| unreadable(&e))?;
    parse(&text, &path.display().to_string())
}

fn parse<T: DeserializeOwned>(text: &str, place: &str) -> Result<T, Diagnostic> {
    ron::from_str(text).map_err(|error| {
        let at = error.span.start;
        Diagnostic::new(Code::RonSyntax, format!("{place}:{}:{}", at.line, at.col), error.code.to_string())
    })
}

fn check_format(found: &str, expected: &str, place: &str) -> Result<(), Diagnostic> {
    if found == expected {
        return Ok(());
    }
    let message = format!("format is `{found}`, expected `{expected}`");
    Err(Diagnostic::new(Code::MappingInvalid, place, message))
}
