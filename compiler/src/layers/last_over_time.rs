//! Read-out: the input of the last timestep. On the chip an integrator that loses everything in each timestep.

use serde::{Deserialize, Serialize};

use super::flow::read_out;
use super::{Evaluation, LayerFault, LayerKind, Resolver, SignalType, Spec};
use crate::neuron::NeuronKind;
use crate::reference::Signal;

/// `x[T - 1]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastOverTime {
    /// Timesteps of the network.
    pub timesteps: usize,
}

impl LayerKind for LastOverTime {
    fn name(&self) -> &'static str {
        "LastOverTime"
    }

    fn output(&self, inputs: &[SignalType], timesteps: usize) -> Result<SignalType, LayerFault> {
        if self.timesteps != timesteps {
            let message = format!("the last of {} timesteps, {timesteps} expected", self.timesteps);
            return Err(LayerFault::shape(message));
        }
        read_out("LastOverTime", inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(Signal::Final(inputs[0].at(run.timesteps - 1).clone()))
    }

    fn neurons(&self) -> Option<NeuronKind> {
        let mut coefficients = vec![0.0; self.timesteps];
        coefficients.last_mut().into_iter().for_each(|last| *last = 1.0);
        Some(NeuronKind::Weighted { coefficients })
    }
}

/// `LastOverTime`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastOverTimeSpec;

impl Spec for LastOverTimeSpec {
    type Layer = LastOverTime;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<LastOverTime> {
        Some(LastOverTime { timesteps: file.timesteps })
    }
}
