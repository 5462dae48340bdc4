//! Simulated annealing by swaps on packets x hop energy, from a given placement.
//!
//! A move exchanges the sites of a core and of another core, or of an empty site. Costs are integers and the
//! generator is seeded, so the result is the same on every machine.

use snnc_targets::{Energy, Site, Topology};

use super::PlaceOptions;
use crate::ir::CoreId;
use crate::mapping::traffic::Traffic;

/// Cost of a packet between two tiles: energy of its hops, in attojoules.
#[derive(Debug, Clone)]
pub struct Costs {
    tiles: usize,
    cost: Vec<u64>,
    width: u32,
}

impl Costs {
    /// Tabulates the paths between all pairs of tiles.
    pub fn new(topology: &Topology, energy: &Energy) -> Self {
        let tiles = (topology.width() * topology.height()) as usize;
        let site = |tile: usize| {
            let (x, y) = (tile as u32 % topology.width(), tile as u32 / topology.width());
            topology.site_at(snnc_targets::topology::Tile { x, y }, 0)
        };
        let mut cost = Vec::with_capacity(tiles * tiles);
        for from in 0..tiles {
            for to in 0..tiles {
                cost.push(topology.path(site(from), site(to)).map(|(_, kind)| energy.hop_aj(kind)).sum());
            }
        }
        Self { tiles, cost, width: topology.width() }
    }

    fn tile(&self, topology: &Topology, site: Site) -> usize {
        let tile = topology.tile_of(site);
        (tile.y * self.width + tile.x) as usize
    }

    fn between(&self, from: usize, to: usize) -> u64 {
        self.cost[from * self.tiles + to]
    }
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

struct Annealer<'a> {
    neighbours: Neighbours,
    costs: &'a Costs,
    /// Tile of each core.
    tiles: Vec<usize>,
}

impl Annealer<'_> {
    /// Cost of a core's flows as if it sat on `tile`, with `swapped` (if any) on `other_tile`.
    fn cost(&self, core: usize, tile: usize, swapped: Option<usize>, other_tile: usize) -> u64 {
        self.neighbours[core]
            .iter()
            .map(|&(other, packets, outgoing)| {
                let at = if Some(other) == swapped { other_tile } else { self.tiles[other] };
                packets * if outgoing { self.costs.between(tile, at) } else { self.costs.between(at, tile) }
            })
            .sum()
    }

    /// Change of total cost if `core` goes to `tile` and `swapped` to the tile it leaves.
    fn delta(&self, core: usize, tile: usize, swapped: Option<usize>) -> i64 {
        let from = self.tiles[core];
        let mut before = self.cost(core, from, None, 0);
        let mut after = self.cost(core, tile, swapped, from);
        if let Some(other) = swapped {
            before += self.cost(other, tile, None, 0);
            after += self.cost(other, from, Some(core), tile);
        }
        after as i64 - before as i64
    }
}

/// Improves `sites` in place.
pub fn refine(
    sites: &mut [Site],
    traffic: &Traffic,
    topology: &Topology,
    costs: &Costs,
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
    let tiles = sites.iter().map(|&site| costs.tile(topology, site)).collect();
    let mut annealer = Annealer { neighbours, costs, tiles };
    let mut holder: Vec<Option<usize>> = vec![None; topology.sites() as usize];
    for (core, site) in sites.iter().enumerate() {
        holder[site.0 as usize] = Some(core);
    }
    let total: u64 = (0..sites.len()).map(|core| annealer.cost(core, annealer.tiles[core], None, 0)).sum();
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
        let tile = costs.tile(topology, Site(to as u32));
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
