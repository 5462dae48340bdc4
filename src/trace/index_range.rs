//! Some of a numbered row, as given on the command line.

use std::fmt;
use std::str::FromStr;

/// From `start` to before `end`; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexRange {
    start: u64,
    end: u64,
}

impl IndexRange {
    /// Whether it holds a number.
    pub fn holds(self, value: u64) -> bool {
        (self.start..self.end).contains(&value)
    }

    /// Whether it ends within the first `n`.
    pub fn within(self, n: u64) -> bool {
        self.end <= n
    }
}

impl fmt::Display for IndexRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, end } = *self;
        if end - start == 1 { write!(f, "{start}") } else { write!(f, "{start}..{end}") }
    }
}

impl FromStr for IndexRange {
    type Err = String;

    /// Parses `3` or `3..5`, the end not included.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("expected a number, or a range such as 3..5 (3 and 4), found `{text}`");
        let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
        let (start, end) = match text.split_once("..") {
            Some((start, end)) => (number(start)?, number(end)?),
            None => (number(text)?, number(text)?.checked_add(1).ok_or_else(wrong)?),
        };
        if start < end { Ok(Self { start, end }) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_ranges_parse_back() {
        for text in ["0", "3", "3..5", "0..1000"] {
            assert_eq!(text.parse::<IndexRange>().unwrap().to_string(), text);
        }
        for text in ["", "..", "3..", "..5", "5..3", "3..3", "-1", "a", "18446744073709551615"] {
            assert!(text.parse::<IndexRange>().is_err(), "{text}");
        }
        let span: IndexRange = "3..5".parse().unwrap();
        assert_eq!([2, 3, 4, 5].map(|v| span.holds(v)), [false, true, true, false]);
        assert!(span.within(5) && !span.within(4));
    }
}
