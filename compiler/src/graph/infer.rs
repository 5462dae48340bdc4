//! Shape inference: what every layer gives, and whether the layers fit together.
//!
//! Place in the flow: the first thing that is done with a layer graph; the float reference and the passes rely on it
//! and repeat none of its checks. The rule of each kind of layer stands in its file in [`crate::layers`]. Besides its
//! [`Shape`], a layer's output has a [`SignalKind`]: held over the timesteps, one map a timestep, or one map after
//! the last timestep.
//! Invariants of a [`Shapes`]: every layer has one non-empty map of at most [`crate::layers::ELEMENTS_MAX`] elements
//! (all timesteps of a series together), every tensor fits its layer, every layer has the number of inputs that its
//! operation asks for.
//! Refused, all layers in one go: whatever breaks these. A layer behind a refused one is skipped, not reported.

#[cfg(test)]
mod tests;

use std::ops::Index;

use petgraph::graph::NodeIndex;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use super::{Graph, Op, SignalKind};
use crate::ir::Shape;
use crate::layers::{LayerFault, SignalType};

/// Output shapes of the layers of one graph, by layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shapes(Vec<SignalType>);

impl Index<NodeIndex> for Shapes {
    type Output = Shape;

    /// Output shape of a layer of the graph that gave these shapes.
    fn index(&self, layer: NodeIndex) -> &Shape {
        &self.0[layer.index()].shape
    }
}

impl Shapes {
    /// How a layer's output goes with time.
    pub fn kind(&self, layer: NodeIndex) -> SignalKind {
        self.0[layer.index()].kind
    }
}

impl Graph {
    /// Output shape and kind of every layer.
    ///
    /// # Errors
    /// [`Code::LayerShape`] for each layer whose inputs or tensors do not fit it; [`Code::GraphInvalid`] for a wrong
    /// number of inputs, a cycle, a network without timesteps or with another number of `Input` layers than one.
    pub fn shapes(&self) -> Result<Shapes, Diagnostics> {
        let mut faults = Vec::new();
        let mut flows: Vec<Option<SignalType>> = vec![None; self.net.node_count()];
        let loops = self.loops();
        let closes = |node: NodeIndex| matches!(self.net[node].op, Op::Delay(_)) && loops.of(node).is_some();
        let inputs_of = |node: NodeIndex, flows: &[Option<SignalType>]| -> Option<Vec<SignalType>> {
            self.inputs(node).iter().map(|n| flows[n.index()]).collect()
        };
        let order = self.order()?;
        let mut refuse = |node: NodeIndex, fault: LayerFault| {
            faults.push((node, fault.at(self.place(&self.net[node].name))));
        };
        for &node in &order {
            let flow = match &self.net[node].op {
                Op::Delay(delay) if closes(node) => {
                    delay.declared().and_then(|declared| declared.bounded(self.timesteps))
                }
                op => match inputs_of(node, &flows) {
                    Some(inputs) => op.output(&inputs, self.timesteps),
                    None => continue,
                },
            };
            match flow {
                Ok(flow) => flows[node.index()] = Some(flow),
                Err(fault) => refuse(node, fault),
            }
        }
        // What a delay in a loop reads is known only now.
        for &node in order.iter().filter(|&&node| closes(node) && flows[node.index()].is_some()) {
            let Some(inputs) = inputs_of(node, &flows) else { continue };
            if let Err(fault) = self.net[node].op.output(&inputs, self.timesteps) {
                refuse(node, fault);
            }
        }
        let mut errors = self.frame_errors();
        faults.sort_by_key(|(node, _)| *node);
        errors.0.extend(faults.into_iter().map(|(_, diagnostic)| diagnostic));
        let flows: Vec<SignalType> = errors.into_result(flows)?.into_iter().flatten().collect();
        assert_eq!(
            flows.len(),
            self.net.node_count(),
            "a layer without output is a reported layer or behind one"
        );
        Ok(Shapes(flows))
    }

    /// What is wrong with the network as a whole.
    fn frame_errors(&self) -> Diagnostics {
        let mut errors = Diagnostics::default();
        let place = Subject::Network(self.name.clone());
        if self.timesteps == 0 {
            errors.push(Diagnostic::new(
                Code::GraphInvalid,
                place.clone(),
                "0 timesteps found, at least 1 expected",
            ));
        }
        let inputs = self.net.node_weights().filter(|layer| matches!(layer.op, Op::Input(_))).count();
        if inputs != 1 {
            errors.push(
                Diagnostic::new(
                    Code::GraphInvalid,
                    place.clone(),
                    format!("{inputs} `Input` layers found, 1 expected"),
                )
                .hint("several input planes are the channels of one `Input`"),
            );
        }
        errors
    }
}
