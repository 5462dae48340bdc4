//! The multilevel partitioner on a hypergraph file, to stand beside others on the same file: under a limit for each
//! weight of a vertex, or under those of a core, as an exported limits file says them.

use std::fmt;
use std::path::Path;
use std::time::Instant;

use serde::Serialize;
use snnc_compiler::mapping::hypergraph::{
    self, BlockId, Blocks, Hypergraph, HypergraphOptions, Limits, Solution, hgr,
};
use snnc_compiler::mapping::interchange::MappingFile;
use snnc_compiler::mapping::interchange::limits::{CoreResource, Counted, LimitsFile};
use snnc_targets::{Code, Diagnostic, Diagnostics, NamedPart, Subject, input};

use crate::progress::{CompilerProgress, Progress};
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
    /// What the fullest block uses of each limit of a core; empty without a limits file.
    pub resources: Vec<ResourceUse>,
    /// Partitioning alone, without reading the file.
    pub seconds: f64,
    /// Of the process.
    pub peak_memory_bytes: u64,
    /// The block of each vertex.
    #[serde(skip)]
    pub assignment: Vec<BlockId>,
}

/// What the fullest block uses of a limit of a core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ResourceUse {
    /// The limit.
    pub name: String,
    /// Of the fullest block.
    pub used: u64,
    /// What a core has.
    pub most: u64,
    /// Why a verifier may count more, if it may.
    pub inexact: Option<String>,
}

impl ResourceUse {
    fn new((resource, used): (&CoreResource, u64)) -> Self {
        let inexact = match &resource.counted {
            Counted::Exactly => None,
            Counted::AtLeast(reason) | Counted::About(reason) => Some(reason.clone()),
        };
        Self { name: resource.name.clone(), used, most: resource.most, inexact }
    }
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
        writeln!(f, "{blocks} blocks, heaviest {block_weight_max:?}\nkm1 {km1}\n{seconds:.2} s")?;
        for ResourceUse { name, used, most, inexact } in &self.resources {
            writeln!(f, "{name}: at most {used} of {most}")?;
            if let Some(reason) = inexact {
                writeln!(f, "  not counted exactly: {reason}")?;
            }
        }
        Ok(())
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
    progress: &dyn Progress,
) -> Result<Partitioned, Diagnostics> {
    let text = input::GRAPH.read_text(path)?;
    partition_graph(&hgr::parse(&text, &path.display().to_string())?, limits, blocks, options, progress)
}

/// Partitions a hypergraph under limits, one a vertex weight; steps of the progress are visits of nets.
///
/// # Errors
/// What is wrong with the limits, or that no partition keeps them.
pub fn partition_graph(
    graph: &Hypergraph,
    limits: &[u64],
    blocks: Blocks,
    options: HypergraphOptions,
    progress: &dyn Progress,
) -> Result<Partitioned, Diagnostics> {
    check_limits(graph, limits)?;
    let limits = Limits { scalars: limits.to_vec(), shared: Vec::new() };
    let start = Instant::now();
    let observer = CompilerProgress::new(progress);
    let solution = hypergraph::partition_observed(graph, &limits, blocks, options, &observer)?;
    Ok(Partitioned::new(graph, solution, start))
}

/// How often limits are tightened before a hypergraph is refused.
const ATTEMPTS: usize = 12;

/// Partitions the hypergraph of a file (hMETIS) for cores with the limits of a file.
///
/// # Errors
/// What is wrong with the files, or that no partition was found that keeps the limits.
pub fn partition_for_cores(
    path: &Path,
    limits: &Path,
    blocks: Blocks,
    options: HypergraphOptions,
    progress: &dyn Progress,
) -> Result<Partitioned, Diagnostics> {
    let text = input::GRAPH.read_text(path)?;
    let graph = hgr::parse(&text, &path.display().to_string())?;
    partition_graph_for_cores(&graph, &LimitsFile::read(limits)?, blocks, options, progress)
}

