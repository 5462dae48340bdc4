//! `snnc partition`: the multilevel partitioner on a hypergraph file.

use std::process::ExitCode;

use snnc_compiler::mapping::hypergraph::{Blocks, HypergraphOptions};
use snnc_targets::Diagnostics;
use snnc_targets::output::{Inputs, write_atomic};
use snnc_targets::text_width::folded;

use super::{files, json, print};
use crate::cli::arguments::PartitionArgs;
use crate::cli::progress::Bar;
use crate::research::partition::{partition, partition_for_cores};

pub fn run(args: &PartitionArgs) -> Result<ExitCode, Diagnostics> {
    let _inputs = Inputs::new([&args.hypergraph].into_iter().chain(&args.limits));
    files::outputs(&[("--output", args.output.as_ref())])?;
    let blocks = args.blocks.map_or(Blocks::Fewest, Blocks::Exactly);
    let options = HypergraphOptions { effort: args.effort, seed: args.seed };
    let bar = Bar::waiting("reading the hypergraph");
    let partitioned = match &args.limits {
        Some(limits) => partition_for_cores(&args.hypergraph, limits, blocks, options, &bar)?,
        None => partition(&args.hypergraph, &args.limit, blocks, options, &bar)?,
    };
    drop(bar);
    if let Some(path) = &args.output {
        write_atomic(path, partitioned.file().as_bytes())?;
    }
    print(&if args.json { json(&partitioned) } else { folded(&partitioned.to_string()) });
    Ok(ExitCode::SUCCESS)
}
