//! The layer graph: a trained network as its author sees it, in floats.
//!
//! Nodes are [`Layer`]s, edges carry maps `[c, h, w]`; an edge's weight is the input port it feeds. [`infer`] gives
//! every layer its output shape or says which layer does not fit. No pass changes a graph in place except those of
//! [`crate::passes`]; the float reference reads it as it is.

mod infer;
mod table;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use snnc_targets::{Code, Diagnostic, Diagnostics};

use crate::ir::Shape;
use crate::weights::Tensor;

pub use infer::{Kind, Shapes};

/// A layer graph. All inputs are held constant over the timesteps (direct coding).
#[derive(Debug, Clone)]
pub struct Graph {
    /// Name of the network, for example `sdid`.
    pub name: String,
    /// Timesteps of one pass.
    pub timesteps: usize,
    /// Layers; the edge weight is the input port, 0 first.
    pub net: DiGraph<Layer, usize>,
}

/// A named operation.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Unique within the network.
    pub name: String,
    /// What it does.
    pub op: Op,
}

/// Operations. Shapes are `[channels, height, width]`.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// The network's input, the same in every timestep.
    Input {
        /// Shape of the map.
        shape: Shape,
    },
    /// Row lookup: `[1, h, w]` of row numbers to `[width, h, w]`. Table `[rows, width]`.
    Embedding {
        /// `[rows, width]`.
        table: Tensor,
    },
    /// Weight `[out, in / groups, kh, kw]`.
    Conv2d(Conv),
    /// Weight `[in, out / groups, kh, kw]`.
    ConvTranspose2d(Conv),
    /// Every output from all elements of the map: `[c, h, w]` to `[out, 1, 1]`, elements in row-major order.
    Linear {
        /// `[out, c x h x w]`.
        weight: Tensor,
        /// `[out]`.
        bias: Option<Tensor>,
    },
    /// `[c, h, w]` to `[c x h x w, 1, 1]`, row-major.
    Flatten,
    /// Synapses one by one: `[1, 1, n]` to `[1, 1, outputs]`.
    Sparse(Synapses),
    /// Evaluation mode: `(x - mean) / sqrt(variance + epsilon) * scale + shift`; tensors `[channels]`.
    BatchNorm {
        /// gamma
        scale: Tensor,
        /// beta
        shift: Tensor,
        /// Running mean.
        mean: Tensor,
        /// Running variance.
        variance: Tensor,
        /// Added to the variance.
        epsilon: f64,
    },
    /// Leaky integrate and fire: `v += (x - (v - reset)) / tau`; fires when `v >= threshold`; then `v = reset`.
    Lif {
        /// Membrane time constant in timesteps.
        tau: f64,
        /// Firing threshold.
        threshold: f64,
        /// Membrane after a spike and at the start.
        reset: f64,
    },
    /// Integrate and fire: `v += x`; fires when `v >= threshold`; then `v = 0`.
    If {
        /// Firing threshold.
        threshold: f64,
    },
    /// Joins maps along the channels, in port order.
    Concat,
    /// Read-out: mean over the timesteps.
    MeanOverTime,
    /// Read-out: sum over t of `coefficients[t]` x `input[t]`.
    WeightedSum {
        /// One a timestep, oldest first.
        coefficients: Vec<f64>,
    },
    /// `(1 - alpha)` x port 0 + `alpha` x port 1, of two read-outs.
    Mix {
        /// Weight of port 1.
        alpha: f64,
    },
    /// `[width, h, w]` to `[1, h, w]`: row number of the nearest table row (squared L2, first on ties).
    NearestCode {
        /// `[rows, width]`.
        table: Tensor,
    },
}

/// A list of synapses between lines of neurons; entry i of the three lists is one synapse, no pair stands there twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Synapses {
    /// Input neuron of each.
    pub sources: Vec<u32>,
    /// Output neuron of each.
    pub targets: Vec<u32>,
    /// Weight of each.
    pub weights: Vec<f64>,
    /// `[outputs]`.
    pub bias: Option<Tensor>,
    /// Output neurons.
    pub outputs: usize,
}

/// Weights and geometry of a (transposed) convolution; pairs are (vertical, horizontal).
#[derive(Debug, Clone, PartialEq)]
pub struct Conv {
    /// See [`Op::Conv2d`] and [`Op::ConvTranspose2d`].
    pub weight: Tensor,
    /// `[out]`.
    pub bias: Option<Tensor>,
    /// Stride.
    pub stride: (usize, usize),
    /// Zero padding on both sides.
    pub padding: (usize, usize),
    /// Tap spacing.
    pub dilation: (usize, usize),
    /// Added to one side of the output; transposed convolutions only.
    pub output_padding: (usize, usize),
    /// Channel groups.
    pub groups: usize,
}

impl Op {
    /// The operation's name in model files and messages.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input { .. } => "Input",
            Self::Embedding { .. } => "Embedding",
            Self::Conv2d(_) => "Conv2d",
            Self::ConvTranspose2d(_) => "ConvTranspose2d",
            Self::Linear { .. } => "Linear",
            Self::Flatten => "Flatten",
            Self::Sparse(_) => "Sparse",
            Self::BatchNorm { .. } => "BatchNorm",
            Self::Lif { .. } => "Lif",
            Self::If { .. } => "If",
            Self::Concat => "Concat",
            Self::MeanOverTime => "MeanOverTime",
            Self::WeightedSum { .. } => "WeightedSum",
            Self::Mix { .. } => "Mix",
            Self::NearestCode { .. } => "NearestCode",
        }
    }

    /// Whether its outputs are spikes.
    pub fn fires(&self) -> bool {
        matches!(self, Self::Lif { .. } | Self::If { .. })
    }
}

impl Graph {
    /// Layers in an order in which every layer comes after its inputs; the same for the same graph.
    ///
    /// # Errors
    /// [`Code::GraphInvalid`] naming a layer on a cycle.
    pub fn order(&self) -> Result<Vec<NodeIndex>, Diagnostics> {
        petgraph::algo::toposort(&self.net, None).map_err(|cycle| {
            let layer = &self.net[cycle.node_id()].name;
            Diagnostic::new(Code::GraphInvalid, self.place(layer), "this layer depends on itself")
                .hint("recurrent networks are not supported")
                .into()
        })
    }

    /// Inputs of a layer in port order.
    pub fn inputs(&self, layer: NodeIndex) -> Vec<NodeIndex> {
        let mut edges: Vec<_> = self
            .net
            .edges_directed(layer, Direction::Incoming)
            .map(|edge| (*edge.weight(), edge.source()))
            .collect();
        edges.sort_unstable();
        edges.into_iter().map(|(_, source)| source).collect()
    }

    /// Layers that read a layer, ascending by index.
    pub fn readers(&self, layer: NodeIndex) -> Vec<NodeIndex> {
        let mut all: Vec<_> = self.net.neighbors_directed(layer, Direction::Outgoing).collect();
        all.sort_unstable();
        all
    }

    /// Layers that nothing reads, ascending by index; a model file gives a network exactly one.
    pub fn outputs(&self) -> Vec<NodeIndex> {
        self.net.externals(Direction::Outgoing).collect()
    }

    /// The layer of that name.
    pub fn find(&self, name: &str) -> Option<NodeIndex> {
        self.net.node_indices().find(|&n| self.net[n].name == name)
    }

    /// `layer sdid.conv1`, for diagnostics.
    pub fn place(&self, layer: &str) -> String {
        format!("layer {}.{layer}", self.name)
    }
}
