//! Multicast trees: where a spike's one packet goes on a target whose routers fork packets.
//!
//! A tree belongs to a slice and a set of destination cores; positions of the slice with the same set share it. It is
//! the union of the dimension-order paths to its destinations, so a link that several of them share is crossed once.
//! A router holds an entry of its table for every tree that starts, turns, forks or ends there; a packet that a router
//! knows nothing of goes straight on.
//!
//! Invariant: every router of a tree but the first is entered by one link.

use std::collections::BTreeMap;
use std::ops::Range;

use snnc_targets::schema::RoutingScheme;
use snnc_targets::topology::Tile;
use snnc_targets::{Link, LinkKind, Topology};

use super::{CoreSlice, Program};
use crate::ir::CoreId;

snnc_targets::entity! {
    /// A multicast tree; numbered slice by slice, in the order of the positions that use it first.
    TreeId "tree",
}

/// The trees of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MulticastTrees {
    /// By slice, core by core: the tree of each position; `None` for positions that send nothing.
    positions: Vec<Vec<Option<TreeId>>>,
    trees: Vec<MulticastTree>,
    /// Links, tree after tree.
    links: Vec<(Link, LinkKind)>,
    /// Entries in each router's table; by row, then column.
    entries: Vec<u32>,
}

/// One multicast tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MulticastTree {
    /// Sending slice, counted over all cores.
    pub slice: usize,
    /// Destination cores, ascending.
    pub destinations: Vec<CoreId>,
    links: Range<usize>,
}

impl MulticastTrees {
    /// The trees of a program whose routes are in range; `None` if its target sends a packet to each destination.
    pub fn of(program: &Program) -> Option<Self> {
        match program.target.topology.routing.get() {
            RoutingScheme::Unicast => None,
            RoutingScheme::Multicast { .. } => Some(Self::grown(program)),
        }
    }

    fn grown(program: &Program) -> Self {
        let topology = program.topology();
        let mut trees =
            Self { entries: vec![0; (topology.width() * topology.height()) as usize], ..Self::default() };
        for (core, content) in program.cores.iter() {
            for placed in &content.slices {
                trees.add_slice(program, &topology, core, placed);
            }
        }
        trees
    }

    fn add_slice(&mut self, program: &Program, topology: &Topology, core: CoreId, placed: &CoreSlice) {
        let slice = self.positions.len();
        let mut known = BTreeMap::new();
        let mut positions = Vec::with_capacity(placed.slice.positions() as usize);
        for position in 0..placed.slice.positions() {
            let mut destinations: Vec<CoreId> = placed.routes(position).iter().map(|to| to.core).collect();
            destinations.sort_unstable();
            destinations.dedup();
            if destinations.is_empty() {
                positions.push(None);
                continue;
            }
            let next = TreeId(self.trees.len() as u32);
            let id = *known.entry(destinations).or_insert_with_key(|destinations| {
                self.grow(program, topology, core, slice, destinations);
                next
            });
            positions.push(Some(id));
        }
        self.positions.push(positions);
    }

    /// Adds a tree, its links and its table entries.
    fn grow(
        &mut self,
        program: &Program,
        topology: &Topology,
        core: CoreId,
        slice: usize,
        destinations: &[CoreId],
    ) {
        let from = program.sites[core];
        let mut links: Vec<(Link, LinkKind)> =
            destinations.iter().flat_map(|&to| topology.path(from, program.sites[to])).collect();
        links.sort_unstable_by_key(|link| link.0);
        links.dedup();
        let ends = destinations.iter().map(|&to| topology.tile_of(program.sites[to]));
        for tile in routers_with_entries(topology, topology.tile_of(from), ends, &links) {
            self.entries[(tile.y * topology.width() + tile.x) as usize] += 1;
        }
        let start = self.links.len();
        self.links.extend(links);
        self.trees.push(MulticastTree {
            slice,
            destinations: destinations.to_vec(),
            links: start..self.links.len(),
        });
    }

    /// Trees, by [`TreeId`].
    pub fn all(&self) -> &[MulticastTree] {
        &self.trees
    }

    /// A tree.
    pub fn tree(&self, id: TreeId) -> &MulticastTree {
        &self.trees[id.0 as usize]
    }

    /// The links that a packet crosses on its tree, ascending.
    pub fn links(&self, id: TreeId) -> &[(Link, LinkKind)] {
        &self.links[self.tree(id).links.clone()]
    }

    /// The tree of each position of a slice, which is counted over all cores.
    pub fn positions(&self, slice: usize) -> &[Option<TreeId>] {
        &self.positions[slice]
    }

