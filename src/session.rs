//! A program ready to run: any number of workloads, from any thread.
//!
//! A [`Session`] owns its program, the simulated chip, what times and charges it, and its threads. It is immutable, so
//! it is shared by cloning. An item depends on its workload and its number alone, so threads and chunks cannot change
//! it.

mod observer;

use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;
use snnc_compiler::ir::PopulationId;
use snnc_simulator::charge::{Meter, MeterRecord, RunRecord};
use snnc_simulator::counts::SliceTable;
use snnc_simulator::execute::slice::SliceTrace;
use snnc_simulator::execute::{Carry, Chip, KernelChoice, PassOutcome};
use snnc_simulator::time::Fidelity;
use snnc_simulator::time::cycle::Watcher;
use snnc_simulator::workload::{ChipDriver, Workload, drive};
use snnc_targets::{Code, Diagnostic, Subject};

use crate::outcome::Outcome;
use crate::program::Program;
use crate::progress::{Progress, Stoppable};
use crate::ranks::network::NetworkRanks;
use crate::samples::membranes::{PassMembranes, WatchedLayer};
use crate::samples::spikes::PackedSpikes;
use crate::shard::Shard;
use crate::spin_pool::with_spinning_threads;

pub use observer::{FailsInTheEnd, Observer};

/// Items simulated before their records are merged.
const CHUNK: usize = 16;
/// The same of items so short that to have all threads meet would take its time.
const LIGHT_CHUNK: usize = 128;

/// Most items of a run that keeps them all in memory.
pub const ITEMS_MAX: u64 = 1 << 20;

/// Most threads of a session: each takes memory for its stack before it does anything.
const THREADS_MAX: usize = 1024;

/// Whether a number of items, given by `option`, is one.
///
/// # Errors
/// [`Code::Argument`] for none, or more than `most`.
pub fn check_count(option: &str, items: u64, most: u64) -> Result<(), Diagnostic> {
    if (1..=most).contains(&items) {
        return Ok(());
    }
    let what = option.trim_start_matches('-');
    let one = what.trim_end_matches('s');
    let expected = if items == 0 { format!("at least one {one}") } else { format!("at most {most} {what}") };
    Err(Diagnostic::new(Code::Argument, Subject::value(option, items), format!("expected {expected}")))
}

/// How a program is run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SessionOptions {
    /// How closely time is modelled.
    pub fidelity: Fidelity,
    /// Threads of the session's own, 1 to 1024; `None` for the pool of whoever calls. Results do not depend on it.
    pub threads: Option<usize>,
    /// Whether each sample begins in the state in which the one before it ended; else state is cleared between them.
    pub keep_state: bool,
}

impl SessionOptions {
    /// Whether a session can have these.
    ///
    /// # Errors
    /// [`Code::Argument`] for a number of threads out of range.
    pub fn check(&self) -> Result<(), Diagnostic> {
        match self.threads.filter(|threads| !(1..=THREADS_MAX).contains(threads)) {
            None => Ok(()),
            Some(threads) => {
                let message = format!("expected 1 to {THREADS_MAX} threads");
                Err(Diagnostic::new(Code::Argument, Subject::value("--threads", threads), message)
                    .hint("left out, there is one for each processor"))
            }
        }
    }

    /// Threads of the session's own, if it is to have any.
    fn pool(&self) -> Result<Option<rayon::ThreadPool>, Diagnostic> {
        self.check()?;
        let Some(threads) = self.threads else { return Ok(None) };
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().map(Some).map_err(|error| {
            Diagnostic::new(
                Code::Argument,
                Subject::argument("--threads"),
                format!("cannot start threads: {error}"),
            )
        })
    }
}

/// Whether a sensitivity can be told of times of this fidelity.
///
/// # Errors
/// [`Code::Argument`] where no time is modelled.
pub fn check_sensitivity(fidelity: Fidelity) -> Result<(), Diagnostic> {
    if fidelity != Fidelity::None {
        return Ok(());
    }
    let message = format!("needs a time, found --timing {fidelity}");
    Err(Diagnostic::new(Code::Argument, Subject::argument("--sensitivity"), message).hint(
        "`--timing analytic` takes one execution; `--timing cycle:1/N` moves latencies and queue depths as well, \
         and simulates its timesteps anew for each end of each range",
    ))
}

/// A program ready to run.
#[derive(Debug, Clone)]
pub struct Session(Arc<Ready>);

#[derive(Debug)]
struct Ready {
    program: Program,
    chip: Chip,
    meter: Meter,
    pool: Option<rayon::ThreadPool>,
    keep_state: bool,
    /// Layers whose membranes are recorded.
    watched: Vec<WatchedLayer>,
    /// Seconds that getting ready took.
    seconds: f64,
}

