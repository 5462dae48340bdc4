//! Rates of spikes from the report of an earlier run: what the mapping weighs packets with; and in which timesteps they
//! came, from the table beside it.
//!
//! A report of another model is refused, and so is one without images.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use snnc_compiler::ir::PopulationId;
use snnc_compiler::ir::spiking::SpikingModel;
use snnc_compiler::mapping::partition::Rates;
use snnc_compiler::mapping::traffic::StepShares;
use snnc_targets::{Code, Diagnostic, Place, input, output};

use crate::report::timing::steps::{FILE, spikes_of};

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

/// The table of timesteps beside a report that a path names.
pub fn steps_of(path: &Path) -> PathBuf {
    file_of(path).with_file_name(FILE)
}

/// In which timesteps the layers of a run fired, from the table of timesteps beside its report; `None` where there is
/// none, as of a run without a model of time.
///
/// # Errors
/// [`Code::FileUnreadable`]; [`Code::Argument`] if it is the table of another model.
pub fn step_shares(path: &Path, model: &SpikingModel) -> Result<Option<StepShares>, Diagnostic> {
    let table = steps_of(path);
    if !table.is_file() {
        return Ok(None);
    }
    shares(&input::STEPS.read_text(&table)?, &table.display().to_string(), model).map(Some)
}

/// The spikes of each layer by timestep of its window, from the text of a table of timesteps; `place` names it.
fn shares(text: &str, place: &str, model: &SpikingModel) -> Result<StepShares, Diagnostic> {
    let bad = |message: String| {
        Diagnostic::new(Code::Argument, Place::file(place), message)
            .hint("give the folder of a run of this model, as it was written")
    };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| bad(e.to_string()))?.clone();
    let column = |name: &str| {
        header.iter().position(|own| own == name).ok_or_else(|| bad(format!("there is no column {name}")))
    };
    let timestep = column("timestep")?;
    let mut layers: Vec<(PopulationId, usize, Vec<u64>)> = Vec::new();
    for (id, population) in model.populations.iter().filter(|(_, p)| p.dynamics.fires()) {
        let own = column(&spikes_of(&model.layer_name(id)))?;
        layers.push((id, own, vec![0; population.window.steps as usize]));
    }
    for row in reader.records() {
        let row = row.map_err(|e| bad(e.to_string()))?;
        let line = row.position().map_or(0, csv::Position::line);
        let number = |at: usize| match row.get(at).unwrap_or_default() {
            "" => Ok(0),
            word => word.parse::<u64>().map_err(|_| bad(format!("line {line}: `{word}` is no count"))),
        };
        let step = number(timestep)?;
        for (id, column, sums) in &mut layers {
            let spikes = number(*column)?;
            let own = step.checked_sub(model.populations[*id].window.start.into()).map(|own| own as usize);
            match own.and_then(|own| sums.get_mut(own)) {
                Some(sum) => *sum = sum.saturating_add(spikes),
                None if spikes == 0 => {}
                None => {
                    let layer = model.layer_name(*id);
                    return Err(bad(format!(
                        "line {line}: {layer} fires in timestep {step}, beside its window"
                    )));
                }
            }
        }
    }
    Ok(layers.into_iter().map(|(id, _, sums)| (id, sums)).collect())
}
