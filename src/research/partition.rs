//! The multilevel partitioner on a hypergraph file, to stand beside others on the same file.

use std::fmt;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use snnc_compiler::mapping::hypergraph::{self, BlockId, Blocks, Hypergraph, HypergraphOptions, Limits, hgr};
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, input};

use crate::report::memory::peak_bytes;

/// What partitioning gave.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Partitioned {
    /// Schema of the JSON form.
    pub schema: &'static str,
    /// Vertices of the hypergraph.
    pub vertices: usize,
    /// Its nets.
    pub nets: usize,
    /// Its pins.
    pub pins: usize,
    /// Blocks.
    pub blocks: usize,
    /// Sum over nets of weight x (blocks - 1).
    pub km1: u64,
    /// Heaviest block by resource.
    pub block_weight_max: Vec<u64>,
    /// Partitioning alone, without reading the file.
    pub seconds: f64,
    /// Of the process.
    pub peak_memory_bytes: u64,
    /// The block of each vertex.
    #[serde(skip)]
    pub assignment: Vec<BlockId>,
}

impl Partitioned {
    /// The block of each vertex, one a line.
    pub fn file(&self) -> String {
        hgr::write_blocks(&self.assignment)
    }
}

impl fmt::Display for Partitioned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { vertices, nets, pins, blocks, km1, block_weight_max, seconds, .. } = self;
        writeln!(f, "{vertices} vertices, {nets} nets, {pins} pins")?;
        writeln!(f, "{blocks} blocks, heaviest {block_weight_max:?}\nkm1 {km1}\n{seconds:.2} s")
    }
}

/// Partitions the hypergraph of a file (hMETIS) under limits, one a vertex weight.
///
/// # Errors
/// What is wrong with file or limits, or that no partition keeps them.
pub fn partition(
    path: &Path,
    limits: &[u64],
    blocks: Blocks,
    options: HypergraphOptions,
) -> Result<Partitioned, Diagnostics> {
    let text = input::GRAPH.read_text(path)?;
    partition_graph(&hgr::parse(&text, &path.display().to_string())?, limits, blocks, options)
}

/// Partitions a hypergraph under limits, one a vertex weight.
///
/// # Errors
/// What is wrong with the limits, or that no partition keeps them.
pub fn partition_graph(
    graph: &Hypergraph,
    limits: &[u64],
    blocks: Blocks,
    options: HypergraphOptions,
) -> Result<Partitioned, Diagnostics> {
    check_limits(graph, limits)?;
    let limits = Limits { scalars: limits.to_vec(), shared: Vec::new() };
    let start = Instant::now();
    let solution = hypergraph::partition(graph, &limits, blocks, options)?;
    let seconds = start.elapsed().as_secs_f64();
    let loads = Limits::loads(graph, &solution.blocks, solution.count);
    let heaviest = |r: usize| loads.iter().skip(r).step_by(graph.resources).max().copied().unwrap_or(0);
    Ok(Partitioned {
        schema: "snnc.partition/1",
        vertices: graph.vertices(),
        nets: graph.incidence.nets(),
        pins: graph.incidence.pins(),
        blocks: solution.count,
        km1: graph.km1(&solution.blocks),
        block_weight_max: (0..graph.resources).map(heaviest).collect(),
        seconds,
        peak_memory_bytes: peak_bytes(),
        assignment: solution.blocks,
    })
}

fn check_limits(graph: &Hypergraph, limits: &[u64]) -> Result<(), Diagnostic> {
    if limits.len() == graph.resources {
        return Ok(());
    }
    let message = format!("{} limits, but vertices have {} weights", limits.len(), graph.resources);
    Err(Diagnostic::new(Code::Argument, Subject::argument("--limit"), message)
        .hint("one limit a vertex weight, separated by commas"))
}
