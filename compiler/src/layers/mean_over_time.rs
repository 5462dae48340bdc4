//! Read-out: mean over the timesteps.

use serde::{Deserialize, Serialize};

use super::flow::read_out;
use super::weighted_sum::weighted_sum;
use super::{Evaluation, LayerFault, LayerKind, Resolver, SignalType, Spec};
use crate::neuron::NeuronKind;
use crate::reference::Signal;

/// `sum_t x[t] / T`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeanOverTime;

impl LayerKind for MeanOverTime {
    fn name(&self) -> &'static str {
        "MeanOverTime"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        read_out("MeanOverTime", inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], _: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        let steps = inputs[0].steps();
        let mut mean = weighted_sum(&vec![1.0; steps.len()], steps);
        mean.data.iter_mut().for_each(|v| *v /= steps.len() as f64);
        Ok(Signal::Final(mean))
    }

    fn neurons(&self) -> Option<NeuronKind> {
        Some(NeuronKind::Mean)
    }
}

impl Spec for MeanOverTime {
    type Layer = Self;

    fn layer(&self, _: &mut Resolver<'_>) -> Option<Self> {
        Some(self.clone())
    }
}
