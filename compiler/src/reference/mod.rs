//! The float reference: a plain f64 interpreter of the layer graph, the oracle for everything behind the graph.
//!
//! Place in the flow: beside the compiler's stages; none of them is used here. How a layer is evaluated stands in its
//! file in [`crate::layers`]. Nothing is folded, scheduled or quantised; every layer is evaluated as it was trained,
//! for
//! all timesteps before the layers that read it, and what it gave is kept. The layers of a loop are evaluated together,
//! timestep by timestep. On the inputs of a recorded run the spikes are those of the recording, bit for bit.
//! Invariants: it stays simple and is never optimised. Three things it may do, as they cannot change a result:
//! compute a layer whose inputs are constant over time only once, skip inputs of zero in a convolution, and give the
//! timesteps of a layer without memory to several cores. [`crate::event_driven`] gives the same bits in less time; it
//! borrows the walk over the layers and brings an evaluation of its own for sums of weighted inputs.
//! Refused: graphs that shape inference refuses, inputs of another shape, row numbers outside an embedding's table.

mod signal;
#[cfg(test)]
mod tests;
mod trace;

use petgraph::graph::NodeIndex;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use crate::graph::{Graph, Loops, Op, Shapes};
use crate::ir::Shape;
use crate::ir::spike_source::SpikeSource;
use crate::layers::{Evaluation, Input};

pub use signal::{Map, Signal};
pub use trace::{Trace, TracedLayer};

/// Output of a layer, from the outputs of the layers that it reads, in port order.
pub(crate) type EvaluateLayer<'a> = dyn Fn(NodeIndex, &[&Signal]) -> Result<Signal, Diagnostic> + 'a;

/// Evaluates one layer graph. Holds no state between runs: every run starts from the reset membranes.
#[derive(Debug, Clone)]
pub struct Interpreter<'g> {
    graph: &'g Graph,
    shapes: Shapes,
    /// Of a timestep.
    order: Vec<NodeIndex>,
    loops: Loops,
}

impl<'g> Interpreter<'g> {
    /// An interpreter of `graph`, whose output is the layer that nothing reads.
    ///
    /// # Errors
    /// Those of [`Graph::shapes`].
    pub fn new(graph: &'g Graph) -> Result<Self, Diagnostics> {
        Ok(Self { graph, shapes: graph.shapes()?, order: graph.order()?, loops: graph.loops() })
    }

