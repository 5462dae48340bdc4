//! A core's memories: weights, synapse lists, input axons and what they touch.

use super::Findings;
use crate::ir::CoreId;
use crate::ir::program::{Core, InputAxon, Program, SynapseList};
use snnc_targets::{CorePart, Place, Subject};

/// Weight memory of a list's projection: first weight, source channels, weights of each.
type MemoryBlock = (u32, u32, u32);

impl Findings {
    /// Weights within their width, sums within 32 bits, lists inside the weight memory and their slices.
    pub(super) fn weights(&mut self, program: &Program) {
        program.cores.iter().for_each(|(id, core)| self.weights_of(program, id, core));
    }

    /// The same of one core.
    pub(super) fn weights_of(&mut self, program: &Program, id: CoreId, core: &Core) {
        let most = program.model.neuron.weight_max();
        let place = || id.into();
        let (count, room) = (core.weights.len(), u32::MAX as usize);
        self.need(count <= room, place, || format!("holds {count} weights, at most {room} are counted"));
        let fits = core.weights.iter().all(|w| (-most - 1..=most).contains(&i32::from(w)));
        self.need(fits, place, || format!("a weight is outside {} to {most}", -most - 1));
        // A packet adds at most one weight to a neuron.
        let packets: u64 = core.axons.iter().map(|axon| u64::from(axon.atoms)).sum();
        let sum = packets.saturating_mul(u64::from(most.unsigned_abs()) + 1);
        self.need(sum <= i32::MAX as u64, place, || {
            format!("input sums of {packets} packets may reach {sum} and do not fit 32 bits")
        });
        let mut blocks: Vec<MemoryBlock> = Vec::with_capacity(core.lists.len());
        for (i, list) in core.lists.iter().enumerate() {
            self.list(core, list, || Subject::Core(id, CorePart::List(i)).into());
            blocks.push((list.weights, list.atoms, list.atom_stride));
        }
        self.blocks(id, blocks);
    }

    fn list(&mut self, core: &Core, list: &SynapseList, place: impl Fn() -> Place + Copy) {
        let neurons = core.slices.get(list.slice as usize).map(|placed| placed.slice.neurons());
        self.need(neurons.is_some(), place, || format!("slice {} does not exist", list.slice));
        self.need(!list.runs.is_empty() && list.atoms >= 1, place, || "is empty".into());
        let (last, held) = (end_of((list.weights, list.atoms, list.atom_stride)), core.weights.len());
        self.need(last <= held as u64, place, || format!("reads weight {last} of {held}"));
        let mut end = 0u64;
        for run in &list.runs {
            let ascending = u64::from(run.target) >= end && run.len >= 1;
            self.need(ascending, place, || format!("run {run:?} is empty or overlaps the one before"));
            end = run.end();
            let within = u64::from(run.weight) + u64::from(run.len) <= list.atom_stride.into();
            self.need(within, place, || {
                format!("run {run:?} leaves the {} weights of its source channel", list.atom_stride)
            });
        }
        let grouped = list.group >= 1 && list.atoms.is_multiple_of(list.group);
        self.need(grouped, place, || format!("{} source channels in groups of {}", list.atoms, list.group));
        let end = last_target(list);
        let inside = neurons.is_none_or(|neurons| end <= neurons.into());
        self.need(inside, place, || format!("reaches target {end} of a slice of {}", neurons.unwrap_or(0)));
    }

    /// Lists share all of a projection's weights or none.
    fn blocks(&mut self, id: CoreId, mut blocks: Vec<MemoryBlock>) {
        blocks.sort_unstable();
        blocks.dedup();
        for pair in blocks.windows(2) {
            let apart = end_of(pair[0]) <= pair[1].0.into();
            self.need(
                apart,
                || id.into(),
                || {
                    format!(
                        "weights of lists overlap: {} channels of {} from {} on, and {} of {} from {} on",
                        pair[0].1, pair[0].2, pair[0].0, pair[1].1, pair[1].2, pair[1].0
                    )
                },
            );
        }
    }

    /// Delays that the target has, and entries that exist, an axon's own.
    pub(super) fn axons(&mut self, program: &Program) {
        program.cores.iter().for_each(|(id, core)| self.axons_of(program, id, core));
    }

    /// The same of one core.
    pub(super) fn axons_of(&mut self, program: &Program, id: CoreId, core: &Core) {
        let delay_max = program.target.synapses.delay_max.get();
        let mut before = 0;
        for (i, axon) in core.axons.iter().enumerate() {
            let place = || Subject::Core(id, CorePart::Axon(i)).into();
            self.need((1..=delay_max).contains(&axon.delay), place, || {
                format!("delay {}, target has 1 to {delay_max}", axon.delay)
            });
            let end = u64::from(axon.first_entry) + u64::from(axon.entries);
            let whole = end <= core.entries.len() as u64 && axon.entries >= 1;
            let range = || format!("entries {}+{} outside the core's", axon.first_entry, axon.entries);
            if self.need(whole, place, range) {
                self.need(u64::from(axon.first_entry) >= before, place, || {
                    format!("entry {} is another axon's, or before it", axon.first_entry)
                });
                before = end;
                self.entries(core, axon, &place);
            }
        }
    }

    /// What an axon touches: lists of one projection, each in a slice of its own, targets inside it.
    fn entries(&mut self, core: &Core, axon: &InputAxon, place: &dyn Fn() -> Place) {
        let mut before: Option<&SynapseList> = None;
        for entry in core.entries(axon) {
            let Some(list) = core.lists.get(entry.list as usize) else {
                self.need(false, place, || format!("list {} does not exist", entry.list));
                return;
            };
            let end = u64::from(axon.first_atom) + u64::from(axon.atoms);
            let (first, last) = (list.first_atom, u64::from(list.first_atom) + u64::from(list.atoms));
            self.need(axon.first_atom >= first && end <= last && axon.atoms >= 1, place, || {
                format!("atoms {}+{} outside the list's {first}+{}", axon.first_atom, axon.atoms, list.atoms)
            });
            let slice = &core.slices[list.slice as usize];
            if let Some(other) = before {
                self.need(list.projection == other.projection, place, || {
                    format!("joins {} and {}", other.projection, list.projection)
                });
                // Apart, so that a packet adds at most one weight to a neuron.
                self.need(list.slice > other.slice, place, || {
                    format!("touches slice {} after slice {}", list.slice, other.slice)
                });
                let population = core.slices[other.slice as usize].slice.population;
                self.need(slice.slice.population == population, place, || {
                    format!("touches {} and {population}", slice.slice.population)
                });
            }
            before = Some(list);
            let last = last_target(list);
            let (first, end) = (slice.first_neuron, slice.first_neuron + slice.slice.neurons());
            let inside = entry.target >= first && u64::from(entry.target) + last <= end.into();
            self.need(inside, place, || {
                format!("targets {}+{last} outside its slice's neurons {first}..{end}", entry.target)
            });
        }
    }
}

/// One past the last weight of a block; the largest that the fields can say fits 64 bits.
fn end_of((weights, atoms, stride): MemoryBlock) -> u64 {
    u64::from(weights) + u64::from(atoms) * u64::from(stride)
}

/// One past the last target of a list's last group, relative to an entry's.
fn last_target(list: &SynapseList) -> u64 {
    let groups = u64::from(list.atoms.checked_div(list.group).unwrap_or(0));
    let last = list.runs.iter().last().map_or(0, |run| run.end());
    last.saturating_add(groups.saturating_sub(1).saturating_mul(list.shift.into()))
}
