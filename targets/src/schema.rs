//! The target file as written: `targets/*.ron`, read with unknown fields denied.
//!
//! Every number is a [`Sourced`] value: the number and where it comes from. Units are in the field names. The
//! checked, integer form that the simulator charges and times with is [`crate::resolved`].

use std::fmt;

use serde::{Deserialize, Serialize};

pub use crate::axons::{AxonSpec, InputAxonKind, OutputAxonKind};
use crate::layer_cores::LayerCores;
pub use crate::ranges::EnergyRange;

/// Format string of target files read by this version.
pub const FORMAT: &str = "snnc.target/1";

/// Where a number comes from. The report repeats it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Provenance {
    /// Measured on silicon; by whom.
    Measured(#[serde(deserialize_with = "said")] String),
    /// Printed by the vendor or in a paper; which.
    Published(#[serde(deserialize_with = "said")] String),
    /// Arithmetic on published numbers; which.
    Derived(#[serde(deserialize_with = "said")] String),
    /// Not known publicly; why this value.
    Assumed(#[serde(deserialize_with = "said")] String),
}

/// A source that says something; reports print it on one line.
fn said<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.trim().is_empty() {
        return Err(serde::de::Error::custom("the source is empty, expected who, where or why"));
    }
    if let Some(control) = text.chars().find(|c| c.is_control()) {
        let found = format!(
            "the source holds the control character U+{:04X}, expected one line of text",
            u32::from(control)
        );
        return Err(serde::de::Error::custom(found));
    }
    Ok(text)
}

impl Provenance {
    /// `measured`, `published`, `derived` or `assumed`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Measured(_) => "measured",
            Self::Published(_) => "published",
            Self::Derived(_) => "derived",
            Self::Assumed(_) => "assumed",
        }
    }

    /// The source or reason.
    pub fn text(&self) -> &str {
        match self {
            Self::Measured(s) | Self::Published(s) | Self::Derived(s) | Self::Assumed(s) => s,
        }
    }
}

impl fmt::Display for Provenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind(), self.text())
    }
}

/// A value and its provenance; in RON `(23.6, Published("..."))`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sourced<T>(pub T, pub Provenance);

impl<T: Copy> Sourced<T> {
    /// The value.
    pub fn get(&self) -> T {
        self.0
    }
}

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
    pub network: Option<NetworkSpec>,
}

/// A chip is a mesh of tiles with `cores_per_tile` cores each; chips stand on a grid, row-major. Packets travel
/// X first, then Y, over the mesh of all chips; so does each branch of a multicast tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopologySpec {
    /// Tiles in a row of a chip.
    pub mesh_columns: Sourced<u32>,
    /// Rows of tiles on a chip.
    pub mesh_rows: Sourced<u32>,
    /// Cores that share a tile's router.
    pub cores_per_tile: Sourced<u32>,
    /// Chips in a row of the board.
    pub chip_columns: Sourced<u32>,
    /// Most chips in one system.
    pub chips_max: Sourced<u32>,
    /// Whether a spike for several cores is one packet or several.
    pub routing: Sourced<Routing>,
}

/// How a spike reaches several cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Routing {
    /// The sending core makes one packet for each destination core; routers need no tables.
    Unicast,
    /// Packets fork on the way, so that a spike crosses each link of the tree to its destinations once.
    Multicast {
        /// Places of a router's table; `None` if packets carry what routers need. A tree takes one place wherever it
        /// starts, turns, forks or ends; routers pass a packet straight on without one.
        table_entries: Option<u32>,
    },
}

/// Capacity of one core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoreLimits {
    /// Neurons (compartments).
    pub neurons: Sourced<u32>,
    /// Input axons.
    pub input_axons: Sourced<u32>,
    /// Output axon slots.
    pub output_axons: Sourced<u32>,
    /// Synapse memory in bits.
    pub synapse_memory_bits: Sourced<u64>,
    /// Distinct thresholds, if limited.
    pub threshold_profiles: Option<Sourced<u32>>,
    /// Most times that a core may offer its `input_axons`, in powers of two; each neuron then takes as many of the
    /// core's `neurons` (its dendrites are merged). Exact: partial sums are added before the threshold.
    #[serde(default)]
    pub fan_in_merge: Option<Sourced<u32>>,
}

