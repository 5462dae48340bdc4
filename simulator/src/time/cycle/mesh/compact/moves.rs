//! Steps 2 and 3 of a cycle: granted flits move, packets leave and enter.

use snnc_targets::topology::Direction;

use super::events::Events;
use super::flit::Flit;
use super::grants::{Counts, Grants, Picks};
use super::lanes::Lanes;
use super::node::{Line, Rest};
use super::pace::{Busy, Pace, Steady};
use super::{BLOCK, CHANNELS, Entrance, NEVER, PORTS, Packet, State, VCS};
use crate::time::cycle::mesh::traffic::{Crossing, Delivery, Traffic};

impl State<'_> {
    /// Moves what a few routers have granted.
    #[inline(always)]
    pub(super) fn move_some<P: Pace>(
        &mut self,
        grants: &Grants,
        counts: Counts,
        now: u64,
        traffic: &mut impl Traffic,
    ) {
        self.hops += counts.links as u64;
        for &link in &grants.links[..counts.links] {
            let (router, port, channel) = link.parts();
            self.cross::<P>(router, port, channel, now, traffic);
        }
        for &exit in &grants.exits[..counts.exits] {
            let (router, port, channel) = exit.parts();
            self.leave::<P>(router, port, channel, now, traffic);
        }
        for &entry in &grants.entries[..counts.entries] {
            let (router, _, channel) = entry.parts();
            self.refill::<P>(router, channel / VCS % 4, traffic);
        }
    }

    /// Moves what a block of routers has granted.
    #[inline(always)]
    pub(super) fn move_all(&mut self, block: usize, now: u64, picks: &Picks, traffic: &mut impl Traffic) {
        for port in Direction::ALL.map(Direction::port) {
            self.hops += u64::from(picks.granted[port].count_ones());
            for lane in ones(picks.granted[port]) {
                let channel = picks.channels[port][lane].trailing_zeros() as usize % CHANNELS;
                self.cross::<Busy>(block * BLOCK + lane, port, channel, now, traffic);
            }
        }
        let locals = self.spec.locals as usize % (PORTS - 3);
        for port in 4..4 + locals {
            for lane in ones(picks.granted[port]) {
                let channel = picks.channels[port][lane].trailing_zeros() as usize % CHANNELS;
                self.leave::<Busy>(block * BLOCK + lane, port, channel, now, traffic);
            }
        }
        for local in 0..locals {
            for lane in ones(picks.read[local]) {
                self.refill::<Steady>(block * BLOCK + lane, local, traffic);
            }
        }
    }

    /// A flit goes over a link.
    #[inline(always)]
    fn cross<P: Pace>(
        &mut self,
        router: usize,
        port: usize,
        channel: usize,
        now: u64,
        traffic: &mut impl Traffic,
    ) {
        let flit = self.pop::<P>(router, channel, now);
        let packets = &self.packets;
        let node = &mut self.blocks[router / BLOCK].nodes[router % BLOCK];
        let Line { router: next, delay } = node.lines[port];
        let free = now + if P::STEADY { 1 } else { u64::from(self.rests[router].interval[port]) };
        traffic.crossed(|| Crossing { router, port, at: now, free, tag: packets[flit.packet()].tag });
        if !P::STEADY {
            // Else the flit arrives later at its end.
            self.lasts = self.lasts.max(self.rests[router].lasts(port));
        }
        // The next free one after the one given last; an output without any is not granted.
        let mut behind = usize::from(node.last_channel >> port & 1) ^ 1;
        if node.waits >> (port * VCS) & 0b11 != 0 {
            behind ^= usize::from(self.rests[router].open[port][behind] > now);
        }
        node.last_channel = node.last_channel & !(1 << port) | (behind as u8) << port;
        let eager = node.eager >> port & 1 != 0;

        let flit = flit.over(port, now + u64::from(delay));
        let (full, room) = self.push::<P>(next as usize, (port ^ 1) * VCS + behind, flit);
        if P::STEADY && eager && !full {
            return;
        }
        // A place that is known to be free within an interval holds nobody up.
        let room = if eager { 0 } else { self.places[room].time };
        let open = if full { NEVER } else { room };
        self.hold_up::<P>(router, port, behind, now, free, open);
    }

    /// The next place behind an output will be free at `open`, in the virtual channel given last.
    #[inline(always)]
    fn hold_up<P: Pace>(
        &mut self,
        router: usize,
        port: usize,
        behind: usize,
        now: u64,
        free: u64,
        open: u64,
    ) {
        let (node, rest) = (&mut self.blocks[router / BLOCK].nodes[router % BLOCK], &mut self.rests[router]);
        rest.open[port][behind] = open;
        let other = rest.open[port][behind ^ 1];
        let waits = u16::from(open > now) << behind | u16::from(other > now) << (behind ^ 1);
        node.waits = node.waits & !(0b11 << (port * VCS)) | waits << (port * VCS);
        let open = open.min(other);
        if open == NEVER {
            rest.due[port] = free;
        }
        self.close::<P>(router, port, now, free.max(open));
    }

    /// An output may not be granted before `allowed`.
    #[inline(always)]
    fn close<P: Pace>(&mut self, router: usize, port: usize, now: u64, allowed: u64) {
        let lanes = &mut self.blocks[router / BLOCK].lanes;
        lanes.allowed[port][router % BLOCK] = allowed;
        if P::STEADY {
            lanes.shut |= u64::from(allowed > now + 1) << (router % BLOCK);
        }
    }

    /// A packet leaves by a local port.
    #[inline(always)]
    fn leave<P: Pace>(
        &mut self,
        router: usize,
        port: usize,
        channel: usize,
        now: u64,
        traffic: &mut impl Traffic,
    ) {
        let flit = self.pop::<P>(router, channel, now);
        let rest = &self.rests[router];
        let free = now + if P::STEADY { 1 } else { u64::from(rest.interval[port]) };
        let arrived = now + u64::from(rest.latency[port]);
        self.lasts = self.lasts.max(rest.lasts(port));
        let packet = self.packets[flit.packet()];
        self.unused.push(flit.packet() as u32);
        let entrance = router * self.spec.locals as usize + port - 4;
        let delivery = Delivery { injected: packet.injected, left: now, arrived, tag: packet.tag };
        let next = traffic.deliver(entrance, &delivery);
        if !P::STEADY || next > free {
            self.close::<P>(router, port, now, free.max(next));
        }
    }

    /// Takes a channel's head away, frees its place, tells whoever waits for it, and makes the next flit head.
    #[inline(always)]
    fn pop<P: Pace>(&mut self, router: usize, channel: usize, now: u64) -> Flit {
        let (input, vc) = (channel / VCS % PORTS, channel % VCS);
        let readable = now + if P::STEADY { 1 } else { self.spec.read_interval };
        if !P::STEADY {
            self.rests[router].readable[input] = readable;
        }
        let node = &mut self.blocks[router / BLOCK].nodes[router % BLOCK];
        let (buffer, ends) = (node.buffers[input], &mut node.ends[channel % CHANNELS]);
        let known = now + u64::from(buffer.credit);
        let room = buffer.depth.wrapping_sub(ends.len());
        let place = &mut self.places[buffer.place(vc, ends.head)];
        let flit = *place;
        place.time = known;
        ends.head = ends.head.wrapping_add(1);
        // Of an empty channel, what has stood there.
        let (left, next) = (!ends.is_empty(), self.places[buffer.place(vc, ends.head)]);
        if P::BUSY || left {
            self.ask::<P>(left, router, next.port(), channel, later::<P>(readable, next.time));
        }
        // Links only, in one comparison.
        if usize::from(room) | input & 4 == 0 {
            let before = self.blocks[router / BLOCK].nodes[router % BLOCK].lines[input].router as usize;
            open_up(
                &mut self.rests[before],
                &mut self.blocks[before / BLOCK].lanes,
                before,
                channel,
                known,
                self.events,
            );
        }
        flit
    }

    /// Puts a flit into a channel; whether it is full now, and else the place whose becoming free makes room for the
    /// next one.
    #[inline(always)]
    fn push<P: Pace>(&mut self, router: usize, channel: usize, flit: Flit) -> (bool, usize) {
        let (input, vc) = (channel / VCS % PORTS, channel % VCS);
        let node = &mut self.blocks[router / BLOCK].nodes[router % BLOCK];
        let (buffer, ends) = (node.buffers[input], &mut node.ends[channel % CHANNELS]);
        let empty = ends.is_empty();
        let counts = buffer.counts | ends.any();
        (ends.head, ends.tail) = (ends.head & counts, ends.tail & counts);
        self.places[buffer.place(vc, ends.tail)] = flit;
        ends.tail = ends.tail.wrapping_add(1);
        let (full, room) = (buffer.is_full(*ends), buffer.room(vc, *ends));
        if P::BUSY || empty {
            self.ask::<P>(empty, router, flit.port(), channel, flit.time);
        }
        (full, room)
    }

    /// If `really`, a channel's head wants an output from `ready` on.
    #[inline(always)]
    fn ask<P: Pace>(&mut self, really: bool, router: usize, port: usize, channel: usize, ready: u64) {
        let bit = u16::from(really) << (channel % CHANNELS);
        let lanes = &mut self.blocks[router / BLOCK].lanes;
        lanes.wants[port][router % BLOCK] |= bit;
        // It need not be looked at before it can be granted.
        let allowed = lanes.allowed[port][router % BLOCK];
        let time = if P::STEADY || allowed == NEVER { ready } else { ready.max(allowed) };
        self.events.enter_if(really, router, time, bit);
    }

    /// Fills the local buffer of a port as far as places are known to be free.
    #[inline(always)]
    pub(super) fn refill<P: Pace>(&mut self, router: usize, local: usize, traffic: &mut impl Traffic) {
        let (entrance, input) = (router * self.spec.locals as usize + local, (4 + local) % PORTS);
        loop {
            // Packets take the virtual channels in turn.
            let Entrance { entered, last } = self.entrances[entrance];
            let vc = entered as usize % VCS;
            let channel = (input * VCS + vc) % CHANNELS;
            let node = &self.blocks[router / BLOCK].nodes[router % BLOCK];
            let (buffer, ends) = (node.buffers[input], node.ends[channel]);
            if buffer.is_full(ends) {
                return;
            }
            let soonest = if entered > 0 { last + self.spec.injection.interval } else { 0 };
            let free = self.places[buffer.room(vc, ends)].time.max(soonest);
            let Some(injection) = traffic.inject(entrance, free) else { return };
            let (at, from) = (injection.at, (node.x, node.y));
            self.entrances[entrance] = Entrance { entered: entered.wrapping_add(1), last: at };
            let packet = self.packet(injection.at, injection.tag);
            let flit = Flit::new(packet, from, &injection, at + self.spec.router_latency);
            self.push::<P>(router, channel, flit);
        }
    }

    /// A place for a packet in the table.
    #[inline(always)]
    fn packet(&mut self, injected: u64, tag: u64) -> u32 {
        let packet = Packet { injected, tag };
        let Some(slot) = self.unused.pop() else {
            self.packets.push(packet);
            return self.packets.len() as u32 - 1;
        };
        self.packets[slot as usize] = packet;
        slot
    }
}

