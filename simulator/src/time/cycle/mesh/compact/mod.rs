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
mod moves;
mod node;

use super::spec::{EAST, NORTH, SOUTH, WEST};
use super::traffic::Traffic;
use super::{Drained, MeshSpec, Packet};
use events::Events;
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
    /// Index of its packet, local port at its end, and output port it will take next: `packet << 6 | local << 3 | port`.
    /// So its packet need not be looked up on the way.
    label: u32,
    /// Router of its end.
    x: u16,
    y: u16,
}

impl Flit {
    /// At router `(x, y)`, ready in cycle `time`: the output is that of X first, then Y, then the local port.
    #[inline(always)]
    fn at(self, (x, y): (u16, u16), time: u64) -> Self {
        let way = |to: u16, at: u16| usize::from(to > at) + 2 * usize::from(to < at);
        let turn = u32::from(TURNS[(way(self.x, x) * 4 + way(self.y, y)) % 16]);
        let port = turn & 7 | turn >> 3 & self.label >> 3 & 7;
        Self { time, label: self.label & !7 | port, ..self }
    }

    #[inline(always)]
    fn port(self) -> usize {
        self.label as usize % PORTS
    }

    #[inline(always)]
    fn packet(self) -> usize {
        (self.label >> 6) as usize
    }
}

/// Output port by where a packet's end lies: `4 * x + y`, each 0 for here, 1 for ahead and 2 for back. The eighths are
/// a mask for the local port. A table, as the direction is as good as random, and predicting it costs more.
const TURNS: [u8; 16] = [
    7 << 3,
    SOUTH as u8,
    NORTH as u8,
    0,
    EAST as u8,
    EAST as u8,
    EAST as u8,
    0,
    WEST as u8,
    WEST as u8,
    WEST as u8,
    0,
    0,
    0,
    0,
    0,
];

/// A local input port.
#[derive(Debug, Clone, Copy, Default)]
struct Entrance {
    /// Packets entered.
    entered: u32,
    /// Time of the last one.
    last: u64,
}

/// An output that is granted to a channel of its router, in a word: `router << 7 | output << 4 | channel`.
#[derive(Debug, Clone, Copy, Default)]
struct Grant(u32);

impl Grant {
    #[inline(always)]
    fn parts(self) -> (usize, usize, usize) {
        ((self.0 >> 7) as usize, (self.0 >> 4) as usize % PORTS, self.0 as usize % CHANNELS)
    }
}

/// What a block of routers grants in a cycle.
#[derive(Debug)]
struct Grants {
    /// Outputs to links.
    links: [Grant; BLOCK * PORTS],
    /// Local outputs.
    exits: [Grant; BLOCK * PORTS],
}

/// A mesh of compact routers.
#[derive(Debug)]
pub(super) struct Compact {
    grants: Box<Grants>,
    state: State,
}

/// What moves.
#[derive(Debug)]
struct State {
    spec: MeshSpec,
    nodes: Vec<Node>,
    places: Vec<Flit>,
    entrances: Vec<Entrance>,
    packets: Vec<Packet>,
    unused: Vec<u32>,
    events: Events,
    /// Local input ports that were read in this cycle, and how many.
    read: Box<[u32; BLOCK * PORTS]>,
    reads: usize,
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
        let countable = spec.deepest() <= 1 << 15 && spec.places() < 1 << 26;
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
                mesh.drain(traffic);
            }
            let vectors = is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl");
            if vectors && is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2") {
                // SAFETY: the processor has the features, as just seen (avx512bw implies avx512f).
                return unsafe { avx512(self, traffic) };
            }
        }
        self.drain(traffic);
    }

    /// Until nothing is left to happen.
    #[inline(always)]
    fn drain(&mut self, traffic: &mut impl Traffic) {
        let (state, grants) = (&mut self.state, &mut *self.grants);
        for entrance in 0..state.entrances.len() {
            state.refill(entrance, traffic);
        }
        while let Some(now) = state.events.advance() {
            for block in 0..state.events.blocks() {
                let (links, exits) = state.arbitrate(block, now, grants);
                state.hops += links as u64;
                for &link in &grants.links[..links] {
                    state.cross(link, now, traffic);
                }
                for &exit in &grants.exits[..exits] {
                    state.leave(exit, now, traffic);
                }
                for i in 0..std::mem::take(&mut state.reads) {
                    state.refill(state.read[i] as usize, traffic);
                }
            }
            state.drained = state.drained.max(now + u64::from(std::mem::take(&mut state.lasts)));
        }
    }
}
