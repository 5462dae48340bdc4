//! A placement in the making: who sits where, what it costs, and what a move would change.
//!
//! A move takes a core to a site; a core that holds that site takes the other's. Invariant: `holders` and `sites` are
//! inverse, and `positions` are those of `sites`.

use snnc_targets::Site;
use snnc_targets::topology::Tile;

use super::board::{Board, Position};
use super::graph::PlacementGraph;

const EMPTY: u32 = u32::MAX;

/// Who sits where.
#[derive(Debug, Clone)]
pub struct PlacementState<'a> {
    /// Packets between cores.
    pub graph: &'a PlacementGraph,
    /// The mesh.
    pub board: &'a Board,
    sites: Vec<Site>,
    positions: Vec<Position>,
    /// Core on each site, or [`EMPTY`].
    holders: Vec<u32>,
}

impl<'a> PlacementState<'a> {
    /// Cores on distinct sites of the board.
    pub fn new(graph: &'a PlacementGraph, board: &'a Board, sites: Vec<Site>) -> Self {
        let mut holders = vec![EMPTY; board.topology().sites() as usize];
        sites.iter().enumerate().for_each(|(core, site)| holders[site.0 as usize] = core as u32);
        let positions = sites.iter().map(|&site| board.position(site)).collect();
        Self { graph, board, sites, positions, holders }
    }

    /// Site of each core.
    pub fn sites(&self) -> &[Site] {
        &self.sites
    }

    /// The tile that a core is on.
    #[inline]
    pub fn tile(&self, core: usize) -> Tile {
        self.board.topology().tile_of(self.sites[core])
    }

    /// Packets x hop cost, in the board's unit.
    pub fn cost(&self) -> i64 {
        let of =
            |core| self.graph.of(core).iter().map(move |&(other, packets)| (core, other as usize, packets));
        let twice: i64 = (0..self.sites.len())
            .flat_map(of)
            .map(|(core, other, packets)| {
                packets * self.board.cost(self.positions[core], self.positions[other])
            })
            .sum();
        twice / 2
    }

    /// Change of [`PlacementState::cost`] if `core` goes to `site`; `None` if that is where its tile is already.
    #[inline]
    pub fn delta(&self, core: usize, site: Site) -> Option<i64> {
        let (here, there) = (self.positions[core], self.board.position(site));
        if here == there {
            return None;
        }
        let mut change = self.pull(core, here, there);
        let other = self.holders[site.0 as usize];
        if other != EMPTY {
            change += self.pull(other as usize, there, here);
            // The two sums take each other's old place for fixed; in truth their distance stays.
            change += 2 * self.between(core, other) * self.board.cost(here, there);
        }
        Some(change)
    }

    /// Change of a core's own flows between two positions, all others staying.
    #[inline]
    fn pull(&self, core: usize, here: Position, there: Position) -> i64 {
        let edges = self.graph.of(core).iter();
        edges
            .map(|&(other, packets)| {
                let at = self.positions[other as usize];
                packets * (self.board.cost(there, at) - self.board.cost(here, at))
            })
            .sum()
    }

    /// Packets between two cores.
    #[inline]
    fn between(&self, core: usize, other: u32) -> i64 {
        let edges = self.graph.of(core);
        edges.binary_search_by_key(&other, |edge| edge.0).map_or(0, |found| edges[found].1)
    }

    /// Makes the move.
    #[inline]
    pub fn exchange(&mut self, core: usize, site: Site) {
        let vacated = self.sites[core];
        let other = self.holders[site.0 as usize];
        self.holders[vacated.0 as usize] = other;
        self.holders[site.0 as usize] = core as u32;
        if other != EMPTY {
            self.sites[other as usize] = vacated;
            self.positions[other as usize] = self.board.position(vacated);
        }
        self.sites[core] = site;
        self.positions[core] = self.board.position(site);
    }
}
