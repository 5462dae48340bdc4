//! A compact mesh is laid out, and forgets.

use super::events::Events;
use super::flit::Flit;
use super::grants::{Grants, Picks};
use super::lanes::Lanes;
use super::node::{Buffer, Line, Node, Rest};
use super::{BLOCK, Block, Compact, Entrance, Store};
use crate::time::cycle::mesh::MeshSpec;

impl Compact {
    /// An empty mesh; the specification is one that [`Compact::fits`].
    pub(in crate::time::cycle::mesh) fn new(spec: &MeshSpec) -> Self {
        let mut store = Store {
            blocks: (0..spec.routers().div_ceil(BLOCK)).map(|block| Block::new(spec, block)).collect(),
            rests: vec![Rest::new(); spec.routers()],
            places: Vec::new(),
            entrances: vec![Entrance::default(); spec.routers() * spec.locals as usize],
            packets: Vec::new(),
            unused: Vec::new(),
            events: Events::new(spec.routers(), spec.reach()),
            spec: spec.clone(),
        };
        for router in 0..spec.routers() {
            (0..spec.ports()).for_each(|port| store.connect(router, port));
        }
        let steady = spec.read_interval == 1
            && store.rests.iter().flat_map(|rest| rest.interval).all(|interval| interval <= 1);
        Self { grants: Box::new(Grants::new()), picks: Box::new(Picks::new()), steady, store }
    }
}

impl Block {
    fn new(spec: &MeshSpec, block: usize) -> Self {
        let node = |i| Node::new(spec.at(block * BLOCK + i));
        Self { lanes: Lanes::new(), nodes: std::array::from_fn(node) }
    }
}

impl Store {
    fn connect(&mut self, router: usize, port: usize) {
        let spec = &self.spec;
        let neighbour = spec.neighbour(router, port);
        // Edges of the mesh have no buffers.
        if port < 4 && neighbour.is_none() {
            return;
        }
        let (out, into) = (spec.out(router, port), spec.into(router, port));
        let (node, rest) = (&mut self.blocks[router / BLOCK].nodes[router % BLOCK], &mut self.rests[router]);
        (rest.latency[port], rest.interval[port]) = (out.latency as u32, out.interval as u32);
        let delay = (out.latency + spec.router_latency) as u32;
        node.lines[port] = Line { router: neighbour.unwrap_or(router) as u32, delay };
        node.eager |= u8::from(out.credit <= out.interval) << port;
        let ring = usize::from(into.buffer_flits).next_power_of_two();
        node.buffers[port] = Buffer {
            base: self.places.len() as u32,
            credit: into.credit as u32,
            mask: (ring - 1) as u16,
            depth: into.buffer_flits,
            counts: if port < 4 && into.credit <= into.interval { 0 } else { !0 },
        };
        self.places.resize(self.places.len() + ring * spec.virtual_channels as usize, Flit::default());
    }

    /// Back to cycle 0.
    pub(super) fn reset(&mut self) {
        let empty = |node: &Node| node.ends.iter().all(|ends| ends.is_empty());
        debug_assert!(
            self.blocks.iter().flat_map(|block| &block.nodes).all(empty),
            "a drained mesh is empty"
        );
        self.events.reset();
        for block in &mut self.blocks {
            block.lanes = Lanes::new();
            block.nodes.iter_mut().for_each(Node::reset);
        }
        self.rests.iter_mut().for_each(Rest::reset);
        self.places.fill(Flit::default());
        self.entrances.fill(Entrance::default());
        self.packets.clear();
        self.unused.clear();
    }
}
