//! Errors that a user can act on: a code, the place, what was found and expected, and a hint.
//!
//! Every crate of snnc reports bad input through [`Diagnostic`]; several are collected in [`Diagnostics`]. A broken
//! *internal* invariant is not a diagnostic: it panics and names the invariant.

mod codes;

use std::fmt;
use std::path::Path;

pub use codes::Code;

/// One coded error with its place and, where one is known, a remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Diagnostic {
    /// Stable code; `snnc explain CODE` prints its page.
    pub code: Code,
    /// Where: a path, `path:line:column`, or an entity such as `layer sdid.conv3`.
    pub place: String,
    /// What was found and what was expected.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A diagnostic without a hint.
    pub fn new(code: Code, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, place: place.into(), message: message.into(), hint: None }
    }

    /// The same diagnostic with a remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A file that could not be opened, read or mapped.
    pub fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let new =
            Self::new(Code::FileUnreadable, path.display().to_string(), format!("cannot read: {error}"));
        if error.kind() == std::io::ErrorKind::NotFound {
            new.hint("check the path; paths inside a model file are relative to that file")
        } else {
            new
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}\n  --> {}", self.code, self.message, self.place)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// One or more diagnostics, in the order in which they were found. Never empty when used as an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// `Ok(value)` when nothing was collected, else all of it.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// The codes, in order; for tests.
    pub fn codes(&self) -> Vec<Code> {
        self.0.iter().map(|d| d.code).collect()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}
