//! Errors and warnings as JSON, for programs: one object, schema `snnc.diagnostics/1`.

use serde::Serialize;
use snnc_targets::{Diagnostic, Diagnostics, Place};

/// The schema string.
pub const SCHEMA: &str = "snnc.diagnostics/1";

/// All that was found.
#[derive(Debug, Serialize)]
pub struct PrintedDiagnostics<'a> {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// In the order of the text form; all of them, however many.
    pub diagnostics: Vec<PrintedDiagnostic<'a>>,
}

/// One error or warning.
#[derive(Debug, Serialize)]
pub struct PrintedDiagnostic<'a> {
    /// `error` or `warning`.
    pub severity: &'static str,
    /// For `snnc explain`.
    pub code: &'static str,
    /// Title of the code.
    pub title: &'static str,
    /// What was found, and what was expected.
    pub message: &'a str,
    /// What to do about it.
    pub hint: Option<&'a str>,
    /// Where.
    pub place: PrintedPlace<'a>,
    /// Other places that have part in it.
    pub related: Vec<RelatedPlace<'a>>,
}

/// A place.
#[derive(Debug, Serialize)]
pub struct PrintedPlace<'a> {
    /// What it is about: `layer sdid.conv3`, `--images 0`, a path; empty for a file whose bytes are given.
    pub subject: String,
    /// `file`, `entity`, `argument` or `other`.
    pub kind: &'static str,
    /// The file that holds it, if it was read as text.
    #[serde(flatten)]
    pub file: Option<FileSpan<'a>>,
}

/// A part of a text file. Lines and columns count from 1, columns in characters, bytes from 0.
#[derive(Debug, Serialize)]
pub struct FileSpan<'a> {
    /// Path.
    pub file: &'a str,
    /// First line.
    pub line: usize,
    /// First column.
    pub column: usize,
    /// Line of the end.
    pub end_line: usize,
    /// Column behind the end.
    pub end_column: usize,
    /// First byte and the one behind the last.
    pub bytes: [usize; 2],
}

/// Another place.
#[derive(Debug, Serialize)]
pub struct RelatedPlace<'a> {
    /// Where.
    pub place: PrintedPlace<'a>,
    /// What is there.
    pub message: &'a str,
}

/// The object with a final line feed. Control characters are escaped, as JSON demands.
pub fn print(problems: &Diagnostics) -> String {
    let diagnostics = problems.0.iter().map(printed).collect();
    let printed = PrintedDiagnostics { schema: SCHEMA, diagnostics };
    serde_json::to_string_pretty(&printed).expect("diagnostics are plain data") + "\n"
}

fn printed(problem: &Diagnostic) -> PrintedDiagnostic<'_> {
    PrintedDiagnostic {
        severity: problem.severity().as_str(),
        code: problem.code.as_str(),
        title: problem.code.title(),
        message: &problem.message,
        hint: problem.hint.as_deref(),
        place: printed_place(&problem.place),
        related: problem
            .related
            .iter()
            .map(|(place, message)| RelatedPlace { place: printed_place(place), message })
            .collect(),
    }
}

fn printed_place(place: &Place) -> PrintedPlace<'_> {
    let file = place.span().map(|span| {
        let (line, column) = span.source.line_column(span.range.start);
        let (end_line, end_column) = span.source.line_column(span.range.end);
        let bytes = [span.range.start, span.range.end];
        FileSpan { file: &span.source.name, line, column, end_line, end_column, bytes }
    });
    let subject = place.subject();
    PrintedPlace { subject: place.label(), kind: subject.kind(), file }
}