    /// The graph that is interpreted.
    pub fn graph(&self) -> &'g Graph {
        self.graph
    }

    /// Shapes of the outputs of all layers.
    pub(crate) fn shapes(&self) -> &Shapes {
        &self.shapes
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

    /// Whether the input is spikes, one map a timestep; else it is held over the timesteps.
    pub fn takes_spikes(&self) -> bool {
        matches!(self.input_layer(), Input { spikes: true, .. })
    }

    /// What the host draws the input spikes from, if it draws them.
    pub fn source(&self) -> Option<SpikeSource> {
        self.input_layer().source
    }

    /// How many values an input has: those of one map, or of all timesteps.
    pub fn input_len(&self) -> usize {
        let steps = if self.takes_spikes() { self.graph.timesteps } else { 1 };
        self.input_shape().len() * steps
    }

    /// One pass over all timesteps on an input of values `[c, h, w]`, or of spikes `[t, c, h, w]` if it takes spikes.
    ///
    /// # Errors
    /// [`Code::LayerShape`] for another number of values, [`Code::Argument`] for what is no spike, and for a row number
    /// that an embedding's table does not have.
    pub fn pass(&self, values: &[f64]) -> Result<Trace, Diagnostic> {
        self.signals(&self.signal(values)?)
    }

    /// The input layer's signal of values as [`Interpreter::pass`] takes them.
    pub(crate) fn signal(&self, values: &[f64]) -> Result<Signal, Diagnostic> {
        let (shape, name) = (self.input_shape(), &self.graph.name);
        if !self.takes_spikes() {
            return self.held(&Map::checked(shape, values.to_vec(), name)?);
        }
        let place = Subject::Network(name.clone());
        if values.len() != self.input_len() {
            let (found, steps) = (values.len(), self.graph.timesteps);
            let message = format!(
                "{found} input values found, {} expected: {steps} timesteps of {shape}",
                self.input_len()
            );
            return Err(Diagnostic::new(Code::LayerShape, place, message));
        }
        if let Some(at) = values.iter().position(|&value| value != 0.0 && value != 1.0) {
            let message = format!("input value {at} is {}, a spike is 1 and no spike 0", values[at]);
            return Err(Diagnostic::new(Code::Argument, place, message).hint(
                "for an input that is a number in every timestep write `Input(shape: ...)` without `spikes`",
            ));
        }
        let maps = values.chunks(shape.len()).map(|map| Map::new(shape, map.to_vec()));
        Ok(Signal::Series(maps.collect()))
    }

    /// One pass over all timesteps, with `input` held in each.
    ///
    /// # Errors
    /// [`Code::LayerShape`] when `input` has another shape than the input layer or the network takes spikes,
    /// [`Code::Argument`] when it holds a row number that an embedding's table does not have.
    pub fn run(&self, input: &Map) -> Result<Trace, Diagnostic> {
        self.signals(&self.held(input)?)
    }

    /// The input layer's signal of a map that is held in each timestep.
    fn held(&self, input: &Map) -> Result<Signal, Diagnostic> {
        let expected = self.input_shape();
        if input.shape() != expected || self.takes_spikes() {
            let each = if self.takes_spikes() { " in each timestep" } else { "" };
            let message = format!("the input has shape {}, {expected}{each} expected", input.shape());
            return Err(Diagnostic::new(
                Code::LayerShape,
                Subject::Network(self.graph.name.clone()),
                message,
            ));
        }
        Ok(Signal::Constant(input.clone()))
    }

    fn input_layer(&self) -> &Input {
        let inputs = self.graph.net.node_weights().filter_map(|layer| match &layer.op {
            Op::Input(input) => Some(input),
            _ => None,
        });
        inputs.last().expect("shape inference saw exactly one input")
    }

    /// The outputs of all layers.
    fn signals(&self, input: &Signal) -> Result<Trace, Diagnostic> {
        self.walk(&|node, inputs| self.layer(node, inputs, input), &|_| true)
    }

    /// The outputs of all layers, each as `evaluate` gives it from those that it reads; delays and layers with memory
    /// that are in a loop are not asked for. The network's output and those that are to be `kept` stay; others go when
    /// all layers that read them have been evaluated.
    pub(crate) fn walk(
        &self,
        evaluate: &EvaluateLayer<'_>,
        kept: &dyn Fn(NodeIndex) -> bool,
    ) -> Result<Trace, Diagnostic> {
        let net = &self.graph.net;
        let mut unread: Vec<usize> = net.node_indices().map(|node| net.edges(node).count()).collect();
        let mut signals: Vec<Option<Signal>> = vec![None; self.order.len()];
        for component in self.components() {
            match component.as_slice() {
                [node] if self.loops.of(*node).is_none() => {
                    let inputs = self.graph.inputs(*node);
                    let inputs: Vec<&Signal> =
                        inputs.iter().filter_map(|n| signals[n.index()].as_ref()).collect();
                    signals[node.index()] = Some(evaluate(*node, &inputs)?);
                }
                members => {
                    let outputs = self.run_loop(members, &signals, evaluate)?;
                    for (node, maps) in members.iter().zip(outputs) {
                        signals[node.index()] = Some(Signal::Series(maps));
                    }
                }
            }
            for source in component.iter().flat_map(|&node| self.graph.inputs(node)) {
                unread[source.index()] -= 1;
                if unread[source.index()] == 0 && !kept(source) {
                    signals[source.index()] = None;
                }
            }
        }
        Ok(Trace::new(self.graph, signals))
    }

    /// Layers and loops, sources first; the layers of a loop in the order of a timestep.
    fn components(&self) -> Vec<Vec<NodeIndex>> {
        let mut at = vec![0; self.order.len()];
        self.order.iter().enumerate().for_each(|(position, node)| at[node.index()] = position);
        let mut components = petgraph::algo::tarjan_scc(&self.graph.net);
        components.reverse();
        components.iter_mut().for_each(|members| members.sort_by_key(|node| at[node.index()]));
        components
    }

    /// Outputs of the layers of a loop, timestep by timestep, all of them together.
    fn run_loop(
        &self,
        members: &[NodeIndex],
        known: &[Option<Signal>],
        evaluate: &EvaluateLayer<'_>,
    ) -> Result<Vec<Vec<Map>>, Diagnostic> {
        let position = |node: NodeIndex| members.iter().position(|&member| member == node);
        let mut memories: Vec<_> =
            members.iter().map(|&node| self.graph.net[node].op.kind().memory(self.shapes[node])).collect();
        let mut outputs: Vec<Vec<Map>> = vec![Vec::new(); members.len()];
        for t in 0..self.graph.timesteps {
            for (index, &node) in members.iter().enumerate() {
                let sources = self.graph.inputs(node);
                let map_at = |source: NodeIndex, t: usize| match (position(source), &known[source.index()]) {
                    (Some(member), _) => &outputs[member][t],
                    (None, Some(signal)) => signal.at(t),
                    (None, None) => unreachable!("what a loop reads comes before it"),
                };
                let map = if let Some(steps) = self.graph.net[node].op.kind().delay() {
                    match t.checked_sub(steps) {
                        Some(earlier) => map_at(sources[0], earlier).clone(),
                        None => Map::filled(self.shapes[node], 0.0),
                    }
                } else if let Some(memory) = &mut memories[index] {
                    memory.step(map_at(sources[0], t))
                } else {
                    let maps: Vec<Signal> =
                        sources.iter().map(|&source| Signal::Constant(map_at(source, t).clone())).collect();
                    evaluate(node, &maps.iter().collect::<Vec<_>>())?.only().clone()
                };
                outputs[index].push(map);
            }
        }
        Ok(outputs)
    }

    /// Output of one layer.
    pub(crate) fn layer(
        &self,
        node: NodeIndex,
        inputs: &[&Signal],
        input: &Signal,
    ) -> Result<Signal, Diagnostic> {
        let layer = &self.graph.net[node];
        let run = Evaluation { shape: self.shapes[node], timesteps: self.graph.timesteps, input };
        layer.op.kind().evaluate(inputs, &run).map_err(|fault| fault.at(self.graph.place(&layer.name)))
    }
}
