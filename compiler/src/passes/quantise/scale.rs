//! How large a threshold is in the chip's integers, and with it every weight of a channel.
//!
//! Limits come first: what mantissas, biases and head-room hold, and that no timestep's sum leaves the accumulator,
//! whatever the spikes. The layer then takes the weight exponent at which its rounding steps are the smallest part of
//! the threshold, and each channel the mantissa at which its weights and biases are rounded best ([`super::search`]).

use rayon::prelude::*;
use snnc_targets::Diagnostic;

use super::fan::ScaledChannel;
use super::objective::{ALONE, SourceActivity};
use super::search::{self, Scales};
use super::{HEADROOM, Quantiser, bounds, palette};
use crate::ir::spiking::host;
use crate::ir::spiking::reach::Drift;

/// What holding the worst sum may add to the error of a timestep's sum (root mean square), in thresholds.
const HOLDING: f64 = 1.0 / 64.0;
/// Room that the rounding of weights is left in a worst sum.
const SLACK: f64 = 0.995;

/// What a firing layer's neurons do with a current.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gain {
    /// Thresholds per unit of current.
    pub gain: f64,
    /// Loss of the membrane a step.
    pub decay: u32,
    /// Timesteps.
    pub steps: u32,
    /// Inputs that a synaptic current holds at most; 1 without one.
    pub gathered: f64,
}

