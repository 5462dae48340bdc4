//! The target's times in whole cycles of its clock, rounded up: no unit is faster than described.

use snnc_targets::resolved::{UnitPs, picoseconds};
use snnc_targets::schema::{CorePath, NocSpec};
use snnc_targets::{Timing, Topology};

use crate::counts::Events;
use crate::time::cycle::mesh::{MeshLink, MeshSpec};

/// Latency and initiation interval in cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitCycles {
    /// Start to result.
    pub latency: u64,
    /// Start to next start.
    pub interval: u64,
}

/// Units and queues of a core.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreCycles {
    /// One cycle.
    pub clock_ps: u64,
    /// One synaptic operation.
    pub synapse: UnitCycles,
    /// Update of an active neuron.
    pub active: UnitCycles,
    /// Update of an inactive neuron.
    pub inactive: UnitCycles,
    /// Added to the update of a firing neuron.
    pub spike: UnitCycles,
    /// Decoding of a packet.
    pub axon_in: UnitCycles,
    /// Making of a packet.
    pub axon_out: UnitCycles,
    /// Entering of a packet from outside.
    pub input_packet: UnitCycles,
    /// Between deliveries from the router.
    pub delivery: u64,
    /// Whether a packet is decoded only when the synapses of the one before are done.
    pub receives_serially: bool,
    /// Whether a neuron is updated only when the packets of the spike before are made.
    pub sends_serially: bool,
    /// Spikes between neuron unit and making of packets.
    pub spike_queue: usize,
    /// Packets in front of the decoder.
    pub axon_in_queue: usize,
    /// Packets in front of the synapse unit.
    pub synapse_queue: usize,
}

impl CoreCycles {
    /// The times of a target.
    pub fn new(timing: &Timing, network: &NocSpec) -> Self {
        let unit = |unit: UnitPs| UnitCycles {
            latency: cycles(unit.latency_ps, timing.clock_ps),
            interval: cycles(unit.interval_ps, timing.clock_ps),
        };
        Self {
            clock_ps: timing.clock_ps.max(1),
            synapse: unit(timing.synaptic_operation),
            active: unit(timing.neuron_update_active),
            inactive: unit(timing.neuron_update_inactive),
            spike: unit(timing.neuron_spike),
            axon_in: unit(timing.axon_in),
            axon_out: unit(timing.axon_out),
            input_packet: unit(timing.input_packet),
            delivery: cycles(timing.tile_delivery.interval_ps, timing.clock_ps),
            receives_serially: timing.receive_path == CorePath::Serial,
            sends_serially: timing.send_path == CorePath::Serial,
            spike_queue: network.spike_queue_spikes.get() as usize,
            axon_in_queue: network.axon_in_queue_packets.get() as usize,
            synapse_queue: network.synapse_queue_packets.get() as usize,
        }
    }

    /// The longest latency or interval.
    pub fn longest(&self) -> u64 {
        let firing = UnitCycles {
            latency: self.active.latency + self.spike.latency,
            interval: self.active.interval + self.spike.interval,
        };
        let units = [self.synapse, firing, self.inactive, self.axon_in, self.axon_out, self.input_packet];
        units.into_iter().map(|unit| unit.latency.max(unit.interval)).max().unwrap_or(0)
    }

    /// Cycles of all updates of a slice.
    pub fn updates(&self, events: &Events) -> u64 {
        events.updates_active * self.active.interval
            + events.updates_inactive * self.inactive.interval
            + events.spikes * self.spike.interval
    }

    /// Cycles of the updates before a firing neuron: the `index`-th of its slice, after so many that fired. Those
    /// that fired are active; the inactive ones are spread evenly over the others.
    pub fn before(&self, events: &Events, index: u64, fired: u64) -> u64 {
        let silent = (events.updates_active + events.updates_inactive).saturating_sub(events.spikes).max(1);
        let inactive = index.saturating_sub(fired) * events.updates_inactive / silent;
        index.saturating_sub(inactive) * self.active.interval
            + inactive * self.inactive.interval
            + fired * self.spike.interval
    }
}

/// The mesh of a board.
pub fn mesh(topology: &Topology, timing: &Timing, network: &NocSpec) -> MeshSpec {
    let clocks = |ps: u64| cycles(ps, timing.clock_ps);
    let credit = clocks(picoseconds(network.credit_latency_ns.get()));
    let buffer_flits = network.buffer_flits.get() as u16;
    let line = |unit: UnitPs| MeshLink {
        latency: clocks(unit.latency_ps),
        interval: clocks(unit.interval_ps),
        credit,
        buffer_flits,
    };
    let (east_west, north_south, delivery) =
        (line(timing.hop_east_west), line(timing.hop_north_south), line(timing.tile_delivery));
    // A buffer is read as fast as the fastest port can send.
    let read_interval = east_west.interval.min(north_south.interval).min(delivery.interval);
    MeshSpec {
        columns: topology.width(),
        rows: topology.height(),
        interconnect: topology.interconnect,
        allocation: network.allocation(),
        chip_columns: topology.mesh_columns,
        chip_rows: topology.mesh_rows,
        locals: topology.cores_per_tile,
        virtual_channels: network.virtual_channels.get(),
        flits_per_packet: network.flits_per_packet.get(),
        router_latency: clocks(picoseconds(network.router_latency_ns.get())),
        read_interval,
        east_west,
        north_south,
        chip: MeshLink {
            credit: clocks(picoseconds(network.chip_credit_latency_ns.get())),
            buffer_flits: network.chip_buffer_flits.get() as u16,
            ..line(timing.hop_chip)
        },
        injection: delivery,
        delivery,
    }
    .at_least_one()
}

fn cycles(picoseconds: u64, clock_ps: u64) -> u64 {
    picoseconds.div_ceil(clock_ps.max(1))
}
