//! Lays out a mesh, and resets it before every run.

use snnc_targets::Interconnect;
use snnc_targets::schema::RouterAllocation;
use snnc_targets::topology::Direction;

use super::calendar::Calendar;
use super::{
    NEVER, NONE, PORTS, PacketBuffer, QueuedPacket, RouterEntrance, RouterOutput, RouterState,
    SingleChannelMesh,
};
use crate::time::cycle::mesh::ring::Ring;
use crate::time::cycle::mesh::{MeshSpec, MeshTrees};

/// Most cycles of a page of the calendar.
const LONGEST_PAGE: u64 = 1 << 10;

impl SingleChannelMesh {
    /// Whether this engine can carry the packets of a mesh.
    pub(in crate::time::cycle::mesh) fn fits(spec: &MeshSpec, trees: &MeshTrees) -> bool {
        let first_x = spec.interconnect == Interconnect::MeshXy;
        let short = spec.virtual_channels == 1 && spec.flits_per_packet == 1;
        let joint = spec.allocation == RouterAllocation::Joint;
        first_x && short && joint && spec.ports() <= PORTS && trees.is_empty()
    }

    /// An empty mesh.
    pub(in crate::time::cycle::mesh) fn new(spec: &MeshSpec) -> Self {
        let outputs = spec.routers() * PORTS;
        // A link is granted at most once a page.
        let page = spec.east_west.interval.min(spec.north_south.interval).min(LONGEST_PAGE);
        let mut mesh = Self {
            locals: spec.locals as usize,
            grid: spec.grid(),
            router_latency: spec.router_latency,
            read_interval: spec.read_interval,
            injection_interval: spec.injection.interval,
            routers: Vec::with_capacity(spec.routers()),
            places: Vec::new(),
            entrances: Vec::with_capacity(spec.routers() * spec.locals as usize),
            calendar: Calendar::new(outputs, page),
        };
        for router in 0..spec.routers() {
            let outputs = std::array::from_fn(|port| mesh.output(spec, router, port));
            let channels = std::array::from_fn(|port| mesh.channel(spec, router, port));
            mesh.routers.push(RouterState { outputs, channels, ready: [NEVER; PORTS] });
            mesh.entrances.extend((4..spec.ports()).map(|port| {
                let (x, y) = spec.at(router);
                RouterEntrance { soonest: 0, channel: number(router, port), x: x as u16, y: y as u16 }
            }));
        }
        mesh
    }

    /// Output `port` of a router. Ports that it lacks have an output that stays unused.
    fn output(&self, spec: &MeshSpec, router: usize, port: usize) -> RouterOutput {
        let (neighbour, line) = (spec.neighbour(router, port), spec.out(router, port));
        let exit = (router * self.locals + port).saturating_sub(4) as u32;
        let (x, y) = spec.at(neighbour.unwrap_or(router));
        RouterOutput {
            allowed: 0,
            free: 0,
            latency: line.latency,
            interval: line.interval,
            behind: neighbour.map_or(exit, |next| number(next, Direction::opposite(port))),
            x: x as u16,
            y: y as u16,
            requests: 0,
            last: 0,
        }
    }

    /// The channel of input port `port` of a router. Those that it lacks, and edges of the mesh, have no buffer.
    fn channel(&mut self, spec: &MeshSpec, router: usize, port: usize) -> PacketBuffer {
        let (neighbour, line) = (spec.neighbour(router, port), spec.into(router, port));
        let buffer = neighbour.is_some() || (4..spec.ports()).contains(&port);
        let depth = if buffer { u32::from(line.buffer_flits) } else { 0 };
        let ring = Ring::new(self.places.len(), depth);
        self.places.resize(ring.places().end, QueuedPacket::default());
        PacketBuffer {
            readable: 0,
            credit: line.credit,
            ring,
            sender: neighbour.map_or(NONE, |before| number(before, Direction::opposite(port))),
        }
    }

    /// Back to cycle 0. Every run drains, so only times and round-robin pointers are left to forget.
    pub(super) fn reset(&mut self) {
        self.calendar.reset();
        self.entrances.iter_mut().for_each(|entrance| entrance.soonest = 0);
        for router in &mut self.routers {
            for channel in router.channels.iter_mut().filter(|channel| channel.ring.come() > 0) {
                self.places[channel.ring.places()].iter_mut().for_each(|place| place.time = 0);
                channel.readable = 0;
                channel.ring.reset();
            }
            // The first turn is that of the first input port.
            for output in &mut router.outputs {
                (output.allowed, output.free, output.last) = (0, 0, PORTS as u8 - 1);
            }
        }
    }
}

fn number(router: usize, port: usize) -> u32 {
    (router * PORTS + port) as u32
}
