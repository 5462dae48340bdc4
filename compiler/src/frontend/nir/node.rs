//! A NIR graph as the file has it: nodes with their parameters, and edges by name. [`super::read`] makes it of a
//! file.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use snnc_targets::{Place, Subject};

use crate::weights::Tensor;

/// A graph with its file.
#[derive(Debug, Clone, PartialEq)]
pub struct NirFile {
    /// The file.
    pub path: PathBuf,
    /// Version of the package that wrote it, if it says so.
    pub version: Option<String>,
    /// The outermost graph.
    pub graph: NirGraph,
}

/// Nodes and edges.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NirGraph {
    /// By name, in the order of the file.
    pub nodes: IndexMap<String, NirNode>,
    /// (source, target), by name.
    pub edges: Vec<(String, String)>,
}

/// Padding of a convolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NirPadding {
    /// As much as keeps the size.
    Same,
    /// Zeros at both ends of each axis.
    Numbers(Vec<usize>),
}

/// A convolution of one or two axes.
#[derive(Debug, Clone, PartialEq)]
pub struct NirConv {
    /// Axes: 1 or 2.
    pub axes: usize,
    /// Sides of the input, if the file says them.
    pub input_shape: Option<Vec<usize>>,
    /// `[out, in / groups, k...]`.
    pub weight: Tensor,
    /// `[out]`.
    pub bias: Option<Tensor>,
    /// One a axis.
    pub stride: Vec<usize>,
    /// One a axis.
    pub dilation: Vec<usize>,
    /// Zeros around the map.
    pub padding: NirPadding,
    /// Channel groups.
    pub groups: usize,
}

/// A membrane, leaky or not, with or without a synaptic current, which fires or not: LIF, LI, IF, I, CubaLIF, CubaLI.
/// Parameters have the neurons' shape, or none for all alike.
#[derive(Debug, Clone, PartialEq)]
pub struct NirNeuron {
    /// The kind's name in NIR.
    pub kind: &'static str,
    /// Membrane time constant in seconds; none without a leak.
    pub tau: Option<Tensor>,
    /// Synaptic time constant in seconds and input weight, if there is a synaptic current.
    pub synapse: Option<(Tensor, Tensor)>,
    /// Resistance.
    pub r: Tensor,
    /// What the membrane leaks towards; none without a leak.
    pub v_leak: Option<Tensor>,
    /// Threshold and membrane after a spike; none if it does not fire.
    pub fires: Option<(Tensor, Tensor)>,
}

/// A node. Shapes are NIR's own, without batch and time.
#[derive(Debug, Clone, PartialEq)]
pub enum NirNode {
    /// Where signals enter.
    Input(Vec<usize>),
    /// Where they leave.
    Output(Vec<usize>),
    /// `W x`, and `+ b` of an Affine.
    Linear {
        /// `[out, in]`.
        weight: Tensor,
        /// `[out]`.
        bias: Option<Tensor>,
    },
    /// Every element times a number.
    Scale(Tensor),
    /// Conv1d and Conv2d.
    Conv(NirConv),
    /// SumPool2d and AvgPool2d; pairs are (vertical, horizontal).
    Pool {
        /// Whether it is the mean.
        average: bool,
        /// Window.
        kernel: (usize, usize),
        /// Step of the window.
        stride: (usize, usize),
        /// Zeros around the map.
        padding: (usize, usize),
    },
    /// Axes from `start` to `end` (negative ones from the last) become one.
    Flatten {
        /// Shape of the input, if the file says it.
        input: Option<Vec<usize>>,
        /// First axis.
        start: i64,
        /// Last axis.
        end: i64,
    },
    /// 1 where the input is above a number.
    Threshold(Tensor),
    /// Late by seconds.
    Delay(Tensor),
    /// A membrane.
    Neuron(NirNeuron),
    /// A graph within.
    Graph(NirGraph),
}

impl NirNode {
    /// Its name in NIR.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Input(_) => "Input",
            Self::Output(_) => "Output",
            Self::Linear { bias: None, .. } => "Linear",
            Self::Linear { .. } => "Affine",
            Self::Scale(_) => "Scale",
            Self::Conv(NirConv { axes: 1, .. }) => "Conv1d",
            Self::Conv(_) => "Conv2d",
            Self::Pool { average: true, .. } => "AvgPool2d",
            Self::Pool { .. } => "SumPool2d",
            Self::Flatten { .. } => "Flatten",
            Self::Threshold(_) => "Threshold",
            Self::Delay(_) => "Delay",
            Self::Neuron(neuron) => neuron.kind,
            Self::Graph(_) => "NIRGraph",
        }
    }
}

/// `nodes.fc1.weight` of the graph, for diagnostics.
pub(super) fn place(path: &Path, part: &str) -> Place {
    match part {
        "" => Place::file(path),
        _ => Place::from(Subject::Field(part.into())).within(path),
    }
}

impl NirNeuron {
    /// Its parameters by name.
    pub fn parameters(&self) -> Vec<(&'static str, &Tensor)> {
        let tau = if self.synapse.is_some() { "tau_mem" } else { "tau" };
        let mut all = vec![("r", &self.r)];
        all.extend(self.tau.as_ref().map(|t| (tau, t)));
        all.extend(self.v_leak.as_ref().map(|t| ("v_leak", t)));
        all.extend(self.synapse.iter().flat_map(|(tau, weight)| [("tau_syn", tau), ("w_in", weight)]));
        all.extend(
            self.fires.iter().flat_map(|(threshold, reset)| [("v_threshold", threshold), ("v_reset", reset)]),
        );
        all
    }

    /// Shape of the neurons: that of the parameter with most axes.
    pub fn shape(&self) -> Vec<usize> {
        let all = self.parameters().into_iter().map(|(_, tensor)| &tensor.shape);
        all.max_by_key(|shape| (shape.iter().product::<usize>(), shape.len())).cloned().unwrap_or_default()
    }
}
