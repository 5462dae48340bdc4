//! What happened, summed over the timesteps of a pass: events, hops, host words and time, by iteration and slice.

use derive_more::AddAssign;
use serde::{Deserialize, Serialize};
use snnc_compiler::ir::PopulationId;
use snnc_targets::entity::EntityMap;
use snnc_targets::{EnergyEvent, EventMap};

use crate::counts::{Events, PassCounts, SliceTable, StepCounts};
use crate::noc::{Hops, Noc};
use crate::time::{Bottleneck, Latencies, PassTime, Sampled, SimulatedStep};

/// What happened in one slice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, AddAssign, Serialize, Deserialize)]
pub struct SliceTally {
    /// How often each energy event happened; hops and deliveries of the packets it sent, whatever their flits.
    pub events: EventMap<u64>,
    /// Spikes from outside: of a port's slices, whose [`EnergyEvent::NeuronSpike`] stays 0.
    pub port_spikes: u64,
    /// Packets of those spikes, as [`EnergyEvent::AxonOut`] counts those that cores send.
    pub port_packets: u64,
    /// Packets that left its core: those it sent, or one for each spike where packets fork on their way.
    pub departures: u64,
    /// Updates with an input sum outside the accumulator's width, or a synaptic current outside its own.
    pub accumulator_overflows: u64,
    /// Membranes clipped to the state's width.
    pub state_saturations: u64,
}

impl SliceTally {
    /// Links crossed by the packets it sent.
    pub fn hops(&self) -> u64 {
        let kinds = [EnergyEvent::HopEastWest, EnergyEvent::HopNorthSouth, EnergyEvent::HopChip];
        kinds.into_iter().map(|kind| self.events[kind]).sum()
    }

    /// Spikes of its neurons, or from outside.
    pub fn spikes(&self) -> u64 {
        self.events[EnergyEvent::NeuronSpike] + self.port_spikes
    }

    /// Packets of its spikes.
    pub fn packets(&self) -> u64 {
        self.events[EnergyEvent::AxonOut] + self.port_packets
    }

    /// What entered the mesh at a port was made by no core.
    fn count_as_port(&mut self) {
        self.port_spikes = std::mem::take(&mut self.events[EnergyEvent::NeuronSpike]);
        self.port_packets = std::mem::take(&mut self.events[EnergyEvent::AxonOut]);
        self.events[EnergyEvent::InputPacket] = self.departures;
    }

    /// What its neurons, axons and synapses did, as models of time ask for it.
    pub fn unit_events(&self) -> Events {
        Events {
            synaptic_operations: self.events[EnergyEvent::SynapticOperation],
            updates_active: self.events[EnergyEvent::NeuronUpdateActive],
            updates_inactive: self.events[EnergyEvent::NeuronUpdateInactive],
            spikes: self.spikes(),
            packets_sent: self.packets(),
            packets_received: self.events[EnergyEvent::AxonIn],
            accumulator_overflows: self.accumulator_overflows,
            state_saturations: self.state_saturations,
        }
    }

    /// Counts what its neurons, axons and synapses did.
    fn add_events(&mut self, counted: &Events) {
        self.events[EnergyEvent::SynapticOperation] += counted.synaptic_operations;
        self.events[EnergyEvent::NeuronUpdateActive] += counted.updates_active;
        self.events[EnergyEvent::NeuronUpdateInactive] += counted.updates_inactive;
        self.events[EnergyEvent::NeuronSpike] += counted.spikes;
        self.events[EnergyEvent::AxonOut] += counted.packets_sent;
        self.events[EnergyEvent::AxonIn] += counted.packets_received;
        self.accumulator_overflows += counted.accumulator_overflows;
        self.state_saturations += counted.state_saturations;
    }

    /// Counts the ways of packets that it sent.
    fn add_packets(&mut self, deliveries: u64, hops: Hops) {
        self.events[EnergyEvent::TileDelivery] += deliveries;
        self.events[EnergyEvent::HopEastWest] += hops.east_west;
        self.events[EnergyEvent::HopNorthSouth] += hops.north_south;
        self.events[EnergyEvent::HopChip] += hops.chip;
    }
}

