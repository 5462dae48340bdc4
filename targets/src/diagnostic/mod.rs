//! What a user can act on, errors and warnings: a code, the place, what was found and expected, and a hint.
//!
//! Every crate of snnc reports bad input through [`Diagnostic`]; several are collected in [`Diagnostics`]. A broken
//! *internal* invariant is not a diagnostic: it panics and names the invariant. Printed here is the plain form, on a
//! line or two each; the command draws the lines of the file beside it.

mod codes;
mod escape;
mod place;

use std::fmt;
use std::path::Path;

pub use codes::{Code, Severity};
pub use escape::{one_line, printable};
pub use place::{CorePart, Location, MapAxis, NamedPart, Place, Source, Span, Subject};

/// One coded error or warning with its place and, where one is known, a remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Diagnostic {
    /// Stable code; `snnc explain CODE` prints its page.
    pub code: Code,
    /// Where.
    pub place: Place,
    /// What was found and what was expected.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// Other places that have part in it, each with a few words: `the first of that name`.
    pub related: Vec<(Place, String)>,
}

impl Diagnostic {
    /// A diagnostic without a hint; a warning if the code is one.
    pub fn new(code: Code, place: impl Into<Place>, message: impl Into<String>) -> Self {
        Self { code, place: place.into(), message: message.into(), hint: None, related: Vec::new() }
    }

    /// A warning without a hint, for the codes that begin with `W`.
    pub fn warning(code: Code, place: impl Into<Place>, message: impl Into<String>) -> Self {
        assert_eq!(code.severity(), Severity::Warning, "warnings have W codes");
        Self::new(code, place, message)
    }

    /// Error or warning.
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds another place that has part in it, and what is there.
    #[must_use]
    pub fn related(mut self, place: impl Into<Place>, words: impl Into<String>) -> Self {
        self.related.push((place.into(), words.into()));
        self
    }

    /// A file that could not be opened, read or mapped.
    pub fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        let new = Self::new(Code::FileUnreadable, path, format!("cannot read: {error}"));
        if error.kind() == std::io::ErrorKind::NotFound {
            new.hint("check the path; paths inside a model file are relative to that file")
        } else {
            new
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place.to_string();
        write!(f, "{}[{}]: {}", self.severity(), self.code, printable(&self.message))?;
        write!(f, "\n  --> {}", one_line(&place))?;
        for (place, words) in &self.related {
            write!(f, "\n  and {}: {}", one_line(&place.to_string()), printable(words))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {}", printable(hint))?;
        }
        Ok(())
    }
}

/// One or more diagnostics, in the order in which they were found. Empty when used as an error only where another
/// process has told what is wrong. A verifier keeps the first few, and counts the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Diagnostics(pub Vec<Diagnostic>, Uncollected);

/// Findings beyond those that were collected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Uncollected {
    /// How many were counted.
    counted: usize,
    /// Whether the search ended before all was looked at, so that there may be more.
    stopped: bool,
}

impl Diagnostics {
    /// Counts one more that is not collected.
    pub fn leave_out(&mut self) {
        self.1.counted += 1;
    }

    /// Not all was looked at.
    pub fn stop(&mut self) {
        self.1.stopped = true;
    }

    /// Adds those of another search.
    pub fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
        self.1.counted += other.1.counted;
        self.1.stopped |= other.1.stopped;
    }

    /// How many there are beyond the first `shown`, in words; none if there are no others.
    pub fn more_than(&self, shown: usize) -> Option<String> {
        let more = self.0.len().saturating_sub(shown) + self.1.counted;
        match (more, self.1.stopped) {
            (0, false) => None,
            (0, true) => Some("... and perhaps more: not all was looked at".into()),
            (more, false) => Some(format!("... and {more} more")),
            (more, true) => Some(format!("... and at least {more} more: not all was looked at")),
        }
    }

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

    /// In the order of a reader: by file and position, then those without a position as they were found.
    pub fn sort(&mut self) {
        self.0.sort_by(|a, b| match (a.place.span(), b.place.span()) {
            (Some(a), Some(b)) => (&a.source.name, a.range.start).cmp(&(&b.source.name, b.range.start)),
            (a, b) => a.is_none().cmp(&b.is_none()),
        });
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        vec![diagnostic].into()
    }
}

impl From<Vec<Diagnostic>> for Diagnostics {
    fn from(all: Vec<Diagnostic>) -> Self {
        Self(all, Uncollected::default())
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(all: I) -> Self {
        all.into_iter().collect::<Vec<_>>().into()
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
        match self.more_than(self.0.len()) {
            Some(more) => write!(f, "\n{more}"),
            None => Ok(()),
        }
    }
}
