//! Sweeps: `snnc._native.Sweep`, of inputs in memory or of a sweep file and its folder.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::prelude::*;
use snnc::compiler::mapping::partition::search::{Method, Objective};
use snnc::recording;
use snnc::sweep::file::{Axis, SweepFile};
use snnc::sweep::table::Table;
use snnc::sweep::{self, GivenInputs, Plan, Shard, SweepOptions, page, pareto};
use snnc::targets::derived::Override;
use snnc::targets::{Source, registry};
use snnc::{Diagnostic, Diagnostics, Model as Loaded, streaming};

use crate::arrays::{Batch, Numbers};
use crate::compile::{effort, method, objective, passes};
use crate::errors::{argument, raise};
use crate::model::{Model, calibrated, json, of_network};
use crate::work;

/// A target by name, or its name and the text of its file.
#[derive(FromPyObject)]
pub enum SweptTarget {
    /// Name and RON.
    Text(String, String),
    /// Built in, or a path.
    Named(String),
}

/// The keyword arguments of `snnc.sweep`.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Asked {
    targets: Vec<SweptTarget>,
    /// Fields with their values as RON.
    set: Vec<(String, Vec<String>)>,
    variants: Vec<Vec<(String, String)>>,
    weights: Vec<u32>,
    objectives: Vec<String>,
    partitioners: Vec<String>,
    group: usize,
    efforts: Vec<String>,
    mapping_seed: u64,
    timing: String,
    images: Vec<u64>,
    seed: Option<u64>,
    network: Option<String>,
    samples: Vec<u64>,
    labels: Option<Vec<i64>>,
    passes: Option<usize>,
    calibrate_network: Option<String>,
    verify: bool,
    threads: Option<usize>,
    jobs: Option<usize>,
}

/// A sweep's file, its targets by name, and how it is carried out.
type SweepSettings = (SweepFile, Vec<(String, Arc<Source>)>, SweepOptions);

impl Asked {
    /// What is varied, its targets' texts, and how the points are carried out.
    fn read(self) -> Result<SweepSettings, Diagnostics> {
        let targets = self.targets.into_iter().map(|target| match target {
            SweptTarget::Named(name) => Ok((name.clone(), registry::source(&name)?)),
            SweptTarget::Text(name, text) => Ok((name.clone(), Source::new(name, text))),
        });
        let targets = targets.collect::<Result<_, Diagnostics>>()?;
        let axis = |(field, values): (String, Vec<String>)| {
            let values = values.iter().map(|value| change(&field, value)).collect::<Result<_, _>>()?;
            Ok::<_, Diagnostic>(Axis { field, values })
        };
        let variant = |fields: Vec<(String, String)>| {
            fields.iter().map(|(field, value)| change(field, value)).collect::<Result<Vec<_>, _>>()
        };
        let variants: Vec<Vec<Override>> =
            self.variants.into_iter().map(variant).collect::<Result<_, _>>()?;
        let objectives: Vec<Objective> =
            self.objectives.iter().map(|word| objective(word)).collect::<Result<_, _>>()?;
        let partitioners: Vec<Method> =
            self.partitioners.iter().map(|word| method(word, self.group)).collect::<Result<_, _>>()?;
        let settings = SweepFile {
            model: PathBuf::new(),
            nir: None,
            targets: Vec::new(),
            set: self.set.into_iter().map(axis).collect::<Result<_, _>>()?,
            variants: if variants.is_empty() { vec![Vec::new()] } else { variants },
            weights: if self.weights.is_empty() {
                vec![None]
            } else {
                self.weights.into_iter().map(Some).collect()
            },
            objectives,
            partitioners,
            efforts: self.efforts.iter().map(|word| effort(word)).collect::<Result<_, _>>()?,
            mapping_seed: self.mapping_seed,
            timing: self.timing.parse()?,
            images: self.images,
            seed: self.seed,
            input: None,
            labels: None,
            network: self.network,
            dt: None,
            samples: self.samples,
            calibrate: passes(self.passes)?,
            calibrate_input: None,
            calibrate_network: None,
            verify: self.verify,
        };
        each_field_once(&settings)?;
        Ok((settings, targets, SweepOptions { threads: self.threads, jobs: self.jobs, shard: None }))
    }
}

/// A field of a target with another value.
fn change(field: &str, value: &str) -> Result<Override, Diagnostic> {
    Override::of_option("set", &format!("{field}={value}"))
}

/// A field that is in `set` and in a variant would have two values.
fn each_field_once(settings: &SweepFile) -> Result<(), Diagnostic> {
    let varied = settings.variants.iter().flatten().map(Override::field);
    let twice = varied.into_iter().find(|field| settings.set.iter().any(|axis| axis.field == **field));
    match twice {
        None => Ok(()),
        Some(field) => {
            let message = format!("{field} is in `variants` too, and has one value a point");
            Err(argument("set", message, "leave it out of one of them"))
        }
    }
}

/// A part of a work, as `I/N`.
///
/// # Errors
/// An argument error.
pub fn shard(text: Option<&str>) -> Result<Option<Shard>, Diagnostic> {
    let read = text.map(str::parse::<Shard>).transpose();
    read.map_err(|message| argument("shard", message, "`snnc.merge` puts the parts together"))
}

