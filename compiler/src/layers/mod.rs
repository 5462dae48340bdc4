//! The kinds of layers: one file each, with its parameters, shape rule, reference evaluation, lowering, and how a
//! model file writes it.
//!
//! Place in the flow: what [`crate::graph`] is made of; shape inference, the float reference and the passes ask a layer
//! through [`LayerKind`]. Inputs, delays and what the host computes behind read-outs are the only kinds that they
//! know by
//! name. To add a kind, write its file, add it to the list below and its name to the list in
//! [`crate::frontend::model`],
//! and take it off the list of what is missing in `frontend/features.rs`.
//! Invariants: a kind knows its inputs and nothing else of the network; its evaluation is the formula in plain f64 and
//! shares no arithmetic with its lowering, whose oracle it is. [`current`] has what lowering is written in.

pub mod current;
mod flow;
pub mod spec;

mod add;
mod avg_pool;
mod batch_norm;
mod concat;
mod conv;
mod conv1d;
mod delay;
mod dropout;
mod embedding;
mod first_spike;
mod flatten;
mod input;
mod integrate_and_fire;
mod last_over_time;
mod leaky;
mod leaky_integrator;
mod leaky_sum;
mod lif;
mod linear;
mod max_pool;
mod mean_over_time;
mod mix;
mod nearest_code;
mod neuron;
mod pool_window;
mod reshape;
mod scale;
mod sparse;
mod sum_over_time;
mod sum_pool;
mod upsample;
mod weighted_sum;

use std::fmt;

use crate::event_driven::EventSums;
use crate::ir::Shape;
use crate::neuron::NeuronKind;
use crate::reference::{Map, Signal};
use current::Current;

pub use add::Add;
pub use avg_pool::AvgPool2d;
pub use batch_norm::{BatchNorm, BatchNormSpec};
pub use concat::Concat;
pub use conv::{Conv, Conv1dSpec, Conv2dSpec, ConvSpec, ConvTranspose2dSpec, Padding};
pub use conv1d::Conv1d;
pub use current::LoweringRefusal;
pub use delay::Delay;
pub use dropout::Dropout;
pub use embedding::{Embedding, EmbeddingSpec};
pub use first_spike::FirstSpike;
pub use flatten::Flatten;
pub use flow::{Arity, ELEMENTS_MAX, LayerFault, SignalKind, SignalType};
pub use input::{Input, InputSpec, RateSpec, SourceSpec};
pub use integrate_and_fire::If;
pub use last_over_time::{LastOverTime, LastOverTimeSpec};
pub use leaky::{Leaky, LeakyReset, LeakySpec};
pub use leaky_integrator::{LeakyIntegrator, LeakyIntegratorSpec};
pub use leaky_sum::{LeakySumOverTime, LeakySumSpec};
pub use lif::Lif;
pub use linear::{Linear, LinearSpec};
pub use max_pool::MaxPool2d;
pub use mean_over_time::MeanOverTime;
pub use mix::{Mix, MixSpec};
pub use nearest_code::{NearestCode, NearestCodeSpec};
pub use neuron::{CurrentRule, CurrentSpec, MembraneRule, Neuron, NeuronSpec, ResetStep, SpikeReset};
pub use pool_window::PoolWindow;
pub use reshape::Reshape;
pub use scale::{Scale, ScaleSpec};
pub use sparse::{SparseLinear, SparseSpec};
pub use spec::{Parameter, Resolver, Spec, TensorRef};
pub use sum_over_time::SumOverTime;
pub use sum_pool::SumPool2d;
pub use upsample::Upsample;
pub use weighted_sum::{WeightedSum, WeightedSumSpec};

/// What a kind of layer says of itself. Callers give it as many inputs as it asks for, and shapes that its rule
/// admits; inputs come in port order.
pub trait LayerKind: fmt::Debug {
    /// Its name in model files and messages.
    fn name(&self) -> &'static str;

