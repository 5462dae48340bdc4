//! The network on chip: routers, buffers and the queues of cores, for cycle-accurate timing.

use serde::{Deserialize, Serialize};

use super::{Sourced, TimeRange, UnknownRange};

/// Routers, their buffers, and the queues of a core, for cycle-accurate timing. Links and ports are those of
/// [`super::TimingSpec`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NocSpec {
    /// How routers allocate channels and outputs; None is jointly.
    #[serde(default)]
    pub allocation: Option<Sourced<RouterAllocation>>,
    /// Virtual channels of every input port of a router.
    pub virtual_channels: Sourced<u32>,
    /// Places of an input buffer for each virtual channel.
    pub buffer_flits: Sourced<u32>,
    /// Places of an input buffer behind a link between chips, for each virtual channel.
    pub chip_buffer_flits: Sourced<u32>,
    /// Flits of a packet, also for analytic time and for the energy of hops and deliveries.
    pub flits_per_packet: Sourced<u32>,
    /// From a flit's arrival in a router to its first chance to leave, beyond what the hop's latency contains.
    pub router_latency_ns: Sourced<f64>,
    /// Until the sender knows of a free place.
    pub credit_latency_ns: Sourced<f64>,
    /// Until the sender on another chip knows of a free place.
    pub chip_credit_latency_ns: Sourced<f64>,
    /// Spikes that wait between a core's neuron unit and its making of packets.
    pub spike_queue_spikes: Sourced<u32>,
    /// Packets that wait to be decoded in a core.
    pub axon_in_queue_packets: Sourced<u32>,
    /// Decoded packets that wait for a core's synapse unit.
    pub synapse_queue_packets: Sourced<u32>,
    /// How far times and depths may be off.
    #[serde(default)]
    pub ranges: Vec<TimeRange>,
    /// Times and depths of which no range is known, with the reason.
    #[serde(default)]
    pub ranges_unknown: Vec<UnknownRange>,
}

/// How a router gives its heads the virtual channel behind an output and the output itself, the switch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum RouterAllocation {
    /// Both in one decision: each output takes the next head, round robin over all input channels, that can go at
    /// once. A channel is held by a packet from the departure of its head to that of its tail. Packets reach a core
    /// one after the other.
    #[default]
    Joint,
    /// In two stages, as in an input-queued router without speculation (Dally and Towles, "Principles and Practices of
    /// Interconnection Networks", chapters 16 to 19): a head claims a channel, and asks for the switch one read
    /// interval later. A channel can be claimed again one read interval after the tail before has left, so one channel
    /// passes a packet of one flit every second interval. Both stages are separable allocators of one iteration, round
    /// robin (iSLIP, McKeown 1999): channels take a head, heads accept one channel; outputs take an input port,
    /// which offers the next of its channels, and input ports accept one output. Flits of packets on different
    /// channels reach a core interleaved.
    Staged,
}

impl NocSpec {
    /// How routers allocate channels and outputs.
    pub fn allocation(&self) -> RouterAllocation {
        self.allocation.as_ref().map_or(RouterAllocation::default(), Sourced::get)
    }

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

    /// Gives a time (ns) or a depth (rounded to whole places) another value; other fields have no range.
    pub(crate) fn set(&mut self, field: &str, value: f64) {
        match field {
            "router_latency_ns" => self.router_latency_ns.0 = value,
            "credit_latency_ns" => self.credit_latency_ns.0 = value,
            "chip_credit_latency_ns" => self.chip_credit_latency_ns.0 = value,
            "buffer_flits" => self.buffer_flits.0 = value.round() as u32,
            "chip_buffer_flits" => self.chip_buffer_flits.0 = value.round() as u32,
            "spike_queue_spikes" => self.spike_queue_spikes.0 = value.round() as u32,
            "axon_in_queue_packets" => self.axon_in_queue_packets.0 = value.round() as u32,
            "synapse_queue_packets" => self.synapse_queue_packets.0 = value.round() as u32,
            _ => {}
        }
    }
}
