//! Switch and link traversal: an allocated head moves on, its credit is returned, and the next head requests its
//! output. Routes are computed one router ahead.

use snnc_targets::topology::Direction;

use super::allocation::Allocation;
use super::flow_control::FlowControl;
use super::{BufferedFlit, FREE, NEVER, NONE, TAIL, WormholeMesh};
use crate::time::cycle::mesh::MeshDestination;
use crate::time::cycle::mesh::traffic::{Crossing, Delivery, MeshTraffic};

impl WormholeMesh {
    /// The output port of a packet at the router at `here`.
    #[inline(always)]
    pub(super) fn compute_route(&self, to: MeshDestination, here: (u16, u16)) -> u32 {
        to.compute_route(self.spec.interconnect, self.spec.grid(), here)
    }

    /// Switch traversal: moves a channel's head over an output.
    #[inline(always)]
    pub(super) fn traverse_switch<S: FlowControl>(
        &mut self,
        index: usize,
        port: usize,
        (channel, behind): Allocation,
        now: u64,
        traffic: &mut impl MeshTraffic,
    ) {
        let vcs = self.vcs();
        let first = index - port;
        let output = &mut self.outputs[index];
        output.requests &= !(1 << channel);
        (output.last, output.last_channel) = (channel as u8, behind as u8);
        output.free = now + output.interval;
        output.allowed = output.free;
        let (arrived, free) = (now + output.latency, output.free);
        self.drained = self.drained.max(arrived).max(free);
        let turn = &mut self.turns[first >> self.shift];
        *turn = if *turn + 1 == self.spec.ports() as u32 { 0 } else { *turn + 1 };
        let flit = self.head(first * vcs + channel);
        if !S::SINGLE {
            let last = flit.packet & TAIL != 0;
            self.holders[index * vcs + behind] = if last { FREE } else { channel as u8 };
            if S::STAGED && last {
                self.staged.from[index * vcs + behind] = now + self.spec.read_interval;
            }
        }
        if port < Direction::COUNT {
            self.traverse_link::<S>(index, port, behind, (now, arrived), flit, traffic);
        } else if S::SINGLE || flit.packet & TAIL != 0 {
            self.eject::<S>(index, port, (now, arrived), flit, traffic);
        }
        let last = !S::FORKS || self.forks.granted(first * vcs + channel, port);
        let input = channel / vcs;
        if last {
            self.pop::<S>(first, channel, now);
        } else {
            self.inputs[first + input].readable = now + self.spec.read_interval;
        }
        let output = &self.outputs[index];
        if !S::STAGED && output.requests != 0 && output.allowed != NEVER {
            self.wheel.enter(index, output.allowed);
        }
        if last && input >= 4 {
            let router = first >> self.shift;
            self.fill_injection_buffer::<S>(router * self.spec.locals as usize + input - 4, traffic);
        }
    }

    /// Link traversal, with route computation for the router behind the link.
    #[inline(always)]
    fn traverse_link<S: FlowControl>(
        &mut self,
        index: usize,
        port: usize,
        behind: usize,
        (now, arrived): (u64, u64),
        flit: BufferedFlit,
        traffic: &mut impl MeshTraffic,
    ) {
        let vcs = self.vcs();
        self.hops += 1;
        let output = &self.outputs[index];
        let (next, here, free) = (output.next as usize, (output.x, output.y), output.free);
        let packet = &self.packets[(flit.packet & !TAIL) as usize];
        traffic.crossed(|| Crossing { router: index >> self.shift, port, at: now, free, tag: packet.tag });
        let plain = || self.compute_route(packet.to, here);
        let label = if S::FORKS { self.forks.label_ahead(flit, port, plain) } else { plain() };
        let flit =
            BufferedFlit { time: arrived + self.spec.router_latency, packet: flit.packet, port: label };
        let channel = (next + Direction::opposite(port)) * vcs + behind;
        self.push::<S>(next, channel, flit);
        self.credits[index * vcs + behind] = self.next_place(channel);
        if S::SINGLE {
            let places = &self.credits[index * vcs..][..vcs];
            let place = places.iter().copied().min().unwrap_or(NEVER);
            let output = &mut self.outputs[index];
            output.allowed = output.allowed.max(place);
        }
    }

