//! Recordings of a network on samples.
//!
//! Keys (K counts the samples from 0): `K.spikes.LAYER` (uint8 `[timesteps, ceil(c h w / 8)]`, least significant bit
//! first), `K.readout` (float64) and, over all samples, `predictions` (int64 `[n]`, the first of the largest values).

use snnc_compiler::event_driven::EventDriven;
use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::ir::Shape;
use snnc_compiler::reference::Interpreter;
use snnc_targets::{Code, Diagnostic, Diagnostics, Place};

use super::records::{GoldenValues, RecordedSpikes, layers, map_shapes, size};
use super::{GoldenFile, GoldenReport, GoldenRow, compare};
use crate::float_driver::interpreter;
use crate::progress::{Progress, go_on};
use crate::samples::prediction;

/// What was recorded of one sample.
struct Case {
    sample: usize,
    spikes: Vec<RecordedSpikes>,
    readout: Option<GoldenValues<f64>>,
}

/// Runs the float reference of a network on samples, one after the other in `values`, and compares all that was
/// recorded of them. Steps are samples.
///
/// # Errors
/// [`Code::GoldenInvalid`] for each record that is malformed or does not fit network and samples, and for a
/// file without anything to compare; [`Code::LayerShape`] for values that are no whole samples; [`Code::Stopped`] if
/// the progress says so.
pub fn check_samples(
    model: &LoadedModel,
    network: &str,
    values: &[f64],
    golden: &GoldenFile,
    progress: &dyn Progress,
) -> Result<GoldenReport, Diagnostics> {
    let float = EventDriven::new(interpreter(model, network)?);
    let network = float.interpreter();
    let samples: Vec<&[f64]> = values.chunks(network.input_len().max(1)).collect();
    let cases = read(golden, network, samples.len())?;
    let predictions = golden.optional("predictions".into(), |key| {
        let last = u32::try_from(network.output_shape().len()).unwrap_or(u32::MAX).saturating_sub(1);
        golden.numbers(key, &[vec![samples.len()]], last)
    })?;
    progress.begin(samples.len() as u64);
    let (mut rows, mut found) = (Vec::new(), Vec::new());
    for (index, sample) in samples.iter().enumerate() {
        go_on(progress)?;
        let case = cases.iter().find(|case| case.sample == index);
        if case.is_some() || predictions.is_some() {
            let trace = float.answer(sample)?;
            let output = trace.output();
            found.push(prediction(&output.data) as u32);
            rows.extend(case.into_iter().flat_map(|case| layers(&case.spikes, &trace)));
            let readout = case.and_then(|case| case.readout.as_ref());
            rows.extend(readout.map(|r| compare::floats(r, "readout", &output.data, size(output.shape()))));
        }
        progress.advance(1);
    }
    rows.extend(predictions.as_ref().map(|recorded| compare::classes(recorded, &found)));
    report(model, golden, rows)
}

/// The report of rows; without any there is nothing to compare.
fn report(
    model: &LoadedModel,
    golden: &GoldenFile,
    rows: Vec<GoldenRow>,
) -> Result<GoldenReport, Diagnostics> {
    if rows.is_empty() {
        let message = "there is nothing to compare: no recorded spikes, read-outs or predictions";
        return Err(Diagnostic::new(Code::GoldenInvalid, Place::file(golden.place()), message)
            .hint("keys are `0.spikes.conv1`, `0.readout`, `predictions` and so on")
            .into());
    }
    let ignored = golden.keys().filter(|key| *key != "predictions" && sample_of(key).is_none());
    let ignored = ignored.map(str::to_owned).collect();
    Ok(GoldenReport::new(&model.name, golden.place(), rows, ignored))
}

/// The sample of a key `K.readout` or `K.spikes.LAYER`.
fn sample_of(key: &str) -> Option<usize> {
    let (number, what) = key.split_once('.')?;
    let known = what == "readout" || what.starts_with("spikes.");
    number.parse().ok().filter(|n: &usize| known && n.to_string() == number)
}

/// All cases, ascending.
fn read(golden: &GoldenFile, network: &Interpreter<'_>, samples: usize) -> Result<Vec<Case>, Diagnostics> {
    let mut numbers: Vec<usize> = golden.keys().filter_map(sample_of).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let (mut cases, mut errors) = (Vec::new(), Diagnostics::default());
    for sample in numbers {
        if sample >= samples {
            let message = format!("is of sample {sample}, there are {samples}");
            errors.push(golden.invalid(&sample.to_string(), message));
            continue;
        }
        let case = sample.to_string();
        let shapes = readout_shapes(network.output_shape());
        let readout = golden.optional(format!("{case}.readout"), |key| golden.floats(key, &shapes));
        match golden.spikes(&case, network).and_then(|spikes| Ok(Case { sample, spikes, readout: readout? }))
        {
            Ok(case) => cases.push(case),
            Err(error) => errors.push(error),
        }
    }
    errors.into_result(cases)
}

/// Shapes under which a read-out may be recorded: those of a map, and a vector where there is one position.
fn readout_shapes(shape: Shape) -> Vec<Vec<usize>> {
    let mut shapes = map_shapes(shape);
    if (shape.height, shape.width) == (1, 1) {
        shapes.insert(0, vec![shape.channels]);
    }
    shapes
}
