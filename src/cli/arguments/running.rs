//! Arguments of the commands that execute a program: how often, on what input, and what they write.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use snnc_simulator::time::Fidelity;
use snnc_targets::Diagnostic;

use super::{MappingArgs, ModelArgs, NirArgs, QuantiseArgs};
use crate::samples::membranes::MembraneChoice;
use crate::shard::Shard;
use crate::streaming;
use crate::trace::IndexRange;

/// What to run, and what to write.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Images to generate, by models with a pipeline [default: 4]
    #[arg(long)]
    pub images: Option<u64>,
    /// Seed of the host's random streams, one an image [default: 1]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Softmax temperature of the generation loop: below 1 it draws the likelier tokens more often [default: the
    /// model's]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub temperature: Option<f64>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub samples: SampleArgs,
    /// Folder for images and tokens (or predictions.csv, confusion.csv with --labels, and readout.npy), timesteps.csv
    /// and report.json
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Write the spikes of every layer into the folder of results, as spikes.npz
    #[arg(long)]
    pub spikes: bool,
    /// Write the membranes of these layers after each timestep into the folder of results, as membranes.npz; neurons
    /// are numbers [default: all of the layer], as in conv1,fc:0,5,9
    #[arg(long, value_name = "LAYER[:NEURON,...],...")]
    pub membranes: Option<MembraneChoice>,
    /// Begin each sample in the state in which the one before it ended [default: cleared]; samples then run one after
    /// another
    #[arg(long)]
    pub keep_state: bool,
    /// Run only the I-th of N parts of the samples; `snnc merge` puts the folders of all parts together
    #[arg(long, value_name = "I/N", requires = "out")]
    pub shard: Option<Shard>,
    /// Whether the part is that of a rank, which goes on where an earlier run stopped.
    #[arg(skip)]
    pub by_rank: bool,
    /// Write a page for a browser into the folder of results, as report.html
    #[arg(long)]
    pub html: bool,
    /// Timing model: none, analytic, cycle or cycle:1/N (one timestep of N, with its error) [default: cycle:1/16 where
    /// simulating that is less work than the execution, else analytic]
    #[arg(long, value_parser = fidelity, value_hint = clap::ValueHint::Other)]
    pub timing: Option<Fidelity>,
    /// Move each constant that has a range to its ends, one at a time and all together, and say which move time and
    /// energy most. Latencies and queue depths move with --timing cycle or cycle:1/N alone, which simulates its
    /// timesteps anew for each end
    #[arg(long)]
    pub sensitivity: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub trace: TraceArgs,
    /// Worker threads [default: all cores]; results do not depend on it
    #[arg(long)]
    pub threads: Option<usize>,
    /// Print the report as JSON
    #[arg(long)]
    pub json: bool,
}

/// What to feed a model without a pipeline.
#[derive(Debug, Clone, Default, Args)]
pub struct SampleArgs {
    /// Samples for a model without a pipeline: a NumPy array [n, c, h, w] or [n, ...] of float32, float64 or uint8, in
    /// .npy or .npz (`x.npz:key` names one of several); with --dt an event list, .csv or .npz with t, x, y, p
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Take --input for an event list and put its events into timesteps of this length, in the unit of their times
    #[arg(long, value_name = "LENGTH", allow_negative_numbers = true)]
    pub dt: Option<f64>,
    /// The network that is fed [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub network: Option<String>,
    /// Feed only the first N samples
    #[arg(id = "samples", long = "samples", value_name = "N")]
    pub count: Option<u64>,
    /// Classes of the samples: a NumPy array of int64, int32 or uint8, one a sample, in .npy or .npz; the report then
    /// says the accuracy
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
}

