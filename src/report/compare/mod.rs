//! Runs side by side: what differs in target, options, mapping, counts, time and energy, with ratios to the first.
//!
//! Reads reports and computes nothing but the ratios. Rows are matched by name: a layer, limit or constant that a run
//! does not have is empty there.

mod order;
mod rows;
mod text;

use serde::Serialize;
use snnc_targets::{Code, Diagnostic, Subject};

pub use order::{OrderOfRuns, Turn};

use super::Report;

/// Schema of the JSON form.
pub const SCHEMA: &str = "snnc.runs/1";
/// Most runs side by side.
pub const RUNS_MAX: usize = 8;

/// A run and the name under which it is compared.
#[derive(Debug, Clone, Copy)]
pub struct NamedReport<'a> {
    /// Its folder, as it was given.
    pub name: &'a str,
    /// Its report.
    pub report: &'a Report,
}

/// Runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunComparison {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// Names of the runs, in the order given.
    pub runs: Vec<String>,
    /// What is compared.
    pub sections: Vec<ComparisonSection>,
    /// Whether the order of the runs in energy and time holds over the ranges of the constants.
    pub order: Vec<OrderOfRuns>,
}

/// Rows that belong together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparisonSection {
    /// For people.
    pub title: &'static str,
    /// In the order of the first run that has them.
    pub rows: Vec<ComparisonRow>,
}

/// One figure of all runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComparisonRow {
    /// What it is.
    pub name: String,
    /// SI unit of numbers; empty for counts, words and plain numbers.
    pub unit: &'static str,
    /// One a run; null where it has none.
    pub values: Vec<Option<ComparedValue>>,
    /// Each value as a multiple of the first run's; null for words and where one of the two is missing or the first
    /// is 0.
    pub ratios: Vec<Option<f64>>,
    /// Whether the runs differ.
    pub differs: bool,
}

/// A figure or a word.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ComparedValue {
    /// How many.
    Count(u64),
    /// A number in the row's unit.
    Number(f64),
    /// A number in the row's unit that the true one is not below.
    Bound(f64),
    /// A name or a choice.
    Word(String),
}

impl ComparedValue {
    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Number(number) | Self::Bound(number) => Some(*number),
            Self::Word(_) => None,
        }
    }

    /// As people read it.
    pub fn text(&self, unit: &str) -> String {
        match self {
            Self::Count(count) => super::units::count(*count),
            Self::Number(number) if unit.is_empty() => format!("{number:.4}"),
            Self::Number(number) => super::units::si(*number, unit),
            Self::Bound(number) => format!(">= {} (bound)", super::units::si(*number, unit)),
            Self::Word(word) => word.clone(),
        }
    }
}

impl ComparisonRow {
    /// A row of the values that the runs have.
    fn new(name: impl Into<String>, unit: &'static str, values: Vec<Option<ComparedValue>>) -> Self {
        let first = values[0].as_ref().and_then(ComparedValue::number).filter(|first| *first != 0.0);
        let ratio = |value: &Option<ComparedValue>| Some(value.as_ref()?.number()? / first?);
        let ratios = values.iter().map(ratio).collect();
        let differs = values.iter().any(|value| *value != values[0]);
        Self { name: name.into(), unit, values, ratios, differs }
    }
}

/// Compares two runs or more.
///
/// # Errors
/// [`Code::Argument`] for fewer than two runs, or more than [`RUNS_MAX`].
pub fn compare(runs: &[NamedReport<'_>]) -> Result<RunComparison, Diagnostic> {
    if !(2..=RUNS_MAX).contains(&runs.len()) {
        let message = format!("expected 2 to {RUNS_MAX} runs, found {}", runs.len());
        return Err(Diagnostic::new(Code::Argument, Subject::argument("RUN"), message)
            .hint("`snnc run --out DIR` leaves the folder of a run"));
    }
    Ok(RunComparison {
        schema: SCHEMA,
        runs: runs.iter().map(|run| run.name.to_owned()).collect(),
        sections: rows::sections(runs).into_iter().filter(|section| !section.rows.is_empty()).collect(),
        order: order::of(runs),
    })
}

#[cfg(test)]
mod tests {
    use snnc_simulator::time::Fidelity;

    use super::*;
    use crate::report::fixture::run;

    fn row<'a>(compared: &'a RunComparison, title: &str, name: &str) -> &'a ComparisonRow {
        let section = compared.sections.iter().find(|section| section.title == title).unwrap();
        section.rows.iter().find(|row| row.name == name).unwrap()
    }

    #[test]
    fn rows_are_matched_by_name_and_ratios_are_to_the_first_run() {
        let a = run(Fidelity::Analytic, |input| input.report());
        let mut b = a.clone();
        b.target.name = "another".into();
        b.totals.energy_j = a.totals.energy_j * 3.0;
        b.layers[0].energy_j *= 0.5;
        b.layers[1].name = "net.other".into();
        b.totals.time_s = None;
        b.options.insert("--weights".into(), "4".into());
        let named = [NamedReport { name: "a", report: &a }, NamedReport { name: "b", report: &b }];
        let compared = compare(&named).unwrap();
        let target = row(&compared, "What ran", "target");
        assert!(target.differs && target.ratios == [None, None]);
        assert!(!row(&compared, "What ran", "model").differs);
        let weights = row(&compared, "Options", "--weights");
        assert_eq!(weights.values, [None, Some(ComparedValue::Word("4".into()))]);
        let energy = row(&compared, "Energy", "total");
        assert_eq!(energy.ratios[0], Some(1.0));
        assert!((energy.ratios[1].unwrap() - 3.0).abs() < 1e-12);
        let halved = row(&compared, "Energy by layer", &a.layers[0].name);
        assert!((halved.ratios[1].unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(row(&compared, "Energy by layer", &a.layers[1].name).values[1], None);
        assert_eq!(row(&compared, "Energy by layer", "net.other").values[0], None);
        assert_eq!(row(&compared, "Time", "simulated time").ratios[1], None);
        assert!(compare(&named[..1]).is_err() && compare(&[named[0]; 9]).is_err());
    }

    #[test]
    fn the_text_names_what_differs() {
        let a = run(Fidelity::Analytic, |input| input.report());
        let mut b = a.clone();
        b.target.name = "another".into();
        b.totals.spikes *= 2;
        let named = [NamedReport { name: "a", report: &a }, NamedReport { name: "b", report: &b }];
        let text = compare(&named).unwrap().to_string();
        let line = |name: &str| text.lines().find(|line| line.trim_start().starts_with(name));
        assert!(line("target").unwrap().contains("another"), "{text}");
        assert!(line("spikes").unwrap().ends_with("2.000 x"), "{text}");
        // Words that are the same everywhere are left out.
        assert!(line("model").is_none(), "{text}");
    }
}
