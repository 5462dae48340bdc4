//! The outcome of a golden check: rows, text and JSON.

use std::fmt::Write;

use serde::{Deserialize, Serialize};
use snnc_targets::numbers::counted;
use snnc_targets::text_table::{TextTable, left, right};

/// Schema string of the JSON form.
const SCHEMA: &str = "snnc.golden/1";

/// One comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoldenRow {
    /// Key of the recorded tensor.
    pub name: String,
    /// What was compared: `spikes`, `logits`, `membrane`, `tokens`, `pixels`, `readout` or `classes`.
    pub what: String,
    /// Values compared.
    pub compared: usize,
    /// Values that differ; floats differ beyond [`super::TOLERANCE`].
    pub mismatches: usize,
    /// Largest absolute error, of floats; null in JSON when it is not finite.
    pub max_abs_error: Option<f64>,
    /// Whether there is no mismatch.
    pub pass: bool,
    /// Where the first mismatch is, and its two values.
    pub detail: Option<String>,
}

/// All comparisons of one golden file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoldenReport {
    /// Always `snnc.golden/1`.
    pub schema: String,
    /// Name of the model.
    pub model: String,
    /// The golden file.
    pub golden: String,
    /// One a recorded tensor.
    pub rows: Vec<GoldenRow>,
    /// Keys of the file that name nothing the check knows.
    pub ignored: Vec<String>,
    /// Whether every row passes.
    pub pass: bool,
}

impl GoldenReport {
    pub(super) fn new(model: &str, golden: &str, rows: Vec<GoldenRow>, ignored: Vec<String>) -> Self {
        let pass = rows.iter().all(|row| row.pass);
        Self { schema: SCHEMA.into(), model: model.into(), golden: golden.into(), rows, ignored, pass }
    }

    /// Rows that do not pass.
    pub fn failures(&self) -> impl Iterator<Item = &GoldenRow> {
        self.rows.iter().filter(|row| !row.pass)
    }

    /// An aligned table with a line of summary.
    pub fn text(&self) -> String {
        let names = [left("record"), left("what")];
        let figures = ["compared", "mismatches", "max abs error"].map(right);
        let mut table = TextTable::new(0, names.into_iter().chain(figures).chain([left("result")]));
        for row in &self.rows {
            let error = row.max_abs_error.map_or("-".into(), |e| format!("{e:.2e}"));
            let result = match (row.pass, &row.detail) {
                (true, _) => "ok".to_owned(),
                (false, None) => "FAILED".to_owned(),
                (false, Some(detail)) => format!("FAILED, {detail}"),
            };
            let [compared, mismatches] = [row.compared, row.mismatches].map(|n| n.to_string());
            table.row([row.name.clone(), row.what.clone(), compared, mismatches, error, result]);
        }
        table.to_string() + &self.summary()
    }

    fn summary(&self) -> String {
        let values = self.rows.iter().map(|row| row.compared).sum::<usize>();
        let [rows, values] = [counted(self.rows.len() as u64, "record"), counted(values as u64, "value")];
        let mut text = match self.failures().count() {
            0 => format!("all {rows} agree ({values})\n"),
            failed => format!("{failed} of {rows} differ ({values})\n"),
        };
        if !self.ignored.is_empty() {
            let _ = writeln!(text, "ignored, as no check knows them: {}", self.ignored.join(", "));
        }
        text
    }

    /// The report as JSON, indented.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report holds only plain data")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, mismatches: usize, max_abs_error: Option<f64>) -> GoldenRow {
        let detail = (mismatches > 0).then(|| "first at [0, 1, 2]: recorded 1, found 0".to_owned());
        let what = if max_abs_error.is_some() { "logits" } else { "spikes" };
        let pass = mismatches == 0;
        GoldenRow {
            name: name.into(),
            what: what.into(),
            compared: 6272,
            mismatches,
            max_abs_error,
            pass,
            detail,
        }
    }

    #[test]
    fn the_table_is_aligned_and_names_what_failed() {
        let rows = vec![row("sdid.0.logits", 0, Some(2.5e-15)), row("sdid.0.spikes.sdid.conv1", 3, None)];
        let report = GoldenReport::new("toy", "golden.safetensors", rows, vec!["sdid.x".into()]);
        insta::assert_snapshot!(report.text(), @r"
        record                    what    compared  mismatches
        sdid.0.logits             logits      6272           0
        sdid.0.spikes.sdid.conv1  spikes      6272           3
        record                    max abs error  result
        sdid.0.logits                  2.50e-15  ok
        sdid.0.spikes.sdid.conv1              -  FAILED, first at [0, 1, 2]: recorded 1,
                                                 found 0
        1 of 2 records differ (12,544 values)
        ignored, as no check knows them: sdid.x
        ");
    }

    #[test]
    fn json_reads_back() {
        let report = GoldenReport::new("toy", "golden.safetensors", vec![row("a", 0, Some(0.5))], vec![]);
        assert_eq!(serde_json::from_str::<GoldenReport>(&report.json()).unwrap(), report);
        assert!(report.pass);
    }
}
