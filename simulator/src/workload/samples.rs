//! Samples: constant inputs to one network, one pass each, all state cleared between them.

use std::ops::Range;

use snnc_compiler::ir::spiking::SpikingModel;
use snnc_compiler::ir::{NetworkId, Shape};
use snnc_targets::{Code, Diagnostic, Subject};

use super::{Course, Workload};

/// Inputs of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Samples {
    network: NetworkId,
    input: Shape,
    readout: Shape,
    /// One sample after the other, `[n, c, h, w]`.
    values: Vec<f64>,
}

impl Samples {
    /// Feeds `values`, `[n, c, h, w]` row-major, to a network of a verified model.
    ///
    /// # Errors
    /// Those of [`Samples::shapes`]; [`Code::LayerShape`] for values that are no whole number of samples, or none;
    /// [`Code::Argument`] for a sample with a value that is not finite.
    pub fn new(model: &SpikingModel, network: NetworkId, values: Vec<f64>) -> Result<Self, Diagnostic> {
        let (input, readout) = Self::shapes(model, network)?;
        let place = || Subject::Network(model.networks[network].name.clone());
        if values.is_empty() || !values.len().is_multiple_of(input.len()) {
            let message =
                format!("{} values found, {} expected for each sample {input}", values.len(), input.len());
            return Err(Diagnostic::new(Code::LayerShape, place(), message));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let (sample, value) = (at / input.len(), values[at]);
            let message = format!("sample {sample} holds {value} at value {}", at % input.len());
            return Err(Diagnostic::new(Code::Argument, place(), message).hint("inputs are finite numbers"));
        }
        Ok(Self { network, input, readout, values })
    }

    /// Shapes of what a network takes and of its read-out.
    ///
    /// # Errors
    /// [`Code::Argument`] for a network that the model does not have, [`Code::Unsupported`] for one that the host
    /// does not feed, or that has no read-out or several.
    pub fn shapes(model: &SpikingModel, network: NetworkId) -> Result<(Shape, Shape), Diagnostic> {
        let Some(named) = model.networks.get(network) else {
            let message = format!("the program has {} networks", model.networks.len());
            return Err(Diagnostic::new(Code::Argument, Subject::IrNetwork(network, None), message));
        };
        let refused = |message: String| {
            Diagnostic::new(Code::Unsupported, Subject::Network(named.name.clone()), message)
        };
        let own = |population| model.populations[population].network == network;
        let input = model.inputs.iter().find(|input| own(input.population)).map(|input| input.input);
        let input =
            input.ok_or_else(|| refused("takes no constant input, so samples cannot be fed to it".into()))?;
        let readouts: Vec<Shape> = (model.readouts.iter())
            .filter(|readout| own(readout.population))
            .map(|readout| model.populations[readout.population].shape)
            .collect();
        match readouts[..] {
            [readout] => Ok((input, readout)),
            _ => Err(refused(format!("has {} read-outs, samples are answered by one", readouts.len()))),
        }
    }

    /// The network that is fed.
    pub fn network(&self) -> NetworkId {
        self.network
    }

    /// Shape of a sample.
    pub fn input_shape(&self) -> Shape {
        self.input
    }

    /// Shape of the network's read-out.
    pub fn readout_shape(&self) -> Shape {
        self.readout
    }

    /// The values of a sample.
    pub fn sample(&self, index: u64) -> &[f64] {
        let Range { start, end } = index as usize * self.input.len()..(index as usize + 1) * self.input.len();
        &self.values[start..end]
    }
}

impl Workload for Samples {
    /// The read-out, `[c, h, w]`.
    type Item = Vec<f64>;

    fn item_name(&self) -> &'static str {
        "sample"
    }

    fn len(&self) -> u64 {
        (self.values.len() / self.input.len()) as u64
    }

    fn passes(&self) -> u64 {
        1
    }

    fn begin(&self, index: u64) -> impl Course<Item = Vec<f64>> {
        Sample { network: self.network, input: Some(self.sample(index)), readout: Vec::new() }
    }
}

/// One pass.
struct Sample<'s> {
    network: NetworkId,
    input: Option<&'s [f64]>,
    readout: Vec<f64>,
}

impl Course for Sample<'_> {
    type Item = Vec<f64>;

    fn input(&mut self) -> Option<(NetworkId, &[f64])> {
        self.input.map(|input| (self.network, input))
    }

    fn answer(&mut self, readouts: &[Vec<f64>]) -> Result<(), Diagnostic> {
        self.input = None;
        self.readout = readouts.first().cloned().unwrap_or_default();
        Ok(())
    }

    fn finish(self) -> Vec<f64> {
        self.readout
    }
}
