//! The folder of a run's results: what the workload gave, its timesteps, traces and report, whole or not at all.
//!
//! A [`ResultsRecorder`] looks on while a session runs and writes beside; [`ResultsRecorder::finish`] gives the files
//! their names.

use std::path::{Path, PathBuf};

use snnc_compiler::ir::program::Program;
use snnc_simulator::charge::MeterRecord;
use snnc_simulator::time::Fidelity;
use snnc_simulator::time::cycle::Watcher;
use snnc_simulator::workload::generation::GeneratedImage;
use snnc_simulator::workload::{Generation, Workload};
use snnc_targets::output::ResultSet;
use snnc_targets::{Diagnostic, Diagnostics};

use crate::npy;
use crate::report::images::{PngImage, image_name, write_contact, write_image};
use crate::report::timing::steps::StepTable;
use crate::report::{Report, is_result, json};
use crate::session::Observer;
use crate::trace::{self, Extent, TraceRecorder};

/// What is written while a run goes on, and where its results go.
#[derive(Debug)]
pub struct ResultsRecorder<'a> {
    folder: Option<(PathBuf, ResultSet)>,
    steps: Option<StepTable>,
    traces: Option<TraceRecorder<'a>>,
    /// TraceRecorder by the names that they were asked for.
    named: trace::TraceOptions,
}

impl<'a> ResultsRecorder<'a> {
    /// Claims the folder `out`, if there is to be one, and begins the files that grow with the run. To be called before
    /// the work: a folder that cannot be made, or that is another's, should not cost a run.
    ///
    /// # Errors
    /// [`snnc_targets::Code::OutputFailed`], [`snnc_targets::Code::Argument`] for traces that the run cannot give.
    pub fn begin(
        program: &'a Program,
        workload: &impl Workload,
        fidelity: Fidelity,
        out: Option<&Path>,
        traced: trace::TraceOptions,
    ) -> Result<Self, Diagnostic> {
        let begin = |out: &Path| Ok((out.to_owned(), ResultSet::begin(out, "snnc run", is_result)?));
        let folder = out.map(begin).transpose()?;
        let named = traced.clone();
        let mut options = traced;
        let mut steps = None;
        if let Some((out, set)) = &folder {
            if fidelity != Fidelity::None {
                let path = set.place("timesteps.csv")?;
                steps = Some(StepTable::create(&path, &program.model.networks, workload.item_name())?);
            }
            options.check_beside(out)?;
            // A trace in the folder of results is one of them.
            for file in [&mut options.packets, &mut options.events].into_iter().flatten() {
                if let Some(name) = set.name_of(file) {
                    *file = set.place(&name)?;
                }
            }
        }
        let (items, passes, item_name) = (workload.len(), workload.passes(), workload.item_name());
        let traces = TraceRecorder::new(program, options, Extent { items, passes, item_name }, fidelity)?;
        Ok(Self { folder, steps, traces, named })
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
        let Self { folder, steps, traces, named } = self;
        let also = if steps.is_some() { ", timesteps.csv" } else { "" };
        steps.map(StepTable::finish).transpose()?;
        let traced = traces.map(TraceRecorder::finish).transpose()?;
        let mut lines = Vec::new();
        if let Some((out, set)) = folder {
            let files = write(&set)?;
            json::write(&set.place("report.json")?, report)?;
            set.commit()?;
            lines.push(format!("{files}{also} and report.json to {}", out.display()));
        }
        lines.extend(traced.into_iter().flat_map(|traced| traced.lines(&named.packets, &named.events)));
        Ok(lines)
    }
}

impl Observer for ResultsRecorder<'_> {
    fn item(&mut self, index: u64, record: &MeterRecord) -> Result<(), Diagnostic> {
        self.steps.as_mut().map_or(Ok(()), |steps| steps.item(index, &record.timesteps.steps))
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
    let last = image_name(made.len().saturating_sub(1));
    Ok(format!("image_0000.png to {last}, contact.png, tokens.npy"))
}
