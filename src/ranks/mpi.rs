//! Ranks that are processes of an MPI job.
//!
//! A rank that panics or loses the others must not leave them waiting: MPI ends the job then, all of it.

use mpi::datatype::PartitionMut;
use mpi::environment::Universe;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};
use mpi::{Count, Threading};
use snnc_simulator::exchange::Exchange;
use snnc_targets::{Code, Diagnostic, NamedPart};

/// What a job's exit code is if a rank panics.
const PANICKED: i32 = 101;

/// This process as a part of the job, until it is dropped; by the thread that joined.
#[allow(missing_debug_implementations, reason = "what it holds is the MPI library's")]
pub struct Joined {
    /// Finalises MPI.
    _universe: Universe,
    rank: MpiRank,
}

impl Joined {
    /// Joins the processes that were started together with this one.
    ///
    /// # Errors
    /// [`Code::Ranks`] where the MPI library does not let threads exchange, one at a time.
    pub fn join() -> Result<Self, Diagnostic> {
        let refused = |message: &str| {
            Diagnostic::new(Code::Ranks, NamedPart::Run, message)
                .hint("build snnc with the MPI library whose mpirun starts it")
        };
        let (universe, threading) = mpi::initialize_with_threading(Threading::Serialized)
            .ok_or_else(|| refused("MPI runs already in this process"))?;
        let world = universe.world();
        let (rank, ranks) = (world.rank() as usize, world.size() as usize);
        if threading < Threading::Serialized {
            return Err(refused("the MPI library is for processes of one thread"));
        }
        Ok(Self { _universe: universe, rank: MpiRank { rank, ranks } })
    }

    /// The exchange between the ranks.
    pub fn exchange(&self) -> MpiRank {
        self.rank
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        // Finalising waits for all ranks, which may wait for what this one owes them.
        if std::thread::panicking() {
            SimpleCommunicator::world().abort(PANICKED);
        }
    }
}

/// One process of the job.
#[derive(Debug, Clone, Copy)]
pub struct MpiRank {
    rank: usize,
    ranks: usize,
}

impl Exchange for MpiRank {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.ranks
    }

    /// # Panics
    /// If all ranks together give 2^31 words or more, the most that MPI counts.
    fn gather(&self, own: &[u32]) -> Vec<Vec<u32>> {
        let world = SimpleCommunicator::world();
        let count = Count::try_from(own.len()).expect("a rank gives fewer words than MPI counts");
        let mut counts: Vec<Count> = vec![0; self.ranks];
        world.all_gather_into(&count, &mut counts[..]);
        let starts: Vec<Count> = counts
            .iter()
            .scan(0 as Count, |next, &count| {
                let start = *next;
                *next = start.checked_add(count).expect("ranks give fewer words than MPI counts");
                Some(start)
            })
            .collect();
        let all = counts.iter().map(|&count| count as usize).sum();
        let mut words = vec![0_u32; all];
        let mut parts = PartitionMut::new(&mut words[..], counts.as_slice(), starts.as_slice());
        world.all_gather_varcount_into(own, &mut parts);
        let mut rest = words.as_slice();
        let mut each = Vec::with_capacity(self.ranks);
        for &count in &counts {
            let (own, others) = rest.split_at(count as usize);
            each.push(own.to_vec());
            rest = others;
        }
        each
    }
}
