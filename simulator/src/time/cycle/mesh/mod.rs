//! The network alone: packets in, deliveries out, cycle by cycle where anything happens.
//!
//! Routers have an input buffer for each port and virtual channel, credits for the buffers behind their links, and
//! one grant for each output port and interval: round robin over the input channels, or in two stages
//! ([`snnc_targets::schema::RouterAllocation`]). Which way packets go, and which
//! virtual channels they may take so that nothing deadlocks as long as every sink drains, is up to
//! [`snnc_targets::topology::routing`]. A packet of several flits holds its channel until its tail.
//!
//! In cycle t a router decides by the state of cycle t - 1: flits and credits need one cycle at least. The order in
//! which routers are looked at therefore changes nothing, and neither does looking at one that has nothing to do.
//!
//! Packets may fork on their way ([`trees`]).
//!
//! Two engines implement this model, and tests hold that both give every packet the fate that the oracle `plain`
//! finds: [`wormhole`] for any number of virtual channels, flits and forks and both allocations, and
//! [`single_channel`], which is faster, for joint allocation, one virtual channel and packets of one flit to one end on
//! meshes that go X first. docs/cycle-time.md says what it buys. In both, the output at the next router is computed
//! when a flit leaves the router before, and a credit is no event but the time from which a place is free. Nothing is
//! allocated in their loops once their tables have grown to the most that was ever under way.
//!
//! [`zero_load`] tells how long a packet takes in an empty mesh, without running one.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod fork_tests;
mod occupied;
#[cfg(test)]
mod plain;
#[cfg(test)]
mod random;
mod ring;
mod single_channel;
mod spec;
#[cfg(test)]
mod tests;
mod traffic;
mod trees;
mod wormhole;
mod zero_load;

use std::sync::Arc;

use snnc_targets::topology::{Direction, Grid, Routing, Tile};

pub use spec::{MeshLink, MeshSpec};
pub use traffic::{Crossing, Delivery, Injection, MeshTraffic};
pub use trees::MeshTrees;
pub use zero_load::ZeroLoadRoutes;

use single_channel::SingleChannelMesh;
use wormhole::WormholeMesh;

/// What the flits of a packet share.
#[derive(Debug, Clone, Copy)]
struct PacketInFlight {
    injected: u64,
    tag: u64,
    to: MeshDestination,
}

/// The local port of a router at which a packet ends.
#[derive(Debug, Clone, Copy, Default)]
struct MeshDestination {
    x: u16,
    y: u16,
    local: u16,
}

impl MeshDestination {
    /// The tile of its router.
    #[inline(always)]
    fn tile(self) -> Tile {
        Tile { x: self.x.into(), y: self.y.into() }
    }

    /// The output port at a router: along the grid as `routing` says, then the local port.
    #[inline(always)]
    fn compute_route(self, routing: impl Routing, grid: Grid, (x, y): (u16, u16)) -> u32 {
        let next = routing.next(grid, Tile { x: x.into(), y: y.into() }, self.tile());
        next.map_or(Direction::COUNT as u32 + u32::from(self.local), |direction| direction.port() as u32)
    }
}

/// A mesh at work. Reusable: every run leaves it empty.
#[derive(Debug)]
pub struct MeshSimulation(Engine);

#[derive(Debug)]
enum Engine {
    SingleChannel(SingleChannelMesh),
    Wormhole(WormholeMesh),
}

/// Sums over a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MeshTotals {
    /// First cycle in which every link is free again and every packet has arrived.
    pub at: u64,
    /// Flits that crossed a link between routers.
    pub flit_hops: u64,
}

impl MeshSimulation {
    /// An empty mesh, with the trees that its packets may name.
    pub fn new(spec: &MeshSpec, trees: &Arc<MeshTrees>) -> Self {
        let spec = spec.at_least_one();
        Self(if SingleChannelMesh::fits(&spec, trees) {
            Engine::SingleChannel(SingleChannelMesh::new(&spec))
        } else {
            Engine::Wormhole(WormholeMesh::new(&spec, trees.clone()))
        })
    }

    /// An empty mesh on the engine that serves every specification, without trees.
    #[cfg(test)]
    fn wormhole(spec: &MeshSpec) -> Self {
        Self(Engine::Wormhole(WormholeMesh::new(&spec.at_least_one(), Arc::default())))
    }

    /// Carries all packets of `traffic` to their ends.
    pub fn run(&mut self, traffic: &mut impl MeshTraffic) -> MeshTotals {
        match &mut self.0 {
            Engine::SingleChannel(mesh) => mesh.run(traffic),
            Engine::Wormhole(mesh) => mesh.run(traffic),
        }
    }
}
