//! The bottleneck formula: a timestep takes as long as its busiest unit or link, and then the barrier.
//!
//! Units of a core work in a pipeline, cores and links at the same time, so no timestep can end before each unit has
//! spent its initiation interval on each of its events. Latencies, queues and arbitration only add to that: it is a
//! lower bound, reached when one unit dominates.
//!
//! Per core: synaptic operations, neuron updates (active and inactive), packets decoded and packets made, each times
//! its interval ([`CoreWork`], which the mapping asks as well); flits through the port to the tile's router, in the
//! busier direction. Per link: flits times the hop's interval. A packet has the target's flits, 1 where it describes no
//! network. Where routers fork packets, a core makes one for each spike and a link carries it once; what arrives is the
//! same. Packets cross the network, are decoded and meet their synapses in the timestep that sends them; the sums are
//! integrated later. Packets from outside enter the mesh one an interval of the target's input port.

use std::collections::HashSet;

use snnc_compiler::ir::CoreId;
use snnc_compiler::ir::program::Program;
use snnc_targets::resolved::UnitPs;
use snnc_targets::{CoreWork, LinkKind, Timing};

use super::cycle::PacketDestinations;
use super::{PassTime, StepTime};
use crate::charge::CoreStep;
use crate::counts::{Events, PassCounts, SliceTable, StepCounts};
use crate::execute::slice::SliceTrace;
use crate::noc::Noc;

/// The bottleneck formula for one program.
#[derive(Debug, Clone, PartialEq)]
pub struct Analytic {
    timing: Timing,
    /// Other times at which the same passes are timed as well.
    others: Vec<Timing>,
    /// Flits of a packet.
    flits: u64,
    /// First slice of each core, and one past the last.
    starts: Vec<usize>,
    /// By core: whether it is a port, which makes no packets and updates no neurons.
    ports: Vec<bool>,
    /// First timestep of each slice's window.
    windows: Vec<u32>,
    /// Tiles that the barrier waits for.
    tiles: u32,
    barrier_ps: u64,
}

/// What a timestep brings units and links, whatever their times.
#[derive(Debug)]
struct StepWork {
    /// By core: its events, what arrives and what leaves.
    cores: Vec<(Events, Arriving, u64)>,
    /// Packets of the busiest link, by [`LinkKind`].
    links: [u64; 3],
    /// By core: packets that reach it, which its router delivers.
    delivered: Vec<u64>,
    /// Packets of the busiest port between a core and its router.
    port: u64,
}

/// Work that packets bring to a core.
#[derive(Debug, Clone, Copy, Default)]
struct Arriving {
    packets: u64,
    synaptic_operations: u64,
}

impl Analytic {
    /// Prepares the formula; `slices` is the program's slice numbering.
    pub fn new(program: &Program, slices: &SliceTable) -> Self {
        let timing = program.target.timing();
        let tiles = tiles_in_use(program);
        let barrier_ps = timing.barrier_ps(tiles);
        let populations = &program.model.populations;
        let windows = slices.populations.iter().map(|&p| populations[p].window.start).collect();
        let flits = program.target.flits_per_packet().into();
        let ports = program.cores.keys().map(|core| program.is_port(core)).collect();
        Self {
            timing,
            others: Vec::new(),
            flits,
            starts: slices.starts.clone(),
            ports,
            windows,
            tiles,
            barrier_ps,
        }
    }

    /// The formula, which also gives every pass at other times: what is counted is counted once.
    #[must_use]
    pub fn at(self, others: Vec<Timing>) -> Self {
        Self { others, ..self }
    }

    /// Tiles in use, and the barrier for so many at the end of a timestep, ps.
    pub fn barrier(&self) -> (u32, u64) {
        (self.tiles, self.barrier_ps)
    }

