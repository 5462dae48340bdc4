//! Which outputs to look at, and when: a wheel of bit sets for the near future, a heap for the far one.
//!
//! An output may be entered for several times; looking at it too often changes nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::cycle::mesh::occupied::Occupied;

/// Most words of a wheel (8 MiB).
const MOST_WORDS: usize = 1 << 20;

/// The wheel.
#[derive(Debug)]
pub(super) struct Wheel {
    now: u64,
    /// Slots, a power of two and at least 64.
    slots: u64,
    /// Words of a slot's set of outputs.
    words: usize,
    outputs: Vec<u64>,
    occupied: Occupied,
    far: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Wheel {
    /// An empty wheel for `outputs` outputs; `reach` cycles should fit into the wheel.
    pub(super) fn new(outputs: usize, reach: u64) -> Self {
        let words = outputs.div_ceil(64).max(1);
        let most = (MOST_WORDS / words).max(64) as u64;
        let slots = (reach.min(most / 2) + 1).next_power_of_two().clamp(64, 1 << 20);
        Self {
            now: 0,
            slots,
            words,
            outputs: vec![0; slots as usize * words],
            occupied: Occupied::new(slots),
            far: BinaryHeap::new(),
        }
    }

    /// Starts again at cycle 0; nothing may be entered.
    pub(super) fn reset(&mut self) {
        debug_assert!(self.far.is_empty() && self.occupied.is_empty());
        self.now = 0;
    }

    /// Looks at `output` in cycle `time`.
    #[inline(always)]
    pub(super) fn enter(&mut self, output: usize, time: u64) {
        if time - self.now < self.slots {
            self.mark(output, time);
        } else {
            self.far.push(Reverse((time, output as u32)));
        }
    }

    #[inline(always)]
    fn mark(&mut self, output: usize, time: u64) {
        let slot = (time & (self.slots - 1)) as usize;
        self.occupied.enter(time);
        self.outputs[slot * self.words + output / 64] |= 1 << (output % 64);
    }

    /// Advances to the next cycle with outputs, takes its slot and calls it `now`.
    pub(super) fn advance(&mut self) -> Option<u64> {
        let near = self.occupied.next(self.now);
        let far = self.far.peek().map(|entry| entry.0.0);
        let time = match (near, far) {
            (None, None) => return None,
            (Some(a), Some(b)) => a.min(b),
            (Some(a), None) | (None, Some(a)) => a,
        };
        self.now = time;
        while self.far.peek().is_some_and(|entry| entry.0.0 == time) {
            if let Some(Reverse((_, output))) = self.far.pop() {
                self.mark(output as usize, time);
            }
        }
        self.occupied.clear(time);
        Some(time)
    }

    /// Words of a slot.
    pub(super) fn words(&self) -> usize {
        self.words
    }

    /// Takes a word of the current slot: outputs `64 * word + bit`.
    #[inline(always)]
    pub(super) fn take(&mut self, word: usize) -> u64 {
        let slot = (self.now & (self.slots - 1)) as usize;
        std::mem::take(&mut self.outputs[slot * self.words + word])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_near_and_far_come_in_order() {
        let mut wheel = Wheel::new(130, 100);
        let mut times: Vec<u64> = (0..130).map(|r: u64| r * r * 37 % 20_011).collect();
        for (output, &time) in times.iter().enumerate() {
            wheel.enter(output, time + 5);
            wheel.enter(output, time);
            wheel.enter(output, time + 1);
        }
        let mut seen = Vec::new();
        while let Some(now) = wheel.advance() {
            for word in 0..wheel.words() {
                let mut set = wheel.take(word);
                while set != 0 {
                    let output = word * 64 + set.trailing_zeros() as usize;
                    set &= set - 1;
                    assert!([0, 1, 5].map(|late| times[output] + late).contains(&now));
                    if times[output] == now {
                        seen.push(now);
                    }
                }
            }
        }
        times.sort_unstable();
        assert_eq!(seen, times);
    }
}
