//! Trained networks: `snnc._native.Model`.

use std::path::PathBuf;

use numpy::{PyArrayDyn, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use snnc::compiler::driver;
use snnc::compiler::frontend::nir::dialect::Overrides;
use snnc::compiler::frontend::nir::{self, NirOptions, ReadOut};
use snnc::compiler::frontend::{Description, import};
use snnc::compiler::ir::Shape;
use snnc::compiler::reference::Interpreter;
use snnc::golden::{self, GoldenFile};
use snnc::reconstruction::reconstruct;
use snnc::samples;
use snnc::samples::input::SampleShape;
use snnc::targets::file_kind::FileKind;
use snnc::{CompileOptions, Diagnostic, Diagnostics};

use crate::arrays::{Batch, Numbers, array, tensors};
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
        weights: Option<u32>,
        pass: String,
    ) -> PyResult<String> {
        let (model, target) = (self.model.clone(), target.0.clone());
        let mut options = CompileOptions::default().lower;
        options.weight_bits = weights;
        work::run(py, None, move |_| model.after_pass(&target, options, &pass))
    }

    /// Images through encoder and decoder on the chip: JSON, text, and input, float and chip side by side, uint8
    /// `[n, c, h, w]`.
    fn reconstruct<'py>(
        &self,
        py: Python<'py>,
        target: &Target,
        weights: Option<u32>,
        images: PyReadonlyArrayDyn<'py, u8>,
    ) -> PyResult<(String, String, Bound<'py, PyArrayDyn<u8>>)> {
        let (sides, flat) = (images.shape().to_vec(), images.as_slice()?.to_vec());
        let (model, target) = (self.model.clone(), target.0.clone());
        let mut options = CompileOptions::fewest_cores();
        options.lower.weight_bits = weights;
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
        let sides =
            report.pictures.first().map_or([0; 3], |(shape, _)| [shape.channels, shape.height, shape.width]);
        let shape = [report.pictures.len(), sides[0], sides[1], sides[2]];
        let pixels = report.pictures.into_iter().flat_map(|(_, pixels)| pixels).collect();
        Ok((json, text, array(py, pixels, &shape)?))
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
