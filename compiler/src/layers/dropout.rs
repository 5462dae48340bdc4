//! Dropout, which does nothing to a trained network; named so that a network can be written as it was trained.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::{Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalType, Spec};
use crate::reference::Signal;

/// Gives its input as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropout;

impl LayerKind for Dropout {
    fn name(&self) -> &'static str {
        "Dropout"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        Ok(inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], _: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(inputs[0].clone())
    }

    fn reads_flattened(&self) -> bool {
        true
    }

    fn keeps_host_current(&self) -> bool {
        true
    }

    fn current(&self, mut inputs: Vec<Current>, _: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        Ok(inputs.remove(0))
    }
}

impl Spec for Dropout {
    type Layer = Self;

    fn layer(&self, _: &mut Resolver<'_>) -> Option<Self> {
        Some(self.clone())
    }
}
