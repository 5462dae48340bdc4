//! Arguments of the commands that show what runs left behind.

use std::path::PathBuf;

use clap::Args;

/// `snnc report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Folders of runs, or their report.json; several are put side by side
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Write a page for a browser instead of text: one file that needs no network
    #[arg(long, conflicts_with = "json")]
    pub html: bool,
    /// Where the page goes [default: report.html in the folder of the run; comparison.html here for several]
    #[arg(short, long, value_name = "FILE", requires = "html")]
    pub output: Option<PathBuf>,
    /// Print the report, or the comparison of several, as JSON
    #[arg(long)]
    pub json: bool,
}

/// `snnc view`.
#[derive(Debug, Args)]
pub struct ViewArgs {
    /// Compiled program (.snnx)
    pub program: PathBuf,
}

/// `snnc compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Folders of runs, or their report.json; ratios are to the first
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Print the comparison as JSON
    #[arg(long)]
    pub json: bool,
}
