//! Commands for mapping research: partition, place, and networks for other people's tools.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use snnc_compiler::mapping::effort::Effort;

use super::ModelArgs;

/// `snnc place`.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// Text file of flows: a line "source destination packets" each, cores counted from 0
    pub flows: PathBuf,
    /// Tiles in a row of the mesh
    #[arg(long)]
    pub columns: u32,
    /// Rows of tiles
    #[arg(long)]
    pub rows: u32,
    /// Cores on a tile
    #[arg(long, default_value_t = 1)]
    pub cores_per_tile: u32,
    /// How long to search: fast, default or best
    #[arg(long, default_value_t)]
    pub effort: Effort,
    /// Seed of the search
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Print the result, with the site of each core, as JSON
    #[arg(long)]
    pub json: bool,
}

/// `snnc export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub model: ModelArgs,
    /// Format: nir is a NIR file of one network; hgr its hypergraph in hMETIS form, on the chip of --target
    #[arg(long, value_enum)]
    pub to: ExportFormat,
    /// Network [default: the denoiser, else the model's first]
    #[arg(long)]
    pub network: Option<String>,
    /// Consecutive channels at one position that make a vertex of the hypergraph [default: 16]
    #[arg(long)]
    pub group: Option<usize>,
    /// Write it here
    #[arg(short, long)]
    pub output: PathBuf,
}

/// What can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// hMETIS hypergraph: a vertex weighs its neurons, a net the packets of every neuron firing once
    Hgr,
    /// NIR graph (HDF5), as other frameworks read it; the options that read it back are printed
    Nir,
}

/// `snnc partition`.
#[derive(Debug, Args)]
pub struct PartitionArgs {
    /// Hypergraph (.hgr)
    pub hypergraph: PathBuf,
    /// Blocks [default: as few as are found to keep the limits]
    #[arg(long)]
    pub blocks: Option<usize>,
    /// Most weight of a block; one value a vertex weight of the file
    #[arg(long, required = true, value_delimiter = ',')]
    pub limit: Vec<u64>,
    /// How hard to try
    #[arg(long, default_value_t)]
    pub effort: Effort,
    /// Seed of all random choices
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Write the block of each vertex here, one a line
    #[arg(short, long)]
    pub output: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}
