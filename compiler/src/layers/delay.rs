//! The input of some timesteps ago; zeros before there was any.
//!
//! Every loop of a network goes through a delay, so that a timestep depends on earlier ones only. A delay in a loop says
//! the shape of its map, since its input is computed from its output.

use serde::{Deserialize, Serialize};

use super::spec::optional_shape;
use super::current::Current;
use super::{Evaluation, Fault, Flow, Kind, LayerKind, Refusal, Resolver, Site, Spec};
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
    pub fn declared(&self) -> Result<Flow, Fault> {
        let Some((channels, height, width)) = self.shape else {
            let message = "Delay closes a loop and does not say its shape";
            return Err(Fault::shape(message).hint("write `Delay(steps: 1, shape: (channels, height, width))`"));
        };
        Ok(Flow { shape: Shape::new(channels, height, width), kind: Kind::Series })
    }
}

impl LayerKind for Delay {
    fn name(&self) -> &'static str {
        "Delay"
    }

    fn output(&self, inputs: &[Flow], _: usize) -> Result<Flow, Fault> {
        let input = inputs[0];
        if input.kind == Kind::Final {
            return Err(Fault::shape(format!("Delay reads a signal that is {}", input.kind)));
        }
        let flow = Flow { kind: Kind::Series, ..input };
        match self.shape {
            Some((channels, height, width)) if Shape::new(channels, height, width) != input.shape => {
                let shape = Shape::new(channels, height, width);
                Err(Fault::shape(format!("Delay says shape {shape}, its input has {}", input.shape)))
            }
            _ => Ok(flow),
        }
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, Fault> {
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

    fn current(&self, _: Vec<Current>, _: &Site<'_>) -> Result<Current, Refusal> {
        Err(Refusal::here("does not run on the chip yet"))
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