    /// Time of a pass: what the host does before it, timesteps, what the host does after it. `traces` are its spikes;
    /// they are looked at only if some packet is integrated later than in the timestep after it was sent.
    pub fn pass(
        &self,
        network: &Noc,
        routes: &PacketDestinations,
        counts: &PassCounts,
        traces: &[SliceTrace],
    ) -> PassTime {
        let mut loads = vec![0; network.links().len()];
        let mut link_packets = loads.clone();
        let arriving = self.arriving(routes, counts, traces);
        let host = HostPass::of(counts);
        let mut at_other_times_ps: Vec<u64> = self
            .others
            .iter()
            .map(|other| host.before_ps(other).saturating_add(host.after_ps(other)))
            .collect();
        let mut hops = Vec::with_capacity(counts.steps.len());
        let steps = counts.steps.iter().zip(&arriving);
        let steps = steps
            .map(|(step, arriving)| {
                let work = self.work(network, step, arriving, &mut loads);
                link_packets.iter_mut().zip(&loads).for_each(|(sum, load)| *sum += load);
                for (sum, other) in at_other_times_ps.iter_mut().zip(&self.others) {
                    let barrier_ps = other.barrier_ps(self.tiles);
                    *sum = sum.saturating_add(StepTime::new(self.busy(&work, other), barrier_ps).total_ps);
                }
                hops.push(network.hops(&loads));
                StepTime::new(self.busy(&work, &self.timing), self.barrier_ps)
            })
            .collect();
        PassTime {
            host_write_ps: host.before_ps(&self.timing),
            steps,
            host_read_ps: host.after_ps(&self.timing),
            at_other_times_ps,
            sampled: None,
            hops,
            link_packets,
            slowest: Vec::new(),
        }
    }

    /// What each core did in the first `most` timesteps of a pass. Spikes and synaptic operations are counted where
    /// they happen; the busy time of a timestep has the packets that are decoded in it, as [`Analytic::pass`] does.
    pub fn cores(
        &self,
        network: &Noc,
        routes: &PacketDestinations,
        (counts, traces): (&PassCounts, &[SliceTrace]),
        most: usize,
    ) -> Vec<Vec<CoreStep>> {
        let mut loads = vec![0; network.links().len()];
        let steps = counts.steps.iter().zip(self.arriving(routes, counts, traces)).take(most);
        steps
            .map(|(step, arriving)| {
                let work = self.work(network, step, &arriving, &mut loads);
                let cores = work.cores.iter().zip(&work.delivered).enumerate();
                cores.map(|(core, (work, &delivered))| self.core_step(core, work, delivered)).collect()
            })
            .collect()
    }

    fn core_step(
        &self,
        core: usize,
        (events, arriving, leaving): &(Events, Arriving, u64),
        delivered: u64,
    ) -> CoreStep {
        let units = self.units_of(&self.timing, core, events, arriving, *leaving);
        let port = self.busy_port(delivered.max(*leaving));
        CoreStep {
            spikes: events.spikes,
            synaptic_operations: events.synaptic_operations,
            busy_ps: units.into_iter().fold(port, u64::max),
        }
    }

    /// What arrives at each core, by timestep.
    fn arriving(
        &self,
        routes: &PacketDestinations,
        counts: &PassCounts,
        traces: &[SliceTrace],
    ) -> Vec<Vec<Arriving>> {
        let cores = self.starts.len() - 1;
        if routes.next_step() {
            let next = counts.steps.iter().skip(1).map(|next| self.integrated(&next.events));
            let last = counts.following.as_ref().map(|events| self.integrated(events));
            return next
                .chain(std::iter::once(last.unwrap_or_else(|| vec![Arriving::default(); cores])))
                .take(counts.steps.len())
                .collect();
        }
        let mut arriving = vec![vec![Arriving::default(); cores]; counts.steps.len()];
        for (slice, trace) in traces.iter().enumerate() {
            let start = (self.windows[slice] as usize).saturating_sub(counts.start);
            for (i, fired) in trace.fired.iter().enumerate() {
                let Some(step) = arriving.get_mut(start + i) else { break };
                for to in fired.iter().flat_map(|spike| routes.of(slice, spike.position)) {
                    step[to.core as usize].packets += 1;
                    step[to.core as usize].synaptic_operations += u64::from(to.operations);
                }
            }
        }
        arriving
    }

