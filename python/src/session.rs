//! Runs: `snnc._native.Session`, whose results are arrays, a report and a table of timesteps.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use snnc::compiler::ir::NetworkId;
use snnc::report::timing::steps::StepTable;
use snnc::samples::membranes::{MembraneChoice, PassMembranes, WatchedLayer};
use snnc::samples::spikes::{PackedSpikes, SpikeLayer};
use snnc::samples::{Classification, prediction};
use snnc::simulator::charge::MeterRecord;
use snnc::simulator::time::cycle::Watcher;
use snnc::simulator::workload::Workload;
use snnc::{Diagnostic, Fidelity, Observer, Outcome, Report, SessionOptions};

use crate::arrays::{Batch, Numbers, array, labels};
use crate::errors::{argument, raise};
use crate::model::json;
use crate::program::samples_of;
use crate::work::{self, Watch};

/// A program ready to run.
#[pyclass(frozen, module = "snnc._native")]
pub struct Session {
    session: snnc::Session,
    options: SessionOptions,
}

/// What a run may do besides: whether samples go on from each other, and the layers whose membranes are kept, as
/// `--membranes` takes them.
type Kept = (bool, Option<String>);

/// Keeps what a run shows: its timesteps as CSV, and the spikes of its passes.
struct Recorder {
    steps: Option<StepTable<Vec<u8>>>,
    /// Of every layer, sample after sample, packed.
    spikes: Option<Vec<Vec<u8>>>,
    /// Of every layer that the session watches, sample after sample, in units of the model.
    membranes: Vec<Vec<f64>>,
    watched: Vec<WatchedLayer>,
}

impl Observer for Recorder {
    fn item(&mut self, index: u64, record: &MeterRecord) -> Result<(), Diagnostic> {
        self.steps.as_mut().map_or(Ok(()), |steps| steps.item(index, &record.timesteps.steps))
    }

    fn sees_spikes(&self) -> bool {
        self.spikes.is_some()
    }

    fn spikes(&mut self, _: u64, passes: &[PackedSpikes]) -> Result<(), Diagnostic> {
        let Some(layers) = &mut self.spikes else { return Ok(()) };
        for pass in passes {
            layers.resize(pass.layers.len(), Vec::new());
            layers.iter_mut().zip(&pass.layers).for_each(|(all, more)| all.extend_from_slice(more));
        }
        Ok(())
    }

    fn membranes(&mut self, _: u64, passes: &[PassMembranes]) -> Result<(), Diagnostic> {
        for PassMembranes(layers) in passes {
            for ((all, layer), integers) in self.membranes.iter_mut().zip(&self.watched).zip(layers) {
                all.extend(layer.in_units(integers));
            }
        }
        Ok(())
    }

    fn watcher(&mut self) -> Option<&mut dyn Watcher> {
        None
    }
}

/// A run that is done.
struct Ran<I> {
    made: Outcome<I>,
    report: Report,
    steps: Option<Vec<u8>>,
    spikes: Option<Vec<Vec<u8>>>,
    membranes: Vec<Vec<f64>>,
}

/// The session with what a run asks for besides.
fn with_kept(
    session: snnc::Session,
    options: SessionOptions,
    (keep_state, membranes): Kept,
    network: NetworkId,
) -> Result<snnc::Session, Diagnostic> {
    if !keep_state && membranes.is_none() {
        return Ok(session);
    }
    let program = session.program();
    let choice = membranes.map(|text| text.parse::<MembraneChoice>()).transpose();
    let choice =
        choice.map_err(|message| argument("membranes", message, "a list of names, or of `LAYER:0,5,9`"))?;
    let watched =
        choice.map(|choice| WatchedLayer::of(&program.mapped().model, network, &choice)).transpose()?;
    snnc::Session::watching(program, SessionOptions { keep_state, ..options }, watched.unwrap_or_default())
}

impl Session {
    /// Makes a program ready.
    pub fn new(
        py: Python<'_>,
        program: &snnc::Program,
        timing: &str,
        threads: Option<usize>,
    ) -> PyResult<Self> {
        let fidelity: Fidelity = timing.parse().map_err(|problem: Diagnostic| raise(py, problem))?;
        let program = program.clone();
        let options = SessionOptions { fidelity, threads, keep_state: false };
        let session = work::run(py, None, move |_| Ok(snnc::Session::new(&program, options)?))?;
        Ok(Self { session, options })
    }
}

/// Runs a workload; its timesteps and spikes are kept if they are wanted.
fn ran<W: Workload>(
    session: &snnc::Session,
    workload: &W,
    (steps, spikes): (bool, bool),
    watch: &Watch,
) -> Result<Ran<W::Item>, Diagnostic> {
    let model = &session.program().mapped().model;
    let steps = steps.then(|| StepTable::in_memory(model, workload.item_name())).transpose()?;
    let watched = session.watched().to_vec();
    let membranes = vec![Vec::new(); watched.len()];
    let mut recorder = Recorder { steps, spikes: spikes.then(Vec::new), membranes, watched };
    let made = session.run_observed(workload, &mut recorder, watch)?;
    let report = made.report();
    let steps = recorder.steps.map(StepTable::into_bytes).transpose()?;
    Ok(Ran { made, report, steps, spikes: recorder.spikes, membranes: recorder.membranes })
}

