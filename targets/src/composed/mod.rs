//! A text put together from pieces of other texts, every byte of which knows where it was written.
//!
//! Targets that start from another target, overrides of the command line and powers such as `2^20` are put together as
//! text before anything reads them. So the reader is the one of plain files, and what it refuses is told of the
//! file and line where a person wrote it ([`ComposedText::blame`]).

mod powers;

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Source, Span};
use crate::{Diagnostics, Place};

/// A text and where its pieces are from.
#[derive(Debug, Clone)]
pub struct ComposedText {
    text: String,
    /// In order; together they are the text.
    pieces: Vec<Piece>,
}

/// Some bytes of the text.
#[derive(Debug, Clone)]
struct Piece {
    /// Where it ends in the text; it begins where the piece before it ends.
    end: usize,
    from: Span,
    /// Whether the bytes are those of `from`, or stand for all of it.
    verbatim: bool,
}

impl ComposedText {
    /// The text of a file, with powers of whole numbers (`2^20`) written out.
    pub fn of(source: &Arc<Source>) -> Self {
        let whole = Span { source: Arc::clone(source), range: 0..source.text.len() };
        let mut composed = Self { text: String::new(), pieces: Vec::new() };
        composed.push(&source.text, whole, true);
        let edits = powers::find(&source.text).into_iter().map(|(range, value)| {
            let span = Span { source: Arc::clone(source), range: range.clone() };
            (range, Self::standing_for(&value.to_string(), &span))
        });
        composed.edited(edits.collect())
    }

    /// A text that stands for something written elsewhere.
    pub fn standing_for(text: &str, from: &Span) -> Self {
        let mut composed = Self { text: String::new(), pieces: Vec::new() };
        composed.push(text, from.clone(), false);
        composed
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is one file as it was written.
    pub fn source(&self) -> Option<&Arc<Source>> {
        match self.pieces.as_slice() {
            [only] if only.verbatim && only.from.range == (0..only.from.source.text.len()) => {
                Some(&only.from.source)
            }
            _ => None,
        }
    }

    fn push(&mut self, text: &str, from: Span, verbatim: bool) {
        self.text += text;
        self.pieces.push(Piece { end: self.text.len(), from, verbatim });
    }

    /// Some bytes of it.
    pub fn slice(&self, range: Range<usize>) -> Self {
        let mut composed = Self { text: String::new(), pieces: Vec::new() };
        let mut start = 0;
        for piece in &self.pieces {
            let cut = range.start.max(start)..range.end.min(piece.end);
            if cut.start < cut.end {
                let mut from = piece.from.clone();
                if piece.verbatim {
                    from.range = from.range.start + cut.start - start..from.range.start + cut.end - start;
                }
                composed.push(&self.text[cut], from, piece.verbatim);
            }
            start = piece.end;
        }
        composed
    }

    /// Both texts, one after the other.
    #[must_use]
    pub fn then(mut self, other: &Self) -> Self {
        let start = self.text.len();
        self.text += &other.text;
        self.pieces
            .extend(other.pieces.iter().map(|piece| Piece { end: start + piece.end, ..piece.clone() }));
        self
    }

    /// The text with ranges of bytes replaced; they do not overlap. What replaces the same empty range comes in the
    /// order given.
    #[must_use]
    pub fn edited(&self, mut edits: Vec<(Range<usize>, Self)>) -> Self {
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut composed = Self { text: String::new(), pieces: Vec::new() };
        let mut at = 0;
        for (range, with) in edits {
            composed = composed.then(&self.slice(at..range.start)).then(&with);
            at = range.end;
        }
        composed.then(&self.slice(at..self.text.len()))
    }

    /// Where bytes of the text were written.
    pub fn span(&self, range: &Range<usize>) -> Option<Span> {
        let first = self.pieces.iter().position(|piece| range.start < piece.end);
        let first = first.or_else(|| self.pieces.len().checked_sub(1))?;
        let start = first.checked_sub(1).map_or(0, |before| self.pieces[before].end);
        let piece = &self.pieces[first];
        let mut span = piece.from.clone();
        if piece.verbatim {
            let within = |at: usize| span.range.start + at.clamp(start, piece.end) - start;
            span.range = within(range.start)..within(range.end);
        }
        Some(span)
    }

    /// Problems with `source`, whose text is this one, told of where it was written.
    #[must_use]
    pub fn blame(&self, mut problems: Diagnostics, source: &Arc<Source>) -> Diagnostics {
        let written = |place: &Place| {
            let span = place.span().filter(|span| Arc::ptr_eq(&span.source, source))?;
            let from = self.span(&span.range)?;
            Some(Place::from(place.subject().clone()).at(&from.source, from.range))
        };
        for problem in &mut problems.0 {
            if let Some(place) = written(&problem.place) {
                problem.place = place;
            }
            for (place, _) in &mut problem.related {
                if let Some(found) = written(place) {
                    *place = found;
                }
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_knows_where_it_was_written() {
        let base = ComposedText::of(&Source::new("base.ron", "(a: 1, b: 2^10, c: 3)"));
        assert_eq!(base.text(), "(a: 1, b: 1024, c: 3)");
        let other = ComposedText::of(&Source::new("other.ron", "x: 777"));
        let edited =
            base.edited(vec![(19..20, other.slice(3..6)), (1..1, other.clone().then(&other.slice(1..3)))]);
        assert_eq!(edited.text(), "(x: 777: a: 1, b: 1024, c: 777)");
        let at = |text: &str| {
            let start = edited.text().rfind(text).unwrap();
            let span = edited.span(&(start..start + text.len())).unwrap();
            (span.source.name.clone(), span.source.text[span.range].to_owned())
        };
        assert_eq!(at("c: "), ("base.ron".into(), "c: ".into()));
        assert_eq!(at("777)"), ("other.ron".into(), "777".into()));
        assert_eq!(at("1024"), ("base.ron".into(), "2^10".into()));
        assert_eq!(at("02"), ("base.ron".into(), "2^10".into()));
        let end = edited.span(&(edited.text().len()..edited.text().len())).unwrap();
        assert_eq!((end.source.name.as_str(), end.range), ("base.ron", 21..21));
        assert!(edited.source().is_none() && other.source().is_some() && base.source().is_none());
    }
}
