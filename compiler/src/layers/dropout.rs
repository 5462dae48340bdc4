//! Dropout, which does nothing to a trained network; named so that a network can be written as it was trained.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::{Evaluation, Fault, Flow, LayerKind, Refusal, Resolver, Site, Spec};
use crate::reference::Signal;

/// Gives its input as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropout;

impl LayerKind for Dropout {
    fn name(&self) -> &'static str {
        "Dropout"
    }

    fn output(&self, inputs: &[Flow], _: usize) -> Result<Flow, Fault> {
        Ok(inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], _: &Evaluation<'_>) -> Result<Signal, Fault> {
        Ok(inputs[0].clone())
    }

    fn reads_flattened(&self) -> bool {
        true
    }

    fn current(&self, mut inputs: Vec<Current>, _: &Site<'_>) -> Result<Current, Refusal> {
        Ok(inputs.remove(0))
    }
}

impl Spec for Dropout {
    type Layer = Self;

    fn layer(&self, _: &mut Resolver<'_>) -> Option<Self> {
        Some(self.clone())
    }
}
