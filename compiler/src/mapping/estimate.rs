//! What a mapped model is expected to take: time and energy of an item of the workload, before anything is executed.
//!
//! The bottleneck formula of the simulator's analytic time, with expected events in place of counted ones: a timestep
//! lasts as long as its busiest unit or link, and then the barrier. Passes of a network in a phase of an item are
//! taken to be alike. Transfers to and from the host are left out; they do not depend on the mapping.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use snnc_targets::work::CORE_UNITS;
use snnc_targets::{CoreWork, EnergyEvent, LinkKind, Timing};

use super::activity::{Activity, ActivitySource};
use crate::ir::program::trees::MulticastTrees;
use crate::ir::program::zeros::SkippedZeros;
use crate::ir::program::{CoreSlice, Program};
use crate::ir::{CoreId, NetworkId};

/// Expected time and energy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// Where expected spikes come from.
    pub activity: ActivitySource,
    /// Seconds of an item.
    pub time_s: f64,
    /// No mapping onto the cores at hand takes less: work shared out evenly in every timestep.
    pub time_least_s: f64,
    /// Joules of an item.
    pub energy_j: f64,
    /// Joules without packets, and static power for the least time.
    pub energy_least_j: f64,
    /// Cores that the bounds share the work out to.
    pub cores: usize,
    /// What each network waits for.
    pub networks: Vec<NetworkEstimate>,
}

impl Estimate {
    /// Energy times time.
    pub fn edp_js(&self) -> f64 {
        self.energy_j * self.time_s
    }
}

/// Expected time of a network's passes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NetworkEstimate {
    /// Its name.
    pub name: String,
    /// Seconds of its passes in an item.
    pub time_s: f64,
    /// Seconds of that in barriers.
    pub barriers_s: f64,
    /// The timestep that takes longest.
    pub longest: BusiestUnit,
}

/// The unit that a timestep waits for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BusiestUnit {
    /// Timestep of the pass.
    pub timestep: u32,
    /// The unit: one of a core, or a link.
    pub unit: String,
    /// The core; none of a link.
    pub core: Option<u32>,
    /// Layers on that core.
    pub layers: Vec<String>,
    /// Seconds that it is busy in an item.
    pub busy_s: f64,
    /// Seconds that the same units of all cores in use are busy, on the mean.
    pub mean_s: f64,
}

/// Kinds of links.
const KINDS: [LinkKind; 3] = [LinkKind::EastWest, LinkKind::NorthSouth, LinkKind::Chip];

/// Where the packets of a slice's position go: (flow, synaptic operations of a packet, the mean of its channels).
type PositionFlows = Vec<Vec<(usize, f64)>>;

/// A program's flows, made once.
struct ProgramFlows<'a> {
    program: &'a Program,
    timing: Timing,
    /// Slices, core by core.
    slices: Vec<(CoreId, &'a CoreSlice)>,
    routes: Vec<PositionFlows>,
    /// (from, to).
    pairs: Vec<(CoreId, CoreId)>,
    /// Links of each pair; empty on a multicast target.
    paths: Vec<Vec<(usize, LinkKind)>>,
    trees: Option<MulticastTrees>,
    links: Vec<LinkKind>,
}