/// Partitions a hypergraph for cores with the limits of a file. The partitioner knows sums and unions; the rest is
/// counted afterwards, and it gets less of what is exceeded until all blocks keep all limits.
///
/// # Errors
/// What is wrong with the limits, or that no partition was found that keeps them.
pub fn partition_graph_for_cores(
    graph: &Hypergraph,
    file: &LimitsFile,
    blocks: Blocks,
    options: HypergraphOptions,
    progress: &dyn Progress,
) -> Result<Partitioned, Diagnostics> {
    file.check(graph)?;
    let start = Instant::now();
    let mut shares = vec![1.0; file.resources.len()];
    let mut exceeded = String::new();
    for _ in 0..ATTEMPTS {
        let (problem, limits) = file.problem(graph, &shares)?;
        let observer = CompilerProgress::new(progress);
        let solution = hypergraph::partition_observed(&problem, &limits, blocks, options, &observer)?;
        let uses = file.uses(graph, &solution.blocks, solution.count);
        let fullest = |row: &Vec<u64>| row.iter().copied().max().unwrap_or(0);
        exceeded.clear();
        for ((resource, used), share) in file.resources.iter().zip(uses.iter().map(fullest)).zip(&mut shares)
        {
            if used > resource.most {
                exceeded = format!("a block uses {used} {}, a core has {}", resource.name, resource.most);
                *share *= (resource.most as f64 / used as f64).max(0.5) * 0.98;
            }
        }
        let widest = uses.last().map_or(0, fullest);
        if let Some(most) = file.run_max.filter(|&most| widest > most.into()) {
            exceeded = format!("an axon of {widest} neurons, a core tells {most} apart");
            // Fewer neurons of a position come together where blocks are smaller.
            shares.iter_mut().for_each(|share| *share *= 0.9);
        }
        if exceeded.is_empty() {
            let used = solution.blocks.iter().collect::<std::collections::BTreeSet<_>>().len() as u64;
            if used > file.cores {
                exceeded = format!("{used} blocks, all chips have {} cores", file.cores);
                break;
            }
            let mut partitioned = Partitioned::new(graph, solution, start);
            partitioned.resources =
                file.resources.iter().zip(uses.iter().map(fullest)).map(ResourceUse::new).collect();
            return Ok(partitioned);
        }
    }
    Err(Diagnostic::new(Code::DoesNotFit, NamedPart::Hypergraph, exceeded)
        .hint("allow more blocks (--blocks), make smaller vertices (export --group), or choose larger cores")
        .into())
}

impl Partitioned {
    fn new(graph: &Hypergraph, solution: Solution, start: Instant) -> Self {
        let seconds = start.elapsed().as_secs_f64();
        let mut heaviest = vec![0; graph.resources];
        let mut loads = vec![0u64; solution.count * graph.resources];
        for (vertex, block) in graph.incidence.all_vertices().zip(&solution.blocks) {
            let first = block.0 as usize * graph.resources;
            loads[first..].iter_mut().zip(graph.weight(vertex)).for_each(|(load, weight)| *load += weight);
        }
        for load in loads.chunks(graph.resources) {
            heaviest.iter_mut().zip(load).for_each(|(most, &load)| *most = load.max(*most));
        }
        Self {
            schema: "snnc.partition/1",
            vertices: graph.vertices(),
            nets: graph.incidence.nets(),
            pins: graph.incidence.pins(),
            blocks: solution.count,
            km1: graph.km1(&solution.blocks),
            block_weight_max: heaviest,
            resources: Vec::new(),
            seconds,
            peak_memory_bytes: peak_bytes(),
            assignment: solution.blocks,
        }
    }
}

fn check_limits(graph: &Hypergraph, limits: &[u64]) -> Result<(), Diagnostic> {
    if limits.len() == graph.resources {
        return Ok(());
    }
    let message = format!("{} limits, but vertices have {} weights", limits.len(), graph.resources);
    Err(Diagnostic::new(Code::Argument, Subject::argument("--limit"), message)
        .hint("one limit a vertex weight, separated by commas"))
}
