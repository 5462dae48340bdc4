//! Reports, partitions, placements, hypergraphs, blocks and flows.

use snnc::profile::rates;
use snnc_compiler::driver::{assemble, partition_of, placement_of};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::hypergraph::{Blocks, HypergraphOptions, Limits, hgr, partition};
use snnc_compiler::mapping::interchange::MappingFile;
use snnc_compiler::mapping::interchange::partition::PartitionFile;
use snnc_compiler::mapping::interchange::placement::PlacementFile;
use snnc_compiler::mapping::place::{HopCosts, PlaceOptions, arrange};
use snnc_compiler::mapping::{flows, report};
use snnc_targets::Topology;

use super::{Answer, all_told, models, programs, told};

/// Most cores that are placed here, and vertices that are partitioned.
const CORES_MAX: usize = 256;

fn first() -> &'static (SpikingIr, Program) {
    &programs::compiled()[0]
}

fn as_text(input: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(input).map_err(|_| "no text".into())
}

/// What a report says of the first model's layers.
pub fn report_seeds() -> Vec<Vec<u8>> {
    let layers = first().0.model.populations.keys().map(|id| {
        let name = first().0.model.layer_name(id);
        format!("{{\"name\": \"{name}\", \"neurons\": 18, \"spikes\": 40}}")
    });
    let layers = layers.collect::<Vec<_>>().join(", ");
    vec![
        format!("{{\"schema\": \"snnc.report/1\", \"totals\": {{\"images\": 2}}, \"layers\": [{layers}]}}")
            .into_bytes(),
    ]
}

/// Reads rates, and the whole report.
pub fn read_report(input: &[u8]) -> Answer {
    let _ = snnc::report::json::read(&models::file("report.json", input));
    rates(as_text(input)?, "fuzz", &first().0.model).map(drop).map_err(|problem| told(&problem))
}

/// Partitions of the seeds' programs.
pub fn partition_seeds() -> Vec<Vec<u8>> {
    let all = programs::compiled().iter();
    all.map(|(ir, program)| PartitionFile::new(ir, &partition_of(program)).to_text().into_bytes()).collect()
}

/// Reads a partition and builds it.
pub fn read_partition(input: &[u8]) -> Answer {
    let file = PartitionFile::from_text(as_text(input)?, "fuzz").map_err(|problem| told(&problem))?;
    let mut answer = Err(String::new());
    for (ir, program) in programs::compiled() {
        let built = file.resolve(ir).and_then(|partition| {
            assemble(ir, &program.target, &partition, |traffic| {
                Ok(snnc_compiler::mapping::place::place(
                    partition.cores.len(),
                    traffic,
                    &program.target,
                    PlaceOptions { seed: 0, effort: Effort::Fast },
                )?)
            })
        });
        match built {
            Ok(program) => answer = programs::read(&program.to_bytes()),
            Err(problems) if answer.is_err() => answer = Err(all_told(&problems)),
            Err(_) => (),
        }
    }
    answer
}

/// Placements of the seeds' programs.
pub fn placement_seeds() -> Vec<Vec<u8>> {
    let all = programs::compiled().iter();
    all.map(|(_, program)| PlacementFile::new(&placement_of(program), &program.target).to_text().into_bytes())
        .collect()
}

/// Reads a placement and builds the seeds' partitions with it.
pub fn read_placement(input: &[u8]) -> Answer {
    let file = PlacementFile::from_text(as_text(input)?, "fuzz").map_err(|problem| told(&problem))?;
    let mut answer = Err(String::new());
    for (ir, program) in programs::compiled() {
        let built = file
            .resolve(&program.target)
            .and_then(|placement| assemble(ir, &program.target, &partition_of(program), |_| Ok(placement)));
        match built {
            Ok(program) => answer = programs::read(&program.to_bytes()),
            Err(problems) if answer.is_err() => answer = Err(all_told(&problems)),
            Err(_) => (),
        }
    }
    answer
}

/// Hypergraphs with and without weights.
pub fn hgr_seeds() -> Vec<Vec<u8>> {
    let plain = "% a comment\n4 6\n1 2\n2 3 4\n5 6\n1 6\n";
    let weighed = "3 4 11\n2 1 2\n1 2 3 4\n5 1 4\n1 2\n3 4\n1 1\n2 2\n";
    [plain, weighed].map(|text| text.as_bytes().to_vec()).into()
}

/// Reads a hypergraph and partitions it.
pub fn read_hgr(input: &[u8]) -> Answer {
    let graph = hgr::parse(as_text(input)?, "fuzz").map_err(|problem| told(&problem))?;
    assert_eq!(hgr::parse(&hgr::write(&graph), "again").as_ref(), Ok(&graph));
    if graph.vertices() > CORES_MAX || graph.incidence.pins() > 16 * CORES_MAX {
        return Ok(());
    }
    let limits = Limits { scalars: vec![4; graph.resources], shared: Vec::new() };
    for blocks in [Blocks::Fewest, Blocks::Exactly(3)] {
        let found = partition(&graph, &limits, blocks, HypergraphOptions { effort: Effort::Fast, seed: 1 });
        let found = found.map_err(|problem| told(&problem))?;
        assert_eq!(graph.km1(&found.blocks), found.cost);
    }
    Ok(())
}

/// Blocks of ten vertices.
pub fn blocks_seeds() -> Vec<Vec<u8>> {
    vec![b"0\n1\n2\n0\n1\n2\n3\n3\n0\n1\n".to_vec()]
}

/// Reads blocks.
pub fn read_blocks(input: &[u8]) -> Answer {
    let blocks = hgr::parse_blocks(as_text(input)?, "fuzz", 10, 10).map_err(|problem| told(&problem))?;
    assert!(blocks.len() == 10 && blocks.iter().all(|block| block.0 < 10));
    Ok(())
}

/// Flows between six cores.
pub fn flows_seeds() -> Vec<Vec<u8>> {
    vec![b"# from to packets\n0 1 5\n1 2 7\n3 0 9\n4 5 1\n2 2 8\n5 0 100\n".to_vec()]
}

/// Reads flows and places their cores.
pub fn read_flows(input: &[u8]) -> Answer {
    let (cores, traffic) = flows::parse(as_text(input)?, "fuzz").map_err(|problem| told(&problem))?;
    if cores > CORES_MAX {
        return Ok(());
    }
    let mesh = Topology {
        mesh_columns: 16,
        mesh_rows: 8,
        cores_per_tile: 2,
        chip_columns: 1,
        chips: 1,
        interconnect: snnc_targets::Interconnect::MeshXy,
        input_port: None,
    };
    let options = PlaceOptions { seed: 0, effort: Effort::Fast };
    let sites = arrange(cores, &traffic, &mesh, HopCosts::UNIT, options);
    assert_eq!(sites.len(), cores);
    report::hops_bound(&traffic, &mesh);
    Ok(())
}
