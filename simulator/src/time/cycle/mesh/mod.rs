//! The network alone: packets in, deliveries out, cycle by cycle where anything happens.
//!
//! Routers have an input buffer for each port and virtual channel, credits for the buffers behind their links, and
//! one grant for each output port and interval, round robin over the input channels. Packets go X first, then Y
//! (free of deadlock as long as every sink drains). A packet of several flits holds its channel until its tail.
//!
//! In cycle t a router decides by what was so in cycle t - 1: flits and credits need one cycle at least. The order
//! in which routers are looked at therefore changes nothing, and neither does looking at one that has nothing to
//! do. [`plain`] is the same model without any of the bookkeeping, as an oracle.
//!
//! Speed: the wheel names the routers that can do something; a router looks at heads of channels by bit sets; a
//! credit is no event but the time from which a place is free.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod plain;
mod router;
mod spec;
#[cfg(test)]
mod tests;
mod traffic;
mod wheel;

pub use spec::{Line, MeshSpec};
pub use traffic::{Crossing, Delivery, Injection, Traffic};

use wheel::Wheel;

/// A time that never comes; a place that is taken.
const NEVER: u64 = u64::MAX;
/// No channel.
const NONE: u8 = u8::MAX;
/// Marks a packet's last flit in [`Flit::packet`].
const TAIL: u32 = 1 << 31;

/// A place of an input buffer, and the flit in it.
#[derive(Debug, Clone, Copy)]
struct Flit {
    /// Cycle in which it may leave at the earliest.
    ready: u64,
    /// Cycle from which the sender may use the place again; [`NEVER`] while it is taken.
    free: u64,
    /// Index of its [`Packet`], with [`TAIL`].
    packet: u32,
    /// Destination.
    x: u16,
    y: u16,
}

const EMPTY: Flit = Flit { ready: 0, free: 0, packet: 0, x: 0, y: 0 };

/// What the flits of a packet share.
#[derive(Debug, Clone, Copy)]
struct Packet {
    injected: u64,
    tag: u64,
    local: u16,
    x: u16,
    y: u16,
}

/// An input channel: one virtual channel of one port of a router.
#[derive(Debug, Clone, Copy)]
struct Channel {
    /// When its head may leave.
    ready: u64,
    /// First place in [`Mesh::places`].
    base: u32,
    /// Places.
    depth: u16,
    /// Place of the head.
    head: u16,
    /// Place of the next flit to come.
    tail: u16,
    /// Flits in it.
    len: u16,
    /// Output port of the head.
    output: u8,
    /// Virtual channel that its packet holds behind the output; [`NONE`] before its first flit has left.
    held: u8,
}

/// An output port of a router.
#[derive(Debug, Clone, Copy)]
struct Output {
    /// When it may be granted again.
    free: u64,
    /// Channels whose heads want it.
    requests: u64,
    /// First channel behind it; unused for local ports.
    channels: u32,
    /// Router behind it.
    router: u32,
    latency: u64,
    interval: u64,
    /// Channel granted last.
    last: u8,
    /// Virtual channel given last.
    last_channel: u8,
    /// Somebody waits for a place behind it.
    blocked: bool,
}

/// A router's summary.
#[derive(Debug, Clone, Copy, Default)]
struct Router {
    /// Channels whose heads are still on their way through the router.
    pending: u64,
    /// Outputs with requests.
    wanted: u64,
    /// Grants so far: where the search for the next one starts.
    grants: u32,
    x: u16,
    y: u16,
}

/// An input port.
#[derive(Debug, Clone, Copy)]
struct Input {
    /// Cycles until the sender knows of a free place.
    credit: u64,
    /// When the port may be read again.
    free: u64,
    /// Router before it; `u32::MAX` for local ports and edges.
    sender: u32,
    /// That output's index.
    output: u32,
    /// For local ports: packets entered, and flits of the last one still to come.
    entered: u32,
    left: u32,
    /// Index of that last packet, and its last flit's time.
    packet: u32,
    last: u64,
}

