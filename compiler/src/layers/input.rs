//! The network's input: one map that is the same in every timestep (direct coding), or spikes, one map a timestep.

use serde::{Deserialize, Serialize};

use super::current::{Current, HostPath};
use super::{
    Arity, Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalKind,
    SignalType, Spec,
};
use crate::ir::Shape;
use crate::reference::Signal;

/// Most elements of an input map: bounds what later rooms allocate.
const ELEMENTS_MAX: usize = 1 << 24;

/// The network's input.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Shape of the map.
    pub shape: Shape,
    /// Whether it is spikes, one map of 0 and 1 a timestep; else one map for all timesteps.
    pub spikes: bool,
}

impl Input {
    /// An input that is the same in every timestep.
    pub fn constant(shape: Shape) -> Self {
        Self { shape, spikes: false }
    }
}

impl LayerKind for Input {
    fn name(&self) -> &'static str {
        "Input"
    }

    fn arity() -> Arity {
        Arity::Exactly(0)
    }

    fn output(&self, _: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let kind = if self.spikes { SignalKind::Series } else { SignalKind::Constant };
        Ok(SignalType { shape: self.shape, kind })
    }

    fn evaluate(&self, _: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(run.input.clone())
    }

    fn is_port(&self) -> bool {
        self.spikes
    }

    fn current(&self, _: Vec<Current>, _: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        Ok(Current::host(self.shape, HostPath { input: self.shape, stages: Vec::new() }))
    }
}

/// `Input(shape: (channels, height, width))`, of spikes `Input(shape: ..., spikes: true)`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// (channels, height, width).
    pub shape: (usize, usize, usize),
    /// Whether it is spikes, one map of 0 and 1 a timestep; else one map for all timesteps.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spikes: bool,
}

impl Spec for InputSpec {
    type Layer = Input;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Input> {
        let (channels, height, width) = self.shape;
        let elements = channels.checked_mul(height).and_then(|n| n.checked_mul(width));
        if elements.is_none_or(|n| n == 0 || n > ELEMENTS_MAX) {
            let message =
                format!("input shape [{channels}, {height}, {width}] has no or over {ELEMENTS_MAX} elements");
            return file.invalid("shape", message, "`shape` is (channels, height, width)");
        }
        Some(Input { shape: Shape::new(channels, height, width), spikes: self.spikes })
    }
}
