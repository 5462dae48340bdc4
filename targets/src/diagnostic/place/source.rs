//! Texts of files, and bytes in them.

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
}
