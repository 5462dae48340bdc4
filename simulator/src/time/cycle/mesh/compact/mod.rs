//! The mesh of compact routers: at most 8 ports of two virtual channels, packets of one flit. Same results as
//! [`General`](super::general::General), faster where most routers are busy in most cycles.
//!
//! Every cycle goes in three steps, each over all routers that something happens to:
//! 1. [`arbitrate`]: outputs choose among the heads that want them. Grants are collected in two lists, those of links
//!    and those of local ports.
//! 2. [`moves`]: granted flits go where they are granted to, places become free, next heads ask for their outputs.
//! 3. Sinks take packets, and sources fill the places of local buffers.
//!
//! What a router decides depends on what was so one cycle before, and on its own decisions of this cycle, so steps 2
//! and 3 may follow for a block of routers together. Mispredicted branches limit a mesh of busy routers; where a
//! condition is as good as random, its effect is masked or looked up instead.
//!
//! A router is looked at when a head is through it ([`events`]), when an output with more requests may be granted
//! again, when a port that had just been read may be read again, and when a place behind a blocked output is free.
//!
//! State: about 900 bytes a router, in arrays of fixed length, so that an index into them needs no check; 16 a place
//! of a buffer (rings, so a power of two of them), 24 a packet under way; 136 a block of 64 routers and cycle within
//! the longest latency, at most 2 MiB.

mod arbitrate;
mod build;
mod events;
mod lanes;
mod moves;
mod node;

use super::spec::{EAST, SOUTH, WEST};
use super::traffic::{Injection, Traffic};
use super::{Drained, MeshSpec};
use events::Events;
use lanes::{Lane, Lanes};
use node::Node;

/// Most ports of a router.
const PORTS: usize = 8;
/// Virtual channels of a port.
const VCS: usize = 2;
/// Most channels of a router.
const CHANNELS: usize = PORTS * VCS;
/// Routers that are decided together.
const BLOCK: usize = 64;
/// A time that never comes.
const NEVER: u64 = u64::MAX;

/// A place of an input buffer, and the flit in it.
#[derive(Debug, Clone, Copy, Default)]
struct Flit {
    /// Cycle in which it may leave at the earliest. Of an empty place: from which the sender may use it again.
    time: u64,
    /// Index of its packet, local port at its end, output port at the end of its row, and output port it will take
    /// next: `packet << 8 | local << 6 | turn << 3 | port`. So neither its packet nor where it is need be looked up on
    /// the way.
    label: u32,
    /// Links still to cross along its row.
    x: u16,
    /// Links still to cross along its column.
    y: u16,
}

impl Flit {
    /// Of a packet that enters at `from` and goes to `to` and a local port there: along X first, then Y.
    #[inline(always)]
    fn new(packet: u32, (x, y): (u16, u16), to: &Injection, time: u64) -> Self {
        let end = 4 | u32::from(to.local) % 4;
        let along = |to: u16, at: u16, ahead: usize, then: u32| {
            if to == at { then } else { ahead as u32 + u32::from(to < at) }
        };
        let turn = along(to.y, y, SOUTH, end);
        let port = along(to.x, x, EAST, turn);
        let label = packet << 8 | end << 6 & 0xFF | turn << 3 | port;
        Self { time, label, x: to.x.abs_diff(x), y: to.y.abs_diff(y) }
    }

    /// Over a link out of `port`, ready in cycle `time` to go on.
    #[inline(always)]
    fn over(self, port: usize, time: u64) -> Self {
        let (x, y) = if port <= WEST { (self.x.wrapping_sub(1), self.y) } else { (self.x, self.y.wrapping_sub(1)) };
        let (there, then) =
            if port <= WEST { (x == 0, self.label >> 3 & 7) } else { (y == 0, 4 | self.label >> 6 & 3) };
        let next = if there { then } else { port as u32 };
        Self { time, label: self.label & !7 | next, x, y }
    }

    /// The output that it takes next.
    #[inline(always)]
    fn port(self) -> usize {
        self.label as usize % PORTS
    }

    #[inline(always)]
    fn packet(self) -> usize {
        (self.label >> 8) as usize
    }
}

