//! A part of a run of samples: what an observer of the run is told, written down; and told again to the recorder of the
//! whole, sample by sample.
//!
//! The records of a sample are its timesteps, spikes and membranes, those of long passes part by part, then its counts,
//! times and energies. Behind those of all samples stand their read-outs.

use std::path::Path;

use serde::{Deserialize, Serialize};
use snnc_simulator::charge::{MeterRecord, RunRecord, TimedStep};
use snnc_simulator::time::Fidelity;
use snnc_simulator::time::cycle::Watcher;
use snnc_simulator::workload::{Samples, Workload};
use snnc_targets::{Diagnostic, Diagnostics};

use super::PartFolder;
use super::manifest::{PartManifest, RunWork, Spent, Work};
use super::records::RecordWriter;
use super::whole::{Part, Whole};
use crate::outcome::Outcome;
use crate::program::Program;
use crate::progress::Progress;
use crate::report::{Report, by_core, memory};
use crate::results::{ResultsRecorder, SeenOfPasses};
use crate::samples::membranes::{MembraneChoice, PassMembranes, WatchedLayer};
use crate::samples::spikes::PackedSpikes;
use crate::samples::{Classification, preview, write_answers};
use crate::session::{Observer, Session, SessionOptions};
use crate::shard::Shard;
use crate::trace::{Extent, TraceOptions};

/// What is told of a sample.
#[derive(Debug, Serialize, Deserialize)]
enum Told {
    Steps(Vec<TimedStep>),
    Spikes(Vec<PackedSpikes>),
    Membranes(Vec<PassMembranes>),
    /// The last of a sample.
    Charged(Box<MeterRecord>),
}

/// The samples of a run, and what is wanted of it.
#[derive(Debug)]
pub struct RunOfSamples<'a> {
    /// All samples of the whole.
    pub samples: &'a Samples,
    /// What is fed, and what is written.
    pub work: RunWork,
    /// Worker threads.
    pub threads: Option<usize>,
    /// Whether a part that an earlier run left whole in the folder is kept and not made again.
    pub resumes: bool,
}

/// Runs the samples of a part into the folder `out`; their number.
///
/// # Errors
/// Those of [`Session::run_shard`], and [`snnc_targets::Code::OutputFailed`].
pub fn run(
    program: &Program,
    run: &RunOfSamples<'_>,
    shard: Shard,
    out: &Path,
    progress: &dyn Progress,
) -> Result<u64, Diagnostics> {
    let RunOfSamples { samples, work, threads, resumes } = run;
    let mut manifest = PartManifest::new(program, shard, samples.len(), Work::Run(work.clone()));
    if *resumes && manifest.is_made(out) {
        let own = (0..).zip(0..samples.len()).filter(|&(index, _)| shard.holds(index));
        return Ok(own.count() as u64);
    }
    let folder = PartFolder::begin(out)?;
    let seen = seen(program, work)?;
    let session = session(program, work, (*threads, seen.membranes))?;
    let mut recorder = PartRecorder { spikes: work.spikes, steps: work.fidelity != Fidelity::None, folder };
    let made = session.run_shard(*samples, shard, &mut recorder, progress)?;
    let PartRecorder { mut folder, .. } = recorder;
    for readout in &made.items {
        folder.records.write(readout)?;
    }
    if shard.part == 1 {
        preview::write(&folder.set.place(preview::FILE)?, samples)?;
    }
    manifest.spent = Spent {
        compile_s: program.compile_seconds(),
        wall_s: made.wall_s,
        peak_memory_bytes: memory::peak_bytes(),
    };
    folder.finish(program, &manifest)?;
    Ok(made.items.len() as u64)
}

/// What is written of the passes.
fn seen(program: &Program, work: &RunWork) -> Result<SeenOfPasses, Diagnostic> {
    let network = work.fed.network;
    let watched = |choice: &MembraneChoice| WatchedLayer::of(&program.mapped().model, network, choice);
    Ok(SeenOfPasses {
        spikes_of: work.spikes.then_some((network, 1)).into_iter().collect(),
        membranes: work.membranes.as_ref().map(watched).transpose()?.unwrap_or_default(),
    })
}

fn session(
    program: &Program,
    work: &RunWork,
    (threads, watched): (Option<usize>, Vec<WatchedLayer>),
) -> Result<Session, Diagnostic> {
    let options = SessionOptions { fidelity: work.fidelity, threads, keep_state: false };
    if work.sensitivity {
        Session::with_sensitivity(program, options, watched)
    } else {
        Session::watching(program, options, watched)
    }
}

/// Writes down what it is told.
struct PartRecorder {
    folder: PartFolder,
    spikes: bool,
    /// Whether timesteps have times.
    steps: bool,
}

