//! The layer graph: a trained network as its author sees it, in floats.
//!
//! Nodes are [`Layer`]s of the kinds in [`crate::layers`], edges carry maps `[c, h, w]`; an edge's weight is the input
//! port it feeds. A graph is made by the [`Builder`], which checks it; [`infer`] gives every layer its output shape or
//! says which layer does not fit. Passes and the float reference read a graph as it is.

mod builder;
mod infer;
mod table;

use std::collections::HashSet;

use petgraph::Direction;
use petgraph::graph::{DiGraph, EdgeReference, NodeIndex};
use petgraph::visit::{EdgeFiltered, EdgeRef};
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

pub use builder::{Builder, NetworkPart, PartPlaces};
pub use infer::Shapes;

pub use crate::layers::{Op, SignalKind};

/// A layer graph. A loop of layers goes through a [`Delay`](crate::layers::Delay).
#[derive(Debug, Clone)]
pub struct Graph {
    /// Name of the network, for example `sdid`.
    pub name: String,
    /// Timesteps of one pass.
    pub timesteps: usize,
    /// Layers; the edge weight is the input port, 0 first.
    pub net: DiGraph<Layer, usize>,
}

/// Which layers of a graph reach each other: the loops through which spikes come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loops(Vec<Option<usize>>);

impl Loops {
    /// The loop that a layer is in.
    pub fn of(&self, layer: NodeIndex) -> Option<usize> {
        self.0[layer.index()]
    }

    /// Whether two layers are in the same loop.
    pub fn same(&self, a: NodeIndex, b: NodeIndex) -> bool {
        self.of(a).is_some() && self.of(a) == self.of(b)
    }
}

/// A named operation.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Unique within the network.
    pub name: String,
    /// What it does.
    pub op: Op,
}

impl Graph {
    /// Layers in an order in which every layer comes after its inputs of the same timestep: what a [`Delay`] in a loop
    /// reads may come after it. The same for the same graph.
    ///
    /// # Errors
    /// [`Code::GraphInvalid`] naming a layer of a loop without a delay.
    ///
    /// [`Delay`]: crate::layers::Delay
    pub fn order(&self) -> Result<Vec<NodeIndex>, Diagnostics> {
        let loops = self.loops();
        let within = |edge: EdgeReference<'_, usize>| {
            let (source, target) = (edge.source(), edge.target());
            let closes = self.net[target].op.kind().delay().is_some() && loops.same(source, target);
            !closes
        };
        let step = EdgeFiltered::from_fn(&self.net, within);
        petgraph::algo::toposort(&step, None).map_err(|cycle| {
            let layer = &self.net[cycle.node_id()].name;
            Diagnostic::new(Code::GraphInvalid, self.place(layer), "this layer depends on itself")
                .hint(
                    "a spike that comes back acts in a later timestep: put a \
                     `Delay(steps: 1, shape: (c, h, w))` into the loop",
                )
                .into()
        })
    }

    /// Which layers are in loops.
    pub fn loops(&self) -> Loops {
        let mut loop_of = vec![None; self.net.node_count()];
        let cyclic = |members: &Vec<NodeIndex>| {
            members.len() > 1 || self.net.find_edge(members[0], members[0]).is_some()
        };
        let components = petgraph::algo::tarjan_scc(&self.net).into_iter().filter(cyclic);
        for (number, members) in components.enumerate() {
            members.into_iter().for_each(|node| loop_of[node.index()] = Some(number));
        }
        Loops(loop_of)
    }

    /// Checks every invariant that a pass may not break: layers have names of their own, and their maps fit.
    ///
    /// # Errors
    /// [`Code::GraphInvalid`] for names, else those of [`Graph::shapes`].
    pub fn verify(&self) -> Result<(), Diagnostics> {
        let mut names = HashSet::new();
        if let Some(layer) = self.net.node_weights().find(|layer| !names.insert(&layer.name)) {
            let problem =
                Diagnostic::new(Code::GraphInvalid, self.place(&layer.name), "two layers have this name");
            return Err(problem.into());
        }
        self.shapes().map(drop)
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
    pub fn place(&self, layer: &str) -> Subject {
        Subject::layer(&self.name, layer)
    }
}
