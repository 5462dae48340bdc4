//! Arguments of the commands that compile or check a model.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{MappingArgs, NirArgs, TargetArgs};

/// A model and a chip.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// Model file (model.ron), or NIR file
    pub model: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub nir: NirArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub target: TargetArgs,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub quantise: QuantiseArgs,
}

/// How weights are rounded, and what the compiler may add to a network.
#[derive(Debug, Clone, Default, Args)]
pub struct QuantiseArgs {
    /// Bits of a weight, at most the target's [default: the target's]
    #[arg(long, value_name = "BITS")]
    pub weights: Option<u32>,
    /// Passes (of the generation loop, or of the first samples of --calibrate-input) recorded in floats so that
    /// rounding keeps the currents; 0 keeps sums of weights instead [default: 16 below 8 bits, else 0]
    #[arg(long, value_name = "PASSES", value_parser = passes)]
    pub calibrate: Option<usize>,
    /// Samples such as a model without a pipeline will be fed, in a file as --input takes it: --calibrate records them,
    /// and the biases of first layers are made for their range [default: none are recorded, and the range is -1 to 1]
    #[arg(long, value_name = "FILE")]
    pub calibrate_input: Option<PathBuf>,
    /// The network that --calibrate-input is for [default: the only one]
    #[arg(long, value_name = "NAME", requires = "calibrate_input")]
    pub calibrate_network: Option<String>,
    /// Refuse paths on which spikes wait longer than the chip's delays [default: relay neurons repeat them]
    #[arg(long)]
    pub no_relays: bool,
    /// What becomes of loops that leave a spike fewer timesteps than they have layers of neurons
    #[arg(long, value_enum, default_value = "model")]
    pub feedback: Feedback,
}

/// Whose delays hold in loops that are shorter in the network than on the chip.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Feedback {
    /// The model's: they are refused, since the chip has no exact form of them
    #[default]
    Model,
    /// The chip's: feedback acts later than in the model, which is said
    Chip,
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
    /// Model file (model.ron), or NIR file
    pub model: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub nir: NirArgs,
    /// Ask only these targets: built-in names or target files; may be repeated [default: every built-in target]
    #[arg(long, value_name = "TARGET")]
    pub target: Vec<String>,
    /// Ask as if a field of the targets had another value, such as core.neurons=2^10; may be repeated
    #[arg(long, value_name = "FIELD=VALUE")]
    pub set: Vec<String>,
    /// Bits of a weight, at most the target's [default: the target's]
    #[arg(long, value_name = "BITS")]
    pub weights: Option<u32>,
    /// Refuse paths on which spikes wait longer than the chip's delays [default: relay neurons repeat them]
    #[arg(long)]
    pub no_relays: bool,
    /// What becomes of loops that leave a spike fewer timesteps than they have layers of neurons
    #[arg(long, value_enum, default_value = "model")]
    pub feedback: Feedback,
    /// Map for every objective on each target, and show what the mappings take side by side
    #[arg(long)]
    pub objectives: bool,
    /// With --objectives: samples as they will be run, as `snnc run` takes them; the first of them say how busy cores
    /// are. Of a NIR file also the timesteps, if they are spikes [n, t, ...]
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// Take --input for an event list and put its events into timesteps of this length, in the unit of their times
    #[arg(long, value_name = "LENGTH", requires = "input", allow_negative_numbers = true)]
    pub dt: Option<f64>,
    /// The network that --input is for [default: the only one]
    #[arg(long, value_name = "NAME", requires = "input")]
    pub network: Option<String>,
    /// With --objectives and one target: write time and energy over cores here, as CSV
    #[arg(long, value_name = "FILE", requires = "objectives")]
    pub pareto: Option<PathBuf>,
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

/// Recorded passes stay in memory, so there is a limit.
fn passes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(passes @ 0..=1024) => Ok(passes),
        _ => Err("expected 0 to 1024 passes".into()),
    }
}
