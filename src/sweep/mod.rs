//! Sweeps: one model on many chips that differ in a few fields, compiled and run many ways, a row each.
//!
//! A [`SweepFile`] says what is varied ([`mod@file`]), a [`Plan`] is the list of points that it makes ([`plan`]).
//! [`run()`] carries them out, several at a time, into a folder that remembers each finished point ([`folder`]): the
//! same command goes on where it stopped, and points may be spread over processes ([`Shard`]) and put together again
//! ([`merge()`]) with the bytes of a single run. What a point cannot do is a row with its reason. [`Sweep`] is a
//! folder as data, for tables ([`table`]), for the front of what nothing beats ([`pareto`]), for its page ([`page`])
//! and for other reports.
//!
//! A point depends on its parameters and the sweep's inputs alone: neither on the other points nor on threads. What
//! rounding makes of the model is the same for many of them, and is made once ([`lowered`]). Nothing that is written
//! tells how long the work took.

mod digests;
pub mod file;
pub mod folder;
mod lowered;
mod merge;
pub mod nir;
pub mod page;
pub mod pareto;
pub mod plan;
pub mod point;
pub mod table;
mod text;
#[cfg(feature = "parquet")]
mod write_parquet;

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use crate::progress::{Progress, go_on};
use crate::session::SessionOptions;
pub use crate::shard::Shard;
pub(crate) use digests::digest;
pub use file::SweepFile;
use folder::SweepFolder;
pub use folder::{Sweep, SweepManifest};
use lowered::SharedLowering;
pub use merge::merge;
pub use plan::{GivenInputs, Plan};
use point::PointOutcome;

/// How the points of a sweep are carried out. It changes no result.
#[derive(Debug, Clone, Copy, Default)]
pub struct SweepOptions {
    /// Threads of all points together; one for each processor if there is no number.
    pub threads: Option<usize>,
    /// Points at a time; as many as threads if there is no number.
    pub jobs: Option<usize>,
    /// The part of the points that is done here.
    pub shard: Option<Shard>,
}

/// What became of a sweep.
#[derive(Debug)]
pub struct Swept {
    /// All points of the folder.
    pub sweep: Sweep,
    /// Points that an earlier run had done.
    pub found: usize,
}

/// Carries out the points of a plan that the folder `out` does not hold yet; steps of the progress are points.
///
/// # Errors
/// [`Code::Argument`] for numbers out of range, [`Code::OutputFailed`] for a folder that holds something else or has
/// another owner. What is wrong with single points is in their rows.
pub fn run(
    plan: &Plan,
    out: &Path,
    options: SweepOptions,
    progress: &dyn Progress,
) -> Result<Swept, Diagnostics> {
    options.check()?;
    let folder = SweepFolder::open(out, plan.manifest(options.shard))?;
    let missing = folder.missing();
    let (of, found) = (folder.wanted(), folder.wanted() - missing.len());
    progress.begin(of as u64);
    progress.found(found as u64);
    let folder = Mutex::new(folder);
    all(plan, &missing, options, progress, |index, outcome| lock(&folder).add(index, outcome))?;
    let folder = folder.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Swept { sweep: folder.finish()?, found })
}

/// Carries out the points of a plan and keeps them in memory; steps of the progress are points.
///
/// # Errors
/// [`Code::Argument`] for numbers out of range, [`Code::Stopped`]. What is wrong with single points is in their rows.
pub fn run_in_memory(
    plan: &Plan,
    options: SweepOptions,
    progress: &dyn Progress,
) -> Result<Sweep, Diagnostics> {
    options.check()?;
    let sweep = Sweep { manifest: plan.manifest(options.shard), outcomes: BTreeMap::new() };
    let missing = sweep.missing();
    progress.begin(missing.len() as u64);
    let sweep = Mutex::new(sweep);
    all(plan, &missing, options, progress, |index, outcome| {
        lock(&sweep).outcomes.insert(index, outcome);
        Ok(())
    })?;
    Ok(sweep.into_inner().unwrap_or_else(PoisonError::into_inner))
}

impl SweepOptions {
    /// Whether a sweep can be carried out so.
    fn check(&self) -> Result<(), Diagnostic> {
        SessionOptions { threads: self.threads, ..SessionOptions::default() }.check()?;
        if self.jobs == Some(0) {
            let message = "expected one point at a time or more";
            return Err(Diagnostic::new(Code::Argument, Subject::value("--jobs", 0), message));
        }
        Ok(())
    }
}

/// Carries out points on workers of their own threads: the threads are shared out evenly, so that a few points have
/// several each, and many have one. `add` keeps what became of each.
fn all(
    plan: &Plan,
    missing: &[usize],
    options: SweepOptions,
    progress: &dyn Progress,
    add: impl Fn(usize, PointOutcome) -> Result<(), Diagnostic> + Sync,
) -> Result<(), Diagnostics> {
    let threads =
        options.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get));
    let workers = options.jobs.unwrap_or(threads).min(missing.len()).min(threads).max(1);
    let pools: Vec<rayon::ThreadPool> = (0..workers)
        .map(|worker| threads / workers + usize::from(worker < threads % workers))
        .map(|share| rayon::ThreadPoolBuilder::new().num_threads(share).build())
        .collect::<Result<_, _>>()
        .map_err(|error| {
            let message = format!("cannot start threads: {error}");
            Diagnostic::new(Code::Argument, Subject::argument("--threads"), message)
        })?;
    let (next, failed) = (Mutex::new(missing.iter()), Mutex::new(None));
    let lowered = SharedLowering::new(plan, missing);
    let work = |pool: &rayon::ThreadPool| {
        while lock(&failed).is_none() && !progress.stopped() {
            let Some(&index) = lock(&next).next() else { break };
            let outcome = pool.install(|| point::carry_out(plan, &lowered, index));
            if let Err(problem) = add(index, outcome) {
                *lock(&failed) = Some(problem);
            }
            progress.advance(1);
        }
    };
    std::thread::scope(|scope| pools.iter().for_each(|pool| drop(scope.spawn(|| work(pool)))));
    if let Some(problem) = lock(&failed).take() {
        return Err(problem.into());
    }
    Ok(go_on(progress)?)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
