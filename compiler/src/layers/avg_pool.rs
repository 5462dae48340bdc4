//! Mean over a window of each channel (PyTorch's `AvgPool2d`, `count_include_pad` true, `ceil_mode` false): padding
//! counts as zeros, and rows and columns that fill no window are left out.
//!
//! On the chip the window is folded into the kernel before or behind it; alone it is a kernel of every channel with
//! itself.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::{
    Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, PoolWindow, Resolver, SignalType, Spec,
};
use crate::reference::Signal;

/// Mean over a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AvgPool2d(pub PoolWindow);

impl LayerKind for AvgPool2d {
    fn name(&self) -> &'static str {
        "AvgPool2d"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        self.0.output(inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        let positions = self.0.positions() as f64;
        Ok(inputs[0].each(|map| {
            let mut mean = self.0.sums(map, run.shape);
            mean.data.iter_mut().for_each(|v| *v /= positions);
            mean
        }))
    }

    fn current(&self, inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        self.0.current(inputs, site, 1.0 / self.0.positions() as f64)
    }
}

impl Spec for AvgPool2d {
    type Layer = Self;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Self> {
        self.0.check(file)?;
        Some(self.clone())
    }
}
