//! Rates of spikes from the report of an earlier run: what the mapping weighs packets with.
//!
//! A report of another model is refused, and so is one without images.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use snnc_compiler::ir::spiking::SpikingModel;
use snnc_compiler::mapping::partition::Rates;
use snnc_targets::{Code, Diagnostic, Place, input, output};

/// The part of a report.json that rates come from.
#[derive(Debug, Deserialize)]
struct Profile {
    schema: String,
    totals: ProfileTotals,
    layers: Vec<ProfileLayer>,
}

#[derive(Debug, Deserialize)]
struct ProfileTotals {
    #[serde(default)]
    images: u64,
    #[serde(default)]
    samples: u64,
}

#[derive(Debug, Deserialize)]
struct ProfileLayer {
    name: String,
    neurons: u64,
    spikes: u64,
}

/// The report that a path names, itself or by its folder.
pub fn file_of(path: &Path) -> PathBuf {
    if path.is_dir() { path.join("report.json") } else { path.to_owned() }
}

/// Spikes of a neuron in an image, by layer, from a report.json or the folder that holds it.
///
/// # Errors
/// [`Code::FileUnreadable`], [`Code::Argument`] for a folder whose run was cut off; those of [`rates`].
pub fn read(path: &Path, model: &SpikingModel) -> Result<Rates, Diagnostic> {
    let file = file_of(path);
    if path.is_dir() {
        // A run that was cut off while it replaced another is none.
        output::check_set(path).map_err(|problem| {
            problem.hint("run it again, or name its report.json if that is known to be good")
        })?;
    }
    rates(&input::REPORT.read_text(&file)?, &file.display().to_string(), model)
}

/// The rates that a report's text gives; `place` names it in errors.
///
/// # Errors
/// [`Code::Argument`] if it is no report, has no images, or is one of another model.
pub fn rates(text: &str, place: &str, model: &SpikingModel) -> Result<Rates, Diagnostic> {
    let bad = |message: String| {
        Diagnostic::new(Code::Argument, Place::file(place), message)
            .hint("give the report.json of `snnc run` or `snnc simulate`, or its folder")
    };
    let profile: Profile = serde_json::from_str(text).map_err(|e| bad(e.to_string()))?;
    let items = profile.totals.images.max(profile.totals.samples);
    if !profile.schema.starts_with("snnc.report/") || items == 0 {
        return Err(bad(format!(
            "schema \"{}\" with {} images or samples, expected a report of one or more",
            profile.schema, items
        )));
    }
    let items = items as f64;
    // More spikes than a neuron could fire in any run, and counts that their sums could not hold.
    const RATE_MAX: f64 = 1e6;
    let rate_of = |layer: &ProfileLayer| layer.spikes as f64 / layer.neurons.max(1) as f64 / items;
    if let Some(layer) = profile.layers.iter().find(|layer| rate_of(layer) > RATE_MAX) {
        return Err(bad(format!(
            "layer {} has {} spikes of {} neurons, expected at most {RATE_MAX} a neuron and image",
            layer.name, layer.spikes, layer.neurons
        )));
    }
    let layers = profile.layers.iter().filter(|layer| layer.neurons > 0);
    let rate = |layer: &ProfileLayer| layer.spikes as f64 / layer.neurons as f64 / items;
    let (rates, unknown) = Rates::measured(model, layers.map(|layer| (layer.name.as_str(), rate(layer))));
    if unknown.is_empty() {
        return Ok(rates);
    }
    Err(bad(format!("the model has no layer {}", unknown.join(", "))))
}
