//! One router in one cycle: heads that got through, outputs granted, places filled and freed.

use super::traffic::{Crossing, Delivery, Injection, Traffic};
use super::{Flit, Mesh, NEVER, NONE, Packet, TAIL};

impl Mesh {
    /// Everything that `router` can do in cycle `now`; enters it for the next cycle in which it can do more.
    #[inline(always)]
    pub(super) fn look_at(&mut self, router: usize, now: u64, traffic: &mut impl Traffic) {
        let mut later = self.promote(router, now);
        let state = self.routers[router];
        let (mut used, readable) = self.unreadable(router, now);
        // From the output after as many as were granted, so that no output is always served first.
        let ports = self.spec.ports() as u32;
        let start = state.grants % ports;
        let mut wanted = state.wanted;
        while wanted != 0 {
            let ahead = wanted & (!0 << start);
            let port = if ahead != 0 { ahead.trailing_zeros() } else { wanted.trailing_zeros() } as usize;
            wanted &= !(1 << port);
            let index = router * ports as usize + port;
            let output = &self.outputs[index];
            if output.free > now {
                later = later.min(output.free);
                continue;
            }
            let requests = output.requests & !used;
            if output.requests != requests {
                later = later.min(readable);
            }
            let chosen = if port < 4 {
                self.choose(index, router, requests, now, &mut later)
            } else {
                self.choose_local(index, requests)
            };
            if let Some((channel, virtual_channel)) = chosen {
                used |= self.siblings(channel);
                let head = self.grant(router, index, port, channel, virtual_channel, now, traffic);
                later = later.min(head);
                if self.outputs[index].requests != 0 {
                    later = later.min(self.outputs[index].free);
                }
            }
        }
        if later != NEVER {
            self.wheel.enter(router, later);
        }
    }

    /// Heads that are through the router ask for their outputs; when the next one will be.
    #[inline(always)]
    fn promote(&mut self, router: usize, now: u64) -> u64 {
        let mut later = NEVER;
        let (ports, vcs) = (self.spec.ports(), self.spec.virtual_channels as usize);
        let mut pending = self.routers[router].pending;
        while pending != 0 {
            let channel = pending.trailing_zeros() as usize;
            pending &= pending - 1;
            let state = &self.channels[router * ports * vcs + channel];
            if state.ready <= now {
                let output = usize::from(state.output);
                self.routers[router].pending &= !(1 << channel);
                self.routers[router].wanted |= 1 << output;
                self.outputs[router * ports + output].requests |= 1 << channel;
            } else {
                later = later.min(state.ready);
            }
        }
        later
    }

    /// Channels of input ports that were read too recently, and when one that is or will be so may be read again.
    /// With one channel a port, the head's time says so.
    #[inline(always)]
    fn unreadable(&self, router: usize, now: u64) -> (u64, u64) {
        let (mut used, mut readable) = (0, now + self.spec.read_interval);
        if self.spec.virtual_channels > 1 && self.spec.read_interval > 1 {
            let ports = self.spec.ports();
            for port in 0..ports {
                let free = self.inputs[router * ports + port].free;
                if free > now {
                    used |= self.siblings(port * self.spec.virtual_channels as usize);
                    readable = readable.min(free);
                }
            }
        }
        (used, readable)
    }

    /// Channels of the same input port.
    #[inline(always)]
    fn siblings(&self, channel: usize) -> u64 {
        let vcs = self.spec.virtual_channels as usize;
        if vcs == 1 { 1 << channel } else { (!0u64 >> (64 - vcs)) << (channel / vcs * vcs) }
    }

    /// The next request after the one granted last.
    #[inline(always)]
    fn after(requests: u64, last: u8) -> usize {
        let ahead = if last < 63 { requests & (!0 << (last + 1)) } else { 0 };
        (if last != NONE && ahead != 0 { ahead } else { requests }).trailing_zeros() as usize
    }

