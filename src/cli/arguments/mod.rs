//! The arguments of the command line; [`super::commands`] acts on them. Exit codes: docs/outputs.md.

mod compiling;
mod mapping;
mod nir;
mod reporting;
mod research;
mod running;
mod sweep;
mod target;
mod version;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use snnc_targets::diagnostic::one_line;

pub use compiling::{CompileArgs, Emit, Feedback, FitArgs, ModelArgs, PassesArgs, QuantiseArgs};
pub use mapping::{Goal, MappingArgs, Partitioner};
pub use nir::{FiringComparison, NirArgs};
pub use reporting::{CompareArgs, ReportArgs, ViewArgs};
pub use research::{ExportArgs, ExportFormat, PartitionArgs, PlaceArgs};
pub use running::{
    GenerateArgs, OverRanks, ReconstructArgs, RunArgs, SampleArgs, SetArgs, SetFormat, SimulateArgs,
    TraceArgs, VerifyArgs,
};
pub use sweep::{MergeArgs, SweepArgs};
pub use target::{TargetArgs, TargetsAction, TargetsArgs, overrides};

/// Compiler and simulator for spiking networks on neuromorphic chips.
#[derive(Debug, Parser)]
#[command(name = "snnc", version, long_version = version::long(), about, propagate_version = true)]
pub struct Cli {
    /// Print errors only, and what was asked for as data (--json, --emit, lists)
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Print everything that is known of a run, not the headline and the bill alone
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Parses arguments, the first of which is the name of the command. An error quotes them only after their control
/// characters were made visible.
///
/// # Errors
/// Usage errors; help and version, which clap hands out as errors too.
pub fn parse_from(arguments: Vec<OsString>) -> Result<Cli, clap::Error> {
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
            Self::Report(args) => args.json,
            Self::Compare(args) => args.json,
            Self::Passes(args) => args.json,
            Self::Targets(args) => {
                matches!(
                    args.action,
                    Some(TargetsAction::Show { json: true, .. } | TargetsAction::Check { json: true, .. })
                )
            }
            Self::Generate(_)
            | Self::Sweep(_)
            | Self::Merge(_)
            | Self::Export(_)
            | Self::View(_)
            | Self::Completions { .. }
            | Self::Man { .. }
            | Self::Explain { .. } => false,
        }
    }
}

impl Command {
    /// Whether what is printed was asked for as data, so that it is printed even if the user wants errors only.
    pub fn prints_data(&self) -> bool {
        let shown = match self {
            Self::Compile(args) => args.emit.is_some() || args.emit_after.is_some(),
            Self::Passes(_)
            | Self::Targets(_)
            | Self::Completions { .. }
            | Self::Man { out: None }
            | Self::Explain { .. } => true,
            _ => false,
        };
        shown || self.json()
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
    Run(Box<RunArgs>),
    /// Show what a run left behind: its report, or a page for a browser; of several side by side
    Report(ReportArgs),
    /// Compare runs in the terminal: target, options, mapping, counts, time, energy, with ratios
    Compare(CompareArgs),
    /// Show a compiled program on the terminal: its mesh, layers, cores and limits
    View(ViewArgs),
    /// Compare the float reference with recorded traces, or with the chip
    Verify(VerifyArgs),
    /// Stream a whole set of images to disk, for statistics; continues a killed run
    Generate(SetArgs),
    /// Vary fields of the target, bits of a weight and the mapping; a row for each point, and what nothing beats
    Sweep(SweepArgs),
    /// Put the parts of a sweep, a set of images, a run of samples or a comparison together
    Merge(MergeArgs),
    /// Encode and decode images on the chip; compare them with the input and with the float model
    Reconstruct(ReconstructArgs),
    /// Make a model of a NIR file, of a description and a state dict, or of the checkpoints of Spiking-Diffusion
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
    /// Print the completions of a shell: `snnc completions bash > /etc/bash_completion.d/snnc`
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual, or write a page for each subcommand into a folder
    Man {
        /// Folder for snnc.1, snnc-run.1 and so on
        #[arg(short, long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Explain the code of an error or warning
    Explain {
        /// For example E0007
        code: String,
    },
}

/// `snnc import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// NIR file (net.nir)
    #[arg(id = "nir_file", value_name = "NIR", conflicts_with_all = ["pth", "like", "vq", "sdid", "image_size"])]
    pub nir: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub reading: NirArgs,
    /// State dict of any network (.pth or .safetensors)
    #[arg(long, requires = "like", conflicts_with_all = ["vq", "sdid", "image_size"])]
    pub pth: Option<PathBuf>,
    /// Description of that network: a model.ron whose layers name the keys of the state dict
    #[arg(long, requires = "pth")]
    pub like: Option<PathBuf>,
    /// State dict of the VQ-SVAE of Spiking-Diffusion (.pth)
    #[arg(long, required_unless_present_any = ["pth", "nir_file"], requires = "sdid")]
    pub vq: Option<PathBuf>,
    /// State dict of its denoiser (.pth)
    #[arg(long, requires = "vq")]
    pub sdid: Option<PathBuf>,
    /// Height and width of its images, in pixels [default: 28]
    #[arg(long)]
    pub image_size: Option<usize>,
    /// Folder for model.ron and the weights
    #[arg(short, long)]
    pub output: PathBuf,
    /// Print what was found as JSON
    #[arg(long)]
    pub json: bool,
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
