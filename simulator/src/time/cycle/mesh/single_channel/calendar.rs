//! Which outputs to look at, and when: a calendar whose pages are a few cycles long, in order of time and output.
//!
//! Where links are slow compared with the clock, hardly two outputs are due in the same cycle, and most cycles none is.
//! So a page is a list of outputs, each of which is entered once, for its earliest time; only a page with several of
//! them is sorted, when it is opened. What is due after the last page is entered there, and again when that is opened.

use super::NEVER;

/// Pages: a word has a bit for each word of them.
///
/// All that is due on the last page or later shares it. To strike an output out takes time linear in the outputs
/// entered on its page after it: few on any other page, but on the last one perhaps all of the mesh.
const PAGES: usize = 64 * 64;
/// No output.
const NONE: u32 = u32::MAX;

/// An output in the calendar.
#[derive(Debug, Clone, Copy)]
struct CalendarEntry {
    /// When it is due; [`NEVER`] if it is not entered.
    due: u64,
    /// The next output of its page.
    next: u32,
    /// Its page's place; [`PAGES`] in what is left of the open page.
    slot: u32,
}

/// The calendar.
#[derive(Debug)]
pub(super) struct Calendar {
    /// Cycles of a page: 2 to this.
    shift: u32,
    /// The open page, counted from cycle 0.
    page: u64,
    /// First output of each page, of [`PAGES`] from the open one on.
    first: Box<[u32; PAGES]>,
    /// A bit for each page with entries.
    occupied: [u64; PAGES / 64],
    /// A bit for each word of `occupied` that is not 0.
    words: u64,
    /// By output.
    entries: Vec<CalendarEntry>,
    /// What is left of the open page if it had several entries, as [`Calendar::key`] puts them, the next one last.
    open: Vec<u64>,
}

impl Calendar {
    /// An empty calendar for `outputs` outputs, with pages of at most `cycles` cycles.
    pub(super) fn new(outputs: usize, cycles: u64) -> Self {
        Self {
            shift: cycles.max(1).ilog2(),
            page: 0,
            first: Box::new([NONE; PAGES]),
            occupied: [0; PAGES / 64],
            words: 0,
            entries: vec![CalendarEntry { due: NEVER, next: NONE, slot: 0 }; outputs],
            open: Vec::new(),
        }
    }

    /// Starts again at cycle 0; nothing may be entered.
    pub(super) fn reset(&mut self) {
        debug_assert!(self.open.is_empty() && self.words == 0);
        self.page = 0;
    }

    /// Enters an output for cycle `time`, which is not past, unless it is due as early.
    #[inline(always)]
    pub(super) fn enter(&mut self, output: usize, time: u64) {
        let entry = &mut self.entries[output];
        if time >= entry.due {
            return;
        }
        if entry.due != NEVER {
            self.strike(output);
        }
        self.link(output, time);
    }

    #[inline(always)]
    fn link(&mut self, output: usize, time: u64) {
        let page = time >> self.shift;
        if !self.open.is_empty() && page == self.page {
            return self.insert(output, time);
        }
        let ahead = (page - self.page).min(PAGES as u64 - 1);
        let slot = (self.page + ahead) as usize % PAGES;
        self.entries[output] = CalendarEntry { due: time, next: self.first[slot], slot: slot as u32 };
        self.first[slot] = output as u32;
        self.occupied[slot / 64] |= 1 << (slot % 64);
        self.words |= 1 << (slot / 64);
    }

    /// An output of the open page, by time and number.
    #[inline(always)]
    fn key(&self, output: usize, time: u64) -> u64 {
        (time - (self.page << self.shift)) << 32 | output as u64
    }

    /// Enters into what is left of the open page.
    #[inline(never)]
    fn insert(&mut self, output: usize, time: u64) {
        self.entries[output] = CalendarEntry { due: time, next: NONE, slot: PAGES as u32 };
        let key = self.key(output, time);
        let place = self.open.iter().rposition(|&later| later > key).map_or(0, |last| last + 1);
        self.open.insert(place, key);
    }

    /// Takes out an output that becomes due earlier, in time linear in its page ([`PAGES`]). Its page may stay behind
    /// empty.
    #[inline(never)]
    fn strike(&mut self, output: usize) {
        let CalendarEntry { next, slot, .. } = self.entries[output];
        let output = output as u32;
        let Some(first) = self.first.get_mut(slot as usize) else {
            self.open.retain(|&key| key as u32 != output);
            return;
        };
        if *first == output {
            *first = next;
            return;
        }
        let mut before = *first as usize;
        while self.entries[before].next != output {
            before = self.entries[before].next as usize;
        }
        self.entries[before].next = next;
    }

