//! Simulated annealing by swaps on packets x hop energy, from a given placement.
//!
//! A move exchanges the sites of a core and of another core, or of an empty site. Costs are integers and the
//! generator is seeded, so the result is the same on every machine.

use snnc_targets::topology::Tile;
use snnc_targets::{Energy, Site, Topology};

use super::PlaceOptions;
use crate::ir::CoreId;
use crate::mapping::traffic::Traffic;

/// Cost of a packet between two tiles: energy of its hops, in attojoules, from the tiles' coordinates alone.
#[derive(Debug, Clone, Copy)]
pub struct Costs {
    mesh_columns: u32,
    mesh_rows: u32,
    east_west_aj: u64,
    north_south_aj: u64,
    chip_aj: u64,
}

impl Costs {
    /// The hop energies of a mesh.
    pub fn new(topology: &Topology, energy: &Energy) -> Self {
        Self {
            mesh_columns: topology.mesh_columns,
            mesh_rows: topology.mesh_rows,
            east_west_aj: energy.hop_east_west_aj,
            north_south_aj: energy.hop_north_south_aj,
            chip_aj: energy.hop_chip_aj,
        }
    }

    /// Where a tile lies, with its chip.
    pub fn spot(&self, tile: Tile) -> Spot {
        Spot { x: tile.x, y: tile.y, chip_x: tile.x / self.mesh_columns, chip_y: tile.y / self.mesh_rows }
    }

    /// Cost of one packet: along X, then along Y; a hop over a chip's border costs the chip's price instead.
    pub fn between(&self, from: Spot, to: Spot) -> u64 {
        let columns = u64::from(from.chip_x.abs_diff(to.chip_x));
        let rows = u64::from(from.chip_y.abs_diff(to.chip_y));
        let east_west = u64::from(from.x.abs_diff(to.x)) - columns;
        let north_south = u64::from(from.y.abs_diff(to.y)) - rows;
        east_west * self.east_west_aj + north_south * self.north_south_aj + (columns + rows) * self.chip_aj
    }
}

/// A tile and the chip it is on, by column and row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    x: u32,
    y: u32,
    chip_x: u32,
    chip_y: u32,
}

/// SplitMix64 (Steele, Lea and Flood 2014): enough for proposing moves.
struct Moves(u64);

impl Moves {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Flows of each core: (other core, packets, whether outgoing).
type Neighbours = Vec<Vec<(usize, u64, bool)>>;

struct Annealer {
    neighbours: Neighbours,
    costs: Costs,
    /// Where each core sits.
    tiles: Vec<Spot>,
}

impl Annealer {
    /// Cost of a core's flows as if it sat on `tile`, with `swapped` (if any) on `other_tile`.
    fn cost(&self, core: usize, tile: Spot, swapped: Option<usize>, other_tile: Spot) -> i128 {
        self.neighbours[core]
            .iter()
            .map(|&(other, packets, outgoing)| {
                let at = if Some(other) == swapped { other_tile } else { self.tiles[other] };
                let (a, b) = if outgoing { (tile, at) } else { (at, tile) };
                i128::from(packets) * i128::from(self.costs.between(a, b))
            })
            .sum()
    }

    /// Change of total cost if `core` goes to `tile` and `swapped` to the tile it leaves.
    fn delta(&self, core: usize, tile: Spot, swapped: Option<usize>) -> i128 {
        let from = self.tiles[core];
        let mut before = self.cost(core, from, None, from);
        let mut after = self.cost(core, tile, swapped, from);
        if let Some(other) = swapped {
            before += self.cost(other, tile, None, tile);
            after += self.cost(other, from, Some(core), tile);
        }
        after - before
    }
}

/// Improves `sites` in place.
pub fn refine(
    sites: &mut [Site],
    traffic: &Traffic,
    topology: &Topology,
    costs: Costs,
    options: PlaceOptions,
) {
    if sites.len() < 2 || traffic.flows.is_empty() {
        return;
    }
    let mut neighbours: Neighbours = vec![Vec::new(); sites.len()];
    for (&(CoreId(from), CoreId(to)), &packets) in &traffic.flows {
        neighbours[from as usize].push((to as usize, packets, true));
        neighbours[to as usize].push((from as usize, packets, false));
    }
    let tiles = sites.iter().map(|&site| costs.spot(topology.tile_of(site))).collect();
    let mut annealer = Annealer { neighbours, costs, tiles };
    let mut holder: Vec<Option<usize>> = vec![None; topology.sites() as usize];
    for (core, site) in sites.iter().enumerate() {
        holder[site.0 as usize] = Some(core);
    }
    let total: i128 = (0..sites.len())
        .map(|core| annealer.cost(core, annealer.tiles[core], None, annealer.tiles[core]))
        .sum();
    let moves = sites.len() * options.moves_per_core as usize;
    let mut temperature = total as f64 / sites.len() as f64 * 0.05;
    let mut random = Moves(options.seed);
    for step in 0..moves {
        // Geometric cooling over three decades (0.93^95), by multiplication so that no libm decides; then greedy.
        if step % (moves / 100).max(1) == 0 {
            temperature = if step / (moves / 100).max(1) < 95 { temperature * 0.93 } else { 0.0 };
        }
        let core = random.below(sites.len());
        let to = random.below(holder.len());
        let swapped = holder[to];
        let tile = costs.spot(topology.tile_of(Site(to as u32)));
        let from = annealer.tiles[core];
        if tile == from {
            continue;
        }
        let delta = annealer.delta(core, tile, swapped);
        if delta > 0 && (temperature <= 0.0 || random.unit() >= accept(delta as f64 / temperature)) {
            continue;
        }
        let vacated = sites[core];
        holder[to] = Some(core);
        holder[vacated.0 as usize] = swapped;
        sites[core] = Site(to as u32);
        annealer.tiles[core] = tile;
        if let Some(other) = swapped {
            sites[other] = vacated;
            annealer.tiles[other] = from;
        }
    }
}

/// exp(-x) by a rational bound that needs no libm: (1 + x/8)^-8. The same on every machine.
fn accept(x: f64) -> f64 {
    let base = 1.0 + x / 8.0;
    let square = base * base;
    let fourth = square * square;
    1.0 / (fourth * fourth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_from_coordinates_is_that_of_the_path() {
        let topology =
            Topology { mesh_columns: 3, mesh_rows: 2, cores_per_tile: 2, chip_columns: 2, chips: 4 };
        let energy = snnc_targets::registry::load("loihi-like").unwrap().energy();
        let costs = Costs::new(&topology, &energy);
        for from in 0..topology.sites() {
            for to in 0..topology.sites() {
                let (from, to) = (Site(from), Site(to));
                let path: u64 = topology.path(from, to).map(|(_, kind)| energy.hop_aj(kind)).sum();
                assert_eq!(
                    costs.between(costs.spot(topology.tile_of(from)), costs.spot(topology.tile_of(to))),
                    path
                );
            }
        }
    }
}
