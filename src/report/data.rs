//! report.json as data: schema `snnc.report/1`. SI units, numbers as numbers; field names are part of the schema.
//!
//! `totals.energy_j` is the sum of `energy_j`, of the layers, of the passes, of the images or samples and of the constants,
//! up to the rounding of integers of attojoules to floats.

use serde::{Deserialize, Serialize};
use snnc_compiler::ir::spiking::HostWork;

pub use super::timing::data::Time;
use crate::warnings::Warning;

/// Schema of this version.
pub const SCHEMA: &str = "snnc.report/1";

/// The whole report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Name of the model.
    pub model: String,
    /// The chip.
    pub target: TargetInfo,
    /// How time was modelled: `none`, `analytic`, `cycle` or `cycle:1/N`.
    pub fidelity: String,
    /// Where the program sits.
    pub mapping: Mapping,
    /// Sums over the run.
    pub totals: Totals,
    /// By component, J.
    pub energy_j: Components,
    /// `totals.energy_j` with every energy constant at the lowest, and at the highest value of its range.
    pub energy_range_j: Range,
    /// In the model's order.
    pub layers: Vec<Layer>,
    /// In the program's order.
    #[serde(default)]
    pub cores: Vec<CoreEnergy>,
    /// What the host computes beside the chip.
    #[serde(default)]
    pub host: Host,
    /// By iteration (pass within an image), summed over images; of generating models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub iterations: Vec<Iteration>,
    /// By pass within a sample, summed over samples; of others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passes: Vec<Iteration>,
    /// One an image, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_image: Vec<PerItem>,
    /// One a sample, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_sample: Vec<PerItem>,
    /// Hops by kind of link.
    pub hops_by_kind: HopsByKind,
    /// Where the time went.
    pub time: Time,
    /// Values that left their width.
    pub overflows: Overflows,
    /// Every energy constant, and what was charged with it.
    pub energy_constants: Vec<EnergyConstant>,
    /// Energy of the operations alone, as SNN papers give it.
    pub paper_figure: Paper,
    /// What may go wrong in any run of this program, known before it.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// What a reader should know about these numbers.
    pub notes: Vec<String>,
}

impl Report {
    /// Images or samples.
    pub fn items(&self) -> u64 {
        self.totals.images.or(self.totals.samples).unwrap_or(0)
    }

    /// `image` or `sample`.
    pub fn item_name(&self) -> &'static str {
        if self.totals.images.is_some() { "image" } else { "sample" }
    }

    /// Passes within an image or sample.
    pub fn by_pass(&self) -> impl Iterator<Item = &Iteration> {
        self.iterations.iter().chain(&self.passes)
    }

    /// Images or samples one by one.
    pub fn by_item(&self) -> impl Iterator<Item = &PerItem> {
        self.per_image.iter().chain(&self.per_sample)
    }
}

/// The chip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetInfo {
    /// Name of the target.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// Where its energy and time constants come from.
    pub provenance: ProvenanceSummary,
}

/// Names of the energy and time constants by provenance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvenanceSummary {
    /// Measured on silicon.
    pub measured: Vec<String>,
    /// Printed by the vendor or in a paper.
    pub published: Vec<String>,
    /// Arithmetic on published numbers.
    pub derived: Vec<String>,
    /// Not known publicly.
    pub assumed: Vec<String>,
}

/// Where the program sits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mapping {
    /// Cores in use.
    pub cores_used: u64,
    /// Chips with a core in use.
    pub chips_used: u64,
    /// Chips powered: boards have whole rows of chips.
    pub chips_present: u64,
    /// Wall-clock seconds of compilation; 0 when a program file was read.
    pub compile_s: f64,
}

/// Sums over the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Images generated; absent for models that generate none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<u64>,
    /// Samples that were fed; absent for generating models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    /// Share of samples whose label was predicted; set by who knows the labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Timesteps on the chip.
    pub timesteps: u64,
    /// Spikes.
    pub spikes: u64,
    /// Synaptic operations.
    pub synaptic_operations: u64,
    /// Packets sent: spikes x destination cores.
    pub packets: u64,
    /// Links crossed by packets.
    pub hops: u64,
    /// Words the host wrote.
    pub host_writes: u64,
    /// Words the host read.
    pub host_reads: u64,
    /// Simulated seconds, image after image; null without a time.
    pub time_s: Option<f64>,
    /// Joules.
    pub energy_j: f64,
    /// Wall-clock seconds of the simulation.
    pub wall_s: f64,
    /// Peak resident memory of the process; 0 where unknown.
    pub peak_memory_bytes: u64,
}

