//! One timestep: the work of its slices goes to the cores, the mesh carries their packets, and times are added up.

use super::cores::{CoreCycles, Cores, SliceWork};
use super::injection::PacketInjector;
use super::mesh::MeshSimulation;
use super::records::{PacketObserver, SlowPacket};
use super::{Cycle, PassActivity, SimulatedStep};
use crate::counts::PassCounts;
use crate::execute::slice::SliceTrace;

impl Cycle {
    /// Simulates one timestep; its slowest packets are given in ps.
    pub(super) fn step<L: PacketObserver>(
        &self,
        mesh: &mut MeshSimulation,
        pass: PassActivity,
        step: usize,
        observer: L,
    ) -> (SimulatedStep, Vec<SlowPacket>) {
        let (cycles, cores) = self.drain(&self.core, mesh, pass, step, observer);
        let ps = |cycles: u64| cycles.saturating_mul(self.core.clock_ps);
        let timed = |&p: &SlowPacket| SlowPacket { latency: ps(p.latency), injected: ps(p.injected), ..p };
        let drained = SimulatedStep {
            time_ps: ps(cycles),
            packets: cores.latencies,
            zero_load_ps: self.zero_load_ps(pass, step),
            neurons_stopped_ps: ps(cores.neurons_stopped()),
            makers_stopped_ps: ps(cores.makers_stopped),
        };
        (drained, cores.slowest.into_packets().iter().map(timed).collect())
    }

    /// How long a timestep takes, ps, with cores of other times and queues and a mesh that goes with them.
    pub(super) fn step_at(
        &self,
        times: &CoreCycles,
        mesh: &mut MeshSimulation,
        pass: PassActivity,
        step: usize,
    ) -> u64 {
        self.drain(times, mesh, pass, step, ()).0.saturating_mul(times.clock_ps)
    }

    /// Carries the packets of a timestep; gives the cycles until everything has drained.
    fn drain<'a, L: PacketObserver>(
        &'a self,
        times: &'a CoreCycles,
        mesh: &mut MeshSimulation,
        pass: PassActivity<'a>,
        step: usize,
        observer: L,
    ) -> (u64, Cores<'a, L>) {
        let work = self.work(pass.counts, pass.traces, step);
        let injector =
            self.multicast.as_ref().map_or(PacketInjector::Unicast(pass.routes), PacketInjector::Multicast);
        let mut cores =
            Cores::new(injector, times, (&self.ports, &self.inputs), &self.starts, work, observer);
        let drained = mesh.run(&mut cores);
        (drained.at.max(cores.end()), cores)
    }

    /// What the packets of a timestep would take in an empty mesh, each branch by itself.
    fn zero_load_ps(&self, pass: PassActivity, step: usize) -> u128 {
        let of = |(slice, core, packets): (usize, u32, u64)| {
            let [from, to] = [pass.table.cores[slice].0, core].map(|core| self.tiles[core as usize]);
            u128::from(self.zero_load.between(from, to)) * u128::from(packets)
        };
        let step = &pass.counts.steps[step];
        let cycles: u128 = match &self.multicast {
            Some(table) => table.deliveries(&step.multicast_flows).map(of).sum(),
            None => {
                step.flows.iter().map(|flow| of((flow.source as usize, flow.target.0, flow.packets))).sum()
            }
        };
        cycles * u128::from(self.core.clock_ps)
    }

    /// The slices that do something in a timestep.
    fn work<'a>(&self, counts: &PassCounts, traces: &'a [SliceTrace], step: usize) -> Vec<SliceWork<'a>> {
        let events = counts.steps[step].events.iter().enumerate();
        events
            .filter(|(_, e)| e.updates_active + e.updates_inactive + e.spikes > 0)
            .map(|(slice, &events)| {
                let (atoms, start) = self.slices[slice];
                let local = step.checked_sub((start as usize).saturating_sub(counts.start));
                let fired = traces.get(slice).zip(local).and_then(|(trace, local)| trace.fired.get(local));
                SliceWork { slice, atoms, events, fired: fired.map_or(&[], Vec::as_slice) }
            })
            .collect()
    }
}