/// Where the time went; all zero without a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeTally {
    /// Whole time, ps.
    pub total_ps: u128,
    /// Host transfers, a part of the whole time, ps.
    pub host_ps: u128,
    /// Barriers, a part of the whole time, ps.
    pub barrier_ps: u128,
    /// Timesteps by what they waited for, in the order of [`Bottleneck::ALL`].
    pub bounds: [u64; Bottleneck::ALL.len()],
    /// Time under way of the packets of simulated timesteps, ps.
    pub packets: Latencies,
    /// Time under way that the same packets would have taken in an empty mesh, ps.
    pub zero_load_ps: u128,
    /// Time of the simulated timesteps without barriers, ps.
    pub simulated_ps: u128,
    /// Busy time of the busiest unit of each simulated timestep, ps.
    pub busiest_ps: u128,
    /// Neuron units stopped by full spike queues, ps, all cores.
    pub neurons_stopped_ps: u128,
    /// Makers of packets stopped by full local buffers, ps, all cores.
    pub makers_stopped_ps: u128,
    /// What sampling saw; all zero without cycle-accurate timing.
    pub sampled: Sampled,
}

impl TimeTally {
    fn add_pass(&mut self, time: &PassTime) {
        self.total_ps += u128::from(time.total_ps());
        self.host_ps += u128::from(time.host_write_ps) + u128::from(time.host_read_ps);
        for step in &time.steps {
            self.barrier_ps += u128::from(step.barrier_ps);
            self.bounds[step.bound as usize] += 1;
            step.simulated.iter().for_each(|drained| self.add_simulated(step.busiest_ps(), drained));
        }
        time.sampled.into_iter().for_each(|sampled| self.sampled += sampled);
    }

    fn add_simulated(&mut self, busiest_ps: u64, drained: &SimulatedStep) {
        self.packets += &drained.packets;
        self.zero_load_ps += drained.zero_load_ps;
        self.simulated_ps += u128::from(drained.time_ps);
        self.busiest_ps += u128::from(busiest_ps);
        self.neurons_stopped_ps += u128::from(drained.neurons_stopped_ps);
        self.makers_stopped_ps += u128::from(drained.makers_stopped_ps);
    }
}

impl std::ops::AddAssign for TimeTally {
    fn add_assign(&mut self, other: Self) {
        self.total_ps += other.total_ps;
        self.host_ps += other.host_ps;
        self.barrier_ps += other.barrier_ps;
        self.bounds.iter_mut().zip(other.bounds).for_each(|(a, b)| *a += b);
        self.packets += &other.packets;
        self.zero_load_ps += other.zero_load_ps;
        self.simulated_ps += other.simulated_ps;
        self.busiest_ps += other.busiest_ps;
        self.neurons_stopped_ps += other.neurons_stopped_ps;
        self.makers_stopped_ps += other.makers_stopped_ps;
        self.sampled += other.sampled;
    }
}

/// One iteration, summed over items.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IterationTally {
    /// Passes of each network, by its index.
    pub passes: Vec<u64>,
    /// Timesteps on the chip.
    pub timesteps: u64,
    /// Biases clipped to the bias format.
    pub bias_saturations: u64,
    /// Time.
    pub time: TimeTally,
    /// By slice.
    pub slices: Vec<SliceTally>,
}

impl IterationTally {
    fn new(networks: usize, slices: usize) -> Self {
        Self { passes: vec![0; networks], slices: vec![SliceTally::default(); slices], ..Self::default() }
    }

    /// Sum over the slices.
    pub fn total(&self) -> SliceTally {
        let mut sum = SliceTally::default();
        self.slices.iter().for_each(|&s| sum += s);
        sum
    }
}

impl std::ops::AddAssign<&IterationTally> for IterationTally {
    fn add_assign(&mut self, other: &Self) {
        self.passes.iter_mut().zip(&other.passes).for_each(|(a, b)| *a += b);
        self.timesteps += other.timesteps;
        self.bias_saturations += other.bias_saturations;
        self.time += other.time;
        self.slices.iter_mut().zip(&other.slices).for_each(|(a, &b)| *a += b);
    }
}

/// What happened, by iteration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyByIteration {
    networks: usize,
    slices: usize,
    /// In order.
    pub iterations: Vec<IterationTally>,
}

impl TallyByIteration {
    /// Empty, for so many networks and slices.
    pub fn new(networks: usize, slices: usize) -> Self {
        Self { networks, slices, iterations: Vec::new() }
    }

    /// Adds a pass, already summed over its timesteps into `slices`.
    pub(super) fn add_pass(
        &mut self,
        iteration: usize,
        slices: &[SliceTally],
        counts: &PassCounts,
        time: Option<&PassTime>,
    ) {
        let cell = self.iteration_mut(iteration);
        cell.passes[counts.network.0 as usize] += u64::from(counts.ends);
        cell.timesteps += counts.timesteps as u64;
        cell.bias_saturations += counts.bias_saturations;
        if let Some(time) = time {
            cell.time.add_pass(time);
        }
        cell.slices.iter_mut().zip(slices).for_each(|(sum, &slice)| *sum += slice);
    }

