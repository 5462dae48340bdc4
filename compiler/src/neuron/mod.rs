//! What trained neurons do in a timestep, in floats of either width: the one definition that calibration (f32), the
//! host's rounding and the layer-by-layer comparison (f64) use.
//!
//! The float reference ([`crate::reference`]) keeps arithmetic of its own, as it is the oracle of all of them.

use std::fmt;
use std::ops::{Add, Div, Mul, Sub};

use serde::{Deserialize, Serialize};

/// `f32` or `f64`.
pub trait Real:
    Copy
    + PartialOrd
    + Default
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Send
    + Sync
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

/// A neuron of the trained network that fires. A step, with the membrane `v` counted from anywhere:
///
/// 1. with a synaptic current: `i = current * i + x`, and `x = i` from here on;
/// 2. `v += (x - (v - reset)) / tau` if the input decays, else `v += x - (v - reset) / tau`; without a leak `v += x`;
/// 3. it fires when `v >= threshold`, or `v > threshold` if it is strict;
/// 4. then `v = reset`, or `v -= subtract` if that is given; in the next `refractory` steps only the current goes on.
///
/// Starts at `reset`, without current.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename = "TrainedNeuron")]
pub struct TrainedNeuron<F = f64> {
    /// In timesteps, at least 1; None without a leak.
    pub tau: Option<F>,
    /// Whether the input is divided by `tau` as well.
    #[serde(default = "yes")]
    pub decay_input: bool,
    /// Above `reset`.
    pub threshold: F,
    /// Whether it takes more than the threshold to fire.
    #[serde(default)]
    pub strict: bool,
    /// Resting membrane.
    pub reset: F,
    /// What a spike takes off the membrane; None if it goes to `reset`.
    #[serde(default = "none")]
    pub subtract: Option<F>,
    /// Part of the synaptic current that a step keeps, from 0 to 1; None if inputs join the membrane at once.
    #[serde(default = "none")]
    pub current: Option<F>,
    /// Timesteps after that of a spike in which the membrane stays and nothing fires.
    #[serde(default)]
    pub refractory: u32,
}

fn yes() -> bool {
    true
}

fn none<F>() -> Option<F> {
    None
}

impl fmt::Display for TrainedNeuron {
    /// Its numbers; what most neurons do is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tau {
            Some(tau) => write!(f, "leaks, tau {tau}")?,
            None => f.write_str("integrates")?,
        }
        let comparison = if self.strict { "above" } else { "at" };
        write!(f, ", fires {comparison} {}, ", self.threshold)?;
        match self.subtract {
            Some(amount) => write!(f, "loses {amount}")?,
            None => write!(f, "resets to {}", self.reset)?,
        }
        if self.tau.is_some() && !self.decay_input {
            f.write_str(", input whole")?;
        }
        if self.refractory > 0 {
            write!(f, ", refractory {}", self.refractory)?;
        }
        self.current.map_or(Ok(()), |kept| write!(f, ", current keeps {kept}"))
    }
}

impl TrainedNeuron {
    /// SpikingJelly's LIF neuron: its input decays, it fires at the threshold and goes to `reset`.
    pub fn lif(tau: f64, threshold: f64, reset: f64) -> Self {
        Self { tau: Some(tau), reset, ..Self::integrate_and_fire(threshold) }
    }

    /// A neuron without leak that fires at the threshold and goes to 0.
    pub fn integrate_and_fire(threshold: f64) -> Self {
        Self {
            tau: None,
            decay_input: true,
            threshold,
            strict: false,
            reset: 0.0,
            subtract: None,
            current: None,
            refractory: 0,
        }
    }

    /// Counted from rest, in units of `unit`.
    pub fn from_rest<F: Real>(&self, unit: f64) -> TrainedNeuron<F> {
        TrainedNeuron {
            tau: self.tau.map(F::of),
            decay_input: self.decay_input,
            threshold: F::of((self.threshold - self.reset) / unit),
            strict: self.strict,
            reset: F::default(),
            subtract: self.subtract.map(|amount| F::of(amount / unit)),
            current: self.current.map(F::of),
            refractory: self.refractory,
        }
    }

