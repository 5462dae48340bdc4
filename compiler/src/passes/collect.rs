//! Pass 2: every firing layer and read-out with the float kernels that feed it.
//!
//! Walks back from each firing layer and read-out over one list of synapses or one convolution (and a concatenation, which splits the kernel by
//! source channels) to the firing layers that feed it. A path to the network's constant input becomes stages that
//! the host computes. The result is in topological order: sources first.

use std::ops::Range;

use petgraph::graph::NodeIndex;
use snnc_targets::{Code, Diagnostics};

use super::unsupported;
use crate::graph::{Conv, Graph, Kind, Op, Shapes, Synapses};
use crate::ir::channels::{ChannelMap, group_cuts};
use crate::ir::spiking::HostStage;
use crate::ir::{AxisMap, ConvMap, Shape};
pub use crate::neuron::NeuronKind;

/// Name of the pass.
pub const NAME: &str = "collect-neurons";
/// What it does.
pub const DESCRIPTION: &str =
    "gathers neurons with their kernels; constant inputs become host-written biases";

/// A network as neurons and float kernels.
#[derive(Debug, Clone)]
pub struct Collected {
    /// Name of the network.
    pub network: String,
    /// T.
    pub timesteps: usize,
    /// In topological order.
    pub layers: Vec<NeuronLayer>,
}

/// Neurons with all that feeds them.
#[derive(Debug, Clone)]
pub struct NeuronLayer {
    /// Name in reports: the firing layer's, or that of the layer with weights before a read-out.
    pub name: String,
    /// `[c, h, w]`.
    pub shape: Shape,
    /// What the neurons do with their current.
    pub kind: NeuronKind,
    /// Spiking sources.
    pub sources: Vec<SourceKernel>,
    /// Constant current (the bias): one a channel, or one a neuron behind a list of synapses.
    pub bias: Vec<f64>,
    /// Stages of a constant input, if one feeds this layer; the bias is in the last.
    pub host: Option<HostPath>,
}

/// Weights from one firing layer.
#[derive(Debug, Clone)]
pub struct SourceKernel {
    /// Index into [`Collected::layers`].
    pub source: usize,
    /// Which neurons connect.
    pub wiring: Wiring,
    /// Of a convolution `[source channels, kernel rows, kernel columns, target channels of a group]`, the last fastest;
    /// else one a synapse.
    pub weights: Vec<f64>,
}

impl SourceKernel {
    /// Runs of weights into consecutive target channels, each with the first of them: a tap of a source channel, or a
    /// synapse. In the order of the weights.
    pub fn rows(&self) -> impl Iterator<Item = (usize, &[f64])> {
        let (outputs, taps, channels) = match &self.wiring {
            Wiring::Conv { map, channels } => {
                (channels.outputs, map.rows.kernel * map.cols.kernel, Some(channels))
            }
            Wiring::Sparse { .. } => (1, 1, None),
        };
        let first = move |row: usize| {
            channels.map_or(0, |map| map.targets_of(map.first_input + row / taps.max(1)).start)
        };
        self.weights.chunks_exact(outputs.max(1)).enumerate().map(move |(row, weights)| (first(row), weights))
    }

    /// Target channel of every weight.
    pub fn weight_channels(&self) -> impl Iterator<Item = usize> {
        self.rows().flat_map(|(first, row)| first..first + row.len())
    }
}

/// Which neurons connect.
#[derive(Debug, Clone)]
pub enum Wiring {
    /// Positions through a kernel, channels in groups.
    Conv {
        /// Geometry.
        map: ConvMap,
        /// Which channels connect.
        channels: ChannelMap,
    },
    /// One by one, between populations of one channel and one row.
    Sparse {
        /// Source neuron of each synapse.
        sources: Vec<u32>,
        /// Target neuron of each synapse.
        targets: Vec<u32>,
    },
}

