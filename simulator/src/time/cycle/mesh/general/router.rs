//! An output in one cycle: a head is chosen and moves on, its place is freed, the next head asks for its output.

use std::ops::Range;

use snnc_targets::topology::Routing;

use super::shape::Shape;
use super::{FREE, Flit, General, NEVER, NONE, TAIL};
use crate::time::cycle::mesh::Way;
use crate::time::cycle::mesh::traffic::{Crossing, Delivery, Traffic};

/// Who may use an output: a channel of the router, and the virtual channel behind the output.
type Choice = (usize, usize);

impl General {
    /// Grants an output if anybody can use it in cycle `now`.
    #[inline(always)]
    pub(super) fn look_at<S: Shape>(&mut self, index: usize, now: u64, traffic: &mut impl Traffic) {
        // Whoever raised that time has entered the output for it.
        if self.outputs[index].allowed > now {
            return;
        }
        let port = index & ((1 << self.shift) - 1);
        let mut later = NEVER;
        let chosen = if S::SINGLE {
            self.choose(index, port, now, &mut later)
        } else {
            self.choose_worm(index, port, now, &mut later)
        };
        match chosen {
            Some(choice) => self.grant::<S>(index, port, choice, now, traffic),
            None if later != NEVER => self.wheel.enter(index, later),
            None => {}
        }
    }

    /// The next head after the one granted last, and the next free virtual channel after the one given last.
    #[inline(always)]
    fn choose(&self, index: usize, port: usize, now: u64, later: &mut u64) -> Option<Choice> {
        let vcs = self.vcs();
        let output = &self.outputs[index];
        let turn = u32::from(output.last) + 1;
        let mut wants = output.wants.rotate_right(turn);
        while wants != 0 {
            let channel = ((wants.trailing_zeros() + turn) & 63) as usize;
            wants &= wants - 1;
            if self.readable(index - port, channel, now, later) {
                // An output that is allowed has a free place.
                let mut behind = 0;
                if port < 4 && vcs > 1 {
                    behind = next(output.last_channel.into(), vcs);
                    while self.open[index * vcs + behind] > now {
                        behind = next(behind, vcs);
                    }
                }
                return Some((channel, behind));
            }
        }
        None
    }

    /// The same for packets of several flits: the first of them takes a virtual channel that nobody holds, the others
    /// follow it. Flits of different packets do not mix at a local port either.
    #[inline(never)]
    fn choose_worm(&self, index: usize, port: usize, now: u64, later: &mut u64) -> Option<Choice> {
        let vcs = self.vcs();
        let output = &self.outputs[index];
        let turn = u32::from(output.last) + 1;
        let mut wants = output.wants.rotate_right(turn);
        let holders = &self.holders[index * vcs..][..vcs];
        while wants != 0 {
            let channel = ((wants.trailing_zeros() + turn) & 63) as usize;
            wants &= wants - 1;
            if !self.readable(index - port, channel, now, later) {
                continue;
            }
            let held = holders.iter().position(|&holder| usize::from(holder) == channel);
            let may_take = |behind: usize| held.map_or(holders[behind] == FREE, |held| held == behind);
            if port >= 4 {
                if may_take(0) {
                    return Some((channel, 0));
                }
                continue;
            }
            let mut behind = usize::from(output.last_channel);
            let legal = self.legal(index, port, channel);
            for _ in 0..vcs {
                behind = next(behind, vcs);
                if !legal.contains(&behind) {
                    continue;
                }
                let open = self.open[index * vcs + behind];
                if may_take(behind) && open <= now {
                    return Some((channel, behind));
                }
                // Other places are free too early or too late, which does no harm.
                *later = (*later).min(open.max(now + 1));
            }
        }
        None
    }

    /// The virtual channels behind an output that the head of `channel` may take.
    #[inline]
    fn legal(&self, index: usize, port: usize, channel: usize) -> Range<usize> {
        let vcs = self.vcs();
        if self.spec.interconnect.channel_classes() == 1 {
            return 0..vcs;
        }
        let head = self.head((index - port) * vcs + channel);
        let to = self.packets[(head.packet & !TAIL) as usize].to;
        self.spec.channels(index >> self.shift, port, to.tile())
    }

    /// The output port of a packet at the router at `here`.
    #[inline(always)]
    pub(super) fn ahead(&self, to: Way, here: (u16, u16)) -> u32 {
        to.ahead(self.spec.interconnect, self.spec.grid(), here)
    }

    /// Whether a channel's head may be read; notes when, if only its port is in the way.
    #[inline(always)]
    fn readable(&self, first: usize, channel: usize, now: u64, later: &mut u64) -> bool {
        let vcs = self.vcs();
        if self.channels[first * vcs + channel].ready > now {
            return false;
        }
        let readable = self.inputs[first + channel / vcs].readable;
        if readable > now {
            *later = (*later).min(readable);
            return false;
        }
        true
    }

