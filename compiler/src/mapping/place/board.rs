//! The mesh as placement sees it: every site at weighted coordinates, so that the cost of a packet between two
//! sites is the sum of two differences.
//!
//! Packets go along X, then along Y; what a link costs depends on the column or row border it crosses and on nothing
//! else. So the cost of a way is `|x - x'| + |y - y'|` if each coordinate is the sum of the hop costs up to it.

use snnc_targets::{Energy, LinkKind, Site, Topology};

/// Cost of a hop by what it crosses; only ratios matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HopCosts {
    /// Along a row, within a chip.
    pub east_west: u64,
    /// Along a column, within a chip.
    pub north_south: u64,
    /// Between chips.
    pub chip: u64,
}

impl HopCosts {
    /// Every hop the same.
    pub const UNIT: Self = Self { east_west: 1, north_south: 1, chip: 1 };

    /// Hop energies; every hop the same on a target that prices none.
    pub fn of(energy: &Energy) -> Self {
        let costs = Self {
            east_west: energy.hop_aj(LinkKind::EastWest),
            north_south: energy.hop_aj(LinkKind::NorthSouth),
            chip: energy.hop_aj(LinkKind::Chip),
        };
        if costs.all().iter().all(|&cost| cost == 0) { Self::UNIT } else { costs }
    }

    fn all(self) -> [u64; 3] {
        [self.east_west, self.north_south, self.chip]
    }
}

/// Weighted coordinates of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spot {
    /// Sum of hop costs from the west border.
    pub x: i64,
    /// Sum of hop costs from the north border.
    pub y: i64,
}

impl Spot {
    /// Cost of a packet between two spots, either way.
    #[inline]
    pub fn to(self, other: Self) -> i64 {
        (self.x - other.x).abs() + (self.y - other.y).abs()
    }
}

/// Weighted coordinates of a mesh.
#[derive(Debug, Clone)]
pub struct Board {
    topology: Topology,
    columns: Vec<i64>,
    rows: Vec<i64>,
    /// Spot of each site.
    spots: Vec<Spot>,
}

/// Costs of whole placements stay below this.
const MOST: u128 = 1 << 60;

impl Board {
    /// A board on which so many packets may travel. Costs are divided by their common divisor; only if 64 bits could
    /// not hold the sums, they are rounded to a coarser unit.
    pub fn new(topology: &Topology, costs: HopCosts, packets: u64) -> Self {
        let hops = u128::from(topology.width()) + u128::from(topology.height());
        let dearest = u128::from(costs.all().into_iter().max().unwrap_or(1));
        let mut unit = costs.all().into_iter().fold(0, gcd).max(1);
        // A packet is counted at both of its ends.
        while hops * (dearest / u128::from(unit) + 1) * 2 * u128::from(packets.max(1)) > MOST
            && unit < 1 << 62
        {
            unit *= 2;
        }
        let scaled = |cost: u64| (u128::from(cost) + u128::from(unit) / 2) as u64 / unit;
        let line = |length: u32, chip: u32, inner: u64| {
            let mut at = 0;
            let mut all = Vec::with_capacity(length as usize);
            for i in 0..length {
                if i > 0 {
                    at += scaled(if i % chip == 0 { costs.chip } else { inner }) as i64;
                }
                all.push(at);
            }
            all
        };
        let columns = line(topology.width(), topology.mesh_columns, costs.east_west);
        let rows = line(topology.height(), topology.mesh_rows, costs.north_south);
        let spot = |site| {
            let tile = topology.tile_of(Site(site));
            Spot { x: columns[tile.x as usize], y: rows[tile.y as usize] }
        };
        let spots = (0..topology.sites()).map(spot).collect();
        Self { topology: topology.clone(), columns, rows, spots }
    }

    /// The mesh.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Where a site lies.
    #[inline]
    pub fn spot(&self, site: Site) -> Spot {
        self.spots[site.0 as usize]
    }

    /// Weighted coordinate of each column of tiles.
    pub fn columns(&self) -> &[i64] {
        &self.columns
    }

    /// Weighted coordinate of each row of tiles.
    pub fn rows(&self) -> &[i64] {
        &self.rows
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snnc_targets::registry;

    fn board() -> Topology {
        Topology { mesh_columns: 3, mesh_rows: 2, cores_per_tile: 2, chip_columns: 2, chips: 4 }
    }

    #[test]
    fn the_cost_from_coordinates_is_that_of_the_path() {
        let topology = board();
        let energy = registry::load("loihi-like").unwrap().energy();
        let costs = HopCosts::of(&energy);
        let unit = costs.all().into_iter().fold(0, gcd);
        let board = Board::new(&topology, costs, 1000);
        for from in (0..topology.sites()).map(Site) {
            for to in (0..topology.sites()).map(Site) {
                let path: u64 = topology.path(from, to).map(|(_, kind)| energy.hop_aj(kind)).sum();
                assert_eq!(board.spot(from).to(board.spot(to)) as u64 * unit, path);
            }
        }
    }

    #[test]
    fn sums_stay_within_64_bits_however_dear_the_hops() {
        let costs = HopCosts { east_west: 1_000_003, north_south: 999_999_999_989, chip: u64::MAX / 4 };
        let board = Board::new(&board(), costs, u64::MAX / 8);
        let (width, height) = (board.columns()[5], board.rows()[3]);
        assert!(
            (i128::from(width) + i128::from(height)) * 2 * i128::from(u64::MAX / 8) < i128::from(i64::MAX)
        );
    }
}
