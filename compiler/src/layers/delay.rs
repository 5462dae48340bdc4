//! The input of some timesteps ago; zeros before there was any.
//!
//! Every loop of a network goes through a delay, so that a timestep depends on earlier ones only. A delay in a loop
//! says
//! the shape of its map, since its input is computed from its output.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::spec::optional_shape;
use super::{
    Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalKind, SignalType, Spec,
};
use crate::ir::Shape;
use crate::reference::{Map, Signal};

/// Longest delay in timesteps.
const STEPS_MAX: usize = 4096;

/// Gives its input late.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// Timesteps, at least 1.
    pub steps: usize,
    /// (channels, height, width); needed in a loop only.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_shape")]
    pub shape: Option<(usize, usize, usize)>,
}

impl Delay {
    /// What it gives in a loop, where its input is not known yet.
    ///
    /// # Errors
    /// If it does not say its shape.
    pub fn declared(&self) -> Result<SignalType, LayerFault> {
        let Some((channels, height, width)) = self.shape else {
            let message = "Delay closes a loop and does not say its shape";
            return Err(
                LayerFault::shape(message).hint("write `Delay(steps: 1, shape: (channels, height, width))`")
            );
        };
        Ok(SignalType { shape: Shape::new(channels, height, width), kind: SignalKind::Series })
    }
}

impl LayerKind for Delay {
    fn name(&self) -> &'static str {
        "Delay"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let input = inputs[0];
        if input.kind == SignalKind::Final {
            return Err(LayerFault::shape(format!("Delay reads a signal that is {}", input.kind)));
        }
        let flow = SignalType { kind: SignalKind::Series, ..input };
        match self.shape {
            Some((channels, height, width)) if Shape::new(channels, height, width) != input.shape => {
                let shape = Shape::new(channels, height, width);
                Err(LayerFault::shape(format!("Delay says shape {shape}, its input has {}", input.shape)))
            }
            _ => Ok(flow),
        }
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        let nothing = Map::filled(run.shape, 0.0);
        let late = |t: usize| match t.checked_sub(self.steps) {
            Some(earlier) => inputs[0].at(earlier).clone(),
            None => nothing.clone(),
        };
        Ok(Signal::Series((0..run.timesteps).map(late).collect()))
    }

    fn delay(&self) -> Option<usize> {
        Some(self.steps)
    }

    fn current(&self, inputs: Vec<Current>, _: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        let input = inputs.into_iter().next().expect("a delay has one input");
        input.late(self.steps)
    }

    fn reads_flattened(&self) -> bool {
        true
    }
}

impl Spec for Delay {
    type Layer = Self;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Self> {
        if !(1..=STEPS_MAX).contains(&self.steps) {
            let message = format!("steps is {}, expected 1 to {STEPS_MAX}", self.steps);
            return file.invalid("steps", message, "a delay of 0 timesteps is no layer: leave it out");
        }
        Some(self.clone())
    }
}
