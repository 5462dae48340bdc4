//! Trained networks: `snnc._native.Model`.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use snnc::compiler::frontend::Description;
use snnc::compiler::frontend::nir::dialect::Overrides;
use snnc::compiler::frontend::nir::{NirOptions, ReadOut};
use snnc::compiler::reference::Interpreter;
use snnc::golden::{self, GoldenFile};
use snnc::samples;
use snnc::samples::input::SampleShape;
use snnc::targets::file_kind::FileKind;
use snnc::{CompileOptions, Diagnostic, Diagnostics};

use crate::arrays::{Batch, Numbers, tensors};
use crate::compile::Options;
use crate::errors::{argument, raise};
use crate::program::Program;
use crate::reference::{ReferenceRun, reference};
use crate::target::Target;
use crate::work;

/// Name, timesteps, input, whether that is spikes, and output of a network.
type NetworkSides = (String, usize, [usize; 3], bool, [usize; 3]);

/// A model, and its description if it has one in memory.
#[pyclass(frozen, module = "snnc._native")]
pub struct Model {
    pub model: snnc::Model,
    description: Option<Description>,
}

#[pymethods]
impl Model {
    /// Reads a model file and its weights.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let model = work::run(py, None, move |_| snnc::Model::load(path))?;
        Ok(Self { model, description: None })
    }

    /// Reads a NIR file, by what is said of what it leaves open.
    #[staticmethod]
    #[allow(clippy::too_many_arguments)]
    fn load_nir(
        py: Python<'_>,
        path: PathBuf,
        dialect: Option<&str>,
        timesteps: Option<usize>,
        dt: Option<f64>,
        reset: Option<&str>,
        compare: Option<&str>,
        constant_input: bool,
        readout: Option<&str>,
    ) -> PyResult<Self> {
        let options = nir_options(dialect, reset, compare, readout).map_err(|problem| raise(py, problem))?;
        let overrides = Overrides { dt, ..options.overrides };
        let options = NirOptions { overrides, timesteps, constant_input, ..options };
        let model = work::run(py, None, move |_| snnc::Model::load_nir(path, &options))?;
        Ok(Self { model, description: None })
    }

    /// Whether a file is a NIR file.
    #[staticmethod]
    fn is_nir(path: PathBuf) -> bool {
        FileKind::of_file(&path) == Some(FileKind::Hdf5)
    }

    /// What a NIR file leaves open and how it was decided.
    fn remarks(&self) -> Vec<String> {
        self.model.remarks().to_vec()
    }

    /// A model from the text of a model file and arrays by name; errors call the text `place`.
    #[staticmethod]
    fn describe(py: Python<'_>, place: &str, text: &str, arrays: &Bound<'_, PyDict>) -> PyResult<Self> {
        let described = Description::new(place, text, tensors(arrays)?);
        let description = described.map_err(|problems| raise(py, problems))?;
        let held = description.clone();
        let model = work::run(py, None, move |_| snnc::Model::describe(&held))?;
        Ok(Self { model, description: Some(description) })
    }

    #[getter]
    fn name(&self) -> &str {
        self.model.name()
    }

    /// Whether it has a generation pipeline.
    #[getter]
    fn generates(&self) -> bool {
        self.model.loaded().pipeline.is_some()
    }

    /// Softmax temperature of the generation pipeline.
    #[getter]
    fn temperature(&self) -> Option<f64> {
        self.model.loaded().pipeline.as_ref().map(|pipeline| pipeline.temperature)
    }

    /// Name, timesteps, input `[c, h, w]`, whether it takes spikes, and output `[c, h, w]` of each network.
    fn networks(&self, py: Python<'_>) -> PyResult<Vec<NetworkSides>> {
        let sides = |shape: snnc::compiler::ir::Shape| [shape.channels, shape.height, shape.width];
        let one = |(name, graph): (&String, &snnc::compiler::graph::Graph)| {
            let network = Interpreter::new(graph)?;
            let (input, output) = (sides(network.input_shape()), sides(network.output_shape()));
            Ok((name.clone(), graph.timesteps, input, network.takes_spikes(), output))
        };
        let all: Result<_, Diagnostics> = self.model.loaded().graphs.iter().map(one).collect();
        all.map_err(|problems| raise(py, problems))
    }

    /// The layers of every network with their shapes.
    fn table(&self, py: Python<'_>) -> PyResult<String> {
        self.model.table().map_err(|problems| raise(py, problems))
    }

    /// The text of the model file, of a model that was made in memory.
    fn text(&self) -> Option<&str> {
        self.description.as_ref().map(Description::text)
    }

    /// Writes model.ron and weights.safetensors, of a model that was made in memory.
    fn save(&self, py: Python<'_>, folder: PathBuf) -> PyResult<PathBuf> {
        let Some(description) = &self.description else {
            let message = "the model was read from files and is not written again";
            return Err(raise(py, argument("folder", message, "copy its model.ron and weight files")));
        };
        description.write(&folder).map_err(|problems| raise(py, problems))
    }

    /// Compiles, with samples for the rounding and for the mapping if they are given.
    fn compile(
        &self,
        py: Python<'_>,
        target: &Target,
        options: Options,
        samples: Option<Numbers<'_>>,
        network: Option<String>,
        fed: Option<Numbers<'_>>,
    ) -> PyResult<Program> {
        let (options, files) = options.read().map_err(|problem| raise(py, problem))?;
        let batch = samples.map(|samples| Batch::new(&samples)).transpose()?;
        let fed = fed.map(|samples| Batch::new(&samples)).transpose()?;
        let (model, target) = (self.model.clone(), target.0.clone());
        let program = work::run(py, None, move |_| {
            let model = match batch {
                None => model,
                Some(batch) => calibrated(&model, batch, network.as_deref())?,
            };
            let model = match fed {
                None => model,
                Some(batch) => {
                    let (name, values) = of_network(&model, batch, ("feeds", None))?;
                    model.with_activity(&name, values)
                }
            };
            model.compile_with(&target, &options, &files)
        })?;
        Ok(Program(program))
    }

    /// Which targets hold the model: JSON, and text.
    fn fit(
        &self,
        py: Python<'_>,
        targets: Vec<PyRef<'_, Target>>,
        weights: Option<u32>,
    ) -> PyResult<(String, String)> {
        let targets: Vec<snnc::Target> = targets.iter().map(|target| target.0.clone()).collect();
        let mut options = CompileOptions::default();
        options.lower.weight_bits = weights;
        let model = self.model.clone();
        let fit = work::run(py, None, move |_| model.fit(&targets, &options))?;
        Ok((json(&fit)?, fit.to_string()))
    }

    /// The float reference on samples: read-outs, and if asked for the spikes of all firing layers.
    fn reference<'py>(
        &self,
        py: Python<'py>,
        x: Numbers<'_>,
        network: Option<String>,
        spikes: bool,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<ReferenceRun<'py>> {
        let (batch, model) = (Batch::new(&x)?, self.model.clone());
        let run = work::run(py, progress, move |watch| {
            let name = samples::graph(model.loaded(), ("network", network.as_deref()))?;
            reference(&model, name, batch, spikes, watch)
        })?;
        run.into_python(py)
    }

    /// The float reference against recorded traces: JSON, text, and whether all agree. Models without a pipeline need
    /// the samples that were recorded.
    fn check(
        &self,
        py: Python<'_>,
        golden: PathBuf,
        x: Option<Numbers<'_>>,
        network: Option<String>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(String, String, bool)> {
        let (batch, model) = (x.map(|x| Batch::new(&x)).transpose()?, self.model.clone());
        let report = work::run(py, progress, move |watch| {
            let (recorded, loaded) = (GoldenFile::read(&golden)?, model.loaded());
            let Some(batch) = batch else {
                if loaded.pipeline.is_none() {
                    let message = "the model has no pipeline, and a recording does not hold its samples";
                    return Err(argument("x", message, "give the samples that were recorded").into());
                }
                return golden::check(loaded, &recorded, watch);
            };
            if loaded.pipeline.is_some() {
                let message = "would change nothing: the model generates images by its pipeline";
                return Err(argument("x", message, "leave it out").into());
            }
            let name = samples::graph(loaded, ("network", network.as_deref()))?;
            let values = batch.of(SampleShape::of(&Interpreter::new(&loaded.graphs[name])?))?;
            golden::check_samples(loaded, name, &values, &recorded, watch)
        })?;
        Ok((report.json(), report.text(), report.pass))
    }
}