    /// How many inputs it reads.
    fn arity() -> Arity
    where
        Self: Sized,
    {
        Arity::Exactly(1)
    }

    /// Shape and kind of its output.
    ///
    /// # Errors
    /// What does not fit: its inputs or its tensors. Arithmetic is checked throughout, since sizes come from files.
    fn output(&self, inputs: &[SignalType], timesteps: usize) -> Result<SignalType, LayerFault>;

    /// Its output in the float reference.
    ///
    /// # Errors
    /// Values that it cannot take.
    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault>;

    /// For a layer of weighted sums: a quicker evaluation that gives the same bits, between maps of these shapes; see
    /// [`crate::event_driven`] for the layers that have none.
    fn event_sums(&self, from: Shape, to: Shape) -> Option<Box<dyn EventSums>> {
        let _ = (from, to);
        None
    }

    /// For a layer with memory, its state before the first timestep, of maps of `shape`; none for the others.
    fn memory(&self, shape: Shape) -> Option<Box<dyn Memory>> {
        let _ = shape;
        None
    }

    /// How many timesteps late it gives its input, if that is all it does.
    fn delay(&self) -> Option<usize> {
        None
    }

    /// Whether it gives spikes from outside, which enter the chip as packets.
    fn is_port(&self) -> bool {
        false
    }

    /// The neurons that it is on the chip, if it is any: they fire or are read out.
    fn neurons(&self) -> Option<NeuronKind> {
        None
    }

    /// For a layer of neurons: what reaches them of the currents that its inputs give.
    ///
    /// # Errors
    /// What its neurons cannot take.
    fn synapses(
        &self,
        mut inputs: Vec<Current>,
        site: &LoweringSite<'_>,
    ) -> Result<Current, LoweringRefusal> {
        let _ = site;
        match inputs.is_empty() {
            true => Err(LoweringRefusal::here("reads nothing")),
            false => Ok(inputs.remove(0)),
        }
    }

    /// Whether it has weights, so that a read-out behind it bears its name.
    fn has_weights(&self) -> bool {
        false
    }

    /// Whether it reads the elements of a map that was flattened, whatever their order.
    fn reads_flattened(&self) -> bool {
        false
    }

    /// Whether its current may be fed by one to which the host adds something ([`Current::is_mixed`]). Neurons that
    /// fire may be.
    fn keeps_host_current(&self) -> bool {
        false
    }

    /// The current that it gives to neurons behind it, from those that its inputs give. Not asked of neurons.
    ///
    /// # Errors
    /// What cannot be computed so; kinds that only read-outs may feed do not lower at all.
    fn current(&self, inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        let _ = (inputs, site);
        Err(LoweringSite::behind_a_read_out())
    }
}

/// What a layer keeps from one timestep to the next in the float reference.
pub trait Memory {
    /// Its output in the next timestep, for its input in it.
    fn step(&mut self, input: &Map) -> Map;
}

/// What an evaluation may know besides its inputs.
#[derive(Debug, Clone, Copy)]
pub struct Evaluation<'a> {
    /// Shape of the layer's output.
    pub shape: Shape,
    /// Timesteps of a pass.
    pub timesteps: usize,
    /// What the network was given.
    pub input: &'a Signal,
}

impl Evaluation<'_> {
    /// The output of a layer with memory over all timesteps.
    fn through(&self, layer: &dyn LayerKind, input: &Signal) -> Signal {
        let mut memory = layer.memory(self.shape).expect("only layers with memory are evaluated through it");
        Signal::Series((0..self.timesteps).map(|t| memory.step(input.at(t))).collect())
    }
}

/// The layer that is being lowered.
#[derive(Debug, Clone, Copy)]
pub struct LoweringSite<'a> {
    /// Name of the layer.
    pub name: &'a str,
    /// Its operation.
    pub op: &'static str,
    /// Shape of its output.
    pub shape: Shape,
    /// Labels of the layers that it reads, in port order.
    pub inputs: &'a [String],
}

