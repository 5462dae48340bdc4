//! Membranes of chosen neurons after each timestep, from the chip's executor: which are wanted, and the archive of
//! them.
//!
//! What is recorded are the chip's integers. The archive has them in the units of the trained network, with what leads
//! back: integer = (value - rest) / scale, exactly. A membrane is that after the reset of a spike; where trained
//! neurons are reset a step late, it is what their next step begins from.

use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use snnc_compiler::ir::spiking::SpikingModel;
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_targets::near::near;
use snnc_targets::{Code, Diagnostic, Subject};

use crate::npz::{NpzArray, NpzElement, NpzWriter};

/// Name of the archive in a folder of results.
pub const FILE: &str = "membranes.npz";

/// Layers whose membranes are wanted, each with its neurons; none named: all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembraneChoice(Vec<(String, Vec<usize>)>);

impl FromStr for MembraneChoice {
    type Err = String;

    /// `conv1,fc:0,5,9`: all neurons of `conv1`, and three of `fc`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut layers: Vec<(String, Vec<usize>)> = Vec::new();
        let mut listing = false;
        let number =
            |text: &str| text.parse::<usize>().map_err(|_| format!("`{text}` is no number of a neuron"));
        for piece in text.split(',') {
            match (piece.split_once(':'), layers.last_mut()) {
                (Some((layer, neuron)), _) => {
                    layers.push((layer.to_owned(), vec![number(neuron)?]));
                    listing = true;
                }
                (None, Some((_, neurons))) if listing && piece.parse::<usize>().is_ok() => {
                    neurons.push(number(piece)?);
                }
                (None, _) => {
                    layers.push((piece.to_owned(), Vec::new()));
                    listing = false;
                }
            }
        }
        match layers.iter().find(|(layer, _)| layer.is_empty()) {
            Some(_) => Err("expected LAYER or LAYER:NEURON,NEURON,... separated by commas".into()),
            None => Ok(Self(layers)),
        }
    }
}

/// The neurons of a layer whose membranes are recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedLayer {
    /// `NETWORK.LAYER`, as in report.json.
    pub name: String,
    /// The layer.
    pub population: PopulationId,
    /// Its neurons, flat `[c, h, w]`, in the order in which they were asked for.
    pub neurons: Vec<usize>,
    /// Timesteps of its window.
    pub steps: usize,
    /// Units of the trained network to an integer, one a neuron of `neurons`; 1 of integers that were made by hand.
    pub scale: Vec<f64>,
    /// The membrane whose integer is 0, likewise.
    pub rest: Vec<f64>,
}

impl WatchedLayer {
    /// The layers of a choice in a network.
    ///
    /// # Errors
    /// [`Code::Argument`] for layers that are no neurons or are named twice, and neurons that a layer does not have.
    pub fn of(
        model: &SpikingModel,
        network: NetworkId,
        choice: &MembraneChoice,
    ) -> Result<Vec<Self>, Diagnostic> {
        let mut layers: Vec<Self> = Vec::new();
        for (layer, neurons) in &choice.0 {
            let found = Self::one(model, network, (layer, neurons))?;
            if layers.iter().any(|other| other.population == found.population) {
                let message = format!("names layer {layer} twice");
                return Err(refused(message).hint("write all its neurons behind one name: LAYER:0,5,9"));
            }
            layers.push(found);
        }
        Ok(layers)
    }

    fn one(
        model: &SpikingModel,
        network: NetworkId,
        (layer, neurons): (&str, &[usize]),
    ) -> Result<Self, Diagnostic> {
        let of_network = &model.networks[network].name;
        let own =
            layer.strip_prefix(of_network.as_str()).and_then(|rest| rest.strip_prefix('.')).unwrap_or(layer);
        let found = model.populations_of(network).find(|(_, p)| p.name == own || p.name == layer);
        let Some((id, population)) = found else {
            let all: Vec<&str> = model
                .populations_of(network)
                .filter(|(_, p)| !p.dynamics.is_port())
                .map(|(_, p)| p.name.as_str())
                .collect();
            let message =
                format!("{layer} is no layer of neurons of network {of_network}, so it keeps no membrane");
            return Err(refused(message).hint(match near(own, &all) {
                Some(near) => format!("near names: {near}"),
                None => format!("what has membranes: {}", all.join(", ")),
            }));
        };
        if population.dynamics.is_port() {
            let message = format!("{layer} is spikes from outside, which have no membrane");
            return Err(refused(message).hint("name the neurons that read them"));
        }
        let count = population.shape.len();
        if let Some(beyond) = neurons.iter().find(|&&neuron| neuron >= count) {
            let message = format!("{layer} has {count} neurons and none of number {beyond}");
            let shape = population.shape;
            return Err(
                refused(message).hint(format!("neurons are counted from 0, row-major through {shape}"))
            );
        }
        let neurons = if neurons.is_empty() { (0..count).collect() } else { neurons.to_vec() };
        let readout = model.readouts.iter().find(|readout| readout.population == id);
        let unit = population.rounding.membrane.as_ref();
        let (scales, rests) = match (readout, unit) {
            (Some(readout), _) => (&readout.scale[..], &[][..]),
            (None, Some(unit)) => (&unit.scale[..], &unit.rest[..]),
            (None, None) => (&[][..], &[][..]),
        };
        let of = |values: &[f64], other: f64| -> Vec<f64> {
            let channel = |neuron: &usize| neuron / population.shape.positions();
            neurons.iter().map(|neuron| values.get(channel(neuron)).copied().unwrap_or(other)).collect()
        };
        let (scale, rest) = (of(scales, 1.0), of(rests, 0.0));
        let name = format!("{of_network}.{}", population.name);
        Ok(Self { name, population: id, steps: population.window.steps as usize, scale, rest, neurons })
    }

