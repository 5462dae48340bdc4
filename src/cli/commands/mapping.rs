//! What the user says about the mapping, as the library takes it.

use snnc_compiler::mapping::partition::search::{Method, Objective, SearchOptions};

use crate::cli::arguments::{Goal, MappingArgs, Partitioner};
use crate::mapping_files::MappingFiles;

/// Search options as asked for.
pub fn search(args: &MappingArgs) -> SearchOptions {
    let objective = match args.objective {
        Goal::Time => Objective::Time,
        Goal::Energy => Objective::Energy,
        Goal::Edp => Objective::Edp,
        Goal::Traffic => Objective::Traffic,
        Goal::Cores => Objective::Cores,
        Goal::Packets => Objective::Packets,
    };
    let method = match args.partitioner {
        Partitioner::Auto => Method::Auto,
        Partitioner::Tiles => Method::Tiles,
        Partitioner::Hypergraph => Method::Hypergraph { group: args.group },
    };
    SearchOptions {
        objective,
        method,
        effort: args.effort,
        neurons_max: None,
        cores_max: args.cores,
        chips: args.chips,
        whole_kernels: false,
    }
}

/// The files that are named.
pub fn files(args: &MappingArgs) -> MappingFiles {
    MappingFiles {
        profile: args.profile.clone(),
        partition: args.partition.clone(),
        network: args.partition_network.clone(),
        group: args.group,
        placement: args.placement.clone(),
        ..MappingFiles::default()
    }
}
