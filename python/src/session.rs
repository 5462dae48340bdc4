//! Runs: `snnc._native.Session`, whose results are arrays, a report, tables, and the folder that they would make.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use snnc::compiler::ir::NetworkId;
use snnc::samples::membranes::{MembraneChoice, WatchedLayer};
use snnc::samples::spikes::SpikeLayer;
use snnc::samples::{Classification, EventSummary, prediction};
use snnc::trace::TraceOptions;
use snnc::trace::rows::{COLUMNS, PacketColumn, PacketTable};
use snnc::{Diagnostic, Fidelity, SessionOptions};

use crate::arrays::{Batch, Numbers, array, labels};
use crate::errors::{argument, raise};
use crate::files::RunFiles;
use crate::model::json;
use crate::program::{Fed, samples_of};
use crate::recorder::{Ran, Trace, Wanted, ran};
use crate::work;

/// A program ready to run.
#[pyclass(frozen, module = "snnc._native")]
pub struct Session {
    session: snnc::Session,
    options: SessionOptions,
}

/// What a run of samples may be asked for.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct RunOptions {
    labels: Option<Vec<i64>>,
    network: Option<String>,
    count: Option<u64>,
    seed: Option<u64>,
    /// What became of the events that the samples are made of, as JSON.
    events: Option<String>,
    spikes: bool,
    timesteps: bool,
    keep_state: bool,
    /// Layers whose membranes are kept, as `--membranes` takes them.
    membranes: Option<String>,
    sensitivity: bool,
    trace: Option<Trace>,
}

/// What a run of images may be asked for.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct ImageOptions {
    images: u64,
    seed: u64,
    temperature: Option<f64>,
    timesteps: bool,
    sensitivity: bool,
    trace: Option<Trace>,
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

/// The session with what a run asks for besides: whether samples go on from each other, layers whose membranes are
/// kept, and whether times at the ends of ranges are.
fn with_options(
    session: snnc::Session,
    options: SessionOptions,
    (membranes, network): (Option<String>, Option<NetworkId>),
    sensitivity: bool,
) -> Result<snnc::Session, Diagnostic> {
    if !options.keep_state && membranes.is_none() && !sensitivity {
        return Ok(session);
    }
    let program = session.program();
    let choice = membranes.map(|text| text.parse::<MembraneChoice>()).transpose();
    let choice =
        choice.map_err(|message| argument("membranes", message, "a list of names, or of `LAYER:0,5,9`"))?;
    let watched = match choice.zip(network) {
        Some((choice, network)) => WatchedLayer::of(&program.mapped().model, network, &choice)?,
        None => Vec::new(),
    };
    if sensitivity {
        return snnc::Session::with_sensitivity(program, options, watched);
    }
    snnc::Session::watching(program, options, watched)
}

/// What became of events, as `Model.events` told it.
fn events(text: &str) -> Result<EventSummary, Diagnostic> {
    serde_json::from_str(text).map_err(|error| {
        argument("x", format!("this is no summary of events: {error}"), "see `Model.events`")
    })
}

fn traced(trace: Option<Trace>) -> Result<TraceOptions, Diagnostic> {
    trace.map_or_else(|| Ok(TraceOptions::default()), Trace::read)
}

