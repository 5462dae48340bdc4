//! A bounded queue as a recurrence. No packet is held here: the n-th can enter when the one a queue's length before it
//! has left, so it is enough to remember when the last ones did. They are remembered in a ring whose length is a power
//! of two, as divisions would take longer than the rest.

/// What was noted of the last so many that passed through a queue; as many zeros came before the first.
#[derive(Debug, Clone, Default)]
pub struct LastPassed<T> {
    /// A power of two of them; the n-th at `n & (length - 1)`.
    notes: Vec<T>,
    passed: usize,
}

impl<T: Copy + Default> LastPassed<T> {
    /// A queue of at least `length` places.
    pub fn new(length: usize) -> Self {
        Self { notes: vec![T::default(); length.max(1).next_power_of_two()], passed: 0 }
    }

    /// The note of the one that passed so many before the next; at most as many as the queue is long.
    #[inline(always)]
    pub fn before(&self, distance: usize) -> T {
        self.notes[self.passed.wrapping_sub(distance) & (self.notes.len() - 1)]
    }

    /// Notes the next one.
    #[inline(always)]
    pub fn pass(&mut self, note: T) {
        let place = self.passed & (self.notes.len() - 1);
        self.notes[place] = note;
        self.passed += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_those_of_so_many_before() {
        for length in 1..=9 {
            let mut queue = LastPassed::new(length);
            for n in 0..40_u64 {
                for distance in 1..=length as u64 {
                    let wanted = if n >= distance { n - distance + 100 } else { 0 };
                    assert_eq!(queue.before(distance as usize), wanted, "{distance} before {n} of {length}");
                }
                queue.pass(n + 100);
            }
        }
    }
}
