//! Memories of irregular projections: a list for every source neuron on every core that it reaches.
//!
//! Goes source neuron by source neuron, so the work grows with the synapses. All lists of a projection on a core lie
//! in one block of its weight memory; neighbouring targets join to runs.

use snnc_targets::entity::EntityMap;

use super::PositionRoutes;
use crate::ir::program::{AxonDestination, AxonEntry, Core, InputAxon, SynapseList, SynapseRun};
use crate::ir::spiking::{Projection, SparseSynapses, SpikingIr};
use crate::ir::{CoreId, PopulationId, ProjectionId};

/// Where a neuron lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Home {
    core: CoreId,
    slice: u32,
    /// Local number.
    neuron: u32,
}

/// Where the lists and the weights of the projection begin on a core.
#[derive(Debug, Clone, Copy)]
struct ProjectionBlock {
    list: usize,
    weight: u32,
}

/// Adds the lists, axons and routes of one projection.
pub(super) fn connect(
    cores: &mut EntityMap<CoreId, Core>,
    routes: &mut PositionRoutes,
    ir: &SpikingIr,
    id: ProjectionId,
    projection: &Projection,
    sparse: &SparseSynapses,
) {
    let homes = homes(cores, ir, projection.target);
    let blocks: Vec<ProjectionBlock> = cores
        .values()
        .map(|c| ProjectionBlock { list: c.lists.len(), weight: c.weights.len() as u32 })
        .collect();
    let mut reached: Vec<(Home, i16)> = Vec::new();
    for (source, index, position, neuron) in senders(cores, projection.source) {
        reached.clear();
        reached.extend(sparse.row(neuron).map(|(target, weight)| (homes[target as usize], weight)));
        reached.sort_unstable();
        for group in reached.chunk_by(|(a, _), (b, _)| a.core == b.core) {
            let to = group[0].0.core;
            let first = blocks[to.0 as usize].weight;
            let axon = axon(&mut cores[to], id, first, projection.delay, group);
            routes.add(source, index, position, AxonDestination { core: to, axon });
        }
    }
    for (core, block) in cores.values_mut().zip(blocks) {
        // One source channel, so that the stride only says how long the block is.
        let length = core.weights.len() as u32 - block.weight;
        core.lists[block.list..].iter_mut().for_each(|list| list.atom_stride = length);
    }
}

/// Where each neuron of an irregular population lives.
fn homes(cores: &EntityMap<CoreId, Core>, ir: &SpikingIr, population: PopulationId) -> Vec<Home> {
    let nowhere = Home { core: CoreId(0), slice: 0, neuron: 0 };
    let mut homes = vec![nowhere; ir.model.populations[population].shape.len()];
    for (core, content) in cores.iter() {
        for (slice, placed) in (0..).zip(&content.slices).filter(|(_, s)| s.slice.population == population) {
            for (neuron, column) in (placed.first_neuron..).zip(placed.slice.cols.clone()) {
                homes[column as usize] = Home { core, slice, neuron };
            }
        }
    }
    homes
}

/// (core, slice, position, neuron) of every neuron of an irregular population.
fn senders(cores: &EntityMap<CoreId, Core>, population: PopulationId) -> Vec<(CoreId, usize, u32, usize)> {
    let mut all = Vec::new();
    for (core, content) in cores.iter() {
        for (slice, placed) in content.slices.iter().enumerate() {
            if placed.slice.population == population {
                let columns = (0..).zip(placed.slice.cols.clone());
                all.extend(columns.map(|(position, column)| (core, slice, position, column as usize)));
            }
        }
    }
    all
}

/// Adds one source neuron's lists on a core, one a slice, and the axon that names them.
fn axon(core: &mut Core, id: ProjectionId, first_weight: u32, delay: u32, group: &[(Home, i16)]) -> u32 {
    let first_entry = core.entries.len() as u32;
    for targets in group.chunk_by(|(a, _), (b, _)| a.slice == b.slice) {
        let base = targets[0].0.neuron;
        let mut runs: Vec<SynapseRun> = Vec::new();
        for &(home, weight) in targets {
            let target = home.neuron - base;
            match runs.last_mut() {
                Some(run) if run.target + run.len == target => run.len += 1,
                _ => {
                    runs.push(SynapseRun { target, weight: core.weights.len() as u32 - first_weight, len: 1 })
                }
            }
            core.weights.push(weight);
        }
        core.entries.push(AxonEntry { list: core.lists.len() as u32, target: base });
        core.lists.push(SynapseList {
            projection: id,
            slice: targets[0].0.slice,
            weights: first_weight,
            first_atom: 0,
            atoms: 1,
            atom_stride: 0,
            group: 1,
            shift: 0,
            runs: runs.into(),
        });
    }
    let entries = core.entries.len() as u32 - first_entry;
    core.axons.push(InputAxon { first_atom: 0, atoms: 1, delay, first_entry, entries });
    core.axons.len() as u32 - 1
}
