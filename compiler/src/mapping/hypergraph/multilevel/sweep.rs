//! Greedy sweeps: every vertex to the block with room where it costs least. Linear in pins, for large problems and as
//! a last polish.

use super::counts::PinCounts;
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
/// limit.
pub fn sweep<C: PinCounts>(
    state: &mut PartitionState<'_, C>,
    most: usize,
    part: u64,
    random: &mut SplitMix64,
) {
    let mut shares = SharedWeights::new(state.count());
    let mut order: Vec<VertexId> = state.graph.incidence.all_vertices().collect();
    for _ in 0..most {
        random.shuffle(&mut order);
        let before = state.cost();
        for &vertex in &order {
            shares.look(state, vertex);
            let from = state.block(vertex);
            let mut best = (0, BlockId(0));
            for &to in shares.touched() {
                let candidate = (shares.delta(to), to);
                if to != from && candidate < best && state.fits(vertex, to) {
                    best = candidate;
                }
            }
            if best.0 < 0 {
                state.shift(vertex, best.1);
            }
        }
        if before - state.cost() <= before / part {
            return;
        }
    }
}
