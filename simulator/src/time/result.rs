//! How long a timestep and a pass took, and the unit that each timestep waited for, chosen here from the busy times of
//! [`super::analytic`] or the simulation of [`super::cycle`].

use serde::{Deserialize, Serialize};

use super::LayerTimes;
use super::cycle::{Sampled, SimulatedStep, SlowPacket};
use crate::noc::Hops;

/// What a timestep waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bottleneck {
    /// A core's synapse unit.
    Synapse,
    /// A core's neuron unit.
    Neuron,
    /// A core's decoding of packets.
    AxonIn,
    /// A core's making of packets.
    AxonOut,
    /// A link of the mesh.
    Link,
    /// The port between a core and its tile's router, in the busier direction.
    Delivery,
    /// The barrier, longer than any unit is busy.
    Barrier,
}

impl Bottleneck {
    /// All bottlenecks, in the order of [`StepTime::busy_ps`], the barrier last.
    pub const ALL: [Self; 7] =
        [Self::Synapse, Self::Neuron, Self::AxonIn, Self::AxonOut, Self::Link, Self::Delivery, Self::Barrier];

    /// Units, without the barrier.
    pub const UNITS: usize = 6;

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Synapse => "synapse",
            Self::Neuron => "neuron",
            Self::AxonIn => "axon_in",
            Self::AxonOut => "axon_out",
            Self::Link => "link",
            Self::Delivery => "delivery",
            Self::Barrier => "barrier",
        }
    }
}

/// One timestep, in picoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTime {
    /// Busiest unit plus barrier; or, simulated, until everything has drained, plus barrier. With sampling, a
    /// simulated timestep also carries what those that it stands for are estimated to exceed their analytic time.
    pub total_ps: u64,
    /// Barrier.
    pub barrier_ps: u64,
    /// Busy time of the busiest unit of each kind, in the order of [`Bottleneck::ALL`].
    pub busy_ps: [u64; Bottleneck::UNITS],
    /// The busiest unit's kind, the first of equals; the barrier if it is longer. A simulated timestep can take longer
    /// than that unit is busy: [`StepTime::beyond_busiest_ps`].
    pub bound: Bottleneck,
    /// What the simulation showed; none unless it was simulated.
    pub simulated: Option<SimulatedStep>,
}

impl StepTime {
    /// From the busy time of the busiest unit of each kind and the barrier. Sums saturate at 2^64 ps (213 days).
    pub fn new(busy_ps: [u64; Bottleneck::UNITS], barrier_ps: u64) -> Self {
        let longest = busy_ps.into_iter().max().unwrap_or(0);
        let mut time = Self {
            total_ps: longest.saturating_add(barrier_ps),
            barrier_ps,
            busy_ps,
            bound: Bottleneck::Barrier,
            simulated: None,
        };
        time.rebound(longest);
        time
    }

    /// Busiest unit plus barrier.
    pub fn analytic_ps(&self) -> u64 {
        self.busiest_ps().saturating_add(self.barrier_ps)
    }

    /// Busy time of the busiest unit.
    pub fn busiest_ps(&self) -> u64 {
        self.busy_ps.into_iter().max().unwrap_or(0)
    }

    /// How long this timestep took by itself: as simulated, else as the formula has it.
    pub fn own_ps(&self) -> u64 {
        self.simulated.map_or(self.analytic_ps(), |drained| drained.time_ps.saturating_add(self.barrier_ps))
    }

    /// What a simulated timestep took beyond its busiest unit: latencies, queues and back-pressure. 0 if not simulated.
    pub fn beyond_busiest_ps(&self) -> u64 {
        self.own_ps() - self.analytic_ps()
    }

    /// Sets what a timestep waited for that drained after `drained_ps`.
    pub(super) fn rebound(&mut self, drained_ps: u64) {
        let mut longest = 0;
        self.bound = Bottleneck::Barrier;
        for (unit, busy) in Bottleneck::ALL.into_iter().zip(self.busy_ps) {
            if busy > longest && drained_ps >= self.barrier_ps {
                (self.bound, longest) = (unit, busy);
            }
        }
    }
}

/// One pass, in picoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassTime {
    /// The host before it: computing of inputs and writes.
    pub host_write_ps: u64,
    /// Its timesteps.
    pub steps: Vec<StepTime>,
    /// The host after it: synchronisation, reads and what it computes of them.
    pub host_read_ps: u64,
    /// What the whole pass takes at each of the other times that were asked for ([`super::Analytic::at`]): by the
    /// formula, then as simulated.
    pub at_other_times_ps: Vec<u64>,
    /// Busy time of each timestep's busiest unit at each of those times, without the barrier.
    pub busiest_at_other_times_ps: Vec<Vec<u64>>,
    /// Whose work the busiest units of the timesteps did: at the nominal times, then at the first two of the other
    /// ones.
    pub layers: Vec<LayerTimes>,
    /// How many timesteps were simulated, and what that says; none without cycle-accurate timing.
    pub sampled: Option<Sampled>,
    /// Links crossed in each timestep.
    pub hops: Vec<Hops>,
    /// Packets over each of [`crate::noc::Noc::links`].
    pub link_packets: Vec<u64>,
    /// The slowest packets of the simulated timesteps, slowest first, each with its timestep; ps.
    pub slowest: Vec<(usize, SlowPacket)>,
}

impl PassTime {
    /// Writes, timesteps one after another, reads.
    pub fn total_ps(&self) -> u64 {
        let host = self.host_write_ps.saturating_add(self.host_read_ps);
        self.steps.iter().fold(host, |sum, step| sum.saturating_add(step.total_ps))
    }
}
