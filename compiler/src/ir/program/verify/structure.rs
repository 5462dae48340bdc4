//! Checks that need no spiking IR: sites, neurons, memories, routes, limits.

use snnc_targets::schema::Routing;

use super::Findings;
use crate::ir::CoreId;
use crate::ir::program::cover::{Cover, site_problems};
use crate::ir::program::trees::Trees;
use crate::ir::program::usage::core_use;
use crate::ir::program::{Core, CoreSlice, InputAxon, Program, SynapseList};

impl Findings {
    /// One distinct site on the board for every core.
    pub(super) fn sites(&mut self, program: &Program) {
        for (place, message) in
            site_problems(&program.sites, program.chips, program.cores.len(), &program.target)
        {
            self.need(false, || place, || message);
        }
    }

    /// Every neuron of every population on exactly one core; local numbering without gaps.
    pub(super) fn neurons(&mut self, program: &Program) {
        // Also bounds the memory of this check for a file from elsewhere.
        let neurons: u64 = program.model.populations.values().map(|p| p.shape.len() as u64).sum();
        let room = (program.cores.len() as u64 * u64::from(program.target.core.neurons.get())).min(1 << 28);
        if !self.need(
            neurons <= room,
            || "program".into(),
            || format!("{neurons} neurons, cores hold {room}"),
        ) {
            return;
        }
        let mut cover = Cover::new(&program.model);
        for (id, core) in program.cores.iter() {
            let mut next = 0u32;
            for placed in &core.slices {
                if !self.slice(program, id, placed, next, &mut cover) {
                    return;
                }
                next += placed.slice.neurons();
            }
            let network = |s: &CoreSlice| program.model.populations[s.slice.population].network;
            let one_network = core.slices.iter().all(|s| network(s) == network(&core.slices[0]));
            self.need(one_network, || id.to_string(), || "holds slices of two networks".into());
        }
        for (place, message) in cover.missing(&program.model) {
            self.need(false, || place, || message);
        }
    }

    /// One slice: a box of its population, numbered without a gap, on no other core. False if later slices cannot be
    /// looked at.
    fn slice(
        &mut self,
        program: &Program,
        id: CoreId,
        placed: &CoreSlice,
        next: u32,
        cover: &mut Cover,
    ) -> bool {
        let (slice, first) = (&placed.slice, placed.first_neuron);
        let place = || id.to_string();
        match cover.mark(&program.model, slice) {
            Err(message) => self.need(false, place, || message),
            Ok(doubled) => {
                let population = slice.population;
                self.need(doubled == 0, place, || {
                    format!("{doubled} neurons of {population} are on another core too")
                });
                self.need(first == next, place, || {
                    format!("slice of {population} starts at neuron {first}, expected {next}")
                })
            }
        }
    }

    /// Lists lie inside the weight memory, axons' targets inside their slices.
    pub(super) fn memories(&mut self, program: &Program) {
        let delay_max = program.target.synapses.delay_max.get();
        let most = program.model.neuron.weight_max();
        for (id, core) in program.cores.iter() {
            let fits = core.weights.iter().all(|&w| (-most - 1..=most).contains(&i32::from(w)));
            self.need(fits, || id.to_string(), || format!("a weight is outside {} to {most}", -most - 1));
            // A packet adds at most one weight to a neuron.
            let packets: u64 = core.axons.iter().map(|axon| u64::from(axon.atoms)).sum();
            let sum = packets.saturating_mul(most as u64 + 1);
            self.need(
                sum <= i32::MAX as u64,
                || id.to_string(),
                || format!("input sums of {packets} packets may reach {sum} and do not fit 32 bits"),
            );
            for (i, list) in core.lists.iter().enumerate() {
                self.list(core, list, &format!("{id} list {i}"));
            }
            for (i, axon) in core.axons.iter().enumerate() {
                let place = || format!("{id} axon {i}");
                self.need((1..=delay_max).contains(&axon.delay), place, || {
                    format!("delay {}, target has 1 to {delay_max}", axon.delay)
                });
                let end = axon.first_entry.checked_add(axon.entries);
                let whole = end.is_some_and(|end| end as usize <= core.entries.len()) && axon.entries >= 1;
                let range = || format!("entries {}+{} outside the core's", axon.first_entry, axon.entries);
                if self.need(whole, place, range) {
                    self.entries(core, axon, &place);
                }
            }
        }
    }

