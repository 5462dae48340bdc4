//! The network's input: one map that is the same in every timestep (direct coding), or spikes, one map a timestep,
//! which are given or drawn by the host.

use serde::{Deserialize, Serialize};

use super::current::{Current, HostPath};
use super::{
    Arity, Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, Resolver, SignalKind,
    SignalType, Spec,
};
use crate::ir::Shape;
use crate::ir::spike_source::{SpikePattern, SpikeSource};
use crate::reference::Signal;

/// Most elements of an input map: bounds what later rooms allocate.
const ELEMENTS_MAX: usize = 1 << 24;

/// The network's input.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Shape of the map.
    pub shape: Shape,
    /// Whether it is spikes, one map of 0 and 1 a timestep; else one map for all timesteps.
    pub spikes: bool,
    /// What the host draws the spikes from; none if they are given.
    pub source: Option<SpikeSource>,
}

impl Input {
    /// An input that is the same in every timestep.
    pub fn constant(shape: Shape) -> Self {
        Self { shape, spikes: false, source: None }
    }
}

impl LayerKind for Input {
    fn name(&self) -> &'static str {
        "Input"
    }

    fn arity() -> Arity {
        Arity::Exactly(0)
    }

    fn output(&self, _: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let kind = if self.spikes { SignalKind::Series } else { SignalKind::Constant };
        Ok(SignalType { shape: self.shape, kind })
    }

    fn evaluate(&self, _: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(run.input.clone())
    }

    fn is_port(&self) -> bool {
        self.spikes
    }

    fn current(&self, _: Vec<Current>, _: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        Ok(Current::host(self.shape, HostPath { input: self.shape, stages: Vec::new() }))
    }
}

/// `Input(shape: (channels, height, width))`, of spikes `Input(shape: ..., spikes: true)`, of drawn ones
/// `Input(shape: ..., source: Poisson(rate: Hz(10.0, 0.001)))`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// (channels, height, width).
    pub shape: (usize, usize, usize),
    /// Whether it is spikes, one map of 0 and 1 a timestep; else one map for all timesteps.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub spikes: bool,
    /// Where the spikes come from; drawn ones are spikes without `spikes: true`.
    #[serde(default, skip_serializing_if = "SourceSpec::is_given")]
    pub source: SourceSpec,
}

/// Where the spikes of an input come from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum SourceSpec {
    /// Whoever runs the network gives them.
    #[default]
    Given,
    /// Drawn in every timestep by itself.
    Poisson {
        /// Of each neuron.
        rate: RateSpec,
        /// Whether it is multiplied by the values of a sample.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        of_input: bool,
        /// Of the draws.
        #[serde(default)]
        seed: u64,
    },
    /// At equal intervals.
    Regular {
        /// Of each neuron.
        rate: RateSpec,
        /// Whether it is multiplied by the values of a sample.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        of_input: bool,
        /// Share of an interval that has passed before the first timestep.
        #[serde(default)]
        phase: f64,
    },
}

/// How often a neuron fires.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum RateSpec {
    /// Spikes a timestep.
    PerStep(f64),
    /// Spikes a second, and seconds of a timestep.
    Hz(f64, f64),
}

impl RateSpec {
    /// Spikes a timestep.
    fn per_step(self) -> f64 {
        match self {
            Self::PerStep(rate) => rate,
            Self::Hz(hertz, seconds) => hertz * seconds,
        }
    }
}

impl SourceSpec {
    fn is_given(&self) -> bool {
        *self == Self::Given
    }

    /// What the host draws from; none if spikes are given.
    fn source(&self) -> Option<SpikeSource> {
        let (pattern, rate, of_input, seed) = match *self {
            Self::Given => return None,
            Self::Poisson { rate, of_input, seed } => (SpikePattern::Poisson, rate, of_input, seed),
            Self::Regular { rate, of_input, phase } => (SpikePattern::Regular { phase }, rate, of_input, 0),
        };
        Some(SpikeSource { pattern, rate: rate.per_step(), of_input, seed })
    }
}

impl Spec for InputSpec {
    type Layer = Input;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Input> {
        let (channels, height, width) = self.shape;
        let elements = channels.checked_mul(height).and_then(|n| n.checked_mul(width));
        if elements.is_none_or(|n| n == 0 || n > ELEMENTS_MAX) {
            let message =
                format!("input shape [{channels}, {height}, {width}] has no or over {ELEMENTS_MAX} elements");
            return file.invalid("shape", message, "`shape` is (channels, height, width)");
        }
        let source = self.source.source();
        if let Some(message) = source.and_then(|source| source.problem()) {
            let hint = "`rate: PerStep(0.1)` is a spike in ten timesteps, `rate: Hz(10.0, 0.001)` ten a second in \
                        timesteps of a millisecond";
            return file.invalid("source", message, hint);
        }
        let (shape, spikes) = (Shape::new(channels, height, width), self.spikes || source.is_some());
        Some(Input { shape, spikes, source })
    }
}
