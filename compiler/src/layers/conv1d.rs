//! Convolution along one row (PyTorch's `Conv1d`): a signal `[c, w]` is a map `[c, 1, w]`, its kernel `[out, in, k]`
//! one of `[out, in, 1, k]`. Shape rule, evaluation and lowering are those of convolutions of maps.

use super::current::Current;
use super::{
    Conv, Conv1dSpec, Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalType,
    Spec,
};
use crate::event_driven::EventSums;
use crate::ir::Shape;
use crate::reference::Signal;

/// A convolution whose kernel has one row, of maps of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Conv1d(pub Conv);

impl LayerKind for Conv1d {
    fn name(&self) -> &'static str {
        "Conv1d"
    }

    fn output(&self, inputs: &[SignalType], timesteps: usize) -> Result<SignalType, LayerFault> {
        if inputs[0].shape.height != 1 {
            let message = format!("Conv1d reads {}, a map of one row [c, 1, w] expected", inputs[0].shape);
            return Err(LayerFault::shape(message).hint("a map of several rows takes a Conv2d"));
        }
        self.0.output(inputs, timesteps)
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        self.0.evaluate(inputs, run)
    }

    fn event_sums(&self, from: Shape, to: Shape) -> Option<Box<dyn EventSums>> {
        self.0.event_sums(from, to)
    }

    fn has_weights(&self) -> bool {
        true
    }

    fn current(&self, mut inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        inputs.remove(0).convolved(&self.0, site)
    }
}

impl Spec for Conv1dSpec {
    type Layer = Conv1d;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Conv1d> {
        self.conv(file).map(Conv1d)
    }
}
