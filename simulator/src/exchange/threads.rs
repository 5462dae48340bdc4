//! Ranks that are threads of this process: for tests of what ranks do together, without any other process.

use std::sync::{Arc, Barrier, Mutex, PoisonError};

use super::Exchange;

/// What all ranks share.
#[derive(Debug)]
struct Shared {
    barrier: Barrier,
    /// What each rank gave last.
    given: Vec<Mutex<Vec<u32>>>,
}

/// One of several threads.
#[derive(Debug, Clone)]
pub struct ThreadRank {
    rank: usize,
    shared: Arc<Shared>,
}

impl Exchange for ThreadRank {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.shared.given.len()
    }

    fn gather(&self, own: &[u32]) -> Vec<Vec<u32>> {
        let given = |rank: usize| self.shared.given[rank].lock().unwrap_or_else(PoisonError::into_inner);
        given(self.rank).clear();
        given(self.rank).extend_from_slice(own);
        self.shared.barrier.wait();
        let all = (0..self.ranks()).map(|rank| given(rank).clone()).collect();
        // Nobody gives anew before all have read.
        self.shared.barrier.wait();
        all
    }
}

/// Does `work` on so many ranks, each a thread with a pool of one thread, and waits for all; what each gave.
///
/// # Panics
/// If a rank does.
pub fn together<R: Send>(ranks: usize, work: impl Fn(Arc<dyn Exchange>) -> R + Sync) -> Vec<R> {
    let given = (0..ranks).map(|_| Mutex::default()).collect();
    let shared = Arc::new(Shared { barrier: Barrier::new(ranks), given });
    let one = &|rank| {
        let exchange = Arc::new(ThreadRank { rank, shared: shared.clone() });
        // A rank that waits for the others must not keep them from a pool that all share.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        pool.expect("one thread can be started").install(|| work(exchange))
    };
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..ranks).map(|rank| scope.spawn(move || one(rank))).collect();
        started.into_iter().map(|rank| rank.join().expect("a rank does not panic")).collect()
    })
}
