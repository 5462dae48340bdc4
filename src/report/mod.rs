//! What a run leaves behind: report.json, the energy report in text, images and tokens.
//!
//! Last in the flow: [`build`] turns a program and a [`snnc_simulator::charge::RunRecord`] into a [`Report`], plain
//! data that [`json`], [`text`] and [`brief`] write. [`images`] writes what was generated. Nothing here measures or
//! changes a number; every file goes through [`snnc_targets::output`].

mod breakdowns;
pub mod brief;
pub mod build;
pub mod by_core;
pub mod by_core_step;
pub mod certainty;
pub mod compare;
mod constants;
pub mod data;
#[cfg(test)]
mod event_tests;
pub mod exact;
#[cfg(test)]
mod fixture;
pub mod html;
pub mod images;
pub mod json;
mod mapped;
pub mod memory;
mod notes;
pub mod quantisation;
pub mod sensitivity;
mod sparkline;
pub mod text;
pub mod timing;
pub(crate) mod units;

use snnc_targets::output;

use crate::parts;
use crate::samples::preview;

pub use build::ReportInput;
pub use certainty::Certainty;
pub use data::Report;

/// Whether a file of this name is one that a command writes into its folder of results.
pub fn is_result(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "contact.png",
        "tokens.npy",
        "tokens.npy.part",
        images::UNMASKED_AT,
        html::PAGE,
        by_core::FILE,
        by_core_step::FILE,
        preview::FILE,
        "images.npy",
        "images.npy.part",
        "predictions.csv",
        "confusion.csv",
        "readout.npy",
        "spikes.npz",
        "membranes.npz",
        "timesteps.csv",
        "report.json",
        "verify.json",
        "reconstruct.json",
        "generate.json",
        "generate.sums",
        "sweep.json",
        "sweep.points",
        "sweep.csv",
        "pareto.html",
        "sweep.parquet",
        output::MANIFEST,
    ];
    let number = name.strip_prefix("image_").and_then(|rest| rest.strip_suffix(".png"));
    NAMES.contains(&name)
        || parts::is_file_of_part(name)
        || number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}
