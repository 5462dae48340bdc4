//! Partition of irregular populations: cores filled neuron by neuron, under every limit, with exact counts.
//!
//! A core grows: next comes the neuron that shares most sources with those already there, so that a spike finds its
//! targets on few cores. Where no neuron shares any, the next in order starts anew. The core is closed when nothing
//! that shares sources fits any more. Then the population is numbered anew, core by core.
//!
//! Work and memory grow with the synapses: a source is looked at once for each core that it reaches. Deterministic.

use std::sync::Arc;

use snnc_targets::schema::KernelSharing;
use snnc_targets::{Code, Diagnostic, Diagnostics, Target};

use super::axons::OutgoingAxons;
use super::capacity::CoreCapacity;
use super::filled::FilledCores;
use super::growth::{CoreGrowth, beyond};
use super::layer::PartitionLayer;
use super::open_core::OpenCore;
use super::refuse;
use super::work::WorkModel;
use crate::ir::program::usage::{CoreUsage, Limit, LimitExceeded, list_bits};
use crate::ir::spiking::{SparseSynapses, SpikingIr};
use crate::ir::{PopulationId, ProjectionId};
use crate::mapping::partition::Rates;

/// Whether a population is placed neuron by neuron: sparse projections touch it and nothing else feeds it.
pub fn is_irregular(ir: &SpikingIr, layer: &PartitionLayer) -> bool {
    let sparse = |p: &&crate::ir::spiking::Projection| p.sparse().is_some();
    let touches = |p: &crate::ir::spiking::Projection| p.source == layer.id || p.target == layer.id;
    ir.projections.values().filter(|p| touches(p)).any(|p| sparse(&p))
        && (layer.incoming.is_empty() || layer.incoming.iter().any(|&id| sparse(&&ir.projections[id])))
}

/// Refuses what no core could hold.
///
/// # Errors
/// [`Code::Unsupported`] for a population fed in both ways, [`Code::DoesNotFit`] for a neuron too large for a core.
pub fn fits(
    ir: &SpikingIr,
    target: &Target,
    capacity: &CoreCapacity,
    layer: &PartitionLayer,
) -> Result<(), Diagnostics> {
    if layer.incoming.iter().any(|&id| ir.projections[id].sparse().is_none()) {
        let message = "is fed by convolutions and by irregular projections";
        return Err(Diagnostic::new(Code::Unsupported, refuse::place(ir, layer), message)
            .hint("put a layer of its own behind each of them")
            .into());
    }
    let mut degrees = vec![0u64; layer.population.shape.len()];
    for (_, sparse) in incoming(ir, layer) {
        sparse.targets.iter().for_each(|&t| degrees[t as usize] += 1);
    }
    let degree = degrees.into_iter().max().unwrap_or(0);
    let lists = if target.synapses.kernel_sharing.get() == KernelSharing::Ideal { 1 } else { degree };
    let one = CoreUsage {
        neurons: 1,
        input_axons: degree * u64::from(capacity.axons.input_axons(1)),
        synapse_bits: list_bits(target, lists, degree),
        ..CoreUsage::default()
    };
    match beyond(one, capacity) {
        Some(exceeded) => Err(refusal(ir, target, layer, exceeded).into()),
        None => Ok(()),
    }
}

fn refusal(ir: &SpikingIr, target: &Target, layer: &PartitionLayer, exceeded: LimitExceeded) -> Diagnostic {
    let LimitExceeded { limit, used, most } = exceeded;
    let message =
        format!("a single neuron of this layer uses {used} {limit}, a core of {} has {most}", target.name);
    Diagnostic::new(Code::DoesNotFit, refuse::place(ir, layer), message).hint(refuse::remedy(target, limit))
}

fn incoming<'a>(ir: &'a SpikingIr, layer: &PartitionLayer) -> Vec<(ProjectionId, &'a SparseSynapses)> {
    layer.incoming.iter().filter_map(|&id| Some((id, ir.projections[id].sparse()?))).collect()
}

