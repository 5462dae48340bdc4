//! Which chip a command is about, and what of it is to be different.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use snnc_targets::derived::Override;
use snnc_targets::{Diagnostic, Diagnostics, Target, registry};

/// A chip.
#[derive(Debug, Clone, Args)]
pub struct TargetArgs {
    /// Built-in target, or the path of a target file
    #[arg(id = "target", long = "target", value_name = "TARGET", default_value = "loihi-like")]
    pub name: String,
    /// Give a field of the target another value, such as core.synapse_memory_bits=2^20; may be repeated
    #[arg(long, value_name = "FIELD=VALUE")]
    pub set: Vec<String>,
}

impl TargetArgs {
    /// The chip, checked as a whole.
    ///
    /// # Errors
    /// Those of [`registry::load_with`], and texts that are no overrides.
    pub fn load(&self) -> Result<Target, Diagnostics> {
        registry::load_with(&self.name, &overrides(&self.set)?)
    }

    /// The files that it is described in.
    pub fn files(&self) -> Vec<PathBuf> {
        registry::files_of(&self.name)
    }
}

/// What `--set` says.
///
/// # Errors
/// Those of [`Override::of_option`].
pub fn overrides(set: &[String]) -> Result<Vec<Override>, Diagnostic> {
    set.iter().map(|text| Override::of_option("--set", text)).collect()
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
        /// Give a field another value, such as core.neurons=2^10; may be repeated
        #[arg(long, value_name = "FIELD=VALUE")]
        set: Vec<String>,
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
