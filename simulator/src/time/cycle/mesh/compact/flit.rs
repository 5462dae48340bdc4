//! A flit on its way, and the place that it stands in.

use std::hint::select_unpredictable;

use snnc_targets::topology::routing::MeshXy;
use snnc_targets::topology::{Axis, Direction, Routing};

use super::PORTS;
use crate::time::cycle::mesh::traffic::Injection;

/// A place of an input buffer, and the flit in it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flit {
    /// Cycle in which it may leave at the earliest. Of an empty place: from which the sender may use it again.
    pub time: u64,
    /// From the lowest bit: the output that it takes next, that at the end of its row and that at the end of its column
    /// (3 bits each), index of its packet (23), links still to cross along its row (16) and along its column (16). So
    /// neither its packet nor where it is need be looked up on the way.
    word: u64,
}

impl Flit {
    /// Of a packet that enters at `(x, y)` and goes along X first, then Y, then to a local port.
    #[inline(always)]
    pub(super) fn new(packet: u32, (x, y): (u16, u16), to: &Injection, time: u64) -> Self {
        let end = 4 + u32::from(to.local) % 4;
        let [along_x, along_y] = [(x, to.x), (y, to.y)].map(|(at, to)| MeshXy.steps(0, at.into(), to.into()));
        let ahead = |axis: Axis, steps: i32, then: u32| {
            if steps == 0 { then } else { Direction::along(axis, steps > 0).port() as u32 }
        };
        let turn = ahead(Axis::Y, along_y, end);
        let port = ahead(Axis::X, along_x, turn);
        let links = u64::from(along_y.unsigned_abs()) << 16 | u64::from(along_x.unsigned_abs());
        Self { time, word: links << 32 | u64::from(packet << 9 | end << 6 | turn << 3 | port) }
    }

    /// Over a link out of `port`, ready in cycle `time` to go on.
    #[inline(always)]
    pub(super) fn over(self, port: usize, time: u64) -> Self {
        // 0 along a row, 1 along a column. Neither this nor whether it is the last link can be predicted.
        let axis = port >> 1;
        let word = self.word.wrapping_sub(1 << (32 + 16 * axis));
        let there = (word >> (32 + 16 * axis)) as u16 == 0;
        let next = select_unpredictable(there, word >> (3 + 3 * axis) & 7, port as u64);
        Self { time, word: word & !7 | next }
    }

    /// The output that it takes next.
    #[inline(always)]
    pub(super) fn port(self) -> usize {
        self.word as usize % PORTS
    }

    #[inline(always)]
    pub(super) fn packet(self) -> usize {
        (self.word as u32 >> 9) as usize
    }
}
