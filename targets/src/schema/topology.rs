//! Tiles, cores and chips, and how a spike reaches several cores.

use serde::{Deserialize, Serialize};

use super::Sourced;
use crate::topology::routing::Interconnect;

/// A chip is a grid of tiles with `cores_per_tile` cores each; chips stand on a grid, row-major. Packets travel over
/// the grid of all chips as `interconnect` says; so does each branch of a multicast tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopologySpec {
    /// Tiles in a row of a chip.
    pub mesh_columns: Sourced<u32>,
    /// Rows of tiles on a chip.
    pub mesh_rows: Sourced<u32>,
    /// Cores that share a tile's router.
    pub cores_per_tile: Sourced<u32>,
    /// Chips in a row of the board.
    pub chip_columns: Sourced<u32>,
    /// Most chips in one system.
    pub chips_max: Sourced<u32>,
    /// Whether a spike for several cores is one packet or several.
    pub routing: Sourced<RoutingScheme>,
    /// How the tiles of all chips are joined, and which way packets take; None is a mesh, X first, then Y.
    #[serde(default)]
    pub interconnect: Option<Sourced<Interconnect>>,
    /// The tile of the first chip, `(x, y)`, at whose router spikes from outside enter the mesh; None if they cannot.
    #[serde(default)]
    pub input_port: Option<Sourced<(u32, u32)>>,
}

impl TopologySpec {
    /// How the tiles of all chips are joined, and which way packets take.
    pub fn interconnect(&self) -> Interconnect {
        self.interconnect.as_ref().map_or(Interconnect::default(), Sourced::get)
    }
}

/// How a spike reaches several cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum RoutingScheme {
    /// The sending core makes one packet for each destination core; routers need no tables.
    Unicast,
    /// Packets fork on the way, so that a spike crosses each link of the tree to its destinations once.
    Multicast {
        /// Places of a router's table; `None` if packets carry what routers need. A tree takes one place wherever it
        /// starts, turns, forks or ends; routers pass a packet straight on without one.
        table_entries: Option<u32>,
    },
}
