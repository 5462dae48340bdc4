//! Arguments about the mapping onto cores, shared by every command that compiles.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use snnc_compiler::mapping::effort::Effort;

/// How the network is mapped onto cores.
#[derive(Debug, Clone, Default, Args)]
pub struct MappingArgs {
    /// What the partition makes small, the other deciding among equals; --partitioner hypergraph always looks for the
    /// fewest cores, and chips of layer cores leave no choice
    #[arg(long, value_enum, default_value = "time")]
    pub objective: Goal,
    /// Use at most so many cores [default: all of the chips]
    #[arg(long, value_name = "CORES", value_parser = clap::value_parser!(u32).range(1..))]
    pub cores: Option<u32>,
    /// Use at most so many chips [default: as few as hold the model]
    #[arg(long, value_name = "CHIPS", value_parser = clap::value_parser!(u32).range(1..))]
    pub chips: Option<u32>,
    /// How networks are cut: into boxes of their maps, or by their hypergraph
    #[arg(long, value_enum, default_value = "auto")]
    pub partitioner: Partitioner,
    /// Channels of a position that make a vertex, for --partitioner hypergraph and partitions read from .part files
    #[arg(long, default_value_t = 16)]
    pub group: usize,
    /// How hard partition and placement search: fast, default or best; counted in steps, never in seconds
    #[arg(long, default_value_t)]
    pub effort: Effort,
    /// Seed of the placement's local search
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub mapping_seed: u64,
    /// Weigh packets with the spikes of a recorded run: its report.json, or its folder [default: every neuron fires
    /// once]
    #[arg(long, value_name = "RUN")]
    pub profile: Option<PathBuf>,
    /// Read which neurons share a core, instead of searching: a partition file (.ron), or the blocks that a partitioner
    /// gave for `snnc export --to hgr`, a number a line
    #[arg(long, value_name = "FILE")]
    pub partition: Option<PathBuf>,
    /// The network that the blocks of --partition are of; the others are searched [default: the denoiser, else the
    /// first]
    #[arg(long, value_name = "NAME", requires = "partition")]
    pub partition_network: Option<String>,
    /// Read where the cores sit, instead of searching
    #[arg(long, value_name = "FILE")]
    pub placement: Option<PathBuf>,
}

/// How networks are cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Partitioner {
    /// Tiles; with --effort best also the hypergraph for irregular networks, and the better of the two
    #[default]
    Auto,
    /// Boxes of maps, layer by layer
    Tiles,
    /// Multilevel partitioning of the hypergraph
    Hypergraph,
}

/// What a partition makes small.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Goal {
    /// Time of an image or sample: no core keeps a timestep waiting
    #[default]
    Time,
    /// Energy, static power included
    Energy,
    /// Energy times time
    Edp,
    /// Cores
    Cores,
    /// Packets
    Packets,
    /// Packets times hops
    Traffic,
}
