//! The folder of a run, as a page needs it: the report, and of the files beside it what a page can hold.

use std::path::Path;

use serde::Serialize;
use snnc_targets::{Diagnostic, output};

use super::columns::{self, Columns};
use super::core_steps::CoreSteps;
use super::pictures::Pictures;
use super::raster::Raster;
use crate::report::timing::steps::spikes_of;
use crate::report::{Report, by_core, json};

/// Most timesteps on a page.
const TIMESTEPS: usize = 20_000;
/// Most rows of cores.csv on a page.
const CORE_ROWS: usize = 100_000;
/// Most items on a page.
const ITEMS: usize = 2_000;

/// A run on a page.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunFolder {
    /// The folder, as it was named.
    pub name: String,
    /// Its report; of images and samples only the first, without their layers.
    pub report: Report,
    /// timesteps.csv.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timesteps: Option<Columns>,
    /// cores.csv.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cores: Option<Columns>,
    /// core_timesteps.csv.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_steps: Option<CoreSteps>,
    /// predictions.csv.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predictions: Option<Columns>,
    /// Images, tokens, samples.
    pub pictures: Pictures,
    /// Who fires when, where spikes were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raster: Option<Raster>,
    /// What the page does not show, and why.
    pub left_out: Vec<String>,
}

impl RunFolder {
    /// Reads the folder of a run, or its report.json.
    ///
    /// # Errors
    /// A set of results that is not whole, no report, or a file that is there and cannot be read.
    pub fn read(path: &Path) -> Result<Self, Diagnostic> {
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        output::check_set(folder)?;
        let report = if path.is_dir() { path.join("report.json") } else { path.to_owned() };
        Self::of(folder, json::read(&report)?, path.display().to_string())
    }

    /// Of a report and the files beside it.
    ///
    /// # Errors
    /// A file that is there and cannot be read.
    pub fn of(folder: &Path, mut report: Report, name: String) -> Result<Self, Diagnostic> {
        let mut left_out = Vec::new();
        for items in [&mut report.per_image, &mut report.per_sample] {
            if items.len() > ITEMS {
                let all = items.len();
                left_out.push(format!("images or samples beyond the first {ITEMS} of {all}, one by one"));
                items.truncate(ITEMS);
            }
            items.iter_mut().for_each(|item| item.layers.clear());
        }
        let pass = ["image", "iteration", "sample", "pass", "network"];
        let by_layer: Vec<String> = report.layers.iter().map(|layer| spikes_of(&layer.name)).collect();
        let by_layer: Vec<&str> = by_layer.iter().map(String::as_str).collect();
        let happened = ["timestep", "time_s", "bound", "busiest_s", "packets", "spikes", "power_w"];
        let of_steps = [&pass[..], &happened, &by_layer].concat();
        let did = ["core", "spikes", "synaptic_operations", "packets_sent", "packets_received", "energy_j"];
        let of_cores = [&pass[..], &did].concat();
        let words = ["network", "bound"];
        let steps = (TIMESTEPS, &of_steps[..], "timesteps");
        let timesteps = table(folder, "timesteps.csv", steps, &words, &mut left_out)?;
        let cores = table(folder, by_core::FILE, (CORE_ROWS, &of_cores, "rows"), &words, &mut left_out)?;
        let predicted = (ITEMS, &["sample", "label", "prediction"][..], "samples");
        let samples = report.totals.samples.is_some();
        let predictions = match samples {
            true => table(folder, "predictions.csv", predicted, &[], &mut left_out)?,
            false => None,
        };
        let pictures = match samples {
            true => Pictures::fed(folder, &mut left_out)?,
            false => Pictures::generated(folder, &mut left_out)?,
        };
        let (shown, all) = (pictures.images.len() as u64, report.items());
        if samples && shown > 0 && shown < all {
            left_out.push(format!("pictures of samples beyond the first {shown} of {all}"));
        }
        // Half a pass would be drawn as a whole one.
        let cores = cores.filter(|cores| !cores.more);
        let core_steps = CoreSteps::read(folder, &mut left_out)?;
        let of_one = report.totals.timesteps / report.items().max(1);
        if let Some(shown) =
            core_steps.as_ref().map(|steps| steps.timesteps() as u64).filter(|shown| *shown < of_one)
        {
            let item = report.item_name();
            left_out.push(format!(
                "what cores did in timesteps beyond the first {shown} of about {of_one} of each {item}"
            ));
        }
        let raster = Raster::read(folder, &report)?;
        Ok(Self { name, report, timesteps, cores, core_steps, predictions, pictures, raster, left_out })
    }
}

/// A table of the folder, if it has it: at most so many rows, of these columns, and what rows are.
fn table(
    folder: &Path,
    file: &str,
    (most, wanted, rows): (usize, &[&str], &str),
    words: &[&str],
    left_out: &mut Vec<String>,
) -> Result<Option<Columns>, Diagnostic> {
    let path = folder.join(file);
    if !path.exists() {
        left_out.push(format!("what {file} would tell: the folder has no such file"));
        return Ok(None);
    }
    let read = columns::read(&path, most, wanted, words)?;
    if read.more {
        left_out.push(format!("{rows} beyond the first {most}: {file} has them all"));
    }
    Ok(Some(read))
}
