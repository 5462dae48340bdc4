//! What the user says about the mapping: objective, recorded rates, partitions and placements from files.

use std::path::Path;

use snnc_compiler::driver::Given;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::mapping::Partition;
use snnc_compiler::mapping::hypergraph::from_ir::network_graph;
use snnc_compiler::mapping::hypergraph::hgr;
use snnc_compiler::mapping::interchange::MappingFile;
use snnc_compiler::mapping::interchange::partition::PartitionFile;
use snnc_compiler::mapping::interchange::placement::PlacementFile;
use snnc_compiler::mapping::partition::Rates;
use snnc_compiler::mapping::partition::search::{Method, Objective, SearchOptions, search_some};
use snnc_targets::{Code, Diagnostic, Diagnostics, Target, input};

use crate::cli::arguments::{Goal, MappingArgs, Partitioner};
use crate::profile;

/// Search options as asked for.
pub fn search(args: &MappingArgs) -> SearchOptions {
    let objective = match args.objective {
        Goal::Cores => Objective::Cores,
        Goal::Packets => Objective::Packets,
    };
    let method = match args.partitioner {
        Partitioner::Auto => Method::Auto,
        Partitioner::Tiles => Method::Tiles,
        Partitioner::Hypergraph => Method::Hypergraph { group: args.group },
    };
    SearchOptions { objective, method, effort: args.effort, ..SearchOptions::default() }
}

/// Reads the files that `args` names.
pub fn given(args: &MappingArgs, ir: &SpikingIr, target: &Target) -> Result<Given, Diagnostics> {
    let mut given = Given::default();
    if let Some(path) = &args.profile {
        given.rates = profile::read(path, ir)?;
    }
    if let Some(path) = &args.partition {
        let ron = path.extension().is_some_and(|extension| extension == "ron");
        if let (true, Some(name)) = (ron, &args.partition_network) {
            let message = "a partition file names its layers; only blocks are of one network";
            return Err(Diagnostic::new(Code::Argument, format!("--partition-network {name}"), message)
                .hint("leave it out")
                .into());
        }
        let partition = if ron {
            PartitionFile::read(path)?.resolve(ir).map_err(|problems| in_file(path, problems))?
        } else {
            from_blocks(args, path, ir, target, &given.rates)?
        };
        partition.verify(ir).map_err(|problems| in_file(path, problems))?;
        given.partition = Some(partition);
    }
    if let Some(path) = &args.placement {
        let placement = PlacementFile::read(path)?.resolve(target);
        given.placement = Some(placement.map_err(|problems| in_file(path, problems))?);
    }
    Ok(given)
}

/// What is wrong with the cores of a program, told of the file that put neurons onto them: not the compiler's fault
/// then, but the file's.
pub fn of_partition(args: &MappingArgs, mut problems: Diagnostics) -> Diagnostics {
    if args.partition.is_some() || args.placement.is_some() {
        for problem in problems.0.iter_mut().filter(|problem| problem.code == Code::ProgramInvalid) {
            problem.code = Code::MappingInvalid;
        }
    }
    match &args.partition {
        Some(path) => in_file(path, problems),
        None => problems,
    }
}

/// Problems with cores, projections and layers that a file names: its place comes first.
fn in_file(path: &Path, mut problems: Diagnostics) -> Diagnostics {
    let file = path.display().to_string();
    for problem in problems.0.iter_mut().filter(|problem| !problem.place.as_str().starts_with(&file)) {
        problem.place = format!("{file}: {}", problem.place).into();
    }
    problems
}

/// A partition from the blocks of one network's hypergraph; other networks are searched.
fn from_blocks(
    args: &MappingArgs,
    path: &Path,
    ir: &SpikingIr,
    target: &Target,
    rates: &Rates,
) -> Result<Partition, Diagnostics> {
    // What narrower weights take is the target's to say.
    let target = &target.for_weight_bits(ir.model.neuron.weight_bits);
    let network = super::export::choose(&ir.model, "--partition-network", args.partition_network.as_deref())?;
    let graph = network_graph(ir, network, args.group)?;
    let text = input::GRAPH.read_text(path)?;
    let vertices = graph.groups.len();
    let blocks = hgr::parse_blocks(&text, &path.display().to_string(), vertices, vertices)
        .map_err(|problem| problem.hint("a hand-written partition must be named .ron; --group and --partition-network must be those of `snnc export`"))?;
    let mut partition = graph.to_partition(ir, &blocks);
    let others = ir.model.networks.keys().filter(|&other| other != network);
    partition.extend(search_some(ir, target, rates, search(args), others)?.partition);
    Ok(partition)
}