/// A mesh at work. Reusable: every run leaves it empty.
#[derive(Debug)]
pub struct Mesh {
    spec: MeshSpec,
    routers: Vec<Router>,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
    channels: Vec<Channel>,
    places: Vec<Flit>,
    /// By output and virtual channel: who holds it. Only for packets of several flits.
    holders: Vec<u8>,
    packets: Vec<Packet>,
    unused: Vec<u32>,
    wheel: Wheel,
    drained: u64,
    grants: u64,
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
    /// An empty mesh.
    pub fn new(spec: &MeshSpec) -> Self {
        let spec = MeshSpec {
            virtual_channels: spec.virtual_channels.max(1),
            flits_per_packet: spec.flits_per_packet.max(1),
            read_interval: spec.read_interval.max(1),
            injection: spec.injection.at_least_one(),
            delivery: spec.delivery.at_least_one(),
            ..spec.clone()
        };
        let ports = spec.ports();
        let vcs = spec.virtual_channels as usize;
        assert!(ports * vcs <= 64, "a router's channels fit a word");
        let lines = [spec.east_west, spec.north_south, spec.chip, spec.delivery, spec.injection];
        let reach = lines.iter().map(|l| l.latency.max(l.interval).max(l.credit) + spec.router_latency).max();
        let mut mesh = Self {
            routers: Vec::with_capacity(spec.routers()),
            inputs: Vec::with_capacity(spec.routers() * ports),
            outputs: Vec::with_capacity(spec.routers() * ports),
            channels: Vec::with_capacity(spec.routers() * ports * vcs),
            places: Vec::new(),
            holders: vec![NONE; if spec.flits_per_packet > 1 { spec.routers() * ports * vcs } else { 0 }],
            packets: Vec::new(),
            unused: Vec::new(),
            wheel: Wheel::new(spec.routers(), reach.unwrap_or(1) * 4),
            drained: 0,
            grants: 0,
            spec,
        };
        for router in 0..mesh.spec.routers() {
            let (x, y) = mesh.spec.at(router);
            mesh.routers.push(Router { x: x as u16, y: y as u16, ..Router::default() });
            (0..ports).for_each(|port| mesh.add_port(router, port));
        }
        mesh
    }

    /// What it is made of.
    pub fn spec(&self) -> &MeshSpec {
        &self.spec
    }

    fn add_port(&mut self, router: usize, port: usize) {
        let spec = &self.spec;
        let (ports, vcs) = (spec.ports(), spec.virtual_channels as usize);
        let neighbour = if port < 4 { spec.neighbour(router, port) } else { None };
        let out = neighbour.map_or(spec.delivery, |next| spec.line(router, next, port));
        let into = neighbour.map_or(spec.injection, |before| spec.line(before, router, port ^ 1));
        let sender = neighbour.map_or(u32::MAX, |before| before as u32);
        self.outputs.push(Output {
            free: 0,
            requests: 0,
            channels: neighbour.map_or(0, |next| ((next * ports + (port ^ 1)) * vcs) as u32),
            router: neighbour.unwrap_or(router) as u32,
            latency: out.latency,
            interval: out.interval,
            last: NONE,
            last_channel: NONE,
            blocked: false,
        });
        self.inputs.push(Input {
            credit: into.credit,
            free: 0,
            sender,
            output: neighbour.map_or(0, |before| (before * ports + (port ^ 1)) as u32),
            entered: 0,
            left: 0,
            packet: 0,
            last: 0,
        });
        // Edges of the mesh have no buffers.
        let depth = if port >= 4 || neighbour.is_some() { into.buffer_flits } else { 0 };
        for _ in 0..vcs {
            let base = self.places.len() as u32;
            let channel =
                Channel { ready: NEVER, base, depth, head: 0, tail: 0, len: 0, output: 0, held: NONE };
            self.channels.push(channel);
            self.places.resize(self.places.len() + depth as usize, EMPTY);
        }
    }

    /// Carries all packets of `traffic` to their ends.
    pub fn run(&mut self, traffic: &mut impl Traffic) -> Drained {
        self.reset();
        for port in 0..self.spec.routers() * self.spec.locals as usize {
            self.refill(port, traffic);
        }
        while let Some(now) = self.wheel.advance() {
            for word in 0..self.wheel.words() {
                let mut set = self.wheel.take(word);
                while set != 0 {
                    let router = word * 64 + set.trailing_zeros() as usize;
                    set &= set - 1;
                    self.wheel.looked_at(router);
                    self.look_at(router, now, traffic);
                }
            }
        }
        Drained { at: self.drained, flit_hops: self.grants }
    }

    /// Back to cycle 0. Every run drains, so only times and round-robin pointers are left to forget.
    fn reset(&mut self) {
        debug_assert!(self.channels.iter().all(|c| c.len == 0), "a drained mesh is empty");
        self.wheel.reset();
        self.places.fill(EMPTY);
        self.packets.clear();
        self.unused.clear();
        (self.drained, self.grants) = (0, 0);
        for channel in &mut self.channels {
            (channel.head, channel.tail) = (0, 0);
        }
        for output in &mut self.outputs {
            (output.free, output.last, output.last_channel, output.blocked) = (0, NONE, NONE, false);
        }
        for input in &mut self.inputs {
            (input.free, input.entered, input.left, input.last) = (0, 0, 0, 0);
        }
        self.routers.iter_mut().for_each(|router| router.grants = 0);
    }
}
