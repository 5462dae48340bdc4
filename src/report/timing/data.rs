//! The part of report.json about time: what timesteps waited for, how busy units and links were, what simulated packets
//! showed. SI units; shares from 0 to 1.

use serde::{Deserialize, Serialize};

use crate::report::exact::Exact;

/// Where the time went; zeros without a time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Time {
    /// Host transfers, s.
    pub host_s: f64,
    /// Barriers, s.
    pub barrier_s: f64,
    /// Host transfers, ps; absent in older reports, as what follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_ps: Option<Exact>,
    /// Barriers, ps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barrier_ps: Option<Exact>,
    /// The barrier at the end of a timestep, ps: that of the target for `barrier_tiles`, rounded down between two
    /// points of its table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barrier_each_ps: Option<Exact>,
    /// Tiles in use, which a barrier waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub barrier_tiles: Option<u32>,
    /// Of the timesteps' time, that of busiest units that are links, or ports between cores and routers: no layer's, s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_s: Option<f64>,
    /// The same, ps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_ps: Option<Exact>,
    /// Timesteps by what they waited for.
    pub bounds: Vec<BoundCount>,
    /// How busy units and links were; null without a time.
    #[serde(default)]
    pub utilisation: Option<Utilisation>,
    /// What the simulated packets showed; null without cycle-accurate timing.
    pub simulated: Option<SimulatedTimesteps>,
}

/// What cycle-accurate timing adds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimulatedTimesteps {
    /// Timesteps that were simulated; the others were estimated from them.
    pub timesteps: u64,
    /// Half of the 95 % interval of `totals.time_s`, s; 0 if every timestep was simulated, null if too few were.
    pub time_half_width_s: Option<f64>,
    /// Half of the 95 % interval of `totals.energy_j`, J.
    pub energy_half_width_j: Option<f64>,
    /// Simulated packets.
    pub packets: u64,
    /// Mean time from the making of a packet to its arrival at the core, s.
    pub latency_mean_s: f64,
    /// The longest, s.
    pub latency_max_s: f64,
    /// Packets by latency; classes without packets are left out.
    pub latency_histogram: Vec<LatencyClass>,
    /// Mean time that the same packets would take in an empty network, s. What is above it they waited.
    #[serde(default)]
    pub zero_load_mean_s: f64,
    /// Simulated timesteps without barriers, s.
    #[serde(default)]
    pub drained_s: f64,
    /// Of it, what is left when the busy time of each timestep's busiest unit is taken off: latencies, queues,
    /// back-pressure, s.
    #[serde(default)]
    pub beyond_busiest_s: f64,
    /// Neuron units stopped because the queue of spikes behind them was full, s, sum over the cores.
    #[serde(default)]
    pub neuron_units_stopped_s: f64,
    /// Makers of packets (axon-out) stopped because the buffer of their router was full, s, sum over the cores.
    #[serde(default)]
    pub axon_out_units_stopped_s: f64,
    /// The slowest packets, slowest first.
    #[serde(default)]
    pub slowest_packets: Vec<SlowestPacket>,
}

/// A packet that was under way for long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SlowestPacket {
    /// Image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<u64>,
    /// Pass within the image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u64>,
    /// Sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<u64>,
    /// Pass within the sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<u64>,
    /// Timestep within the pass.
    pub timestep: u64,
    /// Core that sent it.
    pub source_core: u64,
    /// Layer of the neuron that fired.
    pub source_layer: String,
    /// Core that received it.
    pub destination_core: u64,
    /// Links on its way.
    pub hops: u64,
    /// Synaptic operations that it caused.
    pub operations: u64,
    /// Time under way, s.
    pub latency_s: f64,
    /// Mean latency that these packets would have in an empty network, s.
    pub zero_load_s: f64,
}

/// How busy units and links were: events x initiation interval, as a share of the time of all timesteps (host transfers
/// left out, barriers included).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Utilisation {
    /// What the shares are of, s.
    pub timesteps_s: f64,
    /// By kind of unit.
    pub units: Vec<UnitUse>,
    /// Mean over the links that some packet crossed; 0 without any.
    pub link_mean: f64,
    /// In the program's order.
    pub cores: Vec<CoreUtilisation>,
    /// Links that some packet crossed, busiest first.
    pub links: Vec<LinkUse>,
}

/// A kind of unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UnitUse {
    /// `synapse`, `neuron`, `axon_in`, `axon_out` or `delivery`.
    pub unit: String,
    /// Cores whose unit did something.
    pub cores: u64,
    /// Mean share over those.
    pub mean: f64,
    /// Share of the busiest.
    pub most: f64,
    /// Whose that is.
    pub core: u64,
}

/// A core. Its units' shares of the time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoreUtilisation {
    /// Its number.
    pub core: u64,
    /// Column and row of its tile.
    pub tile: [u32; 2],
    /// Its layers.
    pub layers: Vec<String>,
    /// Its busiest unit.
    pub busiest: String,
    /// Synaptic operations.
    pub synapse: f64,
    /// Neuron updates.
    pub neuron: f64,
    /// Decoding of packets.
    pub axon_in: f64,
    /// Making of packets.
    pub axon_out: f64,
    /// The port to its router, in the busier direction.
    pub delivery: f64,
}

/// A link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkUse {
    /// Column and row of the tile that it leaves.
    pub from: [u32; 2],
    /// Column and row of the tile that it leads to.
    pub to: [u32; 2],
    /// `east_west`, `north_south` or `chip`.
    pub kind: String,
    /// Packets that crossed it.
    pub packets: u64,
    /// Share of the time.
    pub busy: f64,
}

/// Packets of one class of latencies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LatencyClass {
    /// Shorter than this, s, and not in an earlier class. The last class has no bound.
    pub below_s: f64,
    /// Packets.
    pub packets: u64,
}

/// Timesteps that waited for one kind of unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundCount {
    /// `synapse`, `neuron`, `axon_in`, `axon_out`, `link`, `delivery` or `barrier`.
    pub bound: String,
    /// Timesteps.
    pub timesteps: u64,
}
