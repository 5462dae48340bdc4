//! Packets that fork: a head asks for all outputs of its tree at once, and leaves with the last that it is granted.
//!
//! In [`super::BufferedFlit::port`] stands the tree's node at the router; of a packet without a tree its output, with
//! [`PLAIN`].

use std::sync::Arc;

use super::{BufferedFlit, WormholeMesh};
use crate::time::cycle::mesh::trees::MeshTrees;

/// Marks the output of a packet without a tree.
const PLAIN: u32 = 1 << 31;

/// Trees, and what is still to be done on them.
#[derive(Debug, Default)]
pub(super) struct ForkState {
    pub trees: Arc<MeshTrees>,
    /// By channel: outputs that its head has still to be granted, a bit each.
    wanted: Vec<u64>,
    /// By index of a packet: deliveries still to come.
    ends: Vec<u32>,
}

impl ForkState {
    pub fn new(trees: Arc<MeshTrees>, channels: usize) -> Self {
        let channels = if trees.is_empty() { 0 } else { channels };
        Self { trees, wanted: vec![0; channels], ends: Vec::new() }
    }

    /// Notes a packet that enters; `port` is its output if it has no tree.
    pub fn enter(&mut self, slot: u32, tree: Option<u32>, port: u32) -> u32 {
        let (label, ends) = tree.map_or((PLAIN | port, 1), |tree| self.trees.start(tree));
        let slot = slot as usize;
        self.ends.resize(self.ends.len().max(slot + 1), 0);
        self.ends[slot] = ends;
        label
    }

    /// What a flit that takes mesh port `port` wants at the router behind it; `plain` is its output there without a
    /// tree.
    pub fn label_ahead(&self, flit: BufferedFlit, port: usize, plain: impl FnOnce() -> u32) -> u32 {
        if flit.port & PLAIN == 0 { self.trees.next(flit.port, port) } else { PLAIN | plain() }
    }

    /// A channel has a new head; the outputs that it wants.
    pub fn begin(&mut self, channel: usize, label: u32) -> u64 {
        let plain = label & PLAIN != 0;
        let outputs = if plain { 1 << (label & !PLAIN) } else { self.trees.outputs(label) };
        self.wanted[channel] = outputs;
        outputs
    }

    /// A channel's head was granted an output; whether that was its last.
    pub fn granted(&mut self, channel: usize, port: usize) -> bool {
        self.wanted[channel] &= !(1 << port);
        self.wanted[channel] == 0
    }

    /// A packet was delivered; whether that was the last time.
    pub fn delivered(&mut self, slot: u32) -> bool {
        let ends = &mut self.ends[slot as usize];
        *ends -= 1;
        *ends == 0
    }
}

impl WormholeMesh {
    /// A channel's head wants the outputs of its label from `ready` on.
    pub(super) fn request_branches(
        &mut self,
        first: usize,
        channel: usize,
        at: usize,
        label: u32,
        ready: u64,
    ) {
        let mut outputs = self.forks.begin(at, label);
        while outputs != 0 {
            let port = outputs.trailing_zeros() as usize;
            outputs &= outputs - 1;
            self.request_output(first + port, channel, ready);
        }
    }
}
