//! A thread pool whose idle threads spin instead of sleeping, for runs with fewer items than threads.
//!
//! One item is a thousand short parallel regions, and the system wakes a sleeping thread in about the time that a
//! region takes. Here the pool's other threads look for work without pause instead.
//!
//! A thread that waits for one job may take up another in the meantime. If it took up a spinning loop inside a job that
//! the work waits for, the work would never end; so loops that have not started before the work do not start at all.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Looks at the other threads before the work starts without them.
const PATIENCE: usize = 1000;
/// Looks for work before the processor is offered to others.
const SPINS: u32 = 64;

/// Does `work` on this thread of the pool while the pool's other threads spin for its parallel parts.
pub fn with_spinning_threads<R: Send>(work: impl FnOnce() -> R + Send) -> R {
    let threads = rayon::current_num_threads();
    // Threads beyond the processors would only take time from those that work.
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let others = if threads <= processors { threads - 1 } else { 0 };
    let (begun, done, started) = (AtomicBool::new(false), AtomicBool::new(false), AtomicUsize::new(0));
    let spin = || {
        if begun.load(Ordering::SeqCst) {
            return;
        }
        started.fetch_add(1, Ordering::SeqCst);
        let mut idle = 0;
        while !done.load(Ordering::SeqCst) {
            idle = if rayon::yield_now() == Some(rayon::Yield::Executed) { 0 } else { idle + 1 };
            if idle % SPINS == SPINS - 1 {
                std::thread::yield_now();
            }
            spin_loop();
        }
    };
    rayon::scope(|scope| {
        // Also when the work panics: the scope waits for the spinning threads.
        let _stop = StopOnDrop(&done);
        (0..others).for_each(|_| scope.spawn(|_| spin()));
        for _ in 0..PATIENCE {
            if started.load(Ordering::SeqCst) == others {
                break;
            }
            std::thread::yield_now();
        }
        begun.store(true, Ordering::SeqCst);
        work()
    })
}

/// Sets its flag when dropped.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use rayon::prelude::*;

    use super::*;

    #[test]
    fn work_of_any_depth_stops_on_any_number_of_threads() {
        for threads in [1, 2, 3, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let nested = |i: u64| (0..50u64).into_par_iter().map(|j| i * j).sum::<u64>();
            for _ in 0..20 {
                let sum = pool
                    .install(|| with_spinning_threads(|| (0..100).into_par_iter().map(nested).sum::<u64>()));
                assert_eq!(sum, 4950 * 1225);
            }
        }
    }

    #[test]
    fn several_at_once_share_a_pool() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let one = || pool.install(|| with_spinning_threads(|| (0..1000u64).into_par_iter().sum::<u64>()));
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(|| (0..50).map(|_| one()).sum::<u64>())).collect();
            all.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), 50 * 499_500));
        });
    }

    #[test]
    fn a_panic_gets_out() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let work = || pool.install(|| with_spinning_threads(|| -> u32 { panic!("on purpose") }));
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err());
    }
}
