//! Synapses of fused slices from the sending side: for each packet, which weights it adds where.
//!
//! These serve what has no rows: lists that cut positions, groups of channels, irregular networks, weights beyond
//! 8 bits.

use snnc_compiler::ir::PopulationId;
use snnc_compiler::ir::program::{Program, Slice, SynapseRun, WeightMemory};

use super::slice_view::{SharedView, UnitConnection};
use super::{FusedMember, memory};
use crate::counts::SliceTable;
use crate::execute::kernels::LANES;
use crate::execute::kernels::scatter::{PacketAtList, ScatterList};
use crate::execute::pass::{Arrival, ChipPass};
use crate::execute::slice::SliceSpike;
use crate::neuron::Marks;

/// The sending side of fused slices.
#[derive(Debug)]
pub struct ScatterLists {
    /// Weights of all members side by side.
    pub weights: WeightMemory,
    /// Synapse lists.
    pub lists: Vec<ScatterList>,
    /// Sources.
    pub connections: Vec<UnitConnection>,
    /// Neurons that a unit of the lists stands for.
    pub unit: usize,
}

impl ScatterLists {
    /// The lists of fused slices with these members.
    pub fn new(program: &Program, table: &SliceTable, shared: &SharedView, members: &[FusedMember]) -> Self {
        let unit: usize = members.iter().map(|m| m.unit as usize).sum();
        let (weights, bases) = weights(program, table, shared, members);
        let lists = shared.lists.iter().map(|list| {
            let neurons = |units: u32| units * unit as u32;
            let in_neurons = |r: &SynapseRun| SynapseRun {
                target: neurons(r.target),
                weight: neurons(r.weight),
                len: neurons(r.len),
            };
            ScatterList {
                weights: bases[list.block],
                stride: neurons(shared.blocks[list.block].taps) as usize,
                runs: list.runs.iter().map(in_neurons).collect(),
                units: list.runs.iter().map(|r| u64::from(r.len)).sum(),
                group: list.group,
                shift: neurons(list.shift),
            }
        });
        Self { weights, lists: lists.collect(), connections: shared.connections.clone(), unit }
    }

    /// Synapses of all source neurons; `slices` are all of the program.
    pub fn synapses(&self, slices: &[Slice]) -> u64 {
        let of = |connection: &UnitConnection| {
            let units = connection.axons.iter().flatten().map(|axon| self.lists[axon.list].units);
            units.sum::<u64>() * u64::from(slices[connection.source].atoms())
        };
        self.unit as u64 * self.connections.iter().map(of).sum::<u64>()
    }

    /// Looks up the lists of all packets that arrive at a population in a timestep; their synapses in units, of those
    /// that are of this pass.
    pub(super) fn hits(
        &self,
        pass: &ChipPass,
        population: PopulationId,
        now: u32,
        hits: &mut Vec<PacketAtList>,
    ) -> u64 {
        let of = |connection: &UnitConnection, hits: &mut _| {
            let arrival = Arrival { step: now, delay: connection.delay };
            let units = self.hit(connection, pass.fired(connection.source, population, arrival), hits);
            let source = pass.chip.table.populations[connection.source];
            if pass.of_pass_before(source, arrival) { 0 } else { units }
        };
        self.connections.iter().map(|connection| of(connection, hits)).sum()
    }

    /// Looks up the lists of one connection's packets; their synapses in units.
    pub fn hit(
        &self,
        connection: &UnitConnection,
        spikes: &[SliceSpike],
        hits: &mut Vec<PacketAtList>,
    ) -> u64 {
        let mut units = 0;
        for spike in spikes {
            let Some(axon) = &connection.axons[spike.position as usize] else { continue };
            let list = &self.lists[axon.list];
            let row = axon.first_atom + spike.atom;
            let weight = list.weights + row as usize * list.stride;
            let target = axon.target * self.unit as u32 + row / list.group * list.shift;
            hits.push(PacketAtList { list: axon.list as u32, weight: weight as u32, target });
            units += list.units;
        }
        units
    }
}

/// Weights of all members side by side, `[block][atom][tap][member channels]`, and the first of each block.
fn weights(
    program: &Program,
    table: &SliceTable,
    shared: &SharedView,
    members: &[FusedMember],
) -> (WeightMemory, Vec<usize>) {
    let mut all = WeightMemory::default();
    let mut bases = Vec::new();
    for (index, block) in shared.blocks.iter().enumerate() {
        bases.push(all.len());
        for row in 0..block.atoms * block.taps {
            for member in members {
                let first = (member.bases[index] + row * member.unit) as usize;
                let own = memory(program, table, member).slice(first..first + member.unit as usize);
                own.iter().for_each(|weight| all.push(weight));
            }
        }
    }
    (all, bases)
}

/// What a timestep without rows works with, kept from one to the next.
#[derive(Debug)]
pub(super) struct ScatterState {
    /// Synapses of the packets in units.
    pub(super) units: u64,
    pub(super) sums: Vec<[i32; LANES]>,
    pub(super) partial: Vec<i16>,
    pub(super) hits: Vec<PacketAtList>,
    pub(super) marks: Vec<Marks>,
}

impl ScatterState {
    pub(super) fn new(lines: usize) -> Self {
        Self {
            units: 0,
            sums: vec![[0; LANES]; lines],
            partial: vec![0; lines * LANES],
            hits: Vec::new(),
            marks: vec![Marks::default(); lines],
        }
    }
}
