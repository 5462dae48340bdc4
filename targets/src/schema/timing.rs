//! Times of units, links and barriers.

use serde::{Deserialize, Serialize};

use super::{Sourced, TimeRange, UnknownRange};

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
    /// One multiply-add that the host computes before a pass, for its inputs, or after it, for its read-outs; nothing
    /// if left out.
    #[serde(default)]
    pub host_multiply_add: Option<UnitTime>,
    /// Synchronisation of host and chip, once a pass; nothing if left out.
    #[serde(default)]
    pub host_synchronisation: Option<UnitTime>,
    /// One packet that enters the mesh at `topology.input_port`; nothing if left out.
    #[serde(default)]
    pub input_packet: Option<UnitTime>,
    /// Whether a core decodes packets while it walks the synapses of others; None is pipelined.
    #[serde(default)]
    pub receive_path: Option<Sourced<CorePath>>,
    /// Whether a core makes packets while it updates neurons; None is pipelined.
    #[serde(default)]
    pub send_path: Option<Sourced<CorePath>>,
    /// Barrier at the end of each timestep.
    pub barrier: BarrierSpec,
    /// How far constants may be off.
    #[serde(default)]
    pub ranges: Vec<TimeRange>,
    /// Constants of which no range is known, with the reason.
    #[serde(default)]
    pub ranges_unknown: Vec<UnknownRange>,
}

/// How two units of a core that a packet passes one after the other share the time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum CorePath {
    /// They work at the same time, on different packets: the slower one counts.
    #[default]
    Pipelined,
    /// One works at a time, so that their times add up: a packet is decoded and its synapses are walked before the
    /// next is decoded; the packets of a spike are made before the next neuron is updated.
    Serial,
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

impl TimingSpec {
    /// How decoding and synapse unit of a core share the time.
    pub fn receive_path(&self) -> CorePath {
        self.receive_path.as_ref().map_or(CorePath::default(), Sourced::get)
    }

    /// How neuron unit and making of packets of a core share the time.
    pub fn send_path(&self) -> CorePath {
        self.send_path.as_ref().map_or(CorePath::default(), Sourced::get)
    }
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
