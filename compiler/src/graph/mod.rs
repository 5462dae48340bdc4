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
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

pub use builder::{Builder, LayerPart, PartPlaces};
pub use infer::Shapes;

pub use crate::layers::{Op, SignalKind};

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