    /// By how much a unit of current moves the membrane in its first step.
    pub fn gain(&self) -> f64 {
        match self.tau {
            Some(tau) if self.decay_input => 1.0 / tau,
            _ => 1.0,
        }
    }

    /// Part of its distance to rest that the membrane loses in a step.
    pub fn loss(&self) -> f64 {
        self.tau.map_or(0.0, |tau| 1.0 / tau)
    }
}

/// What a neuron keeps from one step to the next.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TrainedState<F = f64> {
    /// Membrane.
    pub v: F,
    /// Synaptic current.
    pub i: F,
    /// Refractory timesteps that are left.
    pub left: u32,
}

impl<F: Real> TrainedNeuron<F> {
    /// The state before the first step.
    pub fn start(&self) -> TrainedState<F> {
        TrainedState { v: self.reset, i: F::default(), left: 0 }
    }

    /// The membrane after a step's input, before the comparison.
    #[inline(always)]
    pub fn charge(&self, v: F, x: F) -> F {
        self.charge_by(v, x, |value, tau| value / tau)
    }

    /// As [`TrainedNeuron::charge`], with a way to divide by tau.
    #[inline(always)]
    fn charge_by(&self, v: F, x: F, over: impl Fn(F, F) -> F) -> F {
        match self.tau {
            Some(tau) if self.decay_input => v + over(x - (v - self.reset), tau),
            Some(tau) => v - over(v - self.reset, tau) + x,
            None => v + x,
        }
    }

    /// The synaptic current after a step's input.
    #[inline(always)]
    pub fn gather(&self, i: F, x: F) -> F {
        match self.current {
            Some(kept) => kept * i + x,
            None => x,
        }
    }

    /// Whether a membrane fires.
    #[inline(always)]
    pub fn fires(&self, v: F) -> bool {
        // Without branches, so that neurons side by side are compared as vectors.
        (v > self.threshold) | ((v >= self.threshold) & !self.strict)
    }

    /// The membrane after a spike.
    #[inline(always)]
    pub fn after_spike(&self, v: F) -> F {
        match self.subtract {
            Some(amount) => v - amount,
            None => self.reset,
        }
    }

    /// One step; whether the neuron fired.
    #[inline(always)]
    pub fn step(&self, state: &mut TrainedState<F>, x: F) -> bool {
        state.i = self.gather(state.i, x);
        if state.left > 0 {
            state.left -= 1;
            return false;
        }
        state.v = self.charge(state.v, state.i);
        let fired = self.fires(state.v);
        if fired {
            (state.v, state.left) = (self.after_spike(state.v), self.refractory);
        }
        fired
    }
}

impl TrainedNeuron {
    /// In which step, counted from 1, a constant current makes it fire, if it does within `steps`; and how close the
    /// membrane came to its threshold until then, in thresholds.
    pub fn first_spike(&self, current: f64, steps: u32) -> (Option<u32>, f64) {
        let ([first], [closest]) = self.first_spikes([current], steps);
        ((first > 0).then_some(first as u32), closest)
    }

    /// As [`TrainedNeuron::first_spike`], for several currents side by side; step 0 stands for no spike. Compiled in
    /// place, so that it gets the instructions of the loop around it.
    #[inline(always)]
    pub fn first_spikes<const N: usize>(&self, currents: [f64; N], steps: u32) -> ([u64; N], [f64; N]) {
        // To divide by a power of two is to multiply by its inverse, bit for bit and several times faster.
        match self.tau.filter(|tau| tau.to_bits() << 12 == 0 && tau.is_normal()) {
            Some(tau) => {
                let inverse = tau.recip();
                self.first_spikes_by(currents, steps, |value, _| value * inverse)
            }
            None => self.first_spikes_by(currents, steps, |value, tau| value / tau),
        }
    }