    /// What an axon touches: lists of one projection, each in a slice of its own, targets inside it.
    fn entries(&mut self, core: &Core, axon: &InputAxon, place: &dyn Fn() -> String) {
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
            let Some(slice) = core.slices.get(list.slice as usize) else { return };
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
            let end = slice.first_neuron + slice.slice.neurons();
            let inside = entry.target >= slice.first_neuron && u64::from(entry.target) + last <= end.into();
            self.need(inside, place, || {
                format!(
                    "targets {}+{last} outside its slice's neurons {}..{end}",
                    entry.target, slice.first_neuron
                )
            });
        }
    }

    fn list(&mut self, core: &Core, list: &SynapseList, place: &str) {
        self.need(
            core.slices.len() > list.slice as usize,
            || place.into(),
            || format!("slice {} does not exist", list.slice),
        );
        self.need(!list.runs.is_empty() && list.atoms >= 1, || place.into(), || "is empty".into());
        self.need(
            list.group >= 1 && list.atoms.is_multiple_of(list.group),
            || place.into(),
            || format!("{} source channels in groups of {}", list.atoms, list.group),
        );
        let mut end = 0u64;
        for run in &list.runs {
            let ascending = u64::from(run.target) >= end && run.len >= 1;
            self.need(
                ascending,
                || place.into(),
                || format!("run {run:?} is empty or overlaps the one before"),
            );
            end = u64::from(run.target) + u64::from(run.len);
            let last_atom = u64::from(list.atoms.saturating_sub(1)) * u64::from(list.atom_stride);
            let last = u64::from(list.weights) + last_atom + u64::from(run.weight) + u64::from(run.len);
            self.need(
                last <= core.weights.len() as u64,
                || place.into(),
                || format!("run {run:?} reads weight {last} of {}", core.weights.len()),
            );
        }
    }

    /// Every packet has an axon to arrive at, every axon exactly one source.
    pub(super) fn routes(&mut self, program: &Program) {
        let mut sources: Vec<Vec<u32>> = program.cores.values().map(|c| vec![0; c.axons.len()]).collect();
        for (id, core) in program.cores.iter() {
            for placed in &core.slices {
                if self.route_table(id, placed) {
                    self.slice_routes(program, id, placed, &mut sources);
                }
            }
        }
        for (id, counts) in program.cores.keys().zip(&sources) {
            for (axon, &count) in counts.iter().enumerate() {
                self.need(
                    count == 1,
                    || format!("{id} axon {axon}"),
                    || format!("has {count} sources, expected one"),
                );
            }
        }
    }

    fn route_table(&mut self, id: CoreId, placed: &CoreSlice) -> bool {
        let starts = &placed.route_starts;
        let whole = starts.len() == placed.slice.positions() as usize + 1
            && starts.first() == Some(&0)
            && starts.is_sorted()
            && starts.last().is_some_and(|&end| end as usize == placed.destinations.len());
        self.need(
            whole,
            || id.to_string(),
            || format!("route table of {} is broken", placed.slice.population),
        )
    }

    fn slice_routes(&mut self, program: &Program, id: CoreId, placed: &CoreSlice, sources: &mut [Vec<u32>]) {
        let source = &program.model.populations[placed.slice.population];
        let silent = source.dynamics.fires() || placed.destinations.is_empty();
        self.need(silent, || id.to_string(), || format!("\"{}\" never fires but has routes", source.name));
        for to in &placed.destinations {
            let place = || format!("{id} route to {} axon {}", to.core, to.axon);
            let axon =
                program.cores.get(to.core).and_then(|core| Some((core, core.axons.get(to.axon as usize)?)));
            let Some((core, axon)) = axon else {
                self.need(false, place, || "arrives nowhere".into());
                continue;
            };
            sources[to.core.0 as usize][to.axon as usize] += 1;
            let atoms = placed.slice.atoms();
            self.need(axon.atoms == atoms, place, || {
                format!("axon serves {} atoms, slice has {atoms}", axon.atoms)
            });
            // All entries of an axon touch one population.
            let list = &core.lists[core.entries(axon)[0].list as usize];
            let slice = &core.slices[list.slice as usize].slice;
            let target = &program.model.populations[slice.population];
            self.need(target.network == source.network, place, || "joins two networks".into());
            let forward = placed.slice.population < slice.population;
            self.need(forward, place, || {
                format!("{} must come before {}", placed.slice.population, slice.population)
            });
            let arrives = source.window.start.saturating_add(axon.delay) >= target.window.start
                && source.window.end().saturating_add(axon.delay) <= target.window.end();
            self.need(arrives, place, || "spikes arrive outside the target's window".into());
        }
    }

    /// No limit of the target exceeded.
    pub(super) fn limits(&mut self, program: &Program) {
        self.tables(program);
        let atoms_max = program.target.axons.atoms_max();
        for (id, core) in program.cores.iter() {
            for (limit, used, most) in
                core_use(core, &program.target, &program.model).exceeded(&program.target)
            {
                let layers = core.slices.iter().map(|s| program.model.layer_name(s.slice.population));
                let layers: std::collections::BTreeSet<String> = layers.collect();
                let place = || {
                    let names: Vec<String> = layers.into_iter().collect();
                    format!("{id} with {}", names.join(", "))
                };
                self.need(false, place, || format!("uses {used} {limit}, target has {most}"));
            }
            for placed in core.slices.iter().filter(|s| !s.destinations.is_empty()) {
                let atoms = placed.slice.atoms();
                self.need(
                    atoms_max.is_none_or(|most| atoms <= most),
                    || id.to_string(),
                    || format!("{atoms} atoms on an axon, target has {}", atoms_max.unwrap_or(0)),
                );
            }
        }
    }

    /// No router's table overfull.
    fn tables(&mut self, program: &Program) {
        let Routing::Multicast { table_entries: Some(most) } = program.target.topology.routing.get() else {
            return;
        };
        if let Some((router, used)) = Trees::of(program).and_then(|trees| trees.overfull(most)) {
            let message = || format!("holds {used} table entries, target has {most}");
            self.need(false, || format!("router {router}"), message);
        }
    }
}

/// One past the last target of a list's last group, relative to an entry's; the list has been checked.
fn last_target(list: &SynapseList) -> u64 {
    let groups = u64::from(list.atoms.checked_div(list.group).unwrap_or(0));
    let last = list.runs.last().map_or(0, |run| u64::from(run.target) + u64::from(run.len));
    last + groups.saturating_sub(1) * u64::from(list.shift)
}
