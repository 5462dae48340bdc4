//! Targets that leave weights of 0 out, and networks that have many.

use snnc_compiler::ir::program::{Core, SynapseList};
use snnc_compiler::ir::spiking::{Connectivity, SpikingIr};
use snnc_targets::schema::{Target, ZeroWeights};

use super::Random;

/// Makes a target leave zeros out.
pub fn skip(target: &mut Target, index_bits: u32) {
    target.synapses.zero_weights.0 = ZeroWeights::Skipped;
    target.synapses.index_bits.0 = index_bits;
}

/// Sets weights to 0, of each projection another share; one in three projections keeps its weights. Draws nothing that
/// others draw.
pub fn thin_out(ir: &mut SpikingIr, seed: u64) {
    let mut random = Random::seeded(seed ^ 0xDEAD_0000);
    for projection in ir.projections.values_mut() {
        let weights = match &mut projection.connectivity {
            Connectivity::Conv(conv) => &mut conv.kernel.weights,
            Connectivity::Sparse(sparse) => &mut sparse.weights,
        };
        let left = [100, 60, 15][random.value(0, 2)];
        weights.iter_mut().filter(|_| random.value(1, 100) > left).for_each(|weight| *weight = 0);
    }
}

/// Synapses that a spike of a source channel meets in a list, weight by weight.
pub fn met(core: &Core, list: &SynapseList, source: u32, skips_zeros: bool) -> u64 {
    let first = list.weights + (source - list.first_atom) * list.atom_stride;
    let weights = list.runs.iter().flat_map(|run| first + run.weight..first + run.weight + run.len);
    weights.filter(|&at| !skips_zeros || core.weights.at(at as usize) != 0).count() as u64
}