/// Puts a whole irregular population on cores.
///
/// # Errors
/// [`Code::DoesNotFit`] for a neuron whose targets lie on too many cores.
pub fn place(
    ir: &SpikingIr,
    target: &Target,
    rates: &Rates,
    capacity: &CoreCapacity,
    layer: &PartitionLayer,
    state: &mut FilledCores,
    work: Option<&WorkModel>,
) -> Result<(), Diagnostics> {
    let incoming = incoming(ir, layer);
    // No layer that is placed later needs these counts.
    let fan_out = state.outgoing.remove(&layer.id).map(|outgoing| Arc::unwrap_or_clone(outgoing).all);
    let source = |id: ProjectionId| ir.projections[id].source;
    let mut growth = CoreGrowth::new(target, capacity, layer, &incoming, fan_out.as_ref(), work, source);
    // A convolution that reads the population needs its neurons in their places.
    growth.free = ir.projections.values().filter(|p| p.source == layer.id).all(|p| p.sparse().is_some());
    let mut order: Vec<u32> = Vec::with_capacity(layer.population.shape.len());
    let mut core_of = vec![0u32; layer.population.shape.len()];
    // The last core may have room left by the irregular layer placed before.
    let mut open = state.cores.len().saturating_sub(1);
    if state.cores.last().is_some_and(|core| !core.is_fed_by_kernels()) {
        growth.threshold_profiles = state.cores[open].profiles_with(layer);
    } else {
        open = state.cores.len();
    }
    while order.len() < core_of.len() {
        if open == state.cores.len() {
            state.cores.push(Arc::default());
            growth.threshold_profiles = OpenCore::default().profiles_with(layer);
        }
        let core = Arc::make_mut(&mut state.cores[open]);
        let (neurons, more, load) = growth.grow(open as u32, core.before_merging(), &core.load);
        if neurons.is_empty() && core.slices.is_empty() {
            let none = LimitExceeded { limit: Limit::Neurons, used: 1, most: capacity.most.neurons };
            return Err(refusal(ir, target, layer, growth.refused.unwrap_or(none)).into());
        }
        if !neurons.is_empty() {
            let start = order.len() as u32;
            neurons.iter().for_each(|&n| core_of[n as usize] = open as u32);
            order.extend(neurons);
            core.add_irregular(layer, (&more, &load), start..order.len() as u32);
        }
        open = state.cores.len();
    }
    for (id, sparse) in incoming {
        let source = ir.projections[id].source;
        let packets = add_outgoing(ir, state, source, sparse, &core_of);
        state.packets += packets as f64 * rates.of(source);
    }
    state.outgoing.values_mut().for_each(|outgoing| Arc::make_mut(outgoing).finish());
    if !order.is_sorted() {
        state.orders.insert(layer.id, Arc::new(order));
    }
    Ok(())
}

/// Adds the destination cores of every source neuron; returns how many there are in all.
fn add_outgoing(
    ir: &SpikingIr,
    state: &mut FilledCores,
    source: PopulationId,
    sparse: &SparseSynapses,
    core_of: &[u32],
) -> u64 {
    let outgoing = state
        .outgoing
        .entry(source)
        .or_insert_with(|| Arc::new(OutgoingAxons::new(ir.model.populations[source].shape)));
    let outgoing = Arc::make_mut(outgoing);
    let mut last_seen = vec![u32::MAX; state.cores.len()];
    let mut all = 0;
    for neuron in 0..sparse.sources() {
        let mut cores = 0;
        for &target in sparse.targets_of(neuron) {
            let seen = &mut last_seen[core_of[target as usize] as usize];
            cores += u32::from(*seen != neuron as u32);
            *seen = neuron as u32;
        }
        outgoing.all.add_at(neuron, cores);
        all += u64::from(cores);
    }
    all
}