/// Joules by component.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Components {
    /// Synaptic operations.
    pub synapse: f64,
    /// Neuron updates and firing.
    pub neuron: f64,
    /// Decoding and making of packets.
    pub axon: f64,
    /// Hops and delivery.
    pub network: f64,
    /// Words written and read by the host.
    pub host: f64,
    /// Static power x time; 0 without a time.
    #[serde(rename = "static")]
    pub static_power: f64,
}

impl Components {
    /// Names as in the schema, and joules.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> {
        let Self { synapse, neuron, axon, network, host, static_power } = *self;
        [
            ("synapse", synapse),
            ("neuron", neuron),
            ("axon", axon),
            ("network", network),
            ("host", host),
            ("static", static_power),
        ]
        .into_iter()
    }
}

/// Lowest and highest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// At most the nominal value.
    pub low: f64,
    /// At least the nominal value.
    pub high: f64,
}

/// One population.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Layer {
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
    /// The same at the ends of the constants' ranges; null in the layers of a single image or sample.
    pub energy_range_j: Option<Range>,
    /// Joules by component.
    pub energy_by_component_j: Components,
}

/// One core in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CoreEnergy {
    /// Its number.
    pub core: u64,
    /// Its chip.
    pub chip: u64,
    /// Its layers.
    pub layers: Vec<String>,
    /// Joules, its share of the static energy of all that is present with it.
    pub energy_j: f64,
    /// The same by component.
    pub energy_by_component_j: Components,
}

/// What the host computes beside the chip. Neither timed nor charged; its words are (`totals.host_writes`, `host_reads`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Host {
    /// Multiply-adds of the whole run.
    pub multiply_adds: u64,
    /// Rows of tables looked up in the whole run.
    pub lookups: u64,
    /// By layer and task.
    pub tasks: Vec<HostLayer>,
}

/// A task of the host for one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostLayer {
    /// What is computed, for which layer, and its operations in a pass.
    #[serde(flatten)]
    pub work: HostWork,
    /// Passes of its network.
    pub passes: u64,
    /// Multiply-adds of all passes.
    pub multiply_adds: u64,
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
    /// Joules.
    pub energy_j: f64,
    /// The same by component.
    pub energy_by_component_j: Components,
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
    /// Joules.
    pub energy_j: f64,
    /// The same by component.
    pub energy_by_component_j: Components,
    /// In the model's order.
    pub layers: Vec<Layer>,
}

/// Hops by kind of link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopsByKind {
    /// Along rows, within a chip.
    pub east_west: u64,
    /// Along columns, within a chip.
    pub north_south: u64,
    /// Between chips.
    pub chip: u64,
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

/// One energy constant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnergyConstant {
    /// Field name in the target file.
    pub name: String,
    /// SI: joules per event; watts per chip, core or KiB for static power.
    pub value: f64,
    /// `J` or `W`.
    pub unit: String,
    /// `measured`, `published`, `derived` or `assumed`.
    pub provenance: String,
    /// The source or reason.
    pub source: String,
    /// Lowest and highest value, if the target gives a range.
    pub range: Option<Range>,
    /// Where the range comes from: kind of provenance, source or reason.
    pub range_source: Option<String>,
    /// Events charged: flits for hops and deliveries, all that a chip repeats for copies. For static power the chips,
    /// cores or KiB that draw it.
    pub events: u64,
    /// Joules charged.
    pub energy_j: f64,
}

/// 45 nm arithmetic (Horowitz 2014): no memory, no network, no static power.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Paper {
    /// J per accumulate.
    pub accumulate_j: f64,
    /// Synaptic operations.
    pub accumulates: u64,
    /// J per multiply-accumulate.
    pub multiply_accumulate_j: f64,
    /// Multiply-accumulates of host-computed layers, dense, once a pass.
    pub multiply_accumulates: u64,
    /// Both terms, J.
    pub energy_j: f64,
}
