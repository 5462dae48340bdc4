//! Cycle-accurate time: every packet of a timestep through cores and network.
//!
//! A timestep begins with all cores updating their neurons in order and sending as they go; packets are carried by
//! the [`mesh`], decoded and worked off where they arrive, into the sums of the timestep that integrates them. When
//! everything has drained, the barrier ends the timestep. So timesteps are independent given the spikes: they are
//! simulated in parallel and collected in order, and threads cannot change a result.
//!
//! Where the target's routers fork packets, a spike is one packet, which goes to all its cores on a tree.
//!
//! [`validate`] refuses what cannot be simulated, [`sampling`] chooses timesteps, and [`timestep`] runs one of them:
//! [`injection`] makes the packets of a spike, [`cores`] holds the units before and behind the mesh, [`records`] keeps
//! what was seen.
//!
//! Invariants: a timestep takes at least its analytic time; every packet is delivered once to each of its cores; no
//! spike changes.

mod cores;
mod injection;
pub mod mesh;
mod records;
mod sampling;
#[cfg(test)]
mod tests;
mod timestep;
mod validate;

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::program::trees::MulticastTrees;
use snnc_targets::{Diagnostic, Target};

pub use injection::PacketDestinations;
pub use mesh::ZeroLoadRoutes;
pub use records::{
    CLASSES, DeliveredPacket, InjectedPacket, KEPT, Latencies, LinkWork, SlowPacket, StepDetail, StepPlace,
    StepRecord, Unit, UnitWork, Watcher, keep_slowest,
};
pub use sampling::{Sampled, chosen};

use super::result::{PassTime, StepTime};
use crate::counts::{PassCounts, SliceTable};
use crate::execute::slice::SliceTrace;
use cores::{CoreCycles, EntryPort};
use injection::MulticastTable;
use mesh::{MeshSimulation, MeshSpec, MeshTrees};
use records::StepRecorder;

/// The cycle-accurate model of one program.
#[derive(Debug, Clone, PartialEq)]
pub struct Cycle {
    /// One timestep of so many is simulated.
    every: u32,
    core: CoreCycles,
    mesh: MeshSpec,
    /// Trees of packets that fork; empty if none does.
    trees: Arc<MeshTrees>,
    /// The tree of each position and what its packets bring to the cores; none if no packet forks.
    multicast: Option<MulticastTable>,
    zero_load: ZeroLoadRoutes,
    /// Core at each port of the mesh.
    ports: Vec<Option<u32>>,
    /// Where packets from outside enter.
    inputs: EntryPort,
    /// First slice of each core, and one past the last.
    starts: Vec<usize>,
    /// Column and row of each core's tile.
    tiles: Vec<(u16, u16)>,
    /// By slice: channels, and first timestep of its window.
    slices: Vec<(u32, u32)>,
    /// Other times and queues with which the same timesteps are simulated as well; none where they are the same in
    /// whole cycles.
    others: Vec<Option<(CoreCycles, MeshSpec)>>,
}

/// One simulated timestep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SimulatedStep {
    /// From its start until everything has drained, without the barrier.
    pub time_ps: u64,
    /// Time under way of its packets, ps.
    pub packets: Latencies,
    /// What that would have come to in an empty mesh, ps; sum over the packets.
    pub zero_load_ps: u128,
    /// Sum over the cores: neuron units stopped because the queue of spikes was full, ps.
    pub neurons_stopped_ps: u64,
    /// Sum over the cores: makers of packets stopped because the router's local buffer was full, ps.
    pub makers_stopped_ps: u64,
}

/// Where a pass stands in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PassPlace {
    /// Seed of the run, for the choice of sampled timesteps.
    pub seed: u64,
    /// Image.
    pub image: u64,
    /// Pass within the image.
    pub iteration: usize,
    /// Index of the pass's first timestep within the image.
    pub first: u64,
}

/// What was executed in a pass, and where packets go.
#[derive(Debug, Clone, Copy)]
pub struct PassActivity<'a> {
    /// Numbering of the program's slices.
    pub table: &'a SliceTable,
    /// Destinations.
    pub routes: &'a PacketDestinations,
    /// Events.
    pub counts: &'a PassCounts,
    /// Spikes, by slice.
    pub traces: &'a [SliceTrace],
}

/// A simulated timestep: its times, its slowest packets (ps), and its record if a watcher wants one.
type StepOutcome = (SimulatedStep, Vec<SlowPacket>, Option<StepRecord>);