    /// What each core integrates in a timestep.
    fn integrated(&self, events: &[Events]) -> Vec<Arriving> {
        let cores = self.starts.windows(2).map(|slices| &events[slices[0]..slices[1]]);
        cores
            .map(|slices| Arriving {
                packets: slices.iter().map(|e| e.packets_received).sum(),
                synaptic_operations: slices
                    .iter()
                    .fold(0, |sum, e| sum.saturating_add(e.synaptic_operations)),
            })
            .collect()
    }

    /// What a timestep brings units and links, with a buffer for the loads of links.
    fn work(&self, network: &Noc, step: &StepCounts, arriving: &[Arriving], loads: &mut [u64]) -> StepWork {
        let leaving = self.leaving(network, step);
        let cores = self.starts.windows(2).zip(arriving).zip(&leaving);
        let cores = cores
            .map(|((slices, &arriving), &leaving)| {
                let mut events = Events::default();
                step.events[slices[0]..slices[1]].iter().for_each(|&e| events += e);
                (events, arriving, leaving)
            })
            .collect();
        let (links, delivered) = self.network_work(network, step, loads);
        let port = delivered.iter().chain(&leaving).max().copied().unwrap_or(0);
        StepWork { cores, links, delivered, port }
    }

    /// Busy times of the busiest unit of each kind, in the order of [`super::Bottleneck::ALL`].
    fn busy(&self, work: &StepWork, timing: &Timing) -> [u64; super::Bottleneck::UNITS] {
        let mut busiest = [0; 4];
        for (core, (events, arriving, leaving)) in work.cores.iter().enumerate() {
            let units = self.units_of(timing, core, events, arriving, *leaving);
            busiest.iter_mut().zip(units).for_each(|(longest, busy)| *longest = busy.max(*longest));
        }
        let [synapse, neuron, axon_in, axon_out] = busiest;
        let flits = |packets: u64| packets.saturating_mul(self.flits);
        let kinds = [LinkKind::EastWest, LinkKind::NorthSouth, LinkKind::Chip];
        let of_kind = |kind| busy(flits(work.links[kind as usize]), timing.hop(kind).interval_ps);
        let link = kinds.into_iter().map(of_kind).max().unwrap_or(0);
        let delivery = busy(flits(work.port), timing.tile_delivery.interval_ps);
        [synapse, neuron, axon_in, axon_out, link, delivery]
    }

    /// Packets that leave each core.
    fn leaving(&self, network: &Noc, step: &StepCounts) -> Vec<u64> {
        let Some(departures) = network.departures(step) else {
            let cores = self.starts.windows(2).map(|slices| &step.events[slices[0]..slices[1]]);
            return cores.map(|slices| slices.iter().map(|e| e.packets_sent).sum()).collect();
        };
        let mut leaving = vec![0; self.starts.len() - 1];
        for (slice, packets) in departures {
            leaving[self.starts.partition_point(|&start| start <= slice) - 1] += packets;
        }
        leaving
    }

    /// Busy times of a core's synapse, neuron, axon-in and axon-out units and of its delivery, in the order of
    /// [`super::Bottleneck::ALL`] without the link, from the sum of its events and the packets that left it. The way in
    /// of a port is its axon-out unit.
    pub fn busy_of(&self, core: CoreId, events: &Events, departures: u64) -> [u64; 5] {
        let Events { packets_received: packets, synaptic_operations, .. } = *events;
        let [synapse, neuron, axon_in, axon_out] = self.units_of(
            &self.timing,
            core.0 as usize,
            events,
            &Arriving { packets, synaptic_operations },
            departures,
        );
        [synapse, neuron, axon_in, axon_out, self.busy_port(packets.max(departures))]
    }

