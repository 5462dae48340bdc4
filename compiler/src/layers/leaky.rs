//! snnTorch's `Leaky` and, with `alpha`, its `Synaptic`: `i = alpha i + x` (without `alpha`, `i = x`) and
//! `v = beta v + i - r threshold`, where r is 1 if `v` was above the threshold a step before; fires when `v >
//! threshold`.
//!
//! So a spike takes the threshold off the membrane one step late, after the leak (`reset_mechanism="subtract"`). With
//! `reset: Zero` the membrane starts the step after a spike from 0; with `reset: None` it goes on. As in snnTorch,
//! `beta`
//! and `alpha` are clipped to 0 to 1 when running. State starts at 0. On a chip the late subtraction is an immediate
//! one
//! of threshold / beta, which is the same network in exact arithmetic. With `refractory: n` the membrane stays for n
//! steps after a spike, and nothing fires; the reset comes after them. Reference arithmetic: plain f64.

use serde::{Deserialize, Serialize};

use super::flow::{firing, of_channel, one_or_each};
use super::spec::Parameter;
use super::{Evaluation, LayerFault, LayerKind, Memory, Resolver, SignalType, Spec};
use crate::ir::Shape;
use crate::neuron::{NeuronKind, TrainedNeuron};
use crate::reference::{Map, Signal};

/// Leaky neurons that are reset one step late. Each list holds one value for all neurons or one a channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaky {
    /// Part of the membrane that a step keeps, 0 to 1.
    pub beta: Vec<f64>,
    /// Part of the synaptic current that a step keeps, 0 to 1; None if inputs join the membrane at once.
    pub alpha: Option<Vec<f64>>,
    /// Firing threshold, above 0.
    pub threshold: Vec<f64>,
    /// What a spike does to the membrane.
    pub reset: LeakyReset,
    /// Timesteps after that of a spike in which the membrane stays and nothing fires; then comes the reset.
    pub refractory: u32,
}

/// What a spike does to the membrane in the step after it: snnTorch's `reset_mechanism`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LeakyReset {
    /// Takes the threshold off it.
    #[default]
    Subtract,
    /// Sets it to 0 before the step.
    Zero,
    /// Nothing.
    None,
}

/// Parameters of one channel.
#[derive(Debug, Clone, Copy)]
struct LeakyChannel {
    beta: f64,
    alpha: Option<f64>,
    threshold: f64,
}

impl Leaky {
    fn channel(&self, c: usize) -> LeakyChannel {
        LeakyChannel {
            beta: of_channel(&self.beta, c),
            alpha: self.alpha.as_ref().map(|alpha| of_channel(alpha, c)),
            threshold: of_channel(&self.threshold, c),
        }
    }

    /// How many channels have parameters of their own: 1 if all are alike.
    fn channels(&self) -> usize {
        let lists = [Some(&self.beta), self.alpha.as_ref(), Some(&self.threshold)];
        lists.into_iter().flatten().map(Vec::len).max().unwrap_or(1)
    }
}

impl LayerKind for Leaky {
    fn name(&self) -> &'static str {
        "Leaky"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let named = [
            ("beta", Some(&self.beta)),
            ("alpha", self.alpha.as_ref()),
            ("threshold", Some(&self.threshold)),
        ];
        for (name, list) in named.into_iter().filter_map(|(name, list)| Some((name, list?))) {
            one_or_each(name, list, inputs[0].shape.channels)?;
        }
        firing("Leaky", inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(run.through(self, inputs[0]))
    }

    fn memory(&self, shape: Shape) -> Option<Box<dyn Memory>> {
        let zero = Map::filled(shape, 0.0);
        let channels = (0..shape.channels).map(|c| self.channel(c)).collect();
        let (reset, refractory, silent) = (self.reset, self.refractory, vec![0; shape.len()]);
        Some(Box::new(LeakyMemory { channels, reset, refractory, silent, i: zero.clone(), v: zero }))
    }