/// What the host computes from the network's input.
#[derive(Debug, Clone)]
pub struct HostPath {
    /// Shape of the network's input.
    pub input: Shape,
    /// In order.
    pub stages: Vec<HostStage>,
}

/// Collects the neurons of a folded graph.
///
/// # Errors
/// [`Code::Unsupported`] naming the layer, or those of shape inference.
pub fn run(graph: &Graph) -> Result<Collected, Diagnostics> {
    let mut collector = Collector { graph, shapes: graph.shapes()?, layers: Vec::new(), nodes: Vec::new() };
    for node in graph.order()? {
        let kind = match &graph.net[node].op {
            Op::Lif { tau, threshold, reset } => {
                NeuronKind::Lif { tau: *tau, threshold: *threshold, reset: *reset }
            }
            Op::If { threshold } => NeuronKind::If { threshold: *threshold },
            Op::MeanOverTime => NeuronKind::Mean,
            Op::WeightedSum { coefficients } => NeuronKind::Weighted { coefficients: coefficients.clone() },
            Op::Mix { .. } | Op::NearestCode { .. } => {
                return Err(collector.refuse(node, "operations behind a read-out do not run on the chip"));
            }
            _ => continue,
        };
        collector.neurons(node, kind)?;
    }
    if collector.layers.is_empty() {
        return Err(snnc_targets::Diagnostic::new(
            Code::Unsupported,
            format!("network {}", graph.name),
            "has neither firing layers nor read-outs",
        )
        .into());
    }
    Ok(Collected { network: graph.name.clone(), timesteps: graph.timesteps, layers: collector.layers })
}

struct Collector<'a> {
    graph: &'a Graph,
    shapes: Shapes,
    layers: Vec<NeuronLayer>,
    /// Graph node of each layer.
    nodes: Vec<NodeIndex>,
}

