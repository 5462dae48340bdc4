//! Networks on cores: `snnc._native.Program`.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use snnc::comparison::{self, ComparisonOptions};
use snnc::compiler::driver;
use snnc::compiler::ir::program::Program as Mapped;
use snnc::compiler::mapping::interchange::MappingFile;
use snnc::compiler::mapping::interchange::partition::PartitionFile;
use snnc::compiler::mapping::interchange::placement::PlacementFile;
use snnc::compiler::passes::quantise;
use snnc::report::quantisation;
use snnc::samples;
use snnc::samples::input::SampleShape;
use snnc::simulator::workload::{Samples, Workload};
use snnc::streaming::{self, ImageSetFormat, ImageSetManifest};
use snnc::{Diagnostics, warnings};

use crate::arrays::{Batch, Numbers, labels};
use crate::errors::{argument, raise};
use crate::model::{Model, json};
use crate::session::Session;
use crate::target::Target;
use crate::work;

/// A verified program.
#[pyclass(frozen, module = "snnc._native")]
pub struct Program(pub snnc::Program);

/// Name, input `[c, h, w]`, timesteps of a spike train, and read-out `[c, h, w]` of a network.
type Network = (String, [usize; 3], Option<u32>, [usize; 3]);

#[pymethods]
impl Program {
    /// Reads a `.snnx` file.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        work::run(py, None, move |_| snnc::Program::load(path)).map(Self)
    }

    /// A program from the bytes of a `.snnx` file.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, bytes: Vec<u8>) -> PyResult<Self> {
        work::run(py, None, move |_| Ok(Mapped::from_bytes(&bytes, "bytes")?.into())).map(Self)
    }

    /// The bytes of a `.snnx` file.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes = py.detach(|| self.0.mapped().to_bytes());
        PyBytes::new(py, &bytes)
    }

    /// Writes a `.snnx` file.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.0.save(path)).map_err(|problem| raise(py, problem))
    }

    #[getter]
    fn name(&self) -> &str {
        &self.0.mapped().model.name
    }

    #[getter]
    fn target(&self) -> Target {
        Target(self.0.target().clone())
    }

    #[getter]
    fn weight_bits(&self) -> u32 {
        self.0.mapped().model.neuron.weight_bits
    }

    #[getter]
    fn compile_s(&self) -> f64 {
        self.0.compile_seconds()
    }

    /// Whether a generation pipeline drives it.
    #[getter]
    fn generates(&self) -> bool {
        self.0.mapped().model.workload.is_some()
    }

    #[getter]
    fn cores(&self) -> usize {
        self.0.mapped().chip_cores().count()
    }

    /// The networks that samples can be fed to.
    fn networks(&self) -> Vec<Network> {
        let model = &self.0.mapped().model;
        let sides = |shape: snnc::compiler::ir::Shape| [shape.channels, shape.height, shape.width];
        let one = |id| {
            let (input, readout) = Samples::shapes(model, id).ok()?;
            Some((
                model.networks[id].name.clone(),
                sides(input),
                Samples::timesteps(model, id),
                sides(readout),
            ))
        };
        model.networks.keys().filter_map(one).collect()
    }

    /// The mapping report as JSON and as text; none of a program that was read from a file.
    fn mapping(&self) -> PyResult<Option<(String, String)>> {
        let Some(compilation) = self.0.compilation() else { return Ok(None) };
        Ok(Some((json(&compilation.report)?, compilation.report.to_string())))
    }

    /// What rounding made of each layer, as JSON and as text; none of a program that was read from a file.
    fn quantisation(&self) -> PyResult<Option<(String, String)>> {
        let Some(compilation) = self.0.compilation() else { return Ok(None) };
        let layers = quantise::summary(&compilation.ir);
        let text = quantisation::print(&layers, self.weight_bits());
        Ok(Some((json(&layers)?, text.trim_start_matches('\n').to_owned())))
    }

    /// The program as text: cores, slices, memories, routes; or the integers before they were mapped.
    fn text(&self, py: Python<'_>, mapped: bool) -> PyResult<String> {
        if mapped {
            return Ok(py.detach(|| self.0.mapped().to_text()));
        }
        Ok(self.0.spiking().map_err(|problem| raise(py, problem))?.to_text())
    }

    /// The text of a partition file, which says what shares a core.
    fn partition(&self, py: Python<'_>) -> PyResult<String> {
        let ir = self.0.spiking().map_err(|problem| raise(py, problem))?;
        Ok(PartitionFile::new(ir, &driver::partition_of(self.0.mapped())).to_text())
    }

    /// The text of a placement file, which says where cores sit.
    fn placement(&self) -> String {
        PlacementFile::new(&driver::placement_of(self.0.mapped()), self.0.target()).to_text()
    }

    /// What may go wrong on some input, as JSON.
    fn warnings(&self) -> PyResult<String> {
        json(&warnings::of(&self.0.warnings()))
    }

    /// Makes it ready to run.
    fn session(&self, py: Python<'_>, timing: &str, threads: Option<usize>) -> PyResult<Session> {
        Session::new(py, &self.0, timing, threads)
    }

    /// Samples on chip and float reference: JSON, and text.
    fn verify_samples(
        &self,
        py: Python<'_>,
        model: &Model,
        x: Numbers<'_>,
        y: Option<Vec<i64>>,
        network: Option<String>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(String, String)> {
        let (batch, model, program) = (Batch::new(&x)?, model.model.clone(), self.0.clone());
        let compared = work::run(py, progress, move |watch| {
            let (samples, classes) = samples_of(&program, batch, network.as_deref())?;
            let y = y.map(|y| labels(y, samples.len() as usize, classes)).transpose()?;
            comparison::compare_samples(&model, &program, &samples, y.as_deref(), watch)
        })?;
        Ok((json(&compared)?, compared.to_string()))
    }

    /// Images on chip and float reference: JSON, and text.
    fn verify_images(
        &self,
        py: Python<'_>,
        model: &Model,
        images: u64,
        seed: u64,
        passes: Option<usize>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(String, String)> {
        let (model, program) = (model.model.clone(), self.0.clone());
        let mut lower = snnc::CompileOptions::default().lower;
        lower.calibration = passes;
        let calibration_passes = lower.passes(self.weight_bits()) as u64;
        let options = ComparisonOptions { images, seed, calibration_passes };
        let compared =
            work::run(py, progress, move |watch| comparison::compare(&model, &program, options, watch))?;
        Ok((json(&compared)?, compared.to_string()))
    }

    /// Streams a set of images to a folder, from where an earlier run stopped: images found whole, and found damaged.
    #[expect(clippy::too_many_arguments, reason = "they are those of the Python function")]
    fn stream(
        &self,
        py: Python<'_>,
        folder: PathBuf,
        images: u64,
        seed: u64,
        temperature: Option<f64>,
        format: &str,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(u64, u64)> {
        let format = match format {
            "npy" => ImageSetFormat::Npy,
            "png" => ImageSetFormat::Png,
            other => {
                let message = format!("found \"{other}\", expected npy or png");
                return Err(raise(py, argument("format", message, "npy is one array of all images")));
            }
        };
        let program = self.0.clone();
        let found = work::run(py, progress, move |watch| {
            let manifest =
                ImageSetManifest { temperature, ..ImageSetManifest::new(&program, images, seed, format) };
            streaming::run(&program, &manifest, &folder, watch)
        })?;
        Ok((found.whole, found.damaged))
    }
}

/// The samples of a batch for a network of a program, and how many values its read-out has.
///
/// # Errors
/// An argument error for another network, shape or value.
pub fn samples_of(
    program: &snnc::Program,
    batch: Batch,
    network: Option<&str>,
) -> Result<(Samples, usize), Diagnostics> {
    let model = &program.mapped().model;
    let network = samples::network(model, network)?;
    let values = batch.of(SampleShape::of_compiled(model, network)?)?;
    let samples = Samples::new(model, network, values)?;
    let classes = samples.readout_shape().len();
    Ok((samples, classes))
}
