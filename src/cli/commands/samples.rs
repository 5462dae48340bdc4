//! Models without a pipeline: samples from files, and what is written of them.

use std::path::Path;

use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::ir::spiking::SpikingModel;
use snnc_simulator::workload::Samples;
use snnc_targets::output::Inputs;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use crate::cli::arguments::{GenerateArgs, SampleArgs};
use crate::float_driver::interpreter;
use crate::model::Model;
use crate::parts::manifest::FedSamples;
use crate::samples::array_file::split_key;
use crate::samples::input::{SampleFile, SampleShape};
use crate::samples::{EventSummary, SampleChoice};
use crate::{samples, session};

/// What a model is fed, with the classes of the samples if they are known.
#[derive(Debug)]
pub struct Fed {
    /// The samples.
    pub samples: Samples,
    /// Their classes.
    pub labels: Option<Vec<usize>>,
    /// What became of the events, if they come from an event list.
    pub events: Option<EventSummary>,
}

impl Fed {
    /// What parts note of them.
    pub fn described(&self) -> FedSamples {
        FedSamples::new(&self.samples, self.labels.as_deref(), self.events)
    }

    /// Reads what the command line names for a program's model; `seed` is that of spikes that are drawn.
    ///
    /// # Errors
    /// [`Code::Argument`] without `--input`, which says what to give; those of the files.
    pub fn read(model: &SpikingModel, args: &SampleArgs, seed: Option<u64>) -> Result<Self, Diagnostic> {
        let network = samples::network(model, args.network.as_deref())?;
        let (_, readout) = Samples::shapes(model, network)?;
        let choice = SampleChoice { path: args.input.as_deref(), dt: args.dt, most: args.count, seed };
        let (samples, events) = samples::read(model, network, choice)?;
        let count = snnc_simulator::workload::Workload::len(&samples) as usize;
        let labels = args.labels.as_deref();
        let labels = labels.map(|path| samples::input::labels(path, count, readout.len())).transpose()?;
        Ok(Self { samples, labels, events })
    }
}

/// A network of a model that is not compiled, and the samples that the command line names for it.
///
/// # Errors
/// As [`Fed::read`]; [`Code::Argument`] for labels, which recordings have themselves.
pub fn of_model<'m>(model: &'m LoadedModel, args: &SampleArgs) -> Result<(&'m str, SampleFile), Diagnostics> {
    if args.labels.is_some() {
        let message =
            "would change nothing: recorded predictions are compared with those of the float reference";
        return Err(Diagnostic::new(Code::Argument, Subject::argument("--labels"), message)
            .hint("leave it out")
            .into());
    }
    let name = samples::graph(model, ("--network", args.network.as_deref()))?;
    let shape = SampleShape::of(&interpreter(model, name)?);
    let path = args.input.as_ref().ok_or_else(|| samples::missing(name, shape))?;
    Ok((name, samples::input::read(path, shape, args.dt, args.count)?))
}

/// The first samples that the command line names, and their network, for the mapping to look at; see
/// [`samples::for_mapping`].
pub fn first(model: &Model, args: &SampleArgs) -> Option<(String, Vec<f64>)> {
    let choice = SampleChoice { path: args.input.as_deref(), dt: args.dt, most: args.count, seed: None };
    samples::for_mapping(model.loaded(), ("--network", args.network.as_deref()), choice)
}

/// Whether the samples that the command line names can be read for a model, where nothing runs them that would say so.
///
/// # Errors
/// [`Code::Argument`] for a generating model; those of the file.
pub fn check(model: &Model, args: &SampleArgs) -> Result<(), Diagnostics> {
    if model.loaded().pipeline.is_some() {
        refuse(args)?;
    }
    of_model(model.loaded(), &SampleArgs { count: Some(1), ..args.clone() }).map(|_| ())
}

/// The network that samples are given for, and these samples.
///
/// # Errors
/// Those of the file; [`Code::Argument`] for a network that there is not, or none named of several.
pub fn for_calibration(
    model: &Model,
    input: &Path,
    network: Option<&str>,
) -> Result<(String, Vec<f64>), Diagnostics> {
    let loaded = model.loaded();
    let name = samples::graph(loaded, ("--calibrate-network", network))?;
    let shape = SampleShape::of(&interpreter(loaded, name)?);
    Ok((name.to_owned(), samples::input::samples(input, shape, None)?))
}

/// The files that the options name are not written over.
pub fn protect(args: &SampleArgs, inputs: &mut Inputs) {
    args.input.iter().chain(&args.labels).for_each(|path| inputs.add(&split_key(path).0));
}

/// Options of samples given to a model that generates would be ignored.
///
/// # Errors
/// [`Code::Argument`], by name.
pub fn refuse(args: &SampleArgs) -> Result<(), Diagnostic> {
    let given = [
        ("--input", args.input.is_some()),
        ("--dt", args.dt.is_some()),
        ("--network", args.network.is_some()),
        ("--samples", args.count.is_some()),
        ("--labels", args.labels.is_some()),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((option, _)) => {
            let message =
                "would change nothing: the model generates images by its pipeline and takes no samples";
            Err(Diagnostic::new(Code::Argument, Subject::argument(option), message)
                .hint("leave it out; `--images` says how many"))
        }
    }
}

/// Membranes of generating models are not written, and their passes keep no state.
///
/// # Errors
/// [`Code::Argument`].
pub fn refuse_passes(args: &GenerateArgs) -> Result<(), Diagnostic> {
    if args.keep_state {
        return Err(session::keeps_no_state());
    }
    if args.membranes.is_none() {
        return Ok(());
    }
    let message = "is for samples, which are a pass each; an image is many passes of two networks";
    Err(Diagnostic::new(Code::Argument, Subject::argument("--membranes"), message)
        .hint("leave it out; --spikes writes the spikes of all passes"))
}

/// Options of generating models given to one that is fed samples would be ignored.
///
/// # Errors
/// [`Code::Argument`], by name.
pub fn refuse_images(images: Option<u64>, temperature: Option<f64>) -> Result<(), Diagnostic> {
    let given = [
        ("--images", images.map(|images| images.to_string())),
        ("--temperature", temperature.map(|temperature| temperature.to_string())),
    ];
    match given.into_iter().find_map(|(option, value)| Some((option, value?))) {
        None => Ok(()),
        Some((option, value)) => {
            let message = "would change nothing: the model has no pipeline and generates nothing";
            Err(Diagnostic::new(Code::Argument, Subject::value(option, value), message)
                .hint("leave it out; `--input` gives the samples, `--samples` says how many of them"))
        }
    }
}
