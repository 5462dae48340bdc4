//! Where the program sits: the mesh, what is on each core, and how full it is.

use serde::{Deserialize, Serialize};
use snnc_compiler::mapping::report::{LimitUse, LowerBound, SynapseFigures, TrafficFigures};

use crate::report::units::{count, counted};

/// Where the program sits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MappingSummary {
    /// Cores in use.
    pub cores_used: u64,
    /// Chips with a core in use.
    pub chips_used: u64,
    /// Chips powered: boards have whole rows of chips.
    pub chips_present: u64,
    /// Wall-clock seconds of compilation; 0 when a program file was read.
    pub compile_s: f64,
    /// The tiles of all chips present; absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mesh: Option<Mesh>,
    /// Packets of one spike of every neuron; absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<PacketsOfSpikes>,
    /// Use of each limit over the cores in use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub limits: Vec<LimitUse>,
    /// What compiling found out beside; absent when a program file was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<MappingFigures>,
}

impl MappingSummary {
    /// `128 cores on 1 chip`, or `on 3 of 4 chips` where some are idle.
    pub fn place(&self) -> String {
        let used = match self.chips_used == self.chips_present {
            true => String::new(),
            false => format!("{} of ", count(self.chips_used)),
        };
        let chips = counted(self.chips_present, "chip");
        format!("{} on {used}{chips}", counted(self.cores_used, "core"))
    }
}

/// Packets if every neuron, and every input from outside, fires once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketsOfSpikes {
    /// One for each destination core and input axon of it: what the program sends, and reports count.
    pub sent: u64,
    /// Pairs of a neuron and a core that it reaches. What is above that are further packets of the same spike to the
    /// same core, for another projection or another part of a cut kernel.
    pub neurons_and_cores: u64,
}

/// How far the mapping is from what no mapping can go below.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MappingFigures {
    /// Least cores that could hold the model, by limit.
    pub core_bounds: Vec<LowerBound>,
    /// Weights and synapses.
    pub synapses: SynapseFigures,
    /// Expected traffic.
    pub traffic: TrafficFigures,
}

/// The tiles of all chips present; x to the east, y to the south.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mesh {
    /// Columns of tiles of all chips.
    pub columns: u32,
    /// Rows of tiles of all chips.
    pub rows: u32,
    /// Columns of tiles of a chip.
    pub chip_columns: u32,
    /// Rows of tiles of a chip.
    pub chip_rows: u32,
    /// Cores of a tile.
    pub cores_per_tile: u32,
    /// Chips present.
    pub chips: u32,
}

/// Where a core sits, what it holds and what it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoreContents {
    /// Column and row of its tile.
    pub tile: [u32; 2],
    /// Its number within the tile.
    pub slot: u32,
    /// Parts of layers, in the order of their local neurons.
    pub parts: Vec<LayerPart>,
    /// Use of each limit.
    pub used: Vec<UsedLimit>,
    /// Spikes of its neurons.
    pub spikes: u64,
    /// Synaptic operations.
    pub synaptic_operations: u64,
    /// Packets that it sent.
    pub packets_sent: u64,
    /// Packets that it received.
    pub packets_received: u64,
}

/// A part of a layer: ranges of channels, rows and columns, each `[first, end]` without the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerPart {
    /// `network.layer`.
    pub layer: String,
    /// Its neurons.
    pub neurons: u64,
    /// Channels.
    pub channels: [u32; 2],
    /// Rows.
    pub rows: [u32; 2],
    /// Columns.
    pub columns: [u32; 2],
}

/// What a core uses of a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsedLimit {
    /// Name of the limit.
    pub limit: String,
    /// What is used.
    pub used: u64,
}