    /// Whether this can be the tally of an item of so many networks, slices, and at most so many passes.
    pub(super) fn fits(&self, networks: usize, slices: usize, passes: usize) -> bool {
        let whole = |cell: &IterationTally| cell.passes.len() == networks && cell.slices.len() == slices;
        (self.networks, self.slices) == (networks, slices)
            && self.iterations.len() <= passes
            && self.iterations.iter().all(whole)
    }

    /// Adds another tally of the same program.
    pub fn merge(&mut self, other: &Self) {
        for (i, cell) in other.iterations.iter().enumerate() {
            *self.iteration_mut(i) += cell;
        }
    }

    /// All iterations as one.
    pub fn total(&self) -> IterationTally {
        let mut sum = IterationTally::new(self.networks, self.slices);
        self.iterations.iter().for_each(|cell| sum += cell);
        sum
    }

    /// By layer; `populations` is the number of the model's populations.
    pub fn by_population(
        &self,
        table: &SliceTable,
        populations: usize,
    ) -> EntityMap<PopulationId, SliceTally> {
        let mut sums: EntityMap<PopulationId, SliceTally> = vec![SliceTally::default(); populations].into();
        for (&population, slice) in table.populations.iter().zip(self.total().slices) {
            sums[population] += slice;
        }
        sums
    }

    fn iteration_mut(&mut self, iteration: usize) -> &mut IterationTally {
        if self.iterations.len() <= iteration {
            self.iterations.resize_with(iteration + 1, || IterationTally::new(self.networks, self.slices));
        }
        &mut self.iterations[iteration]
    }
}

/// What happened in one timestep, all slices together; `hops` are the links that its packets crossed. Words of the host
/// belong to the pass.
pub(super) fn of_step(network: &Noc, step: &StepCounts, hops: Hops) -> SliceTally {
    let outside = |slice: usize| network.ports().binary_search(&slice).is_ok();
    let (mut cores, mut ports) = (SliceTally::default(), SliceTally::default());
    for (slice, events) in step.events.iter().enumerate() {
        let tally = if outside(slice) { &mut ports } else { &mut cores };
        tally.add_events(events);
    }
    match network.departures(step) {
        Some(flows) => {
            let entered = flows.filter(|(slice, _)| outside(*slice)).map(|(_, spikes)| spikes);
            ports.departures = entered.sum();
        }
        None => ports.departures = ports.events[EnergyEvent::AxonOut],
    }
    ports.count_as_port();
    cores += ports;
    cores.add_packets(step.flows.packets(), hops);
    cores
}

/// A pass summed over its timesteps, by slice.
pub(super) fn summed(network: &Noc, counts: &PassCounts) -> Vec<SliceTally> {
    let mut slices = vec![SliceTally::default(); counts.host_writes.len()];
    for (slice, (&written, &read)) in slices.iter_mut().zip(counts.host_writes.iter().zip(&counts.host_reads))
    {
        slice.events[EnergyEvent::HostWrite] += written;
        slice.events[EnergyEvent::HostRead] += read;
    }
    for multiply_adds in &counts.host_multiply_adds {
        for (slice, &count) in slices.iter_mut().zip(multiply_adds) {
            slice.events[EnergyEvent::HostMultiplyAdd] += count;
        }
    }
    for (slice, &count) in slices.iter_mut().zip(&counts.host_synchronisations) {
        slice.events[EnergyEvent::HostSynchronisation] += count;
    }
    for (slice, &cleared) in slices.iter_mut().zip(&counts.cleared) {
        slice.events[EnergyEvent::MembraneClear] += cleared;
    }
    for step in &counts.steps {
        slices.iter_mut().zip(&step.events).for_each(|(slice, events)| slice.add_events(events));
        match network.departures(step) {
            Some(flows) => flows.for_each(|(slice, spikes)| slices[slice].departures += spikes),
            None => slices.iter_mut().zip(&step.events).for_each(|(s, e)| s.departures += e.packets_sent),
        }
    }
    network.ports().iter().for_each(|&slice| slices[slice].count_as_port());
    network.sent(&counts.steps, |slice, packets, hops| slices[slice].add_packets(packets, hops));
    slices
}
