//! `[c, h, w]` to `[c x h x w, 1, 1]`, row-major: a change of names, which costs nothing.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::{Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalType, Spec};
use crate::ir::Shape;
use crate::reference::{Map, Signal};

/// The elements of the map as channels of one position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flatten;

impl LayerKind for Flatten {
    fn name(&self) -> &'static str {
        "Flatten"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        Ok(inputs[0].shaped(Shape::new(inputs[0].shape.len(), 1, 1)))
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

impl Spec for Flatten {
    type Layer = Self;

    fn layer(&self, _: &mut Resolver<'_>) -> Option<Self> {
        Some(self.clone())
    }
}
