//! Another shape for the same elements, row-major: a change of names, which costs nothing.
//!
//! On the chip the reader undoes it (`Linear`, `Flatten`, `Reshape`), or the neurons before it get the shape: what one
//! kernel over a whole map gives may be a line `[1, 1, n]`, which a `Sparse` behind the neurons reads.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::{Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalType, Spec};
use crate::ir::Shape;
use crate::reference::{Map, Signal};

/// `[c, h, w]` of the output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// `(c, h, w)`; as many elements as the input has.
    pub shape: (usize, usize, usize),
}

impl LayerKind for Reshape {
    fn name(&self) -> &'static str {
        "Reshape"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let (c, h, w) = self.shape;
        let elements = c.checked_mul(h).and_then(|n| n.checked_mul(w));
        if elements != Some(inputs[0].shape.len()) {
            let message = format!(
                "the input {} has {} elements, which do not fill {:?}",
                inputs[0].shape,
                inputs[0].shape.len(),
                self.shape
            );
            return Err(LayerFault::shape(message).hint("shapes are (channels, height, width)"));
        }
        Ok(inputs[0].shaped(Shape::new(c, h, w)))
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(inputs[0].each(|map| Map::new(run.shape, map.data.clone())))
    }

    fn reads_flattened(&self) -> bool {
        true
    }

    fn current(&self, mut inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        Ok(inputs.remove(0).reshaped(site))
    }
}

impl Spec for Reshape {
    type Layer = Self;

    fn layer(&self, _: &mut Resolver<'_>) -> Option<Self> {
        Some(self.clone())
    }
}
