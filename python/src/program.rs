//! Networks on cores: `snnc._native.Program`.

use std::path::PathBuf;

use numpy::PyArrayDyn;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use snnc::comparison::{self, ComparisonOptions};
use snnc::compiler::driver;
use snnc::compiler::ir::program::Program as Mapped;
use snnc::compiler::mapping::interchange::MappingFile;
use snnc::compiler::mapping::interchange::partition::PartitionFile;
use snnc::compiler::mapping::interchange::placement::PlacementFile;
use snnc::compiler::mapping::traffic::CoreTraffic;
use snnc::compiler::passes::quantise;
use snnc::mapping_files::network_named;
use snnc::report::quantisation;
use snnc::samples::{self, SampleChoice};
use snnc::simulator::workload::{Samples, Workload};
use snnc::streaming::{self, ImageSetFormat, ImageSetManifest};
use snnc::{Diagnostics, sana_fe, warnings};

use crate::arrays::{Batch, Numbers, labels, pictures};
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
        self.0.generates()
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
        let Some(report) = self.0.mapping_report() else { return Ok(None) };
        Ok(Some((json(report)?, report.to_string())))
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

    /// What was decided about a NIR file that it comes from, and which loops are longer on the chip.
    fn notes(&self) -> Vec<String> {
        self.0.compilation().map(|compilation| compilation.remarks.clone()).unwrap_or_default()
    }

    /// Packets between cores that an item is expected to send if every neuron fires once: source, destination, packets.
    fn flows(&self) -> Vec<(u32, u32, u64)> {
        let traffic = CoreTraffic::uniform(&self.0.mapped().cores);
        traffic.flows.into_iter().map(|((from, to), packets)| (from.0, to.0, packets)).collect()
    }

    /// A network as SANA-FE reads it, with a sample as its stimulus: arch.yaml, network.yaml, notes, and numbers of
    /// neurons, edges and timesteps.
    fn sana_fe(
        &self,
        py: Python<'_>,
        network: Option<String>,
        x: Option<Numbers<'_>>,
    ) -> PyResult<(String, String, Vec<String>, [u64; 3])> {
        let batch = x.map(|x| Batch::new(&x)).transpose()?;
        let program = self.0.clone();
        let described = work::run(py, None, move |_| {
            let model = &program.mapped().model;
            let id = network_named(model, "network", network.as_deref())?;
            let network = Some(model.networks[id].name.clone());
            let fed = batch.map(|batch| {
                samples_of(&program, Fed { batch: Some(batch), network, count: None, seed: None })
            });
            let fed = fed.transpose()?.map(|(samples, _)| samples.sample(0).into_owned());
            Ok(sana_fe::describe(program.mapped(), id, fed.as_deref())?)
        })?;
        let numbers = [described.neurons, described.edges, described.timesteps.into()];
        Ok((described.architecture, described.network, described.notes, numbers))
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
        x: Option<Numbers<'_>>,
        y: Option<Vec<i64>>,
        asked: (Option<String>, Option<u64>, Option<u64>),
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(String, String)> {
        let batch = x.map(|x| Batch::new(&x)).transpose()?;
        let (network, count, seed) = asked;
        let (model, program) = (model.model.clone(), self.0.clone());
        let compared = work::run(py, progress, move |watch| {
            let (samples, classes) = samples_of(&program, Fed { batch, network, count, seed })?;
            let y = y.map(|y| labels(y, samples.len() as usize, classes)).transpose()?;
            comparison::compare_samples(&model, &program, &samples, y.as_deref(), watch)
        })?;
        Ok((json(&compared)?, compared.to_string()))
    }

    /// Images on chip and float reference: JSON, text, and float, chip on the float's tokens and chip running freely
    /// side by side, uint8 `[n, c, h, w]`.
    fn verify_images<'py>(
        &self,
        py: Python<'py>,
        model: &Model,
        images: u64,
        seed: u64,
        passes: Option<usize>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(String, String, Bound<'py, PyArrayDyn<u8>>)> {
        let (model, program) = (model.model.clone(), self.0.clone());
        let mut lower = snnc::CompileOptions::default().lower;
        lower.calibration = passes;
        let calibration_passes = lower.passes(self.weight_bits()) as u64;
        let options = ComparisonOptions { images, seed, calibration_passes };
        let compared =
            work::run(py, progress, move |watch| comparison::compare(&model, &program, options, watch))?;
        let (json, text) = (json(&compared)?, compared.to_string());
        Ok((json, text, pictures(py, compared.pictures)?))
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
        written: (String, Option<String>),
        progress: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(u64, u64)> {
        let (format, shard) = written;
        let format = match format.as_str() {
            "npy" => ImageSetFormat::Npy,
            "png" => ImageSetFormat::Png,
            other => {
                let message = format!("found \"{other}\", expected npy or png");
                return Err(raise(py, argument("format", message, "npy is one array of all images")));
            }
        };
        let shard = crate::sweep::shard(shard.as_deref()).map_err(|problem| raise(py, problem))?;
        let program = self.0.clone();
        let found = work::run(py, progress, move |watch| {
            let manifest = ImageSetManifest {
                temperature,
                shard,
                ..ImageSetManifest::new(&program, images, seed, format)
            };
            streaming::run(&program, &manifest, &folder, watch)
        })?;
        Ok((found.whole, found.damaged))
    }
}

/// What a network is fed.
pub struct Fed {
    /// Samples; none where they are drawn.
    pub batch: Option<Batch>,
    /// The network; without a name the only one.
    pub network: Option<String>,
    /// Only the first samples; of spikes that are drawn, so many.
    pub count: Option<u64>,
    /// Seed of spikes that are drawn.
    pub seed: Option<u64>,
}

/// The samples for a network of a program, and how many values its read-out has.
///
/// # Errors
/// An argument error for another network, shape or value.
pub fn samples_of(program: &snnc::Program, fed: Fed) -> Result<(Samples, usize), Diagnostics> {
    let model = &program.mapped().model;
    let network = samples::network(model, fed.network.as_deref())?;
    let shape = samples::fed_shape(model, network)?;
    let values = fed.batch.map(|batch| batch.of(shape)).transpose()?;
    let choice = SampleChoice { most: fed.count, seed: fed.seed, ..SampleChoice::default() };
    let samples = samples::of_values(model, network, values, choice)?;
    let classes = samples.readout_shape().len();
    Ok((samples, classes))
}
