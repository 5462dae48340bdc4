//! A mesh is laid out, and forgets.

use super::calendar::Calendar;
use super::{Channel, Entrance, Flit, NEVER, NONE, Output, Single};
use crate::time::cycle::mesh::{MeshSpec, MeshTrees};

/// Most cycles of a page of the calendar.
const LONGEST_PAGE: u64 = 1 << 10;

impl Single {
    /// Whether a mesh is of this kind.
    pub(in crate::time::cycle::mesh) fn fits(spec: &MeshSpec, trees: &MeshTrees) -> bool {
        spec.virtual_channels == 1 && spec.flits_per_packet == 1 && trees.is_empty()
    }

    /// An empty mesh.
    pub(in crate::time::cycle::mesh) fn new(spec: &MeshSpec) -> Self {
        assert!(spec.ports() <= 64, "a router's ports fit a word");
        // Ports that a router lacks have an output and a channel that nobody uses.
        let width = spec.ports().next_power_of_two();
        let outputs = spec.routers() * width;
        // A link is granted at most once a page.
        let page = spec.east_west.interval.min(spec.north_south.interval).min(LONGEST_PAGE);
        let mut mesh = Self {
            shift: width.ilog2(),
            locals: spec.locals as usize,
            router_latency: spec.router_latency,
            read_interval: spec.read_interval,
            injection_interval: spec.injection.interval,
            outputs: Vec::with_capacity(outputs),
            channels: Vec::with_capacity(outputs),
            ready: vec![NEVER; outputs],
            places: Vec::new(),
            entrances: Vec::with_capacity(spec.routers() * spec.locals as usize),
            calendar: Calendar::new(page),
            drained: 0,
            hops: 0,
        };
        (0..outputs).for_each(|output| mesh.add_port(spec, output / width, output % width));
        mesh
    }

    fn add_port(&mut self, spec: &MeshSpec, router: usize, port: usize) {
        let neighbour = if port < 4 { spec.neighbour(router, port) } else { None };
        let out = neighbour.map_or(spec.delivery, |next| spec.line(router, next, port));
        let into = neighbour.map_or(spec.injection, |before| spec.line(before, router, port ^ 1));
        let facing = |router: usize| ((router << self.shift) + (port ^ 1)) as u32;
        let local = (4..spec.ports()).contains(&port);
        let exit = (router * self.locals + port).wrapping_sub(4) as u32;
        let (x, y) = spec.at(neighbour.unwrap_or(router));
        self.outputs.push(Output {
            due: NEVER,
            allowed: 0,
            wants: 0,
            free: 0,
            latency: out.latency,
            interval: out.interval,
            behind: neighbour.map_or(exit, facing),
            x: x as u16,
            y: y as u16,
            last: 0,
        });
        // Edges of the mesh have no buffers.
        let depth = if local || neighbour.is_some() { u32::from(into.buffer_flits) } else { 0 };
        let ring = if depth > 0 { depth.next_power_of_two() } else { 0 };
        if local {
            let channel = self.channels.len() as u32;
            self.entrances.push(Entrance { soonest: 0, channel, x: x as u16, y: y as u16 });
        }
        self.channels.push(Channel {
            readable: 0,
            credit: into.credit,
            base: self.places.len() as u32,
            mask: ring.saturating_sub(1),
            depth,
            head: 0,
            tail: 0,
            sender: neighbour.map_or(NONE, facing),
        });
        self.places.resize(self.places.len() + ring as usize, Flit::default());
    }

    /// Back to cycle 0. Every run drains, so only times and round-robin pointers are left to forget.
    pub(super) fn reset(&mut self) {
        debug_assert!(self.channels.iter().all(|c| c.head == c.tail), "a drained mesh is empty");
        self.calendar.reset();
        (self.drained, self.hops) = (0, 0);
        self.entrances.iter_mut().for_each(|entrance| entrance.soonest = 0);
        for channel in self.channels.iter_mut().filter(|channel| channel.tail > 0) {
            let first = channel.base as usize;
            self.places[first..=first + channel.mask as usize].iter_mut().for_each(|place| place.time = 0);
            (channel.readable, channel.head, channel.tail) = (0, 0, 0);
        }
        // The first turn is that of the first input port.
        for output in &mut self.outputs {
            (output.allowed, output.free, output.last) = (0, 0, 63);
        }
    }
}
