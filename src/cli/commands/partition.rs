//! `snnc partition`: the multilevel partitioner on a hypergraph file, to stand beside others on the same file.

use std::process::ExitCode;
use std::time::Instant;

use snnc_compiler::mapping::hypergraph::{Blocks, Hypergraph, Limits, Options, hgr, partition};
use snnc_targets::output::{Inputs, write_atomic};
use snnc_targets::{Code, Diagnostic, Diagnostics, input};

use super::{files, json, print};
use crate::cli::arguments::PartitionArgs;
use crate::report::memory::peak_bytes;

/// What is printed.
#[derive(serde::Serialize)]
struct Outcome {
    schema: &'static str,
    vertices: usize,
    nets: usize,
    pins: usize,
    blocks: usize,
    km1: u64,
    /// Heaviest block by resource.
    block_weight_max: Vec<u64>,
    /// Partitioning alone, without reading the file.
    seconds: f64,
    peak_memory_bytes: u64,
}

pub fn run(args: &PartitionArgs) -> Result<ExitCode, Diagnostics> {
    let _inputs = Inputs::new([&args.hypergraph]);
    files::outputs(&[("--output", args.output.as_ref())])?;
    let graph = read(args)?;
    let limits = Limits { scalars: args.limit.clone(), covers: Vec::new() };
    let blocks = args.blocks.map_or(Blocks::Fewest, Blocks::Exactly);
    let start = Instant::now();
    let solution = partition(&graph, &limits, blocks, Options { effort: args.effort, seed: args.seed })?;
    let seconds = start.elapsed().as_secs_f64();
    let loads = Limits::loads(&graph, &solution.blocks, solution.count);
    let heaviest = |r: usize| loads.iter().skip(r).step_by(graph.resources).max().copied().unwrap_or(0);
    let outcome = Outcome {
        schema: "snnc.partition/1",
        vertices: graph.vertices(),
        nets: graph.incidence.nets(),
        pins: graph.incidence.pins(),
        blocks: solution.count,
        km1: graph.km1(&solution.blocks),
        block_weight_max: (0..graph.resources).map(heaviest).collect(),
        seconds,
        peak_memory_bytes: peak_bytes(),
    };
    if let Some(path) = &args.output {
        write_atomic(path, hgr::write_blocks(&solution.blocks).as_bytes())?;
    }
    print(&if args.json { json(&outcome) } else { text(&outcome) });
    Ok(ExitCode::SUCCESS)
}

fn read(args: &PartitionArgs) -> Result<Hypergraph, Diagnostic> {
    let path = &args.hypergraph;
    let name = path.display().to_string();
    let text = input::GRAPH.read_text(path)?;
    let graph = hgr::parse(&text, &name)?;
    if args.limit.len() != graph.resources {
        let message = format!("{} limits, but vertices have {} weights", args.limit.len(), graph.resources);
        return Err(Diagnostic::new(Code::Argument, "--limit", message)
            .hint("one limit a vertex weight, separated by commas"));
    }
    Ok(graph)
}

fn text(outcome: &Outcome) -> String {
    format!(
        "{} vertices, {} nets, {} pins\n{} blocks, heaviest {:?}\nkm1 {}\n{:.2} s\n",
        outcome.vertices,
        outcome.nets,
        outcome.pins,
        outcome.blocks,
        outcome.block_weight_max,
        outcome.km1,
        outcome.seconds
    )
}
