//! What the routers of a block decide by, side by side: a lane of 16 bits a router, a bit a channel.

use super::grants::Picks;
use super::{BLOCK, PORTS};
use crate::bits::packed;

/// A word for each router of a block.
pub(super) type Lane = [u16; BLOCK];

/// The routers of a block.
#[derive(Debug, Clone)]
#[repr(C, align(64))]
pub(super) struct Lanes {
    /// By output: channels whose heads want it, through the router or not.
    pub wants: [Lane; PORTS],
    /// By output: the channels after the one granted last.
    pub after: [Lane; PORTS],
    /// By output: all bits if it may be granted, else none; as of the last time that [`Lanes::reopen`] was called, and
    /// true as long as `shut` is 0.
    open: [Lane; PORTS],
    /// Channels whose heads are through.
    pub through: Lane,
    /// The output port whose turn is first.
    pub turn: Lane,
    /// By output: when it may be granted again, as it is free and a place behind it is. [`NEVER`](super::NEVER): no
    /// place is known to become free. Where every output is free again in the next cycle, a time that has passed says
    /// only that.
    pub allowed: [[u64; BLOCK]; PORTS],
    /// Routers that may have an output that may not be granted.
    pub shut: u64,
}

impl Lanes {
    /// Nothing has happened.
    pub(super) fn new() -> Self {
        Self {
            wants: [[0; BLOCK]; PORTS],
            // The first turn is that of channel 0.
            after: [[0; BLOCK]; PORTS],
            open: [[!0; BLOCK]; PORTS],
            through: [0; BLOCK],
            turn: [0; BLOCK],
            allowed: [[0; BLOCK]; PORTS],
            shut: 0,
        }
    }

    /// Looks up which outputs may be granted in cycle `now`.
    #[inline(always)]
    pub(super) fn reopen(&mut self, now: u64) {
        let mut shut = [0; BLOCK];
        for (open, allowed) in self.open.iter_mut().zip(&self.allowed) {
            for i in 0..BLOCK {
                open[i] = if allowed[i] <= now { !0 } else { 0 };
                shut[i] |= !open[i];
            }
        }
        self.shut = nonzero(&shut);
    }

    /// Grants outputs of all routers of the block, of at most `P` ports each; returns those with requests left that
    /// may be granted in the next cycle, if no output takes longer than one.
    ///
    /// The turn of a router's outputs begins at one of its own. So all are visited twice, the first time by the routers
    /// whose turn has come, the second time by the others.
    #[inline(always)]
    pub(super) fn choose<const P: usize>(&mut self, ports: u16, picked: &mut Picks) -> u64 {
        let (mut left, mut read) = ([0; BLOCK], [0; BLOCK]);
        for i in 0..BLOCK {
            let requests: [u16; P] = std::array::from_fn(|port| self.wants[port][i] & self.open[port][i]);
            let mut picks = [0; P];
            let (mut available, mut turn) = (self.through[i], self.turn[i]);
            for step in 0..2 * P {
                let port = step % P;
                let first = self.turn[i] <= port as u16;
                let due = if first == (step < P) { !0 } else { 0 };
                let pick = after(requests[port] & available & due, self.after[port][i]);
                available &= !pair(pick);
                picks[port] |= pick;
            }
            let mut granted = 0;
            for (port, pick) in picks.into_iter().enumerate() {
                granted |= pick;
                turn += u16::from(pick != 0);
                self.after[port][i] =
                    if pick == 0 { self.after[port][i] } else { !(pick | pick.wrapping_sub(1)) };
                self.wants[port][i] &= !pick;
                picked.channels[port][i] = pick;
            }
            let through = self.through[i] & !granted;
            let mut again = 0;
            for port in 0..P {
                again |= requests[port] & !picks[port] & through;
            }
            self.through[i] = through;
            self.turn[i] = if turn >= ports { turn - ports } else { turn };
            (left[i], read[i]) = (again, granted);
        }
        for port in 0..P {
            picked.granted[port] = nonzero(&picked.channels[port]);
        }
        for local in 4..P {
            picked.read[local - 4] = nonzero(&read.map(|read| read & 0b11 << (2 * local)));
        }
        nonzero(&left)
    }
}

