//! A trained network, read from its files: the start of everything.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use snnc_compiler::driver::{self, CompileOptions, MappingInputs};
use snnc_compiler::frontend::nir::{self, NirModel, NirOptions};
use snnc_compiler::frontend::{self, Description, LoadedModel};
use snnc_compiler::ir::spiking::{Network, SpikingIr};
use snnc_compiler::mapping::Activity;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::search::{Objective, SearchOptions};
use snnc_compiler::mapping::place::PlaceOptions;
use snnc_compiler::passes::{LowerOptions, pipeline};
use snnc_compiler::reference::Interpreter;
use snnc_compiler::workload::{self, CalibrationSamples, RecordingObserver, Samples, Workload};
use snnc_simulator::workload::{Generation, Samples as ChipSamples};
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, Target};

use crate::fit::objectives::{self, Objectives};
use crate::fit::{self, Fit};
use crate::mapping_files::MappingFiles;
use crate::program::{Compilation, MadeFor, Program};
use crate::progress::{CompilerProgress, Progress};
use crate::recording;

/// A model: its networks as layer graphs in floats, and what drives them. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Model {
    loaded: Arc<LoadedModel>,
    /// Seconds that reading took.
    seconds: f64,
    calibration: Option<Arc<UserSamples>>,
    activity: Option<Arc<UserSamples>>,
    /// What was decided about a NIR file.
    remarks: Arc<[String]>,
}

