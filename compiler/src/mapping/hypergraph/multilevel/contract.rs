//! Contraction: the problem whose vertices are the clusters of another one.
//!
//! Nets inside one cluster are dropped and nets with the same pins are joined, which shrinks layered networks far
//! faster than their vertices.

use crate::mapping::hypergraph::graph::{Hypergraph, Incidence, NetId, SharedResource, VertexId};
use crate::random::mix;

/// The problem whose vertices are the clusters.
pub fn contract(graph: &Hypergraph, clusters: &[VertexId], count: usize) -> Hypergraph {
    let resources = graph.resources;
    let mut vertex_weights = vec![0; count * resources];
    for (v, cluster) in clusters.iter().enumerate() {
        for r in 0..resources {
            vertex_weights[cluster.0 as usize * resources + r] += graph.vertex_weights[v * resources + r];
        }
    }
    let (incidence, net_weights) = contract_nets(&graph.incidence, &graph.net_weights, clusters, count, 2);
    let shared = graph.shared.iter().map(|resource| {
        let (items, costs) = contract_nets(&resource.items, &resource.costs, clusters, count, 1);
        SharedResource { items, costs }
    });
    let shared = shared.collect();
    Hypergraph { incidence, net_weights, vertex_weights, resources, shared }
}

/// Nets over clusters; those with fewer than `least` pins are dropped, those with the same pins joined.
fn contract_nets(
    nets: &Incidence,
    weights: &[u64],
    clusters: &[VertexId],
    count: usize,
    least: usize,
) -> (Incidence, Vec<u64>) {
    let mut pins: Vec<VertexId> = Vec::new();
    let mut rows: Vec<(u64, NetId, usize, usize)> = Vec::new();
    let mut seen = vec![u32::MAX; count];
    for net in nets.all_nets() {
        let first = pins.len();
        let mut hash = 0u64;
        for pin in nets.pins_of(net) {
            let cluster = clusters[pin.0 as usize];
            if std::mem::replace(&mut seen[cluster.0 as usize], net.0) != net.0 {
                pins.push(cluster);
                hash = hash.wrapping_add(mix(u64::from(cluster.0) + 1));
            }
        }
        if pins.len() - first < least {
            pins.truncate(first);
            continue;
        }
        pins[first..].sort_unstable();
        rows.push((hash, net, first, pins.len()));
    }
    rows.sort_unstable();
    let (mut kept, mut starts, mut sums) = (Vec::with_capacity(pins.len() / 2), vec![0], Vec::<u64>::new());
    let mut run: Vec<(usize, usize, usize)> = Vec::new();
    let mut last = None;
    for (hash, net, first, end) in rows {
        if last != Some(hash) {
            run.clear();
            last = Some(hash);
        }
        let row = &pins[first..end];
        let same = run.iter().find(|&&(_, from, to)| kept[from..to] == *row);
        if let Some(&(at, ..)) = same {
            sums[at] += weights[net.0 as usize];
            continue;
        }
        run.push((sums.len(), kept.len(), kept.len() + row.len()));
        kept.extend_from_slice(row);
        starts.push(kept.len());
        sums.push(weights[net.0 as usize]);
    }
    let incidence = Incidence::new(count, &starts, kept).expect("invariant: clusters are below their number");
    (incidence, sums)
}
