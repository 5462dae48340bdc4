//! Steps 2 and 3 of a cycle: granted flits move, packets leave and enter.

use super::events::Events;
use super::node::Node;
use super::{BLOCK, CHANNELS, Entrance, Flit, Grant, NEVER, PORTS, State, VCS};
use crate::time::cycle::mesh::traffic::{Crossing, Delivery, Injection, Traffic};
use crate::time::cycle::mesh::{Packet, Way};

impl State {
    /// A flit goes over a link.
    #[inline(always)]
    pub(super) fn cross(&mut self, grant: Grant, now: u64, traffic: &mut impl Traffic) {
        let (router, port, channel) = grant.parts();
        let next = self.nodes[router].lines[port].router as usize;
        let pair = self.nodes.get_disjoint_mut([router, next]);
        let Ok([node, next_node]) = pair else { unreachable!("a link leads to another router") };
        let line = node.lines[port];
        let popped =
            node.pop(router, channel, now, self.spec.read_interval, &mut self.places, &mut self.events);
        let (free, arrived) = (now + u64::from(line.interval), now + u64::from(line.latency));
        let packets = &self.packets;
        traffic.crossed(|| Crossing { router, port, at: now, free, tag: packets[popped.flit.packet()].tag });
        self.lasts = self.lasts.max(line.lasts);
        // The next free one after the one given last; an output without any is not granted.
        let other = usize::from(node.last_channel[port] & 1) ^ 1;
        let behind = other ^ usize::from(node.open[port][other] > now);
        node.last_channel[port] = behind as u8;

        let time = arrived + self.spec.router_latency;
        let flit = popped.flit.at((next_node.x, next_node.y), time);
        let channel = ((port ^ 1) * VCS + behind) % CHANNELS;
        let state = &mut next_node.channels[channel];
        let empty = state.is_empty();
        self.places[state.tail()] = flit;
        state.tail = state.tail.wrapping_add(1);
        // A place that is known to be free within an interval holds nobody up.
        let room = if line.eager { 0 } else { self.places[state.room()].time };
        let open = if state.is_full() { NEVER } else { room };
        next_node.ask(empty, next, flit.port(), channel, time, &mut self.events);

        node.open[port][behind] = open;
        let open = open.min(node.open[port][behind ^ 1]);
        node.allowed[port] = free.max(open);
        if open == NEVER {
            node.due[port] = free;
        }
        self.popped(router, grant, &popped);
    }

    /// A packet leaves by a local port.
    #[inline(always)]
    pub(super) fn leave(&mut self, grant: Grant, now: u64, traffic: &mut impl Traffic) {
        let (router, port, channel) = grant.parts();
        let node = &mut self.nodes[router];
        let line = node.lines[port];
        let popped =
            node.pop(router, channel, now, self.spec.read_interval, &mut self.places, &mut self.events);
        let (free, arrived) = (now + u64::from(line.interval), now + u64::from(line.latency));
        self.lasts = self.lasts.max(line.lasts);
        let packet = popped.flit.packet();
        let Packet { injected, tag, .. } = self.packets[packet];
        self.unused.push(packet as u32);
        let entrance = router * self.spec.locals as usize + port - 4;
        let next = traffic.deliver(entrance, &Delivery { injected, left: now, arrived, tag });
        node.allowed[port] = free.max(next);
        self.popped(router, grant, &popped);
    }

    /// Tells whoever waits for the place of a flit.
    #[inline(always)]
    fn popped(&mut self, router: usize, grant: Grant, popped: &Popped) {
        let (.., channel) = grant.parts();
        let input = channel / VCS % PORTS;
        if popped.full {
            self.open_up(popped.before as usize, input, channel % VCS, popped.known);
        }
        // A local port's places are filled again at the end of the cycle.
        let entrance = router as u32 * self.spec.locals + (input as u32 & 3);
        self.read[self.reads % (BLOCK * PORTS)] = entrance;
        self.reads += input >> 2;
    }

