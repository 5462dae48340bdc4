//! Checks that need no spiking IR: sites, neurons, memories, routes, limits.

use bitvec::vec::BitVec;
use snnc_targets::Topology;

use super::Findings;
use crate::ir::program::usage::core_use;
use crate::ir::program::{Core, CoreSlice, Program, SynapseList};
use crate::ir::{CoreId, PopulationId};

impl Findings {
    /// One distinct site on the board for every core.
    pub(super) fn sites(&mut self, program: &Program) {
        let target = &program.target;
        let most = target.topology.chips_max.get();
        let chips = (1..=most).contains(&program.chips);
        if !self.need(
            chips,
            || "program".into(),
            || format!("{} chips, target has 1 to {most}", program.chips),
        ) {
            return;
        }
        let sites = Topology::new(&target.topology, program.chips).sites();
        let equal = program.sites.len() == program.cores.len();
        self.need(
            equal,
            || "program".into(),
            || format!("{} cores on {} sites", program.cores.len(), program.sites.len()),
        );
        let mut taken = std::collections::BTreeMap::new();
        for (core, &site) in program.sites.iter() {
            self.need(
                site.0 < sites,
                || core.to_string(),
                || format!("{site} is outside the board of {sites} sites"),
            );
            let other = taken.insert(site, core);
            self.need(
                other.is_none(),
                || core.to_string(),
                || format!("{site} already holds {}", other.unwrap_or(core)),
            );
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
        let mut placed: Vec<BitVec> =
            program.model.populations.values().map(|p| BitVec::repeat(false, p.shape.len())).collect();
        for (id, core) in program.cores.iter() {
            let mut next = 0u32;
            for slice in &core.slices {
                if !self.slice_box(program, id, slice, next) {
                    return;
                }
                next += slice.slice.neurons();
                self.mark(program, id, slice, &mut placed);
            }
            let one_network = core.slices.iter().all(|s| {
                let network = |s: &CoreSlice| program.model.populations[s.slice.population].network;
                network(s) == network(&core.slices[0])
            });
            self.need(one_network, || id.to_string(), || "holds slices of two networks".into());
        }
        for (population, marks) in program.model.populations.keys().zip(&placed) {
            let missing = marks.count_zeros();
            self.need(
                missing == 0,
                || self_name(program, population),
                || format!("{missing} of {} neurons are on no core", marks.len()),
            );
        }
    }

    fn slice_box(&mut self, program: &Program, id: CoreId, placed: &CoreSlice, next: u32) -> bool {
        let slice = &placed.slice;
        let Some(population) = program.model.populations.get(slice.population) else {
            return self.need(false, || id.to_string(), || format!("{} does not exist", slice.population));
        };
        let inside =
            |range: &std::ops::Range<u32>, len: usize| range.start < range.end && range.end as usize <= len;
        let shape = population.shape;
        let fits = inside(&slice.channels, shape.channels)
            && inside(&slice.rows, shape.height)
            && inside(&slice.cols, shape.width);
        self.need(fits, || id.to_string(), || format!("slice {slice:?} lies outside {shape}"))
            && self.need(
                placed.first_neuron == next,
                || id.to_string(),
                || {
                    format!(
                        "slice of {} starts at neuron {}, expected {next}",
                        slice.population, placed.first_neuron
                    )
                },
            )
    }

    fn mark(&mut self, program: &Program, id: CoreId, placed: &CoreSlice, marks: &mut [BitVec]) {
        let slice = &placed.slice;
        let shape = program.model.populations[slice.population].shape;
        let marks = &mut marks[slice.population.0 as usize];
        let mut doubled = 0;
        for c in slice.channels.clone() {
            for y in slice.rows.clone() {
                let row = shape.at(c as usize, y as usize, 0);
                let span = &mut marks[row + slice.cols.start as usize..row + slice.cols.end as usize];
                doubled += span.count_ones();
                span.fill(true);
            }
        }
        self.need(
            doubled == 0,
            || id.to_string(),
            || format!("{doubled} neurons of {} are on another core too", slice.population),
        );
    }

    /// Lists lie inside the weight memory, axons' targets inside their slice.
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
                let Some(list) = core.lists.get(axon.list as usize) else {
                    self.need(false, place, || format!("list {} does not exist", axon.list));
                    continue;
                };
                let atoms = axon.first_atom.checked_add(axon.atoms).is_some_and(|end| end <= list.atoms);
                self.need(atoms && axon.atoms >= 1, place, || {
                    format!("atoms {}+{} outside the list's {}", axon.first_atom, axon.atoms, list.atoms)
                });
                self.need((1..=delay_max).contains(&axon.delay), place, || {
                    format!("delay {}, target has 1 to {delay_max}", axon.delay)
                });
                let Some(slice) = core.slices.get(list.slice as usize) else { continue };
                let last = list.runs.last().map_or(0, |run| run.target.saturating_add(run.len));
                let end = slice.first_neuron + slice.slice.neurons();
                let inside = axon.target >= slice.first_neuron && axon.target.saturating_add(last) <= end;
                self.need(inside, place, || {
                    format!(
                        "targets {}+{last} outside its slice's neurons {}..{end}",
                        axon.target, slice.first_neuron
                    )
                });
            }
        }
    }

    fn list(&mut self, core: &Core, list: &SynapseList, place: &str) {
        self.need(
            core.slices.len() > list.slice as usize,
            || place.into(),
            || format!("slice {} does not exist", list.slice),
        );
        self.need(!list.runs.is_empty() && list.atoms >= 1, || place.into(), || "is empty".into());
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
            let slice = &core.slices[core.lists[axon.list as usize].slice as usize].slice;
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
        let atoms_max = program.target.axons.kind.atoms_max();
        for (id, core) in program.cores.iter() {
            for (limit, used, most) in
                core_use(core, &program.target, &program.model).exceeded(&program.target)
            {
                self.need(false, || id.to_string(), || format!("uses {used} {limit}, target has {most}"));
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
}

fn self_name(program: &Program, population: PopulationId) -> String {
    format!("{population} \"{}\"", program.model.populations[population].name)
}
