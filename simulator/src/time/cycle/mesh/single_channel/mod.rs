//! The engine for small routers of one virtual channel and packets of one flit to one end, as Loihi's. It gives the
//! same fates as [`WormholeMesh`](super::wormhole::WormholeMesh), and is faster because the outputs of such a router
//! do not depend on each other.
//!
//! The unit of work is an output in one cycle. The [`calendar`] holds one time for each requested output, not
//! after the first cycle in which it can be granted. An output is entered
//! 1. when a head requests it, for the time at which the head and the output can be had,
//! 2. after a grant, if other heads want it, for the time at which it may be granted again,
//! 3. when a place behind it becomes known to be free, if a head wants it,
//! 4. after a look that found no head ready, for the time of the first that will be.
//!
//! So nearly every look ends in a grant. A credit is no event but the time from which a place is free. A flit carries
//! its packet, so there is no table of packets.
//!
//! State: 768 bytes a router, 32 a place of a buffer (rings, so a power of two of them), 16 an output in the calendar.

mod build;
mod calendar;
mod router;

use super::ring::Ring;
use super::traffic::MeshTraffic;
use super::{MeshDestination, MeshTotals};
use calendar::Calendar;

/// A time that never comes; a place that is taken.
const NEVER: u64 = u64::MAX;
/// No output.
const NONE: u32 = u32::MAX;
/// Ports of a router, used or not: a byte has a bit for each.
const PORTS: usize = 8;

/// A place of an input buffer, and the packet in it.
#[derive(Debug, Clone, Copy, Default)]
struct QueuedPacket {
    /// Cycle in which it may leave at the earliest. Of an empty place: from which the sender may use it again.
    time: u64,
    injected: u64,
    tag: u64,
    to: MeshDestination,
    /// Output port that it will take.
    port: u16,
}

/// An input channel.
#[derive(Debug, Clone, Copy)]
struct PacketBuffer {
    /// When it may be read again.
    readable: u64,
    /// Cycles until the sender knows of a free place.
    credit: u64,
    /// Its places among [`SingleChannelMesh::places`].
    ring: Ring,
    /// Output before it; [`NONE`] for local ports and edges.
    sender: u32,
}

/// An output port.
#[derive(Debug, Clone, Copy)]
struct RouterOutput {
    /// When it may be granted again: it is free, and a place behind it is ([`NEVER`]: none is known to become free).
    allowed: u64,
    /// When it is free again.
    free: u64,
    latency: u64,
    interval: u64,
    /// Channel behind it; for local ports the exit of the mesh.
    behind: u32,
    /// Where the router behind it is.
    x: u16,
    y: u16,
    /// Input ports whose heads want it.
    requests: u8,
    /// Input port granted last.
    last: u8,
}

/// A router.
#[derive(Debug, Clone, Copy)]
struct RouterState {
    outputs: [RouterOutput; PORTS],
    channels: [PacketBuffer; PORTS],
    /// By channel: when its head may leave; [`NEVER`] without one.
    ready: [u64; PORTS],
}

/// A local input port.
#[derive(Debug, Clone, Copy)]
struct RouterEntrance {
    /// When the next packet may stand in its buffer.
    soonest: u64,
    channel: u32,
    /// Where its router is.
    x: u16,
    y: u16,
}

/// A mesh. Reusable: every run leaves it empty.
///
/// Port `p` of router `r`, as an output and as an input channel, is number `r * PORTS + p`.
#[derive(Debug)]
pub(super) struct SingleChannelMesh {
    locals: usize,
    grid: snnc_targets::topology::Grid,
    router_latency: u64,
    read_interval: u64,
    injection_interval: u64,
    routers: Vec<RouterState>,
    places: Vec<QueuedPacket>,
    entrances: Vec<RouterEntrance>,
    calendar: Calendar,
}

impl SingleChannelMesh {
    /// Carries all packets of `traffic` to their ends.
    pub(super) fn run(&mut self, traffic: &mut impl MeshTraffic) -> MeshTotals {
        self.reset();
        for entrance in 0..self.entrances.len() {
            self.fill_injection_buffer(entrance, traffic);
        }
        while let Some((now, output)) = self.calendar.advance() {
            self.allocate_output(output, now, traffic);
        }
        self.drained()
    }

    /// What a run came to: outputs tell when they were granted last, channels how many flits have come.
    fn drained(&self) -> MeshTotals {
        let mut drained = MeshTotals::default();
        for router in &self.routers {
            for output in router.outputs.iter().filter(|output| output.free > 0) {
                drained.at = drained.at.max(output.free).max(output.free - output.interval + output.latency);
            }
            let linked = router.channels.iter().filter(|channel| channel.sender != NONE);
            drained.flit_hops += linked.map(|channel| u64::from(channel.ring.come())).sum::<u64>();
        }
        drained
    }
}
