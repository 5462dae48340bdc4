//! Leaky integrate and fire: `v += (x - (v - reset)) / tau`; fires when `v >= threshold`; then `v = reset`.
//!
//! The step is SpikingJelly's `LIFNode`. With `decay_input: false` the input is not divided: `v += x - (v - reset) /
//! tau`.
//! With `soft_reset: true` (its `v_reset=None`) a spike takes the threshold off the membrane. With `strict: true` it
//! takes
//! more than the threshold to fire. With `refractory: n` the membrane stays for n steps after a spike, and nothing
//! fires. Reference arithmetic: plain f64, and shared with no other room.

use serde::{Deserialize, Serialize};

use super::flow::firing;
use super::{Evaluation, LayerFault, LayerKind, Memory, Resolver, SignalType, Spec};
use crate::ir::Shape;
use crate::neuron::{NeuronKind, TrainedNeuron};
use crate::reference::{Map, Signal};

/// Leaky neurons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lif {
    /// Membrane time constant in timesteps.
    pub tau: f64,
    /// Firing threshold.
    pub threshold: f64,
    /// Resting membrane: at the start, what it decays to, and after a spike if the reset is not soft.
    #[serde(default)]
    pub reset: f64,
    /// Whether the input is divided by `tau`, too.
    #[serde(default = "yes", skip_serializing_if = "is_set")]
    pub decay_input: bool,
    /// Whether a spike takes the threshold off the membrane; else the membrane goes to `reset`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub soft_reset: bool,
    /// Whether it takes more than the threshold to fire.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// Timesteps after that of a spike in which the membrane stays as the spike left it, and nothing fires.
    #[serde(default, skip_serializing_if = "is_none")]
    pub refractory: u32,
}

/// Whether there are no refractory timesteps.
pub(super) fn is_none(refractory: &u32) -> bool {
    *refractory == 0
}

fn yes() -> bool {
    true
}

fn is_set(value: &bool) -> bool {
    *value
}

impl Lif {
    /// Neurons whose input decays, that fire at the threshold, and go to `reset`.
    pub const fn new(tau: f64, threshold: f64, reset: f64) -> Self {
        Self { tau, threshold, reset, decay_input: true, soft_reset: false, strict: false, refractory: 0 }
    }
}

impl LayerKind for Lif {
    fn name(&self) -> &'static str {
        "Lif"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        firing("Lif", inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(run.through(self, inputs[0]))
    }

    fn memory(&self, shape: Shape) -> Option<Box<dyn Memory>> {
        let &Self { tau, threshold, reset, decay_input, soft_reset, strict, refractory } = self;
        let charge = move |v: f64, x: f64| match decay_input {
            true => v + (x - (v - reset)) / tau,
            false => v - (v - reset) / tau + x,
        };
        let rule = FiringRule { threshold, strict, reset: (!soft_reset).then_some(reset), refractory };
        Some(Box::new(LifMembranes::new(Map::filled(shape, reset), charge, rule)))
    }

    fn neurons(&self) -> Option<NeuronKind> {
        let &Self { tau, threshold, reset, decay_input, soft_reset, strict, refractory } = self;
        let neuron = TrainedNeuron {
            decay_input,
            strict,
            subtract: soft_reset.then_some(threshold),
            refractory,
            ..TrainedNeuron::lif(tau, threshold, reset)
        };
        Some(neuron.into())
    }
}

impl Spec for Lif {
    type Layer = Self;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Self> {
        let &Self { tau, threshold, reset, .. } = self;
        if !(tau.is_finite() && tau > 0.0) {
            let message = format!("tau is {tau}, expected a positive number of timesteps");
            return file.invalid("tau", message, "often 2.0; a neuron without leak is `If`");
        }
        if !(threshold.is_finite() && reset.is_finite() && threshold > reset) {
            let message =
                format!("threshold {threshold} and reset {reset}: expected finite, threshold above reset");
            return file.invalid("threshold", message, "a neuron at rest must not fire; often 1.0 and 0.0");
        }
        if self.soft_reset && threshold <= 0.0 {
            let message = format!("threshold {threshold}, which a soft reset takes off the membrane");
            return file.invalid("threshold", message, "a soft reset needs a threshold above 0");
        }
        Some(self.clone())
    }
}

/// When a membrane fires, and what it is then.
#[derive(Debug, Clone, Copy)]
pub(super) struct FiringRule {
    pub threshold: f64,
    /// Fires above the threshold only.
    pub strict: bool,
    /// The membrane after a spike; None if the spike takes the threshold off it.
    pub reset: Option<f64>,
    /// Timesteps after a spike in which it does not fire and the membrane stays.
    pub refractory: u32,
}

/// Membranes of a layer: `charge(v, x)` is the membrane after an input.
pub(super) struct LifMembranes<C> {
    v: Map,
    /// Refractory timesteps that are left, one a membrane.
    silent: Vec<u32>,
    charge: C,
    rule: FiringRule,
}

impl<C> LifMembranes<C> {
    /// Membranes with their first values.
    pub fn new(v: Map, charge: C, rule: FiringRule) -> Self {
        Self { silent: vec![0; v.data.len()], v, charge, rule }
    }
}

impl<C: Fn(f64, f64) -> f64> Memory for LifMembranes<C> {
    fn step(&mut self, input: &Map) -> Map {
        let FiringRule { threshold, strict, reset, refractory } = self.rule;
        let mut spikes = Map::filled(input.shape(), 0.0);
        let states = self.v.data.iter_mut().zip(&mut self.silent);
        for (((v, silent), x), spike) in states.zip(&input.data).zip(&mut spikes.data) {
            if *silent > 0 {
                *silent -= 1;
                continue;
            }
            *v = (self.charge)(*v, *x);
            if *v > threshold || (*v == threshold && !strict) {
                *spike = 1.0;
                *silent = refractory;
                *v = reset.unwrap_or(*v - threshold);
            }
        }
        spikes
    }
}
