//! Arguments that say what a NIR file leaves open.

use clap::{Args, ValueEnum};
use snnc_compiler::frontend::nir::{Dialect, ReadOut, ResetRule};

/// How to read a NIR file (net.nir); of other models none of it is taken.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "NIR files")]
pub struct NirArgs {
    /// Whose conventions the file is read by: snntorch, spikingjelly, norse, sinabs, rockpool, lava, nengo or exact
    /// [default: guessed where the file makes it certain]
    #[arg(long, value_name = "NAME", value_parser = dialect)]
    pub dialect: Option<Dialect>,
    /// Timesteps of a pass [default: those of --input, if it holds spikes [n, t, ...]]
    #[arg(long, value_name = "N")]
    pub timesteps: Option<usize>,
    /// Seconds of a timestep [default: the dialect's]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub nir_dt: Option<f64>,
    /// What a spike does: hard, subtract, none, or in the next step hard-next, subtract-next, blank-next
    /// [default: the dialect's]
    #[arg(long, value_name = "KIND", value_parser = reset)]
    pub reset: Option<ResetRule>,
    /// Whether neurons fire at the threshold, or above it only [default: the dialect's]
    #[arg(long, value_enum)]
    pub compare: Option<FiringComparison>,
    /// The input is one map that is held over the timesteps, not spikes
    #[arg(long)]
    pub constant_input: bool,
    /// The network's result [default: of neurons that fire their spike count, of others their last membrane]
    #[arg(long, value_enum)]
    pub readout: Option<NirReadOut>,
}

/// When a neuron fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FiringComparison {
    /// At the threshold or above it
    At,
    /// Above the threshold only
    Above,
}

/// What of a series is the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NirReadOut {
    /// The sum over time; of spikes their count
    Sum,
    /// The mean over time
    Mean,
    /// The value of the last timestep
    Last,
}

impl From<NirReadOut> for ReadOut {
    fn from(read_out: NirReadOut) -> Self {
        match read_out {
            NirReadOut::Sum => Self::Sum,
            NirReadOut::Mean => Self::Mean,
            NirReadOut::Last => Self::Last,
        }
    }
}

fn dialect(text: &str) -> Result<Dialect, String> {
    text.parse()
}

fn reset(text: &str) -> Result<ResetRule, String> {
    text.parse()
}
