//! What is kept of a run while it goes on, in memory and in files of traces.

use std::path::PathBuf;

use pyo3::prelude::*;
use snnc::compiler::ir::NetworkId;
use snnc::report::by_core_step::CoreStepTable;
use snnc::report::timing::steps::StepTable;
use snnc::results::KeptPasses;
use snnc::samples::membranes::PassMembranes;
use snnc::samples::spikes::PackedSpikes;
use snnc::simulator::charge::{MeterRecord, TimedStep};
use snnc::simulator::time::Fidelity;
use snnc::simulator::time::cycle::Watcher;
use snnc::simulator::workload::Workload;
use snnc::trace::{Extent, IndexRange, PacketTable, TraceOptions, TraceRecorder};
use snnc::{Diagnostic, Diagnostics, Observer, Outcome, Report, Session};

use crate::errors::argument;
use crate::work::Watch;

/// The fields of `snnc.Trace`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Trace {
    table: bool,
    packets: Option<PathBuf>,
    events: Option<PathBuf>,
    items: Option<String>,
    passes: Option<String>,
    timesteps: Option<String>,
}

impl Trace {
    /// As the library takes it.
    ///
    /// # Errors
    /// An argument error for what is no range.
    pub fn read(self) -> Result<TraceOptions, Diagnostic> {
        let range = |name: &str, text: Option<String>| -> Result<Option<IndexRange>, Diagnostic> {
            let read = text.map(|text| text.parse::<IndexRange>()).transpose();
            read.map_err(|message| argument(name, message, "`range(3, 5)` are 3 and 4"))
        };
        Ok(TraceOptions {
            table: self.table,
            packets: self.packets,
            events: self.events,
            images: range("items", self.items)?,
            passes: range("passes", self.passes)?,
            timesteps: range("timesteps", self.timesteps)?,
        })
    }
}

/// What a run keeps.
pub struct Wanted {
    /// The table of timesteps.
    pub timesteps: bool,
    /// The spikes of a network.
    pub spikes: Option<NetworkId>,
    /// Packets.
    pub trace: TraceOptions,
}

/// Keeps what a run shows.
struct Recorder<'a> {
    steps: Option<StepTable<Vec<u8>>>,
    kept: KeptPasses,
    trace: Option<TraceRecorder<'a>>,
}

impl Observer for Recorder<'_> {
    fn steps(&mut self, index: u64, steps: &[TimedStep]) -> Result<(), Diagnostic> {
        if let Some(table) = &mut self.kept.by_core {
            table.add(steps);
        }
        self.steps.as_mut().map_or(Ok(()), |table| table.item(index, steps))
    }

    fn steps_by_core(&self) -> usize {
        self.kept.by_core.as_ref().map_or(0, CoreStepTable::most)
    }

    fn item(&mut self, _: u64, _: &MeterRecord) -> Result<(), Diagnostic> {
        Ok(())
    }

    fn sees_spikes(&self) -> bool {
        self.kept.spikes.is_some()
    }

    fn spikes(&mut self, _: u64, passes: &[PackedSpikes]) -> Result<(), Diagnostic> {
        if let Some((_, kept)) = &mut self.kept.spikes {
            kept.extend_from_slice(passes);
        }
        Ok(())
    }

    fn membranes(&mut self, _: u64, passes: &[PassMembranes]) -> Result<(), Diagnostic> {
        self.kept.membranes.extend_from_slice(passes);
        Ok(())
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        self.trace.as_mut().map(|trace| trace as &mut dyn Watcher)
    }
}

/// A run that is done.
pub struct Ran<I> {
    /// Its items with their cost.
    pub made: Outcome<I>,
    /// The data of report.json.
    pub report: Report,
    /// Timesteps, spikes and membranes.
    pub kept: KeptPasses,
    /// Packets, if they were asked for.
    pub packets: Option<PacketTable>,
}

/// Runs a workload and keeps what is wanted of it.
///
/// # Errors
/// The run's, and those of traces that it cannot give.
pub fn ran<W: Workload>(
    session: &Session,
    fidelity: Fidelity,
    workload: &W,
    wanted: Wanted,
    watch: &Watch,
) -> Result<Ran<W::Item>, Diagnostics> {
    let program = session.program().mapped();
    let steps = (wanted.timesteps && fidelity != Fidelity::None)
        .then(|| StepTable::in_memory(&program.model, workload.item_name()))
        .transpose()?;
    let extent = Extent { items: workload.len(), passes: workload.passes(), item_name: workload.item_name() };
    let trace = TraceRecorder::new(program, wanted.trace, extent, fidelity)?;
    let by_core = steps.is_some().then(|| CoreStepTable::new(program, extent.item_name));
    let spikes = wanted.spikes.map(|id| (id, Vec::new()));
    let kept = KeptPasses { spikes, by_core, ..KeptPasses::default() };
    let mut recorder = Recorder { steps, kept, trace };
    let made = session.run_observed(workload, &mut recorder, watch)?;
    let report = made.report();
    let Recorder { steps, mut kept, mut trace } = recorder;
    kept.timesteps = steps.map(StepTable::into_bytes).transpose()?;
    let packets = trace.as_mut().and_then(TraceRecorder::take_table);
    trace.map(TraceRecorder::finish).transpose()?;
    Ok(Ran { made, report, kept, packets })
}
