//! The target file as written: `targets/*.ron`, read with unknown fields denied.
//!
//! Every number is a [`Sourced`] value: the number and where it comes from. Units are in the field names. The
//! checked, integer form that the simulator charges and times with is [`crate::resolved`].

mod area;
mod core;
mod neuron;
mod noc;
mod provenance;
mod scaling;
mod timing;
mod topology;

use serde::{Deserialize, Serialize};

pub use self::area::{Area, AreaSpec};
pub use self::core::{CoreLimits, KernelSharing, SynapseSpec, WeightStorage, ZeroWeights};
pub use self::neuron::{CurrentSpec, NeuronSpec, Overflow, Reset, ThresholdComparison};
pub use self::noc::{NocSpec, RouterAllocation};
pub use self::provenance::{Provenance, Sourced};
pub use self::scaling::{Corner, OperatingPoint, ScalingSpec};
pub use self::timing::{BarrierSpec, Between, CorePath, TimingSpec, UnitTime};
pub use self::topology::{RoutingScheme, TopologySpec};
pub use crate::axons::{AxonSpec, InputAxonKind, OutputAxonKind};
pub use crate::energy::EnergySpec;
use crate::layer_cores::LayerCores;
pub use crate::ranges::EnergyRange;
pub use crate::time_ranges::{TimeRange, UnknownRange};

/// Format string of target files read by this version.
pub const FORMAT: &str = "snnc.target/1";

/// A described chip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Always [`FORMAT`].
    pub format: String,
    /// Name as given to `--target`.
    pub name: String,
    /// One line for people.
    pub description: String,
    /// Tiles, cores and chips.
    pub topology: TopologySpec,
    /// What one core can hold.
    pub core: CoreLimits,
    /// How spikes address other cores.
    pub axons: AxonSpec,
    /// How synapses are stored.
    pub synapses: SynapseSpec,
    /// Cores that differ and take one layer each, instead of `core`'s figures for all.
    #[serde(default)]
    pub layer_cores: Option<LayerCores>,
    /// Neuron arithmetic.
    pub neuron: NeuronSpec,
    /// Time constants.
    pub timing: TimingSpec,
    /// Energy constants.
    pub energy: EnergySpec,
    /// Queues and routers; without them the target cannot be timed cycle by cycle.
    #[serde(default)]
    pub network: Option<NocSpec>,
    /// Silicon area, as far as it is known.
    #[serde(default)]
    pub area: Option<AreaSpec>,
    /// How energies and times follow the supply, the corner and the clock; without it they are those of the file.
    #[serde(default)]
    pub scaling: Option<ScalingSpec>,
    /// Where the constants were scaled to; files leave it out.
    #[serde(default)]
    pub operating_point: Option<OperatingPoint>,
}