#[pymethods]
impl Session {
    /// Feeds samples: `readout` float64 `[n, ...]`, `predictions` int64 `[n]`, `report` (JSON), `timesteps` (CSV or
    /// None), `spikes` (name -> shape of a sample and packed bytes `[n, ...]`), `membranes` (name -> float64
    /// `[n, t, neurons]`), `packets` (name -> column, or None), `files`.
    fn run<'py>(
        &self,
        py: Python<'py>,
        x: Option<Numbers<'_>>,
        asked: RunOptions,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let batch = x.map(|x| Batch::new(&x)).transpose()?;
        let (session, options) = (self.session.clone(), self.options);
        let (ran, samples, y) = work::run(py, progress, move |watch| {
            let fed = Fed { batch, network: asked.network, count: asked.count, seed: asked.seed };
            let (samples, classes) = samples_of(session.program(), fed)?;
            let count = snnc::Workload::len(&samples) as usize;
            let y = asked.labels.map(|y| labels(y, count, classes)).transpose()?;
            let options = SessionOptions { keep_state: asked.keep_state, ..options };
            let network = samples.network();
            let session =
                with_options(session, options, (asked.membranes, Some(network)), asked.sensitivity)?;
            let spikes = asked.spikes.then_some(network);
            let wanted = Wanted { timesteps: asked.timesteps, spikes, trace: traced(asked.trace)? };
            let mut ran = ran(&session, options.fidelity, &samples, wanted, watch)?;
            ran.report.events = asked.events.map(|text| events(&text)).transpose()?;
            ran.report.classify(y.as_deref().map(|y| Classification::new(&ran.made.items, y)));
            Ok((ran, samples, y))
        })?;
        let Ran { made, report, kept, packets } = ran;
        let count = made.items.len();
        let shape = samples.readout_shape();
        let mut sides = vec![count, shape.channels, shape.height, shape.width];
        if shape.positions() == 1 {
            sides.truncate(2);
        }
        let predictions: Vec<i64> = made.items.iter().map(|item| prediction(item) as i64).collect();
        let found = PyDict::new(py);
        found.set_item("readout", array(py, made.items.concat(), &sides)?)?;
        found.set_item("predictions", array(py, predictions, &[count])?)?;
        let of_layers = PyDict::new(py);
        if let Some((network, passes)) = &kept.spikes {
            let model = &self.session.program().mapped().model;
            for (index, layer) in SpikeLayer::of(model, *network).enumerate() {
                let sides = [&[count], &layer.packed()[..]].concat();
                let parts: Vec<&[u8]> = passes.iter().map(|pass| &pass.layers[index][..]).collect();
                of_layers.set_item(layer.name, (layer.shape, array(py, parts.concat(), &sides)?))?;
            }
        }
        found.set_item("spikes", of_layers)?;
        let of_layers = PyDict::new(py);
        for (index, layer) in made.session.watched().iter().enumerate() {
            let sides = [count, layer.steps, layer.neurons.len()];
            let values = kept.membranes.iter().flat_map(|pass| layer.in_units(&pass.0[index])).collect();
            of_layers.set_item(&layer.name, array::<f64>(py, values, &sides)?)?;
        }
        found.set_item("membranes", of_layers)?;
        told(&found, &report, kept.timesteps.as_deref(), packets)?;
        found.set_item("files", RunFiles::samples((made, samples, y), report, kept).into_pyobject(py)?)?;
        Ok(found)
    }

    /// Generates images: `images` uint8 `[n, c, h, w]`, `tokens` int64 `[n, rows, columns]`, and the rest as [`run`]
    /// gives it.
    fn generate<'py>(
        &self,
        py: Python<'py>,
        asked: ImageOptions,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (session, options) = (self.session.clone(), self.options);
        let (ran, workload) = work::run(py, progress, move |watch| {
            let mut workload = session.program().generation(asked.seed, asked.images)?;
            if let Some(temperature) = asked.temperature {
                workload = workload.at_temperature(temperature)?;
            }
            let session = with_options(session, options, (None, None), asked.sensitivity)?;
            let wanted = Wanted { timesteps: asked.timesteps, spikes: None, trace: traced(asked.trace)? };
            let mut ran = ran(&session, options.fidelity, &workload, wanted, watch)?;
            ran.report.seed = Some(workload.seed);
            Ok((ran, workload))
        })?;
        let Ran { made, report, kept, packets } = ran;
        let (count, shape, p) = (made.items.len(), workload.image, workload.parameters);
        let pixels = made.items.iter().flat_map(|image| image.pixels.iter().copied()).collect();
        let tokens = made.items.iter().flat_map(|image| image.tokens.iter().map(|&token| token.into()));
        let tokens: Vec<i64> = tokens.collect();
        let found = PyDict::new(py);
        found.set_item(
            "images",
            array::<u8>(py, pixels, &[count, shape.channels, shape.height, shape.width])?,
        )?;
        found.set_item("tokens", array(py, tokens, &[count, p.rows, p.columns])?)?;
        told(&found, &report, kept.timesteps.as_deref(), packets)?;
        found.set_item("files", RunFiles::images((made, workload), report, kept).into_pyobject(py)?)?;
        Ok(found)
    }
}

/// Report, timesteps and packets of a run.
fn told(
    found: &Bound<'_, PyDict>,
    report: &snnc::Report,
    timesteps: Option<&[u8]>,
    packets: Option<PacketTable>,
) -> PyResult<()> {
    found.set_item("report", json(report)?)?;
    found.set_item("timesteps", timesteps.map(String::from_utf8_lossy))?;
    found.set_item("packets", packets.map(|table| columns(found.py(), table)).transpose()?)
}

/// The columns of a table of packets: int64, and lists of names.
fn columns(py: Python<'_>, table: PacketTable) -> PyResult<Bound<'_, PyDict>> {
    let PacketTable { columns, networks, layers } = table;
    let found = PyDict::new(py);
    for (values, (name, column)) in columns.into_iter().zip(&COLUMNS) {
        let named = |names: &[String]| -> Vec<String> {
            values.iter().map(|&index| names[index as usize].clone()).collect()
        };
        match column {
            PacketColumn::Network(_) => found.set_item(*name, named(&networks))?,
            PacketColumn::Layer(_) => found.set_item(*name, named(&layers))?,
            PacketColumn::Long(_) | PacketColumn::Short(_) => {
                let rows = [values.len()];
                found.set_item(*name, array(py, values, &rows)?)?;
            }
        }
    }
    Ok(found)
}
