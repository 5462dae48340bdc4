//! The folder of a run's results: what the workload gave, its timesteps, traces and report, whole or not at all.
//!
//! A [`ResultsRecorder`] looks on while a session runs and writes beside; [`ResultsRecorder::finish`] gives the files
//! their names.

use std::path::{Path, PathBuf};

use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::Program;
use snnc_simulator::charge::{MeterRecord, TimedStep};
use snnc_simulator::time::Fidelity;
use snnc_simulator::time::cycle::Watcher;
use snnc_simulator::workload::generation::GeneratedImage;
use snnc_simulator::workload::{Generation, Samples};
use snnc_targets::output::{self, ResultSet};
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use crate::npy;
use crate::outcome::Outcome;
use crate::report::by_core_step::{self, CoreStepTable};
use crate::report::html::{self, RunFolder};
use crate::report::images::{PngImage, UNMASKED_AT, image_name, write_contact, write_image};
use crate::report::timing::steps::StepTable;
use crate::report::{Report, by_core, is_result, json};
use crate::samples::membranes::{self, MembraneArchive, PassMembranes, WatchedLayer};
use crate::samples::spikes::{self, PackedSpikes, SpikeArchive};
use crate::samples::{self, preview};
use crate::session::Observer;
use crate::trace::{self, Extent, TraceRecorder};

/// What is written of the passes of samples or images.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeenOfPasses {
    /// The networks whose spikes are written, and the most passes of each in an item.
    pub spikes_of: Vec<(NetworkId, u64)>,
    /// The layers whose membranes are written.
    pub membranes: Vec<WatchedLayer>,
}

/// What is written while a run goes on, and where its results go.
#[derive(Debug)]
pub struct ResultsRecorder<'a> {
    folder: Option<(PathBuf, ResultSet)>,
    steps: Option<StepTable>,
    spikes: Option<SpikeArchive>,
    membranes: Option<MembraneArchive>,
    traces: Option<TraceRecorder<'a>>,
    /// TraceRecorder by the names that they were asked for.
    named: trace::TraceOptions,
    /// Whether a page is to be among the results.
    page: bool,
    /// What the page shows of cores by timestep.
    by_core: Option<CoreStepTable>,
}

impl<'a> ResultsRecorder<'a> {
    /// Claims the folder `out`, if there is to be one, and begins the files that grow with the run. To be called before
    /// the work: a folder that cannot be made, or that is another's, should not cost a run.
    ///
    /// # Errors
    /// [`snnc_targets::Code::OutputFailed`], [`snnc_targets::Code::Argument`] for traces that the run cannot give, and
    /// for spikes or membranes without a folder.
    pub fn begin(
        program: &'a Program,
        extent: Extent,
        fidelity: Fidelity,
        out: Option<&Path>,
        traced: trace::TraceOptions,
        seen: &SeenOfPasses,
    ) -> Result<Self, Diagnostic> {
        let begin = |out: &Path| Ok((out.to_owned(), ResultSet::begin(out, "snnc run", is_result)?));
        let folder = out.map(begin).transpose()?;
        let named = traced.clone();
        let mut options = traced;
        let (mut steps, mut spikes, mut membranes_of) = (None, None, None);
        let wanted = [
            ("--spikes", spikes::FILE, !seen.spikes_of.is_empty()),
            ("--membranes", membranes::FILE, !seen.membranes.is_empty()),
        ];
        let without = wanted.into_iter().find(|(.., wanted)| *wanted && folder.is_none());
        if let Some((option, file, _)) = without {
            let message = format!("has no folder: {file} is one of the results of a run");
            return Err(Diagnostic::new(Code::Argument, Subject::argument(option), message)
                .hint("say with --out where results go"));
        }
        if let Some((out, set)) = &folder {
            if fidelity != Fidelity::None {
                let path = set.place("timesteps.csv")?;
                steps = Some(StepTable::create(&path, &program.model, extent.item_name)?);
            }
            if !seen.membranes.is_empty() {
                let path = set.place(membranes::FILE)?;
                membranes_of = Some(MembraneArchive::create(&path, &seen.membranes, extent.items)?);
            }
            if !seen.spikes_of.is_empty() {
                let path = set.place(spikes::FILE)?;
                spikes = Some(SpikeArchive::create(&path, &program.model, &seen.spikes_of, extent.items)?);
            }
            options.check_beside(out)?;
            // A trace in the folder of results is one of them.
            for file in [&mut options.packets, &mut options.events].into_iter().flatten() {
                if let Some(name) = set.name_of(file) {
                    *file = set.place(&name)?;
                }
            }
        }
        let traces = TraceRecorder::new(program, options, extent, fidelity)?;
        Ok(Self { folder, steps, spikes, membranes: membranes_of, traces, named, page: false, by_core: None })
    }

