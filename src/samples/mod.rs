//! Samples from files and what a network says of them: inputs, labels, predictions.

pub mod array_file;
pub mod classification;
pub mod events;
pub mod input;
pub mod preview;
pub mod spikes;

use std::path::Path;

use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::spiking::SpikingModel;
use snnc_simulator::workload::Samples;
use snnc_targets::{Code, Diagnostic, Place, Subject, output};

pub use classification::{Classification, ConfusionMatrix};
pub use events::EventSummary;

use crate::mapping_files::network_named;
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

/// Several networks, and none is named.
fn unnamed(option: &str, names: &[&str]) -> Diagnostic {
    let message = "the model has several networks; say which is fed";
    Diagnostic::new(Code::Argument, Subject::argument(option), message)
        .hint(format!("one of {}", names.join(", ")))
}

/// The first `most` samples of a file for a network, and what became of the events of an event list.
///
/// # Errors
/// Those of [`input::read`] and [`Samples::new`], with the path; [`Code::Argument`] for no samples, or more
/// than a run holds.
pub fn read(
    model: &SpikingModel,
    network: NetworkId,
    path: &Path,
    dt: Option<f64>,
    most: Option<u64>,
) -> Result<(Samples, Option<EventSummary>), Diagnostic> {
    if let Some(most) = most {
        check_count("--samples", most, ITEMS_MAX)?;
    }
    let shape = input::SampleShape::of_compiled(model, network)?;
    let input::SampleValues { values, events } = input::read(path, shape, dt, most)?;
    check_count("--samples", (values.len() / shape.elements().max(1)) as u64, ITEMS_MAX)?;
    let samples = Samples::new(model, network, values).map_err(|mut problem| {
        problem.place = Place::file(path);
        problem
    })?;
    Ok((samples, events))
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

#[cfg(test)]
mod tests {
    use super::*;

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
