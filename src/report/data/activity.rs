//! What happened and what it cost, by layer, core, pass and item.

use serde::{Deserialize, Serialize};

use super::{CoreContents, EnergyByComponent, Exact, Range};

/// One population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerReport {
    /// `network.layer`.
    pub name: String,
    /// Neurons.
    pub neurons: u64,
    /// Cores that hold some of them.
    pub cores: u64,
    /// Spikes sent by it.
    pub spikes: u64,
    /// Spikes / (neurons x timesteps of the trained network x passes).
    pub rate: f64,
    /// Synaptic operations into it.
    pub synaptic_operations: u64,
    /// Packets sent by it.
    pub packets: u64,
    /// Hops of those packets.
    pub hops: u64,
    /// Neuron updates with input, bias or membrane other than 0.
    pub updates_active: u64,
    /// Neuron updates with none of them.
    pub updates_inactive: u64,
    /// Joules.
    pub energy_j: f64,
    /// The same as a whole number of attojoules; absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_aj: Option<Exact>,
    /// Joules at the ends of the constants' ranges; null in the layers of images and samples of older reports.
    pub energy_range_j: Option<Range>,
    /// Joules by component.
    pub energy_by_component_j: EnergyByComponent,
    /// How long timesteps wait for it; absent without a time, in the layers of a single item and in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<LayerTime>,
}

/// The time of a layer: a timestep lasts as long as its busiest unit, whose work is that of the layers on its core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerTime {
    /// Of the timesteps, what their busiest units spend on this layer, s. With the other layers', `time.network_s`,
    /// barriers and the host it is the time by the formula; what simulated timesteps take beyond is no layer's.
    pub binding_s: f64,
    /// The same as a whole number of picoseconds.
    pub binding_ps: Exact,
    /// The same with every constant of time at one end of its range, and at the other; null where times have none.
    pub binding_range_s: Option<Range>,
    /// Timesteps in which it has the greatest part of the busiest unit's time.
    pub binding_timesteps: u64,
    /// Busy time of the units of all cores with it, s: events x initiation interval.
    pub busy_s: LayerBusy,
    /// All units' at the ends of the ranges; null where times have none.
    pub busy_range_s: Option<Range>,
}

/// Busy time by unit, s, sum over the cores.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerBusy {
    /// Synaptic operations into it; with a serial path, packets decoded as well.
    pub synapse: f64,
    /// Updates and spikes; with a serial path, packets made as well.
    pub neuron: f64,
    /// Packets decoded.
    pub axon_in: f64,
    /// Packets made; of a layer of spikes from outside, those that enter.
    pub axon_out: f64,
}

/// One core in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoreEnergy {
    /// Its number.
    pub core: u64,
    /// Whether it is no core but the port at which spikes from outside enter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub port: bool,
    /// Its chip.
    pub chip: u64,
    /// Its layers.
    pub layers: Vec<String>,
    /// Joules, its share of the static energy of all that is present with it.
    pub energy_j: f64,
    /// The same as a whole number of attojoules; absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_aj: Option<Exact>,
    /// Joules by component.
    pub energy_by_component_j: EnergyByComponent,
    /// Where it sits, what it holds and what it did; absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none", flatten)]
    pub contents: Option<CoreContents>,
}

/// One pass within an image or sample, summed over them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Iteration {
    /// From 0, of images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iteration: Option<u64>,
    /// From 0, of samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass: Option<u64>,
    /// The network that ran.
    pub network: String,
    /// Passes: as many as images or samples.
    pub passes: u64,
    /// Spikes.
    pub spikes: u64,
    /// Synaptic operations.
    pub synaptic_operations: u64,
    /// Packets sent.
    pub packets: u64,
    /// Simulated seconds; null without a time.
    pub time_s: Option<f64>,
    /// The same as a whole number of picoseconds; absent without a time and in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ps: Option<Exact>,
    /// Joules.
    pub energy_j: f64,
    /// The same as a whole number of attojoules; absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_aj: Option<Exact>,
    /// Joules by component.
    pub energy_by_component_j: EnergyByComponent,
}

/// Spikes of all layers over the timesteps of a pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpikesOverTime {
    /// Timesteps of a pass.
    pub timesteps: u64,
    /// Timesteps that a number of `spikes` stands for; the last may stand for fewer.
    pub timesteps_each: u64,
    /// Spikes in order, summed over the images or samples.
    pub spikes: Vec<u64>,
}

impl SpikesOverTime {
    /// Most numbers.
    pub const MOST: usize = 512;

    /// Spikes of each timestep, put together where there are more than [`SpikesOverTime::MOST`].
    pub fn of(spikes: &[u64]) -> Self {
        let each = spikes.len().div_ceil(Self::MOST).max(1);
        Self {
            timesteps: spikes.len() as u64,
            timesteps_each: each as u64,
            spikes: spikes.chunks(each).map(|part| part.iter().sum()).collect(),
        }
    }
}

/// One image or sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PerItem {
    /// From 0, of images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<u64>,
    /// From 0, of samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<u64>,
    /// Timesteps on the chip.
    pub timesteps: u64,
    /// Words the host wrote.
    pub host_writes: u64,
    /// Words the host read.
    pub host_reads: u64,
    /// Spikes.
    pub spikes: u64,
    /// Synaptic operations.
    pub synaptic_operations: u64,
    /// Packets sent.
    pub packets: u64,
    /// Links crossed by packets.
    pub hops: u64,
    /// Simulated seconds; null without a time.
    pub time_s: Option<f64>,
    /// The same as a whole number of picoseconds; absent without a time and in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ps: Option<Exact>,
    /// Joules.
    pub energy_j: f64,
    /// The same as a whole number of attojoules; absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_aj: Option<Exact>,
    /// Joules by component.
    pub energy_by_component_j: EnergyByComponent,
    /// In the model's order.
    pub layers: Vec<LayerReport>,
}

/// Values that left their width.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overflows {
    /// Input sums outside the accumulator's width.
    pub accumulator: u64,
    /// Membranes clipped to the state's width.
    pub state: u64,
    /// Host-written biases clipped to the bias format.
    pub bias: u64,
}
