//! A router's state beside its [lanes](super::lanes): what every flit that passes needs, packed, and the rest.

use super::{CHANNELS, PORTS, VCS};

/// What every flit that passes a router needs of it.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Node {
    /// By output, a bit each: virtual channel given last.
    pub last_channel: u8,
    /// By output, a bit each: the router knows of a place behind the link within an interval of it.
    pub eager: u8,
    /// By output and virtual channel behind it, a bit each: no place may be free there; [`Rest::open`] knows.
    pub waits: u16,
    /// Where it is.
    pub x: u16,
    pub y: u16,
    pub ends: [Ends; CHANNELS],
    /// By port: what is beyond it.
    pub lines: [Line; PORTS],
    /// By input.
    pub buffers: [Buffer; PORTS],
}

/// The flits of an input channel, as far as they are counted ([`Buffer::counts`]).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ends {
    /// Flits that have left.
    pub head: u16,
    /// Flits that have come.
    pub tail: u16,
}

/// What is beyond a port.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    /// The router beyond a link; its port is the opposite one.
    pub router: u32,
    /// Cycles from grant to the first chance to leave the router beyond.
    pub delay: u32,
}

/// The places of an input port's channels: two rings with their places in turn. The n-th flit of a channel stands in
/// place `n & mask` of its ring.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Buffer {
    /// First place in [`State::places`](super::State::places).
    pub base: u32,
    /// Cycles until the sender knows of a place that has become free.
    pub credit: u32,
    /// Places of a ring less 1.
    pub mask: u16,
    /// Places of a channel.
    pub depth: u16,
    /// All bits if flits are counted from the start of a run, as it counts when each place becomes free; none if they
    /// are counted anew from when a channel was empty, so that most flits stand in the first places.
    pub counts: u16,
}

/// What few flits need of a router.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    /// By output and virtual channel behind it: when the next place is free.
    pub open: [[u64; 2]; PORTS],
    /// By output: as long as no place is known to become free, when it is free itself; else the time for which the
    /// router has been entered because of it, so that it is not entered for that again.
    pub due: [u64; PORTS],
    /// By input: when it may be read again, unless that is in every cycle.
    pub readable: [u64; PORTS],
    /// By output: cycles from grant to arrival.
    pub latency: [u32; PORTS],
    /// By output: cycles from grant to grant.
    pub interval: [u32; PORTS],
}

impl Node {
    /// Nothing has happened at `(x, y)`, and nothing is connected.
    pub(super) fn new((x, y): (u32, u32)) -> Self {
        Self {
            // The first turn is that of virtual channel 0.
            last_channel: !0,
            eager: 0,
            waits: 0,
            x: x as u16,
            y: y as u16,
            ends: [Ends::default(); CHANNELS],
            lines: [Line::default(); PORTS],
            buffers: [Buffer::default(); PORTS],
        }
    }

    /// Nothing has happened, as far as anything can be left by a run that has drained.
    pub(super) fn reset(&mut self) {
        let Self { lines, buffers, eager, x, y, .. } = *self;
        *self = Self { lines, buffers, eager, ..Self::new((x.into(), y.into())) };
    }
}

impl Rest {
    /// Nothing has happened, and nothing is connected.
    pub(super) fn new() -> Self {
        Self {
            open: [[0; 2]; PORTS],
            due: [0; PORTS],
            readable: [0; PORTS],
            latency: [0; PORTS],
            interval: [0; PORTS],
        }
    }

    /// Nothing has happened.
    pub(super) fn reset(&mut self) {
        let Self { latency, interval, .. } = *self;
        *self = Self { latency, interval, ..Self::new() };
    }
}

impl Buffer {
    /// The place of the n-th flit of a channel.
    #[inline(always)]
    pub(super) fn place(&self, vc: usize, n: u16) -> usize {
        self.base as usize + VCS * usize::from(n & self.mask) + vc
    }

    /// The place whose becoming free makes room for the next flit. In a channel with room, it has been left or was
    /// never used.
    #[inline(always)]
    pub(super) fn room(&self, vc: usize, ends: Ends) -> usize {
        self.place(vc, ends.tail.wrapping_sub(self.depth))
    }

    #[inline(always)]
    pub(super) fn is_full(&self, ends: Ends) -> bool {
        ends.len() == self.depth
    }
}

impl Ends {
    /// Flits, at most 2^15.
    #[inline(always)]
    pub(super) fn len(self) -> u16 {
        self.tail.wrapping_sub(self.head)
    }

    /// All bits if there are flits, else none; without a branch.
    #[inline(always)]
    pub(super) fn any(self) -> u16 {
        (self.head.wrapping_sub(self.tail) as i16 >> 15) as u16
    }

    #[inline(always)]
    pub(super) fn is_empty(self) -> bool {
        self.tail == self.head
    }
}