impl<'a> ProgramFlows<'a> {
    fn new(program: &'a Program) -> Self {
        let topology = program.topology();
        let slices: Vec<(CoreId, &CoreSlice)> = program
            .cores
            .iter()
            .flat_map(|(id, core)| core.slices.iter().map(move |placed| (id, placed)))
            .collect();
        let mut known: BTreeMap<(CoreId, CoreId), usize> = BTreeMap::new();
        let zeros = SkippedZeros::of(program);
        let mut route = |from: CoreId, placed: &CoreSlice, position: u32| -> Vec<(usize, f64)> {
            let to = placed.routes(position).iter().map(|to| {
                let core = &program.cores[to.core];
                let axon = &core.axons[to.axon as usize];
                let lists = core.entries(axon).iter().map(|entry| &core.lists[entry.list as usize]);
                let next = known.len();
                let operations = lists.map(|list| list.synapses()).sum::<u64>() as f64;
                let skipped = zeros.as_ref().map_or(0, |zeros| zeros.on(to.core).met_by_all(core, axon));
                let operations = operations - skipped as f64 / f64::from(axon.atoms.max(1));
                (*known.entry((from, to.core)).or_insert(next), operations)
            });
            to.collect()
        };
        let routes = slices.iter().map(|&(from, placed)| {
            (0..placed.slice.positions()).map(|position| route(from, placed, position)).collect()
        });
        let routes: Vec<PositionFlows> = routes.collect();
        let mut pairs = vec![(CoreId(0), CoreId(0)); known.len()];
        known.into_iter().for_each(|(pair, index)| pairs[index] = pair);
        let trees = MulticastTrees::of(program);
        let mut links = vec![LinkKind::EastWest; topology.links()];
        let path = |&(from, to): &(CoreId, CoreId)| -> Vec<(usize, LinkKind)> {
            let path = topology.path(program.sites[from], program.sites[to]);
            path.map(|(link, kind)| (link.0 as usize, kind)).collect()
        };
        let paths: Vec<Vec<(usize, LinkKind)>> =
            if trees.is_some() { vec![Vec::new(); pairs.len()] } else { pairs.iter().map(path).collect() };
        paths.iter().flatten().for_each(|&(link, kind)| links[link] = kind);
        if let Some(trees) = &trees {
            let grown = (0..slices.len()).flat_map(|slice| trees.positions(slice).iter().flatten());
            for &(link, kind) in grown.flat_map(|&tree| trees.links(tree)) {
                links[link.0 as usize] = kind;
            }
        }
        Self { program, timing: program.target.timing(), slices, routes, pairs, paths, trees, links }
    }
}

/// Expected events of a timestep.
struct Step {
    work: Vec<CoreWork<f64>>,
    /// Packets on each link.
    links: Vec<f64>,
    /// Crossings of links, in the order of [`KINDS`].
    hops: [f64; KINDS.len()],
}

impl ProgramFlows<'_> {
    /// Expected events of a network's timestep, its passes summed.
    fn step(&self, activity: &Activity, network: NetworkId, timestep: u32) -> Step {
        let mut work = vec![CoreWork::default(); self.program.cores.len()];
        let mut links = vec![0.0; self.links.len()];
        let mut hops = [0.0; KINDS.len()];
        let mut flows = vec![0.0; self.pairs.len()];
        for (index, &(core, placed)) in self.slices.iter().enumerate() {
            let slice = &placed.slice;
            let population = &self.program.model.populations[slice.population];
            let own = activity.of(slice.population);
            let port = population.dynamics.is_port();
            let passes = if port { 0.0 } else { activity.passes(network) };
            if population.network != network || !own.active(timestep) {
                if !self.program.target.neuron.gated() {
                    work[core.0 as usize].updates_inactive += f64::from(slice.neurons()) * passes;
                }
                continue;
            }
            work[core.0 as usize].updates_active += f64::from(slice.neurons()) * passes;
            let share = f64::from(slice.atoms()) / population.shape.channels as f64;
            for position in 0..slice.positions() {
                let (y, x) = slice.coordinates(position);
                let at = y as usize * population.shape.width + x as usize;
                let spikes = f64::from(own.at(timestep, population.outside_position(at))) * share;
                if spikes == 0.0 {
                    continue;
                }
                let to = &self.routes[index][position as usize];
                let sender = &mut work[core.0 as usize];
                sender.spikes += if port { 0.0 } else { spikes };
                sender.packets_out += match &self.trees {
                    Some(_) => spikes * f64::from(u8::from(!to.is_empty())),
                    None => spikes * to.len() as f64,
                };
                for &(flow, operations) in to {
                    flows[flow] += spikes;
                    work[self.pairs[flow].1.0 as usize].synaptic_operations += spikes * operations;
                }
                let tree = self.trees.as_ref().and_then(|trees| {
                    let tree = trees.positions(index).get(position as usize).copied().flatten()?;
                    Some(trees.links(tree))
                });
                for &(link, kind) in tree.unwrap_or_default() {
                    links[link.0 as usize] += spikes;
                    hops[kind as usize] += spikes;
                }
            }
        }
        for ((&packets, &(_, to)), path) in flows.iter().zip(&self.pairs).zip(&self.paths) {
            work[to.0 as usize].packets_in += packets;
            for &(link, kind) in path {
                links[link] += packets;
                hops[kind as usize] += packets;
            }
        }
        Step { work, links, hops }
    }
}

