//! How large a threshold is in the chip's integers, and with it every weight of a channel.
//!
//! Weights that powers of two make whole stay exact. Else each channel takes the largest mantissa at which its
//! weights, biases and head-room fit, and the layer the weight exponent at which rounding costs least.

use std::collections::BTreeSet;

use snnc_targets::Diagnostic;

use super::{EXACT, HEADROOM, Quantiser, bounds, palette};

impl Quantiser<'_> {
    /// Weight shift and threshold mantissas: the shift at which a rounding step of the weights is the smallest part of the
    /// threshold, in squares over the channels. The largest wins ties, so that membranes stay on a coarse grid.
    pub(super) fn scales(&self, gain: f64) -> Result<(u32, Vec<u32>), Diagnostic> {
        let format = &self.format;
        if let Some(mantissas) = self.exact(gain) {
            return Ok((format.weight_shift, mantissas));
        }
        let least = if self.layer.sources.is_empty() { format.weight_shift } else { format.weight_shift_min };
        let mut best = (f64::INFINITY, format.weight_shift, Vec::new());
        for shift in (least..=format.weight_shift).rev() {
            // A smaller shift never gives larger mantissas, so the first refusal is the last word.
            let mantissas = match self.mantissas(gain, shift) {
                Ok(mantissas) => mantissas,
                Err(problem) if best.2.is_empty() => return Err(problem),
                Err(_) => break,
            };
            let step = f64::from(1u32 << shift);
            let cost: f64 = mantissas.iter().map(|&m| (step / f64::from(m)).powi(2)).sum();
            if cost < best.0 {
                best = (cost, shift, mantissas);
            }
        }
        Ok((best.1, best.2))
    }

    /// Powers of two at which no weight has to be rounded, as hand-made weights often allow.
    fn exact(&self, gain: f64) -> Option<Vec<u32>> {
        let shift = self.format.weight_shift;
        let limits = self.mantissa_limits(gain, shift);
        if self.layer.sources.is_empty() || limits.iter().any(|&limit| limit < 1.0) {
            return None;
        }
        let mantissas: Vec<u32> = limits.iter().map(|&limit| 1 << (limit as u32).ilog2()).collect();
        let distinct = mantissas.iter().collect::<BTreeSet<_>>().len();
        if self.profiles.is_some_and(|profiles| distinct > profiles) {
            return None;
        }
        let unit = f64::from(1u32 << self.format.threshold_shift) / f64::from(1u32 << shift);
        let whole = |(c, weight): (usize, &f64)| {
            let integer = weight * gain * f64::from(mantissas[c % mantissas.len()]) * unit;
            let fits = integer.abs() <= f64::from(self.format.weight_max());
            fits && (integer - integer.round_ties_even()).abs() <= EXACT
        };
        let mut sources = self.layer.sources.iter();
        sources.all(|source| source.weights.iter().enumerate().all(whole)).then_some(mantissas)
    }

    /// Threshold mantissas of the channels at a weight shift, as many distinct ones as a core holds.
    fn mantissas(&self, gain: f64, shift: u32) -> Result<Vec<u32>, Diagnostic> {
        let limits = self.mantissa_limits(gain, shift);
        if let Some(c) = limits.iter().position(|&limit| limit < 1.0) {
            return Err(self
                .refuse(format!("channel {c}: no threshold mantissa fits its weights and biases"))
                .hint("weights or biases are far larger than the threshold; rescale the layer"));
        }
        let mantissas: Vec<u32> = limits.iter().map(|limit| limit.floor() as u32).collect();
        Ok(match self.profiles {
            Some(profiles) => palette::share(&mantissas, profiles),
            None => mantissas,
        })
    }

    /// Largest real-valued threshold mantissa of each channel.
    fn mantissa_limits(&self, gain: f64, shift: u32) -> Vec<f64> {
        let format = &self.format;
        let threshold_unit = f64::from(1u32 << format.threshold_shift);
        let bias_max = f64::from(((1i32 << (format.bias_mantissa_bits - 1)) - 1) << format.bias_exponent_max);
        let widest = f64::from(format.threshold_mantissa_max());
        let most = widest.min(f64::from(format.state_max()) / (threshold_unit * HEADROOM));
        let weights = bounds::full_scale(self.layer, f64::from(format.weight_max()));
        let currents = bounds::largest_currents(self.layer, self.ranges);
        let weight_unit = f64::from(1u32 << shift) / threshold_unit;
        let limit =
            |largest: f64, room: f64| if largest > 0.0 { room / (largest * gain) } else { f64::INFINITY };
        weights
            .iter()
            .zip(&currents)
            .map(|(&weight, &current)| {
                most.min(limit(weight, f64::from(format.weight_max()) * weight_unit))
                    .min(limit(current, bias_max / threshold_unit))
            })
            .collect()
    }
}
