//! Seeded random hypergraphs for tests.

use super::graph::{Hypergraph, Incidence, SharedResource, VertexId};
use crate::random::SplitMix64;

/// Nets of 2 to 6 pins with weights of 1 to 4; vertex weights of 1 to 3.
pub fn random_graph(seed: u64, vertices: usize, nets: usize, resources: usize) -> Hypergraph {
    let mut random = SplitMix64::stream(seed, 99);
    let incidence = random_incidence(&mut random, vertices, nets);
    let net_weights = (0..nets).map(|_| 1 + random.below(4) as u64).collect();
    let vertex_weights = (0..vertices * resources).map(|_| 1 + random.below(3) as u64).collect();
    Hypergraph::new(incidence, net_weights, vertex_weights, resources, Vec::new()).unwrap()
}

/// A graph of [`random_graph`] with a shared resource of random items.
pub fn random_with_shared_resource(seed: u64, vertices: usize, nets: usize) -> Hypergraph {
    let mut graph = random_graph(seed, vertices, nets, 1);
    let mut random = SplitMix64::stream(seed, 100);
    let items = random_incidence(&mut random, vertices, vertices / 3);
    let costs = (0..items.nets()).map(|_| 1 + random.below(5) as u64).collect();
    graph.shared.push(SharedResource { items, costs });
    graph
}

fn random_incidence(random: &mut SplitMix64, vertices: usize, nets: usize) -> Incidence {
    let (mut starts, mut pins) = (vec![0], Vec::new());
    for _ in 0..nets {
        for _ in 0..2 + random.below(5) {
            pins.push(VertexId(random.below(vertices) as u32));
        }
        starts.push(pins.len());
    }
    Incidence::new(vertices, &starts, pins).unwrap()
}
