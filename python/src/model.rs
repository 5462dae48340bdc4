//! Trained networks: `snnc._native.Model`.

use std::path::PathBuf;

use numpy::{PyArrayDyn, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use snnc::Diagnostics;
use snnc::compiler::driver;
use snnc::compiler::frontend::nir;
use snnc::compiler::frontend::{Description, fill, import};
use snnc::compiler::ir::Shape;
use snnc::compiler::mapping::hypergraph::from_ir::network_graph;
use snnc::compiler::mapping::partition::search::Objective;
use snnc::compiler::reference::Interpreter;
use snnc::golden::{self, GoldenFile};
use snnc::mapping_files::network_named;
use snnc::reconstruction::reconstruct;
use snnc::samples;
use snnc::samples::input::SampleShape;
use snnc::targets::file_kind::FileKind;

use crate::arrays::{Batch, Numbers, array, pictures, tensors};
use crate::compile::{Options, Rounding};
use crate::errors::{argument, raise};
use crate::nir::NirAsked;
use crate::program::Program;
use crate::reference::{ReferenceRun, reference};
use crate::research::Hypergraph;
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
    fn load_nir(py: Python<'_>, path: PathBuf, asked: NirAsked) -> PyResult<Self> {
        let options = asked.read().map_err(|problem| raise(py, problem))?;
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
        let sides = |shape: Shape| [shape.channels, shape.height, shape.width];
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

    /// Writes the model folder of the checkpoints of a VQ-SVAE and its denoiser, and reads it.
    #[staticmethod]
    fn import_checkpoints(
        py: Python<'_>,
        vq: PathBuf,
        sdid: PathBuf,
        image_size: usize,
        folder: PathBuf,
    ) -> PyResult<Self> {
        let model = work::run(py, None, move |_| {
            let written = import(&vq, &sdid, image_size, &folder)?;
            snnc::Model::load(written.model)
        })?;
        Ok(Self { model, description: None })
    }

    /// Writes a network as a NIR file; the options of the command that read it back.
    fn export_nir(&self, py: Python<'_>, path: PathBuf, network: Option<String>) -> PyResult<String> {
        let model = self.model.clone();
        work::run(py, None, move |_| {
            let loaded = model.loaded();
            let name = samples::graph(loaded, ("network", network.as_deref()))?;
            let exported = nir::export(&loaded.graphs[name], &path);
            Ok(exported.map_err(|problems| loaded.origin.locate(problems))?.reading)
        })
    }

    /// What a pass of the lowering makes of the model, as text.
    fn after_pass(
        &self,
        py: Python<'_>,
        target: &Target,
        options: Rounding,
        pass: String,
    ) -> PyResult<String> {
        let options = options.read().map_err(|problem| raise(py, problem))?;
        let (model, target) = (self.model.clone(), target.0.clone());
        work::run(py, None, move |_| model.after_pass(&target, options.lower, &pass))
    }

    /// Images through encoder and decoder on the chip: JSON, text, and input, float and chip side by side, uint8
    /// `[n, c, h, w]`.
    fn reconstruct<'py>(
        &self,
        py: Python<'py>,
        target: &Target,
        options: Rounding,
        images: PyReadonlyArrayDyn<'py, u8>,
    ) -> PyResult<(String, String, Bound<'py, PyArrayDyn<u8>>)> {
        let options = options.read().map_err(|problem| raise(py, problem))?;
        let (sides, flat) = (images.shape().to_vec(), images.as_slice()?.to_vec());
        let (model, target) = (self.model.clone(), target.0.clone());
        let report = work::run(py, None, move |_| {
            let &[_, channels, height, width] = sides.as_slice() else {
                let message = format!("the array is {sides:?}, expected [n, c, h, w]");
                return Err(argument("images", message, "one image is `x[None]`").into());
            };
            let shape = Shape::new(channels, height, width);
            if flat.is_empty() {
                return Err(argument("images", "there is no image", "give at least one").into());
            }
            let images: Vec<Vec<u8>> = flat.chunks(shape.len()).map(<[u8]>::to_vec).collect();
            let (program, tail) = driver::compile_reconstruction(model.loaded(), &target, options)?;
            reconstruct(model.loaded(), &program.into(), &tail, &images, shape)
        })?;
        let (json, text) = (json(&report)?, report.to_string());
        Ok((json, text, pictures(py, report.pictures)?))
    }

    /// Compiles, with samples for the rounding and for the mapping if they are given.
    #[expect(clippy::too_many_arguments, reason = "they are those of the Python function")]
    fn compile(
        &self,
        py: Python<'_>,
        target: &Target,
        options: Options,
        samples: Option<Numbers<'_>>,
        network: Option<String>,
        fed: Option<Numbers<'_>>,
        fed_network: Option<String>,
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
            let model = with_activity(model, fed, fed_network.as_deref())?;
            model.compile_with(&target, &options, &files)
        })?;
        Ok(Program(program))
    }

    /// Which targets hold the model: JSON, and text.
    fn fit(
        &self,
        py: Python<'_>,
        targets: Vec<PyRef<'_, Target>>,
        options: Rounding,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(String, String)> {
        let options = options.read().map_err(|problem| raise(py, problem))?;
        let targets: Vec<snnc::Target> = targets.iter().map(|target| target.0.clone()).collect();
        let model = self.model.clone();
        let fit = work::run(py, progress, move |watch| model.fit_observed(&targets, &options, watch))?;
        Ok((json(&fit)?, fit.to_string()))
    }

    /// The model mapped for every objective on a target: JSON, text, and the front of time and energy over cores as CSV
    /// if that is asked for.
    fn objectives(
        &self,
        py: Python<'_>,
        target: &Target,
        options: Rounding,
        front: bool,
        fed: Option<Numbers<'_>>,
        fed_network: Option<String>,
    ) -> PyResult<(String, String, Option<String>)> {
        let mut options = options.read().map_err(|problem| raise(py, problem))?;
        // Spikes are recorded for objectives that ask how busy cores are.
        options.search.objective = Objective::Time;
        let fed = fed.map(|samples| Batch::new(&samples)).transpose()?;
        let (model, target) = (self.model.clone(), target.0.clone());
        let (table, front) = work::run(py, None, move |_| {
            with_activity(model, fed, fed_network.as_deref())?.objectives(&target, &options, front)
        })?;
        Ok((json(&table)?, table.to_string(), front))
    }

    /// The hypergraph of a network on a target.
    fn hypergraph(
        &self,
        py: Python<'_>,
        target: &Target,
        options: Rounding,
        network: Option<String>,
        group: usize,
    ) -> PyResult<Hypergraph> {
        let options = options.read().map_err(|problem| raise(py, problem))?;
        let (model, target) = (self.model.clone(), target.0.clone());
        work::run(py, None, move |_| {
            let ir = model.lower(&target, options.lower)?;
            let network = network_named(&ir.model, "network", network.as_deref())?;
            Ok(Hypergraph::of_network(&ir, network, network_graph(&ir, network, group)?))
        })
    }

    /// Events into spike trains of a network: uint8 `[n, t, c, h, w]`, and what became of them as JSON. `events` are
    /// `[n, 5]`: sample, time, x, y, polarity.
    fn events<'py>(
        &self,
        py: Python<'py>,
        events: PyReadonlyArrayDyn<'_, f64>,
        dt: f64,
        network: Option<String>,
    ) -> PyResult<(Bound<'py, PyArrayDyn<u8>>, String)> {
        let (flat, model) = (events.as_slice()?.to_vec(), self.model.clone());
        let (values, shape, summary) = work::run(py, None, move |_| {
            let name = samples::graph(model.loaded(), ("network", network.as_deref()))?;
            let shape = SampleShape::of(&Interpreter::new(&model.loaded().graphs[name])?);
            let rows = flat.chunks_exact(5).map(|row| [row[0], row[1], row[2], row[3], row[4]]);
            let (trains, summary) = samples::events::of_events(rows, shape, dt)?;
            let values = samples::input::SampleContent::Trains(trains).into_values();
            Ok((values.into_iter().map(|value| value as u8).collect::<Vec<u8>>(), shape, summary))
        })?;
        let map = shape.map;
        let steps = shape.steps.unwrap_or(1);
        let count = values.len() / shape.elements().max(1);
        let sides = [count, steps, map.channels, map.height, map.width];
        Ok((array(py, values, &sides)?, json(&summary)?))
    }

    /// Writes the model folder of a NIR file; what was decided, in sentences.
    #[staticmethod]
    fn import_nir(py: Python<'_>, path: PathBuf, folder: PathBuf, asked: NirAsked) -> PyResult<Vec<String>> {
        let options = asked.read().map_err(|problem| raise(py, problem))?;
        work::run(py, None, move |_| Ok(nir::import(&path, &options, &folder)?.remarks))
    }

    /// Writes the model folder of a description and a state dict: model.ron, and keys that no layer names.
    #[staticmethod]
    fn fill(
        py: Python<'_>,
        weights: PathBuf,
        like: PathBuf,
        folder: PathBuf,
    ) -> PyResult<(PathBuf, Vec<String>)> {
        let found = work::run(py, None, move |_| fill(&weights, &like, &folder))?;
        Ok((found.model, found.left_over))
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
pub fn calibrated(
    model: &snnc::Model,
    batch: Batch,
    network: Option<&str>,
) -> Result<snnc::Model, Diagnostics> {
    let (name, values) = of_network(model, batch, ("calibrate_network", network))?;
    model.with_calibration(&name, values)
}

/// The model with samples that its mapping looks at.
pub fn with_activity(
    model: snnc::Model,
    fed: Option<Batch>,
    network: Option<&str>,
) -> Result<snnc::Model, Diagnostics> {
    let Some(batch) = fed else { return Ok(model) };
    let (name, values) = of_network(&model, batch, ("feeds_network", network))?;
    Ok(model.with_activity(&name, values))
}

/// A network of a model, and samples as it takes them.
pub fn of_network(
    model: &snnc::Model,
    batch: Batch,
    network: (&str, Option<&str>),
) -> Result<(String, Vec<f64>), Diagnostics> {
    let name = samples::graph(model.loaded(), network)?;
    Ok((name.to_owned(), batch.of(samples::graph_shape(model.loaded(), name)?)?))
}

/// A value of the library as JSON.
pub fn json<T: serde::Serialize>(value: &T) -> PyResult<String> {
    serde_json::to_string(value).map_err(|e| pyo3::exceptions::PyValueError::new_err(e.to_string()))
}
