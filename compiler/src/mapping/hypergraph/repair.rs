//! Makes a partition legal: vertices leave blocks that exceed a limit, those that cost least first.

use super::counts::Counts;
use super::graph::{Block, Vertex};
use super::random::Random;
use super::state::State;
use super::sweep::Shares;

/// Random exchanges tried, for each vertex of a block, when no vertex of it can move alone.
const EXCHANGES: usize = 64;

/// Lowers the excess until it is 0 or nothing found lowers it. Terminates: every step lowers it.
pub fn repair<C: Counts>(state: &mut State<'_, C>, random: &mut Random) {
    let mut shares = Shares::new(state.count());
    while state.excess() > 0 {
        let blocks = (0..state.count() as u32).map(Block);
        let over: Vec<Block> = blocks.filter(|&b| state.excess_of(b) > 0).collect();
        let mut moved = false;
        for block in over {
            moved |= relieve(state, block, &mut shares) || exchange(state, block, random);
        }
        if !moved {
            return;
        }
    }
}

/// Moves the vertex of `block` that costs least to a block with room, if that lowers the excess.
fn relieve<C: Counts>(state: &mut State<'_, C>, block: Block, shares: &mut Shares) -> bool {
    let mut best: Option<(i64, Vertex, Block)> = None;
    for &vertex in state.members(block) {
        shares.look(state, vertex);
        for to in (0..state.count() as u32).map(Block) {
            let candidate = (shares.delta(to), vertex, to);
            if to != block && best.is_none_or(|best| candidate < best) && state.fits(vertex, to) {
                best = Some(candidate);
            }
        }
    }
    let Some((_, vertex, to)) = best else { return false };
    let before = state.excess();
    state.shift(vertex, to);
    if state.excess() < before {
        return true;
    }
    state.shift(vertex, block);
    false
}

/// Exchanges a vertex of `block` with one elsewhere, the first found that lowers the excess.
fn exchange<C: Counts>(state: &mut State<'_, C>, block: Block, random: &mut Random) -> bool {
    let before = state.excess();
    for vertex in state.members(block).to_vec() {
        for _ in 0..EXCHANGES {
            let back = Vertex(random.below(state.graph.vertices()) as u32);
            let to = state.block(back);
            if to == block {
                continue;
            }
            state.shift(vertex, to);
            state.shift(back, block);
            if state.excess() < before {
                return true;
            }
            state.shift(back, to);
            state.shift(vertex, block);
        }
    }
    false
}
