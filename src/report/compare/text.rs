//! Runs side by side, for a terminal. Words that are the same in all runs are left out; figures are not.

use std::fmt;

use snnc_targets::text_table::{TextTable, left, right};

use super::{ComparedValue, ComparisonRow, RunComparison};

/// Blanks before a row.
const INDENT: u16 = 2;

/// The letter of a run.
pub(super) fn letter(run: usize) -> char {
    ('A'..).nth(run).unwrap_or('?')
}

impl fmt::Display for RunComparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names = TextTable::new(INDENT, [left(""), left("")]);
        for (letter, name) in ('A'..).zip(&self.runs) {
            names.row([letter.to_string(), name.clone()]);
        }
        write!(f, "Runs\n{names}")?;
        for section in &self.sections {
            let shown: Vec<&ComparisonRow> = section.rows.iter().filter(|row| row.is_told()).collect();
            if shown.is_empty() {
                writeln!(f, "\n{}\n  the same in all runs", section.title)?;
                continue;
            }
            let letters = || ('A'..).take(self.runs.len());
            let ratios = letters().skip(1).map(|letter| right(format!("{letter}/A")));
            let columns = [left("")].into_iter().chain(letters().map(right)).chain(ratios);
            let mut table = TextTable::new(INDENT, columns);
            shown.iter().for_each(|row| table.row(row.cells()));
            write!(f, "\n{}\n{table}", section.title)?;
        }
        let said: Vec<String> = self.order.iter().filter_map(super::OrderOfRuns::text).collect();
        if !said.is_empty() {
            writeln!(f, "\nOver the ranges of the constants")?;
            said.iter().try_for_each(|sentence| writeln!(f, "  {sentence}"))?;
        }
        Ok(())
    }
}

impl ComparisonRow {
    /// Whether a reader of a terminal is shown it.
    fn is_told(&self) -> bool {
        let word = |value: &Option<ComparedValue>| matches!(value, None | Some(ComparedValue::Word(_)));
        self.differs || !self.values.iter().all(word)
    }

    fn cells(&self) -> Vec<String> {
        let value = |value: &Option<ComparedValue>| {
            value.as_ref().map_or_else(|| "-".to_owned(), |value| value.text(self.unit))
        };
        let ratio = |ratio: &Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.3} x"));
        let values = self.values.iter().map(value);
        [self.name.clone()].into_iter().chain(values).chain(self.ratios[1..].iter().map(ratio)).collect()
    }
}
