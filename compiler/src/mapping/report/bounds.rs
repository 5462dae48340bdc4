//! Lower bounds, so that a reader sees how far a mapping is from the best thinkable.

use snnc_targets::{Target, Topology};

use super::Bound;
use crate::ir::program::usage::list_bits;
use crate::ir::spiking::SpikingIr;
use crate::mapping::traffic::Traffic;

/// Least cores by neurons and by weights that are stored once; a core serves one network.
pub fn cores(ir: &SpikingIr, target: &Target) -> Vec<Bound> {
    let mut by_neurons = 0;
    let mut by_weights = 0;
    for network in ir.model.networks.keys() {
        let neurons: u64 = ir.model.populations_of(network).map(|(_, p)| p.shape.len() as u64).sum();
        let weights = ir.projections.values().filter(|p| ir.model.populations[p.target].network == network);
        let bits: u64 = weights.map(|p| list_bits(target, 0, p.kernel.weights.len() as u64)).sum();
        by_neurons += neurons.div_ceil(target.core.neurons.get().into());
        by_weights += bits.div_ceil(target.core.synapse_memory_bits.get());
    }
    vec![
        Bound { by: "neurons".into(), least: by_neurons },
        Bound { by: "weights stored once".into(), least: by_weights },
    ]
}

/// Least all-fire packets: a spike needs as many destination cores as its target neurons fill.
pub fn packets(ir: &SpikingIr, target: &Target) -> u64 {
    let capacity = u64::from(target.core.neurons.get());
    let mut packets = 0;
    for (id, population) in ir.model.populations.iter() {
        let outgoing: Vec<_> = ir.projections.values().filter(|p| p.source == id).collect();
        for y in 0..population.shape.height {
            for x in 0..population.shape.width {
                // Positions that several projections reach count once.
                let mut reached = std::collections::BTreeMap::new();
                for p in &outgoing {
                    for (ty, _) in p.map.rows.reach(y, 0..p.map.rows.output) {
                        for (tx, _) in p.map.cols.reach(x, 0..p.map.cols.output) {
                            reached.insert((p.target, ty, tx), p.kernel.outputs as u64);
                        }
                    }
                }
                let targets: u64 = reached.values().sum();
                packets += targets.div_ceil(capacity) * population.shape.channels as u64;
            }
        }
    }
    packets
}

/// Least packets x hops of any placement of these cores: each core alone has its heaviest partners nearest, on a
/// mesh without borders (4 d tiles at distance d).
pub fn hops(traffic: &Traffic, topology: &Topology) -> u64 {
    let per_tile = topology.cores_per_tile as usize;
    let mut by_source: std::collections::BTreeMap<u32, Vec<u64>> = std::collections::BTreeMap::new();
    for (&(from, _), &packets) in &traffic.flows {
        by_source.entry(from.0).or_default().push(packets);
    }
    let mut total = 0;
    for flows in by_source.values_mut() {
        flows.sort_unstable_by(|a, b| b.cmp(a));
        let (mut distance, mut room) = (0, per_tile - 1);
        for &packets in flows.iter() {
            while room == 0 {
                distance += 1;
                room = 4 * distance * per_tile;
            }
            total += packets * distance as u64;
            room -= 1;
        }
    }
    total
}
