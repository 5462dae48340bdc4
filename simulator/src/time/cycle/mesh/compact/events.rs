//! Which routers to look at, and when: a wheel of words for the near future, a heap for the far one.
//!
//! A word of 16 bits a router and cycle says which channels' heads are through the router.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::BLOCK;
use super::lanes::Lane;
use crate::time::cycle::mesh::occupied::Occupied;

/// Most slots of a wheel with at most 256 blocks of routers (2.2 MiB). With more, it has the [`FEWEST`] cycles all the
/// same.
const MOST_SLOTS: usize = 1 << 14;
/// Fewest cycles of a wheel: a word of `occupied`, and as far as [`Events::look`] sees.
const FEWEST: usize = 64;

/// What happens to a block of routers in a cycle.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// By router: channels whose heads are through.
    through: Lane,
    /// Routers to look at.
    set: u64,
}

/// The wheel.
#[derive(Debug)]
pub(super) struct Events {
    now: u64,
    /// Slots of time less 1; they are a power of two.
    mask: u64,
    /// Their logarithm.
    shift: u32,
    /// Blocks of routers.
    blocks: usize,
    /// By block and slot of time.
    slots: Vec<Slot>,
    /// Slots with routers.
    occupied: Occupied,
    far: BinaryHeap<Reverse<(u64, u32, u16)>>,
}

impl Events {
    /// For so many routers; `reach` cycles should fit into the wheel.
    pub(super) fn new(routers: usize, reach: u64) -> Self {
        let blocks = routers.div_ceil(BLOCK);
        let most = (MOST_SLOTS / blocks.max(1)).max(FEWEST) as u64;
        // Beyond what must fit, most of what sources announce does.
        let least = 1 << most.min(256).ilog2();
        let slots = (reach.min(most / 2) + 1).next_power_of_two().max(least);
        Self {
            now: 0,
            mask: slots - 1,
            shift: slots.trailing_zeros(),
            blocks,
            slots: vec![Slot { through: [0; BLOCK], set: 0 }; slots as usize * blocks],
            occupied: Occupied::new(slots),
            far: BinaryHeap::new(),
        }
    }

    /// Starts again at cycle 0; nothing may be entered.
    pub(super) fn reset(&mut self) {
        debug_assert!(self.far.is_empty() && self.occupied.is_empty());
        self.now = 0;
    }

    #[inline(always)]
    fn slot(&self, block: usize, time: u64) -> usize {
        block << self.shift | (time & self.mask) as usize
    }

    /// Looks at `router` in cycle `time`, when the heads of `channels` are through it.
    #[inline(always)]
    pub(super) fn enter(&mut self, router: usize, time: u64, channels: u16) {
        self.enter_if(true, router, time, channels);
    }

    /// The same if `really`, without a branch on that; `channels` are none otherwise.
    #[inline(always)]
    pub(super) fn enter_if(&mut self, really: bool, router: usize, time: u64, channels: u16) {
        if time - self.now > self.mask {
            if really {
                self.enter_far(router, time, channels);
            }
            return;
        }
        let slot = self.slot(router / BLOCK, time);
        let slot = &mut self.slots[slot];
        if slot.set == 0 {
            self.occupied.enter(really, time);
        }
        slot.set |= u64::from(really) << (router % BLOCK);
        slot.through[router % BLOCK] |= channels;
    }

    /// Looks at routers of a block in cycle `time`, at most 63 from now.
    #[inline(always)]
    pub(super) fn look(&mut self, block: usize, time: u64, routers: u64) {
        self.occupied.enter(true, time);
        let slot = self.slot(block, time);
        self.slots[slot].set |= routers;
    }

    #[cold]
    #[inline(never)]
    fn enter_far(&mut self, router: usize, time: u64, channels: u16) {
        self.far.push(Reverse((time, router as u32, channels)));
    }

    /// Advances to the next cycle with routers and calls it `now`.
    #[inline(always)]
    pub(super) fn advance(&mut self) -> Option<u64> {
        let near = self.occupied.next(self.now);
        self.now = match self.far.peek() {
            None => near?,
            Some(&Reverse((far, ..))) => {
                let time = near.map_or(far, |near| near.min(far));
                self.fetch(time);
                time
            }
        };
        self.occupied.clear(self.now);
        Some(self.now)
    }

    /// Moves what is far no longer into the slot of `time`.
    fn fetch(&mut self, time: u64) {
        self.now = time;
        while let Some(&Reverse((at, router, channels))) = self.far.peek() {
            if at > time {
                return;
            }
            self.far.pop();
            self.enter(router as usize, time, channels);
        }
    }

    /// Blocks of routers.
    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }

    /// Takes the routers of a block to look at now.
    #[inline(always)]
    pub(super) fn take(&mut self, block: usize) -> u64 {
        let slot = self.slot(block, self.now);
        std::mem::take(&mut self.slots[slot].set)
    }

    /// Takes the channels of a router whose heads are through now.
    #[inline(always)]
    pub(super) fn take_channels(&mut self, router: usize) -> u16 {
        let slot = self.slot(router / BLOCK, self.now);
        std::mem::take(&mut self.slots[slot].through[router % BLOCK])
    }

    /// Takes those of a block's routers, into `through`.
    #[inline(always)]
    pub(super) fn take_all_channels(&mut self, block: usize, through: &mut Lane) {
        let slot = self.slot(block, self.now);
        let channels = std::mem::replace(&mut self.slots[slot].through, [0; BLOCK]);
        for (through, channels) in through.iter_mut().zip(channels) {
            *through |= channels;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_near_and_far_come_in_order_with_their_channels() {
        let mut events = Events::new(130, 100);
        let times: Vec<u64> = (0..130).map(|r: u64| r * r * 37 % 20_011).collect();
        for (router, &time) in times.iter().enumerate() {
            events.enter(router, time + 1, 4);
            events.enter(router, time, 1);
            events.enter(router, time, 2);
        }
        let mut seen = Vec::new();
        while let Some(now) = events.advance() {
            for word in 0..events.blocks() {
                let mut set = events.take(word);
                while set != 0 {
                    let router = word * 64 + set.trailing_zeros() as usize;
                    set &= set - 1;
                    seen.push((now, router, events.take_channels(router)));
                }
            }
        }
        let mut wanted: Vec<_> = times.iter().enumerate().map(|(r, &time)| (time, r, 3)).collect();
        wanted.extend(times.iter().enumerate().map(|(r, &time)| (time + 1, r, 4)));
        wanted.sort_unstable();
        assert_eq!(seen, wanted);
    }
}
