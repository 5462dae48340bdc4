//! The command line: what can be said, not what is done. Exit codes: docs/outputs.md.

mod mapping;
mod research;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use snnc_simulator::time::Fidelity;
use snnc_targets::Diagnostic;
use snnc_targets::diagnostic::one_line;

use crate::streaming;
use crate::trace::IndexRange;
pub use mapping::{Goal, MappingArgs, Partitioner};
pub use research::{ExportArgs, ExportFormat, PartitionArgs, PlaceArgs};

/// Compiler and simulator for spiking networks on neuromorphic chips.
#[derive(Debug, Parser)]
#[command(name = "snnc", version, about, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The arguments of this process.
///
/// # Errors
/// Usage errors; help and version, which clap hands out as errors too.
pub fn parse() -> Result<Cli, clap::Error> {
    parse_from(std::env::args_os().collect())
}

/// Parses; an error quotes arguments only after their control characters were made visible.
fn parse_from(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(&arguments).map_err(|error| {
        let visible = arguments.iter().map(|argument| one_line(&argument.to_string_lossy()).into_owned());
        Cli::try_parse_from(visible).err().unwrap_or(error)
    })
}

impl Command {
    /// Whether the answer is for programs; errors and warnings are then, too.
    pub fn json(&self) -> bool {
        match self {
            Self::Compile(args) => args.json,
            Self::Fit(args) => args.json,
            Self::Simulate(args) => args.generate.json,
            Self::Run(args) => args.generate.json,
            Self::Verify(args) => args.json,
            Self::Reconstruct(args) => args.json,
            Self::Import(args) => args.json,
            Self::Place(args) => args.json,
            Self::Partition(args) => args.json,
            Self::Passes(args) => args.json,
            Self::Targets(args) => {
                matches!(
                    args.action,
                    Some(TargetsAction::Show { json: true, .. } | TargetsAction::Check { json: true, .. })
                )
            }
            Self::Generate(_) | Self::Export(_) | Self::Explain { .. } => false,
        }
    }
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Map a model onto a chip; print the mapping report
    Compile(CompileArgs),
    /// Say which targets hold a model, what binds there, and why others do not
    Fit(FitArgs),
    /// Run a compiled program: generate images, or classify samples; print the energy report
    Simulate(SimulateArgs),
    /// Compile and simulate
    Run(RunArgs),
    /// Compare the float reference with recorded traces, or with the chip
    Verify(VerifyArgs),
    /// Stream a whole set of images to disk, for statistics; continues a killed run
    Generate(SetArgs),
    /// Encode and decode images on the chip; compare them with the input and with the float model
    Reconstruct(ReconstructArgs),
    /// Make a model from the authors' PyTorch checkpoints
    Import(ImportArgs),
    /// Place cores on a mesh by the packets between them (for mapping research); print packets x hops and their bound
    Place(PlaceArgs),
    /// Write a network for other people's tools
    Export(ExportArgs),
    /// Partition a hypergraph file (hMETIS .hgr): fewest packets between blocks under limits
    Partition(PartitionArgs),
    /// List the compiler's passes in their order
    Passes(PassesArgs),
    /// List, show or check chip descriptions
    Targets(TargetsArgs),
    /// Explain the code of an error or warning
    Explain {
        /// For example E0007
        code: String,
    },
}

/// A model and a chip.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// Model file (model.ron)
    pub model: PathBuf,
    /// Built-in target, or the path of a target file
    #[arg(long, default_value = "loihi-like")]
    pub target: String,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub quantise: QuantiseArgs,
}

/// How weights are rounded.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct QuantiseArgs {
    /// Bits of a weight, at most the target's [default: the target's]
    #[arg(long, value_name = "BITS")]
    pub weights: Option<u32>,
    /// Passes of the loop recorded in floats so that rounding keeps the currents; 0 keeps sums of weights instead
    /// [default: 16 below 8 bits, else 0]
    #[arg(long, value_name = "PASSES", value_parser = passes)]
    pub calibrate: Option<usize>,
}

/// `snnc compile`.
#[derive(Debug, Args)]
pub struct CompileArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub model: ModelArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub mapping: MappingArgs,
    /// Write the program here
    #[arg(short, long)]
    pub output: Option<PathBuf>,
    /// Print an intermediate form instead of the report
    #[arg(long)]
    pub emit: Option<Emit>,
    /// Print what this pass of the compiler gives instead of the report; `snnc passes` lists them
    #[arg(long, value_name = "PASS", conflicts_with_all = ["emit", "json"])]
    pub emit_after: Option<String>,
    /// Print the report as JSON
    #[arg(long, conflicts_with = "emit")]
    pub json: bool,
}

/// `snnc passes`.
#[derive(Debug, Args)]
pub struct PassesArgs {
    /// Print the list as JSON
    #[arg(long)]
    pub json: bool,
}

