//! Integrate and fire: `v += x`; fires when `v >= threshold`; then `v = 0`.

use serde::{Deserialize, Serialize};

use super::flow::firing;
use super::lif::fire;
use super::{Evaluation, LayerFault, LayerKind, Resolver, SignalType, Spec};
use crate::neuron::NeuronKind;
use crate::reference::Signal;

/// Neurons without leak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct If {
    /// Firing threshold.
    pub threshold: f64,
}

impl LayerKind for If {
    fn name(&self) -> &'static str {
        "If"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        firing("If", inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(Signal::Series(fire(inputs[0], run.timesteps, (self.threshold, 0.0), |v, x| *v += x)))
    }

    fn neurons(&self) -> Option<NeuronKind> {
        Some(NeuronKind::If { threshold: self.threshold })
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