/// Most timesteps of a pass that are looked at, all phases together; of longer ones as many are taken at even
/// distances.
const STEPS_MAX: u32 = 64;
/// Most destinations of positions: beyond, an estimate would take more memory than the program.
const DESTINATIONS_MAX: usize = 1 << 24;

/// What a program is expected to take, if bounds share the work out to `cores` cores; none of a target without
/// timesteps, or of a program with very many destinations.
pub fn estimate(program: &Program, activity: &Activity, cores: usize) -> Option<Estimate> {
    let slices = program.cores.values().flat_map(|core| &core.slices);
    let destinations: usize = slices.map(|slice| slice.destinations.len()).sum();
    if !program.target.neuron.timesteps.get() || destinations > DESTINATIONS_MAX {
        return None;
    }
    let flows = ProgramFlows::new(program);
    let topology = program.topology();
    let tiles: BTreeSet<_> =
        program.chip_cores().map(|(core, _)| topology.tile_of(program.sites[core])).collect();
    let barrier = flows.timing.barrier_ps(tiles.len() as u32) as f64;
    let least_barrier = flows.timing.barrier_ps(1) as f64;
    let mut sums = Sums::default();
    let mut networks = Vec::new();
    for (network, of) in program.model.networks.iter() {
        let passes = activity.passes(network);
        let busy: Vec<&Activity> =
            activity.phases().iter().filter(|phase| phase.passes(network) > 0.0).collect();
        let count = of.pass_steps.clamp(1, (STEPS_MAX / busy.len().max(1) as u32).max(1));
        let stands_for = f64::from(of.pass_steps) / f64::from(count);
        let (mut time, mut longest) = (0.0, None);
        for i in 0..count {
            let timestep = (u64::from(i) * u64::from(of.pass_steps) / u64::from(count)) as u32;
            for phase in &busy {
                let step = flows.step(phase, network, timestep);
                sums.add(&step, &flows, cores, stands_for);
                time += flows.busiest(&step, timestep).busy_s * stands_for;
            }
            let busiest = flows.busiest(&flows.step(activity, network, timestep), timestep);
            if longest.as_ref().is_none_or(|other: &BusiestUnit| other.busy_s < busiest.busy_s) {
                longest = Some(busiest);
            }
        }
        let steps = f64::from(of.pass_steps) * passes;
        let barriers_s = steps * barrier / 1e12;
        sums.least_ps += steps * least_barrier;
        networks.extend(longest.map(|longest| NetworkEstimate {
            name: of.name.clone(),
            time_s: time + barriers_s,
            barriers_s,
            longest,
        }));
    }
    let time_s = networks.iter().map(|network| network.time_s).sum();
    let time_least_s = sums.least_ps / 1e12;
    let watts = program.static_watts();
    Some(Estimate {
        activity: activity.source,
        time_s,
        time_least_s,
        energy_j: sums.events_aj / 1e18 + watts * time_s,
        energy_least_j: sums.work_aj / 1e18 + watts * time_least_s,
        cores,
        networks,
    })
}

/// Sums over timesteps.
#[derive(Default)]
struct Sums {
    /// Attojoules of all events.
    events_aj: f64,
    /// Attojoules of events that no mapping changes.
    work_aj: f64,
    /// Picoseconds of timesteps with work shared out evenly.
    least_ps: f64,
}

