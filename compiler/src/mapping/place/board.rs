//! The grid as placement sees it: every site at weighted coordinates, so that the cost of a packet between two
//! sites is a difference or two.
//!
//! Packets cover one axis after the other; what a link costs depends on the column or row border it crosses and on
//! nothing else. So on a mesh the cost of a route is `|x - x'| + |y - y'|` if each coordinate is the sum of the hop
//! costs up to it. Where rows and columns are rings, the way round is asked for.

use snnc_targets::topology::routing::AxisSums;
use snnc_targets::topology::{Routing, Tile};
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

/// Weighted coordinates of a tile. What differs between two of them is what a packet costs on a mesh; on rings it is no
/// more than that ([`Board::cost`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WeightedPoint {
    /// Sum of hop costs from the west border.
    pub x: i64,
    /// Sum of hop costs from the north border.
    pub y: i64,
}

impl WeightedPoint {
    /// Cost of a packet between two points without wrap-around links, either way.
    #[inline]
    pub fn to(self, other: Self) -> i64 {
        (self.x - other.x).abs() + (self.y - other.y).abs()
    }
}

/// A site as [`Board::cost`] wants it: weighted coordinates, or column and row where packets may go round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position(WeightedPoint);

/// Weighted coordinates of a grid.
#[derive(Debug, Clone)]
pub struct Board {
    topology: Topology,
    columns: AxisSums,
    rows: AxisSums,
    /// Weighted coordinates of each site.
    points: Vec<WeightedPoint>,
    /// Where packets may go round: the tile of each site.
    rings: Option<Vec<Tile>>,
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
        let of = |kind| {
            scaled(match kind {
                LinkKind::EastWest => costs.east_west,
                LinkKind::NorthSouth => costs.north_south,
                LinkKind::Chip => costs.chip,
            }) as i64
        };
        let joined = topology.interconnect;
        let column = |x, to| of(topology.link_kind(Tile { x, y: 0 }, Tile { x: to, y: 0 }));
        let row = |y, to| of(topology.link_kind(Tile { x: 0, y }, Tile { x: 0, y: to }));
        let columns = AxisSums::new(joined, topology.width(), column);
        let rows = AxisSums::new(joined, topology.height(), row);
        let tiles = || (0..topology.sites()).map(|site| topology.tile_of(Site(site)));
        let point = |tile: Tile| WeightedPoint {
            x: columns.coordinates()[tile.x as usize],
            y: rows.coordinates()[tile.y as usize],
        };
        let points = tiles().map(point).collect();
        let rings = joined.wraps().then(|| tiles().collect());
        Self { topology: topology.clone(), columns, rows, points, rings }
    }

    /// What a search keeps of a site, for [`Board::cost`].
    #[inline(always)]
    pub fn position(&self, site: Site) -> Position {
        match &self.rings {
            None => Position(self.point(site)),
            Some(tiles) => {
                let tile = tiles[site.0 as usize];
                Position(WeightedPoint { x: tile.x.into(), y: tile.y.into() })
            }
        }
    }

    /// Cost of a packet between two positions, either way. Where both ways round a ring are as long, it is that from
    /// the smaller coordinate to the larger.
    // On a mesh this is all that a move costs a flow, so nothing else may stand in the way of inlining it.
    #[inline(always)]
    pub fn cost(&self, Position(from): Position, Position(to): Position) -> i64 {
        if self.rings.is_none() { from.to(to) } else { self.cost_round(from, to) }
    }

    /// Cost of a packet where it may go round; the points are columns and rows.
    #[inline(never)]
    fn cost_round(&self, from: WeightedPoint, to: WeightedPoint) -> i64 {
        let round = |sums: &AxisSums, a: i64, b: i64| {
            sums.between(self.topology.interconnect, a.min(b) as u32, a.max(b) as u32)
        };
        round(&self.columns, from.x, to.x) + round(&self.rows, from.y, to.y)
    }

    /// The mesh.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// Where a site lies.
    #[inline]
    pub fn point(&self, site: Site) -> WeightedPoint {
        self.points[site.0 as usize]
    }

    /// Weighted coordinate of each column of tiles.
    pub fn columns(&self) -> &[i64] {
        self.columns.coordinates()
    }

    /// Weighted coordinate of each row of tiles.
    pub fn rows(&self) -> &[i64] {
        self.rows.coordinates()
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snnc_targets::{Interconnect, registry};

    fn board() -> Topology {
        Topology {
            mesh_columns: 3,
            mesh_rows: 2,
            cores_per_tile: 2,
            chip_columns: 2,
            chips: 4,
            interconnect: Interconnect::MeshXy,
            input_port: None,
        }
    }

    #[test]
    fn the_cost_from_coordinates_is_that_of_the_path() {
        for interconnect in [Interconnect::MeshXy, Interconnect::MeshYx, Interconnect::TorusXy] {
            costs_are_those_of_paths(&Topology { interconnect, ..board() });
        }
    }

    fn costs_are_those_of_paths(topology: &Topology) {
        let energy = registry::load("loihi-like").unwrap().energy();
        let costs = HopCosts::of(&energy);
        let unit = costs.all().into_iter().fold(0, gcd);
        let board = Board::new(topology, costs, 1000);
        for from in (0..topology.sites()).map(Site) {
            for to in (0..topology.sites()).map(Site) {
                let paths = [topology.path(from, to), topology.path(to, from)];
                let [path, back]: [u64; 2] =
                    paths.map(|path| path.map(|(_, kind)| energy.hop_aj(kind)).sum());
                let cost = board.cost(board.position(from), board.position(to)) as u64 * unit;
                assert!(cost == path || cost == back, "{from} to {to}: {cost}, {path}");
                assert_eq!(cost, board.cost(board.position(to), board.position(from)) as u64 * unit);
                assert!(board.point(from).to(board.point(to)) as u64 * unit >= cost);
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
