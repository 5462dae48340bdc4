//! Samples from files and what a network says of them: inputs, labels, predictions.

pub mod array_file;
pub mod classification;
pub mod events;
pub mod input;
pub mod membranes;
pub mod preview;
pub mod spikes;

use std::path::Path;

use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::graph::Op;
use snnc_compiler::ir::spike_source::SpikeSource;
use snnc_compiler::ir::spiking::SpikingModel;
use snnc_compiler::ir::{NetworkId, Shape};
use snnc_simulator::workload::{Samples, Workload};
use snnc_targets::output::{self, ResultSet};
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, Subject};

pub use classification::{Classification, ConfusionMatrix};
pub use events::EventSummary;

use array_file::split_key;
use input::SampleContent;

use crate::float_driver::interpreter;
use crate::mapping_files::network_named;
use crate::npy;
use crate::recording;
use crate::session::{ITEMS_MAX, check_count};

/// The class that a read-out predicts: the first of its largest values.
pub fn prediction(readout: &[f64]) -> usize {
    let mut best = 0;
    for (class, &value) in readout.iter().enumerate() {
        if value > readout[best] {
            best = class;
        }
    }
    best
}

/// The network of that name; without a name the only one.
///
/// # Errors
/// [`Code::Argument`] for another name, or none where there are several.
pub fn network(model: &SpikingModel, name: Option<&str>) -> Result<NetworkId, Diagnostic> {
    if name.is_some() || model.networks.len() == 1 {
        return network_named(model, "--network", name);
    }
    let names: Vec<&str> = model.networks.values().map(|network| network.name.as_str()).collect();
    Err(unnamed("--network", &names))
}

/// The network that an option names, of a model that is not compiled; without a name the only one.
///
/// # Errors
/// As [`network`].
pub fn graph<'m>(
    model: &'m LoadedModel,
    (option, name): (&str, Option<&str>),
) -> Result<&'m str, Diagnostic> {
    let names: Vec<&str> = model.graphs.keys().map(String::as_str).collect();
    match (name, names.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => Err(unnamed(option, &names)),
        (Some(name), _) => names.iter().find(|known| **known == name).copied().ok_or_else(|| {
            Diagnostic::new(Code::Argument, Subject::value(option, name), "there is no such network")
                .hint(format!("one of {}", names.join(", ")))
        }),
    }
}

/// What one sample of a network of a model is that is not compiled; rates of spikes that are drawn are taken from one
/// map.
///
/// # Errors
/// Those of the interpreter.
pub fn graph_shape(model: &LoadedModel, network: &str) -> Result<input::SampleShape, Diagnostics> {
    let shape = input::SampleShape::of(&interpreter(model, network)?);
    let mut layers = model.graphs[network].net.node_weights();
    let drawn = layers.any(|layer| matches!(&layer.op, Op::Input(input) if input.source.is_some()));
    Ok(if drawn { shape.map.into() } else { shape })
}

/// The first samples of a file for a model without a pipeline, and their network, for the mapping to look at
/// ([`crate::Model::with_activity`]). None if something is wrong with them, which is told when they are run; a pipe is
/// read once, and not here.
pub fn for_mapping(
    model: &LoadedModel,
    network: (&str, Option<&str>),
    choice: SampleChoice<'_>,
) -> Option<(String, Vec<f64>)> {
    let path = choice.path.filter(|path| split_key(path).0.is_file())?;
    if model.pipeline.is_some() {
        return None;
    }
    let name = graph(model, network).ok()?;
    let shape = input::SampleShape::of(&interpreter(model, name).ok()?);
    // Not as many as are run, so that runs of more samples have the same mapping.
    let content = input::read(path, shape, choice.dt, Some(recording::ITEMS)).ok()?.content;
    // Long trains are run in parts, and not for the mapping alone.
    if matches!(&content, SampleContent::Trains(trains) if trains.sides().1 > recording::STEPS_MAX) {
        return None;
    }
    Some((name.to_owned(), content.into_values()))
}

/// Several networks, and none is named.
fn unnamed(option: &str, names: &[&str]) -> Diagnostic {
    let message = "the model has several networks; say which is fed";
    Diagnostic::new(Code::Argument, Subject::argument(option), message)
        .hint(format!("one of {}", names.join(", ")))
}

/// What is to be fed to a network.
#[derive(Debug, Clone, Copy, Default)]
pub struct SampleChoice<'a> {
    /// A file with samples.
    pub path: Option<&'a Path>,
    /// Length of a timestep of an event list.
    pub dt: Option<f64>,
    /// Only so many samples; of spikes that are drawn at one rate, so many.
    pub most: Option<u64>,
    /// Seed of spikes that are drawn, instead of that of the model.
    pub seed: Option<u64>,
}

