//! Samples through the float reference: what the trained network does before anything is rounded.

use numpy::PyArrayDyn;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use rayon::prelude::*;
use snnc::Diagnostics;
use snnc::compiler::event_driven::EventDriven;
use snnc::compiler::reference::Interpreter;
use snnc::samples::input::SampleShape;
use snnc::samples::prediction;
use snnc::targets::NamedPart;
use snnc::{Code, Diagnostic, Progress};

use crate::arrays::{Batch, array};
use crate::work::Watch;

/// Read-outs `[n, ...]` float64, predictions `[n]` int64, spikes `[n, t, c, h, w]` uint8 by layer.
pub type ReferenceRun<'py> = (Bound<'py, PyArrayDyn<f64>>, Bound<'py, PyArrayDyn<i64>>, Bound<'py, PyDict>);

/// What the float reference gave.
pub struct Reference {
    samples: usize,
    readout: Vec<usize>,
    readouts: Vec<f64>,
    predictions: Vec<i64>,
    /// Name, shape of a sample's spikes, spikes of all samples.
    layers: Vec<(String, Vec<usize>, Vec<u8>)>,
}

/// Read-out and spikes of one sample, layer by layer.
type Answer = (Vec<f64>, Vec<Vec<u8>>);

/// Runs all samples of `batch` through a network.
///
/// # Errors
/// Those of the interpreter and of the batch.
pub fn reference(
    model: &snnc::Model,
    network: &str,
    batch: Batch,
    spikes: bool,
    watch: &Watch,
) -> Result<Reference, Diagnostics> {
    let float = EventDriven::new(Interpreter::new(&model.loaded().graphs[network])?);
    let interpreter = float.interpreter();
    let shape = SampleShape::of(interpreter);
    let values = batch.of(shape)?;
    let samples: Vec<&[f64]> = values.chunks(shape.elements()).collect();
    watch.begin(samples.len() as u64);
    let one = |sample: &&[f64]| -> Result<Answer, Diagnostic> {
        if watch.stopped() {
            return Err(Diagnostic::new(Code::Stopped, NamedPart::Run, "stopped before its end"));
        }
        let trace = float.answer(sample)?;
        let names: Vec<&str> = trace.spiking().filter(|_| spikes).collect();
        let flat =
            |name: &&str| trace.spikes(name).unwrap_or_default().concat().into_iter().map(u8::from).collect();
        let layers = names.iter().map(flat).collect();
        watch.advance(1);
        Ok((trace.output().data.clone(), layers))
    };
    let answers: Vec<Answer> = samples.par_iter().map(one).collect::<Result<_, _>>()?;
    let graph = interpreter.graph();
    let names = graph.net.node_weights().filter(|layer| spikes && layer.op.fires());
    let mut layers: Vec<(String, Vec<usize>, Vec<u8>)> = names
        .filter_map(|layer| {
            let shape = interpreter.spiking_shape(&layer.name)?;
            let mut sides = vec![graph.timesteps, shape.channels];
            if shape.positions() > 1 {
                sides.extend([shape.height, shape.width]);
            }
            Some((format!("{network}.{}", layer.name), sides, Vec::new()))
        })
        .collect();
    let mut readouts = Vec::new();
    let mut predictions = Vec::new();
    for (readout, of_layers) in &answers {
        predictions.push(prediction(readout) as i64);
        readouts.extend_from_slice(readout);
        layers.iter_mut().zip(of_layers).for_each(|(layer, flat)| layer.2.extend_from_slice(flat));
    }
    let output = interpreter.output_shape();
    let mut readout = vec![output.channels, output.height, output.width];
    if output.positions() == 1 {
        readout.truncate(1);
    }
    Ok(Reference { samples: answers.len(), readout, readouts, predictions, layers })
}

impl Reference {
    /// As arrays.
    pub fn into_python(self, py: Python<'_>) -> PyResult<ReferenceRun<'_>> {
        let with_samples = |sides: &[usize]| [&[self.samples], sides].concat();
        let spikes = PyDict::new(py);
        for (name, sides, flat) in self.layers {
            spikes.set_item(name, array(py, flat, &[&[self.samples], &sides[..]].concat())?)?;
        }
        let readout = array(py, self.readouts, &with_samples(&self.readout))?;
        let predictions = array(py, self.predictions, &[self.samples])?;
        Ok((readout, predictions, spikes))
    }
}
