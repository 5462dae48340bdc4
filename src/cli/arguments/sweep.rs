//! Arguments of sweeps and of what is put together of parts.

use std::path::PathBuf;

use clap::Args;

use crate::shard::Shard;

/// `snnc sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// What is varied (sweep.ron)
    pub sweep: PathBuf,
    /// Folder for the table; that of a stopped sweep continues it
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,
    /// Do only the I-th of N parts; `snnc merge` puts the folders of all parts together
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// Worker threads of all points together [default: all cores]; results do not depend on it
    #[arg(long)]
    pub threads: Option<usize>,
    /// Points at a time [default: as many as threads]; fewer take less memory
    #[arg(long, value_name = "POINTS")]
    pub jobs: Option<usize>,
}

/// `snnc merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Folders of the parts: of one command with --shard 1/N to --shard N/N
    #[arg(required = true, value_name = "DIR")]
    pub folders: Vec<PathBuf>,
    /// Folder for the whole
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,
}
