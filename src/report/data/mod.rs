//! report.json as data: schema `snnc.report/1`. SI units, numbers as numbers; field names are part of the schema.
//!
//! `totals.energy_j` is the sum of `energy_j`, of the layers, of the passes, of the images or samples and of the
//! constants, up to the rounding of integers of attojoules to floats. The integers stand beside them (`energy_aj`,
//! `time_ps`); their sums agree to the last digit.

mod activity;
mod energy;
mod host;
mod mapping;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::certainty::Certainty;
pub use super::exact::{Exact, ExactByComponent};
pub use super::sensitivity::{Sensitivity, TimeConstant};
pub use super::timing::data::Time;
pub use activity::{
    CoreEnergy, Iteration, LayerBusy, LayerReport, LayerTime, Overflows, PerItem, SpikesOverTime,
};
pub use energy::{EnergyByComponent, EnergyConstant, Paper, Range};
pub use host::{Host, HostLayer};
pub use mapping::{
    CoreContents, LayerPart, MappingFigures, MappingSummary, Mesh, PacketsOfSpikes, UsedLimit,
};
/// Hops by kind of link.
pub use snnc_simulator::noc::Hops;
/// Silicon area by part, and the supply, corner and clock to which constants were scaled.
pub use snnc_targets::schema::{Area, OperatingPoint};

use crate::samples::{Classification, EventSummary};
use crate::warnings::Warning;

/// Schema of this version.
pub const SCHEMA: &str = "snnc.report/1";

/// The whole report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Version of snnc that wrote it; empty in older reports.
    #[serde(default)]
    pub version: String,
    /// Name of the model.
    pub model: String,
    /// The chip.
    pub target: TargetInfo,
    /// How time was modelled: `none`, `analytic`, `cycle` or `cycle:1/N`.
    pub fidelity: String,
    /// Where the program sits.
    pub mapping: MappingSummary,
    /// Bits of a weight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_bits: Option<u32>,
    /// Seed of the host's random streams; absent where nothing is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Options that the command was given, or took of itself, and that results depend on, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, String>,
    /// Silicon area of the chips powered; absent where the target says none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Area>,
    /// What that is made of; empty where the target says none, and in older reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub area_constants: Vec<AreaConstant>,
    /// Sums over the run.
    pub totals: Totals,
    /// What became of the events that the samples are made of; absent for other samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<EventSummary>,
    /// Predictions against labels; absent without labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<Classification>,
    /// By component, J.
    pub energy_j: EnergyByComponent,
    /// The same as whole numbers of attojoules; absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_aj: Option<ExactByComponent>,
    /// `totals.energy_j` with every constant of energy, and of times that are analytic, at the lowest, and at the
    /// highest value of its range.
    pub energy_range_j: Range,
    /// `totals.time_s` with every constant of time at the lowest, and at the highest value of its range; absent where
    /// the target gives no ranges of times or times are not analytic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_range_s: Option<Range>,
    /// In the model's order.
    pub layers: Vec<LayerReport>,
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
    /// Spikes by timestep, where items have one pass each and time is modelled; absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spikes_over_time: Option<SpikesOverTime>,
    /// One an image, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_image: Vec<PerItem>,
    /// One a sample, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_sample: Vec<PerItem>,
    /// Hops by kind of link.
    pub hops_by_kind: Hops,
    /// Where the time went.
    pub time: Time,
    /// Values that left their width.
    pub overflows: Overflows,
    /// Every energy constant, and what was charged with it.
    pub energy_constants: Vec<EnergyConstant>,
    /// Every constant of time; empty without a time and in older reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub time_constants: Vec<TimeConstant>,
    /// What each constant that has a range does to time and energy, the one that moves energy most first; with
    /// `--sensitivity`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitivity: Vec<Sensitivity>,
    /// Energy of the operations alone, as SNN papers give it.
    pub paper_figure: Paper,
    /// What may go wrong in any run of this program, known before it.
    #[serde(default)]
    pub warnings: Vec<Warning>,
    /// What a reader should know about these numbers.
    pub notes: Vec<String>,
}

impl Report {
    /// Says how right the predictions are.
    pub fn classify(&mut self, classification: Option<Classification>) {
        self.totals.accuracy = classification.as_ref().map(Classification::accuracy);
        self.classification = classification;
    }

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
    /// Supply, corner and clock to which they were scaled; absent where they are those of the target's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operating_point: Option<OperatingPoint>,
    /// Whether it has laws for another supply, corner or clock; absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub has_scaling_laws: Option<bool>,
}

/// The area of a part of the chip, each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AreaConstant {
    /// Field name in the target file.
    pub name: String,
    /// mm2 of a core, router, KiB or chip, as the name says.
    pub value: f64,
    /// `measured`, `published`, `derived` or `assumed`.
    pub provenance: String,
    /// The source or reason.
    pub source: String,
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

/// Sums over the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Totals {
    /// Images generated; absent for models that generate none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<u64>,
    /// Samples that were fed; absent for generating models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    /// Share of samples whose label was predicted; see [`Report::classify`].
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
    /// Packets that entered the mesh at the target's port; absent without spikes from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_packets: Option<u64>,
    /// Words the host read.
    pub host_reads: u64,
    /// Simulated seconds, image after image; null without a time.
    pub time_s: Option<f64>,
    /// The same as a whole number of picoseconds; absent without a time and in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_ps: Option<Exact>,
    /// What kind of figure that is; null without a time, absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_is: Option<Certainty>,
    /// Of a lower bound: work of simulating one timestep of 16 packet by packet, as a multiple of the execution's, by
    /// counts. Absent where the target describes no network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulation_effort: Option<f64>,
    /// Joules.
    pub energy_j: f64,
    /// The same as a whole number of attojoules; absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_aj: Option<Exact>,
    /// Wall-clock seconds of the simulation.
    pub wall_s: f64,
    /// Peak resident memory of the process; 0 where unknown.
    pub peak_memory_bytes: u64,
}