/// A packet under way.
#[derive(Debug, Clone, Copy)]
struct Packet {
    injected: u64,
    tag: u64,
}

/// A local input port.
#[derive(Debug, Clone, Copy, Default)]
struct Entrance {
    /// Packets entered.
    entered: u32,
    /// Time of the last one.
    last: u64,
}

/// What a block of routers grants in a cycle.
#[derive(Debug)]
struct Grants {
    /// By output: routers that grant it.
    granted: [u64; PORTS],
    /// By output and router: the channel that it is granted to, as a bit.
    picks: [Lane; PORTS],
    /// By local input: routers that it is read at.
    read: [u64; PORTS - 4],
}

impl Default for Grants {
    fn default() -> Self {
        Self { granted: [0; PORTS], picks: [[0; BLOCK]; PORTS], read: [0; PORTS - 4] }
    }
}

impl Grants {
    /// An output is granted to a channel of its router.
    #[inline(always)]
    fn grant(&mut self, port: usize, lane: usize, channel: u32) {
        self.granted[port] |= 1 << lane;
        self.picks[port][lane] = 1 << channel;
        self.read[channel as usize / VCS % 4] |= u64::from(channel >> 3) << lane;
    }
}

/// A mesh of compact routers.
#[derive(Debug)]
pub(super) struct Compact {
    grants: Box<Grants>,
    /// Every link, port and input takes a flit in every cycle.
    steady: bool,
    state: State,
}

/// What moves.
#[derive(Debug)]
struct State {
    spec: MeshSpec,
    nodes: Vec<Node>,
    /// By block.
    lanes: Vec<Lanes>,
    places: Vec<Flit>,
    entrances: Vec<Entrance>,
    packets: Vec<Packet>,
    unused: Vec<u32>,
    events: Events,
    /// The longest latency or interval of what moves in this cycle.
    lasts: u32,
    drained: u64,
    hops: u64,
}

impl Compact {
    /// Whether it can be such a mesh.
    pub(super) fn fits(spec: &MeshSpec) -> bool {
        let small =
            spec.ports() <= PORTS && spec.virtual_channels as usize == VCS && spec.routers() < 1 << 25;
        let countable = spec.deepest() <= 1 << 15 && spec.places() < 1 << 24;
        small && countable && spec.flits_per_packet == 1 && spec.longest() < 1 << 31
    }

    /// Carries all packets of `traffic` to their ends.
    pub(super) fn run(&mut self, traffic: &mut impl Traffic) -> Drained {
        self.state.reset();
        self.dispatch(traffic);
        Drained { at: self.state.drained, flit_hops: self.state.hops }
    }

    /// Compiles the loop for several instruction sets and takes the best that the processor has.
    fn dispatch(&mut self, traffic: &mut impl Traffic) {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2")]
            fn avx512(mesh: &mut Compact, traffic: &mut impl Traffic) {
                mesh.drain_as(traffic);
            }
            let vectors = is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl");
            if vectors && is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2") {
                // SAFETY: the processor has the features, as just seen (avx512bw implies avx512f).
                return unsafe { avx512(self, traffic) };
            }
        }
        self.drain_as(traffic);
    }

    #[inline(always)]
    fn drain_as(&mut self, traffic: &mut impl Traffic) {
        if self.steady { self.drain::<true>(traffic) } else { self.drain::<false>(traffic) }
    }

    /// Until nothing is left to happen.
    #[inline(always)]
    fn drain<const STEADY: bool>(&mut self, traffic: &mut impl Traffic) {
        let (state, grants) = (&mut self.state, &mut *self.grants);
        for entrance in 0..state.entrances.len() {
            state.refill::<STEADY>(entrance, traffic);
        }
        while let Some(now) = state.events.advance() {
            for block in 0..state.events.blocks() {
                if state.arbitrate::<STEADY>(block, now, grants) {
                    state.move_on::<STEADY>(block, now, grants, traffic);
                }
            }
            state.drained = state.drained.max(now + u64::from(std::mem::take(&mut state.lasts)));
        }
    }
}
