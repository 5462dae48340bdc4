//! What runs left behind: reports, comparisons, pages.

use std::path::PathBuf;

use pyo3::prelude::*;
use snnc::Report;
use snnc::report::compare::{NamedReport, compare};
use snnc::report::html::{RunFolder, page, page_of_several};
use snnc::results::read_report;

use crate::errors::{argument, raise};
use crate::model::json;
use crate::work;

/// The report of a run's folder, or of a report.json: JSON, and text.
#[pyfunction]
pub fn report(py: Python<'_>, path: PathBuf) -> PyResult<(String, String)> {
    let report = work::run(py, None, move |_| Ok(read_report(&path)?))?;
    Ok((json(&report)?, report.to_string()))
}

/// Reports side by side, each a name and its JSON: JSON, and text.
#[pyfunction]
pub fn compare_reports(py: Python<'_>, runs: Vec<(String, String)>) -> PyResult<(String, String)> {
    let read = |(name, text): &(String, String)| {
        serde_json::from_str::<Report>(text).map_err(|error| {
            let message = format!("\"{name}\" is no report: {error}");
            argument("runs", message, "give results, reports or their folders")
        })
    };
    let reports: Vec<Report> =
        runs.iter().map(read).collect::<Result<_, _>>().map_err(|problem| raise(py, problem))?;
    let named: Vec<NamedReport<'_>> =
        runs.iter().zip(&reports).map(|((name, _), report)| NamedReport { name, report }).collect();
    let compared = compare(&named).map_err(|problem| raise(py, problem))?;
    Ok((json(&compared)?, compared.to_string()))
}

/// The page of a run, or of several side by side, each a name and its folder.
#[pyfunction]
pub fn page_of(py: Python<'_>, runs: Vec<(String, PathBuf)>) -> PyResult<String> {
    work::run(py, None, move |_| {
        let read =
            |(name, path): (String, PathBuf)| RunFolder::read(&path).map(|run| RunFolder { name, ..run });
        let runs = runs.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        Ok(match &runs[..] {
            [one] => page(one),
            several => page_of_several(several)?,
        })
    })
}
