//! The network alone: packets in, deliveries out, cycle by cycle where anything happens.
//!
//! Routers have an input buffer for each port and virtual channel, credits for the buffers behind their links, and
//! one grant for each output port and interval, round robin over the input channels. Which way packets go, and which virtual
//! channels they may take so that nothing deadlocks as long as every sink drains, says
//! [`snnc_targets::topology::routing`]. A packet of several flits holds its channel until its tail.
//!
//! In cycle t a router decides by what was so in cycle t - 1: flits and credits need one cycle at least. The order in
//! which routers are looked at therefore changes nothing, and neither does looking at one that has nothing to do.
//!
//! Packets may fork on their way ([`trees`]).
//!
//! There are four implementations of this one model, and tests hold that they give the same fate to every packet:
//! [`single`] for one virtual channel and [`compact`] for small routers of two, both for packets of one flit to one
//! end on meshes that go X first, [`general`] for all, and `plain` as an oracle that does without any of their bookkeeping. The output at the
//! next router is chosen when a flit leaves the one before; a credit is no event but the time from which a place is
//! free. Nothing is allocated in their loops once their tables have grown to the most that was ever under way.

#[cfg(test)]
mod bench;
mod compact;
#[cfg(test)]
mod fork_tests;
mod general;
mod occupied;
#[cfg(test)]
mod plain;
mod ring;
mod single;
mod spec;
#[cfg(test)]
mod tests;
mod traffic;
mod trees;

use std::sync::Arc;

use snnc_targets::topology::{Grid, Routing, Tile};

pub use spec::{Line, MeshSpec};
pub use traffic::{Crossing, Delivery, Injection, Traffic};
pub use trees::MeshTrees;

use compact::Compact;
use general::General;
use single::Single;

/// What the flits of a packet share.
#[derive(Debug, Clone, Copy)]
struct Packet {
    injected: u64,
    tag: u64,
    to: Way,
}

/// The end of a packet's way.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    x: u16,
    y: u16,
    local: u16,
}

impl Way {
    /// The tile of its router.
    #[inline(always)]
    fn tile(self) -> Tile {
        Tile { x: self.x.into(), y: self.y.into() }
    }

    /// The output port at a router: along the grid as `routing` says, then the local port.
    #[inline(always)]
    fn ahead(self, routing: impl Routing, grid: Grid, (x, y): (u16, u16)) -> u32 {
        let next = routing.next(grid, Tile { x: x.into(), y: y.into() }, self.tile());
        next.map_or(4 + u32::from(self.local), |direction| direction.port() as u32)
    }
}

/// A mesh at work. Reusable: every run leaves it empty.
#[derive(Debug)]
pub struct Mesh(Engine);

#[derive(Debug)]
enum Engine {
    Single(Single),
    Compact(Compact),
    General(General),
}

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// First cycle in which every link is free again and every packet has arrived.
    pub at: u64,
    /// Flits that crossed a link between routers.
    pub flit_hops: u64,
}

impl Mesh {
    /// An empty mesh, with the trees that its packets may name.
    pub fn new(spec: &MeshSpec, trees: &Arc<MeshTrees>) -> Self {
        let spec = spec.at_least_one();
        Self(if trees.is_empty() && Compact::fits(&spec) {
            Engine::Compact(Compact::new(&spec))
        } else if Single::fits(&spec, trees) {
            Engine::Single(Single::new(&spec))
        } else {
            Engine::General(General::new(&spec, trees.clone()))
        })
    }

    /// The same with what serves every specification.
    #[cfg(test)]
    fn general(spec: &MeshSpec) -> Self {
        Self(Engine::General(General::new(&spec.at_least_one(), Arc::default())))
    }

    /// Carries all packets of `traffic` to their ends.
    pub fn run(&mut self, traffic: &mut impl Traffic) -> Drained {
        match &mut self.0 {
            Engine::Single(mesh) => mesh.run(traffic),
            Engine::Compact(mesh) => mesh.run(traffic),
            Engine::General(mesh) => mesh.run(traffic),
        }
    }
}
