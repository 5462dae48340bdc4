//! A workload on the simulated chip, metered.
//!
//! An item depends on its workload and its number alone, so threads and chunks cannot change it.

use std::sync::Arc;

use rayon::prelude::*;
use snnc_compiler::ir::program::Program;
use snnc_simulator::charge::{Meter, Record, RunRecord};
use snnc_simulator::counts::SliceTable;
use snnc_simulator::execute::slice::SliceTrace;
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_simulator::time::Fidelity;
use snnc_simulator::time::cycle::Watcher;
use snnc_simulator::workload::{ChipDriver, Workload, drive};
use snnc_targets::{Code, Diagnostic};

use crate::awake::awake;

/// Items simulated before their records are merged.
const CHUNK: u64 = 16;

/// Most items of a run that keeps them all in memory.
pub const ITEMS_MAX: u64 = 1 << 20;

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
    Err(Diagnostic::new(Code::Argument, format!("{option} {items}"), format!("expected {expected}")))
}

/// Who looks on while a run goes on. It changes nothing.
pub trait Observer {
    /// An item is done, with its timesteps; items come in order.
    ///
    /// # Errors
    /// What ends the run.
    fn item(&mut self, index: u64, record: &Record) -> Result<(), Diagnostic>;

    /// Who wants to see simulated packets. Items then run one after another, as their packets cannot all wait.
    fn watcher(&mut self) -> Option<&mut dyn Watcher>;
}

/// Nobody.
impl Observer for () {
    fn item(&mut self, _: u64, _: &Record) -> Result<(), Diagnostic> {
        Ok(())
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        None
    }
}

/// What a workload gave, and what it cost.
#[derive(Debug)]
pub struct Outcome<I> {
    /// What reports call an item.
    pub item_name: &'static str,
    /// What timed and charged them.
    pub meter: Meter,
    /// In order.
    pub items: Vec<I>,
    /// Counts, time and energy.
    pub record: RunRecord,
}

/// Runs all items of a workload; `done` is told after each pass of any of them.
///
/// # Errors
/// [`Code::Unsupported`] if the target has no timesteps or cannot be timed so; the workload's, and the observer's.
pub fn run<W: Workload>(
    program: &Arc<Program>,
    workload: &W,
    fidelity: Fidelity,
    observer: &mut dyn Observer,
    done: &(dyn Fn() + Sync),
) -> Result<Outcome<W::Item>, Diagnostic> {
    program.needs_timesteps()?;
    let meter = || Meter::new(program, &SliceTable::new(program), fidelity);
    let (chip, meter) = rayon::join(|| Chip::new(program.clone()), meter);
    let meter = meter?;
    let mut record = RunRecord::new(&meter);
    let mut items = Vec::new();
    let one = |index, watcher: Option<&mut dyn Watcher>| one(&chip, workload, &meter, index, watcher, done);
    let chunk = if observer.watcher().is_some() { 1 } else { CHUNK };
    for first in (0..workload.len()).step_by(chunk as usize) {
        let chunk = first..(first + chunk).min(workload.len());
        let made = match observer.watcher() {
            Some(watcher) => vec![one(first, Some(watcher))],
            None => {
                let few = chunk.end - chunk.start < rayon::current_num_threads() as u64;
                let all = || chunk.into_par_iter().map(|index| one(index, None)).collect::<Vec<_>>();
                if few { awake(all) } else { all() }
            }
        };
        for (index, made) in (first..).zip(made) {
            let (item, of_item) = made?;
            observer.item(index, &of_item)?;
            record.push(&meter, &of_item);
            items.push(item);
        }
    }
    Ok(Outcome { item_name: workload.item_name(), meter, items, record })
}

fn one<W: Workload>(
    chip: &Chip,
    workload: &W,
    meter: &Meter,
    index: u64,
    mut watcher: Option<&mut dyn Watcher>,
    done: &(dyn Fn() + Sync),
) -> Result<(W::Item, Record), Diagnostic> {
    let mut record = meter.image(index);
    let (mut pass, mut failed) = (0, None);
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
        pass += 1;
    };
    let item = ChipDriver::observed(chip, (meter.grain(), &mut observe), |driver| {
        drive(workload.begin(index), driver, &mut || done())
    });
    match failed {
        Some(problem) => Err(problem),
        None => Ok((item?, record)),
    }
}
