//! Every output from all elements of the map: `[c, h, w]` to `[out, 1, 1]`, elements in row-major order.
//!
//! On the chip a convolution whose kernel is the whole map: a weight `[out, c x h x w]` already lies as
//! `[out, c, h, w]`, so nothing moves, and a flattening before it goes.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::flow::per_channel;
use super::{
    Conv, Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalType, Spec,
    TensorRef,
};
use crate::event_driven::{self, EventSums};
use crate::ir::Shape;
use crate::reference::{Map, Signal};
use crate::weights::Tensor;

/// A matrix and a bias.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    /// `[out, c x h x w]`.
    pub weight: Tensor,
    /// `[out]`.
    pub bias: Option<Tensor>,
}

impl LayerKind for Linear {
    fn name(&self) -> &'static str {
        "Linear"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let (input, weight) = (inputs[0], &self.weight);
        let [outputs, elements] = weight.shape[..] else {
            return Err(LayerFault::shape(format!(
                "weight has shape {:?}, [out, in] expected",
                weight.shape
            )));
        };
        if elements != input.shape.len() {
            let message = format!(
                "the input {} has {} elements, but the weight {:?} reads {elements}",
                input.shape,
                input.shape.len(),
                weight.shape
            );
            return Err(LayerFault::shape(message));
        }
        if let Some(bias) = &self.bias {
            per_channel("bias", bias, outputs)?;
        }
        Ok(input.shaped(Shape::new(outputs, 1, 1)))
    }

    fn evaluate(&self, inputs: &[&Signal], _: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(inputs[0].each(|map| self.apply(map)))
    }

    fn event_sums(&self, from: Shape, to: Shape) -> Option<Box<dyn EventSums>> {
        let negative_zero = |value: f64| value == 0.0 && value.is_sign_negative();
        let skips_zeros = self.weight.data.is_finite()
            && !self.bias.as_ref().is_some_and(|bias| bias.data.iter().any(negative_zero));
        skips_zeros.then(|| event_driven::prepared(&self.of_map(from), from, to)).flatten()
    }

    fn has_weights(&self) -> bool {
        true
    }

    fn reads_flattened(&self) -> bool {
        true
    }

    fn keeps_host_current(&self) -> bool {
        true
    }

    fn current(&self, mut inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        let mut current = inputs.remove(0);
        if let Some(flattened) = current.flattened.take() {
            current.shape = flattened.shape;
        }
        let whole = self.of_map(current.shape);
        current.convolved(&whole, site)
    }
}

impl Linear {
    /// The convolution of the whole map that it is.
    fn of_map(&self, from: Shape) -> Conv {
        let shape = vec![self.weight.shape[0], from.channels, from.height, from.width];
        Conv { bias: self.bias.clone(), ..Conv::new(Tensor::of(shape, self.weight.data.clone())) }
    }

    /// Each output is the sum over the row-major elements of the map, then the bias.
    fn apply(&self, input: &Map) -> Map {
        let outputs = self.weight.shape[0];
        let mut output = Map::filled(Shape::new(outputs, 1, 1), 0.0);
        let mut weights = self.weight.data.iter();
        for (o, sum) in output.data.iter_mut().enumerate() {
            *sum = input.data.iter().zip(&mut weights).map(|(x, w)| w * x).sum::<f64>();
            *sum += self.bias.as_ref().map_or(0.0, |bias| bias.data.get(o));
        }
        output
    }
}

/// Weight `[out, in]`, as many inputs as the map has elements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearSpec {
    /// `[out, in]`.
    pub weight: TensorRef,
    /// `[out]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<TensorRef>,
}

impl Spec for LinearSpec {
    type Layer = Linear;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Linear> {
        let weight = file.tensor(&self.weight)?;
        if weight.shape.len() != 2 || weight.data.is_empty() {
            return file.wrong_shape(&self.weight, &weight, "[out, in]");
        }
        let bias = file.bias(self.bias.as_ref(), weight.shape[0])?;
        Some(Linear { weight, bias })
    }
}