impl Session {
    /// Makes a program ready; this indexes its cores and resolves its costs, once.
    ///
    /// # Errors
    /// [`Code::Unsupported`] if the target has no timesteps or cannot be timed so; [`Code::Argument`] for
    /// threads out of range.
    pub fn new(program: &Program, options: SessionOptions) -> Result<Self, Diagnostic> {
        Self::watching(program, options, Vec::new())
    }

    /// As [`Session::new`]; an observer is told the membranes of these layers of the program.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn watching(
        program: &Program,
        options: SessionOptions,
        watched: Vec<WatchedLayer>,
    ) -> Result<Self, Diagnostic> {
        Self::ready(program, options, (watched, false), None)
    }

    /// As [`Session::watching`], for reports that say which constants move time and energy most: each pass is also
    /// timed with each constant of time at each end of its range. Nothing is executed again for that; where times are
    /// simulated, the same timesteps are simulated once for each end.
    ///
    /// # Errors
    /// Those of [`Session::new`]; [`Code::Argument`] where no time is modelled.
    pub fn with_sensitivity(
        program: &Program,
        options: SessionOptions,
        watched: Vec<WatchedLayer>,
    ) -> Result<Self, Diagnostic> {
        check_sensitivity(options.fidelity)?;
        Self::ready(program, options, (watched, true), None)
    }

    /// As [`Session::new`], with `sensitivity` as [`Session::with_sensitivity`], of a program of which each of several
    /// ranks runs a part. All ranks must make the session and run the same workloads; items run one after another, and
    /// each rank has the whole outcome.
    ///
    /// # Errors
    /// Those of [`Session::with_sensitivity`]; [`Code::Ranks`] for times that are simulated.
    pub fn on_ranks(
        program: &Program,
        options: SessionOptions,
        sensitivity: bool,
        ranks: &NetworkRanks,
    ) -> Result<Self, Diagnostic> {
        crate::ranks::network::check_timing(Some(options.fidelity))?;
        if sensitivity {
            check_sensitivity(options.fidelity)?;
        }
        Self::ready(program, options, (Vec::new(), sensitivity), Some(ranks))
    }

    fn ready(
        program: &Program,
        options: SessionOptions,
        (watched, sensitivity): (Vec<WatchedLayer>, bool),
        ranks: Option<&NetworkRanks>,
    ) -> Result<Self, Diagnostic> {
        let start = Instant::now();
        let mapped = program.mapped();
        mapped.needs_timesteps()?;
        let pool = options.pool()?;
        let meter = || Meter::with_ends(mapped, &SliceTable::new(mapped), options.fidelity, sensitivity);
        let chip = || match ranks {
            None => Chip::new(mapped.clone()),
            Some(NetworkRanks { owners, exchange }) => {
                Chip::shared(mapped.clone(), KernelChoice::default(), (owners, exchange.clone()))
            }
        };
        let (chip, meter) = within(pool.as_ref(), || rayon::join(chip, meter));
        let populations: Vec<PopulationId> = watched.iter().map(|layer| layer.population).collect();
        let (chip, program, meter) = (chip.watching(&populations), program.clone(), meter?);
        let (keep_state, seconds) = (options.keep_state, start.elapsed().as_secs_f64());
        Ok(Self(Arc::new(Ready { program, chip, meter, pool, keep_state, watched, seconds })))
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.0.program
    }

    /// The chip that runs it, for single passes.
    pub fn chip(&self) -> &Chip {
        &self.0.chip
    }

    /// Whether each sample begins in the state in which the one before it ended.
    pub fn keeps_state(&self) -> bool {
        self.0.keep_state
    }

    /// The layers whose membranes are recorded.
    pub fn watched(&self) -> &[WatchedLayer] {
        &self.0.watched
    }

    /// What times and charges it.
    pub fn meter(&self) -> &Meter {
        &self.0.meter
    }

    /// Runs all items of a workload.
    ///
    /// # Errors
    /// The workload's; [`Code::Argument`] for one without items, or with more than [`ITEMS_MAX`], and for items of
    /// several passes if state is to be kept.
    pub fn run<W: Workload>(&self, workload: &W) -> Result<Outcome<W::Item>, Diagnostic> {
        self.run_observed(workload, &mut (), &())
    }

    /// Runs a workload under an observer; steps of the progress are passes, or parts of long ones.
    ///
    /// # Errors
    /// Those of [`Session::run`], the observer's, and [`Code::Stopped`] if the progress says so.
    pub fn run_observed<W: Workload>(
        &self,
        workload: &W,
        observer: &mut dyn Observer,
        progress: &dyn Progress,
    ) -> Result<Outcome<W::Item>, Diagnostic> {
        self.run_shard(workload, Shard::WHOLE, observer, progress)
    }

    /// As [`Session::run_observed`], but only the items of a part. What they are, and what they cost, is that of the
    /// same items of the whole; a part may have none.
    ///
    /// # Errors
    /// Those of [`Session::run_observed`]; [`Code::Argument`] for one of several parts if state is to be kept.
    pub fn run_shard<W: Workload>(
        &self,
        workload: &W,
        shard: Shard,
        observer: &mut dyn Observer,
        progress: &dyn Progress,
    ) -> Result<Outcome<W::Item>, Diagnostic> {
        check_count(&format!("{}s", workload.item_name()), workload.len(), ITEMS_MAX)?;
        if self.0.keep_state && workload.passes() != 1 {
            return Err(keeps_no_state());
        }
        if self.0.keep_state && shard != Shard::WHOLE {
            return Err(parts_keep_no_state());
        }
        let start = Instant::now();
        let own: Vec<u64> = (0..workload.len()).filter(|&index| shard.holds(index as usize)).collect();
        let passes = (own.len() as u64).saturating_mul(workload.passes());
        progress.begin(passes.saturating_mul(self.0.parts()));
        let mut run = || self.0.items((workload, &own), observer, progress);
        // To have another thread run so little would take as long as it takes.
        let here = own.len() == 1 && self.0.is_light();
        let (items, record) = if here { run() } else { within(self.0.pool.as_ref(), run) }?;
        let wall_s = self.0.seconds + start.elapsed().as_secs_f64();
        Ok(Outcome { session: self.clone(), item_name: workload.item_name(), items, record, wall_s })
    }
}