impl Quantiser<'_> {
    /// Weight shift and threshold mantissas. `held` makes the worst sums smaller by that factor.
    pub(super) fn scales(
        &self,
        channels: &[ScaledChannel],
        activity: &SourceActivity,
        gains: &[Gain],
        held: f64,
    ) -> Result<(u32, Vec<u32>), Diagnostic> {
        let free = self.mantissa_limits(gains);
        if self.layer.sources.is_empty() {
            return self.written(&free);
        }
        let written = self.written_bounds();
        let holding: Vec<f64> = (channels.iter().zip(gains).zip(&free).enumerate())
            .map(|(c, ((channel, &gain), &limit))| {
                let constants = written.get(c).map_or(&channel.biases[..], |bounds| &bounds[..]);
                self.worst_limit((channel, constants), gain, limit, held)
            })
            .collect();
        let Some((least, shift)) = self.exponent(channels, gains, &free) else {
            return Err(self.too_large(&free));
        };
        let (limits, shift) = match self.exponent(channels, gains, &holding) {
            Some((cost, shift)) if cost.sqrt() <= least.sqrt() + HOLDING => (holding, shift),
            _ => (free, shift),
        };
        let mantissa = |((channel, gain), &limit): ((&ScaledChannel, &Gain), &f64)| {
            self.mantissa(channel, activity, (gain.gain, shift), limit)
        };
        let mantissas = channels.par_iter().zip(gains).zip(&limits).map(mantissa).collect();
        Ok((shift, self.shared(mantissas)))
    }

    fn shared(&self, mantissas: Vec<u32>) -> Vec<u32> {
        match self.profiles {
            Some(profiles) => palette::share(&mantissas, profiles),
            None => mantissas,
        }
    }

    fn too_large(&self, limits: &[f64]) -> Diagnostic {
        let channel = limits.iter().position(|&limit| limit < 1.0);
        let of = channel.map_or(String::new(), |c| format!("channel {c}: "));
        self.refuse(format!("{of}no threshold mantissa fits its weights and biases"))
            .hint("weights or biases are far larger than the threshold; rescale the layer")
    }

    /// Thresholds of a layer that the host feeds: powers of two, at which short binary fractions are exact. A bias is
    /// a mantissa with an exponent, so it loses nothing by that.
    fn written(&self, limits: &[f64]) -> Result<(u32, Vec<u32>), Diagnostic> {
        if limits.iter().any(|&limit| limit < 1.0) {
            return Err(self.too_large(limits));
        }
        let binary = limits.iter().map(|&limit| 1 << (limit as u32).ilog2()).collect();
        Ok((self.format.weight_shift, self.shared(binary)))
    }

    /// Largest real-valued threshold mantissa of each channel: its width, head-room, and the largest bias.
    fn mantissa_limits(&self, gains: &[Gain]) -> Vec<f64> {
        let format = &self.format;
        let unit = f64::from(1u32 << format.threshold_shift);
        let bias_max = f64::from(((1i32 << (format.bias_mantissa_bits - 1)) - 1) << format.bias_exponent_max);
        // An inclusive chip compares strict neurons with one mantissa more.
        let raised = !format.strict && self.layer.kind.neurons().iter().any(|neuron| neuron.strict);
        let widest = f64::from(format.threshold_mantissa_max() - u32::from(raised));
        let most = widest.min(f64::from(format.state_max()) / (unit * HEADROOM));
        let limit = |largest: f64, gain: f64| {
            if largest > 0.0 { bias_max / (unit * largest * gain) } else { f64::INFINITY }
        };
        bounds::largest_currents(self.layer, self.ranges)
            .into_iter()
            .zip(gains)
            .map(|(current, gain)| most.min(limit(current, gain.gain)))
            .collect()
    }

    /// Least and largest current that the host writes beside spikes, one a channel; empty where it writes none, or its
    /// inputs are not known.
    fn written_bounds(&self) -> Vec<[f64; 2]> {
        let (Some(path), Some(ranges)) = (&self.layer.host, self.ranges) else { return Vec::new() };
        host::bounds(&path.stages, ranges).into_iter().map(|(low, high)| [low, high]).collect()
    }

    /// The limit at which the worst sum of a timestep stays in the accumulator, and no membrane is clipped that could
    /// fire again.
    fn worst_limit(
        &self,
        (channel, constants): (&ScaledChannel, &[f64]),
        gain: Gain,
        limit: f64,
        held: f64,
    ) -> f64 {
        let format = &self.format;
        let unit = f64::from(1u32 << format.threshold_shift);
        let (positive, negative) = channel.sums;
        let most = ((1i64 << (format.accumulator_bits - 1)) - 1) as f64;
        // A synaptic current is as many sums as it gathers.
        let largest = positive.max(negative) * gain.gain * gain.gathered;
        let sums = if largest > 0.0 { most * SLACK * held / (largest * unit) } else { f64::INFINITY };
        let kept = 1.0 - f64::from(gain.decay) / f64::from(1u32 << format.decay_bits);
        let drift =
            Drift { kept, steps: gain.steps, state_max: f64::from(format.state_max()) * SLACK * held };
        let clips = |mantissa: f64| {
            let scale = mantissa * unit * gain.gain;
            let sinks = |bias: &f64| {
                drift.clips((bias - negative) * scale, (bias + positive) * scale, mantissa * unit)
            };
            constants.iter().any(sinks)
        };
        let limit = limit.min(sums);
        if limit < 1.0 || !clips(limit) {
            return limit;
        }
        // A smaller threshold never makes a clip matter that did not.
        let (mut holds, mut fails) = (0.0, limit);
        while fails - holds > 0.5 {
            let middle = (holds + fails) / 2.0;
            if clips(middle) { fails = middle } else { holds = middle }
        }
        holds
    }

    /// The shift at which weights, biases and leak together are rounded best, and the mean squared error of a
    /// timestep's sum in thresholds. The largest wins ties, so that membranes stay on a coarse grid.
    fn exponent(&self, channels: &[ScaledChannel], gains: &[Gain], limits: &[f64]) -> Option<(f64, u32)> {
        let format = &self.format;
        let most = f64::from(format.weight_max());
        let unit = f64::from(1u32 << format.threshold_shift);
        let mut best: Option<(f64, u32)> = None;
        for shift in (format.weight_shift_min..=format.weight_shift).rev() {
            let step = f64::from(1u32 << shift);
            let mut cost = 0.0;
            for ((channel, gain), &limit) in channels.iter().zip(gains).zip(limits) {
                let largest = channel.largest();
                let full = if largest > 0.0 { most * step / (unit * largest * gain.gain) } else { limit };
                // A smaller shift never gives a larger mantissa. Where even the largest gives none, weights are
                // clipped.
                if limit < 1.0 || (full < 1.0 && best.is_some()) {
                    return best;
                }
                let mantissa = limit.min(full.max(1.0)).floor();
                let threshold = mantissa * unit;
                let weights = ALONE * channel.synapses() as f64 / 12.0 * step * step;
                let leak = if gain.decay > 0 { 0.25 } else { 0.0 };
                let clipped = ALONE * (largest * gain.gain * threshold - most * step).max(0.0).powi(2);
                let biases = self.bias_error(channel, threshold * gain.gain);
                cost += (weights + clipped + biases + leak) / threshold.powi(2);
            }
            let cost = cost / channels.len().max(1) as f64;
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, shift));
            }
        }
        best
    }

    /// Mean squared rounding error of a channel's biases, in membrane units, at `scale` units per unit of current.
    fn bias_error(&self, channel: &ScaledChannel, scale: f64) -> f64 {
        let error = |bias: &f64| (f64::from(self.format.encode_bias(bias * scale).0) - bias * scale).powi(2);
        channel.biases.iter().map(error).sum::<f64>() / channel.biases.len().max(1) as f64
    }

    /// The mantissa at which a channel's weights and biases are rounded best.
    fn mantissa(
        &self,
        channel: &ScaledChannel,
        activity: &SourceActivity,
        (gain, shift): (f64, u32),
        limit: f64,
    ) -> u32 {
        let step = f64::from(1u32 << shift);
        // Weight units per unit of current, of a mantissa of 1.
        let unit = f64::from(1u32 << self.format.threshold_shift) * gain / step;
        let largest = channel.largest();
        let found = (largest > 0.0).then(|| {
            let scales = Scales { largest, limit: limit * unit, unit: Some(unit) };
            let small = channel.fans.iter().map(|fan| fan.weights.len()).sum::<usize>() <= search::SMALL;
            search::best(&scales, self.format.weight_bits, small, |scale, most, best| {
                let biases =
                    activity.bias_error(self.bias_error(channel, scale * step)) / (scale * step).powi(2);
                biases + activity.cost(channel, scale, most, best - biases)
            })
        });
        let mantissa = match found {
            None => limit,
            // No legal scale: each clips more than the search looks at.
            Some(None) => 1.0,
            Some(Some((scale, _))) => (scale / unit).round(),
        };
        (mantissa as u32).max(1)
    }
}
