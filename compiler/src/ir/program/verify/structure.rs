//! Checks that need no spiking IR: sites, neurons, limits.

use snnc_targets::entity::EntityMap;
use snnc_targets::schema::RoutingScheme;
use snnc_targets::{CorePart, NamedPart, Site, Subject};

use super::Findings;
use crate::ir::CoreId;
use crate::ir::program::cover::{NeuronCover, site_problems};
use crate::ir::program::trees::MulticastTrees;
use crate::ir::program::usage::LimitExceeded;
use crate::ir::program::{CoreSlice, Program};

impl Findings {
    /// One distinct site on the board for every core; the port's for ports.
    pub(super) fn sites(&mut self, program: &Program) {
        let cores = program.chip_cores().count();
        let placed: EntityMap<CoreId, Site> = program.sites.values().take(cores).copied().collect();
        for (place, message) in site_problems(&placed, program.chips, cores, &program.target) {
            self.need(false, || place, || message);
        }
        let whole = program.sites.len() == program.cores.len();
        self.need(
            whole,
            || NamedPart::Placement.into(),
            || format!("{} sites for {} cores and ports", program.sites.len(), program.cores.len()),
        );
    }

    /// Ports stand behind all cores, at the target's port, and have nothing but one network's spikes from outside.
    pub(super) fn ports(&mut self, program: &Program) {
        let (first, port) = (program.chip_cores().count(), program.topology().input_site());
        for (id, core) in program.cores.iter().skip(first) {
            let place = || id.into();
            self.need(program.is_port(id), place, || "is a core behind a port".into());
            let populations = &program.model.populations;
            let plain = core.slices.iter().all(|s| populations[s.slice.population].dynamics.is_port())
                && core.weights.is_empty()
                && (core.lists.is_empty() && core.axons.is_empty() && core.entries.is_empty());
            self.need(plain, place, || "is a port and holds more than spikes from outside".into());
            let site = program.sites.get(id).copied();
            self.need(site.is_some() && site == port, place, || {
                format!("stands at {site:?}, spikes from outside enter at {port:?}")
            });
        }
        for (id, core) in program.cores.iter().take(first) {
            let populations = &program.model.populations;
            let own = core.slices.iter().all(|s| !populations[s.slice.population].dynamics.is_port());
            self.need(own, || id.into(), || "holds spikes from outside, which have a port".into());
        }
    }

    /// Every neuron of every population on exactly one core; local numbering without gaps.
    pub(super) fn neurons(&mut self, program: &Program) {
        // Also bounds the memory of this check for a file from elsewhere.
        let on_cores = program.model.populations.values().filter(|p| !p.dynamics.is_port());
        let neurons: u64 = on_cores.map(|p| p.shape.len() as u64).sum();
        let room = (program.cores.len() as u64 * u64::from(program.target.core.neurons.get())).min(1 << 28);
        if !self.need(
            neurons <= room,
            || NamedPart::Program.into(),
            || format!("{neurons} neurons, cores hold {room}"),
        ) {
            return;
        }
        let mut cover = NeuronCover::new(&program.model);
        for (id, core) in program.cores.iter() {
            let mut next = 0u32;
            for placed in &core.slices {
                if !self.slice(program, id, placed, next, &mut cover) {
                    return;
                }
                next += placed.slice.neurons();
            }
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
        cover: &mut NeuronCover,
    ) -> bool {
        let (slice, first) = (&placed.slice, placed.first_neuron);
        let place = || id.into();
        match cover.mark(&program.model, slice) {
            Err(message) => self.need(false, place, || message),
            Ok(doubled) => {
                let population = slice.population;
                // Slices that lie over each other are not counted, as their sum may leave 32 bits.
                self.need(doubled == 0, place, || {
                    format!("{doubled} neurons of {population} are on another core too")
                }) && self.need(first == next, place, || {
                    format!("slice of {population} starts at neuron {first}, expected {next}")
                })
            }
        }
    }

    /// No limit of the target exceeded.
    pub(super) fn limits(&mut self, program: &Program) {
        self.tables(program);
        let atoms_max = program.target.axons.atoms_max();
        for (id, core) in program.cores.iter() {
            let limits = if program.is_port(id) { None } else { Some(program.core_use(id)) };
            for LimitExceeded { limit, used, most } in
                limits.iter().flat_map(|limits| limits.exceeded(&program.target))
            {
                let layers = core.slices.iter().map(|s| program.model.layer_name(s.slice.population));
                let layers: std::collections::BTreeSet<String> = layers.collect();
                let place = || {
                    let names: Vec<String> = layers.into_iter().collect();
                    Subject::Core(id, CorePart::Layers(names)).into()
                };
                self.need(false, place, || format!("uses {used} {limit}, target has {most}"));
            }
            for placed in core.slices.iter().filter(|s| !s.destinations.is_empty()) {
                let atoms = placed.slice.atoms();
                self.need(
                    atoms_max.is_none_or(|most| atoms <= most),
                    || id.into(),
                    || format!("{atoms} atoms on an axon, target has {}", atoms_max.unwrap_or(0)),
                );
            }
        }
    }

    /// No router's table overfull.
    fn tables(&mut self, program: &Program) {
        let RoutingScheme::Multicast { table_entries: Some(most) } = program.target.topology.routing.get()
        else {
            return;
        };
        if let Some((router, used)) = MulticastTrees::of(program).and_then(|trees| trees.overfull(most)) {
            let message = || format!("holds {used} table entries, target has {most}");
            self.need(false, || Subject::Router(router).into(), message);
        }
    }
}
