//! What a program will be driven by, as far as the compiler must know: which networks run on the chip, what values they
//! are fed, and what they can be shown before their weights are rounded.
//!
//! Place in the flow: beside the passes, which ask a [`Workload`] and know none by name. Three exist: [`Generation`]
//! (the pipeline of a model file), [`Reconstruction`] (its encoder and decoder) and [`Samples`] (no pipeline: constant
//! inputs from outside). Driving the compiled program is the simulator's; it reads the [`WorkloadSpec`] made here.

mod generation;
mod reconstruction;
mod samples;

use indexmap::IndexMap;

pub use generation::Generation;
pub use reconstruction::Reconstruction;
pub use samples::{CalibrationSamples, Samples};

use crate::frontend::LoadedModel;
use crate::graph::Graph;
use crate::ir::NetworkId;
use crate::ir::workload::WorkloadSpec;
use crate::passes::calibrate::RecordedPass;
use crate::passes::collect::Collected;

/// What the compiler asks about the use of a model.
pub trait Workload {
    /// The networks that run on the chip, in the order in which they are lowered and recorded.
    fn networks(&self) -> Vec<&str>;

    /// Least and largest value of each input channel of one of these networks; none if they are not known.
    fn input_ranges(&self, network: &Graph) -> Option<Vec<(f64, f64)>>;

    /// Whether the host computes what follows a network's read-outs, so that it is taken off before lowering.
    fn has_host_tail(&self, _network: &str) -> bool {
        false
    }

    /// Records up to `passes` passes of the networks, which are shown to it in their order.
    fn recorder(&self, passes: usize) -> Box<dyn Recorder + '_>;

    /// Who is told how far recording and rounding have come.
    fn observer(&self) -> &dyn RecordingObserver {
        &()
    }

    /// Why no passes are recorded, if none are.
    fn unrecorded(&self) -> Option<&'static str>;

    /// What the program carries; none if it is driven from outside alone.
    fn spec(&self, networks: &IndexMap<String, NetworkId>) -> Option<WorkloadSpec>;
}

/// Runs networks in floats on inputs such as the workload will give them.
pub trait Recorder {
    /// Passes of a network, perhaps fed by what the networks before it answered.
    fn record(&mut self, network: &str, collected: &Collected) -> Vec<RecordedPass>;
}

/// Is told how far a recording has come, and the rounding behind it, which take long; `()` does not care.
pub trait RecordingObserver: std::fmt::Debug + Sync {
    /// So many passes will be recorded.
    fn begin(&self, passes: usize);

    /// One of them is.
    fn recorded(&self);

    /// So many weights of all networks will be rounded.
    fn rounding(&self, _weights: usize) {}

    /// So many of them are: a layer's.
    fn rounded(&self, _weights: usize) {}
}

impl RecordingObserver for () {
    fn begin(&self, _: usize) {}

    fn recorded(&self) {}
}

/// Records nothing.
struct Nothing;

impl Recorder for Nothing {
    fn record(&mut self, _: &str, _: &Collected) -> Vec<RecordedPass> {
        Vec::new()
    }
}

/// How a model is driven: as its pipeline says, else by samples.
pub fn of(model: &LoadedModel) -> Box<dyn Workload + '_> {
    observed(model, &())
}

/// As [`of`]; the observer is told of recorded passes.
pub fn observed<'m>(model: &'m LoadedModel, observer: &'m dyn RecordingObserver) -> Box<dyn Workload + 'm> {
    match &model.pipeline {
        Some(pipeline) => Box::new(Generation::new(pipeline).observed(observer)),
        None => Box::new(Samples::new(&model.graphs)),
    }
}
