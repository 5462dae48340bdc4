//! Lower bounds, so that a reader sees how far a mapping is from the best that any mapping could be.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use snnc_targets::Target;
use snnc_targets::schema::{KernelSharing, OutputAxonKind};

use super::LowerBound;
use crate::ir::PopulationId;
use crate::ir::program::usage::list_bits;
use crate::ir::spiking::{Connectivity, Convolution, Population, Projection, SpikingIr};
use crate::mapping::partition::Rates;

/// Least cores by each limit that is used up by adding; a core serves one network.
pub fn cores(ir: &SpikingIr, target: &Target) -> Vec<LowerBound> {
    let (mut by_neurons, mut by_memory, mut by_outputs) = (0, 0, 0);
    let unshared = target.synapses.kernel_sharing.get() == KernelSharing::Unshared;
    for network in ir.model.networks.keys() {
        let own = || ir.model.populations_of(network).filter(|(_, p)| !p.dynamics.is_port());
        let neurons: u64 = own().map(|(_, p)| p.shape.len() as u64).sum();
        let projections =
            ir.projections.values().filter(|p| ir.model.populations[p.target].network == network);
        let skips = target.skips_zeros();
        let stored =
            |p: &Projection| if unshared { p.stored_synapses(skips) } else { p.stored_weights(skips) };
        let bits: u64 = projections.map(|p| list_bits(target, 0, stored(p))).sum();
        let slots: u64 = own().map(|(id, _)| slots(ir, target, id)).sum();
        by_neurons += neurons.div_ceil(target.core.neurons.get().into());
        by_memory += bits.div_ceil(target.core.synapse_memory_bits.get());
        by_outputs += slots.div_ceil(target.core.output_axons.get().into());
    }
    let bound = |by: &str, least| LowerBound { by: by.into(), least };
    vec![bound("neurons", by_neurons), bound("synapse memory", by_memory), bound("output axons", by_outputs)]
}

/// Least expected packets: a spike needs as many destination cores as its target neurons fill.
pub fn packets(ir: &SpikingIr, target: &Target, rates: &Rates) -> f64 {
    let of = |(id, population): (PopulationId, &Population)| {
        let destinations = Destinations::new(ir, target, id);
        let of_class = |class: &Range<usize>| {
            let cores: u64 = population.shape.places().map(|(y, x)| destinations.of(class.start, y, x)).sum();
            cores as f64 * class.len() as f64
        };
        destinations.classes.iter().map(of_class).sum::<f64>() * rates.of(id)
    };
    ir.model.populations.iter().map(of).sum()
}

/// Output slots that a population needs at least. Where one slot serves several neurons, channels that reach different
/// neurons may still share it, so only those count that need most.
fn slots(ir: &SpikingIr, target: &Target, id: PopulationId) -> u64 {
    let destinations = Destinations::new(ir, target, id);
    let shares = matches!(target.axons.output.get(), OutputAxonKind::Population { .. });
    let at = |(y, x): (usize, usize)| {
        let of = |class: &Range<usize>| {
            let slots = target.axons.output_slots(class.len() as u32);
            destinations.of(class.start, y, x) * u64::from(slots)
        };
        let each = destinations.classes.iter().map(of);
        if shares { each.max().unwrap_or(0) } else { each.sum() }
    };
    ir.model.populations[id].shape.places().map(at).sum()
}

/// Destination cores that the neurons of a population need at least.
struct Destinations<'a> {
    outgoing: Vec<&'a Projection>,
    /// Channels that reach the same neurons, ascending.
    classes: Vec<Range<usize>>,
    /// Neurons of a core.
    capacity: u64,
}

impl<'a> Destinations<'a> {
    fn new(ir: &'a SpikingIr, target: &Target, id: PopulationId) -> Self {
        let outgoing: Vec<_> = ir.projections.values().filter(|p| p.source == id).collect();
        let channels = ir.model.populations[id].shape.channels;
        let mut starts = BTreeSet::from([0]);
        for conv in outgoing.iter().filter_map(|p| p.conv()) {
            let Range { start, end } = conv.kernel.channels.sources();
            starts.extend((start..end).step_by(conv.kernel.channels.inputs).chain([end]));
        }
        let starts: Vec<usize> = starts.range(..channels).copied().chain([channels]).collect();
        let classes = starts.windows(2).map(|pair| pair[0]..pair[1]).collect();
        Self { outgoing, classes, capacity: target.core.neurons.get().into() }
    }

    /// Destination cores of a channel at a position.
    fn of(&self, channel: usize, y: usize, x: usize) -> u64 {
        // Positions that several projections reach count once.
        let mut reached: BTreeMap<(PopulationId, usize, usize), u64> = BTreeMap::new();
        for p in &self.outgoing {
            match &p.connectivity {
                Connectivity::Conv(Convolution { map, kernel }) => {
                    let joined = kernel.channels.targets_of(channel).len() as u64;
                    for (ty, _) in map.rows.reach(y, 0..map.rows.output) {
                        for (tx, _) in map.cols.reach(x, 0..map.cols.output) {
                            let most = reached.entry((p.target, ty, tx)).or_default();
                            *most = joined.max(*most);
                        }
                    }
                }
                Connectivity::Sparse(sparse) => {
                    let targets = sparse.targets_of(x).iter();
                    reached.extend(targets.map(|&to| ((p.target, 0, to as usize), 1)));
                }
            }
        }
        reached.values().sum::<u64>().div_ceil(self.capacity)
    }
}