impl CoreLimits {
    /// Most input axons of a core, at the widest merge.
    pub fn input_axons_max(&self) -> u64 {
        u64::from(self.input_axons.get()) * u64::from(self.fan_in_merge.as_ref().map_or(1, Sourced::get))
    }

    /// Neurons of the core that one neuron takes if the core has so many input axons in use: 1, or the power of two
    /// that offers enough axons.
    pub fn merged(&self, input_axons: u64) -> u64 {
        if self.fan_in_merge.is_none() {
            return 1;
        }
        let least = input_axons.div_ceil(self.input_axons.get().into()).max(1);
        least.checked_next_power_of_two().unwrap_or(u64::MAX)
    }
}

/// Synapse storage. Memory of a list = `header_bits_per_list` + synapses x (`weight_bits` + `index_bits`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynapseSpec {
    /// Signed weight width in bits, two's complement.
    pub weight_bits: Sourced<u32>,
    /// Whether narrower weights (`--weights`) take less.
    #[serde(default = "fixed_width")]
    pub weight_storage: Sourced<WeightStorage>,
    /// Target index bits stored with each synapse.
    pub index_bits: Sourced<u32>,
    /// Bits of a list's header.
    pub header_bits_per_list: Sourced<u32>,
    /// What a convolution stores on a core.
    pub kernel_sharing: Sourced<KernelSharing>,
    /// Longest delay in timesteps; 1 is the least.
    pub delay_max: Sourced<u32>,
}

/// What a target means that does not say.
fn fixed_width() -> Sourced<WeightStorage> {
    let reason = "not said; each weight takes a place of weight_bits";
    Sourced(WeightStorage::Fixed, Provenance::Assumed(reason.into()))
}

/// What weights narrower than `weight_bits` take of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum WeightStorage {
    /// A place of `weight_bits` each, whatever their width.
    Fixed,
    /// As many bits as they have.
    AnyWidth,
    /// The next power of two of bits, each bit in a column of the core: `core.neurons` holds for `weight_bits`, and
    /// narrower weights leave columns for more neurons.
    Columns,
}

/// How often a core stores the weights of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum KernelSharing {
    /// Once for each distinct set of (relative target, weight): borders and tile edges cut the set.
    PerVariant,
    /// Once, whatever the position (hardware convolution).
    Ideal,
    /// Once for every source neuron.
    Unshared,
}

/// What the neurons of a chip can do, in integers: `v <- clip(v - decay(v) + (input << shift) + bias)`, fires on the threshold,
/// resets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronSpec {
    /// Membrane width in bits, sign included; saturates.
    pub state_bits: Sourced<u32>,
    /// Width of a timestep's summed input (after the shift) in bits, sign included; often less than the membrane's.
    pub accumulator_bits: Sourced<u32>,
    /// What a sum outside that width does.
    pub accumulator_overflow: Sourced<Overflow>,
    /// Left shift of summed weights before they join the membrane.
    pub weight_shift: Sourced<u32>,
    /// Least left shift that a weight exponent can choose instead.
    pub weight_shift_min: Sourced<u32>,
    /// Unsigned threshold mantissa width in bits.
    pub threshold_mantissa_bits: Sourced<u32>,
    /// Threshold = mantissa << this.
    pub threshold_shift: Sourced<u32>,
    /// Largest threshold, after the shift, where the chip takes fewer than mantissa and shift can say.
    #[serde(default)]
    pub threshold_max: Option<Sourced<u32>>,
    /// Strict or inclusive firing.
    pub threshold_comparison: Sourced<Comparison>,
    /// The membrane keeps (2^bits - decay) / 2^bits of itself each step, magnitude rounded toward zero. 0: no leak that
    /// is a fraction of the membrane, so that only integrate-and-fire neurons run.
    pub decay_bits: Sourced<u32>,
    /// What a firing neuron's membrane can become.
    #[serde(default = "reset_to_zero")]
    pub resets: Sourced<Vec<Reset>>,
    /// A synaptic current with a decay of its own, on chips whose neurons have one.
    #[serde(default)]
    pub synaptic_current: Option<CurrentSpec>,
    /// Signed bias mantissa width in bits, sign included.
    pub bias_mantissa_bits: Sourced<u32>,
    /// Bias = mantissa << exponent, exponent 0 to this.
    pub bias_exponent_max: Sourced<u32>,
    /// Whether a core can leave a population without updates outside its window.
    pub active_windows: Sourced<bool>,
    /// Whether neurons are updated in timesteps. Without them a model can be mapped but not simulated.
    #[serde(default = "timestepped")]
    pub timesteps: Sourced<bool>,
}

