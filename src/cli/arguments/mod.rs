//! The arguments of the command line; [`super::commands`] acts on them. Exit codes: docs/outputs.md.

mod compiling;
mod mapping;
mod nir;
mod research;
mod running;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use snnc_targets::diagnostic::one_line;

pub use compiling::{CompileArgs, Emit, FitArgs, ModelArgs, PassesArgs, QuantiseArgs};
pub use mapping::{Goal, MappingArgs, Partitioner};
pub use nir::{Comparison, NirArgs};
pub use research::{ExportArgs, ExportFormat, PartitionArgs, PlaceArgs};
pub use running::{
    GenerateArgs, ReconstructArgs, RunArgs, SampleArgs, SetArgs, SetFormat, SimulateArgs, TraceArgs,
    VerifyArgs,
};

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
    Run(Box<RunArgs>),
    /// Compare the float reference with recorded traces, or with the chip
    Verify(VerifyArgs),
    /// Stream a whole set of images to disk, for statistics; continues a killed run
    Generate(SetArgs),
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
