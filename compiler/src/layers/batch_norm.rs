//! Batch norm in evaluation mode: `(x - mean) / sqrt(variance + epsilon) * scale + shift`.
//!
//! On the chip it is folded into whatever gives the current before it: `w' = w s`, `b' = (b - mean) s + shift` with
//! `s = scale / sqrt(variance + epsilon)`, one a channel, in f64.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::flow::per_channel;
use super::spec::optional_tensor;
use super::{
    Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalType, Spec, TensorRef,
};
use crate::reference::{Map, Signal};
use crate::weights::Tensor;

/// Statistics and affine parameters, `[channels]` each.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchNorm {
    /// gamma
    pub scale: Tensor,
    /// beta
    pub shift: Tensor,
    /// Running mean.
    pub mean: Tensor,
    /// Running variance.
    pub variance: Tensor,
    /// Added to the variance.
    pub epsilon: f64,
}

impl LayerKind for BatchNorm {
    fn name(&self) -> &'static str {
        "BatchNorm"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let names = ["scale", "shift", "mean", "variance"];
        for (name, tensor) in names.iter().zip([&self.scale, &self.shift, &self.mean, &self.variance]) {
            per_channel(name, tensor, inputs[0].shape.channels)?;
        }
        Ok(inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], _: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(inputs[0].each(|map| self.apply(map)))
    }

    fn keeps_host_current(&self) -> bool {
        true
    }

    fn current(&self, mut inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        let deviations = self.variance.data.iter().map(|v| (v + self.epsilon).sqrt());
        let factors: Vec<f64> = self.scale.data.iter().zip(deviations).map(|(s, d)| s / d).collect();
        let constant = |c: usize, b: f64| (b - self.mean.data.get(c)) * factors[c] + self.shift.data.get(c);
        Ok(inputs.remove(0).affine(&factors, site, constant))
    }
}

impl BatchNorm {
    fn apply(&self, input: &Map) -> Map {
        let mut output = input.clone();
        for c in 0..input.shape().channels {
            let deviation = (self.variance.data.get(c) + self.epsilon).sqrt();
            let (mean, scale, shift) =
                (self.mean.data.get(c), self.scale.data.get(c), self.shift.data.get(c));
            for x in output.channel_mut(c) {
                *x = (*x - mean) / deviation * scale + shift;
            }
        }
        output
    }
}

/// Statistics, scale and shift, and epsilon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNormSpec {
    /// gamma; 1 if left out (PyTorch's `affine=False`).
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_tensor")]
    pub scale: Option<TensorRef>,
    /// beta; 0 if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_tensor")]
    pub shift: Option<TensorRef>,
    /// Running mean.
    pub mean: TensorRef,
    /// Running variance.
    pub variance: TensorRef,
    /// Added to the variance.
    pub epsilon: f64,
}

impl Spec for BatchNormSpec {
    type Layer = BatchNorm;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<BatchNorm> {
        let epsilon = self.epsilon;
        let given = [self.scale.as_ref(), self.shift.as_ref(), Some(&self.mean), Some(&self.variance)];
        let names: Vec<&TensorRef> = given.into_iter().flatten().collect();
        let vectors: Vec<_> = names.iter().map(|tensor| file.vector(tensor, None)).collect();
        let vectors: Vec<Tensor> = vectors.into_iter().collect::<Option<_>>()?;
        let channels = vectors[0].data.len();
        for (name, vector) in names.iter().zip(&vectors) {
            if vector.data.len() != channels {
                let expected = format!("[{channels}], as many as `{}`", names[0].1);
                return file.wrong_shape(name, vector, &expected);
            }
        }
        let mut vectors = vectors.into_iter();
        let mut next = |given: bool, value: f64| match given {
            true => vectors.next(),
            false => Some(Tensor::new(vec![channels], vec![value; channels])),
        };
        let (scale, shift) = (next(self.scale.is_some(), 1.0)?, next(self.shift.is_some(), 0.0)?);
        let (mean, variance) = (next(true, 0.0)?, next(true, 0.0)?);
        if !epsilon.is_finite() || epsilon < 0.0 {
            let message = format!("epsilon is {epsilon}, expected 0 or more");
            return file.invalid("epsilon", message, "PyTorch's default is 1e-5");
        }
        if let Some(channel) = variance.data.iter().position(|v| v + epsilon <= 0.0) {
            let found = variance.data.get(channel);
            let message =
                format!("running variance of channel {channel} is {found}: with epsilon not positive");
            return file.shape_error(&self.variance, message, "is `variance` the tensor `running_var`?");
        }
        Some(BatchNorm { scale, shift, mean, variance, epsilon })
    }
}
