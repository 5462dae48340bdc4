//! Read-out: sum over the timesteps; of spikes their count.

use serde::{Deserialize, Serialize};

use super::flow::read_out;
use super::weighted_sum::weighted_sum;
use super::{Evaluation, LayerFault, LayerKind, Resolver, SignalType, Spec};
use crate::neuron::NeuronKind;
use crate::reference::Signal;

/// `sum_t x[t]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SumOverTime;

impl LayerKind for SumOverTime {
    fn name(&self) -> &'static str {
        "SumOverTime"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        read_out("SumOverTime", inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], _: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        let steps = inputs[0].steps();
        Ok(Signal::Final(weighted_sum(&vec![1.0; steps.len()], steps)))
    }

    fn neurons(&self) -> Option<NeuronKind> {
        Some(NeuronKind::Sum)
    }
}

impl Spec for SumOverTime {
    type Layer = Self;

    fn layer(&self, _: &mut Resolver<'_>) -> Option<Self> {
        Some(self.clone())
    }
}
