//! The float reference in less time: the same layers, the same terms, added in the same order.
//!
//! Place in the flow: beside [`crate::reference`], which it borrows inputs, order of layers, loops and every layer from
//! but the sums of weighted inputs (convolutions, linear layers, lists of synapses). Those follow the inputs that are
//! not zero: [`lists`] says which weights meet at a position, [`lanes`] adds them for many output channels side by
//! side. Comparisons of a chip with its floats, reconstructions and checks of recordings run it.
//!
//! Invariants: every number that is not NaN has the bits that the reference gives. Addition of floats is not
//! associative, so the terms of one output are added one after the other, by input channel, then by position, and only
//! different outputs are computed side by side; products are rounded before they are added. An input of zero is left
//! out: its term is a zero, as weights are finite, and a zero changes no sum but one of -0.0. No sum here is ever -0.0,
//! as it starts with +0.0; that of a linear layer, which the reference starts with -0.0, becomes the same by the bias
//! that follows, unless the bias is -0.0.
//! Evaluated as the reference does: linear layers and lists of synapses with weights that are not finite, linear layers
//! with a bias of -0.0, lists in which the sources of a target do not ascend, and convolutions with few output channels
//! a group, which have nothing to be computed side by side.

mod gather;
mod lanes;
mod lists;
mod synapses;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use petgraph::graph::NodeIndex;
use snnc_targets::Diagnostic;

use crate::reference::{Interpreter, Map, Signal, Trace};

pub(crate) use gather::prepared;
pub(crate) use synapses::SynapseRows;

/// A layer's weighted sums, prepared for maps of one shape.
pub trait EventSums: fmt::Debug + Send + Sync {
    /// The outputs for some maps, in their order.
    fn sums(&self, maps: &[Map]) -> Vec<Map>;
}

/// Evaluates one layer graph as an [`Interpreter`] does. Holds no state between runs.
#[derive(Debug, Clone)]
pub struct EventDriven<'g> {
    interpreter: Interpreter<'g>,
    /// By node: what replaces the evaluation of a layer.
    sums: Arc<[Option<Box<dyn EventSums>>]>,
}

impl<'g> EventDriven<'g> {
    /// An evaluation of the graph of an interpreter, with its weights laid out a second time.
    pub fn new(interpreter: Interpreter<'g>) -> Self {
        let (graph, shapes) = (interpreter.graph(), interpreter.shapes());
        let prepare = |node| match graph.inputs(node)[..] {
            [input] => graph.net[node].op.kind().event_sums(shapes[input], shapes[node]),
            _ => None,
        };
        Self { sums: graph.net.node_indices().map(prepare).collect(), interpreter }
    }

    /// The reference of the same graph.
    pub fn interpreter(&self) -> &Interpreter<'g> {
        &self.interpreter
    }

    /// What [`Interpreter::pass`] gives.
    ///
    /// # Errors
    /// Those of [`Interpreter::pass`].
    pub fn pass(&self, values: &[f64]) -> Result<Trace, Diagnostic> {
        self.signals(values, &|_| true)
    }

    /// What [`Interpreter::pass`] gives, of layers that fire and the network's output alone. It takes less memory, and
    /// less time for it.
    ///
    /// # Errors
    /// Those of [`Interpreter::pass`].
    pub fn answer(&self, values: &[f64]) -> Result<Trace, Diagnostic> {
        self.signals(values, &|node| self.interpreter.graph().net[node].op.fires())
    }

    fn signals(&self, values: &[f64], kept: &dyn Fn(NodeIndex) -> bool) -> Result<Trace, Diagnostic> {
        let input = self.interpreter.signal(values)?;
        let evaluate = |node: NodeIndex, inputs: &[&Signal]| match &self.sums[node.index()] {
            Some(layer) => Ok(inputs[0].together(|maps| layer.sums(maps))),
            None => self.interpreter.layer(node, inputs, &input),
        };
        self.interpreter.walk(&evaluate, kept)
    }
}