/// Samples of a network, for the rounding or for the mapping.
#[derive(Debug)]
struct UserSamples {
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
        let seconds = start.elapsed().as_secs_f64();
        Ok(Self { loaded, seconds, calibration: None, activity: None, remarks: Arc::default() })
    }

    /// A model that is described in memory; see [`Description::build`].
    ///
    /// # Errors
    /// Those of [`Description::build`].
    pub fn describe(description: &Description) -> Result<Self, Diagnostics> {
        let start = Instant::now();
        let loaded = description.build()?;
        Ok(Self { seconds: start.elapsed().as_secs_f64(), ..Self::from(loaded) })
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
        let calibration = Some(Arc::new(UserSamples { network: network.into(), values }));
        Ok(Self { calibration, ..self.clone() })
    }

    /// The model with samples for one of its networks, `[n, c, h, w]` or spikes `[n, t, c, h, w]`: the first of them
    /// are run when the model is compiled, so that the mapping evens out the work that they make. They change no
    /// integer. Samples that the network does not take are left to whoever runs them, and the mapping goes without.
    #[must_use]
    pub fn with_activity(&self, network: &str, values: Vec<f64>) -> Self {
        let activity = Some(Arc::new(UserSamples { network: network.into(), values }));
        Self { activity, ..self.clone() }
    }

    /// What will drive the model.
    fn workload(&self) -> Box<dyn Workload + '_> {
        self.observed_workload(&())
    }

    /// As [`Model::workload`]; the observer is told of recorded passes.
    fn observed_workload<'m>(&'m self, observer: &'m dyn RecordingObserver) -> Box<dyn Workload + 'm> {
        match &self.calibration {
            None => workload::observed(&self.loaded, observer),
            Some(given) => {
                let given = CalibrationSamples { network: &given.network, values: &given.values };
                Box::new(Samples::like(&self.loaded.graphs, given).observed(observer))
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
        self.lower_observed(target, options, &())
    }

    /// As [`Model::lower`]; the progress is told of passes that are recorded and of weights that are rounded.
    ///
    /// # Errors
    /// Those of [`Model::lower`].
    pub fn lower_observed(
        &self,
        target: &Target,
        options: LowerOptions,
        progress: &dyn Progress,
    ) -> Result<SpikingIr, Diagnostics> {
        let observer = CompilerProgress::new(progress);
        driver::lower_for(&self.loaded, &*self.observed_workload(&observer), target, options)
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
        self.after_pass_observed(target, options, pass, &())
    }

    /// As [`Model::after_pass`]; the progress is told of passes that are recorded and of weights that are rounded.
    ///
    /// # Errors
    /// Those of [`Model::after_pass`].
    pub fn after_pass_observed(
        &self,
        target: &Target,
        options: LowerOptions,
        pass: &str,
        progress: &dyn Progress,
    ) -> Result<String, Diagnostics> {
        let observer = CompilerProgress::new(progress);
        driver::emit_after_for(&self.loaded, &*self.observed_workload(&observer), target, options, pass)
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
        self.compile_observed(target, options, files, &())
    }

    /// As [`Model::compile_with`]; the progress is told of each stage. Its steps are passes where they are recorded,
    /// weights where they are rounded, layers where the partition is searched and moves where work is evened out and
    /// cores are placed.
    ///
    /// # Errors
    /// Those of [`Model::compile_with`].
    pub fn compile_observed(
        &self,
        target: &Target,
        options: &CompileOptions,
        files: &MappingFiles,
        progress: &dyn Progress,
    ) -> Result<Program, Diagnostics> {
        let start = Instant::now();
        progress.stage("rounding", "");
        let ir = Arc::new(self.lower_observed(target, options.lower, progress)?);
        let program = self.map_lowered((ir, start), target, options, files, progress)?;
        progress.stage("measuring the mapping", "");
        program.mapping_report();
        Ok(program)
    }

    /// Maps what lowering for a target with the same rules gave ([`snnc_compiler::passes::TargetRules`]), and makes no
    /// mapping report before it is asked for; `since` is when the compilation began.
    pub(crate) fn map_lowered(
        &self,
        (ir, since): (Arc<SpikingIr>, Instant),
        target: &Target,
        options: &CompileOptions,
        files: &MappingFiles,
        progress: &dyn Progress,
    ) -> Result<Program, Diagnostics> {
        let inputs = self.mapping_inputs(&ir, target, options, files, progress)?;
        progress.stage("mapping", "");
        let located = |problems| files.blame(self.loaded.origin.locate(problems));
        let observer = CompilerProgress::new(progress);
        let mapped = driver::map_observed(&ir, target, *options, &inputs, &observer);
        let (program, estimate) = mapped.map_err(located)?;
        let objective = driver::objective_of(&ir, target, options.search, &inputs);
        let made_for = MadeFor { rates: inputs.rates, objective, estimate };
        let mut remarks = self.remarks.to_vec();
        if options.lower.feedback_chip {
            let longer = pipeline::longer_loops(&self.loaded, &*self.workload())?;
            remarks.extend(longer.iter().map(ToString::to_string));
        }
        let seconds = self.seconds + since.elapsed().as_secs_f64();
        let report = OnceLock::new();
        Ok(Program::compiled(program, Compilation { ir, made_for, report, seconds, remarks }))
    }

    /// What the mapping is told: files, and spikes of a short run where the objective asks for them and no rates are
    /// given.
    fn mapping_inputs(
        &self,
        ir: &SpikingIr,
        target: &Target,
        options: &CompileOptions,
        files: &MappingFiles,
        progress: &dyn Progress,
    ) -> Result<MappingInputs, Diagnostics> {
        let mut inputs = files.read(ir, target, options.search)?;
        if options.search.objective.balances() && inputs.rates.is_uniform() {
            inputs.activity = self.recorded(ir, target, options, progress);
        }
        Ok(inputs)
    }

    /// The model mapped for every objective, and as CSV the front of time and energy over cores if that is asked for.
    ///
    /// # Errors
    /// What the passes refuse, what is wrong with the files, what does not fit.
    pub fn objectives(
        &self,
        target: &Target,
        options: &CompileOptions,
        front: bool,
    ) -> Result<(Objectives, Option<String>), Diagnostics> {
        self.objectives_observed(target, options, front, &())
    }

    /// As [`Model::objectives`]; steps of the progress are mappings, [`objectives::MAPPINGS`] and one for the front.
    ///
    /// # Errors
    /// Those of [`Model::objectives`].
    pub fn objectives_observed(
        &self,
        target: &Target,
        options: &CompileOptions,
        front: bool,
        progress: &dyn Progress,
    ) -> Result<(Objectives, Option<String>), Diagnostics> {
        let ir = self.lower(target, options.lower)?;
        let inputs = self.mapping_inputs(&ir, target, options, &MappingFiles::default(), &())?;
        let table = objectives::objectives(&ir, target, *options, &inputs, progress);
        let front = front.then(|| objectives::pareto(&ir, target, *options, &inputs)).transpose();
        progress.advance(u64::from(front.as_ref().is_ok_and(Option::is_some)));
        Ok((table, front.map_err(|problems| self.loaded.origin.locate(problems))?))
    }

    /// Spikes of a short run, if the model says what it is fed: by its pipeline, or by the samples that its rounding
    /// looks at. They do not depend on the mapping, so the quickest is made. Where there is none, for example because
    /// the model fits nowhere, the mapping itself says why.
    fn recorded(
        &self,
        ir: &SpikingIr,
        target: &Target,
        options: &CompileOptions,
        progress: &dyn Progress,
    ) -> Option<Activity> {
        let given = self.activity.as_ref().or(self.calibration.as_ref());
        if ir.model.workload.is_none() && given.is_none() || !target.neuron.timesteps.get() {
            return None;
        }
        let search =
            SearchOptions { objective: Objective::Cores, effort: Effort::Fast, ..SearchOptions::default() };
        let place = PlaceOptions { effort: Effort::Fast, ..options.place };
        let program = Arc::new(driver::map(ir, target, CompileOptions { search, place, ..*options }).ok()?);
        let long = |network: &Network| network.pass_steps > recording::STEPS_MAX;
        if program.needs_timesteps().is_err() || program.model.networks.values().any(long) {
            return None;
        }
        match given {
            Some(given) if ir.model.workload.is_none() => {
                let network = ir.model.networks.iter().find(|(_, network)| network.name == given.network)?.0;
                let samples = ChipSamples::new(&program.model, network, given.values.clone()).ok()?;
                recording::record(&program, &samples, recording::ITEMS, progress).ok()
            }
            _ => {
                let workload = Generation::new(&program.model, 0, 1).ok()?;
                recording::record(&program, &workload, 1, progress).ok()
            }
        }
    }

    /// Which of some targets hold the model, what binds there, and why others do not.
    ///
    /// # Errors
    /// What is wrong with the model on any chip.
    pub fn fit(&self, targets: &[Target], options: &CompileOptions) -> Result<Fit, Diagnostics> {
        self.fit_observed(targets, options, &())
    }

    /// As [`Model::fit`]; steps of the progress are targets.
    ///
    /// # Errors
    /// Those of [`Model::fit`].
    pub fn fit_observed(
        &self,
        targets: &[Target],
        options: &CompileOptions,
        progress: &dyn Progress,
    ) -> Result<Fit, Diagnostics> {
        snnc_compiler::passes::check(&self.loaded)?;
        Ok(fit::fit(&self.loaded, targets, *options, progress))
    }
}

impl From<LoadedModel> for Model {
    /// A model that was made elsewhere than in files.
    fn from(loaded: LoadedModel) -> Self {
        let loaded = Arc::new(loaded);
        Self { loaded, seconds: 0.0, calibration: None, activity: None, remarks: Arc::default() }
    }
}
