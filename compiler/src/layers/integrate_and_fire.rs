//! Integrate and fire: `v += x`; fires when `v >= threshold`; then `v = 0`.
//!
//! With `soft_reset: true` (SpikingJelly's `IFNode(v_reset=None)`) a spike takes the threshold off the membrane. With
//! `strict: true` it takes more than the threshold to fire. With `refractory: n` the membrane stays for n steps after a
//! spike, and nothing fires.

use serde::{Deserialize, Serialize};

use super::flow::firing;
use super::lif::{FiringRule, LifMembranes, is_none};
use super::{Evaluation, LayerFault, LayerKind, Memory, Resolver, SignalType, Spec};
use crate::ir::Shape;
use crate::neuron::{NeuronKind, TrainedNeuron};
use crate::reference::{Map, Signal};

/// Neurons without leak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct If {
    /// Firing threshold.
    pub threshold: f64,
    /// Whether a spike takes the threshold off the membrane; else the membrane goes to 0.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub soft_reset: bool,
    /// Whether it takes more than the threshold to fire.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Timesteps after that of a spike in which the membrane stays as the spike left it, and nothing fires.
    #[serde(default, skip_serializing_if = "is_none")]
    pub refractory: u32,
}

impl If {
    /// Neurons that fire at the threshold and go to 0.
    pub const fn new(threshold: f64) -> Self {
        Self { threshold, soft_reset: false, strict: false, refractory: 0 }
    }
}

impl LayerKind for If {
    fn name(&self) -> &'static str {
        "If"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        firing("If", inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(run.through(self, inputs[0]))
    }

    fn memory(&self, shape: Shape) -> Option<Box<dyn Memory>> {
        let &Self { threshold, soft_reset, strict, refractory } = self;
        let rule = FiringRule { threshold, strict, reset: (!soft_reset).then_some(0.0), refractory };
        Some(Box::new(LifMembranes::new(Map::filled(shape, 0.0), |v, x| v + x, rule)))
    }

    fn neurons(&self) -> Option<NeuronKind> {
        let &Self { threshold, soft_reset, strict, refractory } = self;
        let subtract = soft_reset.then_some(threshold);
        let plain = TrainedNeuron::integrate_and_fire(threshold);
        let neuron = TrainedNeuron { strict, subtract, refractory, ..plain };
        Some(neuron.into())
    }
}

impl Spec for If {
    type Layer = Self;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Self> {
        let threshold = self.threshold;
        if !(threshold.is_finite() && threshold > 0.0) {
            let message = format!("threshold is {threshold}, expected finite and above 0");
            return file.invalid("threshold", message, "a neuron at rest must not fire; often 1.0");
        }
        Some(self.clone())
    }
}
