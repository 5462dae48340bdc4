//! Which outputs to look at, and when: a calendar whose pages are a few cycles long, in order of time and output.
//!
//! Where links are slow compared with the clock, hardly two outputs are due in the same cycle, and most cycles none is. So a
//! page is a list, its entries lie in one small table, and only a page with several of them is sorted, when it is
//! opened. What is due later than the last page is entered there, and again when that is opened.

/// Pages: a word has a bit for each word of them.
const PAGES: usize = 64 * 64;
/// No entry.
const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
struct Entry {
    time: u64,
    output: u32,
    /// The next one of its page, or of those unused.
    next: u32,
}

/// The calendar.
#[derive(Debug)]
pub(super) struct Calendar {
    /// Cycles of a page: 2 to this.
    shift: u32,
    /// The open page, counted from cycle 0.
    page: u64,
    /// First entry of each page, of [`PAGES`] from the open one on.
    first: Box<[u32; PAGES]>,
    /// A bit for each page with entries.
    occupied: [u64; PAGES / 64],
    /// A bit for each word of `occupied` that is not 0.
    words: u64,
    entries: Vec<Entry>,
    unused: u32,
    /// What is left of the open page if it had several entries: time and output, the next one last.
    open: Vec<(u64, u32)>,
}

impl Calendar {
    /// With pages of at most so many cycles.
    pub(super) fn new(cycles: u64) -> Self {
        Self {
            shift: cycles.max(1).ilog2(),
            page: 0,
            first: Box::new([NONE; PAGES]),
            occupied: [0; PAGES / 64],
            words: 0,
            entries: Vec::new(),
            unused: NONE,
            open: Vec::new(),
        }
    }

    /// Starts again at cycle 0; nothing may be entered.
    pub(super) fn reset(&mut self) {
        debug_assert!(self.open.is_empty() && self.words == 0);
        self.page = 0;
    }

    /// Enters an output for cycle `time`, which is not past.
    #[inline(always)]
    pub(super) fn enter(&mut self, output: usize, time: u64) {
        let page = time >> self.shift;
        if page == self.page && !self.open.is_empty() {
            return self.insert((time, output as u32));
        }
        let ahead = (page - self.page).min(PAGES as u64 - 1);
        let slot = (self.page + ahead) as usize % PAGES;
        let entry = Entry { time, output: output as u32, next: self.first[slot] };
        let index = self.unused;
        if let Some(unused) = self.entries.get_mut(index as usize) {
            self.unused = unused.next;
            *unused = entry;
            self.first[slot] = index;
        } else {
            self.first[slot] = self.entries.len() as u32;
            self.entries.push(entry);
        }
        self.occupied[slot / 64] |= 1 << (slot % 64);
        self.words |= 1 << (slot / 64);
    }

    /// Enters into what is left of the open page.
    #[inline(never)]
    fn insert(&mut self, entry: (u64, u32)) {
        let place = self.open.iter().rposition(|&later| later > entry).map_or(0, |last| last + 1);
        self.open.insert(place, entry);
    }

    /// Takes the earliest entry, of equals that of the first output.
    #[inline(always)]
    pub(super) fn advance(&mut self) -> Option<(u64, u32)> {
        loop {
            if let Some(next) = self.open.pop() {
                return Some(next);
            }
            let slot = self.next_occupied()?;
            self.page += (slot as u64).wrapping_sub(self.page) % PAGES as u64;
            self.occupied[slot / 64] &= !(1 << (slot % 64));
            if self.occupied[slot / 64] == 0 {
                self.words &= !(1 << (slot / 64));
            }
            let first = std::mem::replace(&mut self.first[slot], NONE);
            let Entry { time, output, next } = self.entries[first as usize];
            if next == NONE && time >> self.shift == self.page {
                self.entries[first as usize].next = self.unused;
                self.unused = first;
                return Some((time, output));
            }
            self.open_page(first);
        }
    }

    /// Sorts a page's entries; those of later pages are entered there.
    #[inline(never)]
    fn open_page(&mut self, mut entry: u32) {
        while let Some(taken) = self.entries.get_mut(entry as usize) {
            let Entry { time, output, next } = *taken;
            taken.next = std::mem::replace(&mut self.unused, entry);
            entry = next;
            if time >> self.shift == self.page {
                self.open.push((time, output));
            } else {
                self.enter(output as usize, time);
            }
        }
        self.open.sort_unstable_by(|a, b| b.cmp(a));
    }

    /// The first page with entries, from the open one on.
    #[inline(always)]
    fn next_occupied(&self) -> Option<usize> {
        let open = self.page as usize % PAGES;
        let here = self.occupied[open / 64] & (!0 << (open % 64));
        if here != 0 {
            return Some(open / 64 * 64 + here.trailing_zeros() as usize);
        }
        // The words behind it, then those before it, and its own earlier pages last.
        let turn = open as u32 / 64 + 1;
        let turned = self.words.rotate_right(turn);
        if turned == 0 {
            return None;
        }
        let word = ((turned.trailing_zeros() + turn) % 64) as usize;
        Some(word * 64 + self.occupied[word].trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::philox4x32_10;

    /// Against a sorted list, with pages of all lengths, near and far times, and entries made while a page is open.
    #[test]
    fn entries_come_in_order_of_time_and_output() {
        for seed in 0..40 {
            let mut n = 0;
            let mut draw = |most: u64| {
                n += 1;
                u64::from(philox4x32_10([n, 0, 0, 0], [seed, 21])[0]) % (most + 1)
            };
            let mut calendar = Calendar::new([1, 2, 29, 64][seed as usize % 4]);
            // A calendar may be used again.
            for _ in 0..2 {
                let mut wanted = std::collections::BTreeSet::new();
                calendar.reset();
                let (mut now, mut left) = (0, 3_000);
                loop {
                    for _ in 0..draw(4).min(left) {
                        left -= 1;
                        let reach = [0, 3, 50, 5_000, 2_000_000][draw(4) as usize];
                        let (time, output) = (now + 1 + draw(reach), draw(300) as u32);
                        if wanted.insert((time, output)) {
                            calendar.enter(output as usize, time);
                        }
                    }
                    let next = calendar.advance();
                    assert_eq!(next, wanted.pop_first(), "seed {seed}");
                    match next {
                        Some((time, _)) => now = time,
                        None if left == 0 => break,
                        None => {}
                    }
                }
            }
        }
    }
}
