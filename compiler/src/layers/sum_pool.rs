//! Sum over a window of each channel (SpikingJelly's and SynSense's `SumPool2d`): an average pool times the number of
//! positions in its window.

use serde::{Deserialize, Serialize};

use super::avg_pool::Window;
use super::current::Current;
use super::spec::{Pair, is_zero, optional_pair};
use super::{Evaluation, Fault, Flow, LayerKind, Refusal, Resolver, Site, Spec};
use crate::reference::Signal;

/// Sum over a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SumPool2d {
    /// Rows and columns of the window.
    pub kernel: Pair,
    /// Step of the window; as long as the window if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_pair")]
    pub stride: Option<Pair>,
    /// Zeros on both sides, at most half a window.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub padding: Pair,
}

impl LayerKind for SumPool2d {
    fn name(&self) -> &'static str {
        "SumPool2d"
    }

    fn output(&self, inputs: &[Flow], _: usize) -> Result<Flow, Fault> {
        self.window().output(inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, Fault> {
        Ok(inputs[0].each(|map| self.window().sums(map, run.shape)))
    }

    fn current(&self, inputs: Vec<Current>, site: &Site<'_>) -> Result<Current, Refusal> {
        self.window().current(inputs, site, 1.0)
    }
}

impl SumPool2d {
    fn window(&self) -> Window {
        Window { kernel: self.kernel, stride: self.stride.unwrap_or(self.kernel), padding: self.padding }
    }
}

impl Spec for SumPool2d {
    type Layer = Self;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Self> {
        self.window().check(file)?;
        Some(self.clone())
    }
}