impl LoweringSite<'_> {
    /// The refusal of whatever is computed from read-outs.
    pub fn behind_a_read_out() -> LoweringRefusal {
        LoweringRefusal::here("operations behind a read-out do not run on the chip")
    }

    /// `"conv1" (Conv2d)`.
    pub fn label(&self) -> String {
        label(self.name, self.op)
    }
}

/// A layer in messages: `"conv1" (Conv2d)`.
pub fn label(name: &str, op: &str) -> String {
    format!("\"{name}\" ({op})")
}

/// Makes [`Op`] of a list of kinds.
macro_rules! kinds {
    ($($kind:ident: $about:literal),* $(,)?) => {
        /// A layer of any kind. Shapes are `[channels, height, width]`.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Op {
            $(#[doc = $about] $kind($kind),)*
        }

        impl Op {
            /// The kind, for whoever asks all alike.
            pub fn kind(&self) -> &dyn LayerKind {
                match self {
                    $(Self::$kind(kind) => kind,)*
                }
            }

            /// How many inputs it reads.
            pub fn arity(&self) -> Arity {
                match self {
                    $(Self::$kind(_) => $kind::arity(),)*
                }
            }
        }

        $(impl From<$kind> for Op {
            fn from(kind: $kind) -> Self {
                Self::$kind(kind)
            }
        })*
    };
}

kinds! {
    Input: "The network's input.",
    Embedding: "Row lookup.",
    Conv: "Convolution or transposed convolution.",
    Conv1d: "Convolution along one row.",
    Linear: "Every output from all elements of the map.",
    Flatten: "The elements of a map as channels.",
    Reshape: "Another shape for the same elements.",
    SparseLinear: "Synapses one by one.",
    BatchNorm: "Batch norm in evaluation mode.",
    Lif: "Leaky integrate and fire.",
    If: "Integrate and fire.",
    Leaky: "Leaky integrate and fire that is reset a step late.",
    Neuron: "Leaky integrate and fire with every number of its own.",
    LeakyIntegrator: "A membrane that never fires.",
    MaxPool2d: "Maximum over a window of each channel.",
    Upsample: "Rows and columns repeated.",
    Scale: "Each channel times a number.",
    Delay: "The input of some timesteps ago.",
    Dropout: "Its input as it is.",
    AvgPool2d: "Mean over a window of each channel.",
    SumPool2d: "Sum over a window of each channel.",
    Add: "Sum of maps of one shape.",
    Concat: "Joins maps along the channels.",
    MeanOverTime: "Read-out: mean over the timesteps.",
    SumOverTime: "Read-out: sum over the timesteps.",
    WeightedSum: "Read-out: weighted sum over the timesteps.",
    LastOverTime: "Read-out: the last timestep.",
    LeakySumOverTime: "Read-out: the membrane of a leaky integrator.",
    Mix: "Two read-outs weighed against each other.",
    NearestCode: "The nearest row of a table.",
}

impl Op {
    /// The operation's name in model files and messages.
    pub fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// Whether its outputs are spikes.
    pub fn fires(&self) -> bool {
        self.kind().neurons().is_some_and(|neurons| neurons.fires())
    }

    /// Whether it reads neurons out.
    pub fn reads_out(&self) -> bool {
        self.kind().neurons().is_some_and(|neurons| !neurons.fires())
    }

    /// Shape and kind of its output, for whatever inputs.
    ///
    /// # Errors
    /// A wrong number of inputs, what does not fit, and empty or overlarge outputs.
    pub fn output(&self, inputs: &[SignalType], timesteps: usize) -> Result<SignalType, LayerFault> {
        if !self.arity().admits(inputs.len()) {
            let message = format!("{} has {} inputs, {} expected", self.name(), inputs.len(), self.arity());
            return Err(LayerFault::arity(message));
        }
        self.kind().output(inputs, timesteps)?.bounded(timesteps)
    }
}