impl PartRecorder {
    fn records(&mut self) -> &mut RecordWriter {
        &mut self.folder.records
    }
}

impl Observer for PartRecorder {
    fn steps(&mut self, _: u64, steps: &[TimedStep]) -> Result<(), Diagnostic> {
        if self.steps { self.records().write(&Told::Steps(steps.to_vec())) } else { Ok(()) }
    }

    fn item(&mut self, _: u64, record: &MeterRecord) -> Result<(), Diagnostic> {
        self.records().write(&Told::Charged(Box::new(record.clone())))
    }

    fn sees_spikes(&self) -> bool {
        self.spikes
    }

    fn spikes(&mut self, _: u64, passes: &[PackedSpikes]) -> Result<(), Diagnostic> {
        self.records().write(&Told::Spikes(passes.to_vec()))
    }

    fn membranes(&mut self, _: u64, passes: &[PassMembranes]) -> Result<(), Diagnostic> {
        self.records().write(&Told::Membranes(passes.to_vec()))
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        None
    }
}

/// The whole of all parts, in their order; its report, and a line on each file that was written.
pub(super) fn merge(
    mut whole: Whole,
    work: &RunWork,
    out: &Path,
) -> Result<(Report, Vec<String>), Diagnostics> {
    let program = whole.program()?;
    let (model, network) = (&program.mapped().model, work.fed.network);
    let (_, shape) = Samples::shapes(model, network)?;
    let seen = seen(&program, work)?;
    let items = whole.items();
    let extent = Extent { items, passes: 1, item_name: "sample" };
    let traces = TraceOptions::default();
    let mut recorder =
        ResultsRecorder::begin(program.mapped(), extent, work.fidelity, Some(out), traces, &seen)?;
    let session = session(&program, work, (None, seen.membranes))?;
    let mut record = RunRecord::new(session.meter());
    for index in 0..items {
        tell(whole.part_of(index)?, &session, index, (&mut recorder, &mut record))?;
    }
    let mut readouts = Vec::new();
    for index in 0..items {
        let part = whole.part_of(index)?;
        let readout: Vec<f64> = part.records.next()?;
        if readout.len() != shape.len() {
            return Err(part.records.refused("a read-out has another shape").into());
        }
        readouts.push(readout);
    }
    let spent = whole.spent();
    let made = Outcome { session, item_name: "sample", items: readouts, record, wall_s: spent.wall_s };
    let report = report(&made, work, spent);
    let labels = work.fed.labels.as_deref();
    let first = whole.first.folder.join(preview::FILE);
    whole.unchanged()?;
    let lines = recorder.finish(&report, |set| {
        let mut files = write_answers(set, &made.items, shape, labels)?;
        if first.is_file() {
            let shown = std::fs::read(&first).map_err(|error| Diagnostic::unreadable(&first, &error))?;
            snnc_targets::output::write_atomic(&set.place(preview::FILE)?, &shown)?;
            files = format!("{files}, {}", preview::FILE);
        }
        made.write_cores(&set.place(by_core::FILE)?)?;
        Ok(format!("{files}, {}", by_core::FILE))
    })?;
    Ok((report, lines))
}

/// Tells what a part knows of its next sample, which has number `index` of the whole.
fn tell(
    part: &mut Part,
    session: &Session,
    index: u64,
    (recorder, record): (&mut ResultsRecorder<'_>, &mut RunRecord),
) -> Result<(), Diagnostic> {
    let networks = session.program().mapped().model.networks.len();
    loop {
        match part.records.next()? {
            Told::Steps(steps) => {
                if steps.iter().any(|step| step.network.0 as usize >= networks) {
                    return Err(part.records.refused("a timestep is of no network"));
                }
                recorder.steps(index, &steps)?;
            }
            Told::Spikes(passes) => recorder.spikes(index, &passes)?,
            Told::Membranes(passes) => recorder.membranes(index, &passes)?,
            Told::Charged(charged) => {
                if charged.item != index || !session.meter().admits(&charged, 1) {
                    return Err(part.records.refused(&format!("sample {index} is not where it should be")));
                }
                recorder.item(index, &charged)?;
                record.push(session.meter(), &charged);
                return Ok(());
            }
        }
    }
}

/// The report of the whole, as one process would have made it.
fn report(made: &Outcome<Vec<f64>>, work: &RunWork, spent: Spent) -> Report {
    let mut report = made.report();
    report.options = work.options.clone();
    report.events = work.fed.events;
    report.classify(work.fed.labels.as_deref().map(|labels| Classification::new(&made.items, labels)));
    report.notes.extend(work.remarks.iter().cloned());
    report.mapping.figures = work.figures.clone();
    report.mapping.compile_s = spent.compile_s;
    report.totals.peak_memory_bytes = spent.peak_memory_bytes;
    report
}
