//! Nearest upsampling (PyTorch's `UpsamplingNearest2d` by whole factors): every element becomes a block of copies.
//!
//! On the chip it is folded into the kernel behind it: both together are a transposed convolution. Alone it is a
//! transposed kernel of every channel with itself, whose stride is its length.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::spec::AxisPair;
use super::{Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalType, Spec};
use crate::ir::{AxisMap, ConvMap, Shape};
use crate::reference::{Map, Signal};

/// Largest factor.
const MOST: usize = 64;

/// Repeats rows and columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upsample {
    /// How often each row and each column is repeated.
    pub factor: AxisPair,
}

impl LayerKind for Upsample {
    fn name(&self) -> &'static str {
        "Upsample"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let Shape { channels, height, width } = inputs[0].shape;
        match (height.checked_mul(self.factor.0), width.checked_mul(self.factor.1)) {
            (Some(height), Some(width)) => Ok(inputs[0].shaped(Shape::new(channels, height, width))),
            _ => Err(LayerFault::shape(format!(
                "{:?} times {} is too large a map",
                self.factor, inputs[0].shape
            ))),
        }
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(inputs[0].each(|map| {
            let mut large = Map::filled(run.shape, 0.0);
            for c in 0..run.shape.channels {
                for (y, x) in run.shape.places() {
                    let from = map.shape().at(c, y / self.factor.0, x / self.factor.1);
                    large.data[run.shape.at(c, y, x)] = map.data[from];
                }
            }
            large
        }))
    }

    fn current(&self, mut inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        let current = inputs.remove(0);
        let axis = |factor, input, output| AxisMap {
            kernel: factor,
            stride: factor,
            transposed: true,
            output,
            ..AxisMap::pointwise(input)
        };
        let map = ConvMap {
            rows: axis(self.factor.0, current.shape.height, site.shape.height),
            cols: axis(self.factor.1, current.shape.width, site.shape.width),
        };
        current.repeated(&map, site)
    }
}

impl Spec for Upsample {
    type Layer = Self;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Self> {
        file.pair("factor", self.factor, 1..=MOST)?;
        Some(self.clone())
    }
}
