//! A layer graph as a NIR graph: what NIR can hold; the rest is refused by name, all of it at once.
//!
//! Batch norm goes into the weights before it. The neurons' numbers are written by the conventions of a dialect, so
//! that a reader of that dialect gets them back; what NIR has no field for (the reset, the comparison, timesteps,
//! read-out) is said: [`Exported::reading`] are the options that read the file back. A delay of one step in a loop
//! is left out, as all dialects put one there.

mod neurons;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use petgraph::graph::NodeIndex;
use snnc_targets::{Code, Diagnostic, Diagnostics, output};

use super::flat::Flat;
use super::node::{NirConv, NirFile, NirGraph, NirNode, NirPadding};
use super::write;
use crate::graph::{Graph, Loops, Op, Shapes};
use crate::ir::Shape;
use crate::layers::{BatchNorm, Conv};
use crate::weights::Tensor;
use neurons::Written;

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Nodes of the graph.
    pub nodes: usize,
    /// Edges of the graph.
    pub edges: usize,
    /// Options that read the file back as the same network.
    pub reading: String,
}

/// Writes a network as a NIR file.
///
/// # Errors
/// [`Code::Unsupported`] for every layer that NIR has no node for, with its name; [`Code::OutputFailed`].
pub fn export(graph: &Graph, path: &Path) -> Result<Exported, Diagnostics> {
    let (nir, reading) = to_nir(graph)?;
    let (nodes, edges) = (nir.nodes.len(), nir.edges.len());
    let bytes = write::bytes(&nir)?;
    output::write_atomic(path, &bytes)?;
    Ok(Exported { nodes, edges, reading })
}

/// The NIR graph of a network, and the options that read it back.
fn to_nir(graph: &Graph) -> Result<(NirGraph, String), Diagnostics> {
    let written = neurons::common(graph)?;
    let mut exporter = Exporter {
        graph,
        shapes: graph.shapes()?,
        loops: graph.loops(),
        written,
        nir: NirGraph::default(),
        signals: HashMap::new(),
        reading: String::new(),
    };
    let mut problems = Diagnostics::default();
    for node in graph.order()? {
        if let Err(message) = exporter.layer(node) {
            let layer = &graph.net[node];
            let (what, hint) = message;
            let message = format!("NIR has no node for it: {} {what}", layer.op.name());
            problems.push(Diagnostic::new(Code::Unsupported, graph.place(&layer.name), message).hint(hint));
        }
    }
    problems.into_result(())?;
    let Exporter { nir, reading, .. } = exporter;
    // What is written fits by NIR's own rules.
    let file = NirFile { path: PathBuf::from("NIR"), version: None, graph: nir };
    Flat::new(&file)?.shapes()?;
    Ok((file.graph, reading))
}

/// Why a layer is no node, and what to do.
type Refusal = (String, &'static str);

fn refused<T>(what: impl Into<String>, hint: &'static str) -> Result<T, Refusal> {
    Err((what.into(), hint))
}

/// What a layer gives, in the graph that is written.
#[derive(Debug, Clone)]
struct ExportedSignal {
    /// Nodes whose sum it is.
    nodes: Vec<String>,
    /// Whether it has no rows and columns in NIR.
    vector: bool,
}

struct Exporter<'g> {
    graph: &'g Graph,
    shapes: Shapes,
    loops: Loops,
    written: Written,
    nir: NirGraph,
    signals: HashMap<NodeIndex, ExportedSignal>,
    reading: String,
}

