//! A partition under change: blocks of vertices, pins by net and block, loads, and the cost, kept up to date move by
//! move.
//!
//! Invariants: the cost is [`Hypergraph::km1`] of the blocks, the loads are [`Limits::loads`] of them, the excess is
//! their sum beyond the limits. `PartitionState::verify` recomputes all of it.

use super::counts::PinCounts;
use crate::mapping::hypergraph::graph::{BlockId, Hypergraph, NetId, VertexId};
use crate::mapping::hypergraph::limits::Limits;

/// Units of excess in a block that holds twice its limit of one resource.
pub const EXCESS_UNIT: u64 = 1 << 20;

/// A partition with its bookkeeping.
pub struct PartitionState<'a, C> {
    /// The problem.
    pub graph: &'a Hypergraph,
    limits: Vec<u64>,
    scales: Vec<u64>,
    blocks: Vec<BlockId>,
    counts: C,
    shared: Vec<C>,
    loads: Vec<u64>,
    members: Vec<Vec<VertexId>>,
    places: Vec<u32>,
    cost: u64,
    excess: u64,
}

impl<'a, C: PinCounts> PartitionState<'a, C> {
    /// A partition with one block a vertex, all below `count`.
    pub fn new(graph: &'a Hypergraph, limits: &Limits, count: usize, blocks: Vec<BlockId>) -> Self {
        let mut counts = C::new(&graph.incidence, count);
        let mut cost = 0;
        for net in graph.incidence.all_nets() {
            let first = graph.incidence.pins_of(net).iter();
            let touched = first.filter(|pin| counts.add(net, blocks[pin.0 as usize]) == 1).count() as u64;
            cost += graph.net_weight(net) * touched.saturating_sub(1);
        }
        let shared = graph.shared.iter().map(|resource| {
            let mut counts = C::new(&resource.items, count);
            for item in resource.items.all_nets() {
                for pin in resource.items.pins_of(item) {
                    counts.add(item, blocks[pin.0 as usize]);
                }
            }
            counts
        });
        let shared = shared.collect();
        let mut members = vec![Vec::new(); count];
        let mut places = vec![0; blocks.len()];
        for (v, block) in blocks.iter().enumerate() {
            places[v] = members[block.0 as usize].len() as u32;
            members[block.0 as usize].push(VertexId(v as u32));
        }
        let loads = Limits::loads(graph, &blocks, count);
        let limits = limits.all();
        let scales: Vec<u64> = limits.iter().map(|&limit| (EXCESS_UNIT / limit.max(1)).max(1)).collect();
        let mut state =
            Self { graph, limits, scales, blocks, counts, shared, loads, members, places, cost, excess: 0 };
        state.excess = (0..count).map(|b| state.excess_of(BlockId(b as u32))).sum();
        state
    }

    /// Sum over nets of weight x (blocks touched - 1).
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// How far blocks exceed their limits, all together, in [`EXCESS_UNIT`]s of a limit; 0 is legal.
    pub fn excess(&self) -> u64 {
        self.excess
    }

    /// The block of a vertex.
    #[inline]
    pub fn block(&self, vertex: VertexId) -> BlockId {
        self.blocks[vertex.0 as usize]
    }

    /// All blocks, by vertex.
    pub fn blocks(&self) -> &[BlockId] {
        &self.blocks
    }

    /// Number of blocks.
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// Vertices of a block, in no particular order.
    pub fn members(&self, block: BlockId) -> &[VertexId] {
        &self.members[block.0 as usize]
    }

    /// Blocks that a net touches, in any order, with its pins there.
    #[inline]
    pub fn touched(&self, net: NetId, visit: impl FnMut(BlockId, u32)) {
        self.counts.each(net, visit);
    }

    fn loads_of(&self, block: BlockId) -> &[u64] {
        let width = self.limits.len();
        &self.loads[block.0 as usize * width..][..width]
    }

    /// Excess of one block.
    pub fn excess_of(&self, block: BlockId) -> u64 {
        let over = self.loads_of(block).iter().zip(&self.limits).zip(&self.scales);
        over.map(|((&load, &limit), scale)| load.saturating_sub(limit) * scale).sum()
    }

    /// Excess that scalar loads beyond a full block would make, one a resource.
    pub fn excess_units(&self, loads: impl Iterator<Item = u64>) -> u64 {
        loads.zip(&self.scales).map(|(load, scale)| load * scale).sum()
    }

    /// Change of cost if `vertex` went to `to`, another block: negative is better.
    #[inline]
    pub fn delta(&self, vertex: VertexId, to: BlockId) -> i64 {
        let from = self.block(vertex);
        let nets = self.graph.incidence.nets_of(vertex).iter();
        nets.map(|&net| self.part_of_delta(net, from, to)).sum()
    }