/// `snnc fit`.
#[derive(Debug, Args)]
pub struct FitArgs {
    /// Model file (model.ron)
    pub model: PathBuf,
    /// Ask only these targets: built-in names or target files; may be repeated [default: every built-in target]
    #[arg(long, value_name = "TARGET")]
    pub target: Vec<String>,
    /// Bits of a weight, at most the target's [default: the target's]
    #[arg(long, value_name = "BITS")]
    pub weights: Option<u32>,
    /// Print the answer as JSON
    #[arg(long)]
    pub json: bool,
}

/// Intermediate forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// Layers with their shapes
    Graph,
    /// The spiking IR
    Spiking,
    /// The core-mapped program
    Program,
    /// Which neurons share a core, as --partition reads it
    Partition,
    /// Where the cores sit, as --placement reads it
    Placement,
}

/// What to run, and what to write.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Images to generate, by models with a pipeline [default: 4]
    #[arg(long)]
    pub images: Option<u64>,
    /// Seed of the host's random streams, one an image [default: 1]
    #[arg(long)]
    pub seed: Option<u64>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub samples: SampleArgs,
    /// Folder for images and tokens (or predictions.csv and readout.npy), timesteps.csv and report.json
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Timing model: none, analytic, cycle or cycle:1/N (one timestep of N, with its error)
    #[arg(long, default_value = "analytic", value_parser = fidelity)]
    pub timing: Fidelity,
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
    /// Samples for a model without a pipeline: a NumPy array [n, c, h, w] or [n, ...] of float32, float64 or uint8
    #[arg(long, value_name = "X.npy")]
    pub input: Option<PathBuf>,
    /// The network that is fed [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub network: Option<String>,
    /// Feed only the first N samples
    #[arg(id = "samples", long = "samples", value_name = "N")]
    pub count: Option<u64>,
    /// Classes of the samples: a NumPy array of int64, int32 or uint8, one a sample; the report then says the accuracy
    #[arg(long, value_name = "Y.npy")]
    pub labels: Option<PathBuf>,
}

/// What simulated packets to write down.
#[derive(Debug, Clone, Default, Args)]
pub struct TraceArgs {
    /// Write a row a simulated packet here (Parquet), with --timing cycle
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

/// `snnc simulate`.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Compiled program (.snnx)
    pub program: PathBuf,
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
    /// Model file (model.ron)
    pub model: PathBuf,
    /// Compare the float reference with these recorded traces; of a model without a pipeline those of --input
    #[arg(long, conflicts_with = "target", required_unless_present = "target")]
    pub golden: Option<PathBuf>,
    /// Compare the chip with the float reference
    #[arg(long)]
    pub target: Option<String>,
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
    /// One array of all images, or one file an image
    #[arg(long, value_enum, default_value = "npy")]
    pub format: Format,
    /// Folder for images and tokens.npy; that of a killed run continues it
    #[arg(long)]
    pub out: PathBuf,
}

/// How a set of images is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One array of all images
    Npy,
    /// One file an image
    Png,
}

impl From<Format> for streaming::ImageSetFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Npy => Self::Npy,
            Format::Png => Self::Png,
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

/// `snnc import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// State dict of the VQ-SVAE (.pth)
    #[arg(long)]
    pub vq: PathBuf,
    /// State dict of the denoiser (.pth)
    #[arg(long)]
    pub sdid: PathBuf,
    /// Height and width of the images, in pixels
    #[arg(long, default_value_t = 28)]
    pub image_size: usize,
    /// Folder for model.ron and the weights
    #[arg(short, long)]
    pub output: PathBuf,
    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
}

/// `snnc targets`.
#[derive(Debug, Args)]
pub struct TargetsArgs {
    #[command(subcommand)]
    #[allow(missing_docs)]
    pub action: Option<TargetsAction>,
}

/// What to do with targets; without one they are listed.
#[derive(Debug, Subcommand)]
pub enum TargetsAction {
    /// Print every constant with its provenance
    Show {
        /// Built-in name or path
        target: String,
        /// Print the target as JSON
        #[arg(long)]
        json: bool,
    },
    /// Check a target file
    Check {
        /// Path
        target: String,
        /// Print what is wrong as JSON
        #[arg(long)]
        json: bool,
    },
}

fn fidelity(text: &str) -> Result<Fidelity, String> {
    text.parse().map_err(|problem: Diagnostic| problem.message)
}

/// Recorded passes stay in memory, so there is a limit.
fn passes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(passes @ 0..=1024) => Ok(passes),
        _ => Err("expected 0 to 1024 passes".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_errors_quote_no_control_characters() {
        let escape = "\u{1b}[31m";
        for arguments in [
            vec!["snnc", escape],
            vec!["snnc", "fit", "m.ron", "--weights", escape],
            vec!["snnc", "compile", "m.ron", &format!("--{escape}")],
            vec!["snnc", "run", "m.ron", "--timing", &format!("cycle:{escape}")],
        ] {
            let error = parse_from(arguments.iter().map(OsString::from).collect()).unwrap_err();
            let text = error.render().to_string();
            assert!(!text.contains('\u{1b}') && text.contains('\u{241b}'), "{text:?}");
        }
    }
}