    /// Asks for a page among the results, and records for it what cores do by timestep where time is modelled.
    ///
    /// # Errors
    /// [`Code::Argument`] without a folder.
    pub fn with_page(mut self, asked: bool, program: &Program, item_name: &str) -> Result<Self, Diagnostic> {
        if asked && self.folder.is_none() {
            let message = format!("has no folder: {} is one of the results of a run", html::PAGE);
            return Err(Diagnostic::new(Code::Argument, Subject::argument("--html"), message)
                .hint("say with --out where results go"));
        }
        self.page = asked;
        self.by_core = (asked && self.steps.is_some()).then(|| CoreStepTable::new(program, item_name));
        Ok(self)
    }

    /// Writes the report, and by `write` what the workload gave, and gives all files their names; a line on each.
    /// `write` says which files it wrote.
    ///
    /// # Errors
    /// [`snnc_targets::Code::OutputFailed`]; those of `write` and of the traces.
    pub fn finish(
        self,
        report: &Report,
        write: impl FnOnce(&ResultSet) -> Result<String, Diagnostics>,
    ) -> Result<Vec<String>, Diagnostics> {
        let Self { folder, steps, spikes, membranes: archive, traces, named, page, by_core } = self;
        let mut also = String::new();
        let grown = [
            (steps.is_some(), "timesteps.csv"),
            (spikes.is_some(), spikes::FILE),
            (archive.is_some(), membranes::FILE),
        ];
        for (written, name) in grown {
            also.extend(written.then(|| format!(", {name}")));
        }
        steps.map(StepTable::finish).transpose()?;
        spikes.map(SpikeArchive::finish).transpose()?;
        archive.map(MembraneArchive::finish).transpose()?;
        let traced = traces.map(TraceRecorder::finish).transpose()?;
        let mut lines = Vec::new();
        if let Some((out, set)) = folder {
            let files = write(&set)?;
            json::write(&set.place("report.json")?, report)?;
            if let Some(table) = by_core {
                table.write(&set.place(by_core_step::FILE)?)?;
                also.push_str(", ");
                also.push_str(by_core_step::FILE);
            }
            if page {
                write_page(&set, report, &out)?;
                also.push_str(", ");
                also.push_str(html::PAGE);
            }
            set.commit()?;
            lines.push(format!("{files}{also} and report.json to {}", out.display()));
        }
        lines.extend(traced.into_iter().flat_map(|traced| traced.lines(&named.packets, &named.events)));
        Ok(lines)
    }
}

/// The page, made of the files that the set has so far.
fn write_page(set: &ResultSet, report: &Report, out: &Path) -> Result<(), Diagnostic> {
    let path = set.place(html::PAGE)?;
    let folder = path.parent().unwrap_or(&path);
    let run = RunFolder::of(folder, report.clone(), out.display().to_string())?;
    output::write_atomic(&path, html::page(&run).as_bytes())
}

/// The report of a run's folder, or a report.json.
///
/// # Errors
/// A set of results that is not whole; those of [`json::read`].
pub fn read_report(path: &Path) -> Result<Report, Diagnostic> {
    if !path.is_dir() {
        return json::read(path);
    }
    output::check_set(path)?;
    json::read(&path.join("report.json"))
}

impl Observer for ResultsRecorder<'_> {
    fn steps(&mut self, index: u64, steps: &[TimedStep]) -> Result<(), Diagnostic> {
        if let Some(table) = &mut self.by_core {
            table.add(steps);
        }
        self.steps.as_mut().map_or(Ok(()), |table| table.item(index, steps))
    }

    fn steps_by_core(&self) -> usize {
        self.by_core.as_ref().map_or(0, CoreStepTable::most)
    }

    fn item(&mut self, _: u64, _: &MeterRecord) -> Result<(), Diagnostic> {
        Ok(())
    }

    fn sees_spikes(&self) -> bool {
        self.spikes.is_some()
    }

    fn spikes(&mut self, index: u64, passes: &[PackedSpikes]) -> Result<(), Diagnostic> {
        self.spikes.as_mut().map_or(Ok(()), |archive| archive.append(index, passes))
    }

    fn membranes(&mut self, _: u64, passes: &[PassMembranes]) -> Result<(), Diagnostic> {
        self.membranes.as_mut().map_or(Ok(()), |archive| archive.append(passes))
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        self.traces.as_mut().map(|traces| traces as &mut dyn Watcher)
    }
}

