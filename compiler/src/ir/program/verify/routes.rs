//! Where spikes go: tables of routes, axons with one source each, arrivals within windows.

use super::Findings;
use crate::ir::components::PopulationComponents;
use crate::ir::program::{AxonDestination, Core, CoreSlice, InputAxon, Program};
use crate::ir::spiking::verify::{arrival_problem, pass_problems};
use crate::ir::{CoreId, NetworkId, ProjectionId};
use snnc_targets::{CorePart, Subject};

/// A destination's core and axon; the stage before has seen that they exist.
fn end(program: &Program, to: AxonDestination) -> (&Core, &InputAxon) {
    let core = &program.cores[to.core];
    (core, &core.axons[to.axon as usize])
}

impl Findings {
    /// Every position has its routes, and every route an axon to arrive at.
    pub(super) fn destinations(&mut self, program: &Program) {
        for (id, core) in program.cores.iter() {
            for placed in &core.slices {
                self.route_table(id, placed);
                for to in &placed.destinations {
                    // Of a core that is not held, no axon is known.
                    let known = |c: &Core| (to.axon as usize) < c.axons.len() || !program.holds(to.core);
                    let exists = program.cores.get(to.core).is_some_and(known);
                    let place = || Subject::Core(id, CorePart::Route(to.core, to.axon)).into();
                    self.need(exists, place, || "arrives nowhere".into());
                }
            }
        }
    }

    /// Whether a table covers the positions and destinations of a slice.
    pub(super) fn route_table(&mut self, id: CoreId, placed: &CoreSlice) {
        let starts = &placed.route_starts;
        let whole = starts.len() == placed.slice.positions() as usize + 1
            && starts.first() == Some(&0)
            && starts.is_sorted()
            && starts.last().is_some_and(|&end| end as usize == placed.destinations.len());
        self.need(whole, || id.into(), || format!("route table of {} is broken", placed.slice.population));
    }

    /// Every axon has exactly one source, whose packets mean what the axon takes them for.
    pub(super) fn routes(&mut self, program: &Program) {
        let components = program.components();
        for between in components.parted(&program.model) {
            let place =
                || Subject::Population(between, program.model.populations[between].name.clone()).into();
            self.need(false, place, || {
                "stands between populations of a cycle, which must be side by side".into()
            });
        }
        let mut arrivals = Vec::new();
        let mut sources: Vec<Vec<u32>> = program.cores.values().map(|c| vec![0; c.axons.len()]).collect();
        for (id, core) in program.cores.iter() {
            for placed in &core.slices {
                self.slice_routes(program, id, placed, &components, (&mut sources, &mut arrivals));
                self.meetings(program, id, placed);
            }
        }
        // Where not all cores are held, the spike that arrives last may be another rank's to know.
        let last = |&(network, end): &(NetworkId, u32)| end > program.model.networks[network].pass_steps;
        if program.held.is_none() || arrivals.iter().any(last) {
            for (place, problem) in pass_problems(&program.model, arrivals) {
                self.need(false, || place, || problem);
            }
        }
        for (id, counts) in program.cores.keys().zip(&sources) {
            for (axon, &count) in counts.iter().enumerate() {
                self.need(
                    count == 1,
                    || Subject::Core(id, CorePart::Axon(axon)).into(),
                    || format!("has {count} sources, expected one"),
                );
            }
        }
    }

    fn slice_routes(
        &mut self,
        program: &Program,
        id: CoreId,
        placed: &CoreSlice,
        components: &PopulationComponents,
        (sources, arrivals): (&mut [Vec<u32>], &mut Vec<(NetworkId, u32)>),
    ) {
        let source = &program.model.populations[placed.slice.population];
        let silent = source.dynamics.fires() || placed.destinations.is_empty();
        self.need(silent, || id.into(), || format!("\"{}\" never fires but has routes", source.name));
        for &to in placed.destinations.iter().filter(|to| program.holds(to.core)) {
            let place = || Subject::Core(id, CorePart::Route(to.core, to.axon)).into();
            let (core, axon) = end(program, to);
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
            let cycle = components.share_a_cycle(placed.slice.population, slice.population);
            let forward = cycle || placed.slice.population < slice.population;
            self.need(forward, place, || {
                format!("{} must come before {}", placed.slice.population, slice.population)
            });
            if let Some(problem) = arrival_problem(source, target, axon.delay) {
                self.need(false, place, || problem);
            }
            arrivals.push((source.network, source.window.end().saturating_add(axon.delay)));
        }
    }

    /// A position meets a slice once through a projection.
    fn meetings(&mut self, program: &Program, id: CoreId, placed: &CoreSlice) {
        let mut met: Vec<(CoreId, u32, ProjectionId)> = Vec::new();
        for position in 0..placed.slice.positions() {
            met.clear();
            for &to in placed.routes(position).iter().filter(|to| program.holds(to.core)) {
                let (core, axon) = end(program, to);
                let lists = core.entries(axon).iter().map(|entry| &core.lists[entry.list as usize]);
                met.extend(lists.map(|list| (to.core, list.slice, list.projection)));
            }
            met.sort_unstable();
            let twice = met.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
            let place = || {
                let (y, x) = placed.slice.coordinates(position);
                Subject::Core(id, CorePart::Position(y, x)).into()
            };
            self.need(twice.is_none(), place, || {
                let named = |(core, slice, projection)| {
                    format!("meets {core} slice {slice} twice through {projection}")
                };
                twice.map(named).unwrap_or_default()
            });
        }
    }
}