    /// Moves a channel's head over an output.
    #[inline(always)]
    fn grant<S: Shape>(
        &mut self,
        index: usize,
        port: usize,
        (channel, behind): Choice,
        now: u64,
        traffic: &mut impl Traffic,
    ) {
        let vcs = self.vcs();
        let first = index - port;
        let output = &mut self.outputs[index];
        output.wants &= !(1 << channel);
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
        }
        if port < 4 {
            self.cross::<S>(index, port, behind, (now, arrived), flit, traffic);
        } else if S::SINGLE || flit.packet & TAIL != 0 {
            self.leave::<S>(index, port, (now, arrived), flit, traffic);
        }
        let last = !S::FORKS || self.forks.granted(first * vcs + channel, port);
        let input = channel / vcs;
        if last {
            self.pop::<S>(first, channel, now);
        } else {
            self.inputs[first + input].readable = now + self.spec.read_interval;
        }
        let output = &self.outputs[index];
        if output.wants != 0 && output.allowed != NEVER {
            self.wheel.enter(index, output.allowed);
        }
        if last && input >= 4 {
            let router = first >> self.shift;
            self.refill::<S>(router * self.spec.locals as usize + input - 4, traffic);
        }
    }

    /// A flit goes over a link.
    #[inline(always)]
    fn cross<S: Shape>(
        &mut self,
        index: usize,
        port: usize,
        behind: usize,
        (now, arrived): (u64, u64),
        flit: Flit,
        traffic: &mut impl Traffic,
    ) {
        let vcs = self.vcs();
        self.hops += 1;
        let output = &self.outputs[index];
        let (next, here, free) = (output.next as usize, (output.x, output.y), output.free);
        let packet = &self.packets[(flit.packet & !TAIL) as usize];
        traffic.crossed(|| Crossing { router: index >> self.shift, port, at: now, free, tag: packet.tag });
        let plain = || self.ahead(packet.to, here);
        let ahead = if S::FORKS { self.forks.ahead(flit, port, plain) } else { plain() };
        let flit = Flit { time: arrived + self.spec.router_latency, packet: flit.packet, port: ahead };
        let channel = (next + (port ^ 1)) * vcs + behind;
        self.push::<S>(next, channel, flit);
        self.open[index * vcs + behind] = self.next_place(channel);
        if S::SINGLE {
            let places = &self.open[index * vcs..][..vcs];
            let place = places.iter().copied().min().unwrap_or(NEVER);
            let output = &mut self.outputs[index];
            output.allowed = output.allowed.max(place);
        }
    }

    /// A packet leaves the mesh.
    #[inline(always)]
    fn leave<S: Shape>(
        &mut self,
        index: usize,
        port: usize,
        (now, arrived): (u64, u64),
        flit: Flit,
        traffic: &mut impl Traffic,
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
    fn head(&self, channel: usize) -> Flit {
        self.places[self.channels[channel].ring.head()]
    }

    /// Takes a channel's head away, frees its place, tells whoever waits for one, and makes the next flit head.
    #[inline(always)]
    fn pop<S: Shape>(&mut self, first: usize, channel: usize, now: u64) {
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
            let ready = next.time.max(readable);
            state.ready = ready;
            self.ask_for::<S>(first, channel, next.port, ready);
        }
        if full && sender != NONE {
            self.open_up::<S>(sender as usize, channel % vcs, known);
        }
    }

    /// A channel's head wants what stands in it as its output from `ready` on.
    #[inline(always)]
    fn ask_for<S: Shape>(&mut self, first: usize, channel: usize, port: u32, ready: u64) {
        if S::FORKS {
            self.ask_forked(first, channel, first * self.vcs() + channel, port, ready);
        } else {
            self.ask(first + port as usize, channel, ready);
        }
    }

    /// A channel's head wants an output from `ready` on.
    #[inline(always)]
    pub(super) fn ask(&mut self, index: usize, channel: usize, ready: u64) {
        let output = &mut self.outputs[index];
        output.wants |= 1 << channel;
        let allowed = if output.allowed == NEVER { 0 } else { output.allowed };
        self.wheel.enter(index, ready.max(allowed));
    }

    /// The first place of a channel behind an output will be free from `known` on.
    #[inline(always)]
    fn open_up<S: Shape>(&mut self, index: usize, behind: usize, known: u64) {
        let vcs = self.vcs();
        self.open[index * vcs + behind] = known;
        let output = &mut self.outputs[index];
        if S::SINGLE {
            if output.allowed != NEVER {
                return;
            }
            output.allowed = output.free.max(known);
        }
        if output.wants != 0 {
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
    pub(super) fn push<S: Shape>(&mut self, first: usize, channel: usize, flit: Flit) {
        let vcs = self.vcs();
        let state = &mut self.channels[channel];
        self.places[state.ring.tail()] = flit;
        let empty = state.ring.is_empty();
        state.ring.push();
        if empty {
            state.ready = flit.time;
            self.ask_for::<S>(first, channel - first * vcs, flit.port, flit.time);
        }
    }
}

/// The virtual channel whose turn is after another's.
#[inline(always)]
fn next(channel: usize, vcs: usize) -> usize {
    if channel + 1 >= vcs { 0 } else { channel + 1 }
}