    #[inline(always)]
    fn first_spikes_by<const N: usize>(
        &self,
        currents: [f64; N],
        steps: u32,
        over: impl Fn(f64, f64) -> f64,
    ) -> ([u64; N], [f64; N]) {
        let TrainedState { i, v, .. } = self.start();
        let (mut i, mut v) = ([i; N], [v; N]);
        // Steps in 64 bits, as wide as membranes.
        let (mut first, mut closest) = ([0u64; N], [f64::INFINITY; N]);
        for step in 1..=u64::from(steps) {
            let mut waiting = 0;
            for n in 0..N {
                i[n] = self.gather(i[n], currents[n]);
            }
            for n in 0..N {
                v[n] = self.charge_by(v[n], i[n], &over);
            }
            for n in 0..N {
                let (waits, distance) = (first[n] == 0, (v[n] - self.threshold).abs());
                closest[n] = if waits & (distance < closest[n]) { distance } else { closest[n] };
                first[n] = if waits & self.fires(v[n]) { step } else { first[n] };
                waiting |= u64::from(first[n] == 0);
            }
            if waiting == 0 {
                break;
            }
        }
        let unit = self.threshold - self.reset;
        (first, closest.map(|closest| closest / unit))
    }
}

/// What the neurons of a layer do with their current.
#[derive(Debug, Clone, PartialEq)]
pub enum NeuronKind {
    /// Fires.
    Firing {
        /// One for all neurons of the layer, or one a channel.
        neurons: Vec<TrainedNeuron>,
    },
    /// Spikes from outside, which the chip's neurons receive as those of other neurons; nothing feeds it.
    Port,
    /// Mean of the current over the timesteps.
    Mean,
    /// Sum of the current over the timesteps.
    Sum,
    /// Sum over t of `coefficients[t]` x current.
    Weighted {
        /// Oldest first.
        coefficients: Vec<f64>,
    },
}

impl fmt::Display for NeuronKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Firing { neurons } => match neurons.as_slice() {
                [] => f.write_str("no neurons"),
                [neuron] => neuron.fmt(f),
                [first, others @ ..] => write!(f, "{first}; {} more by channel", others.len()),
            },
            Self::Port => f.write_str("spikes from outside"),
            Self::Mean => f.write_str("mean over time"),
            Self::Sum => f.write_str("sum over time"),
            Self::Weighted { coefficients } => {
                let ends = coefficients.first().zip(coefficients.last());
                let (first, last) = ends.map_or((0.0, 0.0), |(first, last)| (*first, *last));
                write!(f, "weighted sum over time, {first} to {last}")
            }
        }
    }
}

impl From<TrainedNeuron> for NeuronKind {
    /// A firing layer of neurons that are all alike.
    fn from(neuron: TrainedNeuron) -> Self {
        Self::Firing { neurons: vec![neuron] }
    }
}

impl NeuronKind {
    /// Whether the neurons fire; the others are read out.
    pub fn fires(&self) -> bool {
        matches!(self, Self::Firing { .. } | Self::Port)
    }

    /// Whether its spikes come from outside.
    pub fn is_port(&self) -> bool {
        matches!(self, Self::Port)
    }

    /// The neurons of a firing layer: one for all, or one a channel. Empty for a read-out and for spikes from outside.
    pub fn neurons(&self) -> &[TrainedNeuron] {
        match self {
            Self::Firing { neurons } => neurons,
            Self::Port | Self::Mean | Self::Sum | Self::Weighted { .. } => &[],
        }
    }

    /// The neuron of a channel of a firing layer.
    pub fn of_channel(&self, channel: usize) -> Option<&TrainedNeuron> {
        let neurons = self.neurons();
        neurons.get(if neurons.len() == 1 { 0 } else { channel })
    }

    /// The neuron of a firing layer whose neurons are all alike.
    pub fn trained(&self) -> Option<TrainedNeuron> {
        match self.neurons() {
            [neuron] => Some(*neuron),
            _ => None,
        }
    }