    /// Takes the earliest entry, of equals that of the first output; none if there are no more, after which nothing is
    /// entered before the next [`Calendar::reset`].
    #[inline(always)]
    pub(super) fn advance(&mut self) -> Option<(u64, usize)> {
        loop {
            if let Some(key) = self.open.pop() {
                let output = key as u32 as usize;
                self.entries[output].due = NEVER;
                return Some(((self.page << self.shift) + (key >> 32), output));
            }
            let slot = self.next_occupied()?;
            self.page += (slot as u64).wrapping_sub(self.page) % PAGES as u64;
            let left = self.occupied[slot / 64] & !(1 << (slot % 64));
            self.occupied[slot / 64] = left;
            self.words &= !(u64::from(left == 0) << (slot / 64));
            let first = std::mem::replace(&mut self.first[slot], NONE);
            // A page that is empty after all has no first output.
            let Some(entry) = self.entries.get_mut(first as usize) else { continue };
            let time = entry.due;
            if entry.next == NONE && time >> self.shift == self.page {
                entry.due = NEVER;
                return Some((time, first as usize));
            }
            self.open_page(first);
        }
    }

    /// Sorts a page's outputs; those of later pages are entered there.
    #[inline(never)]
    fn open_page(&mut self, mut output: u32) {
        while let Some(entry) = self.entries.get_mut(output as usize) {
            let CalendarEntry { due, next, .. } = *entry;
            if due >> self.shift == self.page {
                entry.slot = PAGES as u32;
                self.open.push(self.key(output as usize, due));
            } else {
                self.link(output as usize, due);
            }
            output = next;
        }
        if let [one, other] = self.open[..] {
            (self.open[0], self.open[1]) = (one.max(other), one.min(other));
        } else {
            self.open.sort_unstable_by(|a, b| b.cmp(a));
        }
    }

    /// The first page with entries, from the open one on.
    #[inline(always)]
    fn next_occupied(&self) -> Option<usize> {
        if self.words == 0 {
            return None;
        }
        let open = self.page as usize % PAGES;
        let here = self.occupied[open / 64] & (!0 << (open % 64));
        // Or in the words behind it, then in those before it, and in its own earlier pages last.
        let turn = open as u32 / 64 + 1;
        let beyond = ((self.words.rotate_right(turn).trailing_zeros() + turn) % 64) as usize;
        let word = if here != 0 { open / 64 } else { beyond };
        let pages = if here != 0 { here } else { self.occupied[beyond] };
        Some((word * 64 + pages.trailing_zeros() as usize) % PAGES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::philox::philox4x32_10;
    use std::collections::BTreeMap;

    /// Against a map, with pages of all lengths, near and far times, and entries made while a page is open.
    #[test]
    fn outputs_come_in_order_of_time_each_at_its_earliest() {
        for seed in 0..40 {
            let mut n = 0;
            let mut draw = |most: u64| {
                n += 1;
                u64::from(philox4x32_10([n, 0, 0, 0], [seed, 21])[0]) % (most + 1)
            };
            let mut calendar = Calendar::new(300, [1, 2, 29, 64][seed as usize % 4]);
            // A calendar may be used again.
            for _ in 0..2 {
                let mut wanted: BTreeMap<usize, u64> = BTreeMap::new();
                calendar.reset();
                let (mut now, mut left) = (0, 3_000);
                loop {
                    for _ in 0..draw(4).max(wanted.is_empty().into()).min(left) {
                        left -= 1;
                        let reach = [0, 3, 50, 5_000, 2_000_000][draw(4) as usize];
                        let (time, output) = (now + 1 + draw(reach), draw(299) as usize);
                        let due = wanted.entry(output).or_insert(time);
                        *due = time.min(*due);
                        calendar.enter(output, time);
                    }
                    let earliest = wanted.iter().map(|(&output, &time)| (time, output)).min();
                    assert_eq!(calendar.advance(), earliest, "seed {seed}");
                    let Some((time, output)) = earliest else { break };
                    now = time;
                    wanted.remove(&output);
                }
                assert_eq!(left, 0);
            }
        }
    }
}
