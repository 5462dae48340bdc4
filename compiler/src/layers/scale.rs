//! Every channel times a number (NIR's `Scale`): `y[c] = factor[c] x[c]`. On the chip it is folded into weights.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::flow::per_channel;
use super::spec::Parameter;
use super::{Evaluation, Fault, Flow, LayerKind, Refusal, Resolver, Site, Spec};
use crate::reference::Signal;
use crate::weights::Tensor;

/// Factors: one for all channels, or one each.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// `[1]` or `[channels]`.
    pub factor: Tensor,
}

impl Scale {
    fn of_channel(&self, c: usize) -> f64 {
        self.factor.data[if self.factor.data.len() == 1 { 0 } else { c }]
    }
}

impl LayerKind for Scale {
    fn name(&self) -> &'static str {
        "Scale"
    }

    fn output(&self, inputs: &[Flow], _: usize) -> Result<Flow, Fault> {
        if self.factor.data.len() != 1 {
            per_channel("factor", &self.factor, inputs[0].shape.channels)?;
        }
        Ok(inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, Fault> {
        Ok(inputs[0].each(|map| {
            let mut scaled = map.clone();
            for c in 0..run.shape.channels {
                let factor = self.of_channel(c);
                scaled.channel_mut(c).iter_mut().for_each(|value| *value *= factor);
            }
            scaled
        }))
    }

    fn current(&self, mut inputs: Vec<Current>, site: &Site<'_>) -> Result<Current, Refusal> {
        let current = inputs.remove(0);
        let factors: Vec<f64> = (0..site.shape.channels).map(|c| self.of_channel(c)).collect();
        Ok(current.affine(&factors, site, |c, constant| factors[c] * constant))
    }
}

/// `Scale(factor: 0.5)`, or a tensor with a factor a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScaleSpec {
    /// One for all channels, or one each.
    pub factor: Parameter,
}

impl Spec for ScaleSpec {
    type Layer = Scale;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Scale> {
        Some(Scale { factor: file.parameter("factor", &self.factor)? })
    }
}