/// The refusal to keep state between the items of a generating model.
pub fn keeps_no_state() -> Diagnostic {
    let message = "is for samples, which are a pass each; an image is many passes of two networks";
    Diagnostic::new(Code::Argument, Subject::argument("--keep-state"), message)
        .hint("leave it out; state is cleared between passes")
}

/// The refusal to keep state between items that several processes make.
pub fn parts_keep_no_state() -> Diagnostic {
    let message = "makes each sample depend on the one before it, so parts of them cannot be made apart";
    Diagnostic::new(Code::Argument, Subject::argument("--keep-state"), message)
        .hint("leave it out, or run all samples in one process")
}

/// What an observer asks to see of each item.
#[derive(Debug, Clone, Copy)]
struct Asked {
    spikes: bool,
    /// See [`Observer::steps_by_core`].
    steps_by_core: usize,
}

/// What an observer may want to see of the passes of an item.
#[derive(Default)]
struct SeenPasses {
    spikes: Vec<PackedSpikes>,
    membranes: Vec<PassMembranes>,
}

/// Does `work` on a thread of a pool; without one, on the pool of whoever calls.
fn within<R: Send>(pool: Option<&rayon::ThreadPool>, work: impl FnOnce() -> R + Send) -> R {
    match pool {
        Some(pool) => pool.install(work),
        None => rayon::scope(|_| work()),
    }
}

impl Ready {
    /// The items of these numbers in order, and what all of them cost.
    fn items<W: Workload>(
        &self,
        (workload, own): (&W, &[u64]),
        observer: &mut dyn Observer,
        progress: &dyn Progress,
    ) -> Result<(Vec<W::Item>, RunRecord), Diagnostic> {
        let (mut items, mut record) = (Vec::new(), RunRecord::new(&self.meter));
        // Samples that go on from each other run one after another.
        let mut kept = self.keep_state.then(Carry::kept);
        // What is seen of a long pass is told part by part, so that it need not be held.
        if self.parts() > 1 {
            for &index in own {
                let (item, of_item) = self.long_item(workload, (index, kept.as_mut()), observer, progress)?;
                observer.item(index, &of_item)?;
                record.push(&self.meter, &of_item);
                items.push(item);
            }
            return Ok((items, record));
        }
        // Ranks exchange in one order.
        let alone = observer.watcher().is_some() || self.keep_state || self.chip.is_shared();
        let chunk = match self.is_light() {
            _ if alone => 1,
            true => LIGHT_CHUNK,
            false => CHUNK,
        };
        let asked = Asked { spikes: observer.sees_spikes(), steps_by_core: observer.steps_by_core() };
        for chunk in own.chunks(chunk) {
            let made = match (observer.watcher(), kept.as_mut()) {
                (watcher @ Some(_), kept) | (watcher, kept @ Some(_)) => {
                    let one = |&first| self.item(workload, (first, kept), (watcher, asked), progress);
                    chunk.first().map(one).into_iter().collect::<Vec<_>>()
                }
                (None, None) => {
                    let one = |&index| self.item(workload, (index, None), (None, asked), progress);
                    let all = || chunk.par_iter().map(one).collect::<Vec<_>>();
                    match self.is_light() {
                        true if chunk.len() == 1 => chunk.iter().map(one).collect(),
                        false if chunk.len() < rayon::current_num_threads() => with_spinning_threads(all),
                        _ => all(),
                    }
                }
            };
            for (&index, made) in chunk.iter().zip(made) {
                let (item, of_item, seen) = made?;
                if asked.spikes {
                    observer.spikes(index, &seen.spikes)?;
                }
                if !self.watched.is_empty() {
                    observer.membranes(index, &seen.membranes)?;
                }
                observer.steps(index, &of_item.timesteps.steps)?;
                observer.item(index, &of_item)?;
                record.push(&self.meter, &of_item);
                items.push(item);
            }
        }
        Ok((items, record))
    }

