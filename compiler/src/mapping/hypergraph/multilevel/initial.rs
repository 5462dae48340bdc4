//! A first partition: blocks grow one after another around a seed, each step taking the vertex that shares most nets
//! with the block, or any vertex where asking would cost too much.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::mapping::hypergraph::graph::{BlockId, Hypergraph, VertexId};
use crate::mapping::hypergraph::limits::Limits;
use crate::random::SplitMix64;

/// Shares are counted in this fraction of a net weight, so that the queue holds integers.
const SHARE: u64 = 1 << 10;

/// Blocks by vertex. Blocks keep their scalar limits where vertices can be packed so greedily; else the lightest
/// blocks exceed them. Covers are left to the refinement.
/// Growth is `blind` if it does not ask what vertices share.
pub fn grow(
    graph: &Hypergraph,
    limits: &Limits,
    count: usize,
    blind: bool,
    random: &mut SplitMix64,
) -> Vec<BlockId> {
    let mut growth = BlockGrowth { blind, ..BlockGrowth::new(graph, limits, count) };
    let mut order: Vec<VertexId> = graph.incidence.all_vertices().collect();
    random.shuffle(&mut order);
    let mut seeds = order.into_iter();
    for b in 0..count as u32 {
        growth.fill(BlockId(b), count as u64 - u64::from(b), &mut seeds);
    }
    growth.place_rest(count);
    growth.blocks.into_iter().map(|block| block.expect("invariant: the rest was placed")).collect()
}

struct BlockGrowth<'a> {
    graph: &'a Hypergraph,
    limits: &'a Limits,
    blind: bool,
    blocks: Vec<Option<BlockId>>,
    loads: Vec<u64>,
    left: Vec<u64>,
    shares: Vec<u64>,
    /// By net: the last block that reached it, plus 1.
    reached: Vec<u32>,
    queue: BinaryHeap<(u64, Reverse<VertexId>)>,
    border: Vec<VertexId>,
}

impl<'a> BlockGrowth<'a> {
    fn new(graph: &'a Hypergraph, limits: &'a Limits, count: usize) -> Self {
        let total = |r: usize| graph.vertex_weights.iter().skip(r).step_by(graph.resources).sum();
        Self {
            graph,
            limits,
            blind: false,
            blocks: vec![None; graph.vertices()],
            loads: vec![0; count * graph.resources],
            left: (0..graph.resources).map(total).collect(),
            shares: vec![0; graph.vertices()],
            reached: vec![0; graph.incidence.nets()],
            queue: BinaryHeap::new(),
            border: Vec::new(),
        }
    }

    /// Grows one block to its fair part of what is left, for `remaining` blocks.
    fn fill(&mut self, block: BlockId, remaining: u64, seeds: &mut impl Iterator<Item = VertexId>) {
        let goals: Vec<u64> = self.left.iter().map(|left| left.div_ceil(remaining)).collect();
        let loads = |s: &Self| s.loads[block.0 as usize * s.graph.resources..][..s.graph.resources].to_vec();
        // Vertices that share nets with the last block are good seeds: blocks stay side by side.
        let mut seed = self.border.iter().copied().find(|v| self.blocks[v.0 as usize].is_none());
        self.border.clear();
        self.queue.clear();
        while loads(self).iter().zip(&goals).all(|(load, goal)| load < goal) {
            let next = seed.take().or_else(|| self.pop()).or_else(|| self.next_seed(block, seeds));
            let Some(vertex) = next else { break };
            if self.blocks[vertex.0 as usize].is_none() && self.has_room(vertex, block) {
                self.put(vertex, block);
            }
        }
        let unused = |v: &VertexId| self.blocks[v.0 as usize].is_none();
        self.border.retain(unused);
        self.border.sort_by_key(|v| (Reverse(self.shares[v.0 as usize]), *v));
        for v in 0..self.border.len() {
            self.shares[self.border[v].0 as usize] = 0;
        }
    }

    fn next_seed(&self, block: BlockId, seeds: &mut impl Iterator<Item = VertexId>) -> Option<VertexId> {
        seeds.find(|v| self.blocks[v.0 as usize].is_none() && self.has_room(*v, block))
    }

    fn pop(&mut self) -> Option<VertexId> {
        while let Some((share, Reverse(vertex))) = self.queue.pop() {
            if self.blocks[vertex.0 as usize].is_none() && self.shares[vertex.0 as usize] == share {
                return Some(vertex);
            }
        }
        None
    }

    fn has_room(&self, vertex: VertexId, block: BlockId) -> bool {
        let loads = &self.loads[block.0 as usize * self.graph.resources..];
        let sums = self.graph.weight(vertex).iter().zip(loads).map(|(weight, load)| weight + load);
        sums.zip(&self.limits.scalars).all(|(sum, &limit)| sum <= limit)
    }

    fn put(&mut self, vertex: VertexId, block: BlockId) {
        self.blocks[vertex.0 as usize] = Some(block);
        for (r, weight) in self.graph.weight(vertex).iter().enumerate() {
            self.loads[block.0 as usize * self.graph.resources + r] += weight;
            self.left[r] -= weight;
        }
        if self.blind {
            return;
        }
        for &net in self.graph.incidence.nets_of(vertex) {
            if std::mem::replace(&mut self.reached[net.0 as usize], block.0 + 1) == block.0 + 1 {
                continue;
            }
            let pins = self.graph.incidence.pins_of(net);
            let share = self.graph.net_weight(net).saturating_mul(SHARE) / pins.len() as u64 + 1;
            for pin in pins {
                if self.blocks[pin.0 as usize].is_none() {
                    let sum = &mut self.shares[pin.0 as usize];
                    if *sum == 0 {
                        self.border.push(*pin);
                    }
                    *sum = sum.saturating_add(share);
                    self.queue.push((*sum, Reverse(*pin)));
                }
            }
        }
    }

    /// What no block took goes to blocks with room, or else where least is.
    fn place_rest(&mut self, count: usize) {
        for vertex in self.graph.incidence.all_vertices() {
            if self.blocks[vertex.0 as usize].is_some() {
                continue;
            }
            let all = || (0..count as u32).map(BlockId);
            let load = |b: &BlockId| self.loads[b.0 as usize * self.graph.resources];
            let room = all().filter(|&b| self.has_room(vertex, b)).min_by_key(load);
            let block = room.or_else(|| all().min_by_key(load)).unwrap_or(BlockId(0));
            self.put(vertex, block);
        }
    }
}
