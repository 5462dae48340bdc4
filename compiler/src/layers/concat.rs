//! Joins maps along the channels, in port order.
//!
//! On the chip no neuron and no synapse: the channels of each input come after those of the inputs before it. One input
//! may be constant over time: the host computes it, and what the layers behind make of it, as the bias of the neurons.

use serde::{Deserialize, Serialize};

use super::current::Current;
use super::flow::joined_kind;
use super::{
    Arity, Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalType, Spec,
};
use crate::ir::Shape;
use crate::reference::{Map, Signal};

/// Maps side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concat;

impl LayerKind for Concat {
    fn name(&self) -> &'static str {
        "Concat"
    }

    fn arity() -> Arity {
        Arity::AtLeast(2)
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let first = inputs[0].shape;
        let mut channels = first.channels;
        for next in inputs[1..].iter().map(|input| input.shape) {
            let joined = Shape { channels, ..first };
            if (first.height, first.width) != (next.height, next.width) {
                let message = format!("Concat joins {joined} and {next}, equal height and width expected");
                return Err(LayerFault::shape(message));
            }
            channels = channels.checked_add(next.channels).ok_or_else(|| {
                LayerFault::shape(format!("Concat joins {joined} and {next}: too many channels"))
            })?;
        }
        let kind = joined_kind("Concat", "joins", inputs.iter().map(|input| input.kind))?;
        Ok(SignalType { shape: Shape { channels, ..first }, kind })
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(Signal::joined(inputs, run.timesteps, |maps| {
            Map::new(run.shape, maps.iter().flat_map(|map| map.data.iter().copied()).collect())
        }))
    }

    fn keeps_host_current(&self) -> bool {
        true
    }

    fn current(&self, inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        Current::side_by_side(inputs, site)
    }
}

impl Spec for Concat {
    type Layer = Self;

    fn layer(&self, _: &mut Resolver<'_>) -> Option<Self> {
        Some(self.clone())
    }
}
