//! Which slots of a wheel of cycles hold something: empty cycles are skipped by scanning a bit set.

/// One bit for each slot. Slots are a power of two, at least 64.
#[derive(Debug)]
pub(super) struct Occupied(Vec<u64>);

impl Occupied {
    /// `slots` slots, all empty.
    pub(super) fn new(slots: u64) -> Self {
        debug_assert!(slots.is_power_of_two() && slots >= 64);
        Self(vec![0; (slots / 64) as usize])
    }

    #[inline(always)]
    fn slots(&self) -> u64 {
        self.0.len() as u64 * 64
    }

    /// Whether no slot is occupied.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|&word| word == 0)
    }

    /// Marks the slot of a cycle as occupied.
    #[inline(always)]
    pub(super) fn enter(&mut self, cycle: u64) {
        let slot = (cycle & (self.slots() - 1)) as usize;
        self.0[slot / 64] |= 1 << (slot % 64);
    }

    /// Marks the slot of a cycle as empty.
    #[inline(always)]
    pub(super) fn clear(&mut self, cycle: u64) {
        let slot = (cycle & (self.slots() - 1)) as usize;
        self.0[slot / 64] &= !(1 << (slot % 64));
    }

    /// The first cycle from `now` on whose slot is occupied.
    #[inline(always)]
    pub(super) fn next(&self, now: u64) -> Option<u64> {
        let start = (now & (self.slots() - 1)) as usize;
        let n = self.0.len();
        let first = self.0[start / 64] & (!0 << (start % 64));
        if first != 0 {
            let slot = (start / 64 * 64) as u64 + u64::from(first.trailing_zeros());
            return Some(now + (slot - start as u64));
        }
        for i in 1..=n {
            let word = (start / 64 + i) & (n - 1);
            if self.0[word] != 0 {
                let slot = word as u64 * 64 + u64::from(self.0[word].trailing_zeros());
                return Some(now + (slot.wrapping_sub(start as u64) & (self.slots() - 1)));
            }
        }
        None
    }
}
