//! The buffer of an input channel: a ring among the places of all buffers.
//!
//! Flits and places are counted from the start of a run, and the n-th stands in place `n & mask` of the ring, which has
//! a power of two of them: the buffer's depth at least, so that a place is not used again before it has been left for
//! as many flits as the buffer holds.

/// Where a channel's flits stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ring {
    /// Its first place.
    base: u32,
    /// Its places less 1.
    mask: u32,
    /// Flits that the buffer holds.
    depth: u32,
    /// Flits that have left.
    head: u32,
    /// Flits that have come.
    tail: u32,
}

impl Ring {
    /// An empty ring for `depth` flits, from place `base` on. A ring of depth 0 has no places.
    pub(super) fn new(base: usize, depth: u32) -> Self {
        let mask = depth.max(1).next_power_of_two() - 1;
        Self { base: base as u32, mask, depth, head: 0, tail: 0 }
    }

    /// Its places.
    pub(super) fn places(&self) -> std::ops::Range<usize> {
        let first = self.base as usize;
        first..first + if self.depth > 0 { self.mask as usize + 1 } else { 0 }
    }

    /// Counts from 0 again; a ring that is empty.
    pub(super) fn reset(&mut self) {
        debug_assert!(self.is_empty(), "a drained mesh is empty");
        (self.head, self.tail) = (0, 0);
    }

    #[inline(always)]
    fn place(&self, n: u32) -> usize {
        (self.base + (n & self.mask)) as usize
    }

    /// Where the head stands.
    #[inline(always)]
    pub(super) fn head(&self) -> usize {
        self.place(self.head)
    }

    /// The place that the next flit will take.
    #[inline(always)]
    pub(super) fn tail(&self) -> usize {
        self.place(self.tail)
    }

    /// The place whose becoming free makes room for the next flit: left by another, or never used.
    #[inline(always)]
    pub(super) fn room(&self) -> usize {
        self.place(self.tail.wrapping_sub(self.depth))
    }

    #[inline(always)]
    pub(super) fn is_full(&self) -> bool {
        self.tail.wrapping_sub(self.head) == self.depth
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.tail == self.head
    }

    /// A flit has come.
    #[inline(always)]
    pub(super) fn push(&mut self) {
        self.tail = self.tail.wrapping_add(1);
    }

    /// The head has left.
    #[inline(always)]
    pub(super) fn pop(&mut self) {
        self.head = self.head.wrapping_add(1);
    }

    /// Flits that have come since [`Ring::reset`].
    #[inline(always)]
    pub(super) fn come(&self) -> u32 {
        self.tail
    }
}
