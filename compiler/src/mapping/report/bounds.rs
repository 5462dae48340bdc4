//! Lower bounds, so that a reader sees how far a mapping is from the best thinkable.

use snnc_targets::Target;

use super::Bound;
use crate::ir::program::usage::list_bits;
use crate::ir::spiking::SpikingIr;

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