impl Collector<'_> {
    fn refuse(&self, node: NodeIndex, message: impl Into<String>) -> Diagnostics {
        unsupported(&self.graph.name, &self.graph.net[node].name, message).into()
    }

    fn neurons(&mut self, node: NodeIndex, kind: NeuronKind) -> Result<(), Diagnostics> {
        let before = self.graph.inputs(node)[0];
        if self.fires(before) && !kind.fires() {
            return self.direct_readout(node, before, kind);
        }
        if let Op::Sparse(synapses) = &self.graph.net[before].op {
            return self.irregular(node, before, synapses, kind);
        }
        let (Op::Conv2d(conv) | Op::ConvTranspose2d(conv)) = &self.graph.net[before].op else {
            let found = self.graph.net[before].op.name();
            return Err(self.refuse(node, format!("must be fed by a layer with weights, found {found}")));
        };
        let name = if kind.fires() { node } else { super::host_tail::population(self.graph, node) };
        let shape = self.shapes[before];
        let mut layer = NeuronLayer {
            name: self.graph.net[name].name.clone(),
            shape,
            kind,
            sources: Vec::new(),
            bias: conv.bias.as_ref().map_or_else(|| vec![0.0; shape.channels], |b| b.data.clone()),
            host: None,
        };
        let feed = self.graph.inputs(before)[0];
        if self.shapes.kind(feed) == Kind::Constant {
            layer.host = Some(self.host_path(before)?);
            layer.bias = vec![0.0; shape.channels];
        } else {
            self.spiking_sources(before, conv, feed, &mut layer)?;
        }
        self.layers.push(layer);
        self.nodes.push(node);
        Ok(())
    }

    /// A read-out of spikes without weights: each neuron sums one source, through one synapse.
    fn direct_readout(
        &mut self,
        node: NodeIndex,
        from: NodeIndex,
        kind: NeuronKind,
    ) -> Result<(), Diagnostics> {
        let shape = self.shapes[from];
        let Some(source) = self.nodes.iter().position(|&n| n == from) else {
            return Err(self.refuse(node, "is fed by a layer that was not collected"));
        };
        let axis = AxisMap::pointwise;
        let n = shape.channels;
        let kernel = SourceKernel {
            source,
            wiring: Wiring::Conv {
                map: ConvMap { rows: axis(shape.height), cols: axis(shape.width) },
                channels: ChannelMap::one_to_one(n),
            },
            weights: vec![1.0; n],
        };
        self.layers.push(NeuronLayer {
            name: self.graph.net[node].name.clone(),
            shape,
            kind,
            sources: vec![kernel],
            bias: vec![0.0; n],
            host: None,
        });
        self.nodes.push(node);
        Ok(())
    }

    /// Splits the kernel of `conv` over the firing layers that `feed` joins.
    fn spiking_sources(
        &self,
        node: NodeIndex,
        conv: &Conv,
        feed: NodeIndex,
        layer: &mut NeuronLayer,
    ) -> Result<(), Diagnostics> {
        let joined = match self.graph.net[feed].op {
            Op::Concat => self.graph.inputs(feed),
            _ => vec![feed],
        };
        let mut first = 0;
        for source in joined {
            let index = self.firing(node, source)?;
            let inputs = first..first + self.shapes[source].channels;
            for channels in self.parts(node, conv, &inputs) {
                layer.sources.push(SourceKernel {
                    source: index,
                    wiring: Wiring::Conv { map: self.map(node, conv)?, channels },
                    weights: self.kernel(node, conv, inputs.start, &channels),
                });
            }
            first = inputs.end;
        }
        Ok(())
    }

    /// Neurons behind a list of synapses.
    fn irregular(
        &mut self,
        node: NodeIndex,
        before: NodeIndex,
        synapses: &Synapses,
        kind: NeuronKind,
    ) -> Result<(), Diagnostics> {
        let feed = self.graph.inputs(before)[0];
        if self.shapes.kind(feed) == Kind::Constant {
            return Err(self.refuse(
                before,
                "Sparse cannot be computed by the host: put a 1 x 1 Conv2d and neurons before it",
            ));
        }
        let source = self.firing(before, feed)?;
        let bias =
            synapses.bias.as_ref().map_or_else(|| vec![0.0; synapses.outputs], |bias| bias.data.clone());
        if !kind.fires() && bias.iter().any(|&b| b != 0.0) {
            return Err(self.refuse(before, "a read-out of `Sparse` cannot have a bias: it has one offset"));
        }
        let name = if kind.fires() { node } else { super::host_tail::population(self.graph, node) };
        let (sources, targets) = (synapses.sources.clone(), synapses.targets.clone());
        let wiring = Wiring::Sparse { sources, targets };
        self.layers.push(NeuronLayer {
            name: self.graph.net[name].name.clone(),
            shape: self.shapes[before],
            kind,
            sources: vec![SourceKernel { source, wiring, weights: synapses.weights.clone() }],
            bias,
            host: None,
        });
        self.nodes.push(node);
        Ok(())
    }

    /// Index of the firing layer that feeds `node`.
    fn firing(&self, node: NodeIndex, source: NodeIndex) -> Result<usize, Diagnostics> {
        let index = self.nodes.iter().position(|&n| n == source).filter(|_| self.fires(source));
        index.ok_or_else(|| {
            let layer = &self.graph.net[source];
            let message =
                format!("is fed by \"{}\" ({}), expected a firing layer", layer.name, layer.op.name());
            self.refuse(node, message)
        })
    }

    fn fires(&self, node: NodeIndex) -> bool {
        self.graph.net[node].op.fires()
    }

    fn map(&self, node: NodeIndex, conv: &Conv) -> Result<ConvMap, Diagnostics> {
        let (input, output) = (self.shapes[self.graph.inputs(node)[0]], self.shapes[node]);
        let transposed = matches!(self.graph.net[node].op, Op::ConvTranspose2d(_));
        let axis = |kernel, stride, padding, dilation, input, output| AxisMap {
            kernel,
            first_tap: 0,
            stride,
            padding,
            dilation,
            transposed,
            input,
            output,
        };
        let [kh, kw] = [conv.weight.shape[2], conv.weight.shape[3]];
        Ok(ConvMap {
            rows: axis(kh, conv.stride.0, conv.padding.0, conv.dilation.0, input.height, output.height),
            cols: axis(kw, conv.stride.1, conv.padding.1, conv.dilation.1, input.width, output.width),
        })
    }

    /// Channel groups of a convolution.
    fn channels(&self, node: NodeIndex, conv: &Conv) -> ChannelMap {
        let inputs = self.shapes[self.graph.inputs(node)[0]].channels;
        ChannelMap::grouped(conv.groups, inputs / conv.groups, self.shapes[node].channels / conv.groups)
    }

    /// How some of a convolution's source channels, counted from the first of them, join its target channels. Whole groups
    /// are one part; a group that a concatenation cuts is a part of its own.
    fn parts(&self, node: NodeIndex, conv: &Conv, inputs: &Range<usize>) -> Vec<ChannelMap> {
        let all = self.channels(node, conv);
        let mut start = inputs.start;
        let ends = group_cuts(inputs, 0, all.inputs).chain([inputs.end]);
        let part = |end: usize| {
            let own = std::mem::replace(&mut start, end)..end;
            let groups = (own.len() / all.inputs).max(1);
            ChannelMap {
                groups,
                first_input: own.start - inputs.start,
                inputs: own.len() / groups,
                first_output: all.targets_of(own.start).start,
                outputs: all.outputs,
            }
        };
        ends.map(part).collect()
    }

    /// Weights of some source channels, counted from the convolution's `first`, as
    /// `[source channels, rows, columns, target channels of a group]`.
    fn kernel(&self, node: NodeIndex, conv: &Conv, first: usize, channels: &ChannelMap) -> Vec<f64> {
        let transposed = matches!(self.graph.net[node].op, Op::ConvTranspose2d(_));
        let all = self.channels(node, conv);
        let s = &conv.weight.shape;
        let taps = s[2] * s[3];
        let mut weights = Vec::with_capacity(channels.sources().len() * taps * channels.outputs);
        for input in channels.sources().map(|own| first + own) {
            for tap in 0..taps {
                for output in all.targets_of(input) {
                    let (a, b) = match transposed {
                        true => (input, output % all.outputs),
                        false => (output, input % all.inputs),
                    };
                    weights.push(conv.weight.data[(a * s[1] + b) * taps + tap]);
                }
            }
        }
        weights
    }

    /// The stages from the network's input to the output of `node`.
    fn host_path(&self, node: NodeIndex) -> Result<HostPath, Diagnostics> {
        let before = self.graph.inputs(node);
        match (&self.graph.net[node].op, before.first()) {
            (Op::Input { shape }, _) => Ok(HostPath { input: *shape, stages: Vec::new() }),
            (Op::Embedding { table }, Some(&before)) => {
                let mut path = self.host_path(before)?;
                let (rows, width) = (table.shape[0], table.shape[1]);
                path.stages.push(HostStage::Embedding { rows, width, table: table.data.clone() });
                Ok(path)
            }
            (Op::Conv2d(conv) | Op::ConvTranspose2d(conv), Some(&before)) => {
                let mut path = self.host_path(before)?;
                let (channels, outputs) = (self.channels(node, conv), self.shapes[node].channels);
                path.stages.push(HostStage::Conv {
                    map: self.map(node, conv)?,
                    channels,
                    outputs,
                    weights: self.kernel(node, conv, 0, &channels),
                    bias: conv.bias.as_ref().map_or_else(|| vec![0.0; outputs], |b| b.data.clone()),
                });
                Ok(path)
            }
            (op, _) => Err(self.refuse(node, format!("{} cannot be computed by the host", op.name()))),
        }
    }
}
