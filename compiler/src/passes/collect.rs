//! Every firing layer and read-out with the float kernels that feed it.
//!
//! Goes through the layers from inputs to outputs and asks each for the current that it makes of its inputs' currents
//! ([`crate::layers::current`]); what reaches neurons becomes their kernels, biases and host stages. So linear layers,
//! batch norms, concatenations and the like are folded into kernels, in f64. Sources come before their readers; what
//! comes back through a loop comes through a delay ([`mod@loops`]).

mod loops;
mod text;
mod verify;

use std::ops::Range;

use petgraph::graph::NodeIndex;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use super::host_tail;
use crate::graph::{Graph, Shapes};
use crate::ir::channels::ChannelMap;
use crate::ir::spiking::HostStage;
use crate::ir::{ConvMap, Shape};
use crate::layers::current::{Current, CurrentSource, LoweringRefusal};
use crate::layers::{LoweringSite, label};
pub use crate::neuron::NeuronKind;
use crate::weights::FloatArray;

/// Name of the pass.
pub const NAME: &str = "collect-neurons";
/// What it does.
pub const DESCRIPTION: &str =
    "folds what is between neurons into kernels; constant inputs become host-written biases";

/// A network as neurons and float kernels.
#[derive(Debug, Clone)]
pub struct Collected {
    /// Name of the network.
    pub network: String,
    /// T.
    pub timesteps: usize,
    /// Sources come before their readers, but for spikes that come back through a loop. The layers of a loop stand side
    /// by side.
    pub layers: Vec<NeuronLayer>,
}

impl Collected {
    /// The layer whose spikes a layer sends: itself, or what relays repeat.
    pub fn relayed(&self, index: usize) -> &NeuronLayer {
        let layer = &self.layers[index];
        match (layer.relay, layer.sources.as_slice()) {
            (Some(_), [kernel]) => self.relayed(kernel.source),
            _ => layer,
        }
    }
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
    /// Stages of a constant input, if one feeds this layer, alone or beside spikes; the bias is in the last.
    pub host: Option<HostPath>,
    /// Of relay neurons, which repeat the spikes of their only source: how many timesteps behind it they stand on the
    /// chip.
    pub relay: Option<u32>,
}

impl NeuronLayer {
    /// Whether nothing but a constant of its own feeds it: it fires as that has it, whatever the network's input.
    pub fn is_constant(&self) -> bool {
        self.sources.is_empty() && self.host.is_none() && !self.kind.is_port()
    }

    /// Weights of all sources.
    pub fn weights(&self) -> usize {
        self.sources.iter().map(|source| source.weights.len()).sum()
    }

    /// Whether all that folding made of its weights and constants can be computed with.
    fn is_finite(&self) -> bool {
        let finite = |values: &[f64]| values.iter().all(|value| value.is_finite());
        let host = self.host.iter().flat_map(|path| &path.stages).all(|stage| match stage {
            HostStage::Conv { weights, bias, .. } => finite(weights) && finite(bias),
            HostStage::Embedding { table, .. } => finite(table),
        });
        host && finite(&self.bias) && self.sources.iter().all(|kernel| kernel.weights.is_finite())
    }
}

/// Weights from one firing layer.
#[derive(Debug, Clone)]
pub struct SourceKernel {
    /// Index into [`Collected::layers`].
    pub source: usize,
    /// Timesteps of the network by which its spikes are late. Above 0 if the source does not stand before the target.
    pub delay: u32,
    /// Which neurons connect.
    pub wiring: KernelWiring,
    /// Of a convolution `[source channels, kernel rows, kernel columns, target channels of a group]`, the last fastest;
    /// else one a synapse.
    pub weights: FloatArray,
}

impl SourceKernel {
    /// Whether it has a synapse.
    pub fn joins(&self) -> bool {
        match &self.wiring {
            KernelWiring::Conv { map, .. } => map.joins(),
            KernelWiring::Sparse { targets, .. } => !targets.is_empty(),
        }
    }

    /// The target channels of each run of weights into consecutive ones: of a tap of a source channel, or of a
    /// synapse. In the order of the weights.
    pub fn rows(&self) -> impl Iterator<Item = Range<usize>> {
        let (outputs, taps, channels) = match &self.wiring {
            KernelWiring::Conv { map, channels } => {
                (channels.outputs, map.rows.kernel * map.cols.kernel, Some(channels))
            }
            KernelWiring::Sparse { .. } => (1, 1, None),
        };
        let first = move |row: usize| {
            channels.map_or(0, |map| map.targets_of(map.first_input + row / taps.max(1)).start)
        };
        (0..self.weights.len() / outputs.max(1)).map(move |row| first(row)..first(row) + outputs)
    }