impl Cycle {
    /// Prepares the model; one timestep of `every` will be simulated.
    ///
    /// # Errors
    /// `Unsupported` if the target describes no network, one that is too large, or forks packets of several flits.
    pub fn new(program: &Program, slices: &SliceTable, every: u32) -> Result<Self, Diagnostic> {
        let (target, topology) = (&program.target, program.topology());
        let network = validate::network(program, target)?;
        let timing = target.timing();
        let mesh = cores::mesh(&topology, &timing, network);
        let core = CoreCycles::new(&timing, network);
        let trees = MulticastTrees::of(program);
        validate::sizes(program, &mesh, &core, trees.as_ref())?;
        let mut inputs = EntryPort::default();
        let mut ports = vec![None; topology.sites() as usize];
        let mut tiles = Vec::with_capacity(program.sites.len());
        for (core, &site) in program.sites.iter() {
            let tile = topology.tile_of(site);
            tiles.push((tile.x as u16, tile.y as u16));
            let router = tile.y * topology.width() + tile.x;
            let port = (router * topology.cores_per_tile + site.0 % topology.cores_per_tile) as usize;
            if program.is_port(core) {
                inputs.entrance = Some(port);
                inputs.cores.push(core.0);
            } else {
                ports[port] = Some(core.0);
            }
        }
        let placed = program.cores.values().flat_map(|core| &core.slices);
        let of = |slice: &snnc_compiler::ir::program::Slice| {
            (slice.atoms(), program.model.populations[slice.population].window.start)
        };
        let grown = trees.as_ref().map(|trees| Arc::new(injection::on_mesh(program, slices, trees, &mesh)));
        let grown = grown.unwrap_or_default();
        Ok(Self {
            every: every.max(1),
            core,
            zero_load: ZeroLoadRoutes::new(&mesh),
            mesh,
            trees: grown,
            multicast: trees
                .map(|trees| MulticastTable::new(&trees, slices, &PacketDestinations::new(program))),
            ports,
            inputs,
            tiles,
            starts: slices.starts.clone(),
            slices: placed.map(|placed| of(&placed.slice)).collect(),
            others: Vec::new(),
        })
    }

    /// The model, which also simulates every timestep at the times and queues of other targets: those of the program's
    /// own, but for constants of time. Each of them costs as much as the first.
    ///
    /// # Errors
    /// Those of [`Cycle::new`].
    pub fn at(self, program: &Program, others: &[Target]) -> Result<Self, Diagnostic> {
        let topology = program.topology();
        let chips = self.mesh.columns > self.mesh.chip_columns || self.mesh.rows > self.mesh.chip_rows;
        let other = |target: &Target| {
            let (timing, network) = (target.timing(), validate::network(program, target)?);
            let mut mesh = cores::mesh(&topology, &timing, network);
            let mut core = CoreCycles::new(&timing, network);
            validate::sizes(program, &mesh, &core, None)?;
            // What no packet passes moves nothing.
            if !chips {
                mesh.chip = self.mesh.chip;
            }
            if self.inputs.entrance.is_none() {
                core.input_packet = self.core.input_packet;
            }
            Ok(((&core, &mesh) != (&self.core, &self.mesh)).then_some((core, mesh)))
        };
        let others = others.iter().map(other).collect::<Result<_, Diagnostic>>()?;
        Ok(Self { others, ..self })
    }

    /// Zero-load latencies, cycles.
    pub fn zero_load_routes(&self) -> &ZeroLoadRoutes {
        &self.zero_load
    }

    /// One cycle, ps.
    pub fn clock_ps(&self) -> u64 {
        self.core.clock_ps
    }

    /// Column and row of each core's tile.
    pub fn tiles(&self) -> &[(u16, u16)] {
        &self.tiles
    }

    /// Simulates timesteps of a pass and puts their times into `time`, which holds the analytic ones. A watcher sees
    /// those that it wants.
    ///
    /// # Errors
    /// The watcher's.
    pub fn refine(
        &self,
        pass: PassActivity,
        at: PassPlace,
        mut watcher: Option<&mut dyn Watcher>,
        time: &mut PassTime,
    ) -> Result<(), Diagnostic> {
        let mut simulated = vec![None; time.steps.len()];
        let mut wanted = Vec::with_capacity(time.steps.len());
        for step in 0..time.steps.len() {
            if chosen(self.every, at.seed, at.image, at.first + step as u64) {
                let detail = match &mut watcher {
                    Some(watcher) => self.wanted(pass, at, &mut **watcher, step)?,
                    None => None,
                };
                wanted.push((step, detail));
            }
        }
        // Records are large: only a few timesteps at a time.
        let records = wanted.iter().any(|(_, detail)| detail.is_some());
        let batch = if records { 2 * rayon::current_num_threads() } else { wanted.len() };
        for steps in wanted.chunks(batch.max(1)) {
            for (&(step, _), (drained, slowest, record)) in steps.iter().zip(self.simulate(pass, steps)) {
                simulated[step] = Some(drained);
                time.slowest.extend(slowest.into_iter().map(|packet| (step, packet)));
                if let (Some(watcher), Some(mut record)) = (&mut watcher, record) {
                    record.barrier_ps = time.steps[step].barrier_ps;
                    watcher.recorded(place(pass, at, step), &record)?;
                }
            }
        }
        keep_slowest(&mut time.slowest, |&(step, packet)| (step, packet));
        self.refine_others(pass, &simulated, time);
        for (step, drained) in time.steps.iter_mut().zip(simulated) {
            self.enter(step, drained, time.sampled.get_or_insert_default());
        }
        Ok(())
    }

