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

use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::{CoreId, PopulationId};
use snnc_targets::resolved::UnitPs;
use snnc_targets::{CoreWork, LinkKind, Timing};

use super::cycle::PacketDestinations;
use super::{LayerTimes, PassTime, StepTime};
use crate::charge::CoreStep;
use crate::counts::{Events, PassCounts, SliceIndex, SliceTable, StepCounts};
use crate::execute::slice::{SliceSpike, SliceTrace};
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
    /// By slice: its population.
    slice_populations: Vec<PopulationId>,
    /// Populations of the program.
    populations: usize,
    /// First timestep of each slice's window.
    windows: Vec<u32>,
    /// Tiles that the barrier waits for.
    tiles: u32,
    barrier_ps: u64,
}

/// What a timestep brings units and links, whatever their times.
#[derive(Debug)]
struct StepWork<'s> {
    /// By slice: its events, what arrives and what leaves.
    events: &'s [Events],
    arriving: &'s [Arriving],
    leaving: Vec<u64>,
    /// The sums by core.
    cores: Vec<(Events, Arriving, u64)>,
    /// Cores whose units have anything to do.
    at_work: Vec<usize>,
    /// Packets of the busiest link, by [`LinkKind`].
    links: [u64; 3],
    /// By core: packets that reach it, which its router delivers.
    delivered: Vec<u64>,
    /// Packets of the busiest port between a core and its router.
    port: u64,
}

/// Work that packets bring to a slice or a core. A packet that reaches several slices of a core, all of one population,
/// comes to the first.
#[derive(Debug, Clone, Copy, Default)]
struct Arriving {
    packets: u64,
    synaptic_operations: u64,
}

