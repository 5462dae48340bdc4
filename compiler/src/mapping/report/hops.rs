//! Lower bounds of packets x hops over all placements of given cores: each core for itself (always), and in
//! competition for the sites (Gilmore 1962, Lawler 1963; for boards of a few hundred sites).

use snnc_targets::topology::Tile;
use snnc_targets::{Site, Topology};

use crate::mapping::traffic::CoreTraffic;

/// Boards of at most this many sites are worth an assignment problem.
const SITES_MOST: u32 = 512;

/// No placement of the cores on this mesh has fewer packets x hops.
///
/// A core at a site has at best its heaviest partners on the nearest sites; each flow is seen from both of its ends,
/// so the sum over the cores is twice a bound.
pub fn bound(traffic: &CoreTraffic, topology: &Topology) -> u64 {
    let partners = partners(traffic);
    let cost = |weights: &[u64], distances: &[u32]| -> u64 {
        weights.iter().zip(distances).map(|(&packets, &distance)| packets * u64::from(distance)).sum()
    };
    let middle = Tile { x: topology.width() / 2, y: topology.height() / 2 };
    let nearest = distances(topology, middle);
    let alone: u64 = partners.iter().map(|weights| cost(weights, &nearest)).sum();
    if topology.sites() > SITES_MOST || partners.len() > topology.sites() as usize {
        return alone.div_ceil(2);
    }
    let sites = (0..topology.sites()).map(Site);
    let distances: Vec<Vec<u32>> = sites.map(|site| distances(topology, topology.tile_of(site))).collect();
    let costs: Vec<Vec<i64>> = partners
        .iter()
        .map(|weights| distances.iter().map(|distances| cost(weights, distances) as i64).collect())
        .collect();
    (assignment(&costs) as u64).max(alone).div_ceil(2)
}

/// Packets with each partner in both directions, heaviest first, by core with partners.
fn partners(traffic: &CoreTraffic) -> Vec<Vec<u64>> {
    let mut pairs = std::collections::BTreeMap::<_, u64>::new();
    for (&(from, to), &packets) in &traffic.flows {
        *pairs.entry((from.min(to), from.max(to))).or_default() += packets;
    }
    let mut by_core = std::collections::BTreeMap::<_, Vec<u64>>::new();
    for ((a, b), packets) in pairs {
        by_core.entry(a).or_default().push(packets);
        by_core.entry(b).or_default().push(packets);
    }
    let sorted = by_core.into_values().map(|mut weights| {
        weights.sort_unstable_by(|a, b| b.cmp(a));
        weights
    });
    sorted.collect()
}

/// Hops from a core on `tile` to all other sites, ascending.
fn distances(topology: &Topology, tile: Tile) -> Vec<u32> {
    let (width, height) = (topology.width(), topology.height());
    let mut counts = vec![0usize; (width + height) as usize];
    for y in 0..height {
        for x in 0..width {
            counts[topology.hops(tile, Tile { x, y }) as usize] += topology.cores_per_tile as usize;
        }
    }
    counts[0] -= 1;
    counts.iter().enumerate().flat_map(|(distance, &n)| std::iter::repeat_n(distance as u32, n)).collect()
}