/// The lowest of `requests` that is among `later`, or else the lowest; none of none.
#[inline(always)]
fn after(requests: u16, later: u16) -> u16 {
    let from = if requests & later != 0 { requests & later } else { requests };
    from & from.wrapping_neg()
}

/// The two channels of the port of one channel; none of none.
#[inline(always)]
fn pair(channel: u16) -> u16 {
    channel | (channel & 0x5555) << 1 | channel >> 1 & 0x5555
}

/// Which lanes are not 0, a bit each.
#[inline(always)]
fn nonzero(lanes: &Lane) -> u64 {
    packed(&lanes.map(|lane| u8::from(lane != 0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::philox::philox4x32_10;

    #[test]
    fn lanes_that_are_not_0_are_bits() {
        for seed in 0..64u64 {
            let wanted = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let lanes = std::array::from_fn(|i| (wanted >> i & 1) as u16 * (1 << (i % 16)));
            assert_eq!(nonzero(&lanes), wanted);
        }
    }

    /// The rule as [`plain`](crate::time::cycle::mesh) has it: ports in turn, of each the next free input.
    #[test]
    fn all_routers_choose_as_each_would() {
        let mut draws = 0;
        let mut draw = || {
            draws += 1;
            let [word, spare, ..] = philox4x32_10([draws, 0, 0, 0], [2, 9]);
            (word & spare & word >> 16) as u16
        };
        for ports in [5, 5, 6, 8] {
            let (mut lanes, mut picks) = (Lanes::new(), Picks::new());
            for i in 0..BLOCK {
                for port in 0..ports {
                    // A head wants one output.
                    let others = (0..port).fold(0, |others, port| others | lanes.wants[port][i]);
                    lanes.wants[port][i] = draw() & !others & ((1u32 << (2 * ports)) - 1) as u16;
                    lanes.after[port][i] = (!1u32 << (draw() % 16)) as u16;
                    lanes.allowed[port][i] = u64::from(draw() % 3);
                }
                (lanes.through[i], lanes.turn[i]) = (!draw(), draw() % ports as u16);
            }
            lanes.reopen(1);
            let before = lanes.clone();
            let again = match ports {
                5 => lanes.choose::<5>(5, &mut picks),
                _ => lanes.choose::<PORTS>(ports as u16, &mut picks),
            };
            for i in 0..BLOCK {
                let (mut through, mut used, mut grants, mut left) = (before.through[i], 0u16, 0, false);
                for port in (0..ports).map(|step| (usize::from(before.turn[i]) + step) % ports) {
                    let ready = |channel: &usize| {
                        before.wants[port][i] & before.through[i] & !used & 1 << channel != 0
                    };
                    let next = before.after[port][i].trailing_zeros() as usize;
                    let open = before.allowed[port][i] <= 1;
                    let channel = (next..next + 16).map(|channel| channel % 16).find(ready).filter(|_| open);
                    let bit = channel.map_or(0, |channel| 1 << channel);
                    assert_eq!(picks.channels[port][i], bit);
                    assert_eq!(picks.granted[port] >> i & 1 != 0, bit != 0);
                    assert_eq!(lanes.wants[port][i], before.wants[port][i] & !bit);
                    let after = channel.map_or(before.after[port][i], |channel| (!1u32 << channel) as u16);
                    assert_eq!(lanes.after[port][i], after);
                    used |= channel.map_or(0, |channel| 0b11 << (channel & !1));
                    (through, grants) = (through & !bit, grants + u16::from(bit != 0));
                }
                for port in 0..ports {
                    left |= before.allowed[port][i] <= 1 && lanes.wants[port][i] & through != 0;
                }
                assert_eq!((lanes.through[i], again >> i & 1 != 0), (through, left));
                assert_eq!(lanes.turn[i], (before.turn[i] + grants) % ports as u16);
                for local in 4..ports {
                    let read = (before.through[i] & !through) >> (2 * local) & 0b11 != 0;
                    assert_eq!(picks.read[local - 4] >> i & 1 != 0, read);
                }
            }
        }
    }
}
