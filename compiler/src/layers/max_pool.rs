//! Maximum over a window of each channel (PyTorch's `MaxPool2d`, `ceil_mode` false; padding never wins).
//!
//! Of spikes it is an OR. On the chip it is neurons that fire whenever one of their window fires, without memory: every
//! synapse weighs 1 and the threshold is 1/2, so that whatever arrives in a timestep is spent in it. Refused on the chip:
//! the maximum of anything but the spikes of one layer, or of several side by side.

use serde::{Deserialize, Serialize};

use super::avg_pool::Window;
use super::current::Current;
use super::spec::{Pair, is_zero, optional_pair};
use super::{Evaluation, Fault, Flow, Kind, LayerKind, Refusal, Resolver, Site, Spec};
use crate::ir::Shape;
use crate::neuron::{NeuronKind, TrainedNeuron};
use crate::reference::{Map, Signal};

/// Maximum over a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool2d {
    /// Rows and columns of the window.
    pub kernel: Pair,
    /// Step of the window; as long as the window if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_pair")]
    pub stride: Option<Pair>,
    /// Positions on both sides that hold nothing, at most half a window.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub padding: Pair,
}

impl MaxPool2d {
    fn window(&self) -> Window {
        Window { kernel: self.kernel, stride: self.stride.unwrap_or(self.kernel), padding: self.padding }
    }
}

impl LayerKind for MaxPool2d {
    fn name(&self) -> &'static str {
        "MaxPool2d"
    }

    fn output(&self, inputs: &[Flow], _: usize) -> Result<Flow, Fault> {
        if inputs[0].kind != Kind::Series {
            let message =
                format!("MaxPool2d reads a signal that is {}, spikes expected", inputs[0].kind);
            return Err(Fault::shape(message).hint("pool behind spiking neurons (`Lif`, `If`)"));
        }
        self.window().output(inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, Fault> {
        Ok(inputs[0].each(|map| self.maxima(map, run.shape)))
    }

    fn neurons(&self) -> Option<NeuronKind> {
        Some(TrainedNeuron::integrate_and_fire(0.5).into())
    }

    fn synapses(&self, inputs: Vec<Current>, site: &Site<'_>) -> Result<Current, Refusal> {
        if !inputs[0].is_spikes() {
            return Err(Refusal::here(format!("takes the maximum of {}, which is not spikes", site.inputs[0]))
                .hint("pool right behind the neurons, or train with AvgPool2d"));
        }
        self.window().current(inputs, site, 1.0)
    }
}

impl MaxPool2d {
    /// Reference: largest of what each position of the window covers.
    fn maxima(&self, input: &Map, output: Shape) -> Map {
        let mut maxima = Map::filled(output, f64::NEG_INFINITY);
        self.window().each(input.shape(), output, |to, from| {
            maxima.data[to] = maxima.data[to].max(input.data[from]);
        });
        maxima
    }
}

impl Spec for MaxPool2d {
    type Layer = Self;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Self> {
        self.window().check(file)?;
        Some(self.clone())
    }
}
