//! Where packets fork: the trees of a mesh, router by router, laid out once.
//!
//! A tree is the union of the ways from one router to several local ports. A packet on it crosses each
//! link of it once; which copies a router makes is a set of its outputs. Packets that fork have one flit.
//!
//! A head flit stays in its place until each of its outputs has taken it. Each output arbitrates for itself, as if the
//! head were a packet of its own, and every grant is one read of the buffer: branches leave one after another, at least
//! the port's `read_interval` apart, in the order of the outputs' turns. With the last of them the place is free.
//!
//! This cannot deadlock on a mesh. A place waits for places further on along the first axis, or along the second if
//! it turns, or for local ports, which drain. From the second axis nothing leads back to the first, and along an axis
//! nothing turns round, so there is an order of all places in which each waits for later ones only. A branch once
//! granted needs nothing more from its siblings. So by induction from the last place backwards every branch is
//! granted, and every place becomes free.

use snnc_targets::topology::Direction;

use super::MeshSpec;

/// A tree at one router.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct TreeNode {
    /// Output ports that it takes, a bit each.
    outputs: u64,
    /// Nodes of the routers behind the mesh ports, where it takes them.
    next: [u32; Direction::COUNT],
}

/// One tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct MeshTree {
    /// Its first node.
    root: u32,
    /// Local ports that it ends at.
    ends: u32,
}

/// The trees of a mesh, numbered in the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MeshTrees {
    nodes: Vec<TreeNode>,
    trees: Vec<MeshTree>,
}

impl MeshTrees {
    /// Adds the tree from router `from` to local ports of routers, `(router, local)`; its number.
    pub fn add(&mut self, spec: &MeshSpec, from: usize, ends: Vec<(usize, u32)>) -> u32 {
        let root = self.nodes.len() as u32;
        let mut count = 0;
        let mut grown = vec![(self.node(), from, ends)];
        while let Some((node, at, ends)) = grown.pop() {
            let mut branches: [Vec<(usize, u32)>; Direction::COUNT] = Default::default();
            for (router, local) in ends {
                let port = spec.route(spec.tile(at), spec.tile(router), local);
                self.nodes[node].outputs |= 1 << port;
                branches.get_mut(port).into_iter().for_each(|branch| branch.push((router, local)));
            }
            count += (self.nodes[node].outputs >> Direction::COUNT).count_ones();
            for (port, branch) in branches.into_iter().enumerate() {
                let Some(next) = spec.neighbour(at, port).filter(|_| !branch.is_empty()) else { continue };
                let behind = self.node();
                self.nodes[node].next[port] = behind as u32;
                grown.push((behind, next, branch));
            }
        }
        self.trees.push(MeshTree { root, ends: count });
        self.trees.len() as u32 - 1
    }

    /// A new node.
    fn node(&mut self) -> usize {
        self.nodes.push(TreeNode::default());
        self.nodes.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.trees.is_empty()
    }

    /// The node of a tree at its first router, and the number of its ends.
    pub(super) fn start(&self, tree: u32) -> (u32, u32) {
        let MeshTree { root, ends } = self.trees[tree as usize];
        (root, ends)
    }

    /// Output ports that a tree takes at a node, a bit each.
    #[inline(always)]
    pub(super) fn outputs(&self, node: u32) -> u64 {
        self.nodes[node as usize].outputs
    }

    /// The node behind a mesh port that the tree takes.
    #[inline(always)]
    pub(super) fn next(&self, node: u32, port: usize) -> u32 {
        self.nodes[node as usize].next[port]
    }
}
