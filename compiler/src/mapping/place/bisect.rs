//! A start by recursive bisection of cores and mesh together: the mesh is halved, chips before parts of chips, and the
//! cores are divided so that few packets cross, those that go elsewhere counted towards the half that is nearer
//! (after Pellegrini's dual recursive bipartitioning and Dunlop and Kernighan's terminal propagation).
//!
//! Regions are halved level by level, so that the places of cores elsewhere are known equally well everywhere. Halves
//! need not be full: with more sites than cores, the cut decides. Links that close a ring are not seen here; the search
//! that follows takes them.

use std::ops::Range;

use snnc_targets::Site;
use snnc_targets::topology::Tile;

use super::board::{Board, WeightedPoint};
use super::graph::PlacementGraph;
use super::halve::{Halves, halve};

/// A rectangle of tiles and the cores to be placed there.
struct Region {
    columns: Range<u32>,
    rows: Range<u32>,
    cores: Vec<u32>,
}

/// A site for every core.
pub fn sites(graph: &PlacementGraph, board: &Board) -> Vec<Site> {
    let topology = board.topology();
    let all = Region {
        columns: 0..topology.width(),
        rows: 0..topology.height(),
        cores: (0..graph.cores() as u32).collect(),
    };
    let mut sites = vec![Site(0); graph.cores()];
    let mut points = vec![middle(board, &all); graph.cores()];
    let mut level = vec![all];
    let mut sides = vec![None; graph.cores()];
    while !level.is_empty() {
        let mut next = Vec::with_capacity(level.len() * 2);
        for region in level {
            if region.columns.len() == 1 && region.rows.len() == 1 {
                let tile = Tile { x: region.columns.start, y: region.rows.start };
                for (i, &core) in region.cores.iter().enumerate() {
                    sites[core as usize] = topology.site_at(tile, i as u32);
                }
            } else if !region.cores.is_empty() {
                next.extend(divide(graph, board, region, &mut points, &mut sides));
            }
        }
        level = next;
    }
    sites
}

/// Weighted coordinates of a region's middle.
fn middle(board: &Board, region: &Region) -> WeightedPoint {
    let between = |line: &[i64], range: &Range<u32>| {
        (line[range.start as usize] + line[range.end as usize - 1]).div_euclid(2)
    };
    WeightedPoint { x: between(board.columns(), &region.columns), y: between(board.rows(), &region.rows) }
}

/// Where to cut a range of tiles: at the chip border nearest to the middle if one is inside, else in the middle.
fn cut(range: &Range<u32>, chip: u32) -> (bool, u32) {
    let middle = range.start + (range.end - range.start) / 2;
    let down = middle / chip * chip;
    let inside = |at: &u32| range.start < *at && *at < range.end;
    match [down, down + chip].into_iter().filter(inside).min_by_key(|at| at.abs_diff(middle)) {
        Some(at) => (true, at),
        None => (false, middle),
    }
}

/// Two halves of a region: chips first, then along the longer side.
fn halves_of(board: &Board, region: &Region) -> (Region, Region) {
    let topology = board.topology();
    let (by_chip_x, x) = cut(&region.columns, topology.mesh_columns);
    let (by_chip_y, y) = cut(&region.rows, topology.mesh_rows);
    let extent = |line: &[i64], range: &Range<u32>| line[range.end as usize - 1] - line[range.start as usize];
    let wide = extent(board.columns(), &region.columns) >= extent(board.rows(), &region.rows);
    let vertical = match (region.columns.len() > 1, region.rows.len() > 1) {
        (true, true) if by_chip_x != by_chip_y => by_chip_x,
        (true, true) => wide,
        (columns, _) => columns,
    };
    let part = |columns, rows| Region { columns, rows, cores: Vec::new() };
    let (columns, rows) = (region.columns.clone(), region.rows.clone());
    if vertical {
        (part(columns.start..x, rows.clone()), part(x..columns.end, rows))
    } else {
        (part(columns.clone(), rows.start..y), part(columns, y..rows.end))
    }
}

/// Divides a region's cores between its halves and moves them to their middles.
fn divide(
    graph: &PlacementGraph,
    board: &Board,
    region: Region,
    points: &mut [WeightedPoint],
    sides: &mut [Option<u32>],
) -> [Region; 2] {
    let (mut first, mut second) = halves_of(board, &region);
    let capacity =
        |half: &Region| half.columns.len() * half.rows.len() * board.topology().cores_per_tile as usize;
    let (here, there) = (middle(board, &first), middle(board, &second));
    region.cores.iter().enumerate().for_each(|(i, &core)| sides[core as usize] = Some(i as u32));
    let task = Halves {
        graph,
        cores: &region.cores,
        local: sides,
        points,
        middles: [here, there],
        room: [capacity(&first), capacity(&second)],
    };
    let second_half = halve(&task);
    for (&core, &second_half) in region.cores.iter().zip(&second_half) {
        let (half, point) = if second_half { (&mut second, there) } else { (&mut first, here) };
        half.cores.push(core);
        points[core as usize] = point;
        sides[core as usize] = None;
    }
    [first, second]
}

#[cfg(test)]
mod tests {
    use super::super::board::HopCosts;
    use super::*;
    use crate::mapping::traffic::CoreTraffic;
    use snnc_targets::Topology;

    #[test]
    fn cores_get_distinct_sites_and_clusters_keep_to_a_chip() {
        let topology = Topology {
            mesh_columns: 3,
            mesh_rows: 2,
            cores_per_tile: 2,
            chip_columns: 2,
            chips: 2,
            interconnect: snnc_targets::Interconnect::MeshXy,
            input_port: None,
        };
        let board = Board::new(&topology, HopCosts { east_west: 3, north_south: 4, chip: 800 }, 1000);
        // Two rings of nine cores that know nothing of each other, interleaved.
        let mut traffic = CoreTraffic::default();
        for i in 0..9u32 {
            for ring in 0..2 {
                let core = |i: u32| crate::ir::CoreId(i % 9 * 2 + ring);
                traffic.flows.insert((core(i), core(i + 1)), 1);
            }
        }
        let sites = sites(&PlacementGraph::new(18, &traffic), &board);
        let mut sorted = sites.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 18);
        let chip = |core: usize| topology.chip_of(sites[core]);
        assert!((0..9).all(|i| chip(2 * i) == chip(0) && chip(2 * i + 1) == chip(1)));
    }
}
