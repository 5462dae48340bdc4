//! Maximum over a window of each channel (PyTorch's `MaxPool2d`, `ceil_mode` false; padding never wins).
//!
//! Of spikes it is an OR. On the chip it is neurons that fire whenever one of their window fires, without memory: every
//! synapse weighs 1 and the threshold is 1/2, so that whatever arrives in a timestep is spent in it. Refused on the
//! chip:
//! the maximum of anything but the spikes of one layer, or of several side by side.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::{
    Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, PoolWindow, Resolver, SignalKind,
    SignalType, Spec,
};
use crate::ir::Shape;
use crate::neuron::{NeuronKind, TrainedNeuron};
use crate::reference::{Map, Signal};

/// Maximum over a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MaxPool2d(pub PoolWindow);

impl LayerKind for MaxPool2d {
    fn name(&self) -> &'static str {
        "MaxPool2d"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        if inputs[0].kind != SignalKind::Series {
            let message = format!("MaxPool2d reads a signal that is {}, spikes expected", inputs[0].kind);
            return Err(LayerFault::shape(message).hint("pool behind spiking neurons (`Lif`, `If`)"));
        }
        self.0.output(inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(inputs[0].each(|map| self.maxima(map, run.shape)))
    }

    fn neurons(&self) -> Option<NeuronKind> {
        Some(TrainedNeuron::integrate_and_fire(0.5).into())
    }

    fn synapses(&self, inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        if !inputs[0].is_spikes() {
            return Err(LoweringRefusal::here(format!(
                "takes the maximum of {}, which is not spikes",
                site.inputs[0]
            ))
            .hint("pool right behind the neurons, or train with AvgPool2d"));
        }
        self.0.current(inputs, site, 1.0)
    }
}

impl MaxPool2d {
    /// Reference: largest of what each position of the window covers.
    fn maxima(&self, input: &Map, output: Shape) -> Map {
        let mut maxima = Map::filled(output, f64::NEG_INFINITY);
        self.0.each(input.shape(), output, |to, from| {
            maxima.data[to] = maxima.data[to].max(input.data[from]);
        });
        maxima
    }
}

impl Spec for MaxPool2d {
    type Layer = Self;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Self> {
        self.0.check(file)?;
        Some(self.clone())
    }
}
