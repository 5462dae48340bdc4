//! The page of a run, or of several side by side: one file that needs no network.
//!
//! [`folder`] reads what a run left behind, [`single`] and [`several`] write the parts that are text, [`shell`] puts
//! them, the data and the scripts into one document; the page of a sweep (`src/sweep/page.rs`) uses it too. Everything
//! that is drawn is drawn by `assets/*.js` from the data that the page carries, with the libraries in `vendor`. No
//! figure is computed here: all are those of report.json and the tables beside it.

mod columns;
mod core_steps;
mod folder;
mod pictures;
mod raster;
mod several;
pub(crate) mod shell;
mod single;

use serde::Serialize;
use snnc_targets::Diagnostic;

use super::compare::{NamedReport, RunComparison, compare};
pub use folder::RunFolder;

/// Name of the page in a folder of results.
pub const PAGE: &str = "report.html";
/// Name of a page of several runs, unless said otherwise.
pub const PAGE_OF_SEVERAL: &str = "comparison.html";

/// What the scripts of a page read.
#[derive(Debug, Serialize)]
struct PageData<'a> {
    /// For scripts of other people that read pages.
    schema: &'static str,
    runs: &'a [RunFolder],
    #[serde(skip_serializing_if = "Option::is_none")]
    comparison: Option<&'a RunComparison>,
}

/// The page of a run.
pub fn page(run: &RunFolder) -> String {
    let data = PageData { schema: "snnc.page/1", runs: std::slice::from_ref(run), comparison: None };
    let title = format!("{} on {}", run.report.model, run.report.target.name);
    shell::document(&title, &single::body(run), &data)
}

/// The page of several runs side by side.
///
/// # Errors
/// As [`compare`].
pub fn page_of_several(runs: &[RunFolder]) -> Result<String, Diagnostic> {
    let named: Vec<NamedReport<'_>> =
        runs.iter().map(|run| NamedReport { name: &run.name, report: &run.report }).collect();
    let compared = compare(&named)?;
    // No picture of several runs goes down to timesteps of cores.
    let runs = &runs.iter().map(|run| RunFolder { core_steps: None, ..run.clone() }).collect::<Vec<_>>()[..];
    let data = PageData { schema: "snnc.page/1", runs, comparison: Some(&compared) };
    Ok(shell::document(&format!("{} runs side by side", runs.len()), &several::body(runs, &compared), &data))
}

#[cfg(test)]
mod tests;
