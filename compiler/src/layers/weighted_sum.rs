//! Read-out: sum over t of `coefficients[t]` x `input[t]`.

use serde::{Deserialize, Serialize};

use super::flow::read_out;
use super::{Evaluation, LayerFault, LayerKind, Resolver, SignalType, Spec, TensorRef};
use crate::neuron::NeuronKind;
use crate::reference::{Map, Signal};

/// A factor a timestep.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedSum {
    /// One a timestep, oldest first.
    pub coefficients: Vec<f64>,
}

impl LayerKind for WeightedSum {
    fn name(&self) -> &'static str {
        "WeightedSum"
    }

    fn output(&self, inputs: &[SignalType], timesteps: usize) -> Result<SignalType, LayerFault> {
        if self.coefficients.len() != timesteps {
            let found = self.coefficients.len();
            let message = format!("{found} coefficients found, {timesteps} expected: one a timestep");
            return Err(LayerFault::shape(message));
        }
        read_out("WeightedSum", inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], _: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(Signal::Final(weighted_sum(&self.coefficients, inputs[0].steps())))
    }

    fn neurons(&self) -> Option<NeuronKind> {
        Some(NeuronKind::Weighted { coefficients: self.coefficients.clone() })
    }
}

/// `sum_t coefficients[t] * x[t]`, oldest first.
pub(super) fn weighted_sum(coefficients: &[f64], steps: &[Map]) -> Map {
    let mut sum = Map::filled(steps[0].shape(), 0.0);
    for (coefficient, step) in coefficients.iter().zip(steps) {
        for (v, x) in sum.data.iter_mut().zip(&step.data) {
            *v += coefficient * x;
        }
    }
    sum
}

/// A tensor with one value a timestep, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightedSumSpec {
    /// One a timestep.
    pub coefficients: TensorRef,
}

impl Spec for WeightedSumSpec {
    type Layer = WeightedSum;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<WeightedSum> {
        let tensor = file.tensor(&self.coefficients)?;
        if tensor.data.len() != file.timesteps || tensor.shape.first() != Some(&file.timesteps) {
            let expected = format!("one coefficient for each of the {} timesteps", file.timesteps);
            return file.wrong_shape(&self.coefficients, &tensor, &expected);
        }
        Some(WeightedSum { coefficients: tensor.data.to_vec() })
    }
}
