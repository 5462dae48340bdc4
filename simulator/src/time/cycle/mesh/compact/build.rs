//! A compact mesh is laid out, and forgets.

use super::events::Events;
use super::node::{Channel, Line, Node};
use super::lanes::Lanes;
use super::{BLOCK, Block, Compact, Entrance, Flit, Grant, Grants, PORTS, Picks, State};
use crate::time::cycle::mesh::MeshSpec;

impl Compact {
    /// An empty mesh; the specification is one that [`Compact::fits`].
    pub(in crate::time::cycle::mesh) fn new(spec: &MeshSpec) -> Self {
        let mut state = State {
            blocks: (0..spec.routers().div_ceil(BLOCK)).map(|block| Block::new(spec, block)).collect(),
            places: Vec::new(),
            entrances: vec![Entrance::default(); spec.routers() * spec.locals as usize],
            packets: Vec::new(),
            unused: Vec::new(),
            events: Events::new(spec.routers(), spec.reach()),
            lasts: 0,
            drained: 0,
            hops: 0,
            spec: spec.clone(),
        };
        for router in 0..spec.routers() {
            (0..spec.ports()).for_each(|port| state.connect(router, port));
        }
        let none = [Grant::default(); BLOCK * PORTS];
        let steady = spec.read_interval == 1 && state.nodes().flat_map(|node| &node.lines).all(|line| line.interval <= 1);
        Self {
            grants: Box::new(Grants { links: none, exits: none }),
            picks: Box::new(Picks::new()),
            steady,
            state,
        }
    }
}

impl Block {
    fn new(spec: &MeshSpec, block: usize) -> Self {
        let nodes = std::array::from_fn(|i| Node::new(spec.at(block * BLOCK + i)));
        Self { lanes: Lanes::new(), nodes }
    }
}

impl State {
    fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.blocks.iter().flat_map(|block| &block.nodes)
    }

    fn connect(&mut self, router: usize, port: usize) {
        let spec = &self.spec;
        let neighbour = if port < 4 { spec.neighbour(router, port) } else { None };
        // Edges of the mesh have no buffers.
        if port < 4 && neighbour.is_none() {
            return;
        }
        let out = neighbour.map_or(spec.delivery, |next| spec.line(router, next, port));
        let into = neighbour.map_or(spec.injection, |before| spec.line(before, router, port ^ 1));
        let node = &mut self.blocks[router / BLOCK].nodes[router % BLOCK];
        node.lines[port] = Line {
            router: neighbour.unwrap_or(router) as u32,
            latency: out.latency as u32,
            delay: (out.latency + spec.router_latency) as u32,
            interval: out.interval as u32,
            lasts: out.latency.max(out.interval) as u32,
            eager: out.credit <= out.interval,
        };
        let (vcs, depth) = (spec.virtual_channels as usize, into.buffer_flits);
        let ring = usize::from(depth).next_power_of_two();
        for channel in &mut node.channels[port * vcs..][..vcs] {
            let base = self.places.len() as u32;
            *channel = Channel { base, mask: (ring - 1) as u16, depth, head: 0, tail: 0, credit: into.credit as u32 };
            self.places.resize(self.places.len() + ring, Flit::default());
        }
    }

    /// Back to cycle 0.
    pub(super) fn reset(&mut self) {
        let empty = |node: &Node| node.channels.iter().all(Channel::is_empty);
        debug_assert!(self.nodes().all(empty), "a drained mesh is empty");
        self.events.reset();
        for block in &mut self.blocks {
            block.lanes = Lanes::new();
            block.nodes.iter_mut().for_each(Node::reset);
        }
        self.places.fill(Flit::default());
        self.entrances.fill(Entrance::default());
        self.packets.clear();
        self.unused.clear();
        (self.drained, self.hops) = (0, 0);
    }
}
