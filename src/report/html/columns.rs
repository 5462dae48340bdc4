//! Tables of a run (timesteps.csv, cores.csv, predictions.csv) by column, as scripts want them, and short in JSON.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::Serialize;
use snnc_targets::{Code, Diagnostic, Place};

/// Most bytes of a table that are looked at.
const BYTES: u64 = 64 << 20;

/// The first rows of a table, by column.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Columns {
    /// Rows that are here.
    pub rows: usize,
    /// Whether the table has more.
    pub more: bool,
    /// By heading.
    pub columns: BTreeMap<String, Column>,
}

/// The cells of a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Column {
    /// Numbers; null for empty cells.
    Numbers(Vec<Option<f64>>),
    /// Words, each once, and which of them a row has.
    Words {
        /// Each word once.
        words: Vec<String>,
        /// By row, an index into `words`.
        index: Vec<usize>,
    },
}

impl Column {
    fn empty(is_word: bool) -> Self {
        if is_word { Self::Words { words: Vec::new(), index: Vec::new() } } else { Self::Numbers(Vec::new()) }
    }

    /// Appends a cell; what is wrong with it, if it is no number and should be.
    fn push(&mut self, cell: &str) -> Result<(), String> {
        match self {
            Self::Words { words, index } => {
                let known = words.iter().position(|word| word == cell);
                index.push(known.unwrap_or(words.len()));
                words.extend(known.is_none().then(|| cell.to_owned()));
            }
            Self::Numbers(numbers) if cell.is_empty() => numbers.push(None),
            Self::Numbers(numbers) => match cell.parse::<f64>() {
                Ok(number) if number.is_finite() => numbers.push(Some(number)),
                _ => return Err(format!("expected a number, found `{cell}`")),
            },
        }
        Ok(())
    }
}

/// Reads the first `most` rows of a table; `wanted` are headings, some of them of `words`. Headings that the table
/// lacks are left out.
///
/// # Errors
/// [`Code::FileUnreadable`] with the line.
pub fn read(path: &Path, most: usize, wanted: &[&str], words: &[&str]) -> Result<Columns, Diagnostic> {
    let file = File::open(path).map_err(|error| Diagnostic::unreadable(path, &error))?;
    let bad = |line: u64, message: String| {
        let place = Place::line(path, usize::try_from(line).unwrap_or(usize::MAX), None);
        Diagnostic::new(Code::FileUnreadable, place, message)
            .hint("run the command that wrote the table again")
    };
    let mut table = csv::Reader::from_reader(file.take(BYTES));
    let headings = table.headers().map_err(|error| bad(1, error.to_string()))?.clone();
    let places: Vec<(usize, &str)> =
        (headings.iter().enumerate()).filter(|(_, heading)| wanted.contains(heading)).collect();
    let mut columns: Vec<Column> =
        places.iter().map(|(_, heading)| Column::empty(words.contains(heading))).collect();
    let (mut rows, mut more) = (0, false);
    for (number, record) in table.records().enumerate() {
        let line = number as u64 + 2;
        more = rows == most;
        if more {
            break;
        }
        let record = record.map_err(|error| bad(line, error.to_string()))?;
        for ((place, _), column) in places.iter().zip(&mut columns) {
            column.push(record.get(*place).unwrap_or_default()).map_err(|message| bad(line, message))?;
        }
        rows += 1;
    }
    let columns = places.iter().map(|(_, heading)| (*heading).to_owned()).zip(columns).collect();
    Ok(Columns { rows, more, columns })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str, most: usize) -> Result<Columns, Diagnostic> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        read(&path, most, &["n", "w", "missing"], &["w"])
    }

    #[test]
    fn columns_are_picked_by_their_headings() {
        let read = table("x,n,w\n1,2.5,a\n1,,b\n1,3,a\n", 9).unwrap();
        assert_eq!((read.rows, read.more, read.columns.len()), (3, false, 2));
        assert_eq!(read.columns["n"], Column::Numbers(vec![Some(2.5), None, Some(3.0)]));
        let words = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(read.columns["w"], Column::Words { words, index: vec![0, 1, 0] });
    }

    #[test]
    fn long_tables_are_cut_and_damaged_ones_are_refused_by_their_line() {
        let read = table("n\n1\n2\n3\n", 2).unwrap();
        assert_eq!((read.rows, read.more), (2, true));
        assert!(!table("n\n1\n2\n", 2).unwrap().more);
        for text in ["n\n1\nx\n", "n\n1\nNaN\n"] {
            let problem = table(text, 9).unwrap_err();
            assert_eq!(problem.code, Code::FileUnreadable);
            assert!(problem.to_string().contains(":3"), "{problem}");
        }
    }
}
