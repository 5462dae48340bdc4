//! The stages of a router for one output in one cycle: arbitration chooses a head, it traverses switch and link, its
//! credit is returned, and the next head requests its output. A local buffer takes the next packet as soon as a place
//! is known to become free. Routes are computed one router ahead.

use snnc_targets::topology::Direction;
use snnc_targets::topology::routing::MeshXy;

use super::{
    Calendar, NEVER, NONE, PORTS, QueuedPacket, Ring, RouterEntrance, RouterState, SingleChannelMesh,
};
use crate::time::cycle::mesh::MeshDestination;
use crate::time::cycle::mesh::traffic::{Crossing, Delivery, Injection, MeshTraffic};

impl SingleChannelMesh {
    /// Grants an output if a head can use it in cycle `now`, which is when it was due. Links and exits each have their
    /// own code, as what follows a grant is easier to predict by kind.
    #[inline(always)]
    pub(super) fn allocate_output(&mut self, index: usize, now: u64, traffic: &mut impl MeshTraffic) {
        let (at, port) = (index / PORTS, index % PORTS);
        match self.routers[at].arbitrate(port, now) {
            Err(soonest) => self.calendar.enter(index, soonest),
            Ok(from) if port < Direction::COUNT => self.traverse_switch::<true>(at, port, from, now, traffic),
            Ok(from) => self.traverse_switch::<false>(at, port, from, now, traffic),
        }
    }

    /// Switch traversal: moves the head of input port `from` over a link, or out of the mesh.
    #[inline(always)]
    fn traverse_switch<const LINK: bool>(
        &mut self,
        at: usize,
        port: usize,
        from: usize,
        now: u64,
        traffic: &mut impl MeshTraffic,
    ) {
        let router = &mut self.routers[at];
        let output = &mut router.outputs[port];
        debug_assert!(output.allowed <= now, "an output is due when it may be granted");
        output.requests &= !(1 << from);
        output.last = from as u8;
        let (arrived, free) = (now + output.latency, now + output.interval);
        output.free = free;
        let (behind, here) = (output.behind as usize, (output.x, output.y));
        let channel = &mut router.channels[from];
        let place = &mut self.places[channel.ring.head()];
        let flit = *place;
        place.time = now + channel.credit;
        let next = if LINK {
            traffic.crossed(|| Crossing { router: at, port, at: now, free, tag: flit.tag });
            let port = flit.to.compute_route(MeshXy, self.grid, here) as u16;
            let flit = QueuedPacket { time: arrived + self.router_latency, port, ..flit };
            self.push(behind, flit)
        } else {
            let delivery = Delivery { injected: flit.injected, left: now, arrived, tag: flit.tag };
            traffic.deliver(behind, &delivery)
        };
        // A place that is never free makes this NEVER.
        let allowed = free.max(next);
        let output = &mut self.routers[at].outputs[port];
        output.allowed = allowed;
        if output.requests != 0 && allowed != NEVER {
            self.calendar.enter(at * PORTS + port, allowed);
        }
        self.pop(at, from, now);
        if from >= 4 {
            self.fill_injection_buffer(at * self.locals + from - 4, traffic);
        }
    }

    /// Takes a head away, returns its credit, and makes the next flit head.
    #[inline(always)]
    fn pop(&mut self, at: usize, from: usize, now: u64) {
        let router = &mut self.routers[at];
        let channel = &mut router.channels[from];
        let readable = now + self.read_interval;
        channel.readable = readable;
        let full = channel.ring.is_full();
        channel.ring.pop();
        let (sender, known) = (channel.sender, now + channel.credit);
        if channel.ring.is_empty() {
            router.ready[from] = NEVER;
        } else {
            let next = &self.places[channel.ring.head()];
            let (port, ready) = (next.port.into(), next.time.max(readable));
            router.request_output(at, from, port, ready, &mut self.calendar);
        }
        if full && sender != NONE {
            self.return_credit(sender as usize, known);
        }
    }

    /// A credit: a place behind an output will be free from `known` on; before that there was none.
    #[inline(always)]
    fn return_credit(&mut self, index: usize, known: u64) {
        let output = &mut self.routers[index / PORTS].outputs[index % PORTS];
        if output.allowed == NEVER {
            output.allowed = output.free.max(known);
            if output.requests != 0 {
                self.calendar.enter(index, output.allowed);
            }
        }
    }

    /// Puts a flit into a channel; when the next place there may be used.
    #[inline(always)]
    fn push(&mut self, index: usize, flit: QueuedPacket) -> u64 {
        let (at, from) = (index / PORTS, index % PORTS);
        let router = &mut self.routers[at];
        let channel = &mut router.channels[from];
        self.places[channel.ring.tail()] = flit;
        let empty = channel.ring.is_empty();
        channel.ring.push();
        let next = next_place(&channel.ring, &self.places);
        if empty {
            let ready = flit.time.max(channel.readable);
            router.request_output(at, from, flit.port.into(), ready, &mut self.calendar);
        }
        next
    }

    /// Fills a local buffer as far as places are known to be free.
    pub(super) fn fill_injection_buffer(&mut self, index: usize, traffic: &mut impl MeshTraffic) {
        let RouterEntrance { mut soonest, channel, x, y } = self.entrances[index];
        let channel = channel as usize;
        let mut free =
            next_place(&self.routers[channel / PORTS].channels[channel % PORTS].ring, &self.places);
        while free != NEVER {
            let Some(injection) = traffic.inject(index, free.max(soonest)) else { break };
            let Injection { at, x: to_x, y: to_y, local, tag, .. } = injection;
            soonest = at + self.injection_interval;
            let to = MeshDestination { x: to_x, y: to_y, local };
            let port = to.compute_route(MeshXy, self.grid, (x, y)) as u16;
            let time = at + self.router_latency;
            free = self.push(channel, QueuedPacket { time, injected: at, tag, to, port });
        }
        self.entrances[index].soonest = soonest;
    }
}

impl RouterState {
    /// The next head after the one granted last that can take an output now; if there is none, when the first will be
    /// ready.
    #[inline(always)]
    fn arbitrate(&self, port: usize, now: u64) -> Result<usize, u64> {
        let output = &self.outputs[port];
        let turn = u32::from(output.last) + 1;
        let mut requests = output.requests.rotate_right(turn);
        let mut soonest = NEVER;
        while requests != 0 {
            let from = (requests.trailing_zeros() + turn) as usize % PORTS;
            requests &= requests - 1;
            if self.ready[from] <= now {
                return Ok(from);
            }
            soonest = soonest.min(self.ready[from]);
        }
        Err(soonest)
    }

    /// The head of an input port wants an output from `ready` on; `at` is the router's number.
    #[inline(always)]
    fn request_output(&mut self, at: usize, from: usize, port: usize, ready: u64, calendar: &mut Calendar) {
        self.ready[from] = ready;
        let output = &mut self.outputs[port % PORTS];
        output.requests |= 1 << from;
        // Without room behind the output, the credit that makes room enters it into the calendar.
        if output.allowed != NEVER {
            calendar.enter(at * PORTS + port, ready.max(output.allowed));
        }
    }
}

/// When a channel's sender may use its next place.
#[inline(always)]
fn next_place(ring: &Ring, places: &[QueuedPacket]) -> u64 {
    if ring.is_full() { NEVER } else { places[ring.room()].time }
}
