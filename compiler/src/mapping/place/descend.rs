//! Steepest descent to a placement that no exchange within a window improves.

use snnc_targets::Site;
use snnc_targets::topology::Tile;

use super::state::PlacementState;

/// Boards of at most this many sites are searched whole; larger ones in windows.
const WHOLE: u32 = 1024;
/// Tiles from the middle of a window to its borders.
const REACH: u32 = 4;

/// Exchanges until none helps, at most `rounds` times over all cores.
pub fn descend(state: &mut PlacementState, rounds: usize) {
    for _ in 0..rounds {
        let mut improved = false;
        for core in 0..state.sites().len() {
            improved |= improve(state, core);
        }
        if !improved {
            return;
        }
    }
}

/// Takes a core to its best site, if one is better than where it is.
fn improve(state: &mut PlacementState, core: usize) -> bool {
    let topology = state.board.topology();
    let best = if topology.sites() <= WHOLE {
        best_of(state, core, (0..topology.sites()).map(Site))
    } else {
        let middle = median(state, core);
        let (columns, rows) = (topology.width(), topology.height());
        let window = |at: u32, side: u32| at.saturating_sub(REACH)..(at + REACH + 1).min(side);
        let tiles =
            window(middle.y, rows).flat_map(|y| window(middle.x, columns).map(move |x| Tile { x, y }));
        let sites = tiles.flat_map(|tile| (0..topology.cores_per_tile).map(move |core| (tile, core)));
        best_of(state, core, sites.map(|(tile, core)| topology.site_at(tile, core)))
    };
    if let Some(site) = best {
        state.exchange(core, site);
    }
    best.is_some()
}

/// The site with the largest saving, the first of equals.
fn best_of(state: &PlacementState, core: usize, sites: impl Iterator<Item = Site>) -> Option<Site> {
    let savings = sites.filter_map(|site| Some((state.delta(core, site)?, site)));
    savings.filter(|&(delta, _)| delta < 0).min().map(|(_, site)| site)
}

/// The tile in the weighted middle of a core's partners: its own flows are cheapest there. If it has no partners, the
/// tile that it is on.
fn median(state: &PlacementState, core: usize) -> Tile {
    let mut along: [Vec<(u32, i64)>; 2] = Default::default();
    for &(other, packets) in state.graph.of(core) {
        let tile = state.tile(other as usize);
        along[0].push((tile.x, packets));
        along[1].push((tile.y, packets));
    }
    let here = state.tile(core);
    let middle = |values: &mut Vec<(u32, i64)>, own: u32| {
        values.sort_unstable();
        let half = values.iter().map(|value| value.1).sum::<i64>() / 2;
        let mut sum = 0;
        let reached = values.iter().find(|value| {
            sum += value.1;
            sum > half
        });
        reached.map_or(own, |value| value.0)
    };
    Tile { x: middle(&mut along[0], here.x), y: middle(&mut along[1], here.y) }
}
