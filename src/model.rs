//! A trained network, read from its files: the start of everything.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use snnc_compiler::driver::{self, CompileOptions, MappingInputs};
use snnc_compiler::frontend::nir::{self, NirModel, NirOptions};
use snnc_compiler::frontend::{self, LoadedModel};
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::mapping::report::MappingReport;
use snnc_compiler::passes::LowerOptions;
use snnc_compiler::reference::Interpreter;
use snnc_compiler::workload::{self, CalibrationSamples, Samples, Workload};
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, Target};

use crate::fit::{self, Fit};
use crate::mapping_files::MappingFiles;
use crate::program::{Compilation, Program};

/// A model: its networks as layer graphs in floats, and what drives them. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Model {
    loaded: Arc<LoadedModel>,
    /// Seconds that reading took.
    seconds: f64,
    calibration: Option<Arc<GivenCalibration>>,
    /// What was decided about a NIR file.
    remarks: Arc<[String]>,
}

/// Samples of a network, for the rounding.
#[derive(Debug)]
struct GivenCalibration {
    network: String,
    /// `[n, c, h, w]`.
    values: Vec<f64>,
}

impl Model {
    /// Reads `model.ron` and the weight files that it names; all that is wrong with them is told at once.
    ///
    /// # Errors
    /// Those of [`frontend::load()`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Diagnostics> {
        let start = Instant::now();
        let loaded = Arc::new(frontend::load(path.as_ref())?);
        Ok(Self {
            loaded,
            seconds: start.elapsed().as_secs_f64(),
            calibration: None,
            remarks: Arc::default(),
        })
    }

    /// Reads a NIR file; what it leaves open is decided by the options.
    ///
    /// # Errors
    /// Those of [`nir::load`].
    pub fn load_nir(path: impl AsRef<Path>, options: &NirOptions) -> Result<Self, Diagnostics> {
        let start = Instant::now();
        let NirModel { loaded, remarks } = nir::load(path.as_ref(), options)?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(Self { seconds, remarks: remarks.into(), ..Self::from(loaded) })
    }

    /// What a NIR file leaves open and how it was decided, in sentences; nothing for other models.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The model with samples `[n, c, h, w]` for one of its networks. Biases that the host writes are made for their
    /// range, and rounding looks at what they do where passes are recorded ([`CompileOptions`]).
    ///
    /// # Errors
    /// [`Code::Argument`] for a generating model, a network that there is not or that takes spikes, and values that are
    /// not finite; [`Code::LayerShape`] for values that are no whole samples; shape inference's own.
    pub fn with_calibration(&self, network: &str, values: Vec<f64>) -> Result<Self, Diagnostics> {
        let refused =
            |message: String| Diagnostic::new(Code::Argument, Subject::Network(network.into()), message);
        if self.loaded.pipeline.is_some() {
            let message =
                "needs no samples for the rounding: the model generates, and its loop gives the inputs";
            return Err(refused(message.into()).hint("leave out --calibrate-input").into());
        }
        let Some(graph) = self.loaded.graphs.get(network) else {
            let names: Vec<&str> = self.loaded.graphs.keys().map(String::as_str).collect();
            return Err(refused("there is no such network".into())
                .hint(format!("one of {}", names.join(", ")))
                .into());
        };
        let interpreter = Interpreter::new(graph)?;
        if interpreter.takes_spikes() {
            let message = "takes spikes, and only inputs that are held over the timesteps are recorded";
            return Err(refused(message.into()).hint("leave out --calibrate-input").into());
        }
        let each = interpreter.input_len();
        if values.is_empty() || !values.len().is_multiple_of(each) {
            let message = format!("{} values found, {each} expected for each sample", values.len());
            return Err(Diagnostic::new(Code::LayerShape, Subject::Network(network.into()), message).into());
        }
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            let message = format!("sample {} holds {} at value {}", at / each, values[at], at % each);
            return Err(refused(message).hint("inputs are finite numbers").into());
        }
        let calibration = Some(Arc::new(GivenCalibration { network: network.into(), values }));
        Ok(Self { calibration, ..self.clone() })
    }

    /// What will drive the model.
    fn workload(&self) -> Box<dyn Workload + '_> {
        match &self.calibration {
            None => workload::of(&self.loaded),
            Some(given) => {
                let given = CalibrationSamples { network: &given.network, values: &given.values };
                Box::new(Samples::like(&self.loaded.graphs, given))
            }
        }
    }

    /// The files that make up a model: itself and the weight files that it names, as far as it can be read.
    pub fn files(path: impl AsRef<Path>) -> Vec<PathBuf> {
        frontend::files_of(path.as_ref())
    }

    /// Name of the model.
    pub fn name(&self) -> &str {
        &self.loaded.name
    }

    /// The compiler's own form: layer graphs, pipeline, places in the file.
    pub fn loaded(&self) -> &Arc<LoadedModel> {
        &self.loaded
    }

    /// The layers of every network with their shapes, as a table.
    ///
    /// # Errors
    /// What shape inference refuses.
    pub fn table(&self) -> Result<String, Diagnostics> {
        let mut text = String::new();
        for graph in self.loaded.graphs.values() {
            text += &graph.table()?;
        }
        Ok(text)
    }

    /// The model in the integers of a target, on no core yet.
    ///
    /// # Errors
    /// Those of [`driver::lower`].
    pub fn lower(&self, target: &Target, options: LowerOptions) -> Result<SpikingIr, Diagnostics> {
        driver::lower_for(&self.loaded, &*self.workload(), target, options)
    }

    /// What a pass of the lowering makes of the model on its way to a target, for people.
    ///
    /// # Errors
    /// Those of [`driver::emit_after`].
    pub fn after_pass(
        &self,
        target: &Target,
        options: LowerOptions,
        pass: &str,
    ) -> Result<String, Diagnostics> {
        driver::emit_after_for(&self.loaded, &*self.workload(), target, options, pass)
    }

    /// Lowers the model for a target and maps it onto cores.
    ///
    /// # Errors
    /// What the passes refuse, what does not fit, or what a verifier finds; with the line of the model file.
    pub fn compile(&self, target: &Target, options: &CompileOptions) -> Result<Program, Diagnostics> {
        self.compile_with(target, options, &MappingFiles::default())
    }

    /// Compiles for a target, with the rates, the partition or the placement that files give.
    ///
    /// # Errors
    /// Those of [`Model::compile`], and what is wrong with the files.
    pub fn compile_with(
        &self,
        target: &Target,
        options: &CompileOptions,
        files: &MappingFiles,
    ) -> Result<Program, Diagnostics> {
        let start = Instant::now();
        let ir = self.lower(target, options.lower)?;
        let inputs = files.read(&ir, target, options.search)?;
        let program = self.map(&ir, target, options, &inputs).map_err(|problems| files.blame(problems))?;
        let report = MappingReport::new(&ir, &program, &inputs.rates);
        let seconds = self.seconds + start.elapsed().as_secs_f64();
        Ok(Program::compiled(program, Compilation { ir, report, seconds, remarks: self.remarks.to_vec() }))
    }

    fn map(
        &self,
        ir: &SpikingIr,
        target: &Target,
        options: &CompileOptions,
        inputs: &MappingInputs,
    ) -> Result<snnc_compiler::ir::program::Program, Diagnostics> {
        driver::map_with(ir, target, *options, inputs).map_err(|problems| self.loaded.origin.locate(problems))
    }

    /// Which of some targets hold the model, what binds there, and why others do not.
    ///
    /// # Errors
    /// What is wrong with the model on any chip.
    pub fn fit(&self, targets: &[Target], options: &CompileOptions) -> Result<Fit, Diagnostics> {
        snnc_compiler::passes::check(&self.loaded)?;
        Ok(fit::fit(&self.loaded, targets, *options))
    }
}

impl From<LoadedModel> for Model {
    /// A model that was made elsewhere than in files.
    fn from(loaded: LoadedModel) -> Self {
        Self { loaded: Arc::new(loaded), seconds: 0.0, calibration: None, remarks: Arc::default() }
    }
}
