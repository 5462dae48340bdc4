//! Networks as hypergraphs, and partitions of them as cores.

use crate::common;
use std::path::Path;

use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::Slice;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::hypergraph::from_ir::network_graph;
use snnc_compiler::mapping::hypergraph::{BlockId, Blocks, HypergraphOptions, Limits, partition};
use snnc_compiler::{driver, frontend};
use snnc_targets::Code;

#[test]
fn a_network_becomes_cores_under_all_limits() {
    let ir = common::network();
    let mut found = network_graph(&ir, NetworkId(0), 2).unwrap();
    // [4, 5, 5] -> [6, 5, 5] -> [3, 5, 5], and the first to the last; a net for each projection, none of read-outs.
    assert_eq!((found.graph.vertices(), found.graph.incidence.nets()), ((2 + 3 + 2) * 25, (2 + 3 + 2) * 25));
    // 3x3 on 5x5 is 13 x 13 connected positions; the first reaches 3 + 2 groups, the second 2.
    assert_eq!(found.axons.items.pins(), 169 * (2 * 5 + 3 * 2));
    assert_eq!(found.graph.incidence.pins(), found.axons.items.pins() + found.graph.incidence.nets());
    // Every weight of every kernel once.
    let weights: usize = ir.projections.values().map(|p| p.weights().len()).sum();
    assert_eq!(found.kernels.costs.iter().sum::<u64>(), weights as u64);
    found.graph.shared = vec![found.axons.clone(), found.kernels.clone()];
    let limits = Limits { scalars: vec![40], shared: vec![80, 280] };
    let options = HypergraphOptions { effort: Effort::Fast, seed: 3 };
    let solution = partition(&found.graph, &limits, Blocks::Exactly(24), options).unwrap();
    let loads = Limits::loads(&found.graph, &solution.blocks, solution.count);
    assert!(loads.chunks(3).all(|load| load[0] <= 40 && load[1] <= 80 && load[2] <= 280), "{loads:?}");
    let cores = found.to_partition(&ir, &solution.blocks);
    cores.verify(&ir).unwrap();
    assert!(cores.cores.values().all(|core| core.iter().map(Slice::neurons).sum::<u32>() <= 40));
    assert_eq!(network_graph(&ir, NetworkId(0), 0).unwrap_err().code, Code::Argument);
}

#[test]
fn the_denoiser_of_the_example_is_the_benchmark() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/spiking-diffusion-mnist/model.ron");
    let ir = driver::lower(&frontend::load(&model).unwrap(), &common::target(), Default::default()).unwrap();
    let sdid = ir.model.workload.as_ref().unwrap().networks["denoiser"].network;
    let found = network_graph(&ir, sdid, 16).unwrap();
    assert_eq!((found.graph.vertices(), found.graph.incidence.pins()), (4116, 489_104));
    assert!(found.graph.net_weights.iter().all(|&weight| weight == 16));
    let options = HypergraphOptions { effort: Effort::Fast, seed: 1 };
    let solution = partition(&found.graph, &Limits::scalar(530), Blocks::Exactly(128), options).unwrap();
    assert_eq!(solution.cost, found.graph.km1(&solution.blocks));
    assert!(solution.cost <= 305_000, "{}", solution.cost);
    let cores = found.to_partition(&ir, &solution.blocks);
    assert_eq!(cores.cores.len(), 128);
    let rest = ir.model.populations.iter().filter(|(_, p)| p.network != sdid).count();
    assert_eq!(cores.verify(&ir).unwrap_err().0.len(), rest, "only other networks are missing");
    let all: Vec<BlockId> = solution.blocks.iter().map(|_| BlockId(0)).collect();
    // All in one block: one box a population.
    assert_eq!(found.to_partition(&ir, &all).cores.values().next().unwrap().len(), 6);
}
