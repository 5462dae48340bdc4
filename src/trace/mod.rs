//! What packets did, one by one: `--trace` writes a table of packets ([`packets`]), `--trace-events` a timeline of
//! units
//! and links ([`events`]), both of simulated timesteps only. The table is Parquet and needs the feature `parquet`.
//! Without a file, the table is kept in memory ([`PacketTable`]). They look on ([`Watcher`]) and change nothing.
//!
//! Rows are in order of image, pass, timestep and arrival, whatever the number of threads. Memory is bounded: a few
//! timesteps and one group of rows at a time. Files take their names when the run has ended.

pub mod events;
mod index_range;
#[cfg(feature = "parquet")]
pub mod packets;
#[cfg(not(feature = "parquet"))]
#[path = "packets_left_out.rs"]
pub mod packets;
pub mod rows;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use snnc_compiler::ir::program::Program;
use snnc_simulator::counts::SliceTable;
use snnc_simulator::time::Fidelity;
use snnc_simulator::time::cycle::{StepDetail, StepPlace, StepRecord, Watcher};
use snnc_simulator::workload::Workload;
use snnc_targets::output::same_file;
use snnc_targets::{Code, Diagnostic, Subject};

pub use index_range::IndexRange;

use crate::report::is_result;
use events::EventFile;
use packets::PacketFile;
pub use rows::PacketTable;

/// What to trace, and where.
#[derive(Debug, Clone, Default)]
pub struct TraceOptions {
    /// Table of packets.
    pub packets: Option<PathBuf>,
    /// Timeline.
    pub events: Option<PathBuf>,
    /// Whether packets are kept in memory; see [`TraceRecorder::take_table`].
    pub table: bool,
    /// Images.
    pub images: Option<IndexRange>,
    /// Passes of an image.
    pub passes: Option<IndexRange>,
    /// Timesteps of a pass.
    pub timesteps: Option<IndexRange>,
}

/// How much a run has of what can be chosen.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// Items of the workload.
    pub items: u64,
    /// Most passes of an item.
    pub passes: u64,
    /// What an item is called.
    pub item_name: &'static str,
}

impl Extent {
    /// Of a workload.
    pub fn of(workload: &impl Workload) -> Self {
        Self { items: workload.len(), passes: workload.passes(), item_name: workload.item_name() }
    }
}

/// What a trace must know of a program.
#[derive(Debug)]
pub struct Names<'a> {
    /// The program.
    pub program: &'a Program,
    /// Its slice numbering.
    pub slices: SliceTable,
    /// Layer of each slice.
    pub layers: Vec<String>,
}

impl<'a> Names<'a> {
    /// Of a program.
    pub fn new(program: &'a Program) -> Self {
        let slices = SliceTable::new(program);
        let layers = slices.populations.iter().map(|&id| program.model.layer_name(id)).collect();
        Self { program, slices, layers }
    }

    /// Core of a slice.
    pub fn core(&self, slice: u32) -> u32 {
        self.slices.cores[slice as usize].0
    }
}

/// TraceRecorder in the making.
#[derive(Debug)]
pub struct TraceRecorder<'a> {
    names: Names<'a>,
    options: TraceOptions,
    packets: Option<PacketFile>,
    events: Option<EventFile>,
    table: Option<PacketTable>,
    timesteps: u64,
}

impl<'a> TraceRecorder<'a> {
    /// Begins the files; none if nothing is to be traced.
    ///
    /// # Errors
    /// [`Code::Argument`]: no cycle-accurate timing, an empty choice or one outside the run, a choice without a trace;
    /// [`Code::OutputFailed`].
    pub fn new(
        program: &'a Program,
        options: TraceOptions,
        run: Extent,
        fidelity: Fidelity,
    ) -> Result<Option<Self>, Diagnostic> {
        options.check(program, run, fidelity)?;
        let packets = options.packets.as_deref().map(PacketFile::create).transpose()?;
        let events = options.events.as_deref().map(EventFile::create).transpose()?;
        let names = Names::new(program);
        let table = options.table.then(|| PacketTable::new(&names));
        let any = packets.is_some() || events.is_some() || table.is_some();
        Ok(any.then_some(Self { names, options, packets, events, table, timesteps: 0 }))
    }

    /// The packets that were kept in memory, if they were asked for.
    pub fn take_table(&mut self) -> Option<PacketTable> {
        self.table.take()
    }

    /// Gives the files their names.
    ///
    /// # Errors
    /// [`Code::OutputFailed`]; [`Code::Argument`] if none of the chosen timesteps was simulated.
    pub fn finish(self) -> Result<Traced, Diagnostic> {
        if self.timesteps == 0 {
            let message = "none of the chosen timesteps was simulated, so there is nothing to trace";
            return Err(Diagnostic::new(Code::Argument, Subject::argument("--timing"), message)
                .hint("use `--timing cycle`, which simulates every timestep"));
        }
        let packets = self.packets.map(|file| file.finish(&self.names)).transpose()?;
        let events = self.events.map(EventFile::finish).transpose()?;
        Ok(Traced { timesteps: self.timesteps, packets, events })
    }
}

/// What the files hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traced {
    /// Simulated timesteps that were chosen.
    pub timesteps: u64,
    /// Rows of the table of packets, if there is one.
    pub packets: Option<u64>,
    /// Events of the timeline, if there is one.
    pub events: Option<u64>,
}