impl std::ops::AddAssign for Arriving {
    fn add_assign(&mut self, other: Self) {
        self.packets = self.packets.saturating_add(other.packets);
        self.synaptic_operations = self.synaptic_operations.saturating_add(other.synaptic_operations);
    }
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
            slice_populations: slices.populations.clone(),
            populations: populations.len(),
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
        let mut busiest_at_other_times_ps = vec![Vec::with_capacity(counts.steps.len()); self.others.len()];
        // At the nominal times and at the first two others, the ends of all ranges.
        let mut layers = vec![LayerTimes::new(self.populations); 1 + self.others.len().min(2)];
        let mut hops = Vec::with_capacity(counts.steps.len());
        let steps = counts.steps.iter().zip(&arriving);
        let steps = steps
            .map(|(step, arriving)| {
                let work = self.work(network, step, arriving, &mut loads);
                link_packets.iter_mut().zip(&loads).for_each(|(sum, load)| *sum += load);
                let sums = at_other_times_ps.iter_mut().zip(&mut busiest_at_other_times_ps);
                for (i, ((sum, busiest), other)) in sums.zip(&self.others).enumerate() {
                    let busy = self.busy(&work, other);
                    let time = StepTime::new(busy, other.barrier_ps(self.tiles));
                    *sum = sum.saturating_add(time.total_ps);
                    busiest.push(time.busiest_ps());
                    if let Some(times) = layers.get_mut(1 + i) {
                        self.bind(&work, other, busy, times);
                    }
                }
                let busy = self.busy(&work, &self.timing);
                self.bind(&work, &self.timing, busy, &mut layers[0]);
                hops.push(network.hops(&loads));
                StepTime::new(busy, self.barrier_ps)
            })
            .collect();
        PassTime {
            host_write_ps: host.before_ps(&self.timing),
            steps,
            host_read_ps: host.after_ps(&self.timing),
            at_other_times_ps,
            busiest_at_other_times_ps,
            layers,
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

    /// What arrives at each slice, by timestep.
    fn arriving(
        &self,
        routes: &PacketDestinations,
        counts: &PassCounts,
        traces: &[SliceTrace],
    ) -> Vec<Vec<Arriving>> {
        let slices = self.slice_populations.len();
        if routes.next_step() {
            let next = counts.steps.iter().skip(1).map(|next| integrated(&next.events));
            let last = counts.following.as_ref().map(|events| integrated(events));
            return next
                .chain(std::iter::once(last.unwrap_or_else(|| vec![Arriving::default(); slices])))
                .take(counts.steps.len())
                .collect();
        }
        let mut arriving = vec![vec![Arriving::default(); slices]; counts.steps.len()];
        for (slice, trace) in traces.iter().enumerate() {
            let start = (self.windows[slice] as usize).saturating_sub(counts.start);
            for (i, fired) in trace.fired.iter().enumerate() {
                let Some(step) = arriving.get_mut(start + i) else { break };
                let packet = |spike: &SliceSpike| {
                    let all = routes.of(slice, spike.position).iter();
                    let channel = spike.atom;
                    all.map(move |to| (to, to.operations_of(channel, routes.zeros())))
                };
                for (to, operations) in fired.iter().flat_map(packet) {
                    let at = self.starts[to.core as usize] + usize::from(to.slice);
                    step[at] += Arriving { packets: 1, synaptic_operations: operations.into() };
                }
            }
        }
        arriving
    }

    /// What a timestep brings units and links, with a buffer for the loads of links.
    fn work<'s>(
        &self,
        network: &Noc,
        step: &'s StepCounts,
        arriving: &'s [Arriving],
        loads: &mut [u64],
    ) -> StepWork<'s> {
        let (events, leaving) = (step.events.as_slice(), self.leaving(network, step));
        let cores: Vec<(Events, Arriving, u64)> = self
            .starts
            .windows(2)
            .map(|of| {
                let mut sum = (Events::default(), Arriving::default(), 0);
                for slice in of[0]..of[1] {
                    sum.0 += events[slice];
                    sum.1 += arriving[slice];
                    sum.2 += leaving[slice];
                }
                sum
            })
            .collect();
        let works = |(events, arriving, leaving): &(Events, Arriving, u64)| {
            let updates = events.updates_active | events.updates_inactive | events.spikes;
            updates | arriving.packets | arriving.synaptic_operations | leaving != 0
        };
        let at_work = (0..cores.len()).filter(|&core| works(&cores[core])).collect();
        let (links, delivered) = self.network_work(network, step, loads);
        let sent = cores.iter().map(|&(.., leaving)| leaving);
        let port = delivered.iter().copied().chain(sent).max().unwrap_or(0);
        StepWork { events, arriving, leaving, cores, at_work, links, delivered, port }
    }

    /// Enters whose work the busiest unit of a timestep did, of units that are so busy.
    fn bind(
        &self,
        work: &StepWork,
        timing: &Timing,
        busy: [u64; super::Bottleneck::UNITS],
        times: &mut LayerTimes,
    ) {
        let longest = busy.into_iter().max().unwrap_or(0);
        let Some(unit) = busy.iter().position(|&ps| ps == longest && ps > 0) else { return };
        let of = |core: usize, (events, arriving, leaving): &(Events, Arriving, u64)| {
            self.units_of(timing, core, events, arriving, *leaving).get(unit).copied()
        };
        let longest_of = |&&core: &&usize| of(core, &work.cores[core]) == Some(longest);
        let Some(&core) = work.at_work.iter().find(longest_of) else {
            return times.add_network(longest);
        };
        let slices = self.starts[core]..self.starts[core + 1];
        times.add(slices.map(|slice| {
            let own = (work.events[slice], work.arriving[slice], work.leaving[slice]);
            (self.slice_populations[slice], of(core, &own).unwrap_or_default())
        }));
    }

    /// Busy times of the busiest unit of each kind, in the order of [`super::Bottleneck::ALL`].
    fn busy(&self, work: &StepWork, timing: &Timing) -> [u64; super::Bottleneck::UNITS] {
        let mut busiest = [0; 4];
        for &core in &work.at_work {
            let (events, arriving, leaving) = &work.cores[core];
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

    /// Packets that leave each slice.
    fn leaving(&self, network: &Noc, step: &StepCounts) -> Vec<u64> {
        let Some(departures) = network.departures(step) else {
            return step.events.iter().map(|e| e.packets_sent).collect();
        };
        let mut leaving = vec![0; self.slice_populations.len()];
        departures.into_iter().for_each(|(slice, packets)| leaving[slice] += packets);
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

    /// Busy times of the units of the core that holds a slice, with the slice's own work, in the order of
    /// [`snnc_targets::work::CORE_UNITS`]: at the nominal times, then at the first two of the other ones.
    pub fn busy_of_slice(&self, slice: SliceIndex, events: &Events, departures: u64) -> Vec<[u64; 4]> {
        let Events { packets_received: packets, synaptic_operations, .. } = *events;
        let core = self.starts.partition_point(|&start| start <= slice) - 1;
        let arriving = Arriving { packets, synaptic_operations };
        let timings = std::iter::once(&self.timing).chain(self.others.iter().take(2));
        timings.map(|timing| self.units_of(timing, core, events, &arriving, departures)).collect()
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

/// What each slice integrates in a timestep.
fn integrated(events: &[Events]) -> Vec<Arriving> {
    let of =
        |e: &Events| Arriving { packets: e.packets_received, synaptic_operations: e.synaptic_operations };
    events.iter().map(of).collect()
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