    /// A packet leaves the mesh.
    #[inline(always)]
    fn eject<S: FlowControl>(
        &mut self,
        index: usize,
        port: usize,
        (now, arrived): (u64, u64),
        flit: BufferedFlit,
        traffic: &mut impl MeshTraffic,
    ) {
        let slot = flit.packet & !TAIL;
        let packet = &self.packets[slot as usize];
        let entrance = (index >> self.shift) * self.spec.locals as usize + port - 4;
        let delivery = Delivery { injected: packet.injected, left: now, arrived, tag: packet.tag };
        let next = traffic.deliver(entrance, &delivery);
        let output = &mut self.outputs[index];
        output.allowed = output.free.max(next);
        if !S::FORKS || self.forks.delivered(slot) {
            self.unused.push(slot);
        }
    }

    /// A channel's head.
    #[inline(always)]
    pub(super) fn head(&self, channel: usize) -> BufferedFlit {
        self.places[self.channels[channel].ring.head()]
    }

    /// Takes a channel's head away, frees its place, returns its credit, and makes the next flit head.
    #[inline(always)]
    fn pop<S: FlowControl>(&mut self, first: usize, channel: usize, now: u64) {
        let vcs = self.vcs();
        let from = first * vcs + channel;
        let readable = now + self.spec.read_interval;
        self.inputs[first + channel / vcs].readable = readable;
        let state = &mut self.channels[from];
        let known = now + state.credit;
        self.places[state.ring.head()].time = known;
        let full = state.ring.is_full();
        state.ring.pop();
        let sender = state.sender;
        if state.ring.is_empty() {
            state.ready = NEVER;
        } else {
            let next = self.places[state.ring.head()];
            let ready = if S::STAGED {
                (next.time - self.spec.read_interval).max(now + 1)
            } else {
                next.time.max(readable)
            };
            state.ready = ready;
            self.request_outputs::<S>(first, channel, next.port, ready);
        }
        if full && sender != NONE {
            self.return_credit::<S>(sender as usize, channel % vcs, known);
        }
    }

    /// A channel's head wants what stands in it as its output from `ready` on.
    #[inline(always)]
    fn request_outputs<S: FlowControl>(&mut self, first: usize, channel: usize, port: u32, ready: u64) {
        if S::FORKS {
            self.request_branches(first, channel, first * self.vcs() + channel, port, ready);
        } else if S::STAGED {
            self.outputs[first + port as usize].requests |= 1 << channel;
            self.wheel.enter(first + port as usize, ready);
        } else {
            self.request_output(first + port as usize, channel, ready);
        }
    }

    /// A channel's head wants an output from `ready` on.
    #[inline(always)]
    pub(super) fn request_output(&mut self, index: usize, channel: usize, ready: u64) {
        let output = &mut self.outputs[index];
        output.requests |= 1 << channel;
        let allowed = if output.allowed == NEVER { 0 } else { output.allowed };
        self.wheel.enter(index, ready.max(allowed));
    }

    /// A credit: the first place of a channel behind an output will be free from `known` on.
    #[inline(always)]
    fn return_credit<S: FlowControl>(&mut self, index: usize, behind: usize, known: u64) {
        let vcs = self.vcs();
        self.credits[index * vcs + behind] = known;
        let output = &mut self.outputs[index];
        if S::SINGLE {
            if output.allowed != NEVER {
                return;
            }
            output.allowed = output.free.max(known);
        }
        if output.requests != 0 {
            self.wheel.enter(index, output.free.max(known));
        }
    }

    /// When a channel's sender may use its next place.
    #[inline(always)]
    pub(super) fn next_place(&self, channel: usize) -> u64 {
        let ring = &self.channels[channel].ring;
        if ring.is_full() { NEVER } else { self.places[ring.room()].time }
    }

    /// Puts a flit into a channel of a router.
    #[inline(always)]
    pub(super) fn push<S: FlowControl>(&mut self, first: usize, channel: usize, flit: BufferedFlit) {
        let vcs = self.vcs();
        let state = &mut self.channels[channel];
        self.places[state.ring.tail()] = flit;
        let empty = state.ring.is_empty();
        state.ring.push();
        if empty {
            let ready = flit.time - if S::STAGED { self.spec.read_interval } else { 0 };
            state.ready = ready;
            self.request_outputs::<S>(first, channel - first * vcs, flit.port, ready);
        }
    }
}
