//! `snnc report` and `snnc compare`: what runs left behind, as text, JSON or a page.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use snnc_targets::output::{self, Inputs};
use snnc_targets::{Diagnostic, Diagnostics};

use super::{files, json, print};
use crate::cli::arguments::{CompareArgs, ReportArgs};
use crate::cli::process::console;
use crate::report::compare::{NamedReport, compare};
use crate::report::html::{PAGE, PAGE_OF_SEVERAL, RunFolder, page, page_of_several};

pub fn report(args: &ReportArgs) -> Result<ExitCode, Diagnostics> {
    if args.html {
        return html(args);
    }
    match &args.runs[..] {
        [one] => {
            let report = crate::results::read_report(one)?;
            match args.json {
                true => print(&crate::report::json::print(&report)?),
                false => console::print_titled(&report.to_string()),
            }
            Ok(ExitCode::SUCCESS)
        }
        several => side_by_side(several, args.json),
    }
}

pub fn compare_runs(args: &CompareArgs) -> Result<ExitCode, Diagnostics> {
    side_by_side(&args.runs, args.json)
}

fn side_by_side(runs: &[PathBuf], as_json: bool) -> Result<ExitCode, Diagnostics> {
    let reports = runs.iter().map(|path| crate::results::read_report(path)).collect::<Result<Vec<_>, _>>()?;
    let names: Vec<String> = runs.iter().map(|path| path.display().to_string()).collect();
    let named: Vec<NamedReport<'_>> =
        names.iter().zip(&reports).map(|(name, report)| NamedReport { name, report }).collect();
    let compared = compare(&named)?;
    match as_json {
        true => print(&json(&compared)),
        false => console::print_titled(&compared.to_string()),
    }
    Ok(ExitCode::SUCCESS)
}

fn html(args: &ReportArgs) -> Result<ExitCode, Diagnostics> {
    let inputs = args.runs.iter().map(|run| if run.is_dir() { run.join("report.json") } else { run.clone() });
    let _inputs = Inputs::new(inputs.collect::<Vec<_>>());
    files::outputs(&[("--output", args.output.as_ref())])?;
    let runs = args.runs.iter().map(|path| RunFolder::read(path)).collect::<Result<Vec<_>, _>>()?;
    let text = match &runs[..] {
        [one] => page(one),
        several => page_of_several(several)?,
    };
    let wrote = write(args, text.as_bytes())?;
    print(&format!("wrote {} ({})\n", wrote.display(), megabytes(text.len())));
    Ok(ExitCode::SUCCESS)
}

/// Puts the page where it was asked for, or among the results of its run.
fn write(args: &ReportArgs, text: &[u8]) -> Result<PathBuf, Diagnostic> {
    match (&args.output, &args.runs[..]) {
        (Some(path), _) => output::write_atomic(path, text).map(|()| path.clone()),
        (None, [one]) => {
            let folder = if one.is_dir() { one.as_path() } else { one.parent().unwrap_or(Path::new(".")) };
            output::add_to_set(folder, PAGE, text)
        }
        (None, _) => output::write_atomic(Path::new(PAGE_OF_SEVERAL), text).map(|()| PAGE_OF_SEVERAL.into()),
    }
}

fn megabytes(bytes: usize) -> String {
    format!("{:.2} MB", bytes as f64 / 1e6)
}