    /// The first place of a channel behind an output will be free from `known` on; `input` is the port of the channel.
    #[inline(never)]
    fn open_up(&mut self, router: usize, input: usize, behind: usize, known: u64) {
        if input >= 4 {
            return;
        }
        let (node, port) = (&mut self.nodes[router], input ^ 1);
        node.open[port][behind] = known;
        if node.allowed[port] == NEVER {
            let allowed = known.max(node.due[port]);
            (node.allowed[port], node.due[port]) = (allowed, allowed);
            self.events.enter(router, allowed, 0);
        }
    }

    /// Fills the local buffer of a port as far as places are known to be free.
    #[inline(always)]
    pub(super) fn refill(&mut self, entrance: usize, traffic: &mut impl Traffic) {
        let locals = self.spec.locals as usize;
        let (router, local) =
            if locals == 1 { (entrance, 0) } else { (entrance / locals, entrance % locals) };
        let input = (4 + local) % PORTS;
        loop {
            // Packets take the virtual channels in turn.
            let Entrance { entered, last } = self.entrances[entrance];
            let channel = (input * VCS + entered as usize % VCS) % CHANNELS;
            let node = &self.nodes[router];
            let state = &node.channels[channel];
            if state.is_full() {
                return;
            }
            let soonest = if entered > 0 { last + self.spec.injection.interval } else { 0 };
            let free = self.places[state.room()].time.max(soonest);
            let Some(Injection { at, x, y, local, tag, .. }) = traffic.inject(entrance, free) else { return };
            self.entrances[entrance] = Entrance { entered: entered.wrapping_add(1), last: at };
            let packet = self.packet(Packet { injected: at, tag, to: Way { x, y, local } });

            let node = &mut self.nodes[router];
            let state = &mut node.channels[channel];
            let (empty, time) = (state.is_empty(), at + self.spec.router_latency);
            let label = packet << 6 | (4 + u32::from(local)) << 3;
            let flit = Flit { time: 0, label, x, y }.at((node.x, node.y), time);
            self.places[state.tail()] = flit;
            state.tail = state.tail.wrapping_add(1);
            node.ask(empty, router, flit.port(), channel, time, &mut self.events);
        }
    }

    /// A place for a packet in the table.
    #[inline(always)]
    fn packet(&mut self, packet: Packet) -> u32 {
        let Some(slot) = self.unused.pop() else {
            self.packets.push(packet);
            return self.packets.len() as u32 - 1;
        };
        self.packets[slot as usize] = packet;
        slot
    }
}

/// A flit that has left its place.
struct Popped {
    flit: Flit,
    /// There was no other place.
    full: bool,
    /// Router beyond the input port.
    before: u32,
    /// When that knows of the place.
    known: u64,
}

impl Node {
    /// Takes a channel's head away, frees its place, and makes the next flit head.
    #[inline(always)]
    fn pop(
        &mut self,
        router: usize,
        channel: usize,
        now: u64,
        read_interval: u64,
        places: &mut [Flit],
        events: &mut Events,
    ) -> Popped {
        let input = channel / VCS % PORTS;
        let readable = now + read_interval;
        if read_interval > 1 {
            self.readable[input] = readable;
        }
        let line = self.lines[input];
        let known = now + u64::from(line.credit);
        let state = &mut self.channels[channel];
        let place = &mut places[state.head()];
        let flit = *place;
        place.time = known;
        let full = state.is_full();
        state.head = state.head.wrapping_add(1);
        if !state.is_empty() {
            let next = places[state.head()];
            self.ask(true, router, next.port(), channel, next.time.max(readable), events);
        }
        Popped { flit, full, before: line.router, known }
    }

    /// If `really`, a channel's head wants an output from `ready` on.
    #[inline(always)]
    fn ask(
        &mut self,
        really: bool,
        router: usize,
        port: usize,
        channel: usize,
        ready: u64,
        events: &mut Events,
    ) {
        let bit = u16::from(really) << channel;
        self.wants[port] |= bit;
        // It need not be looked at before it can be granted.
        let allowed = self.allowed[port];
        let time = if allowed == NEVER { ready } else { ready.max(allowed) };
        events.enter_if(really, router, time, bit);
    }
}
