//! Lower bounds, so that a reader sees how far a mapping is from the best thinkable.

use snnc_targets::Target;
use snnc_targets::schema::KernelSharing;

use super::Bound;
use crate::ir::PopulationId;
use crate::ir::program::usage::list_bits;
use crate::ir::spiking::{Connectivity, Convolution, Population, Projection, SpikingIr};
use crate::mapping::partition::Rates;

/// Least cores by each limit that is used up by adding; a core serves one network.
pub fn cores(ir: &SpikingIr, target: &Target) -> Vec<Bound> {
    let (mut by_neurons, mut by_memory, mut by_outputs) = (0, 0, 0);
    let unshared = target.synapses.kernel_sharing.get() == KernelSharing::Unshared;
    for network in ir.model.networks.keys() {
        let neurons: u64 = ir.model.populations_of(network).map(|(_, p)| p.shape.len() as u64).sum();
        let projections =
            ir.projections.values().filter(|p| ir.model.populations[p.target].network == network);
        let stored = |p: &Projection| if unshared { p.synapses() } else { p.weights().len() as u64 };
        let bits: u64 = projections.map(|p| list_bits(target, 0, stored(p))).sum();
        let slots: u64 = ir
            .model
            .populations_of(network)
            .map(|(id, population)| {
                let channels = population.shape.channels as u32;
                destinations(ir, target, id) * u64::from(target.axons.output_slots(channels))
            })
            .sum();
        by_neurons += neurons.div_ceil(target.core.neurons.get().into());
        by_memory += bits.div_ceil(target.core.synapse_memory_bits.get());
        by_outputs += slots.div_ceil(target.core.output_axons.get().into());
    }
    let bound = |by: &str, least| Bound { by: by.into(), least };
    vec![bound("neurons", by_neurons), bound("synapse memory", by_memory), bound("output axons", by_outputs)]
}

/// Least expected packets: a spike needs as many destination cores as its target neurons fill.
pub fn packets(ir: &SpikingIr, target: &Target, rates: &Rates) -> f64 {
    let of = |(id, population): (PopulationId, &Population)| {
        let spikes = population.shape.channels as f64 * rates.of(id);
        destinations(ir, target, id) as f64 * spikes
    };
    ir.model.populations.iter().map(of).sum()
}

/// Destination cores that the positions of a population need at least, summed over the positions.
fn destinations(ir: &SpikingIr, target: &Target, id: PopulationId) -> u64 {
    let capacity = u64::from(target.core.neurons.get());
    let shape = ir.model.populations[id].shape;
    let outgoing: Vec<_> = ir.projections.values().filter(|p| p.source == id).collect();
    let mut sum = 0;
    for y in 0..shape.height {
        for x in 0..shape.width {
            // Positions that several projections reach count once.
            let mut reached = std::collections::BTreeMap::new();
            for p in &outgoing {
                match &p.connectivity {
                    Connectivity::Conv(Convolution { map, kernel }) => {
                        for (ty, _) in map.rows.reach(y, 0..map.rows.output) {
                            for (tx, _) in map.cols.reach(x, 0..map.cols.output) {
                                reached.insert((p.target, ty, tx), kernel.outputs as u64);
                            }
                        }
                    }
                    Connectivity::Sparse(sparse) => {
                        let targets = sparse.targets_of(x).iter();
                        reached.extend(targets.map(|&to| ((p.target, 0, to as usize), 1)));
                    }
                }
            }
            sum += reached.values().sum::<u64>().div_ceil(capacity);
        }
    }
    sum
}
