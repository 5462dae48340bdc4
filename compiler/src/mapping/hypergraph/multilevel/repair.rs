//! Makes a partition legal: vertices leave blocks that exceed a limit, those that cost least first.
//!
//! Where looking at every pair of a vertex and a block would be too dear, a block is relieved in one go, of vertices
//! that go where they share a net, or else to the next block with room.

use super::counts::PinCounts;
use super::state::PartitionState;
use super::sweep::SharedWeights;
use crate::mapping::hypergraph::graph::{BlockId, VertexId};
use crate::random::SplitMix64;

/// Random exchanges tried, for each vertex of a block, when no vertex of it can move alone.
const EXCHANGES: usize = 64;
/// Pairs of a vertex and a block, up to which all are looked at.
const PAIRS: usize = 1 << 16;

/// Lowers the excess until it is 0, nothing found lowers it, or about `work` nets were visited. Terminates: every step
/// lowers it.
pub fn repair<C: PinCounts>(state: &mut PartitionState<'_, C>, work: u64, random: &mut SplitMix64) {
    let mut repair = Repair { shares: SharedWeights::new(state.count()), cursor: 0, work };
    while state.excess() > 0 {
        let blocks = (0..state.count() as u32).map(BlockId);
        let over: Vec<BlockId> = blocks.filter(|&b| state.excess_of(b) > 0).collect();
        let mut moved = false;
        for block in over {
            if repair.work == 0 {
                return;
            }
            moved |= repair.relieve(state, block) || repair.exchange(state, block, random);
        }
        if !moved {
            return;
        }
    }
}

struct Repair {
    shares: SharedWeights,
    /// The block that got the last vertex which shared nothing with a block with room.
    cursor: u32,
    /// Net visits left.
    work: u64,
}

impl Repair {
    fn look<C: PinCounts>(&mut self, state: &PartitionState<'_, C>, vertex: VertexId) {
        self.shares.look(state, vertex);
        self.pay(state, vertex);
    }

    fn pay<C: PinCounts>(&mut self, state: &PartitionState<'_, C>, vertex: VertexId) {
        self.work = self.work.saturating_sub(state.graph.incidence.nets_of(vertex).len() as u64 + 1);
    }

    fn relieve<C: PinCounts>(&mut self, state: &mut PartitionState<'_, C>, block: BlockId) -> bool {
        if state.members(block).len().saturating_mul(state.count()) <= PAIRS {
            self.relieve_of_one(state, block)
        } else {
            self.relieve_of_many(state, block)
        }
    }

    /// Moves the vertex of `block` that costs least to a block with room, if that lowers the excess.
    fn relieve_of_one<C: PinCounts>(&mut self, state: &mut PartitionState<'_, C>, block: BlockId) -> bool {
        let mut best: Option<(i64, VertexId, BlockId)> = None;
        for &vertex in state.members(block) {
            self.look(state, vertex);
            for to in (0..state.count() as u32).map(BlockId) {
                let candidate = (self.shares.delta(to), vertex, to);
                if to != block && best.is_none_or(|best| candidate < best) && state.fits(vertex, to) {
                    best = Some(candidate);
                }
            }
        }
        best.is_some_and(|(_, vertex, to)| lowers(state, vertex, to))
    }

    /// Moves vertices of `block`, those first that cost least, until it keeps its limits or all were tried.
    fn relieve_of_many<C: PinCounts>(&mut self, state: &mut PartitionState<'_, C>, block: BlockId) -> bool {
        let mut leavers: Vec<(i64, VertexId, BlockId)> = Vec::new();
        for &vertex in state.members(block) {
            self.look(state, vertex);
            let near = self.shares.touched().iter().filter(|&&to| to != block && state.fits(vertex, to));
            let near = near.map(|&to| (self.shares.delta(to), vertex, to)).min();
            let far = || self.with_room(state, vertex, block);
            // A block that shares nothing costs what leaving costs; which one it is, is asked again later.
            leavers.extend(near.or_else(|| far().map(|to| (self.shares.delta(to), vertex, to))));
        }
        leavers.sort_unstable();
        let mut moved = false;
        for (_, vertex, to) in leavers {
            if state.excess_of(block) == 0 {
                break;
            }
            let to = if state.fits(vertex, to) { Some(to) } else { self.with_room(state, vertex, block) };
            let Some(to) = to else { continue };
            self.cursor = to.0;
            moved |= lowers(state, vertex, to);
        }
        moved
    }

    /// The first block from the cursor on that has room for a vertex of `block`.
    fn with_room<C: PinCounts>(
        &self,
        state: &PartitionState<'_, C>,
        vertex: VertexId,
        block: BlockId,
    ) -> Option<BlockId> {
        let count = state.count() as u32;
        let mut all = (self.cursor..count).chain(0..self.cursor).map(BlockId);
        all.find(|&to| to != block && state.fits(vertex, to))
    }

    /// Exchanges a vertex of `block` with one elsewhere, the first found that lowers the excess.
    fn exchange<C: PinCounts>(
        &mut self,
        state: &mut PartitionState<'_, C>,
        block: BlockId,
        random: &mut SplitMix64,
    ) -> bool {
        let before = state.excess();
        let scalars_alone = state.graph.shared.is_empty();
        for vertex in state.members(block).to_vec() {
            for _ in 0..EXCHANGES {
                let back = VertexId(random.below(state.graph.vertices()) as u32);
                let to = state.block(back);
                if to == block || scalars_alone && state.scalar_excess_delta(vertex, to, Some(back)) >= 0 {
                    continue;
                }
                self.pay(state, vertex);
                self.pay(state, back);
                state.shift(vertex, to);
                state.shift(back, block);
                if state.excess() < before {
                    return true;
                }
                state.shift(back, to);
                state.shift(vertex, block);
            }
            if self.work == 0 {
                return false;
            }
        }
        false
    }
}

/// Moves a vertex if that lowers the excess.
fn lowers<C: PinCounts>(state: &mut PartitionState<'_, C>, vertex: VertexId, to: BlockId) -> bool {
    let (from, before) = (state.block(vertex), state.excess());
    state.shift(vertex, to);
    if state.excess() < before {
        return true;
    }
    state.shift(vertex, from);
    false
}
