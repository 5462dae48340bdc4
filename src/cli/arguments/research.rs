//! Commands for mapping research: partition, place, and networks for other people's tools.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use snnc_compiler::mapping::effort::Effort;

use super::ModelArgs;

/// `snnc place`.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// Text file of flows: a line "source destination packets" each, cores counted from 0; timesteps behind them are
    /// added up
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
    /// Format: nir is a NIR file of one network; hgr its hypergraph in hMETIS form, on the chip of --target; sana-fe a
    /// folder with the chip and one network of a compiled program (.snnx), mapped, as SANA-FE 2.2.9 reads them; flows
    /// the packets between the cores of a compiled program, as `snnc place` reads them
    #[arg(long, value_enum)]
    pub to: ExportFormat,
    /// Network [default: the denoiser, else the model's first]
    #[arg(long)]
    pub network: Option<String>,
    /// Consecutive channels at one position that make a vertex of a hypergraph [default: 16]
    #[arg(long)]
    pub group: Option<usize>,
    /// Stimulus of a network that is fed, for sana-fe: a file as `snnc simulate` takes it
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Take --input for an event list and put its events into timesteps of this length
    #[arg(long, value_name = "LENGTH", requires = "input")]
    pub dt: Option<f64>,
    /// Which sample of --input [default: 0]
    #[arg(long, value_name = "I", requires = "input")]
    pub sample: Option<u64>,
    /// Weigh flows with the spikes of an earlier run: its folder or report.json [default: every neuron fires once]
    #[arg(long, value_name = "RUN")]
    pub profile: Option<PathBuf>,
    /// Write flows by the timestep in which they are sent, as a fourth number of each line: in those of the run's
    /// timesteps.csv, else evenly over the window of each layer
    #[arg(long)]
    pub by_timestep: bool,
    /// Write it here
    #[arg(short, long)]
    pub output: PathBuf,
}

/// What can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// hMETIS hypergraph: a vertex weighs its neurons, a net the packets of every neuron firing once
    Hgr,
    /// SANA-FE's architecture and mapped network
    SanaFe,
    /// NIR graph (HDF5), as other frameworks read it; the options that read it back are printed
    Nir,
    /// Packets between cores, a line `source destination packets` a pair of them
    Flows,
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
    #[arg(long, required_unless_present = "limits", value_delimiter = ',')]
    pub limit: Vec<u64>,
    /// Limits of a core, as exported beside the hypergraph (.limits.ron)
    #[arg(long, value_name = "FILE", conflicts_with = "limit")]
    pub limits: Option<PathBuf>,
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
