//! What trained neurons do in a timestep, in floats of either width: the one definition that calibration (f32), the
//! host's rounding and the layer-by-layer comparison (f64) use.
//!
//! The float reference ([`crate::reference`]) keeps arithmetic of its own, as it is the oracle of all of them.

use std::ops::{Add, Div, Sub};

use serde::{Deserialize, Serialize};

/// `f32` or `f64`.
pub trait Real:
    Copy + PartialOrd + Default + Add<Output = Self> + Sub<Output = Self> + Div<Output = Self> + Send + Sync
{
    /// The nearest value.
    fn of(value: f64) -> Self;
}

impl Real for f32 {
    fn of(value: f64) -> Self {
        value as Self
    }
}

impl Real for f64 {
    fn of(value: f64) -> Self {
        value
    }
}

/// A neuron of the trained network that fires: `v += (x - (v - reset)) / tau` with a leak, else `v += x`; fires when
/// `v >= threshold`, then `v = reset`. Starts at `reset`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename = "TrainedNeuron")]
pub struct TrainedNeuron<F = f64> {
    /// In timesteps, at least 1; None without a leak.
    pub tau: Option<F>,
    /// Above `reset`.
    pub threshold: F,
    /// Resting membrane.
    pub reset: F,
}

impl<F: Real> TrainedNeuron<F> {
    /// The membrane after a step's input, before the comparison.
    #[inline(always)]
    pub fn charge(&self, v: F, x: F) -> F {
        match self.tau {
            Some(tau) => v + (x - (v - self.reset)) / tau,
            None => v + x,
        }
    }

    /// Whether a membrane fires.
    #[inline(always)]
    pub fn fires(&self, v: F) -> bool {
        v >= self.threshold
    }

    /// One step; whether the neuron fired.
    #[inline(always)]
    pub fn step(&self, v: &mut F, x: F) -> bool {
        *v = self.charge(*v, x);
        let fired = self.fires(*v);
        if fired {
            *v = self.reset;
        }
        fired
    }
}

impl TrainedNeuron {
    /// In which step, counted from 1, a constant current makes it fire, if it does within `steps`; and how close the
    /// membrane came to its threshold until then, in thresholds. Under a constant current spikes repeat with that
    /// period.
    pub fn first_spike(&self, current: f64, steps: u32) -> (Option<u32>, f64) {
        let (mut v, mut closest) = (self.reset, f64::INFINITY);
        for step in 1..=steps {
            v = self.charge(v, current);
            closest = closest.min((v - self.threshold).abs());
            if self.fires(v) {
                return (Some(step), closest / (self.threshold - self.reset));
            }
        }
        (None, closest / (self.threshold - self.reset))
    }
}

/// What the neurons of a layer do with their current.
#[derive(Debug, Clone)]
pub enum NeuronKind {
    /// `v += (x - (v - reset)) / tau`, fires at `threshold`, resets to `reset`.
    Lif {
        /// In timesteps.
        tau: f64,
        /// Above `reset`.
        threshold: f64,
        /// Resting membrane.
        reset: f64,
    },
    /// `v += x`, fires at `threshold`, resets to 0.
    If {
        /// Above 0.
        threshold: f64,
    },
    /// Mean of the current over the timesteps.
    Mean,
    /// Sum over t of `coefficients[t]` x current.
    Weighted {
        /// Oldest first.
        coefficients: Vec<f64>,
    },
}

impl NeuronKind {
    /// Whether the neurons fire; the others are read out.
    pub fn fires(&self) -> bool {
        self.trained().is_some()
    }

    /// The neuron of a firing layer.
    pub fn trained(&self) -> Option<TrainedNeuron> {
        match *self {
            Self::Lif { tau, threshold, reset } => Some(TrainedNeuron { tau: Some(tau), threshold, reset }),
            Self::If { threshold } => Some(TrainedNeuron { tau: None, threshold, reset: 0.0 }),
            Self::Mean | Self::Weighted { .. } => None,
        }
    }

    /// The neuron with its membrane counted from rest, in units of `unit`.
    pub fn from_rest<F: Real>(&self, unit: f64) -> Option<TrainedNeuron<F>> {
        let TrainedNeuron { tau, threshold, reset } = self.trained()?;
        let threshold = F::of((threshold - reset) / unit);
        Some(TrainedNeuron { tau: tau.map(F::of), threshold, reset: F::default() })
    }

    /// With which factor a read-out adds the current of timestep `t` of `timesteps`; 0 for neurons that fire.
    pub fn coefficient<F: Real>(&self, t: usize, timesteps: usize) -> F {
        match self {
            Self::Mean => F::of(1.0) / F::of(timesteps as f64),
            Self::Weighted { coefficients } => F::of(coefficients[t]),
            Self::Lif { .. } | Self::If { .. } => F::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membranes_follow_the_closed_forms_in_both_widths() {
        // Towards a current of 1 with tau 2: 1 - 2^-n; above 3/4 first in step 3, with >= in step 2.
        let lif = NeuronKind::Lif { tau: 2.0, threshold: 2.75, reset: 2.0 };
        let mut v = 2.0;
        let trained = lif.trained().unwrap();
        let fired: Vec<bool> = (0..6).map(|_| trained.step(&mut v, 1.0)).collect();
        assert_eq!(fired, [false, true, false, true, false, true]);
        let (mut v, from_rest) = (0.0f32, lif.from_rest::<f32>(1.0).unwrap());
        assert_eq!((from_rest.charge(0.0, 1.0), from_rest.charge(0.5, 1.0)), (0.5, 0.75));
        let same: Vec<bool> = (0..6).map(|_| from_rest.step(&mut v, 1.0)).collect();
        assert_eq!(same, fired);
        assert_eq!(
            NeuronKind::If { threshold: 1.0 }.trained().unwrap().first_spike(0.375, 9),
            (Some(3), 0.125)
        );
        assert_eq!(NeuronKind::Mean.coefficient::<f32>(3, 8), 0.125);
        assert_eq!(NeuronKind::Weighted { coefficients: vec![0.5, 2.0] }.coefficient::<f64>(1, 2), 2.0);
    }
}