    /// Busy time of a link over which so many packets go.
    pub fn busy_link(&self, kind: LinkKind, packets: u64) -> u64 {
        busy(packets.saturating_mul(self.flits), self.timing.hop(kind).interval_ps)
    }

    /// Busy time of the port between a core and its router for so many packets in one direction.
    fn busy_port(&self, packets: u64) -> u64 {
        busy(packets.saturating_mul(self.flits), self.timing.tile_delivery.interval_ps)
    }

    /// Busy times of one core's synapse, neuron, axon-in and axon-out units.
    fn units_of(&self, t: &Timing, core: usize, e: &Events, arriving: &Arriving, leaving: u64) -> [u64; 4] {
        if self.ports[core] {
            return [0, 0, 0, busy(leaving, t.input_packet.interval_ps)];
        }
        CoreWork {
            synaptic_operations: arriving.synaptic_operations,
            updates_active: e.updates_active,
            updates_inactive: e.updates_inactive,
            spikes: e.spikes,
            packets_in: arriving.packets,
            packets_out: leaving,
        }
        .busy_ps(t)
    }

    /// Packets of the busiest link of each kind, and those that reach each core.
    fn network_work(&self, network: &Noc, step: &StepCounts, loads: &mut [u64]) -> ([u64; 3], Vec<u64>) {
        let mut delivered = vec![0; self.starts.len()];
        loads.fill(0);
        network.load(step, loads, &mut delivered);
        let mut heaviest = [0; 3];
        for (&load, &(_, kind)) in loads.iter().zip(network.links()) {
            let most = &mut heaviest[kind as usize];
            *most = load.max(*most);
        }
        (heaviest, delivered)
    }
}

/// Distinct tiles that hold a core of the program, of whatever network; ports wait for no barrier.
fn tiles_in_use(program: &Program) -> u32 {
    let topology = program.topology();
    let sites = program.chip_cores().map(|(core, _)| program.sites[core]);
    let tiles: HashSet<_> = sites.map(|site| topology.tile_of(site)).collect();
    tiles.len() as u32
}

/// `events` one interval after another; saturates at 2^64 ps.
fn busy(events: u64, interval_ps: u64) -> u64 {
    events.saturating_mul(interval_ps)
}

/// What the host does before and after a pass, or a part of one, while the chip waits.
struct HostPass {
    written: u64,
    read: u64,
    /// Multiply-adds before and after.
    multiply_adds: [u64; 2],
    synchronisations: u64,
}

impl HostPass {
    fn of(counts: &PassCounts) -> Self {
        let sum = |by_slice: &Vec<u64>| by_slice.iter().sum();
        Self {
            written: sum(&counts.host_writes),
            read: sum(&counts.host_reads),
            multiply_adds: counts.host_multiply_adds.each_ref().map(sum),
            synchronisations: sum(&counts.host_synchronisations),
        }
    }

    /// Computing of inputs, and their transfer.
    fn before_ps(&self, t: &Timing) -> u64 {
        let [before, _] = self.multiply_adds;
        one_by_one(t.host_multiply_add, before).saturating_add(one_by_one(t.host_write, self.written))
    }

    /// Synchronisation, transfer of read-outs, and what is computed of them.
    fn after_ps(&self, t: &Timing) -> u64 {
        let [_, after] = self.multiply_adds;
        one_by_one(t.host_synchronisation, self.synchronisations)
            .saturating_add(one_by_one(t.host_read, self.read))
            .saturating_add(one_by_one(t.host_multiply_add, after))
    }
}

/// So many words or operations of the host: one latency, then one each interval; nothing for none.
fn one_by_one(unit: UnitPs, count: u64) -> u64 {
    if count == 0 { 0 } else { busy(count, unit.interval_ps).saturating_add(unit.latency_ps) }
}

#[cfg(test)]
mod tests;
