//! Lays out a mesh, and resets it before every run.

use std::sync::Arc;

use snnc_targets::schema::RouterAllocation;
use snnc_targets::topology::Direction;

use super::wheel::Wheel;
use super::{
    BufferedFlit, FREE, ForkState, InjectionPort, InputChannel, InputPort, MeshTrees, NEVER, NONE,
    OutputPort, StagedPointers, WormholeMesh, holds_channels,
};
use crate::time::cycle::mesh::MeshSpec;
use crate::time::cycle::mesh::ring::Ring;

impl WormholeMesh {
    /// An empty mesh.
    pub(in crate::time::cycle::mesh) fn new(spec: &MeshSpec, trees: Arc<MeshTrees>) -> Self {
        let (ports, vcs) = (spec.ports(), spec.virtual_channels as usize);
        assert!(ports * vcs <= 64, "a router's channels fit a word");
        assert!(trees.is_empty() || spec.flits_per_packet == 1, "packets that fork have one flit");
        let joint = spec.allocation == RouterAllocation::Joint;
        assert!(trees.is_empty() || joint, "packets that fork claim no channels");
        // Ports that a router lacks have an output and channels that stay unused.
        let width = ports.next_power_of_two();
        let outputs = spec.routers() * width;
        let mut mesh = Self {
            shift: width.ilog2(),
            inputs: vec![InputPort::default(); outputs],
            outputs: Vec::with_capacity(outputs),
            channels: Vec::with_capacity(outputs * vcs),
            places: Vec::new(),
            entrances: vec![InjectionPort::default(); spec.routers() * spec.locals as usize],
            credits: vec![0; outputs * vcs],
            holders: vec![FREE; if holds_channels(spec) { outputs * vcs } else { 0 }],
            turns: vec![0; spec.routers()],
            packets: Vec::new(),
            unused: Vec::new(),
            forks: ForkState::new(trees, outputs * vcs),
            staged: StagedPointers::new(spec, outputs * vcs),
            wheel: Wheel::new(outputs, spec.reach()),
            drained: 0,
            hops: 0,
            spec: spec.clone(),
        };
        (0..outputs).for_each(|output| mesh.add_port(output / width, output % width));
        mesh
    }

    fn add_port(&mut self, router: usize, port: usize) {
        let spec = &self.spec;
        let neighbour = spec.neighbour(router, port);
        let (out, into) = (spec.out(router, port), spec.into(router, port));
        let (x, y) = spec.at(neighbour.unwrap_or(router));
        self.outputs.push(OutputPort {
            allowed: 0,
            requests: 0,
            free: 0,
            latency: out.latency,
            interval: out.interval,
            next: (neighbour.unwrap_or(router) << self.shift) as u32,
            x: x as u16,
            y: y as u16,
            last: 0,
            last_channel: 0,
        });
        // Edges of the mesh have no buffers.
        let local = (4..spec.ports()).contains(&port);
        let depth = if local || neighbour.is_some() { u32::from(into.buffer_flits) } else { 0 };
        for _ in 0..spec.virtual_channels {
            let ring = Ring::new(self.places.len(), depth);
            self.channels.push(InputChannel {
                ready: NEVER,
                credit: into.credit,
                ring,
                sender: neighbour
                    .map_or(NONE, |before| ((before << self.shift) + Direction::opposite(port)) as u32),
            });
            self.places.resize(ring.places().end, BufferedFlit::default());
        }
    }

    /// Back to cycle 0. Every run drains, so only times and round-robin pointers are left to forget.
    pub(super) fn reset(&mut self) {
        self.wheel.reset();
        self.places.fill(BufferedFlit::default());
        self.packets.clear();
        self.unused.clear();
        self.credits.fill(0);
        self.turns.fill(0);
        self.inputs.fill(InputPort::default());
        self.entrances.fill(InjectionPort::default());
        self.staged.reset();
        (self.drained, self.hops) = (0, 0);
        self.channels.iter_mut().for_each(|channel| channel.ring.reset());
        // The first turn is that of the first channel.
        let last_channel = self.spec.virtual_channels as u8 - 1;
        for output in &mut self.outputs {
            (output.allowed, output.free, output.last, output.last_channel) = (0, 0, 63, last_channel);
        }
    }
}