/// Writes images one by one and side by side, and their tokens; what was written.
///
/// # Errors
/// [`snnc_targets::Code::OutputFailed`], or for images that no PNG holds.
pub fn write_images(
    set: &ResultSet,
    workload: &Generation,
    made: &[GeneratedImage],
) -> Result<String, Diagnostics> {
    let Generation { parameters, image: shape, .. } = *workload;
    let mut images = Vec::new();
    for (index, image) in made.iter().enumerate() {
        let image = PngImage::new(shape, image.pixels.clone())?;
        write_image(&set.place(&image_name(index))?, &image)?;
        images.push(image);
    }
    write_contact(&set.place("contact.png")?, &images)?;
    let tokens: Vec<Vec<u32>> = made.iter().map(|image| image.tokens.clone()).collect();
    npy::write_tokens(&set.place("tokens.npy")?, &tokens, parameters.rows, parameters.columns)?;
    let unmasked: Vec<Vec<u32>> = made.iter().map(|image| image.unmasked_at.clone()).collect();
    npy::write_tokens(&set.place(UNMASKED_AT)?, &unmasked, parameters.rows, parameters.columns)?;
    let last = image_name(made.len().saturating_sub(1));
    Ok(format!("image_0000.png to {last}, contact.png, tokens.npy, {UNMASKED_AT}"))
}

/// Writes read-outs and predictions of samples, with labels also who was taken for whom, and pictures of the first
/// samples where they are maps that a page can show; the names of the files.
///
/// # Errors
/// [`snnc_targets::Code::OutputFailed`].
pub fn write_samples(
    set: &ResultSet,
    fed: &Samples,
    readouts: &[Vec<f64>],
    labels: Option<&[usize]>,
) -> Result<String, Diagnostic> {
    let files = samples::write_answers(set, readouts, fed.readout_shape(), labels)?;
    let shown = preview::write(&set.place(preview::FILE)?, fed)?;
    let shown = if shown { format!(", {}", preview::FILE) } else { String::new() };
    Ok(format!("{files}{shown}"))
}

/// What was kept in memory while a run went on.
#[derive(Debug, Default)]
pub struct KeptPasses {
    /// timesteps.csv.
    pub timesteps: Option<Vec<u8>>,
    /// Spikes of the passes of a network, in order.
    pub spikes: Option<(NetworkId, Vec<PackedSpikes>)>,
    /// Membranes of the layers that the session watches, pass by pass.
    pub membranes: Vec<PassMembranes>,
    /// What cores did by timestep, for a page.
    pub by_core: Option<CoreStepTable>,
}

/// Writes the folder of results of a run that was kept in memory, with the files and the bytes that a
/// [`ResultsRecorder`] would have left; `page` asks for its page. `write` is that of [`ResultsRecorder::finish`].
///
/// # Errors
/// [`snnc_targets::Code::OutputFailed`]; those of `write`.
pub fn write_kept<I>(
    out: &Path,
    (made, report): (&Outcome<I>, &Report),
    kept: &KeptPasses,
    page: bool,
    write: impl FnOnce(&ResultSet) -> Result<String, Diagnostics>,
) -> Result<(), Diagnostics> {
    let set = ResultSet::begin(out, "snnc run", is_result)?;
    let (items, watched) = (made.items.len() as u64, made.session.watched());
    if let Some(timesteps) = &kept.timesteps {
        output::write_atomic(&set.place("timesteps.csv")?, timesteps)?;
    }
    if !watched.is_empty() {
        let mut archive = MembraneArchive::create(&set.place(membranes::FILE)?, watched, items)?;
        archive.append(&kept.membranes)?;
        archive.finish()?;
    }
    if let Some((network, passes)) = &kept.spikes {
        let model = &made.session.program().mapped().model;
        let path = set.place(spikes::FILE)?;
        let mut archive = SpikeArchive::create(&path, model, &[(*network, 1)], items)?;
        (0..).zip(passes).try_for_each(|(index, pass)| archive.append(index, std::slice::from_ref(pass)))?;
        archive.finish()?;
    }
    write(&set)?;
    made.write_cores(&set.place(by_core::FILE)?)?;
    json::write(&set.place("report.json")?, report)?;
    if page {
        let table = kept.by_core.as_ref();
        table.map_or(Ok(()), |table| table.write(&set.place(by_core_step::FILE)?))?;
        write_page(&set, report, out)?;
    }
    Ok(set.commit()?)
}