impl Exporter<'_> {
    fn name(&self, node: NodeIndex) -> String {
        self.graph.net[node].name.replace('/', "_")
    }

    /// NIR's shape of a map.
    fn sides(shape: Shape, vector: bool) -> Vec<usize> {
        if vector { vec![shape.channels] } else { vec![shape.channels, shape.height, shape.width] }
    }

    /// Adds a node that reads a signal.
    fn add(&mut self, name: &str, from: &ExportedSignal, node: NirNode) {
        self.nir.nodes.insert(name.to_owned(), node);
        self.nir.edges.extend(from.nodes.iter().map(|source| (source.clone(), name.to_owned())));
    }

    /// What a layer reads, the sum of all its inputs.
    fn read(&self, node: NodeIndex) -> Result<ExportedSignal, Refusal> {
        let mut sum: Option<ExportedSignal> = None;
        for input in self.graph.inputs(node) {
            let Some(signal) = self.signals.get(&input) else {
                return refused("reads a layer that could not be written", "see the other errors");
            };
            match &mut sum {
                None => sum = Some(signal.clone()),
                Some(sum) => sum.nodes.extend(signal.nodes.iter().cloned()),
            }
        }
        let sum = sum.unwrap_or(ExportedSignal { nodes: Vec::new(), vector: true });
        let mut names: Vec<&String> = sum.nodes.iter().collect();
        names.sort_unstable();
        match names.windows(2).any(|pair| pair[0] == pair[1]) {
            true => refused("adds a signal to itself", "write a Scale by 2 instead"),
            false => Ok(sum),
        }
    }

    /// A vector of a signal that a node reads, flattened if it is a map.
    fn vector(&mut self, node: NodeIndex, from: ExportedSignal) -> ExportedSignal {
        if from.vector {
            return from;
        }
        let input = self.graph.inputs(node).first().map(|&input| self.shapes[input]);
        let shape = input.map(|shape| Self::sides(shape, false));
        let name = format!("{}.flat", self.name(node));
        self.add(&name, &from, NirNode::Flatten { input: shape, start: 0, end: -1 });
        ExportedSignal { nodes: vec![name], vector: true }
    }

    fn layer(&mut self, node: NodeIndex) -> Result<(), Refusal> {
        let (graph, shape, name) = (self.graph, self.shapes[node], self.name(node));
        if let Op::Delay(delay) = &graph.net[node].op
            && delay.steps == 1
            && graph.inputs(node).iter().any(|&input| self.loops.same(input, node))
        {
            return self.left_out(node);
        }
        let from = self.read(node)?;
        let vector = from.vector;
        let (written, vector) = match &graph.net[node].op {
            Op::Input(input) if input.source.is_some() => {
                return refused(
                    "draws its spikes by itself",
                    "NIR has no sources: give the spikes with `--input`",
                );
            }
            Op::Input(input) => {
                if !input.spikes {
                    self.reading += " --constant-input";
                }
                let vector = shape.positions() == 1;
                (NirNode::Input(Self::sides(shape, vector)), vector)
            }
            Op::Add(_) | Op::Dropout(_) => return self.passed(node, from),
            Op::Conv(conv) if !conv.transposed => (self.conv(node, conv)?, false),
            Op::Conv1d(conv) => (self.conv(node, &conv.0)?, false),
            Op::Linear(linear) => {
                let from = self.vector(node, from);
                let found = NirNode::Linear { weight: linear.weight.clone(), bias: linear.bias.clone() };
                self.add(&name, &from, found);
                return self.passed(node, ExportedSignal { nodes: vec![name], vector: true });
            }
            Op::BatchNorm(norm) => return self.norm(node, norm, from),
            Op::Flatten(_) => {
                let from = self.vector(node, from);
                return self.passed(node, from);
            }
            Op::Reshape(_) if shape == self.shapes[graph.inputs(node)[0]] => return self.passed(node, from),
            Op::Reshape(_) if shape.positions() == 1 => {
                let from = self.vector(node, from);
                return self.passed(node, from);
            }
            Op::Scale(scale) => {
                let positions = shape.positions();
                let factors = (0..shape.len())
                    .map(|n| scale.factor[if scale.factor.len() == 1 { 0 } else { n / positions }]);
                (NirNode::Scale(Tensor::new(Self::sides(shape, vector), factors.collect())), vector)
            }
            Op::Delay(delay) => {
                let seconds = delay.steps as f64 * self.written.step();
                (NirNode::Delay(Tensor::new(Self::sides(shape, vector), vec![seconds; shape.len()])), vector)
            }
            Op::AvgPool2d(pool) => (pooled(true, &pool.0), vector),
            Op::SumPool2d(pool) => (pooled(false, &pool.0), vector),
            Op::SumOverTime(_) => return self.output(from, shape, "sum"),
            Op::MeanOverTime(_) => return self.output(from, shape, "mean"),
            Op::LastOverTime(_) => return self.output(from, shape, "last"),
            Op::LeakySumOverTime(sum) => {
                let membrane = format!("{name}.membrane");
                let found = self.written.integrator(1.0 - sum.beta, Self::sides(shape, vector));
                self.add(&membrane, &from, NirNode::Neuron(found));
                return self.output(ExportedSignal { nodes: vec![membrane], vector }, shape, "last");
            }
            op => match self.written.neuron(op, shape, Self::sides(shape, vector)) {
                Some(neuron) => (NirNode::Neuron(neuron), vector),
                None => {
                    return refused(
                        "is none of its kinds",
                        "NIR has convolutions, linear layers, pools of sums and \
                        means, and neurons; leave such layers out, or keep the model.ron",
                    );
                }
            },
        };
        self.add(&name, &from, written);
        self.passed(node, ExportedSignal { nodes: vec![name], vector })
    }

    fn passed(&mut self, node: NodeIndex, signal: ExportedSignal) -> Result<(), Refusal> {
        self.signals.insert(node, signal);
        Ok(())
    }

    /// A delay of one step in a loop: its readers read the neurons themselves.
    fn left_out(&mut self, node: NodeIndex) -> Result<(), Refusal> {
        let input = self.graph.inputs(node)[0];
        if !self.graph.net[input].op.fires() {
            return refused("closes a loop elsewhere than behind neurons", "put it right behind the neurons");
        }
        let vector = self.shapes[input].positions() == 1;
        let nodes = vec![self.name(input)];
        self.passed(node, ExportedSignal { nodes, vector })
    }

    fn conv(&self, node: NodeIndex, conv: &Conv) -> Result<NirNode, Refusal> {
        let input = self.shapes[self.graph.inputs(node)[0]];
        if conv.end_padding.is_some_and(|end| end != conv.padding) {
            return refused(
                "pads its sides differently",
                "NIR pads both sides alike: pad by hand, or use odd kernels",
            );
        }
        if self.signals.get(&self.graph.inputs(node)[0]).is_some_and(|signal| signal.vector) {
            return refused("reads a vector", "a Linear does the same");
        }
        let pair = |(rows, columns): (usize, usize)| vec![rows, columns];
        Ok(NirNode::Conv(NirConv {
            axes: 2,
            input_shape: Some(vec![input.height, input.width]),
            weight: conv.weight.clone(),
            bias: conv.bias.clone(),
            stride: pair(conv.stride),
            dilation: pair(conv.dilation),
            padding: NirPadding::Numbers(pair(conv.padding)),
            groups: conv.groups,
        }))
    }

    /// Folds a batch norm into the one layer with weights before it, which nothing else reads.
    fn norm(&mut self, node: NodeIndex, norm: &BatchNorm, from: ExportedSignal) -> Result<(), Refusal> {
        let source = self.graph.inputs(node)[0];
        let alone = self.graph.readers(source).len() == 1;
        let found = match &from.nodes[..] {
            [name] if alone => self.nir.nodes.get_mut(name),
            _ => None,
        };
        let (weight, bias) = match found {
            Some(NirNode::Linear { weight, bias }) => (weight, bias),
            Some(NirNode::Conv(conv)) => (&mut conv.weight, &mut conv.bias),
            _ => {
                return refused("does not follow a layer with weights of its own", "put it right behind one");
            }
        };
        let channels = weight.shape[0];
        let factor = |c: usize| norm.scale.data.get(c) / (norm.variance.data.get(c) + norm.epsilon).sqrt();
        let each = weight.data.len() / channels;
        let weights = weight.data.iter().enumerate().map(|(i, w)| w * factor(i / each)).collect();
        *weight = Tensor::new(weight.shape.clone(), weights);
        let old = |c: usize| bias.as_ref().map_or(0.0, |bias| bias.data.get(c));
        let shifted =
            (0..channels).map(|c| (old(c) - norm.mean.data.get(c)) * factor(c) + norm.shift.data.get(c));
        let shifted = shifted.collect();
        *bias = Some(Tensor::new(vec![channels], shifted));
        self.passed(node, from)
    }

    /// Ends the network.
    fn output(&mut self, from: ExportedSignal, shape: Shape, read_out: &str) -> Result<(), Refusal> {
        let mut name = String::from("output");
        while self.nir.nodes.contains_key(&name)
            || self.graph.find(&name).is_some_and(|node| !self.ends(node))
        {
            name += "_";
        }
        let sides = Self::sides(shape, from.vector);
        self.add(&name, &from, NirNode::Output(sides));
        let options = self.written.options();
        self.reading =
            format!("{options} --timesteps {}{} --readout {read_out}", self.graph.timesteps, self.reading);
        Ok(())
    }

    fn ends(&self, node: NodeIndex) -> bool {
        self.graph.readers(node).is_empty()
    }
}

fn pooled(average: bool, window: &crate::layers::PoolWindow) -> NirNode {
    let stride = window.stride.unwrap_or(window.kernel);
    NirNode::Pool { average, kernel: window.kernel, stride, padding: window.padding }
}
