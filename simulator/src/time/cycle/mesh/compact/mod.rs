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
mod pace;
#[cfg(test)]
mod tests;

use std::hint::select_unpredictable;

use super::spec::{EAST, SOUTH};
use super::traffic::{Injection, Traffic};
use super::{Drained, MeshSpec};
use events::Events;
use lanes::{Lane, Lanes};
use node::{Node, Rest};
use pace::{Pace, Slow, Steady};

/// Most ports of a router.
const PORTS: usize = 8;
/// Virtual channels of a port.
const VCS: usize = 2;
/// Most channels of a router.
const CHANNELS: usize = PORTS * VCS;
/// Routers that are decided together.
const BLOCK: usize = 64;
/// From so many routers of a block on that something happens to, it is faster to decide for all of them.
const MANY: u32 = 10;
/// A time that never comes.
const NEVER: u64 = u64::MAX;

/// A place of an input buffer, and the flit in it.
#[derive(Debug, Clone, Copy, Default)]
struct Flit {
    /// Cycle in which it may leave at the earliest. Of an empty place: from which the sender may use it again.
    time: u64,
    /// From the lowest bit: the output that it takes next, that at the end of its row and that at the end of its column (3
    /// bits each), index of its packet (23), links still to cross along its row (16) and along its column (16). So neither
    /// its packet nor where it is need be looked up on the way.
    word: u64,
}

impl Flit {
    /// Of a packet that enters at `(x, y)` and goes along X first, then Y, then to a local port.
    #[inline(always)]
    fn new(packet: u32, (x, y): (u16, u16), to: &Injection, time: u64) -> Self {
        let end = 4 + u32::from(to.local) % 4;
        let along = |to: u16, at: u16, ahead: usize, then: u32| {
            if to == at { then } else { ahead as u32 + u32::from(to < at) }
        };
        let turn = along(to.y, y, SOUTH, end);
        let port = along(to.x, x, EAST, turn);
        let links = u64::from(to.y.abs_diff(y)) << 16 | u64::from(to.x.abs_diff(x));
        Self { time, word: links << 32 | u64::from(packet << 9 | end << 6 | turn << 3 | port) }
    }

    /// Over a link out of `port`, ready in cycle `time` to go on.
    #[inline(always)]
    fn over(self, port: usize, time: u64) -> Self {
        // 0 along a row, 1 along a column. Neither this nor whether it is the last link can be predicted.
        let axis = port >> 1;
        let word = self.word.wrapping_sub(1 << (32 + 16 * axis));
        let there = (word >> (32 + 16 * axis)) as u16 == 0;
        let next = select_unpredictable(there, word >> (3 + 3 * axis) & 7, port as u64);
        Self { time, word: word & !7 | next }
    }

    /// The output that it takes next.
    #[inline(always)]
    fn port(self) -> usize {
        self.word as usize % PORTS
    }

    #[inline(always)]
    fn packet(self) -> usize {
        (self.word as u32 >> 9) as usize
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

/// An output that is granted to a channel of its router, in a word: `router << 7 | output << 4 | channel`.
#[derive(Debug, Clone, Copy, Default)]
struct Grant(u32);

impl Grant {
    #[inline(always)]
    fn new(router: usize, port: usize, channel: u32) -> Self {
        Self((router as u32) << 7 | (port as u32) << 4 | channel)
    }

    #[inline(always)]
    fn parts(self) -> (usize, usize, usize) {
        ((self.0 >> 7) as usize, (self.0 >> 4) as usize % PORTS, self.0 as usize % CHANNELS)
    }
}

/// What a block of routers grants in a cycle, where few of them do.
#[derive(Debug)]
struct Grants {
    /// Outputs to links.
    links: [Grant; BLOCK * PORTS],
    /// Local outputs.
    exits: [Grant; BLOCK * PORTS],
    /// Those of either that are granted to a local input.
    entries: [Grant; BLOCK * PORTS],
}

/// How many there are.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    links: usize,
    exits: usize,
    entries: usize,
}

impl Grants {
    fn new() -> Self {
        let none = [Grant::default(); BLOCK * PORTS];
        Self { links: none, exits: none, entries: none }
    }

    /// Adds a grant to those that there are. It is written to all lists, without a branch, and counted where it belongs.
    #[inline(always)]
    fn enter(&mut self, grant: Grant, counts: Counts) -> Counts {
        let Counts { links, exits, entries } = counts;
        let (_, port, channel) = grant.parts();
        self.links[links % (BLOCK * PORTS)] = grant;
        self.exits[exits % (BLOCK * PORTS)] = grant;
        self.entries[entries % (BLOCK * PORTS)] = grant;
        let (leaves, enters) = (port >> 2, channel / VCS >> 2);
        Counts { links: links + (leaves ^ 1), exits: exits + leaves, entries: entries + enters }
    }
}

/// The same where many do.
#[derive(Debug)]
struct Picks {
    /// By output: routers that grant it.
    granted: [u64; PORTS],
    /// By output and router: the channel that it is granted to, as a bit.
    channels: [Lane; PORTS],
    /// By local input: routers that it is read at.
    read: [u64; PORTS - 4],
}

impl Picks {
    fn new() -> Self {
        Self { granted: [0; PORTS], channels: [[0; BLOCK]; PORTS], read: [0; PORTS - 4] }
    }
}

/// A mesh of compact routers.
#[derive(Debug)]
pub(super) struct Compact {
    grants: Box<Grants>,
    picks: Box<Picks>,
    /// Every link, port and input takes a flit in every cycle.
    steady: bool,
    state: State,
}

/// What moves.
#[derive(Debug)]
struct State {
    spec: MeshSpec,
    nodes: Vec<Node>,
    rests: Vec<Rest>,
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
        let countable = spec.deepest() <= 1 << 15 && spec.places() < 1 << 23;
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
        if self.steady { self.drain::<Steady>(traffic) } else { self.drain::<Slow>(traffic) }
    }

    /// Until nothing is left to happen.
    #[inline(always)]
    fn drain<P: Pace>(&mut self, traffic: &mut impl Traffic) {
        let (state, grants, picks) = (&mut self.state, &mut *self.grants, &mut *self.picks);
        let locals = state.spec.locals as usize;
        for entrance in 0..state.entrances.len() {
            state.refill::<P>(entrance / locals, entrance % locals, traffic);
        }
        while let Some(now) = state.events.advance() {
            for block in 0..state.events.blocks() {
                let set = state.events.take(block);
                if P::STEADY && set.count_ones() >= MANY {
                    state.decide_all(block, set, now, picks);
                    state.move_all(block, now, picks, traffic);
                } else if set != 0 {
                    let granted = state.decide_some::<P>(block, set, now, grants);
                    state.move_some::<P>(grants, granted, now, traffic);
                }
            }
            state.drained = state.drained.max(now + u64::from(std::mem::take(&mut state.lasts)));
        }
    }
}