    /// Integers `[t][neuron]` in the units of the trained network.
    pub fn in_units(&self, integers: &[i32]) -> Vec<f64> {
        let units = self.scale.iter().zip(&self.rest).cycle();
        integers.iter().zip(units).map(|(&v, (scale, rest))| f64::from(v) * scale + rest).collect()
    }
}

fn refused(message: String) -> Diagnostic {
    Diagnostic::new(Code::Argument, Subject::argument("--membranes"), message)
}

/// Membranes of a pass, or of a part of one: of each layer that is watched the chip's integers, `[t][neuron]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassMembranes(pub Vec<Vec<i32>>);

impl PassMembranes {
    /// Of what a chip that watches these layers did.
    pub fn of(chip: &Chip, outcome: &PassOutcome, layers: &[WatchedLayer]) -> Self {
        let of_layer = |layer: &WatchedLayer| {
            let steps = chip.membranes(outcome, layer.population);
            steps.iter().flat_map(|step| layer.neurons.iter().map(|&neuron| step[neuron])).collect()
        };
        Self(layers.iter().map(of_layer).collect())
    }
}

/// `membranes.npz` of samples in the making: for each layer, by its name in report.json, float64 `[n, t, neurons]`, and
/// `NAME.neurons` (int64), `NAME.scale` and `NAME.rest` (float64), each `[neurons]`.
#[derive(Debug)]
pub struct MembraneArchive {
    file: NpzWriter,
    layers: Vec<WatchedLayer>,
}

impl MembraneArchive {
    /// Begins the archive of so many samples.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn create(path: &Path, layers: &[WatchedLayer], samples: u64) -> Result<Self, Diagnostic> {
        let arrays = layers.iter().map(|layer| NpzArray {
            key: layer.name.clone(),
            element: NpzElement::Float64,
            sides: vec![layer.steps, layer.neurons.len()],
        });
        let mut file = NpzWriter::create(path, samples, arrays)?;
        for layer in layers {
            let key = |what: &str| format!("{}.{what}", layer.name);
            let sides = vec![layer.neurons.len()];
            let numbers = layer.neurons.iter().flat_map(|&neuron| (neuron as i64).to_le_bytes()).collect();
            file.constant((key("neurons"), NpzElement::Int64, sides.clone()), numbers);
            for (what, values) in [("scale", &layer.scale), ("rest", &layer.rest)] {
                let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                file.constant((key(what), NpzElement::Float64, sides.clone()), bytes);
            }
        }
        Ok(Self { file, layers: layers.to_vec() })
    }

    /// Appends a sample, or the next part of one.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn append(&mut self, passes: &[PassMembranes]) -> Result<(), Diagnostic> {
        for pass in passes {
            let of_layer = |(layer, integers): (&WatchedLayer, &Vec<i32>)| {
                layer.in_units(integers).into_iter().flat_map(f64::to_le_bytes).collect()
            };
            self.file.append(&self.layers.iter().zip(&pass.0).map(of_layer).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn finish(self) -> Result<(), Diagnostic> {
        self.file.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_and_their_neurons_are_read_from_one_line() {
        let read = |text: &str| text.parse::<MembraneChoice>().map(|choice| choice.0);
        let layer = |name: &str, neurons: &[usize]| (name.to_owned(), neurons.to_vec());
        assert_eq!(read("fc").unwrap(), [layer("fc", &[])]);
        assert_eq!(
            read("conv,fc:0,5,9,out").unwrap(),
            [layer("conv", &[]), layer("fc", &[0, 5, 9]), layer("out", &[])]
        );
        // A name of digits is a layer where no neurons are listed.
        assert_eq!(read("7,1:2").unwrap(), [layer("7", &[]), layer("1", &[2])]);
        for wrong in ["", "a,,b", "a:", "a:x", "a:1,-2,", ":3"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
