//! Simulated annealing by exchanges of sites, the windows of moves narrowing as it cools.
//!
//! Half of the moves take a core near one of its partners, the rest near where it is. Costs are integers, the generator
//! is seeded, and cooling uses only arithmetic that rounds alike everywhere (no libm): the result is the same on every
//! machine.

use snnc_targets::topology::Tile;
use snnc_targets::{Site, Topology};

use super::state::PlacementState;
use crate::mapping::observer::MappingObserver;
use crate::random::{SplitMix64, quantiles};

/// Moves of one temperature, and how hot it starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlacementAnnealing {
    /// Moves in all.
    pub moves: u64,
    /// First temperature, as a share of the middle rise in cost of a random move.
    pub heat: f64,
}

/// Temperatures. A power of two: the factor between them is a repeated square root.
const LEVELS: u32 = 256;
/// The last temperature is this part of the first.
const COOLED: f64 = 1.0 / 64.0;

impl PlacementAnnealing {
    /// Moves of one temperature.
    fn level_moves(self) -> u64 {
        self.moves / u64::from(LEVELS)
    }

    /// Moves that are made: as many at each temperature.
    pub fn whole(self) -> u64 {
        self.level_moves() * u64::from(LEVELS)
    }
}

/// Anneals from where `state` is; leaves it at the cheapest placement seen at the end of a temperature. Steps of the
/// observer are moves.
pub fn anneal(
    state: &mut PlacementState,
    schedule: PlacementAnnealing,
    random: &mut SplitMix64,
    observer: &dyn MappingObserver,
) {
    let quantiles = quantiles();
    let factor = (0..LEVELS.ilog2()).fold(COOLED, |factor, _| factor.sqrt());
    let mut mover = Mover::new(state.board.topology());
    let mut temperature = typical_rise(state, &mover, random) * schedule.heat;
    let mut cost = state.cost();
    let mut best = (cost, state.sites().to_vec());
    for level in 0..LEVELS {
        mover.narrow(level);
        for _ in 0..schedule.level_moves() {
            let Some((core, site)) = mover.propose(state, random) else { continue };
            let Some(delta) = state.delta(core, site) else { continue };
            let quantile = quantiles[(random.bits() >> 54) as usize];
            if delta <= 0 || (delta as f64) < quantile * temperature {
                state.exchange(core, site);
                cost += delta;
            }
        }
        if cost < best.0 {
            best = (cost, state.sites().to_vec());
        }
        temperature *= factor;
        observer.advance(schedule.level_moves());
    }
    if best.0 < cost {
        *state = PlacementState::new(state.graph, state.board, best.1);
    }
}

/// Median of the rises in cost of random moves.
fn typical_rise(state: &PlacementState, mover: &Mover, random: &mut SplitMix64) -> f64 {
    let mut rises: Vec<i64> = (0..512)
        .filter_map(|_| mover.propose(state, random))
        .filter_map(|(core, site)| state.delta(core, site))
        .filter(|&delta| delta > 0)
        .collect();
    rises.sort_unstable();
    rises.get(rises.len() / 2).map_or(1.0, |&rise| rise as f64)
}

/// Proposes moves within a window.
struct Mover<'a> {
    topology: &'a Topology,
    width: u32,
    height: u32,
    /// Tiles from the middle of the window to its borders.
    reach: [u32; 2],
}

/// Windows start no wider than this many tiles to each side.
const WIDEST: u32 = 24;

impl<'a> Mover<'a> {
    fn new(topology: &'a Topology) -> Self {
        let (width, height) = (topology.width(), topology.height());
        Self { topology, width, height, reach: [width.min(WIDEST), height.min(WIDEST)] }
    }

    /// Window of a temperature: shrinks in proportion, to one tile to each side.
    fn narrow(&mut self, level: u32) {
        let left = LEVELS - level;
        self.reach = [self.width, self.height].map(|side| (side.min(WIDEST) * left / LEVELS).max(1));
    }

    /// A core and where to take it; `None` if it has no partner to go to.
    #[inline]
    fn propose(&self, state: &PlacementState, random: &mut SplitMix64) -> Option<(usize, Site)> {
        let core = random.below_u32(state.sites().len() as u32) as usize;
        let bits = random.bits();
        let centre = if bits & 1 == 0 {
            core
        } else {
            let edges = state.graph.of(core);
            if edges.is_empty() {
                return None;
            }
            edges[(((bits >> 32) * edges.len() as u64) >> 32) as usize].0 as usize
        };
        let tile = state.tile(centre);
        let near = |at: u32, reach: u32, side: u32, random: &mut SplitMix64| {
            let (low, high) = (at.saturating_sub(reach), (at + reach).min(side - 1));
            low + random.below_u32(high - low + 1)
        };
        let x = near(tile.x, self.reach[0], self.width, random);
        let y = near(tile.y, self.reach[1], self.height, random);
        let inner = match self.topology.cores_per_tile {
            1 => 0,
            cores => random.below_u32(cores),
        };
        Some((core, self.topology.site_at(Tile { x, y }, inner)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_exponential_distribution() {
        for (i, &quantile) in quantiles().iter().enumerate() {
            let u = (2 * i + 1) as f64 / 2048.0;
            assert!((quantile + u.ln()).abs() < 1e-9, "{i}: {quantile}");
        }
    }
}
