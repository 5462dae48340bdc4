//! Where cores sit and which links a packet crosses.
//!
//! A [`Site`] is one physical core. Tiles of all chips form one mesh; a packet goes along X, then along Y
//! (dimension order, deadlock-free). The chips present always fill whole rows of the board once there is more
//! than one row, so that every such path exists.

use serde::{Deserialize, Serialize};

use crate::schema::TopologySpec;

crate::entity! {
    /// A physical core: `(chip * tiles + tile) * cores_per_tile + core`.
    Site "site",
    /// A directed mesh link: `tile * 4 + direction`, over the tiles of the whole mesh.
    Link "link",
}

impl Link {
    /// Index of the tile that it leaves: row times width of the mesh, plus column.
    pub fn tile(self) -> u32 {
        self.0 / 4
    }

    /// 0 east, 1 west, 2 south, 3 north.
    pub fn direction(self) -> u32 {
        self.0 % 4
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

/// The mesh of a number of chips.
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
        (self.width() * self.height() * 4) as usize
    }

    /// The links that a packet crosses, in order: first along X, then along Y. Empty within a tile.
    pub fn path(&self, from: Site, to: Site) -> Path<'_> {
        Path { topology: self, at: self.tile_of(from), to: self.tile_of(to) }
    }

    /// The tile that a link leads to; the link must be inside the mesh.
    pub fn end_of(&self, link: Link) -> Tile {
        let (x, y) = (link.tile() % self.width(), link.tile() / self.width());
        match link.direction() {
            0 => Tile { x: x + 1, y },
            1 => Tile { x: x - 1, y },
            2 => Tile { x, y: y + 1 },
            _ => Tile { x, y: y - 1 },
        }
    }

    /// Hops between two sites.
    pub fn distance(&self, from: Site, to: Site) -> u32 {
        let (a, b) = (self.tile_of(from), self.tile_of(to));
        a.x.abs_diff(b.x) + a.y.abs_diff(b.y)
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
        let here = self.at;
        let (direction, next) = if here.x < self.to.x {
            (0, Tile { x: here.x + 1, ..here })
        } else if here.x > self.to.x {
            (1, Tile { x: here.x - 1, ..here })
        } else if here.y < self.to.y {
            (2, Tile { y: here.y + 1, ..here })
        } else if here.y > self.to.y {
            (3, Tile { y: here.y - 1, ..here })
        } else {
            return None;
        };
        let t = self.topology;
        let same_chip = here.x / t.mesh_columns == next.x / t.mesh_columns
            && here.y / t.mesh_rows == next.y / t.mesh_rows;
        let kind = match (same_chip, direction < 2) {
            (false, _) => LinkKind::Chip,
            (true, true) => LinkKind::EastWest,
            (true, false) => LinkKind::NorthSouth,
        };
        self.at = next;
        Some((Link((here.y * t.width() + here.x) * 4 + direction), kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(chips: u32) -> Topology {
        Topology { mesh_columns: 8, mesh_rows: 4, cores_per_tile: 4, chip_columns: 2, chips }
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
}
