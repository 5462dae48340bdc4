//! The engine for every specification: any number of ports, virtual channels and flits of a packet, and packets that
//! fork.
//!
//! The unit of work of joint allocation is an output port in one cycle. The [`wheel`] holds the outputs to look at, and
//! four rules keep it complete: an output is entered
//! 1. for the time at which a channel's new head can take it,
//! 2. after a grant, if other heads want it, for the time at which it may be granted again,
//! 3. when the first place behind it becomes known to be free,
//! 4. when a head was refused because its port had just been read, for the time at which that may be read again.
//!
//! So nearly every look ends in a grant. A credit is no event but the time from which a place is free
//! ([`OutputPort::allowed`]). The output at the next router is chosen when a flit leaves the one before. The loop is
//! compiled for each [`FlowControl`]. Nothing is allocated in it once the table of packets has grown to the most that
//! were ever under way.
//!
//! Where channels and outputs are allocated in two stages, the unit of work is a router ([`staged`]); an output in the
//! wheel then stands for its router.
//!
//! A packet on a tree ([`forks`]) asks for all its outputs at once and keeps its place until the last of them has
//! taken it.
//!
//! State: 56 bytes an output, 40 a channel, 16 a place of a buffer (rings, so a power of two of them), 24 a packet
//! under way; of the wheel one bit an output and cycle within the longest latency.

mod allocation;
mod build;
mod flow_control;
mod forks;
mod injection;
mod staged;
mod traversal;
mod wheel;

use snnc_targets::schema::RouterAllocation;
use snnc_targets::topology::Routing;

use super::ring::Ring;
use super::traffic::MeshTraffic;
use super::trees::MeshTrees;
use super::{MeshSpec, MeshTotals, PacketInFlight};
use flow_control::{FlowControl, ForkingFlit, SingleFlit, Staged, Wormhole};
use forks::ForkState;
use staged::StagedPointers;
use wheel::Wheel;

/// A time that never comes; a place that is taken.
const NEVER: u64 = u64::MAX;
/// No channel, no output.
const NONE: u32 = u32::MAX;
/// Holder of a virtual channel that no packet holds.
const FREE: u8 = u8::MAX;
/// Marks a packet's last flit in [`BufferedFlit::packet`].
const TAIL: u32 = 1 << 31;

/// A place of an input buffer, and the flit in it.
#[derive(Debug, Clone, Copy, Default)]
struct BufferedFlit {
    /// Cycle in which it may leave at the earliest. Of an empty place: from which the sender may use it again.
    time: u64,
    /// Index of its [`PacketInFlight`], with [`TAIL`].
    packet: u32,
    /// Output port it will take; where packets fork, what [`forks`] makes of it.
    port: u32,
}

/// An input channel: one virtual channel of one port of a router.
#[derive(Debug, Clone, Copy)]
struct InputChannel {
    /// When its head may leave; [`NEVER`] without one.
    ready: u64,
    /// Cycles until the sender knows of a free place.
    credit: u64,
    /// Its places among [`WormholeMesh::places`].
    ring: Ring,
    /// Output before it; [`NONE`] for local ports and edges.
    sender: u32,
}

/// An output port of a router.
#[derive(Debug, Clone, Copy)]
struct OutputPort {
    /// When it may be granted again: it is free, and a place behind it is ([`NEVER`]: none is known to become free).
    /// Packets of several flits look at the places themselves.
    allowed: u64,
    /// Channels whose heads want it.
    requests: u64,
    /// When it is free again.
    free: u64,
    latency: u64,
    interval: u64,
    /// First output of the router behind it; unused for local ports.
    next: u32,
    /// Where that router is.
    x: u16,
    y: u16,
    /// Channel granted last.
    last: u8,
    /// Virtual channel given last.
    last_channel: u8,
}

/// An input port.
#[derive(Debug, Clone, Copy, Default)]
struct InputPort {
    /// When the port may be read again.
    readable: u64,
}