/// The model with samples for one of its networks.
fn calibrated(model: &snnc::Model, batch: Batch, network: Option<&str>) -> Result<snnc::Model, Diagnostics> {
    let (name, values) = of_network(model, batch, ("calibrate_network", network))?;
    model.with_calibration(&name, values)
}

/// A network of a model, and samples as it takes them.
fn of_network(
    model: &snnc::Model,
    batch: Batch,
    network: (&str, Option<&str>),
) -> Result<(String, Vec<f64>), Diagnostics> {
    let name = samples::graph(model.loaded(), network)?;
    let shape = SampleShape::of(&Interpreter::new(&model.loaded().graphs[name])?);
    Ok((name.to_owned(), batch.of(shape)?))
}

/// A value of the library as JSON.
pub fn json<T: serde::Serialize>(value: &T) -> PyResult<String> {
    serde_json::to_string(value).map_err(|e| pyo3::exceptions::PyValueError::new_err(e.to_string()))
}

/// What words say of a NIR file.
fn nir_options(
    dialect: Option<&str>,
    reset: Option<&str>,
    compare: Option<&str>,
    readout: Option<&str>,
) -> Result<NirOptions, Diagnostic> {
    let wrong = |option: &'static str| {
        move |message: String| argument(option, message, "docs/nir.md says what each means")
    };
    let strict = compare.map(|word| match word {
        "at" => Ok(false),
        "above" => Ok(true),
        other => Err(wrong("compare")(format!("found \"{other}\", expected at or above"))),
    });
    let read_out = readout.map(|word| match word {
        "sum" => Ok(ReadOut::Sum),
        "mean" => Ok(ReadOut::Mean),
        "last" => Ok(ReadOut::Last),
        other => Err(wrong("readout")(format!("found \"{other}\", expected sum, mean or last"))),
    });
    let overrides = Overrides {
        dialect: dialect.map(|word| word.parse().map_err(wrong("dialect"))).transpose()?,
        reset: reset.map(|word| word.parse().map_err(wrong("reset"))).transpose()?,
        strict: strict.transpose()?,
        ..Overrides::default()
    };
    Ok(NirOptions { overrides, read_out: read_out.transpose()?, ..NirOptions::default() })
}