    /// Entries in use in each router's table; by row, then column of the whole mesh.
    pub fn table_entries(&self) -> &[u32] {
        &self.entries
    }

    /// The fullest router and its entries, if there are more than `most`; the first of equals.
    pub fn overfull(&self, most: u32) -> Option<(usize, u32)> {
        let fullest = self.entries.iter().copied().enumerate().rev().max_by_key(|&(_, entries)| entries);
        fullest.filter(|&(_, entries)| entries > most)
    }
}

/// Routers where a tree starts, turns, forks or ends, in order of their ids.
fn routers_with_entries(
    topology: &Topology,
    start: Tile,
    ends: impl Iterator<Item = Tile>,
    links: &[(Link, LinkKind)],
) -> Vec<Tile> {
    /// A router on a tree.
    #[derive(Default)]
    struct TreeRouter {
        /// Direction of the link that enters.
        entered: Option<u32>,
        /// One bit for each direction of the links that leave.
        leaves: u32,
        /// Whether the tree starts or ends here.
        stops: bool,
    }
    let mut routers: BTreeMap<u32, TreeRouter> = BTreeMap::new();
    let id = |tile: Tile| tile.y * topology.width() + tile.x;
    routers.entry(id(start)).or_default().stops = true;
    ends.for_each(|tile| routers.entry(id(tile)).or_default().stops = true);
    for &(link, _) in links {
        let direction = link.direction();
        routers.entry(link.tile()).or_default().leaves |= 1 << direction;
        routers.entry(id(topology.end_of(link))).or_default().entered = Some(direction);
    }
    let straight =
        |router: &TreeRouter| router.entered.is_some_and(|direction| router.leaves == 1 << direction);
    let kept = routers.into_iter().filter(|(_, router)| router.stops || !straight(router));
    kept.map(|(at, _)| Tile { x: at % topology.width(), y: at / topology.width() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use snnc_targets::Site;

    fn mesh() -> Topology {
        Topology {
            mesh_columns: 4,
            mesh_rows: 3,
            cores_per_tile: 1,
            chip_columns: 2,
            chips: 2,
            interconnect: snnc_targets::Interconnect::MeshXy,
            input_port: None,
        }
    }

    fn union(topology: &Topology, from: Tile, to: &[Tile]) -> Vec<(Link, LinkKind)> {
        let site = |tile| topology.site_at(tile, 0);
        let mut links: Vec<_> = to.iter().flat_map(|&to| topology.path(site(from), site(to))).collect();
        links.sort_unstable_by_key(|link| link.0);
        links.dedup();
        links
    }

    fn entries(from: Tile, to: &[Tile]) -> Vec<(u32, u32)> {
        let topology = mesh();
        let links = union(&topology, from, to);
        let tiles = routers_with_entries(&topology, from, to.iter().copied(), &links);
        tiles.into_iter().map(|tile| (tile.x, tile.y)).collect()
    }

    #[test]
    fn entries_are_where_a_tree_does_not_just_go_on() {
        let tile = |x, y| Tile { x, y };
        // Straight to the east: start and end.
        assert_eq!(entries(tile(0, 1), &[tile(5, 1)]), [(0, 1), (5, 1)]);
        // A turn at (3, 0).
        assert_eq!(entries(tile(0, 0), &[tile(3, 2)]), [(0, 0), (3, 0), (3, 2)]);
        // A fork at (2, 1), and a core passed on the way at (1, 1).
        let forked = [tile(2, 0), tile(2, 2), tile(4, 1), tile(1, 1)];
        assert_eq!(entries(tile(0, 1), &forked), [(2, 0), (0, 1), (1, 1), (2, 1), (4, 1), (2, 2)]);
        // Source and destination are on one tile.
        assert_eq!(entries(tile(3, 1), &[tile(3, 1)]), [(3, 1)]);
    }

    #[test]
    fn every_router_of_a_union_of_paths_is_entered_once() {
        let topology = mesh();
        for from in (0..topology.sites()).map(Site) {
            for seed in 1..40u32 {
                let to: Vec<Tile> = (0..topology.sites())
                    .filter(|site| (site * 7 + seed * 13) % 11 < seed % 5)
                    .map(|site| topology.tile_of(Site(site)))
                    .collect();
                let links = union(&topology, topology.tile_of(from), &to);
                let mut entered: Vec<Tile> = links.iter().map(|&(link, _)| topology.end_of(link)).collect();
                let count = entered.len();
                entered.sort_unstable();
                entered.dedup();
                assert_eq!(entered.len(), count);
                assert!(!entered.contains(&topology.tile_of(from)));
            }
        }
    }
}
