//! Where cores sit and which links a packet crosses.
//!
//! A [`Site`] is one physical core. Tiles of all chips form one grid; [`routing`] alone decides which way a packet
//! takes over it. The chips present always fill whole rows of the board once there is more than one row, so that
//! every such
//! path exists.

pub mod routing;

use serde::{Deserialize, Serialize};

pub use routing::{Axis, Direction, Grid, Interconnect, Routing};

use crate::schema::TopologySpec;

crate::entity! {
    /// A physical core: `(chip * tiles + tile) * cores_per_tile + core`.
    Site "site",
    /// A directed mesh link: `tile * Direction::COUNT + direction`, over the tiles of the whole mesh.
    Link "link",
}

impl Link {
    /// Index of the tile that it leaves: row times width of the mesh, plus column.
    pub fn tile(self) -> u32 {
        self.0 / Direction::COUNT as u32
    }

    /// 0 east, 1 west, 2 south, 3 north; see [`Direction`].
    pub fn direction(self) -> u32 {
        self.0 % Direction::COUNT as u32
    }
}

/// What a link crosses; its costs differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LinkKind {
    /// Within a chip, along a row.
    EastWest,
    /// Within a chip, along a column.
    NorthSouth,
    /// From one chip to the next.
    Chip,
}

/// Tile coordinates on the mesh of all chips; x to the east, y to the south.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tile {
    /// Column.
    pub x: u32,
    /// Row.
    pub y: u32,
}

impl Tile {
    /// Its coordinate on an axis.
    #[inline(always)]
    pub fn along(self, axis: Axis) -> u32 {
        match axis {
            Axis::X => self.x,
            Axis::Y => self.y,
        }
    }

    /// This tile, moved to another coordinate along one axis.
    #[inline(always)]
    pub fn moved(self, axis: Axis, to: u32) -> Self {
        match axis {
            Axis::X => Self { x: to, ..self },
            Axis::Y => Self { y: to, ..self },
        }
    }
}

/// The grid of a number of chips.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topology {
    /// Tiles in a row of a chip.
    pub mesh_columns: u32,
    /// Rows of tiles on a chip.
    pub mesh_rows: u32,
    /// Cores on a tile.
    pub cores_per_tile: u32,
    /// Chips in a row of the board.
    pub chip_columns: u32,
    /// Chips present.
    pub chips: u32,
    /// How the tiles are joined, and which way packets take.
    pub interconnect: Interconnect,
    /// The tile of the first chip at which spikes from outside enter.
    pub input_port: Option<Tile>,
}

impl Topology {
    /// The smallest board with at least `chips` chips whose rows are all filled.
    pub fn new(spec: &TopologySpec, chips: u32) -> Self {
        let columns = spec.chip_columns.get();
        let chips = if chips <= columns { chips.max(1) } else { chips.next_multiple_of(columns) };
        Self {
            mesh_columns: spec.mesh_columns.get(),
            mesh_rows: spec.mesh_rows.get(),
            cores_per_tile: spec.cores_per_tile.get(),
            chip_columns: columns,
            chips,
            interconnect: spec.interconnect(),
            input_port: spec.input_port.as_ref().map(|port| Tile { x: port.0.0, y: port.0.1 }),
        }
    }

    /// Cores on one chip.
    pub fn cores_per_chip(&self) -> u32 {
        self.mesh_columns * self.mesh_rows * self.cores_per_tile
    }

    /// All sites.
    pub fn sites(&self) -> u32 {
        self.chips * self.cores_per_chip()
    }

    /// Columns of the whole mesh.
    pub fn width(&self) -> u32 {
        self.chips.min(self.chip_columns) * self.mesh_columns
    }

    /// Rows of the whole mesh.
    pub fn height(&self) -> u32 {
        self.chips.div_ceil(self.chip_columns) * self.mesh_rows
    }

    /// The chip of a site.
    pub fn chip_of(&self, site: Site) -> u32 {
        site.0 / self.cores_per_chip()
    }

    /// The tile of a site.
    pub fn tile_of(&self, site: Site) -> Tile {
        let chip = self.chip_of(site);
        let tile = site.0 % self.cores_per_chip() / self.cores_per_tile;
        Tile {
            x: chip % self.chip_columns * self.mesh_columns + tile % self.mesh_columns,
            y: chip / self.chip_columns * self.mesh_rows + tile / self.mesh_columns,
        }
    }

    /// The site of the `core`-th core of a tile.
    pub fn site_at(&self, tile: Tile, core: u32) -> Site {
        let chip = tile.y / self.mesh_rows * self.chip_columns + tile.x / self.mesh_columns;
        let inner = tile.y % self.mesh_rows * self.mesh_columns + tile.x % self.mesh_columns;
        Site(chip * self.cores_per_chip() + inner * self.cores_per_tile + core)
    }

    /// Number of link ids; ids of links that would leave the mesh stay unused.
    pub fn links(&self) -> usize {
        (self.width() * self.height()) as usize * Direction::COUNT
    }