/// The samples for a network, and what became of the events of an event list.
///
/// # Errors
/// Those of [`input::read`] and [`Samples`], with the path; [`Code::Argument`] for no samples, or more than a run
/// holds, for a missing file, and for a file or seed that would change nothing.
pub fn read(
    model: &SpikingModel,
    network: NetworkId,
    choice: SampleChoice<'_>,
) -> Result<(Samples, Option<EventSummary>), Diagnostic> {
    if let Some(most) = choice.most {
        check_count("--samples", most, ITEMS_MAX)?;
    }
    let (source, shape) = (Samples::source(model, network)?, fed_shape(model, network)?);
    refuse_idle(source, choice)?;
    if source.is_some_and(|source| !source.of_input) {
        let samples = choice.most.unwrap_or(1);
        return Ok((Samples::drawn(model, network, (samples, Vec::new()), choice.seed)?, None));
    }
    let path = choice.path.ok_or_else(|| missing(&model.networks[network].name, shape))?;
    let input::SampleFile { content, events } = input::read(path, shape, choice.dt, choice.most)?;
    let samples = match content {
        SampleContent::Trains(trains) => Samples::of_trains(model, network, trains),
        SampleContent::Maps(values) if source.is_some() => {
            Samples::drawn(model, network, (0, values), choice.seed)
        }
        SampleContent::Maps(values) => Samples::new(model, network, values),
    };
    let samples = samples.map_err(|mut problem| {
        problem.place = Place::file(path);
        problem
    })?;
    check_count("--samples", samples.len(), ITEMS_MAX)?;
    Ok((samples, events))
}

/// The samples for a network from values in memory: `[n, c, h, w]`, of a network that takes spikes `[n, t, c, h, w]`.
/// Of them the first `choice.most`; its path and `dt` are not looked at.
///
/// # Errors
/// Those of [`Samples`]; [`Code::Argument`] for no samples, or more than a run holds, and for values or a seed that
/// would change nothing.
pub fn of_values(
    model: &SpikingModel,
    network: NetworkId,
    values: Option<Vec<f64>>,
    choice: SampleChoice<'_>,
) -> Result<Samples, Diagnostic> {
    let source = Samples::source(model, network)?;
    let shape = fed_shape(model, network)?;
    let path = values.is_some().then_some(Path::new("x"));
    refuse_idle(source, SampleChoice { path, dt: None, ..choice })?;
    let values = values.map(|mut values| {
        let most = usize::try_from(choice.most.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
        values.truncate(shape.elements().saturating_mul(most));
        values
    });
    let samples = match (source, values) {
        (Some(source), _) if !source.of_input => {
            Samples::drawn(model, network, (choice.most.unwrap_or(1), Vec::new()), choice.seed)
        }
        (_, None) => Err(missing(&model.networks[network].name, shape)),
        (Some(_), Some(values)) => Samples::drawn(model, network, (0, values), choice.seed),
        (None, Some(values)) => Samples::new(model, network, values),
    }?;
    check_count("--samples", samples.len(), ITEMS_MAX)?;
    Ok(samples)
}

/// What one sample of a network is; rates of spikes that are drawn are taken from one map.
///
/// # Errors
/// Those of [`Samples::source`] and [`Samples::shapes`].
pub fn fed_shape(model: &SpikingModel, network: NetworkId) -> Result<input::SampleShape, Diagnostic> {
    let shape = input::SampleShape::of_compiled(model, network)?;
    let drawn = Samples::source(model, network)?.is_some();
    Ok(if drawn { shape.map.into() } else { shape })
}

/// Refuses what would be ignored: a seed where nothing is drawn, a file where nothing is read.
fn refuse_idle(source: Option<SpikeSource>, choice: SampleChoice<'_>) -> Result<(), Diagnostic> {
    let refused = |option: Subject, message: &str, hint: &str| {
        let message = format!("would change nothing: {message}");
        Err(Diagnostic::new(Code::Argument, option, message).hint(hint))
    };
    let Some(source) = source else {
        return match choice.seed {
            None => Ok(()),
            Some(seed) => refused(
                Subject::value("--seed", seed),
                "the model has no pipeline and draws no spikes",
                "leave it out; `--input` gives the samples, `--samples` says how many of them",
            ),
        };
    };
    let given = [("--input", choice.path.is_some() && !source.of_input), ("--dt", choice.dt.is_some())];
    match given.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((option, _)) => refused(
            Subject::argument(option),
            "the input spikes are drawn at the rate that the model says",
            "leave it out; `--samples` says how many samples are drawn",
        ),
    }
}