    /// Who may use a link: a channel and the virtual channel behind the link. Notes when there may be a place.
    #[inline(always)]
    fn choose(
        &mut self,
        index: usize,
        router: usize,
        mut requests: u64,
        now: u64,
        later: &mut u64,
    ) -> Option<(usize, u8)> {
        let vcs = self.spec.virtual_channels as usize;
        while requests != 0 {
            let channel = Self::after(requests, self.outputs[index].last);
            let held = match self.spec.flits_per_packet {
                1 => NONE,
                _ => self.channels[router * self.spec.ports() * vcs + channel].held,
            };
            let (first, count) = if held == NONE { (0, vcs) } else { (usize::from(held), 1) };
            let from = self.outputs[index].last_channel.wrapping_add(1) as usize;
            for i in 0..count {
                let vc = if held == NONE { (from + i) % vcs } else { first };
                if held == NONE && !self.holders.is_empty() && self.holders[index * vcs + vc] != NONE {
                    continue;
                }
                let behind = &self.channels[self.outputs[index].channels as usize + vc];
                let free = self.places[behind.base as usize + usize::from(behind.tail)].free;
                if free <= now {
                    return Some((channel, vc as u8));
                }
                *later = (*later).min(free);
                self.outputs[index].blocked |= free == NEVER;
            }
            if self.spec.flits_per_packet == 1 {
                // All requests need the same: any place behind the link.
                return None;
            }
            requests &= !(1 << channel);
        }
        None
    }

    /// Who may use a local port. Flits of different packets do not mix there.
    #[inline(always)]
    fn choose_local(&self, index: usize, mut requests: u64) -> Option<(usize, u8)> {
        if !self.holders.is_empty() {
            let holder = self.holders[index * self.spec.virtual_channels as usize];
            if holder != NONE {
                requests &= 1 << holder;
            }
        }
        (requests != 0).then(|| (Self::after(requests, self.outputs[index].last), 0))
    }

    /// Moves a channel's head over an output; when the channel's next head is ready.
    #[expect(clippy::too_many_arguments, reason = "the parts of one grant")]
    #[inline(always)]
    fn grant(
        &mut self,
        router: usize,
        index: usize,
        port: usize,
        channel: usize,
        virtual_channel: u8,
        now: u64,
        traffic: &mut impl Traffic,
    ) -> u64 {
        let vcs = self.spec.virtual_channels as usize;
        let from = router * self.spec.ports() * vcs + channel;
        let state = &self.channels[from];
        let flit = self.places[state.base as usize + usize::from(state.head)];
        if !self.holders.is_empty() {
            let last = flit.packet & TAIL != 0;
            self.holders[index * vcs + usize::from(virtual_channel)] =
                if last { NONE } else { channel as u8 };
            self.channels[from].held = if last { NONE } else { virtual_channel };
        }
        let output = &mut self.outputs[index];
        output.requests &= !(1 << channel);
        if output.requests == 0 {
            self.routers[router].wanted &= !(1 << port);
        }
        self.routers[router].grants = self.routers[router].grants.wrapping_add(1);
        (output.last, output.last_channel) = (channel as u8, virtual_channel);
        output.free = now + output.interval;
        let (arrived, free) = (now + output.latency, output.free);
        self.drained = self.drained.max(arrived).max(free);
        if port < 4 {
            self.grants += 1;
            let packets = &self.packets;
            let tag = || packets[(flit.packet & !TAIL) as usize].tag;
            traffic.crossed(|| Crossing { router, port, at: now, free, tag: tag() });
            let (to, behind) =
                (output.router as usize, output.channels as usize + usize::from(virtual_channel));
            self.push(to, behind, Flit { ready: arrived + self.spec.router_latency, ..flit });
        } else if flit.packet & TAIL != 0 {
            let slot = flit.packet & !TAIL;
            let Packet { injected, tag, .. } = self.packets[slot as usize];
            let local = router * self.spec.locals as usize + port - 4;
            let next = traffic.deliver(local, &Delivery { injected, left: now, arrived, tag });
            self.outputs[index].free = free.max(next);
            self.unused.push(slot);
        }
        self.pop(router, from, channel, now, traffic)
    }

    /// Frees the head's place, tells whoever waits for it, and makes the next flit head; when that is ready.
    #[inline(always)]
    fn pop(
        &mut self,
        router: usize,
        from: usize,
        channel: usize,
        now: u64,
        traffic: &mut impl Traffic,
    ) -> u64 {
        let port = channel / self.spec.virtual_channels as usize;
        let input = &mut self.inputs[router * self.spec.ports() + port];
        let readable = now + self.spec.read_interval;
        input.free = readable;
        let (known, sender, output) = (now + input.credit, input.sender, input.output as usize);
        let state = &mut self.channels[from];
        self.places[state.base as usize + usize::from(state.head)].free = known;
        state.head = if state.head + 1 == state.depth { 0 } else { state.head + 1 };
        state.len -= 1;
        let mut ready = NEVER;
        if state.len > 0 {
            let next = self.places[state.base as usize + usize::from(state.head)];
            ready = next.ready.max(readable);
            self.new_head(router, from, channel, ready, &next);
        }
        if port >= 4 {
            self.refill(router * self.spec.locals as usize + port - 4, traffic);
        } else if sender != u32::MAX && self.outputs[output].blocked {
            self.outputs[output].blocked = false;
            self.wheel.enter(sender as usize, known);
        }
        ready
    }