    /// How much of a timestep the watcher wants to see, if anything.
    fn wanted(
        &self,
        pass: PassActivity,
        at: PassPlace,
        watcher: &mut dyn Watcher,
        step: usize,
    ) -> Result<Option<StepDetail>, Diagnostic> {
        let (mut packets, mut hops) = (0, 0);
        for flow in &pass.counts.steps[step].flows {
            let [from, to] =
                [pass.table.cores[flow.source as usize], flow.target].map(|core| self.tiles[core.0 as usize]);
            packets += flow.packets;
            hops += flow.packets * u64::from(self.zero_load.hops(from, to));
        }
        if let Some(table) = &self.multicast {
            hops = table.crossings(&pass.counts.steps[step].multicast_flows);
        }
        watcher.wants(place(pass, at, step), packets, hops)
    }

    /// Simulates timesteps in parallel.
    fn simulate(&self, pass: PassActivity, steps: &[(usize, Option<StepDetail>)]) -> Vec<StepOutcome> {
        let one = |mesh: &mut MeshSimulation, &(step, detail): &(usize, Option<StepDetail>)| {
            let Some(detail) = detail else {
                let (drained, slowest) = self.step(mesh, pass, step, ());
                return (drained, slowest, None);
            };
            let mut recorder = StepRecorder::new(detail, self.core.clock_ps);
            let (drained, slowest) = self.step(mesh, pass, step, &mut recorder);
            recorder.recorded.time_ps = drained.time_ps;
            (drained, slowest, Some(recorder.recorded))
        };
        steps.par_iter().map_init(|| MeshSimulation::new(&self.mesh, &self.trees), one).collect()
    }

    /// Simulates the same timesteps at the other times, for the pass's time at each.
    fn refine_others(&self, pass: PassActivity, simulated: &[Option<SimulatedStep>], time: &mut PassTime) {
        let steps: Vec<(usize, u64)> = simulated
            .iter()
            .enumerate()
            .filter_map(|(step, drained)| Some((step, drained.as_ref()?.time_ps)))
            .collect();
        let sums = time.at_other_times_ps.iter_mut().zip(&time.busiest_at_other_times_ps);
        for ((sum, busiest_ps), other) in sums.zip(&self.others) {
            let excess = |(step, drained_ps): (usize, u64)| {
                assert!(drained_ps >= busiest_ps[step], "no timestep is faster than its busiest unit");
                drained_ps - busiest_ps[step]
            };
            let all: Vec<u64> = match other {
                None => steps.iter().map(|&at| excess(at)).collect(),
                Some((core, mesh)) => steps
                    .par_iter()
                    .map_init(
                        || MeshSimulation::new(mesh, &self.trees),
                        |mesh, &(step, _)| excess((step, self.step_at(core, mesh, pass, step))),
                    )
                    .collect(),
            };
            let excess_ps = all.into_iter().fold(0, u64::saturating_add);
            *sum = sum.saturating_add(excess_ps.saturating_mul(u64::from(self.every)));
        }
    }

    /// Replaces an analytic time by a simulated one, weighted for those that are not simulated.
    fn enter(&self, step: &mut StepTime, drained: Option<SimulatedStep>, sampled: &mut Sampled) {
        let Some(drained) = drained else { return sampled.add(None) };
        let analytic_ps = step.total_ps - step.barrier_ps;
        assert!(drained.time_ps >= analytic_ps, "no timestep is faster than its busiest unit");
        let excess = drained.time_ps - analytic_ps;
        sampled.add(Some(excess));
        step.total_ps = step.total_ps.saturating_add(excess.saturating_mul(u64::from(self.every)));
        step.simulated = Some(drained);
        step.rebound(drained.time_ps);
    }
}

fn place(pass: PassActivity, at: PassPlace, step: usize) -> StepPlace {
    let step = pass.counts.start + step;
    StepPlace { image: at.image, iteration: at.iteration, step, network: pass.counts.network }
}