    /// The grid of all tiles.
    pub fn grid(&self) -> Grid {
        Grid { columns: self.width(), rows: self.height() }
    }

    /// Where packets that enter at the input port start: at the first core of its tile, which it shares the router
    /// with.
    pub fn input_site(&self) -> Option<Site> {
        self.input_port.map(|tile| self.site_at(tile, 0))
    }

    /// The links that a packet crosses, in order. Empty within a tile.
    pub fn path(&self, from: Site, to: Site) -> Path<'_> {
        Path { topology: self, at: self.tile_of(from), to: self.tile_of(to) }
    }

    /// The tile that a link leads to; the link must be one of the grid.
    pub fn end_of(&self, link: Link) -> Tile {
        let tile = Tile { x: link.tile() % self.width(), y: link.tile() / self.width() };
        let direction = Direction::ALL[link.direction() as usize];
        self.interconnect.neighbour(self.grid(), tile, direction).expect("the link is one of the grid")
    }

    /// Hops between two sites.
    pub fn distance(&self, from: Site, to: Site) -> u32 {
        self.hops(self.tile_of(from), self.tile_of(to))
    }

    /// Hops between two tiles.
    pub fn hops(&self, from: Tile, to: Tile) -> u32 {
        self.interconnect.distance(self.grid(), from, to)
    }

    /// What the link between two neighbouring tiles crosses.
    pub fn link_kind(&self, from: Tile, to: Tile) -> LinkKind {
        let chip = |tile: Tile| (tile.x / self.mesh_columns, tile.y / self.mesh_rows);
        match (chip(from) == chip(to), from.y == to.y) {
            (false, _) => LinkKind::Chip,
            (true, true) => LinkKind::EastWest,
            (true, false) => LinkKind::NorthSouth,
        }
    }
}

/// Iterator over the links of a path.
#[derive(Debug, Clone)]
pub struct Path<'a> {
    topology: &'a Topology,
    at: Tile,
    to: Tile,
}

impl Iterator for Path<'_> {
    type Item = (Link, LinkKind);

    fn next(&mut self) -> Option<Self::Item> {
        let (topology, here) = (self.topology, self.at);
        let (interconnect, grid) = (topology.interconnect, topology.grid());
        let direction = interconnect.next(grid, here, self.to)?;
        self.at = interconnect.neighbour(grid, here, direction)?;
        let link = Link((here.y * grid.columns + here.x) * Direction::COUNT as u32 + direction.port() as u32);
        Some((link, topology.link_kind(here, self.at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(chips: u32) -> Topology {
        Topology {
            mesh_columns: 8,
            mesh_rows: 4,
            cores_per_tile: 4,
            chip_columns: 2,
            chips,
            interconnect: Interconnect::MeshXy,
            input_port: None,
        }
    }

    #[test]
    fn sites_and_tiles_are_inverse() {
        let t = board(4);
        for s in 0..t.sites() {
            let site = Site(s);
            assert_eq!(t.site_at(t.tile_of(site), s % 4), site);
        }
    }

    #[test]
    fn a_path_goes_x_first_and_counts_chip_crossings() {
        let t = board(4);
        let from = t.site_at(Tile { x: 6, y: 1 }, 0);
        let to = t.site_at(Tile { x: 9, y: 5 }, 3);
        let kinds: Vec<_> = t.path(from, to).map(|(_, k)| k).collect();
        use LinkKind::*;
        assert_eq!(kinds, [EastWest, Chip, EastWest, NorthSouth, NorthSouth, Chip, NorthSouth]);
        assert_eq!(t.distance(from, to) as usize, kinds.len());
        assert_eq!(t.path(from, from).count(), 0);
        let last = t.path(from, to).last().unwrap().0;
        assert_eq!((t.end_of(last), last.direction()), (Tile { x: 9, y: 5 }, 2));
    }

    #[test]
    fn a_torus_goes_round_and_pays_the_link_that_it_crosses() {
        use LinkKind::*;
        let one = Topology { chips: 1, interconnect: Interconnect::TorusXy, ..board(1) };
        let at = |t: &Topology, x, y| t.site_at(Tile { x, y }, 0);
        let kinds: Vec<_> = one.path(at(&one, 0, 0), at(&one, 7, 3)).map(|(_, kind)| kind).collect();
        assert_eq!(kinds, [EastWest, NorthSouth], "the links that close the rings of one chip are on it");
        let four = Topology { interconnect: Interconnect::TorusXy, ..board(4) };
        let path: Vec<_> = four.path(at(&four, 1, 0), at(&four, 14, 0)).collect();
        assert_eq!(path.iter().map(|(_, kind)| *kind).collect::<Vec<_>>(), [EastWest, Chip, EastWest]);
        let ends: Vec<_> = path.iter().map(|(link, _)| four.end_of(*link).x).collect();
        assert_eq!(ends, [0, 15, 14]);
    }
}