    /// Whether one thread runs any pass.
    fn is_light(&self) -> bool {
        self.program.mapped().model.networks.keys().all(|network| self.chip.runs_on_one_thread(network))
    }

    /// Most parts in which a pass runs.
    fn parts(&self) -> u64 {
        let networks = self.program.mapped().model.networks.keys();
        networks.map(|network| self.chip.parts(network).len() as u64).max().unwrap_or(1)
    }

    /// An item of long passes with its cost; the observer is told of each part of a pass once it is counted.
    fn long_item<W: Workload>(
        &self,
        workload: &W,
        (index, kept): (u64, Option<&mut Carry>),
        observer: &mut dyn Observer,
        progress: &dyn Progress,
    ) -> Result<(W::Item, MeterRecord), Diagnostic> {
        let (meter, sees_spikes) = (&self.meter, observer.sees_spikes());
        let mut record = meter.seeded(index, workload.seed());
        record.timesteps.by_core = observer.steps_by_core();
        let (mut pass, mut seen) = (0, Ok(()));
        let mut observe = |outcome: &PassOutcome| {
            if seen.is_err() {
                return;
            }
            let traces: &[SliceTrace] = if meter.reads_traces() { &outcome.traces } else { &[] };
            let counted = (&outcome.counts, traces);
            seen = meter.add_watched(&mut record, pass, counted, observer.watcher()).and_then(|_| {
                observer.steps(index, &record.timesteps.steps)?;
                record.timesteps.steps.clear();
                if sees_spikes {
                    observer.spikes(index, &[PackedSpikes::of(&self.chip, outcome)])?;
                }
                if !self.watched.is_empty() {
                    observer.membranes(index, &[PassMembranes::of(&self.chip, outcome, &self.watched)])?;
                }
                Ok(())
            });
            progress.advance(u64::from(!outcome.counts.ends));
            pass += usize::from(outcome.counts.ends);
        };
        let item = ChipDriver::keeping(&self.chip, kept, (meter.grain(), &mut observe), |driver| {
            drive(workload.begin(index), driver, &mut || progress.advance(1))
        });
        seen?;
        Ok((item?, record))
    }

    /// An item with its cost, and what is wanted of its passes.
    fn item<W: Workload>(
        &self,
        workload: &W,
        (index, kept): (u64, Option<&mut Carry>),
        (mut watcher, asked): (Option<&mut dyn Watcher>, Asked),
        progress: &dyn Progress,
    ) -> Result<(W::Item, MeterRecord, SeenPasses), Diagnostic> {
        let meter = &self.meter;
        let mut record = meter.seeded(index, workload.seed());
        record.timesteps.by_core = asked.steps_by_core;
        let (mut pass, mut failed, mut seen) = (0, None, SeenPasses::default());
        let mut observe = |outcome: &PassOutcome| {
            if failed.is_none() {
                let watcher: Option<&mut dyn Watcher> = match &mut watcher {
                    Some(watcher) => Some(&mut **watcher),
                    None => None,
                };
                // Traces are made when looked at.
                let traces: &[SliceTrace] = if meter.reads_traces() { &outcome.traces } else { &[] };
                failed = meter.add_watched(&mut record, pass, (&outcome.counts, traces), watcher).err();
            }
            seen.spikes.extend(asked.spikes.then(|| PackedSpikes::of(&self.chip, outcome)));
            if !self.watched.is_empty() {
                seen.membranes.push(PassMembranes::of(&self.chip, outcome, &self.watched));
            }
            pass += 1;
        };
        let item = ChipDriver::keeping(&self.chip, kept, (meter.grain(), &mut observe), |driver| {
            let mut driver = Stoppable { driver, progress };
            drive(workload.begin(index), &mut driver, &mut || progress.advance(1))
        });
        match failed {
            Some(problem) => Err(problem),
            None => Ok((item?, record, seen)),
        }
    }
}
