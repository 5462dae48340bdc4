//! The mesh of compact routers: at most 8 ports of two virtual channels, packets of one flit. Same results as
//! [`General`](super::general::General), faster where most routers are busy in most cycles.
//!
//! Every cycle goes in three steps, each over all routers that something happens to:
//! 1. [`arbitrate`]: outputs choose among the heads that want them.
//! 2. [`moves`]: granted flits go where they are granted to, places become free, next heads ask for their outputs.
//! 3. Sinks take packets, and sources fill the places of local buffers.
//!
//! What a router decides depends on what was so one cycle before, and on its own decisions of this cycle, so steps 2
//! and 3 may follow for a block of 64 routers together. Where everything takes one cycle and many routers of a block
//! act, all 64 are decided side by side ([`lanes`]), else one by one; results are the same. [`pace`] tells the compiler
//! which of it is the case.
//!
//! A router is looked at when a head is through it ([`events`]), when an output with more requests may be granted
//! again, when a port that had just been read may be read again, and when a place behind a blocked output is free.
//!
//! What costs time in a mesh of busy routers, in this order: mispredicted branches, so where a condition is as good as
//! random its effect is masked or looked up instead; instructions; and the first level of cache, so what every flit
//! needs of a router is packed ([`node`]), and rings start again at their first places where nobody asks when places
//! became free.
//!
//! State: 757 bytes a router, by blocks of 64 and in arrays of fixed length, so that an index into them needs no check;
//! 16 a local port, 16 a place of a buffer (rings, so a power of two of them), 16 a packet under way; 136 a block of
//! routers and cycle of the wheel of [`events`], which are at most 2.2 MiB as long as there are at most 256 blocks, and
//! 8.5 KiB a block beyond.

mod arbitrate;
mod build;
mod events;
mod flit;
mod grants;
mod lanes;
mod moves;
mod node;
mod pace;
mod run;
#[cfg(test)]
mod tests;

use snnc_targets::Interconnect;

use super::{Drained, MeshSpec};
use events::Events;
use flit::Flit;
use grants::{Grants, Picks};
use lanes::Lanes;
use node::{Node, Rest};

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

/// A mesh of compact routers.
#[derive(Debug)]
pub(super) struct Compact {
    grants: Box<Grants>,
    picks: Box<Picks>,
    /// Every link, port and input takes a flit in every cycle.
    steady: bool,
    store: Store,
}

/// Routers that are decided together.
#[derive(Debug)]
struct Block {
    lanes: Lanes,
    nodes: [Node; BLOCK],
}

/// What moves.
#[derive(Debug)]
struct Store {
    spec: MeshSpec,
    blocks: Vec<Block>,
    rests: Vec<Rest>,
    places: Vec<Flit>,
    entrances: Vec<Entrance>,
    packets: Vec<Packet>,
    unused: Vec<u32>,
    events: Events,
}

/// The same in a run, and what has come of it. Slices, and no reference to the whole is handed to code that is not
/// compiled in place, so that the processor keeps where they are in registers.
struct State<'a> {
    spec: &'a MeshSpec,
    blocks: &'a mut [Block],
    rests: &'a mut [Rest],
    places: &'a mut [Flit],
    entrances: &'a mut [Entrance],
    packets: &'a mut Vec<Packet>,
    unused: &'a mut Vec<u32>,
    events: &'a mut Events,
    /// The longest latency or interval of what moves in this cycle.
    lasts: u32,
    /// First cycle in which all is over that has begun.
    drained: u64,
    /// Links crossed.
    hops: u64,
}

impl Store {
    #[inline(always)]
    fn state(&mut self) -> State<'_> {
        State {
            spec: &self.spec,
            blocks: &mut self.blocks,
            rests: &mut self.rests,
            places: &mut self.places,
            entrances: &mut self.entrances,
            packets: &mut self.packets,
            unused: &mut self.unused,
            events: &mut self.events,
            lasts: 0,
            drained: 0,
            hops: 0,
        }
    }
}

impl Compact {
    /// Whether it can be such a mesh.
    pub(super) fn fits(spec: &MeshSpec) -> bool {
        let small =
            spec.ports() <= PORTS && spec.virtual_channels as usize == VCS && spec.routers() < 1 << 25;
        let countable = spec.deepest() <= 1 << 15 && spec.places() < 1 << 23;
        let first_x = spec.interconnect == Interconnect::MeshXy;
        first_x && small && countable && spec.flits_per_packet == 1 && spec.longest() < 1 << 31
    }
}
