//! A generalised Hilbert curve over a mesh of any size: cores that are near in order are near in space.
//!
//! Rectangles are halved as in J. Cerveny's generalised Hilbert ("gilbert") curve: the long axis is split in two
//! until one cell is left, turning so that the ends meet.

use snnc_targets::topology::Tile;
use snnc_targets::{Site, Topology};

/// The first `cores` sites along the curve.
pub fn sites(topology: &Topology, cores: usize) -> Vec<Site> {
    let (width, height) = (i64::from(topology.width()), i64::from(topology.height()));
    let mut tiles = Vec::with_capacity((width * height) as usize);
    if width >= height {
        walk((0, 0), (width, 0), (0, height), &mut tiles);
    } else {
        walk((0, 0), (0, height), (width, 0), &mut tiles);
    }
    tiles
        .into_iter()
        .flat_map(|tile| (0..topology.cores_per_tile).map(move |core| topology.site_at(tile, core)))
        .take(cores)
        .collect()
}

/// Visits the rectangle spanned by `major` and `minor` from `at`.
fn walk(at: (i64, i64), major: (i64, i64), minor: (i64, i64), tiles: &mut Vec<Tile>) {
    let length = (major.0 + major.1).abs();
    let depth = (minor.0 + minor.1).abs();
    let step = (major.0.signum(), major.1.signum());
    let side = (minor.0.signum(), minor.1.signum());
    let mut line = |from: (i64, i64), by: (i64, i64), count: i64| {
        tiles.extend(
            (0..count).map(|i| Tile { x: (from.0 + by.0 * i) as u32, y: (from.1 + by.1 * i) as u32 }),
        );
    };
    if depth == 1 {
        return line(at, step, length);
    }
    if length == 1 {
        return line(at, side, depth);
    }
    let mut half = (major.0 / 2, major.1 / 2);
    let mut side_half = (minor.0 / 2, minor.1 / 2);
    let half_length = (half.0 + half.1).abs();
    let half_depth = (side_half.0 + side_half.1).abs();
    if 2 * length > 3 * depth {
        if half_length % 2 == 1 && length > 2 {
            half = (half.0 + step.0, half.1 + step.1);
        }
        walk(at, half, minor, tiles);
        walk(add(at, half), subtract(major, half), minor, tiles);
    } else {
        if half_depth % 2 == 1 && depth > 2 {
            side_half = (side_half.0 + side.0, side_half.1 + side.1);
        }
        walk(at, side_half, half, tiles);
        walk(add(at, side_half), major, subtract(minor, side_half), tiles);
        let last = subtract(add(at, subtract(major, step)), subtract((0, 0), subtract(side_half, side)));
        walk(last, negate(side_half), negate(subtract(major, half)), tiles);
    }
}

fn add(a: (i64, i64), b: (i64, i64)) -> (i64, i64) {
    (a.0 + b.0, a.1 + b.1)
}

fn subtract(a: (i64, i64), b: (i64, i64)) -> (i64, i64) {
    (a.0 - b.0, a.1 - b.1)
}

fn negate(a: (i64, i64)) -> (i64, i64) {
    (-a.0, -a.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_site_is_visited_once_and_steps_are_short() {
        for (columns, rows) in [(1, 1), (8, 4), (16, 8), (5, 3), (7, 7), (1, 9), (6, 32)] {
            let t = Topology {
                mesh_columns: columns,
                mesh_rows: rows,
                cores_per_tile: 2,
                chip_columns: 1,
                chips: 1,
                interconnect: snnc_targets::Interconnect::MeshXy,
                input_port: None,
            };
            let all = sites(&t, t.sites() as usize);
            let mut sorted = all.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(sorted.len(), t.sites() as usize, "{columns}x{rows}");
            // Odd sides force a diagonal step, never a longer one.
            assert!(all.windows(2).all(|w| t.distance(w[0], w[1]) <= 2), "{columns}x{rows}");
        }
    }
}
