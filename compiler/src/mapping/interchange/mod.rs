//! Mappings as files, so that mappings of other authors can be read, and ours be used elsewhere.
//!
//! A partition file names layers as the reports do; a placement file gives chips and tiles. Both are RON, print from
//! any program and parse back to the same value. What is read goes through the verifiers of
//! [`Partition`](super::Partition) and [`Placement`](super::Placement) and then, built, of the program. A limits file
//! goes out with a hypergraph.

pub mod limits;
mod limits_use;
pub mod partition;
pub mod placement;

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use snnc_targets::{Code, Diagnostic, Place, input, ron_text};

/// A mapping file: RON with a format string.
pub trait MappingFile: Serialize + DeserializeOwned {
    /// The format string.
    const FORMAT: &str;
    /// What the file says of itself in its first line.
    const COMMENT: &str;

    /// The format string that was read.
    fn format(&self) -> &str;

    /// The file's text, an element of a list to a line.
    fn to_text(&self) -> String {
        let style = ron::ser::PrettyConfig::new().depth_limit(2).indentor("  ");
        let text = ron_text::print(self, style).expect("mapping files hold only plain data");
        format!("// {}\n{text}\n", Self::COMMENT)
    }

    /// Reads a file's text; `place` names it in errors.
    ///
    /// # Errors
    /// [`Code::RonSyntax`] with line and column, [`Code::MappingInvalid`] for another format.
    fn from_text(text: &str, place: &str) -> Result<Self, Diagnostic> {
        let file: Self = ron::from_str(text).map_err(|error| {
            let at = error.span.start;
            Diagnostic::new(
                Code::RonSyntax,
                Place::line(place, at.line, Some(at.col)),
                error.code.to_string(),
            )
        })?;
        if file.format() == Self::FORMAT {
            return Ok(file);
        }
        let message = format!("format is `{}`, expected `{}`", file.format(), Self::FORMAT);
        Err(Diagnostic::new(Code::MappingInvalid, Place::file(place), message))
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Those of [`MappingFile::from_text`] and [`Code::FileUnreadable`].
    fn read(path: &Path) -> Result<Self, Diagnostic> {
        Self::from_text(&input::MAPPING.read_text(path)?, &path.display().to_string())
    }
}
