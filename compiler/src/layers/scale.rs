//! Every channel times a number (NIR's `Scale`): `y[c] = factor[c] x[c]`. On the chip it is folded into weights.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::flow::{of_channel, one_or_each};
use super::spec::Parameter;
use super::{Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalType, Spec};
use crate::reference::Signal;

/// Factors: one for all channels, or one each.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// One, or one a channel.
    pub factor: Vec<f64>,
}

impl LayerKind for Scale {
    fn name(&self) -> &'static str {
        "Scale"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        one_or_each("factor", &self.factor, inputs[0].shape.channels)?;
        Ok(inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(inputs[0].each(|map| {
            let mut scaled = map.clone();
            for c in 0..run.shape.channels {
                let factor = of_channel(&self.factor, c);
                scaled.channel_mut(c).iter_mut().for_each(|value| *value *= factor);
            }
            scaled
        }))
    }

    fn keeps_host_current(&self) -> bool {
        true
    }

    fn current(&self, mut inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        let current = inputs.remove(0);
        let factors: Vec<f64> = (0..site.shape.channels).map(|c| of_channel(&self.factor, c)).collect();
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
