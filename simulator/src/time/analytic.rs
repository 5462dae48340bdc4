//! The bottleneck formula: a timestep takes as long as its busiest unit or link, and then the barrier.
//!
//! Units of a core work in a pipeline, cores and links at the same time, so no timestep can end before each unit has
//! spent its initiation interval on each of its events. Latencies, queues and arbitration only add to that: it is a
//! lower bound, reached when one unit dominates.
//!
//! Per core: synaptic operations, neuron updates (active and inactive), packets decoded and packets made, each times
//! its interval; packets delivered from the tile's router. Per link: packets times the hop's interval. Packets are
//! decoded in the timestep that integrates them and cross the network in the timestep that sends them.

use std::collections::HashSet;

use snnc_compiler::ir::program::Program;
use snnc_targets::{LinkKind, Timing};

use super::{PassTime, StepTime};
use crate::counts::{Events, PassCounts, SliceTable, StepCounts};
use crate::network::Network;

/// The bottleneck formula for one program.
#[derive(Debug, Clone, PartialEq)]
pub struct Analytic {
    timing: Timing,
    /// First slice of each core, and one past the last.
    starts: Vec<usize>,
    barrier_ps: u64,
}

impl Analytic {
    /// Prepares the formula; `slices` is the program's slice numbering.
    pub fn new(program: &Program, slices: &SliceTable) -> Self {
        let timing = program.target.timing();
        let barrier_ps = timing.barrier_ps(tiles_in_use(program));
        Self { timing, starts: slices.starts.clone(), barrier_ps }
    }

    /// Time of a pass: host writes, timesteps, host reads.
    pub fn pass(&self, network: &Network, counts: &PassCounts) -> PassTime {
        let mut loads = vec![0; network.links().len()];
        let steps = counts.steps.iter().map(|step| self.timed(network, step, &mut loads)).collect();
        let (write, read) = (self.timing.host_write, self.timing.host_read);
        PassTime {
            host_write_ps: transfer(counts.host_writes.iter().sum(), write.interval_ps, write.latency_ps),
            steps,
            host_read_ps: transfer(counts.host_reads.iter().sum(), read.interval_ps, read.latency_ps),
        }
    }

    /// Time of one timestep.
    pub fn step(&self, network: &Network, step: &StepCounts) -> StepTime {
        self.timed(network, step, &mut vec![0; network.links().len()])
    }

    /// As [`Analytic::step`], with a buffer for the loads of links.
    fn timed(&self, network: &Network, step: &StepCounts, loads: &mut [u64]) -> StepTime {
        let [synapse, neuron, axon_in, axon_out] = self.core_units(step);
        let link = self.busiest_link(network, step, loads);
        StepTime::new([synapse, neuron, axon_in, axon_out, link, self.delivery(step)], self.barrier_ps)
    }

    /// Busiest synapse, neuron, axon-in and axon-out unit of any core.
    fn core_units(&self, step: &StepCounts) -> [u64; 4] {
        let mut busiest = [0; 4];
        for slices in self.starts.windows(2) {
            let mut sum = Events::default();
            step.events[slices[0]..slices[1]].iter().for_each(|&e| sum += e);
            for (longest, busy) in busiest.iter_mut().zip(self.units_of(&sum)) {
                *longest = busy.max(*longest);
            }
        }
        busiest
    }

    /// Busy times of one core's synapse, neuron, axon-in and axon-out units.
    fn units_of(&self, e: &Events) -> [u64; 4] {
        let t = &self.timing;
        let active = busy(e.updates_active, t.neuron_update_active.interval_ps);
        let inactive = busy(e.updates_inactive, t.neuron_update_inactive.interval_ps);
        [
            busy(e.synaptic_operations, t.synaptic_operation.interval_ps),
            active.saturating_add(inactive),
            busy(e.packets_received, t.axon_in.interval_ps),
            busy(e.packets_sent, t.axon_out.interval_ps),
        ]
    }

    /// Busy time of the busiest link.
    fn busiest_link(&self, network: &Network, step: &StepCounts, loads: &mut [u64]) -> u64 {
        loads.fill(0);
        network.load(&step.flows, loads);
        let mut heaviest = [0; 3];
        for (&load, &(_, kind)) in loads.iter().zip(network.links()) {
            let most = &mut heaviest[kind as usize];
            *most = load.max(*most);
        }
        let kinds = [LinkKind::EastWest, LinkKind::NorthSouth, LinkKind::Chip];
        kinds
            .into_iter()
            .map(|kind| busy(heaviest[kind as usize], self.timing.hop(kind).interval_ps))
            .max()
            .unwrap_or(0)
    }

    /// Busy time of the busiest delivery to a core.
    fn delivery(&self, step: &StepCounts) -> u64 {
        let mut delivered = vec![0; self.starts.len()];
        for flow in &step.flows {
            delivered[flow.target.0 as usize] += flow.packets;
        }
        busy(delivered.into_iter().max().unwrap_or(0), self.timing.tile_delivery.interval_ps)
    }
}

/// Distinct tiles that hold a core of the program, of whatever network.
fn tiles_in_use(program: &Program) -> u32 {
    let topology = program.topology();
    let tiles: HashSet<_> = program.sites.values().map(|&site| topology.tile_of(site)).collect();
    tiles.len() as u32
}

/// `events` one interval after another; saturates at 2^64 ps.
fn busy(events: u64, interval_ps: u64) -> u64 {
    events.saturating_mul(interval_ps)
}

/// Host transfer of `words`: one latency, then a word each interval; nothing for no words.
fn transfer(words: u64, interval_ps: u64, latency_ps: u64) -> u64 {
    if words == 0 { 0 } else { busy(words, interval_ps).saturating_add(latency_ps) }
}

#[cfg(test)]
mod tests;
