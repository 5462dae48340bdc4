//! Read-out: the membrane of a leaky integrator after the last timestep, `v <- beta v + x` from `v = 0`. It is what a
//! last `snn.Leaky(beta, reset_mechanism="none")` of snnTorch holds.

use serde::{Deserialize, Serialize};

use super::flow::read_out;
use super::{Evaluation, LayerFault, LayerKind, Resolver, SignalType, Spec};
use crate::neuron::NeuronKind;
use crate::reference::{Map, Signal};

/// `sum_t beta^(T - 1 - t) x[t]`.
#[derive(Debug, Clone, PartialEq)]
pub struct LeakySumOverTime {
    /// What a timestep leaves of the sum, 0 to 1.
    pub beta: f64,
    /// Timesteps of the network.
    pub timesteps: usize,
}

impl LayerKind for LeakySumOverTime {
    fn name(&self) -> &'static str {
        "LeakySumOverTime"
    }

    fn output(&self, inputs: &[SignalType], timesteps: usize) -> Result<SignalType, LayerFault> {
        if self.timesteps != timesteps {
            let message = format!("a sum over {} timesteps, {timesteps} expected", self.timesteps);
            return Err(LayerFault::shape(message));
        }
        read_out("LeakySumOverTime", inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        let mut membrane = Map::filled(run.shape, 0.0);
        for step in inputs[0].steps() {
            membrane.data.iter_mut().zip(&step.data).for_each(|(v, x)| *v = self.beta * *v + x);
        }
        Ok(Signal::Final(membrane))
    }

    fn neurons(&self) -> Option<NeuronKind> {
        let ages = (0..self.timesteps as i32).rev();
        Some(NeuronKind::Weighted { coefficients: ages.map(|age| self.beta.powi(age)).collect() })
    }
}

/// `LeakySumOverTime(beta: 0.9)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakySumSpec {
    /// What a timestep leaves of the sum, 0 to 1.
    pub beta: f64,
}

impl Spec for LeakySumSpec {
    type Layer = LeakySumOverTime;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<LeakySumOverTime> {
        if !(0.0..=1.0).contains(&self.beta) {
            let message = format!("beta is {}, expected 0 to 1", self.beta);
            return file.invalid("beta", message, "it is what a timestep leaves of the sum");
        }
        Some(LeakySumOverTime { beta: self.beta, timesteps: file.timesteps })
    }
}