#[pymethods]
impl Session {
    /// Feeds samples: `readout` float64 `[n, ...]`, `predictions` int64 `[n]`, `report` (JSON), `text` (whose `str` is
    /// drawn when asked for), `timesteps` (CSV or None), `spikes` (name -> shape of a sample and packed bytes
    /// `[n, ...]`), `membranes` (name -> float64 `[n, t, neurons]`).
    #[expect(clippy::too_many_arguments, reason = "they are those of the Python function")]
    fn run<'py>(
        &self,
        py: Python<'py>,
        x: Numbers<'_>,
        y: Option<Vec<i64>>,
        network: Option<String>,
        spikes: bool,
        timesteps: bool,
        kept: Kept,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (batch, session, options) = (Batch::new(&x)?, self.session.clone(), self.options);
        let timesteps = timesteps && options.fidelity != Fidelity::None;
        let (mut ran, samples) = work::run(py, progress, move |watch| {
            let (samples, classes) = samples_of(session.program(), batch, network.as_deref())?;
            let y = y.map(|y| labels(y, samples.len() as usize, classes)).transpose()?;
            let session = with_kept(session, options, kept, samples.network())?;
            let mut ran = ran(&session, &samples, (timesteps, spikes), watch)?;
            ran.report.classify(y.as_deref().map(|y| Classification::new(&ran.made.items, y)));
            Ok((ran, samples))
        })?;
        let count = ran.made.items.len();
        let shape = samples.readout_shape();
        let mut sides = vec![count, shape.channels, shape.height, shape.width];
        if shape.positions() == 1 {
            sides.truncate(2);
        }
        let predictions: Vec<i64> = ran.made.items.iter().map(|item| prediction(item) as i64).collect();
        let found = PyDict::new(py);
        found.set_item("readout", array(py, ran.made.items.concat(), &sides)?)?;
        found.set_item("predictions", array(py, predictions, &[count])?)?;
        let of_layers = PyDict::new(py);
        if let Some(layers) = ran.spikes.take() {
            let model = &self.session.program().mapped().model;
            for (layer, packed) in SpikeLayer::of(model, samples.network()).zip(layers) {
                let sides = [&[count], &layer.packed()[..]].concat();
                of_layers.set_item(layer.name, (layer.shape, array(py, packed, &sides)?))?;
            }
        }
        found.set_item("spikes", of_layers)?;
        let of_layers = PyDict::new(py);
        let watched = ran.made.session.watched().to_vec();
        for (layer, values) in watched.into_iter().zip(std::mem::take(&mut ran.membranes)) {
            let sides = [count, layer.steps, layer.neurons.len()];
            of_layers.set_item(layer.name, array(py, values, &sides)?)?;
        }
        found.set_item("membranes", of_layers)?;
        told(&found, ran)?;
        Ok(found)
    }

    /// Generates images: `images` uint8 `[n, c, h, w]`, `tokens` int64 `[n, rows, columns]`, and the report as [`run`]
    /// gives it.
    fn generate<'py>(
        &self,
        py: Python<'py>,
        images: u64,
        seed: u64,
        temperature: Option<f64>,
        timesteps: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let session = self.session.clone();
        let timesteps = timesteps && self.options.fidelity != Fidelity::None;
        let (ran, workload) = work::run(py, progress, move |watch| {
            let mut workload = session.program().generation(seed, images)?;
            if let Some(temperature) = temperature {
                workload = workload.at_temperature(temperature)?;
            }
            Ok((ran(&session, &workload, (timesteps, false), watch)?, workload))
        })?;
        let (count, shape, p) = (ran.made.items.len(), workload.image, workload.parameters);
        let pixels = ran.made.items.iter().flat_map(|image| image.pixels.iter().copied()).collect();
        let tokens = ran.made.items.iter().flat_map(|image| image.tokens.iter().map(|&token| token.into()));
        let tokens: Vec<i64> = tokens.collect();
        let found = PyDict::new(py);
        found.set_item(
            "images",
            array::<u8>(py, pixels, &[count, shape.channels, shape.height, shape.width])?,
        )?;
        found.set_item("tokens", array(py, tokens, &[count, p.rows, p.columns])?)?;
        told(&found, ran)?;
        Ok(found)
    }
}

/// The report of a run, which is drawn for people when someone looks.
#[pyclass(frozen, module = "snnc._native")]
pub struct ReportText(Report);

#[pymethods]
impl ReportText {
    fn __str__(&self) -> String {
        self.0.to_string()
    }
}

/// Report and timesteps of a run.
fn told<I>(found: &Bound<'_, PyDict>, ran: Ran<I>) -> PyResult<()> {
    found.set_item("report", json(&ran.report)?)?;
    found.set_item("timesteps", ran.steps.as_deref().map(String::from_utf8_lossy))?;
    found.set_item("text", Bound::new(found.py(), ReportText(ran.report))?)
}
