//! Samples: constant inputs or spike trains for one network, one pass each, all state cleared between them.

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
    /// Timesteps of a spike train; none of a constant input.
    steps: Option<u32>,
    readout: Shape,
    /// One sample after the other, `[n, c, h, w]` or `[n, t, c, h, w]`.
    values: Vec<f64>,
}

impl Samples {
    /// Feeds `values`, `[n, c, h, w]` row-major, to a network of a verified model; `[n, t, c, h, w]` to one that takes
    /// spikes.
    ///
    /// # Errors
    /// Those of [`Samples::shapes`]; [`Code::LayerShape`] for values that are no whole number of samples, or none;
    /// [`Code::Argument`] for a sample with a value that is not finite, or spikes other than 0 and 1.
    pub fn new(model: &SpikingModel, network: NetworkId, values: Vec<f64>) -> Result<Self, Diagnostic> {
        let (input, readout) = Self::shapes(model, network)?;
        let steps = Self::timesteps(model, network);
        let each = input.len() * steps.unwrap_or(1) as usize;
        let place = || Subject::Network(model.networks[network].name.clone());
        if values.is_empty() || !values.len().is_multiple_of(each) {
            let message = format!("{} values found, {each} expected for each sample {input}", values.len());
            return Err(Diagnostic::new(Code::LayerShape, place(), message));
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let (sample, value) = (at / each, values[at]);
            let message = format!("sample {sample} holds {value} at value {}", at % each);
            return Err(Diagnostic::new(Code::Argument, place(), message).hint("inputs are finite numbers"));
        }
        let spikes = |&value: &f64| value == 0.0 || value == 1.0;
        if let Some(at) = values.iter().position(|value| steps.is_some() && !spikes(value)) {
            let message = format!("sample {} holds {} at value {}", at / each, values[at], at % each);
            return Err(Diagnostic::new(Code::Argument, place(), message)
                .hint("the network takes spikes, which are 0 or 1"));
        }
        Ok(Self { network, input, steps, readout, values })
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
        let written = model.inputs.iter().find(|input| own(input.population)).map(|input| input.input);
        let input = written.or_else(|| Some(model.port_of(network)?.1.shape));
        let input = input.ok_or_else(|| refused("takes no input, so samples cannot be fed to it".into()))?;
        let readouts: Vec<Shape> = (model.readouts.iter())
            .filter(|readout| own(readout.population))
            .map(|readout| model.populations[readout.population].shape)
            .collect();
        match readouts[..] {
            [readout] => Ok((input, readout)),
            _ => Err(refused(format!("has {} read-outs, samples are answered by one", readouts.len()))),
        }
    }

    /// Timesteps of a sample of a network that takes spikes; none if its input is constant.
    pub fn timesteps(model: &SpikingModel, network: NetworkId) -> Option<u32> {
        Some(model.port_of(network)?.1.window.steps)
    }

    /// The network that is fed.
    pub fn network(&self) -> NetworkId {
        self.network
    }

    /// Shape of a sample, or of each of its timesteps.
    pub fn input_shape(&self) -> Shape {
        self.input
    }

    /// Shape of the network's read-out.
    pub fn readout_shape(&self) -> Shape {
        self.readout
    }

    /// The values of a sample.
    pub fn sample(&self, index: u64) -> &[f64] {
        let each = self.each();
        let Range { start, end } = index as usize * each..(index as usize + 1) * each;
        &self.values[start..end]
    }

    /// Values of a sample.
    fn each(&self) -> usize {
        self.input.len() * self.steps.unwrap_or(1) as usize
    }
}

impl Workload for Samples {
    /// The read-out, `[c, h, w]`.
    type Item = Vec<f64>;

    fn item_name(&self) -> &'static str {
        "sample"
    }

    fn len(&self) -> u64 {
        (self.values.len() / self.each()) as u64
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