    /// Target channel of every weight.
    pub fn weight_channels(&self) -> impl Iterator<Item = usize> {
        self.rows().flatten()
    }
}

/// Which neurons connect.
#[derive(Debug, Clone, PartialEq)]
pub enum KernelWiring {
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

/// Collects the neurons of a graph. All layers that do not lower are told; those behind them are skipped.
///
/// # Errors
/// [`Code::Unsupported`] naming the layers, or those of shape inference.
pub fn run(graph: &Graph) -> Result<Collected, Diagnostics> {
    let nodes = graph.net.node_count();
    let mut collector = Collector {
        graph,
        shapes: graph.shapes()?,
        layers: Vec::new(),
        currents: vec![None; nodes],
        index_of: vec![None; nodes],
        unread: graph.net.node_indices().map(|node| graph.readers(node).len()).collect(),
    };
    let mut problems = Diagnostics::default();
    let (order, loops) = (graph.order()?, graph.loops());
    let mut firing = 0;
    for &node in &order {
        let kind = graph.net[node].op.kind();
        if kind.neurons().is_some() || kind.is_port() {
            collector.index_of[node.index()] = Some(firing);
            firing += 1;
        }
    }
    for node in order {
        if collector.closes_a_loop(node, &loops) {
            match collector.late(node) {
                Ok(current) => collector.currents[node.index()] = Some(current),
                Err(refusal) => problems.push(collector.refused(node, refusal)),
            }
            continue;
        }
        let inputs = collector.take_inputs(node);
        if collector.reads_a_read_out(node) {
            problems.push(collector.refused(node, LoweringSite::behind_a_read_out()));
            continue;
        }
        // Behind a layer that was refused nothing more can be said.
        let Some(inputs) = inputs else { continue };
        match collector.layer(node, inputs) {
            Ok(current) => collector.currents[node.index()] = current,
            Err(refusal) => problems.push(collector.refused(node, refusal)),
        }
    }
    if collector.layers.is_empty() && problems.0.is_empty() {
        let message = "has neither firing layers nor read-outs";
        problems.push(Diagnostic::new(Code::Unsupported, Subject::Network(graph.name.clone()), message));
    }
    let layers = loops::in_components(collector.layers);
    problems.into_result(Collected { network: graph.name.clone(), timesteps: graph.timesteps, layers })
}

struct Collector<'a> {
    graph: &'a Graph,
    shapes: Shapes,
    layers: Vec<NeuronLayer>,
    /// What each layer gives, until its last reader took it.
    currents: Vec<Option<Current>>,
    /// Readers of each layer that did not take its current yet; a layer that reads another twice counts twice.
    unread: Vec<usize>,
    /// Where the neurons of each layer will stand among [`Collected::layers`], known before they are collected.
    index_of: Vec<Option<usize>>,
}