    /// What a net adds to the cost when one of its pins goes from `from` to `to`.
    #[inline]
    pub fn part_of_delta(&self, net: NetId, from: BlockId, to: BlockId) -> i64 {
        let weight = self.graph.net_weight(net) as i64;
        let opened = i64::from(self.counts.get(net, to) == 0);
        let closed = i64::from(self.counts.get(net, from) == 1);
        weight * (opened - closed)
    }

    /// Change of the excess of scalar resources if `vertex` left its block for `to` and `back` came in exchange.
    #[inline]
    pub fn scalar_excess_delta(&self, vertex: VertexId, to: BlockId, back: Option<VertexId>) -> i64 {
        let from = self.loads_of(self.block(vertex));
        let into = self.loads_of(to);
        let weight = self.graph.weight(vertex);
        let mut change = 0;
        for r in 0..self.graph.resources {
            let returned = back.map_or(0, |other| self.graph.weight(other)[r]);
            let over = |load: u64| (load.saturating_sub(self.limits[r]) * self.scales[r]) as i64;
            change += over(into[r] + weight[r] - returned) - over(into[r]);
            change += over(from[r] - weight[r] + returned) - over(from[r]);
        }
        change
    }

    /// Whether `to` keeps its limits if `vertex` joins it.
    pub fn fits(&self, vertex: VertexId, to: BlockId) -> bool {
        let scalars = self.graph.resources;
        let loads = self.loads_of(to);
        let room = |r: usize, weight: u64| loads[r] + weight <= self.limits[r];
        self.graph.weight(vertex).iter().enumerate().all(|(r, &w)| room(r, w))
            && (0..self.shared.len()).all(|c| room(scalars + c, self.cover_growth(c, vertex, to)))
    }

    /// What the load of a shared resource grows by if `vertex` joins `to`.
    fn cover_growth(&self, resource: usize, vertex: VertexId, to: BlockId) -> u64 {
        let problem = &self.graph.shared[resource];
        let new =
            problem.items.nets_of(vertex).iter().filter(|&&item| self.shared[resource].get(item, to) == 0);
        new.map(|item| problem.costs[item.0 as usize]).sum()
    }

    /// Moves a vertex.
    pub fn shift(&mut self, vertex: VertexId, to: BlockId) {
        let from = self.block(vertex);
        if from == to {
            return;
        }
        let before = self.excess_of(from) + self.excess_of(to);
        let graph = self.graph;
        for &net in graph.incidence.nets_of(vertex) {
            let (closed, opened) = (self.counts.take(net, from) == 0, self.counts.add(net, to) == 1);
            // A net that goes as a whole costs what it cost, which can be more than all others together.
            match (closed, opened) {
                (true, false) => self.cost -= graph.net_weight(net),
                (false, true) => self.cost += graph.net_weight(net),
                _ => {}
            }
        }
        self.shift_loads(vertex, from, to);
        self.blocks[vertex.0 as usize] = to;
        let place = self.places[vertex.0 as usize] as usize;
        let row = &mut self.members[from.0 as usize];
        row.swap_remove(place);
        if let Some(moved) = row.get(place) {
            self.places[moved.0 as usize] = place as u32;
        }
        self.places[vertex.0 as usize] = self.members[to.0 as usize].len() as u32;
        self.members[to.0 as usize].push(vertex);
        self.excess = self.excess - before + self.excess_of(from) + self.excess_of(to);
    }

    fn shift_loads(&mut self, vertex: VertexId, from: BlockId, to: BlockId) {
        let graph = self.graph;
        let width = self.limits.len();
        let (out, into) = (from.0 as usize * width, to.0 as usize * width);
        for (r, weight) in graph.weight(vertex).iter().enumerate() {
            self.loads[out + r] -= weight;
            self.loads[into + r] += weight;
        }
        for (c, resource) in graph.shared.iter().enumerate() {
            for &item in resource.items.nets_of(vertex) {
                let cost = resource.costs[item.0 as usize];
                if self.shared[c].take(item, from) == 0 {
                    self.loads[out + graph.resources + c] -= cost;
                }
                if self.shared[c].add(item, to) == 1 {
                    self.loads[into + graph.resources + c] += cost;
                }
            }
        }
    }

    #[cfg(test)]
    /// Whether cost, loads and excess are those of the blocks, recomputed from scratch.
    pub fn verify(&self) -> bool {
        let loads = Limits::loads(self.graph, &self.blocks, self.count());
        let blocks = 0..self.count() as u32;
        self.cost == self.graph.km1(&self.blocks)
            && self.loads == loads
            && self.excess == blocks.map(|b| self.excess_of(BlockId(b))).sum::<u64>()
    }
}