/// What the membrane of a neuron becomes in the step in which it fires.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Reset {
    /// 0 (hard reset).
    #[default]
    Zero,
    /// What exceeds the threshold: v - threshold (soft reset).
    Subtract,
}

/// A second word of state: the synaptic current u, which a timestep's sum joins and which joins the membrane.
///
/// ```text
/// u <- overflow(kept(u) + sum)    keeps (2^decay_bits - decay_offset - decay) / 2^decay_bits, magnitude toward zero
/// v <- clip(kept(v) + overflow(u + bias))
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurrentSpec {
    /// Width in bits, sign included; that of the current with the bias as well.
    pub bits: Sourced<u32>,
    /// What a current outside that width does.
    pub overflow: Sourced<Overflow>,
    /// What a current loses beyond its decay each step, of 2^decay_bits.
    pub decay_offset: Sourced<u32>,
}

/// What a target means that does not say.
fn reset_to_zero() -> Sourced<Vec<Reset>> {
    Sourced(vec![Reset::Zero], Provenance::Assumed("not said; as all chips".into()))
}

/// What a target means that does not say.
fn timestepped() -> Sourced<bool> {
    Sourced(true, Provenance::Assumed("not said; as nearly all chips".into()))
}

/// Overflow of a sum. It acts on a timestep's whole sum, so the order of arrival cannot change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Overflow {
    /// Clip to the nearest representable value.
    Saturate,
    /// Two's complement.
    Wrap,
}

/// Firing condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Comparison {
    /// v > threshold
    Strict,
    /// v >= threshold
    Inclusive,
}

/// Latency: from start to result. Interval: until the unit takes the next (initiation interval).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitTime {
    /// Start to result.
    pub latency_ns: Sourced<f64>,
    /// Start to next start.
    pub interval_ns: Sourced<f64>,
}

/// Times of units and links. Asynchronous chips give a nominal clock for rounding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimingSpec {
    /// Clock, or nominal clock, period.
    pub clock_ns: Sourced<f64>,
    /// One synaptic operation.
    pub synaptic_operation: UnitTime,
    /// Update of a neuron with input, bias or membrane other than 0.
    pub neuron_update_active: UnitTime,
    /// Update of a neuron with none of them.
    pub neuron_update_inactive: UnitTime,
    /// Added to an update when the neuron fires; nothing if left out.
    #[serde(default)]
    pub neuron_spike: Option<UnitTime>,
    /// Decoding of an arriving packet, whatever its flits.
    pub axon_in: UnitTime,
    /// Making of a packet, whatever its flits.
    pub axon_out: UnitTime,
    /// Between a tile's router and one of its cores, either way. Its interval and those of links are for one flit: a
    /// packet of `network.flits_per_packet` flits takes as many.
    pub tile_delivery: UnitTime,
    /// A link to the east or west; one flit.
    pub hop_east_west: UnitTime,
    /// A link to the north or south; one flit.
    pub hop_north_south: UnitTime,
    /// A link between chips; one flit.
    pub hop_chip: UnitTime,
    /// One word written by the host.
    pub host_write: UnitTime,
    /// One word read by the host.
    pub host_read: UnitTime,
    /// Barrier at the end of each timestep.
    pub barrier: BarrierSpec,
}

/// Barrier time by tiles in use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BarrierSpec {
    /// (tiles, ns), ascending.
    pub points_ns: Sourced<Vec<(u32, f64)>>,
    /// Between the points.
    pub between: Sourced<Between>,
}

/// Reading a table between its points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Between {
    /// Straight line; flat outside.
    Linear,
    /// The largest key not above the count; the first below it.
    Step,
}

