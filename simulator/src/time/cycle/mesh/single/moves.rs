//! An output in one cycle: a head is chosen and moves on, its place is freed, the next head asks for its output; and a
//! local buffer asks for the next packet as soon as a place is known to become free.

use super::{Entrance, Flit, NEVER, NONE, Single};
use crate::time::cycle::mesh::Way;
use crate::time::cycle::mesh::traffic::{Crossing, Delivery, Injection, Traffic};

impl Single {
    /// Grants an output if a head can use it in cycle `now`: the next after the one granted last.
    #[inline(always)]
    pub(super) fn look_at(&mut self, index: usize, now: u64, traffic: &mut impl Traffic) {
        let output = &mut self.outputs[index];
        // What was entered before an earlier time was found.
        if output.due != now {
            return;
        }
        output.due = NEVER;
        debug_assert!(output.allowed <= now, "an output is due when it may be granted");
        let first = index >> self.shift << self.shift;
        let ready = &self.ready[first..];
        let turn = u32::from(output.last) + 1;
        let mut wants = output.wants.rotate_right(turn);
        let mut soonest = NEVER;
        while wants != 0 {
            let port = (wants.trailing_zeros() + turn) as usize & 63;
            wants &= wants - 1;
            if ready[port] <= now {
                return self.grant(index, first, port, now, traffic);
            }
            soonest = soonest.min(ready[port]);
        }
        if soonest != NEVER {
            self.enter(index, soonest);
        }
    }

    /// Enters an output, unless it is due as early.
    #[inline(always)]
    fn enter(&mut self, index: usize, time: u64) {
        let due = &mut self.outputs[index].due;
        if time < *due {
            *due = time;
            self.calendar.enter(index, time);
        }
    }

    /// Moves the head of an input port over an output.
    #[inline(always)]
    fn grant(&mut self, index: usize, first: usize, from: usize, now: u64, traffic: &mut impl Traffic) {
        let output = &mut self.outputs[index];
        output.wants &= !(1 << from);
        output.last = from as u8;
        let (arrived, free) = (now + output.latency, now + output.interval);
        output.free = free;
        self.drained = self.drained.max(arrived).max(free);
        let channel = &self.channels[first + from];
        let flit = self.places[(channel.base + (channel.head & channel.mask)) as usize];
        let next = if index - first < 4 {
            let (router, port) = (index >> self.shift, index - first);
            traffic.crossed(|| Crossing { router, port, at: now, free, tag: flit.tag });
            self.cross(index, arrived, flit)
        } else {
            let delivery = Delivery { injected: flit.injected, left: now, arrived, tag: flit.tag };
            traffic.deliver(output.behind as usize, &delivery)
        };
        // A place that is never free makes this NEVER.
        let allowed = free.max(next);
        let output = &mut self.outputs[index];
        output.allowed = allowed;
        if output.wants != 0 && allowed != NEVER {
            self.enter(index, allowed);
        }
        self.pop(first, from, now);
        if from >= 4 {
            let router = first >> self.shift;
            self.refill(router * self.locals + from - 4, traffic);
        }
    }

    /// A flit goes over a link; when the next place behind that is free.
    #[inline(always)]
    fn cross(&mut self, index: usize, arrived: u64, flit: Flit) -> u64 {
        self.hops += 1;
        let output = &self.outputs[index];
        let channel = output.behind as usize;
        let port = flit.to.ahead((output.x, output.y)) as u16;
        self.push(channel, Flit { time: arrived + self.router_latency, port, ..flit });
        self.next_place(channel)
    }

    /// Takes a head away, frees its place, tells whoever waits for one, and makes the next flit head.
    #[inline(always)]
    fn pop(&mut self, first: usize, from: usize, now: u64) {
        let channel = &mut self.channels[first + from];
        let (base, mask, head) = (channel.base, channel.mask, channel.head);
        let (known, readable) = (now + channel.credit, now + self.read_interval);
        let full = channel.tail.wrapping_sub(head) == channel.depth;
        channel.readable = readable;
        channel.head = head.wrapping_add(1);
        let (empty, sender) = (channel.head == channel.tail, channel.sender);
        self.places[(base + (head & mask)) as usize].time = known;
        if empty {
            self.ready[first + from] = NEVER;
        } else {
            let next = &self.places[(base + (head.wrapping_add(1) & mask)) as usize];
            let (port, ready) = (next.port, next.time.max(readable));
            self.ask(first, from, port, ready);
        }
        if full && sender != NONE {
            self.open_up(sender as usize, known);
        }
    }

    /// The head of an input port wants an output from `ready` on.
    #[inline(always)]
    fn ask(&mut self, first: usize, from: usize, port: u16, ready: u64) {
        self.ready[first + from] = ready;
        let index = first + usize::from(port);
        let output = &mut self.outputs[index];
        output.wants |= 1 << from;
        // Who makes room behind it will enter it.
        let allowed = output.allowed;
        if allowed != NEVER {
            self.enter(index, ready.max(allowed));
        }
    }

    /// A place behind an output will be free from `known` on; before that there was none.
    #[inline(always)]
    fn open_up(&mut self, index: usize, known: u64) {
        let output = &mut self.outputs[index];
        if output.allowed == NEVER {
            let allowed = output.free.max(known);
            output.allowed = allowed;
            if output.wants != 0 {
                self.enter(index, allowed);
            }
        }
    }

    /// When a channel's sender may use its next place.
    #[inline(always)]
    fn next_place(&self, channel: usize) -> u64 {
        let channel = &self.channels[channel];
        if channel.tail.wrapping_sub(channel.head) == channel.depth {
            return NEVER;
        }
        let place = channel.tail.wrapping_sub(channel.depth) & channel.mask;
        self.places[(channel.base + place) as usize].time
    }

    /// Puts a flit into a channel.
    #[inline(always)]
    fn push(&mut self, index: usize, flit: Flit) {
        let channel = &mut self.channels[index];
        let empty = channel.tail == channel.head;
        let (place, readable) = (channel.base + (channel.tail & channel.mask), channel.readable);
        channel.tail = channel.tail.wrapping_add(1);
        self.places[place as usize] = flit;
        if empty {
            let first = index >> self.shift << self.shift;
            self.ask(first, index - first, flit.port, flit.time.max(readable));
        }
    }

    /// Fills a local buffer as far as places are known to be free.
    pub(super) fn refill(&mut self, index: usize, traffic: &mut impl Traffic) {
        let Entrance { mut soonest, channel, x, y } = self.entrances[index];
        loop {
            let free = self.next_place(channel as usize);
            if free == NEVER {
                break;
            }
            let Some(injection) = traffic.inject(index, free.max(soonest)) else { break };
            let Injection { at, x: to_x, y: to_y, local, tag, .. } = injection;
            soonest = at + self.injection_interval;
            let to = Way { x: to_x, y: to_y, local };
            let port = to.ahead((x, y)) as u16;
            let time = at + self.router_latency;
            self.push(channel as usize, Flit { time, injected: at, tag, to, port });
        }
        self.entrances[index].soonest = soonest;
    }
}