    /// Puts a flit into a channel of `router`.
    #[inline(always)]
    fn push(&mut self, router: usize, channel: usize, flit: Flit) {
        let state = &mut self.channels[channel];
        let place = state.base as usize + usize::from(state.tail);
        self.places[place] = Flit { free: NEVER, ..flit };
        state.tail = if state.tail + 1 == state.depth { 0 } else { state.tail + 1 };
        state.len += 1;
        if state.len == 1 {
            let bit = channel - router * self.spec.ports() * self.spec.virtual_channels as usize;
            let free =
                self.inputs[router * self.spec.ports() + bit / self.spec.virtual_channels as usize].free;
            // A port of one channel tells by its head's time when it may be read again.
            let ready = if self.spec.virtual_channels == 1 { flit.ready.max(free) } else { flit.ready };
            self.new_head(router, channel, bit, ready, &flit);
            self.wheel.enter(router, ready);
        }
    }

    #[inline(always)]
    fn new_head(&mut self, router: usize, channel: usize, bit: usize, ready: u64, flit: &Flit) {
        let at = &mut self.routers[router];
        at.pending |= 1 << bit;
        let (x, y) = (at.x, at.y);
        let state = &mut self.channels[channel];
        state.ready = ready;
        state.output = if x != flit.x {
            u8::from(x > flit.x)
        } else if y != flit.y {
            2 + u8::from(y > flit.y)
        } else {
            4 + self.packets[(flit.packet & !TAIL) as usize].local as u8
        };
    }

    /// Fills the local buffer of a port as far as places are known to be free.
    pub(super) fn refill(&mut self, port: usize, traffic: &mut impl Traffic) {
        let (ports, vcs) = (self.spec.ports(), self.spec.virtual_channels as usize);
        let (router, local) = (port / self.spec.locals as usize, port % self.spec.locals as usize);
        let index = router * ports + 4 + local;
        loop {
            let input = &self.inputs[index];
            let fresh = input.left == 0;
            // Packets take the virtual channels in turn.
            let turn = if fresh { input.entered } else { input.entered.wrapping_sub(1) };
            let channel = index * vcs + turn as usize % vcs;
            let state = &self.channels[channel];
            let free = self.places[state.base as usize + usize::from(state.tail)].free;
            if free == NEVER || (fresh && !self.begin(index, port, free, traffic)) {
                return;
            }
            let input = &mut self.inputs[index];
            let at = if fresh { input.last } else { free.max(input.last + self.spec.injection.interval) };
            input.last = at;
            input.left -= 1;
            let mark = if input.left == 0 { TAIL } else { 0 };
            let packet = input.packet;
            let Packet { x, y, .. } = self.packets[packet as usize];
            let flit =
                Flit { ready: at + self.spec.router_latency, free: NEVER, packet: packet | mark, x, y };
            self.push(router, channel, flit);
        }
    }

    /// Asks for a port's next packet, whose first place is free from `free` on; whether there is one.
    fn begin(&mut self, index: usize, port: usize, free: u64, traffic: &mut impl Traffic) -> bool {
        let input = &mut self.inputs[index];
        let soonest = if input.entered > 0 { input.last + self.spec.injection.interval } else { 0 };
        let Some(injection) = traffic.inject(port, free.max(soonest)) else { return false };
        let Injection { at, x, y, local, tag } = injection;
        let packet = Packet { injected: at, tag, local, x, y };
        let slot = self.unused.pop().unwrap_or(self.packets.len() as u32);
        if slot as usize == self.packets.len() {
            self.packets.push(packet);
        } else {
            self.packets[slot as usize] = packet;
        }
        (input.entered, input.left) = (input.entered.wrapping_add(1), self.spec.flits_per_packet);
        (input.last, input.packet) = (at, slot);
        true
    }
}
