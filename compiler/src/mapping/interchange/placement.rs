//! Placement files: the chip, tile and core of the tile of each core of a partition.

use serde::{Deserialize, Serialize};
use snnc_targets::topology::Tile;
use snnc_targets::{Code, Diagnostic, Diagnostics, NamedPart, Site, Subject, Target, Topology};

use super::MappingFile;
use crate::mapping::Placement;

/// Format string of placement files.
pub const FORMAT: &str = "snnc.placement/1";

/// Where each core sits, in the order of the partition's cores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacementFile {
    /// Always [`FORMAT`].
    pub format: String,
    /// Chips present.
    pub chips: u32,
    /// One place a core.
    pub cores: Vec<CorePosition>,
}

/// A core of a chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorePosition {
    /// Chip, row-major on the board.
    pub chip: u32,
    /// Column of the tile on its chip.
    pub x: u32,
    /// Row of the tile on its chip.
    pub y: u32,
    /// Core of the tile.
    pub core: u32,
}

impl MappingFile for PlacementFile {
    const FORMAT: &str = FORMAT;
    const COMMENT: &str =
        "placement: chip, tile (x to the east, y to the south) and core of each core of the partition";

    fn format(&self) -> &str {
        &self.format
    }
}

impl PlacementFile {
    /// A placement by chips and tiles.
    pub fn new(placement: &Placement, target: &Target) -> Self {
        let topology = Topology::new(&target.topology, placement.chips);
        let place = |&site: &Site| {
            let tile = topology.tile_of(site);
            CorePosition {
                chip: topology.chip_of(site),
                x: tile.x % topology.mesh_columns,
                y: tile.y % topology.mesh_rows,
                core: site.0 % topology.cores_per_tile,
            }
        };
        Self {
            format: FORMAT.into(),
            chips: placement.chips,
            cores: placement.sites.values().map(place).collect(),
        }
    }

    /// The placement on a target.
    ///
    /// # Errors
    /// [`Code::MappingInvalid`], one for each place that the board does not have. Whether two cores share a place is
    /// for [`Placement::verify`] to find.
    pub fn resolve(&self, target: &Target) -> Result<Placement, Diagnostics> {
        let most = target.topology.chips_max.get();
        if !(1..=most).contains(&self.chips) {
            let message = format!("{} chips, {} has 1 to {most}", self.chips, target.name);
            return Err(Diagnostic::new(Code::MappingInvalid, NamedPart::Placement, message).into());
        }
        let topology = Topology::new(&target.topology, self.chips);
        let mut problems = Diagnostics::default();
        let mut sites = Vec::with_capacity(self.cores.len());
        for (core, place) in self.cores.iter().enumerate() {
            if place.chip >= topology.chips
                || place.x >= topology.mesh_columns
                || place.y >= topology.mesh_rows
                || place.core >= topology.cores_per_tile
            {
                let t = &topology;
                let message = format!(
                    "chip {}, x {}, y {}, core {} is not on a board of {} chips of {} x {} tiles of {} cores",
                    place.chip,
                    place.x,
                    place.y,
                    place.core,
                    t.chips,
                    t.mesh_columns,
                    t.mesh_rows,
                    t.cores_per_tile
                );
                problems.push(Diagnostic::new(Code::MappingInvalid, Subject::CoreOfFile(core), message));
                continue;
            }
            let tile = Tile {
                x: place.chip % topology.chip_columns * topology.mesh_columns + place.x,
                y: place.chip / topology.chip_columns * topology.mesh_rows + place.y,
            };
            sites.push(topology.site_at(tile, place.core));
        }
        problems.into_result(Placement { chips: topology.chips, sites: sites.into() })
    }
}