/// The points of a sweep and what became of them.
#[pyclass(frozen, module = "snnc._native")]
pub struct Sweep(Arc<sweep::Sweep>);

#[pymethods]
impl Sweep {
    /// Carries out the points in memory.
    #[staticmethod]
    fn run(
        py: Python<'_>,
        model: &Model,
        asked: Asked,
        x: Option<Numbers<'_>>,
        calibrate: Option<Numbers<'_>>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let x = x.map(|x| Batch::new(&x)).transpose()?;
        let calibrate = calibrate.map(|x| Batch::new(&x)).transpose()?;
        let model = model.model.clone();
        let sweep = work::run(py, progress, move |watch| {
            let (network, given) = (asked.calibrate_network.clone(), asked.labels.clone());
            let (settings, targets, options) = asked.read()?;
            let mut model = match calibrate {
                None => model,
                Some(batch) => calibrated(&model, batch, network.as_deref())?,
            };
            let (mut samples, mut labels) = (None, None);
            if let Some(batch) = x {
                let count = batch.len();
                let (name, values) = of_network(&model, batch, ("network", settings.network.as_deref()))?;
                model = recorded(&model, &name, &values, count);
                let classes = classes(&model, &name)?;
                labels = given.map(|y| crate::arrays::labels(y, count, classes)).transpose()?;
                samples = Some(values);
            } else if given.is_some() {
                let message = "would change nothing without samples";
                return Err(argument("labels", message, "give the samples as `x`").into());
            }
            let plan = Plan::given(settings, GivenInputs { model, targets, samples, labels })?;
            sweep::run_in_memory(&plan, options, watch)
        })?;
        Ok(Self(Arc::new(sweep)))
    }

    /// Carries out the points of a sweep file that a folder does not hold yet.
    #[staticmethod]
    fn run_file(
        py: Python<'_>,
        path: PathBuf,
        folder: PathBuf,
        part: Option<&str>,
        at_a_time: (Option<usize>, Option<usize>),
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let shard = shard(part).map_err(|problem| raise(py, problem))?;
        let (threads, jobs) = at_a_time;
        let options = SweepOptions { threads, jobs, shard };
        let sweep = work::run(py, progress, move |watch| {
            let plan = Plan::new(SweepFile::read(&path)?)?;
            Ok(sweep::run(&plan, &folder, options, watch)?.sweep)
        })?;
        Ok(Self(Arc::new(sweep)))
    }

    /// Reads the folder of a sweep.
    #[staticmethod]
    fn load(py: Python<'_>, folder: PathBuf) -> PyResult<Self> {
        let sweep = work::run(py, None, move |_| Ok(sweep::Sweep::load(folder)?))?;
        Ok(Self(Arc::new(sweep)))
    }

    /// The table: names of the columns, and rows, as JSON.
    fn table(&self) -> PyResult<(Vec<String>, String)> {
        let Table { columns, rows } = Table::new(&self.0);
        Ok((columns, json(&rows)?))
    }

    /// The table as comma-separated values.
    fn csv(&self) -> String {
        Table::new(&self.0).csv()
    }

    /// Numbers of the points that nothing beats, once all are done.
    fn front(&self) -> Option<Vec<usize>> {
        self.0.is_whole().then(|| pareto::front(&self.0))
    }

    /// Numbers of points in all, and of those that are done.
    fn sizes(&self) -> (usize, usize) {
        (self.0.manifest.points.len(), self.0.outcomes.len())
    }

    /// What the points have in common, and what each is, as JSON.
    fn manifest(&self) -> PyResult<String> {
        json(&self.0.manifest)
    }

    /// The page of a whole sweep.
    fn page(&self, py: Python<'_>) -> PyResult<String> {
        if !self.0.is_whole() {
            let message = "only the whole has a page, since a front is one of all points";
            return Err(raise(py, argument("sweep", message, "`snnc.merge` puts the parts together")));
        }
        Ok(page::page(&self.0, &Table::new(&self.0)))
    }

    fn __str__(&self) -> String {
        self.0.to_string()
    }
}

/// The model with the first of some samples, for its mapping to look at.
fn recorded(model: &Loaded, network: &str, values: &[f64], count: usize) -> Loaded {
    let each = values.len() / count.max(1);
    let few = values.len().min(each.saturating_mul(recording::ITEMS as usize));
    model.with_activity(network, values[..few].to_vec())
}

/// Values of the read-out of a network.
fn classes(model: &Loaded, network: &str) -> Result<usize, Diagnostics> {
    let graph = &model.loaded().graphs[network];
    Ok(snnc::compiler::reference::Interpreter::new(graph)?.output_shape().len())
}

/// Puts the parts of a sweep, or of a set of images, together in a folder: the sweep, or the number of images.
#[pyfunction]
pub fn merge(py: Python<'_>, folders: Vec<PathBuf>, out: PathBuf) -> PyResult<(Option<Sweep>, u64)> {
    work::run(py, None, move |_| {
        if folders.iter().any(|folder| streaming::is_set(folder)) {
            return Ok((None, streaming::merge(&folders, &out)?));
        }
        Ok((Some(Sweep(Arc::new(sweep::merge(&folders, &out)?))), 0))
    })
}
