//! Where a fault is: what it is about, and where that stands in a file.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// The text of a file that was read, kept so that an error can show the line.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The path as given.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// A text under its path.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { name: name.into(), text: text.into() })
    }

    /// Line and column of a byte, both from 1; columns count characters.
    pub fn line_column(&self, byte: usize) -> (usize, usize) {
        let before = self.text.get(..byte).unwrap_or(&self.text);
        let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (line, before[start..].chars().count() + 1)
    }

    /// The byte at a line and column, both from 1; the end of the text where there is no such.
    pub fn byte(&self, line: usize, column: usize) -> usize {
        let start: usize = self.text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = &self.text[start..];
        start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(byte, _)| byte)
    }
}

/// Bytes of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Where the bytes are from.
    pub source: Arc<Source>,
    /// Which bytes; on character boundaries.
    pub range: Range<usize>,
}

/// What a fault is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The file itself; its name is the span's.
    File,
    /// A part of a network, mapping or chip, with its kind: `layer sdid.conv3`, `core 7`, `target speck-like`.
    Entity(String),
    /// What was said on the command line: `--images 0`.
    Argument(String),
    /// Anything else: a path, a field.
    Plain(String),
}

/// Words that begin the name of an entity.
const KINDS: [&str; 9] =
    ["layer ", "network ", "model ", "target ", "core ", "population ", "projection ", "list ", "net "];

impl Subject {
    /// As printed; empty for the file itself.
    pub fn as_str(&self) -> &str {
        match self {
            Self::File => "",
            Self::Entity(text) | Self::Argument(text) | Self::Plain(text) => text,
        }
    }
}

/// Where a fault is. Printed as `file:line:column: subject`, or as the part that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What it is about.
    pub subject: Subject,
    // Boxed since errors are returned by value.
    span: Option<Box<Span>>,
}

impl Place {
    /// Bytes of a file that no narrower name is known for.
    pub fn file(source: &Arc<Source>, range: Range<usize>) -> Self {
        Self { subject: Subject::File, span: Some(Box::new(Span { source: Arc::clone(source), range })) }
    }

    /// The same place, known to stand at these bytes.
    #[must_use]
    pub fn at(self, source: &Arc<Source>, range: Range<usize>) -> Self {
        Self { span: Self::file(source, range).span, ..self }
    }

    /// Where it stands in a file.
    pub fn span(&self) -> Option<&Span> {
        self.span.as_deref()
    }

    /// `file:line:column`.
    pub fn position(&self) -> Option<String> {
        let span = self.span()?;
        let (line, column) = span.source.line_column(span.range.start);
        Some(format!("{}:{line}:{column}", span.source.name))
    }

    /// The subject as printed, without the file.
    pub fn as_str(&self) -> &str {
        self.subject.as_str()
    }
}

impl From<String> for Place {
    fn from(text: String) -> Self {
        let subject = if text.starts_with("--") {
            Subject::Argument(text)
        } else if KINDS.iter().any(|kind| text.starts_with(kind)) {
            Subject::Entity(text)
        } else {
            Subject::Plain(text)
        };
        Self { subject, span: None }
    }
}

impl From<&str> for Place {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&String> for Place {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl PartialEq<str> for Place {
    fn eq(&self, other: &str) -> bool {
        let printed = self.to_string();
        printed == other
    }
}

impl PartialEq<&str> for Place {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl PartialEq<String> for Place {
    fn eq(&self, other: &String) -> bool {
        *self == **other
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = self.subject.as_str();
        let Some(position) = self.position() else { return f.write_str(subject) };
        f.write_str(&position)?;
        if subject.is_empty() { Ok(()) } else { write!(f, ": {subject}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let source = Source::new("m.ron", "(\n  \"Größe\": x,\n)");
        let x = source.text.find('x').unwrap();
        assert_eq!(source.line_column(x), (2, 12));
        assert_eq!(source.byte(2, 12), x);
        assert_eq!(source.line_column(0), (1, 1));
        assert_eq!(source.byte(9, 9), source.text.len());
    }

    #[test]
    fn places_say_what_is_known() {
        let source = Source::new("m.ron", "a\nbc");
        let layer = Place::from("layer net.c");
        assert_eq!(layer.subject, Subject::Entity("layer net.c".into()));
        assert_eq!(layer.clone().at(&source, 3..4), "m.ron:2:2: layer net.c");
        assert_eq!(Place::file(&source, 0..1), "m.ron:1:1");
        assert_eq!(Place::from("--images 0").subject, Subject::Argument("--images 0".into()));
    }
}
