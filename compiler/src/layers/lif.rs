//! Leaky integrate and fire: `v += (x - (v - reset)) / tau`; fires when `v >= threshold`; then `v = reset`.
//!
//! The step is SpikingJelly's. Reference arithmetic: plain f64, and shared with no other room.

use serde::{Deserialize, Serialize};

use super::flow::firing;
use super::{Evaluation, LayerFault, LayerKind, Resolver, SignalType, Spec};
use crate::neuron::NeuronKind;
use crate::reference::{Map, Signal};

/// Leaky neurons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lif {
    /// Membrane time constant in timesteps.
    pub tau: f64,
    /// Firing threshold.
    pub threshold: f64,
    /// Membrane after a spike and at the start.
    pub reset: f64,
}

impl LayerKind for Lif {
    fn name(&self) -> &'static str {
        "Lif"
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        firing("Lif", inputs[0])
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        let charge = |v: &mut f64, x: f64| *v += (x - (*v - self.reset)) / self.tau;
        Ok(Signal::Series(fire(inputs[0], run.timesteps, (self.threshold, self.reset), charge)))
    }

    fn neurons(&self) -> Option<NeuronKind> {
        Some(NeuronKind::Lif { tau: self.tau, threshold: self.threshold, reset: self.reset })
    }
}

impl Spec for Lif {
    type Layer = Self;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Self> {
        let Self { tau, threshold, reset } = *self;
        if !(tau.is_finite() && tau > 0.0) {
            let message = format!("tau is {tau}, expected a positive number of timesteps");
            return file.invalid("tau", message, "often 2.0; a neuron without leak is `If`");
        }
        if !(threshold.is_finite() && reset.is_finite() && threshold > reset) {
            let message =
                format!("threshold {threshold} and reset {reset}: expected finite, threshold above reset");
            return file.invalid("threshold", message, "a neuron at rest must not fire; often 1.0 and 0.0");
        }
        Some(self.clone())
    }
}

/// Spikes (0 or 1) of every timestep: `charge` a membrane; fires when `v >= threshold`; then `v = reset`.
pub(super) fn fire(
    input: &Signal,
    timesteps: usize,
    (threshold, reset): (f64, f64),
    charge: impl Fn(&mut f64, f64),
) -> Vec<Map> {
    let mut membrane = Map::filled(input.at(0).shape(), reset);
    let step = |t| {
        let input = input.at(t);
        let mut spikes = Map::filled(input.shape(), 0.0);
        for ((v, x), spike) in membrane.data.iter_mut().zip(&input.data).zip(&mut spikes.data) {
            charge(v, *x);
            if *v >= threshold {
                *spike = 1.0;
                *v = reset;
            }
        }
        spikes
    };
    (0..timesteps).map(step).collect()
}