    fn neurons(&self) -> Option<NeuronKind> {
        let neuron = |c| {
            let LeakyChannel { beta, alpha, threshold } = self.channel(c);
            TrainedNeuron {
                tau: (beta < 1.0).then(|| 1.0 / (1.0 - beta)),
                decay_input: false,
                strict: true,
                subtract: match self.reset {
                    LeakyReset::Subtract => Some(threshold / beta),
                    LeakyReset::Zero => None,
                    LeakyReset::None => Some(0.0),
                },
                current: alpha,
                refractory: self.refractory,
                ..TrainedNeuron::integrate_and_fire(threshold)
            }
        };
        Some(NeuronKind::Firing { neurons: (0..self.channels()).map(neuron).collect() })
    }
}

/// State of the neurons of a layer.
struct LeakyMemory {
    channels: Vec<LeakyChannel>,
    reset: LeakyReset,
    refractory: u32,
    /// Refractory timesteps that are left, one a neuron.
    silent: Vec<u32>,
    i: Map,
    v: Map,
}

impl Memory for LeakyMemory {
    fn step(&mut self, input: &Map) -> Map {
        let shape = input.shape();
        let mut spikes = Map::filled(shape, 0.0);
        let states = self.v.data.iter_mut().zip(&mut self.i.data).zip(&mut self.silent);
        for (n, (((v, i), silent), x)) in states.zip(&input.data).enumerate() {
            let LeakyChannel { beta, alpha, threshold } = self.channels[n / shape.positions()];
            let fired = if *v > threshold { 1.0 } else { 0.0 };
            *i = alpha.map_or(*x, |alpha| alpha * *i + x);
            if *silent > 0 {
                *silent -= 1;
                continue;
            }
            *v = match self.reset {
                LeakyReset::Subtract => beta * *v + *i - fired * threshold,
                LeakyReset::Zero if fired == 1.0 => *i,
                LeakyReset::Zero | LeakyReset::None => beta * *v + *i,
            };
            if *v > threshold {
                (spikes.data[n], *silent) = (1.0, self.refractory);
            }
        }
        spikes
    }
}

/// `Leaky(beta: 0.9)`; every number may be a tensor with a value a channel instead.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakySpec {
    /// Part of the membrane that a step keeps.
    pub beta: Parameter,
    /// Part of the synaptic current that a step keeps; without it there is no such current.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "super::spec::optional_parameter")]
    pub alpha: Option<Parameter>,
    /// Firing threshold; 1 if left out.
    #[serde(default = "one")]
    pub threshold: Parameter,
    /// What a spike does to the membrane in the step after it.
    #[serde(default)]
    pub reset: LeakyReset,
    /// Timesteps after that of a spike in which the membrane stays and nothing fires.
    #[serde(default, skip_serializing_if = "super::lif::is_none")]
    pub refractory: u32,
}

fn one() -> Parameter {
    Parameter::Number(1.0)
}

impl Spec for LeakySpec {
    type Layer = Leaky;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Leaky> {
        let beta = file.parameter("beta", &self.beta);
        let alpha = match &self.alpha {
            Some(alpha) => Some(file.parameter("alpha", alpha)?),
            None => None,
        };
        let threshold = file.parameter("threshold", &self.threshold);
        let (mut beta, mut alpha, threshold) = (beta?, alpha, threshold?);
        for kept in [Some(&mut beta), alpha.as_mut()].into_iter().flatten() {
            kept.iter_mut().for_each(|value| *value = value.clamp(0.0, 1.0));
        }
        if let Some(found) = threshold.iter().find(|&&value| value <= 0.0) {
            let message = format!("threshold is {found}, expected above 0");
            return file.invalid("threshold", message, "a neuron at rest must not fire; often 1.0");
        }
        let lists = [Some(&beta), alpha.as_ref(), Some(&threshold)];
        let lengths: Vec<usize> =
            lists.into_iter().flatten().map(Vec::len).filter(|&length| length != 1).collect();
        if lengths.iter().any(|&length| length != lengths[0]) {
            let message =
                format!("its tensors have {lengths:?} values, expected one each for the same channels");
            return file.invalid("beta", message, "a number for all channels fits any of them");
        }
        Some(Leaky { beta, alpha, threshold, reset: self.reset, refractory: self.refractory })
    }
}