impl Collector<'_> {
    /// Currents of a layer's inputs in port order; none if one of them was refused.
    fn take_inputs(&mut self, node: NodeIndex) -> Option<Vec<Current>> {
        let mut take = |input: NodeIndex| {
            let (current, unread) = (&mut self.currents[input.index()], &mut self.unread[input.index()]);
            *unread -= 1;
            if *unread == 0 { current.take() } else { current.clone() }
        };
        self.graph.inputs(node).into_iter().map(&mut take).collect()
    }

    /// Whether a layer is fed by a read-out, whose values the host has and no neuron.
    fn reads_a_read_out(&self, node: NodeIndex) -> bool {
        let read_out = |input: &NodeIndex| {
            let neurons = self.graph.net[*input].op.kind().neurons();
            neurons.is_some_and(|kind| !kind.fires())
        };
        self.graph.inputs(node).iter().any(read_out)
    }

    /// What a layer gives to its readers; nothing if it is a read-out.
    fn layer(&mut self, node: NodeIndex, inputs: Vec<Current>) -> Result<Option<Current>, LoweringRefusal> {
        let layer = &self.graph.net[node];
        let labels: Vec<String> =
            self.graph.inputs(node).into_iter().map(|input| self.label(input)).collect();
        let site = LoweringSite {
            name: &layer.name,
            op: layer.op.name(),
            shape: self.shapes[node],
            inputs: &labels,
        };
        let inputs = match layer.op.kind().reads_flattened() {
            true => inputs,
            false => inputs.into_iter().map(Current::in_its_shape).collect::<Result<_, _>>()?,
        };
        let takes_mixed = layer.op.fires() || layer.op.kind().keeps_host_current();
        if let Some(port) = inputs.iter().position(|input| input.is_mixed() && !takes_mixed) {
            let message =
                format!("is fed by {}, which adds a constant input to what comes from spikes", labels[port]);
            return Err(LoweringRefusal::here(message).hint("put neurons between the two"));
        }
        if layer.op.kind().is_port() {
            return Ok(Some(self.port(layer.name.clone(), &site)));
        }
        let Some(kind) = layer.op.kind().neurons() else {
            return layer.op.kind().current(inputs, &site).map(Some);
        };
        let index = self.layers.len();
        let fires = kind.fires();
        let current = layer.op.kind().synapses(inputs, &site)?;
        let neurons = self.neurons(node, current, kind)?;
        if !neurons.is_finite() {
            let message =
                "the weights and constants before it, multiplied into each other, are no finite numbers";
            return Err(LoweringRefusal::here(message)
                .hint("look for very large values in the weights or a batch norm"));
        }
        self.layers.push(neurons);
        Ok(fires.then(|| Current::of_layer(index, site.shape, site.label())))
    }

    /// Spikes from outside.
    fn port(&mut self, name: String, site: &LoweringSite<'_>) -> Current {
        let shape = site.shape;
        let bias = vec![0.0; shape.channels];
        self.layers.push(NeuronLayer {
            name,
            shape,
            kind: NeuronKind::Port,
            sources: Vec::new(),
            bias,
            host: None,
            relay: None,
        });
        Current::of_layer(self.layers.len() - 1, shape, site.label())
    }

    /// Neurons with the current that reaches them.
    fn neurons(
        &self,
        node: NodeIndex,
        current: Current,
        kind: NeuronKind,
    ) -> Result<NeuronLayer, LoweringRefusal> {
        let shape = self.shapes[node];
        let named = if kind.fires() { node } else { host_tail::population(self.graph, node) };
        let name = self.graph.net[named].name.clone();
        match current.feed {
            CurrentSource::Host(path) if !path.has_weights() => {
                let found = self.graph.net[self.graph.inputs(node)[0]].op.name();
                Err(LoweringRefusal::here(format!("must be fed by a layer with weights, found {found}")))
            }
            CurrentSource::Host(path) => {
                let bias = vec![0.0; shape.channels];
                Ok(NeuronLayer {
                    name,
                    shape,
                    kind,
                    sources: Vec::new(),
                    bias,
                    host: Some(path),
                    relay: None,
                })
            }
            CurrentSource::Spikes(spikes) => {
                if !kind.fires()
                    && spikes.bias.len() > shape.channels
                    && spikes.bias.iter().any(|&b| b != 0.0)
                {
                    let layer = &self.graph.net[named].name;
                    let message = "a read-out of `Sparse` cannot have a bias: it has one offset";
                    return Err(LoweringRefusal::of(layer, message));
                }
                let sources = spikes.terms.into_iter().map(|term| term.kernel).collect();
                let (mut bias, mut host) = (spikes.bias, spikes.host);
                if let Some(path) = host.take() {
                    if bias.len() != shape.channels {
                        let message = "adds a constant input to what comes through a list of synapses";
                        return Err(
                            LoweringRefusal::here(message).hint("put neurons behind the constant input")
                        );
                    }
                    // What the host writes is all that is constant.
                    host = Some(path.with_constants(shape, &bias));
                    bias.fill(0.0);
                }
                Ok(NeuronLayer { name, shape, kind, sources, bias, host, relay: None })
            }
        }
    }

    fn label(&self, node: NodeIndex) -> String {
        let layer = &self.graph.net[node];
        label(&layer.name, layer.op.name())
    }

    fn refused(&self, node: NodeIndex, refusal: LoweringRefusal) -> Diagnostic {
        let layer = refusal.layer.as_ref().unwrap_or(&self.graph.net[node].name);
        let problem = super::unsupported(&self.graph.name, layer, refusal.message);
        match refusal.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}