impl Traced {
    /// A line on each file, by the names that the user gave.
    pub fn lines(&self, packets: &Option<PathBuf>, events: &Option<PathBuf>) -> Vec<String> {
        let all = [(self.packets, "packets", packets), (self.events, "events", events)];
        let lines = all.into_iter().filter_map(|(count, what, path)| {
            let (count, path) = (count?, path.as_ref()?.display());
            Some(format!("{count} {what} of {} simulated timesteps to {path}", self.timesteps))
        });
        lines.collect()
    }
}

impl Watcher for TraceRecorder<'_> {
    fn wants(&mut self, at: StepPlace, packets: u64, hops: u64) -> Result<Option<StepDetail>, Diagnostic> {
        if !self.options.chooses(at) {
            return Ok(None);
        }
        let Some(events) = &mut self.events else { return Ok(Some(StepDetail::Packets)) };
        events.plan(at, packets, hops * flits(self.names.program))?;
        Ok(Some(StepDetail::Work))
    }

    fn recorded(&mut self, at: StepPlace, step: &StepRecord) -> Result<(), Diagnostic> {
        self.timesteps += 1;
        if let Some(file) = &mut self.packets {
            file.add(&self.names, at, step)?;
        }
        if let Some(file) = &mut self.events {
            file.add(&self.names, at, step)?;
        }
        if let Some(table) = &mut self.table {
            table.add(&self.names, at, step)?;
        }
        Ok(())
    }
}

/// Folder and name of a file, the folder without detours if it exists.
fn place(file: &Path) -> (PathBuf, Option<&OsStr>) {
    let folder = file.parent().filter(|folder| *folder != "").unwrap_or(Path::new("."));
    (folder.canonicalize().unwrap_or_else(|_| folder.into()), file.file_name())
}

/// Flits of a packet.
fn flits(program: &Program) -> u64 {
    program.target.flits_per_packet().into()
}

impl TraceOptions {
    /// Whether traces keep out of the way of what a run writes into its folder.
    ///
    /// # Errors
    /// [`Code::Argument`] for a trace with the name of such a file.
    pub fn check_beside(&self, out: &Path) -> Result<(), Diagnostic> {
        for (option, file) in [("--trace", &self.packets), ("--trace-events", &self.events)] {
            let Some(file) = file else { continue };
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if is_result(&name) && place(file) == place(&out.join(&name)) {
                let message = format!("expected another name than that of a file of --out, found {name}");
                return Err(Diagnostic::new(Code::Argument, Subject::argument(option), message));
            }
        }
        Ok(())
    }

    fn chooses(&self, at: StepPlace) -> bool {
        let holds = |index_range: Option<IndexRange>, value: u64| {
            index_range.is_none_or(|index_range| index_range.holds(value))
        };
        holds(self.images, at.image)
            && holds(self.passes, at.iteration as u64)
            && holds(self.timesteps, at.step as u64)
    }

    fn check(&self, program: &Program, run: Extent, fidelity: Fidelity) -> Result<(), Diagnostic> {
        let option = match (&self.packets, &self.events, self.table) {
            (Some(_), ..) | (None, None, true) => "--trace",
            (None, Some(_), _) => "--trace-events",
            (None, None, false) => return self.check_no_choice(),
        };
        if let (Some(packets), Some(events)) = (&self.packets, &self.events)
            && same_file(packets, events)
        {
            let message = "expected another file than that of --trace";
            return Err(Diagnostic::new(Code::Argument, Subject::argument("--trace-events"), message));
        }
        if !matches!(fidelity, Fidelity::Cycle { .. }) {
            let message = format!("expected cycle-accurate timing, found `--timing {fidelity}`");
            return Err(Diagnostic::new(Code::Argument, Subject::argument(option), message)
                .hint("packets are followed one by one only with `--timing cycle` or `--timing cycle:1/N`"));
        }
        let steps = program.model.networks.values().map(|network| network.pass_steps).max().unwrap_or(0);
        let Extent { items, passes, item_name } = run;
        for (option, index_range, end, of) in [
            ("--trace-images", self.images, items, format!("{item_name}s of this run")),
            ("--trace-passes", self.passes, passes, format!("passes of one of its {item_name}s")),
            ("--trace-timesteps", self.timesteps, steps.into(), "timesteps of a pass".into()),
        ] {
            if let Some(index_range) = index_range.filter(|index_range| !index_range.within(end)) {
                let message = format!("expected some of the {end} {of}, found {index_range}");
                return Err(Diagnostic::new(Code::Argument, Subject::argument(option), message)
                    .hint(format!("they are numbered from 0 to {}; A..B ends before B", end - 1)));
            }
        }
        Ok(())
    }

    /// A choice without a trace would be silently ignored.
    fn check_no_choice(&self) -> Result<(), Diagnostic> {
        let choices = [
            ("--trace-images", self.images),
            ("--trace-passes", self.passes),
            ("--trace-timesteps", self.timesteps),
        ];
        match choices.into_iter().find(|(_, index_range)| index_range.is_some()) {
            None => Ok(()),
            Some((option, _)) => Err(Diagnostic::new(
                Code::Argument,
                Subject::argument(option),
                "there is no trace to choose from",
            )
            .hint("add `--trace packets.parquet` or `--trace-events trace.json`")),
        }
    }
}