impl Sums {
    fn add(&mut self, step: &Step, flows: &ProgramFlows, cores: usize, stands_for: f64) {
        let energy = flows.program.target.energy();
        let flits = f64::from(flows.program.target.flits_per_packet());
        let aj = |event: EnergyEvent, count: f64| energy.aj(event) as f64 * count;
        let mut all = CoreWork::<f64>::default();
        for work in &step.work {
            all.synaptic_operations += work.synaptic_operations;
            all.updates_active += work.updates_active;
            all.updates_inactive += work.updates_inactive;
            all.spikes += work.spikes;
            all.packets_in += work.packets_in;
            all.packets_out += work.packets_out;
        }
        let work = aj(EnergyEvent::SynapticOperation, all.synaptic_operations)
            + aj(EnergyEvent::NeuronUpdateActive, all.updates_active)
            + aj(EnergyEvent::NeuronUpdateInactive, all.updates_inactive)
            + aj(EnergyEvent::NeuronSpike, all.spikes);
        let hops = KINDS.into_iter().zip(step.hops);
        let hops = hops.map(|(kind, count)| energy.hop_aj(kind) as f64 * count * flits);
        let packets = aj(EnergyEvent::AxonIn, all.packets_in)
            + aj(EnergyEvent::AxonOut, all.packets_out)
            + aj(EnergyEvent::TileDelivery, all.packets_in * flits)
            + hops.sum::<f64>();
        self.work_aj += work * stands_for;
        self.events_aj += (work + packets) * stands_for;
        // Packets depend on the mapping, whichever unit makes and decodes them.
        let shared = CoreWork { packets_in: 0.0, packets_out: 0.0, ..all };
        let [synapse, neuron, ..] = shared.busy_ps(&flows.timing);
        self.least_ps += synapse.max(neuron) / cores.max(1) as f64 * stands_for;
    }
}

impl ProgramFlows<'_> {
    /// The unit or link that a timestep waits for.
    fn busiest(&self, step: &Step, timestep: u32) -> BusiestUnit {
        let flits = f64::from(self.program.target.flits_per_packet());
        let cores = self.program.chip_cores().count().max(1) as f64;
        let mut found = (0.0, 0, Some(CoreId(0)));
        let mut sums = [0.0; 5];
        for (core, work) in self.program.cores.keys().zip(&step.work) {
            let [synapse, neuron, axon_in, axon_out] = work.busy_ps(&self.timing);
            let port = work.packets_in.max(work.packets_out) * flits;
            let delivery = port * self.timing.tile_delivery.interval_ps as f64;
            let units = match self.program.is_port(core) {
                true => {
                    [0.0, 0.0, 0.0, work.packets_out * self.timing.input_packet.interval_ps as f64, delivery]
                }
                false => [synapse, neuron, axon_in, axon_out, delivery],
            };
            for (unit, busy) in units.into_iter().enumerate() {
                sums[unit] += busy;
                if busy > found.0 {
                    found = (busy, unit, Some(core));
                }
            }
        }
        for (&packets, &kind) in step.links.iter().zip(&self.links) {
            let busy = packets * flits * self.timing.hop(kind).interval_ps as f64;
            if busy > found.0 {
                found = (busy, CORE_UNITS.len() + 1, None);
            }
        }
        let (busy, unit, core) = found;
        let names = CORE_UNITS.into_iter().chain(["delivery", "link"]);
        BusiestUnit {
            timestep,
            unit: names.into_iter().nth(unit).unwrap_or_default().to_owned(),
            core: core.map(|core| core.0),
            layers: core.map(|core| self.layers(core)).unwrap_or_default(),
            busy_s: busy / 1e12,
            mean_s: sums.get(unit).map_or(0.0, |sum| sum / cores / 1e12),
        }
    }

    fn layers(&self, core: CoreId) -> Vec<String> {
        let slices = self.program.cores[core].slices.iter().map(|placed| placed.slice.population);
        let populations: BTreeSet<_> = slices.collect();
        populations.into_iter().map(|id| self.program.model.layer_name(id)).collect()
    }
}
