//! Sum over a window of each channel (SpikingJelly's and SynSense's `SumPool2d`): an average pool times the number of
//! positions in its window.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::{
    Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, PoolWindow, Resolver, SignalType, Spec,
};
use crate::reference::Signal;

/// Sum over a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SumPool2d(pub PoolWindow);

impl LayerKind for SumPool2d {
    fn name(&self) -> &'static str {
        "SumPool2d"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        self.0.output(inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(inputs[0].each(|map| self.0.sums(map, run.shape)))
    }

    fn current(&self, inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        self.0.current(inputs, site, 1.0)
    }
}

impl Spec for SumPool2d {
    type Layer = Self;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Self> {
        self.0.check(file)?;
        Some(self.clone())
    }
}