/// The first place of a channel behind a router will be free from `known` on; looks at the router then if it waits.
#[inline(never)]
fn open_up(
    rest: &mut Rest,
    lanes: &mut Lanes,
    router: usize,
    channel: usize,
    known: u64,
    events: &mut Events,
) {
    let (port, behind) = (((channel / VCS) ^ 1) % PORTS, channel % VCS);
    rest.open[port][behind] = known;
    let allowed = &mut lanes.allowed[port][router % BLOCK];
    if *allowed == NEVER {
        *allowed = known.max(rest.due[port]);
        rest.due[port] = *allowed;
        events.enter(router, *allowed, 0);
    }
}

/// No bits, and all.
static MASKS: [u64; 2] = [0, !0];

/// The later of two times. Where which one is as good as random, it is looked up, as the compiler would make a branch
/// of whatever it sees through.
#[inline(always)]
fn later<P: Pace>(a: u64, b: u64) -> u64 {
    if P::BUSY { a.wrapping_add(b.wrapping_sub(a) & MASKS[usize::from(b > a)]) } else { a.max(b) }
}

/// The places of the bits of a word.
#[inline(always)]
fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros() as usize % BLOCK;
        (word != 0).then(|| {
            word &= word - 1;
            bit
        })
    })
}

impl Rest {
    /// The longer of latency and interval of an output.
    #[inline(always)]
    fn lasts(&self, port: usize) -> u32 {
        self.latency[port].max(self.interval[port])
    }

    /// Channels among those that are `through` whose ports were read too recently, and when the first may be read.
    #[inline(never)]
    pub(super) fn unreadable(&self, through: u16, now: u64) -> (u16, u64) {
        let (mut unreadable, mut later) = (0, NEVER);
        for (port, &readable) in self.readable.iter().enumerate() {
            let channels = 0b11 << (port * 2);
            if through & channels != 0 && readable > now {
                unreadable |= channels;
                later = later.min(readable);
            }
        }
        (unreadable, later)
    }
}