    /// With which factor a read-out adds the current of timestep `t` of `timesteps`; 0 for neurons that fire.
    pub fn coefficient<F: Real>(&self, t: usize, timesteps: usize) -> F {
        match self {
            Self::Mean => F::of(1.0) / F::of(timesteps as f64),
            Self::Sum => F::of(1.0),
            Self::Weighted { coefficients } => F::of(coefficients[t]),
            Self::Firing { .. } | Self::Port => F::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membranes_follow_the_closed_forms_in_both_widths() {
        // Towards a current of 1 with tau 2: 1 - 2^-n; above 3/4 first in step 3, with >= in step 2.
        let lif = TrainedNeuron::lif(2.0, 2.75, 2.0);
        let fired = |neuron: TrainedNeuron, x: f64| -> Vec<bool> {
            let mut state = neuron.start();
            (0..6).map(|_| neuron.step(&mut state, x)).collect()
        };
        assert_eq!(fired(lif, 1.0), [false, true, false, true, false, true]);
        let from_rest = lif.from_rest::<f32>(1.0);
        let mut state = from_rest.start();
        assert_eq!((from_rest.charge(0.0, 1.0), from_rest.charge(0.5, 1.0)), (0.5, 0.75));
        let same: Vec<bool> = (0..6).map(|_| from_rest.step(&mut state, 1.0)).collect();
        assert_eq!(same, fired(lif, 1.0));
        // An input that does not decay: v = 1, fires.
        assert_eq!(fired(TrainedNeuron { decay_input: false, ..lif }, 1.0), [true; 6]);
        let plain = TrainedNeuron::integrate_and_fire(1.0);
        assert_eq!(plain.first_spike(0.375, 9), (Some(3), 0.125));
        // 1 is not above 1; then 1.5 leaves 0.5 behind, so that every second step fires.
        let soft = TrainedNeuron { strict: true, subtract: Some(1.0), ..plain };
        assert_eq!(fired(soft, 0.5), [false, false, true, false, true, false]);
        // i: 1, 1.5, 1.75; v: 1 fires, 1.5 fires, 1.75 fires.
        let current = TrainedNeuron { current: Some(0.5), threshold: 1.75, ..plain };
        assert_eq!(fired(current, 1.0), [false, true, true, true, true, true]);
        // With a silent step after each: fires in every second; what a soft reset leaves waits: 0.5 + 1 - 1.
        assert_eq!(
            fired(TrainedNeuron { refractory: 1, ..plain }, 1.0),
            [true, false, true, false, true, false]
        );
        let waits = TrainedNeuron { refractory: 2, subtract: Some(1.0), ..plain };
        assert_eq!(fired(waits, 1.5), [true, false, false, true, false, false]);
        assert_eq!((lif.gain(), lif.loss(), soft.gain(), soft.loss()), (0.5, 0.5, 1.0, 0.0));
        assert_eq!(NeuronKind::Mean.coefficient::<f32>(3, 8), 0.125);
        assert_eq!(NeuronKind::Weighted { coefficients: vec![0.5, 2.0] }.coefficient::<f64>(1, 2), 2.0);
    }

    #[test]
    fn first_spikes_side_by_side_are_those_of_one_neuron_stepped_alone() {
        let mut random = crate::random::SplitMix64::new(7);
        let mut between = move |low: f64, high: f64| low + (high - low) * random.unit();
        for case in 0..600 {
            let neuron = TrainedNeuron {
                tau: [None, Some(2.0), Some(4.0), Some(between(1.0, 9.0))][case % 4],
                decay_input: case % 3 > 0,
                threshold: [1.0, between(0.5, 2.0)][case % 2],
                strict: case % 5 < 2,
                reset: [0.0, between(-0.5, 0.25)][case / 2 % 2],
                current: [None, Some(between(0.0, 1.0))][case / 4 % 2],
                ..TrainedNeuron::integrate_and_fire(1.0)
            };
            // Some reach the threshold exactly, and some never.
            let currents: [f64; 8] =
                std::array::from_fn(|n| if n == 3 { neuron.threshold } else { between(-1.0, 3.0) });
            let steps = 1 + case as u32 % 11;
            let (first, closest) = neuron.first_spikes(currents, steps);
            for (n, &current) in currents.iter().enumerate() {
                let (mut state, mut spike, mut near) = (neuron.start(), 0, f64::INFINITY);
                for step in 1..=steps {
                    let i = neuron.gather(state.i, current);
                    near = near.min((neuron.charge(state.v, i) - neuron.threshold).abs());
                    if neuron.step(&mut state, current) {
                        spike = step;
                        break;
                    }
                }
                let unit = neuron.threshold - neuron.reset;
                assert_eq!((first[n], closest[n]), (u64::from(spike), near / unit), "{neuron:?} {current}");
            }
        }
    }
}