/// What to give where no samples are given.
pub fn missing(network: &str, input: input::SampleShape) -> Diagnostic {
    let message = format!(
        "the model has no pipeline, so it needs samples for network {network}: a NumPy array [n, {}] of float32, \
         float64 or uint8",
        input.inner()
    );
    Diagnostic::new(Code::Argument, Subject::argument("--input"), message)
        .hint("`np.save(\"x.npy\", x.astype(np.float32))`, then `--input x.npy`")
}

/// Writes `predictions.csv`: sample, its label if labels are known, the prediction, and the value of each class.
///
/// # Errors
/// [`Code::OutputFailed`].
pub fn write_predictions(
    path: &Path,
    readouts: &[Vec<f64>],
    labels: Option<&[usize]>,
) -> Result<(), Diagnostic> {
    let classes = readouts.first().map_or(0, Vec::len);
    let mut text = format!("sample,{}prediction", if labels.is_some() { "label," } else { "" });
    text.extend((0..classes).map(|class| format!(",class_{class}")));
    text.push('\n');
    for (sample, readout) in readouts.iter().enumerate() {
        text += &format!("{sample},");
        text.extend(labels.and_then(|labels| labels.get(sample)).map(|label| format!("{label},")));
        text += &prediction(readout).to_string();
        text.extend(readout.iter().map(|value| format!(",{value}")));
        text.push('\n');
    }
    output::write_atomic(path, text.as_bytes())
}

/// Writes `confusion.csv`: a row a label, a column a prediction, each cell the number of samples.
///
/// # Errors
/// [`Code::OutputFailed`].
pub fn write_confusion(path: &Path, matrix: &ConfusionMatrix) -> Result<(), Diagnostic> {
    let mut text = "label".to_owned();
    text.extend(matrix.classes.iter().map(|class| format!(",predicted_{class}")));
    text.push('\n');
    for (class, counts) in matrix.classes.iter().zip(&matrix.counts) {
        text += &class.to_string();
        text.extend(counts.iter().map(|count| format!(",{count}")));
        text.push('\n');
    }
    output::write_atomic(path, text.as_bytes())
}

/// Writes read-outs and predictions into a folder of results, with labels also who was taken for whom; the names of the
/// files. `shape` is that of a read-out.
///
/// # Errors
/// [`Code::OutputFailed`].
pub fn write_answers(
    set: &ResultSet,
    readouts: &[Vec<f64>],
    shape: Shape,
    labels: Option<&[usize]>,
) -> Result<String, Diagnostic> {
    write_predictions(&set.place("predictions.csv")?, readouts, labels)?;
    let sides = [shape.channels, shape.height, shape.width];
    // A vector stays one.
    let sides = if (shape.height, shape.width) == (1, 1) { &sides[..1] } else { &sides[..] };
    npy::write_floats(&set.place("readout.npy")?, readouts, sides)?;
    let labelled = labels.map(|labels| Classification::new(readouts, labels));
    let Some(matrix) = labelled.and_then(|labelled| labelled.confusion) else {
        return Ok("predictions.csv, readout.npy".into());
    };
    write_confusion(&set.place("confusion.csv")?, &matrix)?;
    Ok("predictions.csv, confusion.csv, readout.npy".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_confusion_matrix_is_a_row_a_label() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("confusion.csv");
        let classification = Classification::of_pairs(&[(0, 0), (2, 0), (2, 2), (2, 2)]);
        write_confusion(&path, classification.confusion.as_ref().unwrap()).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "label,predicted_0,predicted_2\n0,1,0\n2,1,2\n");
    }

    #[test]
    fn the_first_of_equal_values_is_predicted() {
        assert_eq!([&[1.0, 3.0, 3.0][..], &[-2.0, -1.0], &[0.0], &[]].map(prediction), [1, 1, 0, 0]);
    }

    #[test]
    fn predictions_are_a_row_a_sample() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("predictions.csv");
        let readouts = [vec![0.25, 1.0], vec![2.5, -1.0]];
        write_predictions(&path, &readouts, Some(&[1, 1])).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "sample,label,prediction,class_0,class_1\n0,1,1,0.25,1\n1,1,0,2.5,-1\n");
        write_predictions(&path, &readouts[..1], None).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "sample,prediction,class_0,class_1\n0,1,0.25,1\n"
        );
    }
}
