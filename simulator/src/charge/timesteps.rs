//! Timesteps one by one, packets by link, and the slowest packets: what a report shows beside the sums.

use serde::{Deserialize, Serialize};
use snnc_compiler::ir::{NetworkId, PopulationId};

use crate::counts::{PassCounts, StepCounts};
use crate::time::cycle::keep_slowest;
use crate::time::{PassTime, SlowPacket, StepTime};

/// One timestep of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimedStep {
    /// Pass within the item.
    pub iteration: usize,
    /// The network that ran.
    pub network: NetworkId,
    /// Timestep within the pass.
    pub step: usize,
    /// Its time.
    pub time: StepTime,
    /// Packets sent in it.
    pub packets: u64,
    /// Spikes of all neurons, and from outside.
    pub spikes: u64,
    /// The same by population of the program; those of other networks have none.
    pub population_spikes: Vec<u64>,
    /// Energy of its events and of the static power during its own time, in attojoules; transfers of the host, which
    /// belong to the pass, left out. None on chips that repeat work, where it is known of whole passes alone.
    pub energy_aj: Option<u128>,
    /// By core of the program; empty unless asked for by [`Timesteps::by_core`]. Not written down.
    #[serde(skip)]
    pub cores: Vec<CoreStep>,
}

/// What one core did in a timestep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CoreStep {
    /// Spikes of its neurons, and of a port those from outside.
    pub spikes: u64,
    /// Synaptic operations that its neurons integrated.
    pub synaptic_operations: u64,
    /// How long its busiest unit was busy with what it was given, as the bottleneck formula has it, ps.
    pub busy_ps: u64,
}

/// A packet that was under way for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocatedSlowPacket {
    /// Item, pass within it, timestep within that.
    pub at: (u64, usize, usize),
    /// The packet; times in ps.
    pub packet: SlowPacket,
}

/// Timesteps, links and slow packets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timesteps {
    /// In order; sums over items have none, and so do records that were written down and read.
    #[serde(skip)]
    pub steps: Vec<TimedStep>,
    /// Of how many more timesteps it is to be recorded what each core does. A run that asks for it sets it before the
    /// first pass of an item.
    #[serde(skip)]
    pub by_core: usize,
    /// Packets over each of [`crate::noc::Noc::links`]; empty without a time.
    pub link_packets: Vec<u64>,
    /// Slowest first.
    pub slowest: Vec<LocatedSlowPacket>,
    /// Spikes by timestep within the pass, summed over passes.
    pub spikes: Vec<u64>,
}

/// Spikes of a timestep by population.
fn by_population(counts: &StepCounts, populations: &[PopulationId]) -> Vec<u64> {
    let mut spikes =
        vec![0; populations.iter().map(|population| population.0 as usize + 1).max().unwrap_or(0)];
    for (population, events) in populations.iter().zip(&counts.events) {
        spikes[population.0 as usize] += events.spikes;
    }
    spikes
}

impl Timesteps {
    /// Adds a pass: which item and which pass of it. `populations` are those of the slices, `cores` is what each core
    /// did in the first of its timesteps.
    pub(super) fn add_pass(
        &mut self,
        (item, iteration): (u64, usize),
        populations: &[PopulationId],
        (counts, time): (&PassCounts, &PassTime),
        cores: Vec<Vec<CoreStep>>,
        energy_aj: impl Fn(usize) -> Option<u128>,
    ) {
        let network = counts.network;
        let timed = time.steps.iter().zip(&counts.steps).enumerate();
        let first = self.steps.len();
        self.by_core = self.by_core.saturating_sub(cores.len());
        let mut cores = cores.into_iter();
        self.steps.extend(timed.map(|(i, (&time, sent))| {
            let packets = sent.flows.packets();
            let population_spikes = by_population(sent, populations);
            let spikes = population_spikes.iter().sum();
            let (step, energy_aj) = (counts.start + i, energy_aj(i));
            let cores = cores.next().unwrap_or_default();
            TimedStep { iteration, network, step, time, packets, spikes, population_spikes, energy_aj, cores }
        }));
        let spikes: Vec<u64> = self.steps[first..].iter().map(|step| step.spikes).collect();
        self.add_spikes(counts.start, &spikes);
        self.add_links(&time.link_packets);
        let slow = |&(step, packet)| LocatedSlowPacket { at: (item, iteration, counts.start + step), packet };
        self.slowest.extend(time.slowest.iter().map(slow));
        self.cut();
    }

    /// Adds another item's links and slow packets.
    pub(super) fn merge(&mut self, other: &Self) {
        self.add_links(&other.link_packets);
        self.add_spikes(0, &other.spikes);
        self.slowest.extend(&other.slowest);
        self.cut();
    }

    fn cut(&mut self) {
        keep_slowest(&mut self.slowest, |slow| (slow.at, slow.packet));
    }

    fn add_spikes(&mut self, first: usize, spikes: &[u64]) {
        self.spikes.resize(self.spikes.len().max(first + spikes.len()), 0);
        self.spikes[first..].iter_mut().zip(spikes).for_each(|(sum, more)| *sum += more);
    }

    fn add_links(&mut self, packets: &[u64]) {
        self.link_packets.resize(packets.len().max(self.link_packets.len()), 0);
        self.link_packets.iter_mut().zip(packets).for_each(|(sum, more)| *sum += more);
    }
}