/// A local input port.
#[derive(Debug, Clone, Copy, Default)]
struct InjectionPort {
    /// Packets entered, and flits of the last one still to come.
    entered: u32,
    left: u32,
    /// Last flit's time.
    last: u64,
    /// Index of the last packet.
    packet: u32,
}

/// A mesh. Reusable: every run leaves it empty.
///
/// Outputs and input ports of a router are numbered from `router << shift`, channels from
/// `(router << shift) * virtual_channels`.
#[derive(Debug)]
pub(super) struct WormholeMesh {
    spec: MeshSpec,
    shift: u32,
    inputs: Vec<InputPort>,
    outputs: Vec<OutputPort>,
    channels: Vec<InputChannel>,
    places: Vec<BufferedFlit>,
    entrances: Vec<InjectionPort>,
    /// By output and virtual channel: when the next place behind is free.
    credits: Vec<u64>,
    /// By output and virtual channel: the input channel whose packet holds it. Only for packets of several flits.
    holders: Vec<u8>,
    /// By router: the output port whose turn is first.
    turns: Vec<u32>,
    packets: Vec<PacketInFlight>,
    unused: Vec<u32>,
    /// Empty without trees.
    forks: ForkState,
    /// Empty where channels and outputs are allocated jointly.
    staged: StagedPointers,
    wheel: Wheel,
    drained: u64,
    hops: u64,
}

impl WormholeMesh {
    /// Carries all packets of `traffic` to their ends.
    pub(super) fn run(&mut self, traffic: &mut impl MeshTraffic) -> MeshTotals {
        self.reset();
        match self.spec.flits_per_packet {
            _ if self.spec.allocation == RouterAllocation::Staged => self.drain::<Staged>(traffic),
            1 if !self.forks.trees.is_empty() => self.drain::<ForkingFlit>(traffic),
            1 if !holds_channels(&self.spec) => self.drain::<SingleFlit>(traffic),
            _ => self.drain::<Wormhole>(traffic),
        }
        MeshTotals { at: self.drained, flit_hops: self.hops }
    }

    fn drain<S: FlowControl>(&mut self, traffic: &mut impl MeshTraffic) {
        for port in 0..self.entrances.len() {
            self.fill_injection_buffer::<S>(port, traffic);
        }
        while let Some(now) = self.wheel.advance() {
            for word in 0..self.wheel.words() {
                let set = self.wheel.take(word);
                self.allocate_outputs::<S>(word * 64, set, now, traffic);
            }
        }
    }

    /// Looks at a word of outputs, those of a router from the one after as many as were granted, so that no output
    /// is always served first.
    #[inline(always)]
    fn allocate_outputs<S: FlowControl>(
        &mut self,
        first: usize,
        mut set: u64,
        now: u64,
        traffic: &mut impl MeshTraffic,
    ) {
        let width = 1u32 << self.shift;
        while set != 0 {
            let low = set.trailing_zeros() & !(width - 1);
            let group = set >> low & (!0 >> (64 - width));
            set ^= group << low;
            let router = (first + low as usize) >> self.shift;
            if S::STAGED {
                self.allocate_stages::<S>(router << self.shift, now, traffic);
                continue;
            }
            let turn = self.turns[router];
            let mut turned = group.rotate_right(turn);
            while turned != 0 {
                let port = (turned.trailing_zeros() + turn) & 63;
                turned &= turned - 1;
                self.allocate_output::<S>((router << self.shift) + port as usize, now, traffic);
            }
        }
    }

    /// Virtual channels of a port.
    #[inline(always)]
    fn vcs(&self) -> usize {
        self.spec.virtual_channels as usize
    }
}

/// Whether a packet looks for a virtual channel of its own behind each link: to hold it for its other flits, or
/// because not every one is legal, or because it claims one before it goes.
fn holds_channels(spec: &MeshSpec) -> bool {
    let staged = spec.allocation == RouterAllocation::Staged;
    staged || spec.flits_per_packet > 1 || spec.interconnect.channel_classes() > 1
}
