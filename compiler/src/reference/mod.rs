//! The float reference: a plain f64 interpreter of the layer graph, the oracle for everything behind the graph.
//!
//! Place in the flow: beside it. How a layer is evaluated stands in its file in [`crate::layers`]. Nothing is folded,
//! scheduled or quantised; every layer is evaluated as it was trained, in graph order, for all timesteps, and what it
//! gave is kept. Given the recorded traces of a trained model it gives the same spikes bit for bit.
//! Invariants: it stays simple and is never optimised. Three things it may do, as they cannot change a result:
//! compute a layer whose inputs are constant over time only once, skip inputs of zero in a convolution, and give the
//! timesteps of a layer without memory to several cores.
//! Refused: graphs that shape inference refuses, inputs of another shape, row numbers outside an embedding's table.

mod signal;
#[cfg(test)]
mod tests;
mod trace;

use petgraph::graph::NodeIndex;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use crate::graph::{Graph, Op, Shapes};
use crate::ir::Shape;
use crate::layers::Evaluation;

pub use signal::{Map, Signal};
pub use trace::{Trace, TracedLayer};

/// Evaluates one layer graph. Holds no state between runs: every run starts from the reset membranes.
#[derive(Debug, Clone)]
pub struct Interpreter<'g> {
    graph: &'g Graph,
    shapes: Shapes,
    order: Vec<NodeIndex>,
}

impl<'g> Interpreter<'g> {
    /// An interpreter of `graph`, whose output is the layer that nothing reads.
    ///
    /// # Errors
    /// Those of [`Graph::shapes`].
    pub fn new(graph: &'g Graph) -> Result<Self, Diagnostics> {
        Ok(Self { graph, shapes: graph.shapes()?, order: graph.order()? })
    }

    /// The graph that is interpreted.
    pub fn graph(&self) -> &'g Graph {
        self.graph
    }

    /// Shape of the input, `[c, h, w]`.
    pub fn input_shape(&self) -> Shape {
        let is_input = |node: &NodeIndex| matches!(self.graph.net[*node].op, Op::Input(_));
        let input = self.order.iter().copied().find(is_input).expect("shape inference saw exactly one input");
        self.shapes[input]
    }

    /// Shape of the network's output, `[c, h, w]`.
    pub fn output_shape(&self) -> Shape {
        self.shapes[trace::output(self.graph)]
    }

    /// Shape of the spikes of the firing layer of that name, `[c, h, w]`; none when there is no such layer.
    pub fn spiking_shape(&self, layer: &str) -> Option<Shape> {
        let node = self.graph.find(layer)?;
        self.graph.net[node].op.fires().then(|| self.shapes[node])
    }

    /// One pass over all timesteps, with `input` held in each.
    ///
    /// # Errors
    /// [`Code::LayerShape`] when `input` has another shape than the input layer, [`Code::Argument`] when it holds a
    /// row number that an embedding's table does not have.
    pub fn run(&self, input: &Map) -> Result<Trace, Diagnostic> {
        self.check_input(input)?;
        let mut signals: Vec<Option<Signal>> = vec![None; self.order.len()];
        for &node in &self.order {
            let inputs = self.graph.inputs(node);
            let inputs: Vec<&Signal> = inputs.iter().filter_map(|n| signals[n.index()].as_ref()).collect();
            signals[node.index()] = Some(self.layer(node, &inputs, input)?);
        }
        Ok(Trace::new(self.graph, signals.into_iter().flatten().collect()))
    }

    /// Output of one layer.
    fn layer(&self, node: NodeIndex, inputs: &[&Signal], input: &Map) -> Result<Signal, Diagnostic> {
        let layer = &self.graph.net[node];
        let run = Evaluation { shape: self.shapes[node], timesteps: self.graph.timesteps, input };
        layer.op.kind().evaluate(inputs, &run).map_err(|fault| fault.at(self.graph.place(&layer.name)))
    }

    fn check_input(&self, input: &Map) -> Result<(), Diagnostic> {
        let expected = self.input_shape();
        if input.shape() == expected {
            return Ok(());
        }
        let message = format!("the input has shape {}, {expected} expected", input.shape());
        Err(Diagnostic::new(Code::LayerShape, Subject::Network(self.graph.name.clone()), message))
    }
}