/// Least sum of one entry a row in distinct columns: the Hungarian method with potentials, rows added one by one along
/// shortest augmenting paths. Rows are at most as many as columns.
fn assignment(costs: &[Vec<i64>]) -> i64 {
    let Some(columns) = costs.first().map(Vec::len) else { return 0 };
    let mut row_potential = vec![0i64; costs.len()];
    let mut column_potential = vec![0i64; columns];
    let mut row_of: Vec<Option<usize>> = vec![None; columns];
    for added in 0..costs.len() {
        let mut least = vec![i64::MAX; columns];
        let mut reached_from: Vec<Option<usize>> = vec![None; columns];
        let mut done = vec![false; columns];
        let (mut row, mut from) = (added, None);
        let end = loop {
            let mut best = (i64::MAX, 0);
            for column in (0..columns).filter(|&column| !done[column]) {
                let reduced = costs[row][column] - row_potential[row] - column_potential[column];
                if reduced < least[column] {
                    least[column] = reduced;
                    reached_from[column] = from;
                }
                best = best.min((least[column], column));
            }
            // Potentials move so that the nearest column becomes tight.
            let (step, column) = best;
            row_potential[added] += step;
            for other in 0..columns {
                if done[other] {
                    column_potential[other] -= step;
                    if let Some(row) = row_of[other] {
                        row_potential[row] += step;
                    }
                } else {
                    least[other] = least[other].saturating_sub(step);
                }
            }
            done[column] = true;
            match row_of[column] {
                None => break column,
                Some(next) => (row, from) = (next, Some(column)),
            }
        };
        let mut column = end;
        while let Some(before) = reached_from[column] {
            row_of[column] = row_of[before];
            column = before;
        }
        row_of[column] = Some(added);
    }
    row_of.iter().enumerate().filter_map(|(column, row)| Some(costs[(*row)?][column])).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::CoreId;

    /// All injections of rows into columns.
    fn least_by_trial(costs: &[Vec<i64>], taken: &mut Vec<bool>, row: usize) -> i64 {
        if row == costs.len() {
            return 0;
        }
        let mut best = i64::MAX;
        for column in 0..taken.len() {
            if !taken[column] {
                taken[column] = true;
                best = best.min(costs[row][column] + least_by_trial(costs, taken, row + 1));
                taken[column] = false;
            }
        }
        best
    }

    fn random(seed: &mut u64, below: u64) -> u64 {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*seed >> 33) % below
    }

    #[test]
    fn the_assignment_is_the_best_of_all() {
        let mut seed = 7;
        for case in 0..60 {
            let (rows, columns) = (1 + case % 5, 5 + case % 2);
            let mut cost = || random(&mut seed, 40) as i64;
            let costs: Vec<Vec<i64>> = (0..rows).map(|_| (0..columns).map(|_| cost()).collect()).collect();
            assert_eq!(assignment(&costs), least_by_trial(&costs, &mut vec![false; columns], 0), "{costs:?}");
        }
    }

    /// Least packets x hops over all placements.
    fn least_by_placing(
        traffic: &CoreTraffic,
        topology: &Topology,
        sites: &mut Vec<Site>,
        cores: usize,
    ) -> u64 {
        if sites.len() == cores {
            let hops = |(from, to): &(CoreId, CoreId)| {
                u64::from(topology.distance(sites[from.0 as usize], sites[to.0 as usize]))
            };
            return traffic.flows.iter().map(|(pair, packets)| packets * hops(pair)).sum();
        }
        let mut best = u64::MAX;
        for site in (0..topology.sites()).map(Site) {
            if !sites.contains(&site) {
                sites.push(site);
                best = best.min(least_by_placing(traffic, topology, sites, cores));
                sites.pop();
            }
        }
        best
    }

    #[test]
    fn no_placement_is_below_the_bound() {
        let mut seed = 11;
        let mut tight = 0;
        for case in 0..12 {
            let topology = Topology {
                mesh_columns: 3,
                mesh_rows: 1 + case % 2,
                cores_per_tile: 2 - case % 2,
                chip_columns: 1,
                chips: 1,
                interconnect: snnc_targets::Interconnect::MeshXy,
                input_port: None,
            };
            let mut traffic = CoreTraffic::default();
            for _ in 0..8 {
                let (a, b) = (random(&mut seed, 6) as u32, random(&mut seed, 6) as u32);
                if a != b {
                    traffic.flows.insert((CoreId(a), CoreId(b)), 1 + random(&mut seed, 9));
                }
            }
            let best = least_by_placing(&traffic, &topology, &mut Vec::new(), 6);
            let bound = bound(&traffic, &topology);
            assert!(bound <= best, "{bound} {best}");
            tight += u32::from(bound * 2 >= best);
        }
        assert!(tight > 6, "the bound says something: {tight}");
    }
}
