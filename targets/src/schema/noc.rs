//! The network on chip: routers, buffers and the queues of cores, for cycle-accurate timing.

use serde::{Deserialize, Serialize};

use super::Sourced;

/// Routers, their buffers, and the queues of a core, for cycle-accurate timing. Links and ports are those of
/// [`super::TimingSpec`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NocSpec {
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
}

impl NocSpec {
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
