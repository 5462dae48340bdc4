//! A router's state, in one piece.

use super::{CHANNELS, PORTS};

/// A router.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Node {
    /// By output: virtual channel given last.
    pub last_channel: [u8; PORTS],
    /// Where it is.
    pub x: u16,
    pub y: u16,
    /// By port: what is beyond it.
    pub lines: [Line; PORTS],
    /// By output and virtual channel behind it: when the next place is free.
    pub open: [[u64; 2]; PORTS],
    /// By input: when it may be read again, unless that is in every cycle.
    pub readable: [u64; PORTS],
    /// By output: as long as no place is known to become free, when it is free itself; else the time for which the
    /// router has been entered because of it, so that it is not entered for that again.
    pub due: [u64; PORTS],
    pub channels: [Channel; CHANNELS],
}

/// What is beyond a port.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Line {
    /// The router beyond a link; its port is the opposite one.
    pub router: u32,
    /// Cycles from grant to arrival.
    pub latency: u32,
    /// Cycles from grant to a place where it may be granted its next output.
    pub delay: u32,
    /// Cycles from grant to grant.
    pub interval: u32,
    /// The longer of the two.
    pub lasts: u32,
    /// The router on this side knows of a place behind the link within an interval of it.
    pub eager: bool,
}

/// An input channel. Flits and places are counted from the start of a run; the n-th stands in place `n & mask` of the
/// ring.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Channel {
    /// First place in [`State::places`](super::State::places).
    pub base: u32,
    /// Places of the ring less 1.
    pub mask: u16,
    /// Places of the buffer.
    pub depth: u16,
    /// Flits that have left.
    pub head: u16,
    /// Flits that have come.
    pub tail: u16,
    /// Cycles until the sender knows of a place that has become free.
    pub credit: u32,
}

impl Node {
    /// Nothing has happened at `(x, y)`, and nothing is connected.
    pub(super) fn new((x, y): (u32, u32)) -> Self {
        Self {
            // The first turn is that of virtual channel 0.
            last_channel: [1; PORTS],
            x: x as u16,
            y: y as u16,
            lines: [Line::default(); PORTS],
            open: [[0; 2]; PORTS],
            readable: [0; PORTS],
            due: [0; PORTS],
            channels: [Channel::default(); CHANNELS],
        }
    }

    /// Nothing has happened, as far as anything can be left by a run that has drained.
    pub(super) fn reset(&mut self) {
        let Self { lines, mut channels, x, y, .. } = *self;
        channels.iter_mut().for_each(|channel| (channel.head, channel.tail) = (0, 0));
        *self = Self { lines, channels, ..Self::new((x.into(), y.into())) };
    }
}

impl Channel {
    /// The place of the head.
    #[inline(always)]
    pub(super) fn head(&self) -> usize {
        self.base as usize + usize::from(self.head & self.mask)
    }

    /// The place that the next flit will take.
    #[inline(always)]
    pub(super) fn tail(&self) -> usize {
        self.base as usize + usize::from(self.tail & self.mask)
    }

    /// The place whose becoming free makes room for the next flit. In a buffer with room, it has been left or was
    /// never used.
    #[inline(always)]
    pub(super) fn room(&self) -> usize {
        self.base as usize + usize::from(self.tail.wrapping_sub(self.depth) & self.mask)
    }

    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.tail.wrapping_sub(self.head) == self.depth
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.tail == self.head
    }
}
