//! Cycle-accurate time: every packet of a timestep through cores and network.
//!
//! A timestep begins with all cores updating their neurons in order and sending as they go; packets are carried by
//! the [`mesh`], decoded and worked off where they arrive, into the sums of the timestep that integrates them. When
//! everything has drained, the barrier ends the timestep. So timesteps are independent given the spikes: they are
//! simulated in parallel and collected in order, and threads cannot change a result.
//!
//! Invariants: a timestep takes at least its analytic time; every packet is delivered once; no spike changes.

mod clock;
mod core;
mod latency;
pub mod mesh;
mod routes;
mod sample;
#[cfg(test)]
mod tests;

use rayon::prelude::*;
use snnc_compiler::ir::program::Program;
use snnc_targets::schema::Routing;
use snnc_targets::{Code, Diagnostic};

pub use latency::{CLASSES, Latencies};
pub use routes::Routes;
pub use sample::Sampled;

use self::core::{Cores, SliceWork};
use super::result::{PassTime, StepTime};
use crate::counts::{PassCounts, SliceTable};
use crate::execute::slice::SliceTrace;
use clock::CoreCycles;
use mesh::{Mesh, MeshSpec};

/// The cycle-accurate model of one program.
#[derive(Debug, Clone, PartialEq)]
pub struct Cycle {
    /// One timestep of so many is simulated.
    every: u32,
    core: CoreCycles,
    mesh: MeshSpec,
    /// Core at each port of the mesh.
    ports: Vec<Option<u32>>,
    /// First slice of each core, and one past the last.
    starts: Vec<usize>,
    /// By slice: channels, and first timestep of its window.
    slices: Vec<(u32, u32)>,
}

/// One simulated timestep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// From its start until everything has drained, without the barrier.
    pub time_ps: u64,
    /// Time under way of its packets, ps.
    pub packets: Latencies,
}

impl Cycle {
    /// Prepares the model; one timestep of `every` will be simulated.
    ///
    /// # Errors
    /// [`Code::Unsupported`] if the target forks packets, describes no network, or its mesh is too large.
    pub fn new(program: &Program, slices: &SliceTable, every: u32) -> Result<Self, Diagnostic> {
        let (target, topology) = (&program.target, program.topology());
        let refuse =
            |message: &str| Diagnostic::new(Code::Unsupported, format!("target {}", target.name), message);
        let network = target.network.as_ref().ok_or_else(|| {
            refuse("describes no queues and routers, so it cannot be timed cycle by cycle")
                .hint("add a `network` section to the target file, or use `--timing analytic`")
        })?;
        if target.topology.routing.get() != Routing::Unicast {
            return Err(refuse("forks packets on their way, which the cycle-accurate mesh does not do yet")
                .hint("use `--timing analytic`, which counts each link of a multicast tree once"));
        }
        let timing = target.timing();
        let mesh = clock::mesh(&topology, &timing, network);
        let core = CoreCycles::new(&timing, network);
        if topology.width().max(topology.height()) > 65_535 || mesh.places() > 1 << 24 {
            return Err(
                refuse("has too many router buffers for a simulation").hint("use `--timing analytic`")
            );
        }
        if core.longest().max(mesh.longest()) > 1 << 32 {
            return Err(
                refuse("has a time of more than 2^32 cycles of its clock").hint("give a longer `clock_ns`")
            );
        }
        let mut ports = vec![None; topology.sites() as usize];
        for (core, &site) in program.sites.iter() {
            let tile = topology.tile_of(site);
            let router = tile.y * topology.width() + tile.x;
            ports[(router * topology.cores_per_tile + site.0 % topology.cores_per_tile) as usize] =
                Some(core.0);
        }
        let placed = program.cores.values().flat_map(|core| &core.slices);
        let of = |slice: &snnc_compiler::ir::program::Slice| {
            (slice.atoms(), program.model.populations[slice.population].window.start)
        };
        Ok(Self {
            every: every.max(1),
            core,
            mesh,
            ports,
            starts: slices.starts.clone(),
            slices: placed.map(|placed| of(&placed.slice)).collect(),
        })
    }

    /// Simulates timesteps of a pass and puts their times into `time`, which holds the analytic ones. `first` is the
    /// index of the pass's first timestep within image `image`.
    pub fn refine(
        &self,
        routes: &Routes,
        counts: &PassCounts,
        traces: &[SliceTrace],
        (image, first): (u64, u64),
        time: &mut PassTime,
    ) {
        let steps: Vec<usize> =
            (0..time.steps.len()).filter(|&i| sample::chosen(self.every, image, first + i as u64)).collect();
        let drained: Vec<Drained> = steps
            .par_iter()
            .map_init(|| Mesh::new(&self.mesh), |mesh, &step| self.step(mesh, routes, counts, traces, step))
            .collect();
        let mut simulated = vec![None; time.steps.len()];
        steps.iter().zip(drained).for_each(|(&step, drained)| simulated[step] = Some(drained));
        for (step, drained) in time.steps.iter_mut().zip(simulated) {
            self.enter(step, drained, time.sampled.get_or_insert_default());
        }
    }

    /// Replaces an analytic time by a simulated one, weighted for those that are not simulated.
    fn enter(&self, step: &mut StepTime, drained: Option<Drained>, sampled: &mut Sampled) {
        let Some(Drained { time_ps, packets }) = drained else { return sampled.add(None) };
        let analytic_ps = step.total_ps - step.barrier_ps;
        assert!(time_ps >= analytic_ps, "no timestep is faster than its busiest unit");
        let excess = time_ps - analytic_ps;
        sampled.add(Some(excess));
        step.total_ps = step.total_ps.saturating_add(excess.saturating_mul(u64::from(self.every)));
        step.packets = Some(packets);
        step.rebound(time_ps);
    }

    /// Simulates one timestep.
    pub fn step(
        &self,
        mesh: &mut Mesh,
        routes: &Routes,
        counts: &PassCounts,
        traces: &[SliceTrace],
        step: usize,
    ) -> Drained {
        let work = self.work(counts, traces, step);
        let mut cores = Cores::new(routes, &self.core, &self.ports, &self.starts, work);
        let drained = mesh.run(&mut cores);
        let cycles = drained.at.max(cores.end());
        Drained { time_ps: cycles.saturating_mul(self.core.clock_ps), packets: cores.latencies }
    }

    /// The slices that do something in a timestep.
    fn work<'a>(&self, counts: &PassCounts, traces: &'a [SliceTrace], step: usize) -> Vec<SliceWork<'a>> {
        let events = counts.steps[step].events.iter().enumerate();
        events
            .filter(|(_, e)| e.updates_active + e.updates_inactive > 0)
            .map(|(slice, &events)| {
                let (atoms, start) = self.slices[slice];
                let local = step.checked_sub(start as usize);
                let fired = traces.get(slice).zip(local).and_then(|(trace, local)| trace.fired.get(local));
                SliceWork { slice, atoms, events, fired: fired.map_or(&[], Vec::as_slice) }
            })
            .collect()
    }
}
