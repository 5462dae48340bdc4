//! Greedy sweeps: every vertex to the block with room where it costs least. Linear in pins, for large problems and as
//! a last polish.

use std::collections::HashMap;

use super::counts::PinCounts;
use super::exchange::ExchangePrice;
use super::state::PartitionState;
use crate::mapping::hypergraph::graph::{BlockId, VertexId};
use crate::random::SplitMix64;

/// What a vertex shares with each block, one vertex at a time.
pub struct SharedWeights {
    shared: Vec<u64>,
    touched: Vec<BlockId>,
    base: i64,
}

impl SharedWeights {
    /// For so many blocks.
    pub fn new(blocks: usize) -> Self {
        Self { shared: vec![0; blocks], touched: Vec::new(), base: 0 }
    }

    /// Looks at one vertex.
    pub fn look<C: PinCounts>(&mut self, state: &PartitionState<'_, C>, vertex: VertexId) {
        for block in self.touched.drain(..) {
            self.shared[block.0 as usize] = 0;
        }
        self.base = 0;
        let from = state.block(vertex);
        for &net in state.graph.incidence.nets_of(vertex) {
            let weight = state.graph.net_weight(net);
            if weight == 0 {
                continue;
            }
            state.touched(net, |block, pins| {
                if block == from && pins > 1 {
                    self.base += weight as i64;
                }
                let shared = &mut self.shared[block.0 as usize];
                if *shared == 0 {
                    self.touched.push(block);
                }
                *shared += weight;
            });
        }
    }

    /// Change of cost if the vertex went to `to`, another block.
    pub fn delta(&self, to: BlockId) -> i64 {
        self.base - self.shared[to.0 as usize] as i64
    }

    /// Blocks that share a net with the vertex, in any order; its own too.
    pub fn touched(&self) -> &[BlockId] {
        &self.touched
    }
}

/// Up to `most` sweeps, while each still improves by more than one part in `part`. Never worsens, never exceeds a
/// limit by more than before.
///
/// Where blocks are full hardly any vertex can move alone. One that gains more elsewhere waits there for a partner: a
/// vertex of that block that comes back, so that both together gain.
pub fn sweep<C: PinCounts>(
    state: &mut PartitionState<'_, C>,
    most: usize,
    part: u64,
    random: &mut SplitMix64,
) {
    let mut sweep = Sweep::new(state);
    let mut order: Vec<VertexId> = state.graph.incidence.all_vertices().collect();
    for _ in 0..most {
        random.shuffle(&mut order);
        let before = state.cost();
        sweep.waiting.clear();
        for &vertex in &order {
            sweep.visit(state, vertex);
        }
        if before - state.cost() <= before / part {
            return;
        }
    }
}

/// Blocks for which a vertex waits.
const WAITS: usize = 3;
/// Partners that a vertex is tried with.
const PARTNERS: usize = 4;
/// Most vertices that wait to go from one block to another.
const QUEUE: usize = 32;

struct Sweep {
    shares: SharedWeights,
    price: ExchangePrice,
    /// By block and where they want to go: what going costs each vertex, as when it was looked at.
    waiting: HashMap<(BlockId, BlockId), Vec<(i64, VertexId)>>,
    wishes: Vec<(i64, BlockId)>,
}

impl Sweep {
    fn new<C: PinCounts>(state: &PartitionState<'_, C>) -> Self {
        Self {
            shares: SharedWeights::new(state.count()),
            price: ExchangePrice::new(state.graph.incidence.nets()),
            waiting: HashMap::new(),
            wishes: Vec::new(),
        }
    }

    fn visit<C: PinCounts>(&mut self, state: &mut PartitionState<'_, C>, vertex: VertexId) {
        let from = state.block(vertex);
        self.shares.look(state, vertex);
        let mut best = (0, BlockId(0));
        self.wishes.clear();
        for &to in self.shares.touched() {
            if to == from {
                continue;
            }
            let candidate = (self.shares.delta(to), to);
            self.wishes.push(candidate);
            if candidate < best && state.fits(vertex, to) {
                best = candidate;
            }
        }
        let waits = self.wishes.len().min(WAITS);
        if self.wishes.len() > WAITS {
            self.wishes.select_nth_unstable(WAITS);
        }
        self.wishes[..waits].sort_unstable();
        // Another block is worth asking for an exchange only if it could gain more than going alone does.
        for i in 0..waits {
            let (delta, to) = self.wishes[i];
            if (delta < best.0 || best.0 == 0) && self.exchange(state, vertex, delta, to) {
                return;
            }
        }
        if best.0 < 0 {
            state.shift(vertex, best.1);
            return;
        }
        for &(delta, to) in &self.wishes[..waits] {
            let queue = self.waiting.entry((from, to)).or_default();
            let at = queue.partition_point(|&other| other > (delta, vertex));
            if queue.len() < QUEUE {
                queue.insert(at, (delta, vertex));
            } else if at > 0 {
                queue[..at].rotate_left(1);
                queue[at - 1] = (delta, vertex);
            }
        }
    }

    /// Exchanges a vertex with one that waits to come back from `to`, if both together gain.
    fn exchange<C: PinCounts>(
        &mut self,
        state: &mut PartitionState<'_, C>,
        vertex: VertexId,
        delta: i64,
        to: BlockId,
    ) -> bool {
        let from = state.block(vertex);
        let Some(queue) = self.waiting.get_mut(&(to, from)) else { return false };
        let mut tried = 0;
        let mut at = queue.len();
        while at > 0 && tried < PARTNERS {
            at -= 1;
            let (hoped, partner) = queue[at];
            if state.block(partner) != to {
                queue.remove(at);
                continue;
            }
            if hoped + delta >= 0 {
                return false;
            }
            tried += 1;
            if self.price.delta(state, vertex, to, partner) >= 0 {
                continue;
            }
            let before = state.excess();
            state.shift(vertex, to);
            state.shift(partner, from);
            if state.excess() <= before {
                queue.remove(at);
                return true;
            }
            state.shift(partner, to);
            state.shift(vertex, from);
        }
        false
    }
}
