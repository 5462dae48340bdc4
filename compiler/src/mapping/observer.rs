//! Who is told how far a mapping has come. It changes no result.

use std::sync::{Mutex, PoisonError};

/// Is told of the steps of a mapping, from any of its threads. `()` wants to know nothing.
pub trait MappingObserver: Sync {
    /// A stage begins: what is being done, and what its steps are called; no name if nobody counts them.
    fn stage(&self, what: &'static str, steps: &'static str);

    /// The stage is expected to take so many steps more.
    fn expect(&self, steps: u64);

    /// So many of the expected steps turn out to be none.
    fn skip(&self, steps: u64);

    /// So many steps are done.
    fn advance(&self, steps: u64);
}

impl MappingObserver for () {
    fn stage(&self, _: &'static str, _: &'static str) {}

    fn expect(&self, _: u64) {}

    fn skip(&self, _: u64) {}

    fn advance(&self, _: u64) {}
}

/// Tells an observer of pieces of work, one after the other or side by side, of which those to come are taken to have
/// as many steps as the last one that began.
pub struct SeveralPieces<'o> {
    observer: &'o dyn MappingObserver,
    /// Pieces that have not begun, and the steps that are expected of each of them.
    to_come: Mutex<(u64, u64)>,
}

impl<'o> SeveralPieces<'o> {
    /// So many pieces, each of which expects its steps once.
    pub fn new(pieces: usize, observer: &'o dyn MappingObserver) -> Self {
        Self { observer, to_come: Mutex::new((pieces as u64, 0)) }
    }
}

impl MappingObserver for SeveralPieces<'_> {
    fn stage(&self, what: &'static str, steps: &'static str) {
        self.observer.stage(what, steps);
    }

    fn expect(&self, steps: u64) {
        let mut to_come = self.to_come.lock().unwrap_or_else(PoisonError::into_inner);
        let (pieces, before) = *to_come;
        *to_come = (pieces.saturating_sub(1), steps);
        drop(to_come);
        match steps >= before {
            true => self.observer.expect((steps - before) * pieces),
            false => self.observer.skip((before - steps) * pieces),
        }
    }

    fn skip(&self, steps: u64) {
        self.observer.skip(steps);
    }

    fn advance(&self, steps: u64) {
        self.observer.advance(steps);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    /// Steps that are expected in all.
    #[derive(Default)]
    struct Expected(AtomicI64);

    impl MappingObserver for Expected {
        fn stage(&self, _: &'static str, _: &'static str) {}

        fn expect(&self, steps: u64) {
            self.0.fetch_add(steps as i64, Ordering::Relaxed);
        }

        fn skip(&self, steps: u64) {
            self.0.fetch_sub(steps as i64, Ordering::Relaxed);
        }

        fn advance(&self, _: u64) {}
    }

    #[test]
    fn pieces_to_come_are_taken_to_be_as_long_as_the_last_one_that_began() {
        let all = Expected::default();
        let pieces = SeveralPieces::new(3, &all);
        for (steps, expected) in [(10, 30), (14, 10 + 14 + 14), (5, 10 + 14 + 5)] {
            pieces.expect(steps);
            assert_eq!(all.0.load(Ordering::Relaxed), expected);
        }
    }
}