/// What simulated packets to write down.
#[derive(Debug, Clone, Default, Args)]
pub struct TraceArgs {
    /// Write a row a simulated packet here (Parquet; a build with the feature `parquet`), with --timing cycle
    #[arg(id = "trace", long = "trace", value_name = "FILE")]
    pub packets: Option<PathBuf>,
    /// Write when each unit and link was busy with what here (JSON for Perfetto or Chrome), with --timing cycle
    #[arg(id = "trace-events", long = "trace-events", value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Trace only these images or samples, for example 0 or 0..2 (ends before 2)
    #[arg(id = "trace-images", long = "trace-images", value_name = "RANGE")]
    pub images: Option<IndexRange>,
    /// Trace only these passes of an image or sample
    #[arg(id = "trace-passes", long = "trace-passes", value_name = "RANGE")]
    pub passes: Option<IndexRange>,
    /// Trace only these timesteps of a pass
    #[arg(id = "trace-timesteps", long = "trace-timesteps", value_name = "RANGE")]
    pub timesteps: Option<IndexRange>,
}

/// What several ranks share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OverRanks {
    /// Each runs the whole network on its own samples
    Samples,
    /// Each runs its chips of the network on all samples
    Network,
}

/// `snnc simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Compiled program (.snnx)
    pub program: PathBuf,
    /// What ranks share, if mpirun has started several (a build with the feature `mpi`): the samples, or one network,
    /// of which each rank holds the cores of its chips
    #[arg(long, value_enum, default_value = "samples", value_name = "WHAT", conflicts_with = "shard")]
    pub over_ranks: OverRanks,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub generate: GenerateArgs,
}

/// `snnc run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub model: ModelArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub mapping: MappingArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub generate: GenerateArgs,
}

/// `snnc verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Model file (model.ron), or NIR file
    pub model: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub nir: NirArgs,
    /// Compare the float reference with these recorded traces; of a model without a pipeline those of --input
    #[arg(long, conflicts_with = "target", required_unless_present = "target")]
    pub golden: Option<PathBuf>,
    /// Compare the chip with the float reference
    #[arg(long)]
    pub target: Option<String>,
    /// Give a field of the target another value, such as core.synapse_memory_bits=2^20; may be repeated
    #[arg(long, value_name = "FIELD=VALUE", requires = "target")]
    pub set: Vec<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub quantise: QuantiseArgs,
    /// Images for the comparison with the chip, by models with a pipeline [default: 1]
    #[arg(long, conflicts_with = "golden")]
    pub images: Option<u64>,
    /// Seed of the common random numbers [default: 1]
    #[arg(long, conflicts_with = "golden")]
    pub seed: Option<u64>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub samples: SampleArgs,
    /// Folder for verify.json, and images side by side (float, chip on the same tokens, chip running freely)
    #[arg(long, conflicts_with = "golden")]
    pub out: Option<PathBuf>,
    /// Compare only the I-th of N parts of the samples or images; `snnc merge` puts the folders of all parts together
    #[arg(long, value_name = "I/N", requires = "out")]
    pub shard: Option<Shard>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// `snnc generate`.
#[derive(Debug, Args)]
pub struct SetArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub model: ModelArgs,
    /// Images to generate
    #[arg(long, default_value_t = 1000)]
    pub images: u64,
    /// Seed of the host's random streams, one an image
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Softmax temperature of the generation loop: below 1 it draws the likelier tokens more often [default: the
    /// model's]
    #[arg(long, value_name = "T", allow_negative_numbers = true)]
    pub temperature: Option<f64>,
    /// One array of all images, or one file an image
    #[arg(long, value_enum, default_value = "npy")]
    pub format: SetFormat,
    /// Folder for images and tokens.npy; that of a killed run continues it
    #[arg(long)]
    pub out: PathBuf,
    /// Make only the I-th of N parts; `snnc merge` puts the folders of all parts together
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
}

/// How a set of images is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SetFormat {
    /// One array of all images
    Npy,
    /// One file an image
    Png,
}

impl From<SetFormat> for streaming::ImageSetFormat {
    fn from(format: SetFormat) -> Self {
        match format {
            SetFormat::Npy => Self::Npy,
            SetFormat::Png => Self::Png,
        }
    }
}

/// `snnc reconstruct`.
#[derive(Debug, Args)]
pub struct ReconstructArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub model: ModelArgs,
    /// PNG files, or NumPy arrays of uint8 images (.npy, or .npz with `pixels`)
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
    /// Folder for images side by side (input, float, chip) and reconstruct.json
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

fn fidelity(text: &str) -> Result<Fidelity, String> {
    text.parse().map_err(|problem: Diagnostic| problem.message)
}