/// Energy per event, and static power.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergySpec {
    /// One synaptic operation.
    pub synaptic_operation_pj: Sourced<f64>,
    /// Update of a neuron with input, bias or membrane other than 0.
    pub neuron_update_active_pj: Sourced<f64>,
    /// Update of a neuron with none of them.
    pub neuron_update_inactive_pj: Sourced<f64>,
    /// Added when a neuron fires.
    pub neuron_spike_pj: Sourced<f64>,
    /// Decoding of an arriving packet.
    pub axon_in_pj: Sourced<f64>,
    /// Making of a packet.
    pub axon_out_pj: Sourced<f64>,
    /// Delivery within the destination tile of one flit; a packet has `network.flits_per_packet`, 1 without a network.
    pub tile_delivery_pj: Sourced<f64>,
    /// A hop of one flit to the east or west.
    pub hop_east_west_pj: Sourced<f64>,
    /// A hop of one flit to the north or south.
    pub hop_north_south_pj: Sourced<f64>,
    /// A hop of one flit between chips.
    pub hop_chip_pj: Sourced<f64>,
    /// One word written by the host.
    pub host_write_pj: Sourced<f64>,
    /// One word read by the host.
    pub host_read_pj: Sourced<f64>,
    /// Static power of a powered chip, what its cores draw left out if that is given by core.
    pub static_mw_per_chip: Sourced<f64>,
    /// Static power of each core of a powered chip, used or not; nothing if left out.
    #[serde(default)]
    pub static_uw_per_core: Option<Sourced<f64>>,
    /// Static power of each KiB of such a core's synapse memory (`core.synapse_memory_bits`); nothing if left out.
    #[serde(default)]
    pub static_uw_per_memory_kib: Option<Sourced<f64>>,
    /// What a core that holds neurons draws beside that; nothing if left out.
    #[serde(default)]
    pub static_uw_per_core_in_use: Option<Sourced<f64>>,
    /// How far some of the constants may be off; a constant that is not listed has no range.
    #[serde(default)]
    pub ranges: Vec<EnergyRange>,
}

/// Routers, their buffers, and the queues of a core, for cycle-accurate timing. Links and ports are those of
/// [`TimingSpec`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// Virtual channels of every input port of a router.
    pub virtual_channels: Sourced<u32>,
    /// Places of an input buffer for each virtual channel.
    pub buffer_flits: Sourced<u32>,
    /// The same behind a link between chips.
    pub chip_buffer_flits: Sourced<u32>,
    /// Flits of a packet, also for analytic time and for the energy of hops and deliveries.
    pub flits_per_packet: Sourced<u32>,
    /// From a flit's arrival in a router to its first chance to leave, beyond what the hop's latency contains.
    pub router_latency_ns: Sourced<f64>,
    /// Until the sender knows of a free place.
    pub credit_latency_ns: Sourced<f64>,
    /// The same over a link between chips.
    pub chip_credit_latency_ns: Sourced<f64>,
    /// Spikes that wait between a core's neuron unit and its making of packets.
    pub spike_queue_spikes: Sourced<u32>,
    /// Packets that wait to be decoded in a core.
    pub axon_in_queue_packets: Sourced<u32>,
    /// Decoded packets that wait for a core's synapse unit.
    pub synapse_queue_packets: Sourced<u32>,
}

impl NetworkSpec {
    /// Whole numbers by field name.
    pub fn sizes(&self) -> [(&'static str, &Sourced<u32>); 7] {
        [
            ("virtual_channels", &self.virtual_channels),
            ("buffer_flits", &self.buffer_flits),
            ("chip_buffer_flits", &self.chip_buffer_flits),
            ("flits_per_packet", &self.flits_per_packet),
            ("spike_queue_spikes", &self.spike_queue_spikes),
            ("axon_in_queue_packets", &self.axon_in_queue_packets),
            ("synapse_queue_packets", &self.synapse_queue_packets),
        ]
    }

    /// Times by field name.
    pub fn times_ns(&self) -> [(&'static str, &Sourced<f64>); 3] {
        [
            ("router_latency_ns", &self.router_latency_ns),
            ("credit_latency_ns", &self.credit_latency_ns),
            ("chip_credit_latency_ns", &self.chip_credit_latency_ns),
        ]
    }
}
