//! Read-outs: integrators whose channels each have a scale of their own, which the host divides by.
//!
//! The scale is the largest that the weights' width, the accumulator and the membrane over the whole window hold,
//! whatever the spikes; rounding decides within that. A scale at which the largest weight would be less than one unit
//! holds nothing worth reading: such a read-out keeps its weights, and whoever lowers it is warned.

use snnc_targets::Diagnostic;

use super::fan::{self, ScaledChannel};
use super::objective::SourceActivity;
use super::search::{self, Scales};
use super::{Quantised, Quantiser, bounds};
use crate::ir::spiking::reach::Drift;
use crate::ir::spiking::{Bias, NeuronModel, Rounding};
use crate::passes::unsupported;

/// Largest error at which recorded read-out coefficients still count as powers of one decay.
const COEFFICIENT_TOLERANCE: f64 = 1e-5;
/// Room that the rounding of weights is left in a worst sum.
const SLACK: f64 = 0.995;

/// How a read-out's value comes from its membrane: sum / scale x `newest`, plus bias x `all`.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadoutSum {
    /// Loss of the membrane a step.
    pub decay: u32,
    /// Factor of the newest step.
    pub newest: f64,
    /// Sum of the factors of all steps.
    pub all: f64,
    /// Sum of the factors of all steps in parts of the newest, as the membrane has it.
    pub gathered: f64,
}

impl Quantiser<'_> {
    /// An integrator.
    pub(super) fn readout(&self, sum: ReadoutSum, held: f64) -> Quantised {
        let channels = fan::channels(self.layer);
        let design = self.design();
        let activity = self.activity(design.as_ref());
        let currents = bounds::largest_currents(self.layer, self.ranges);
        let scale: Vec<f64> = (channels.iter().zip(&currents))
            .map(|(channel, &current)| self.readout_scale(channel, current, &activity, sum, held))
            .collect();
        let input_shift = self.readout_shift(&channels, &scale, sum, held);
        let unit: Vec<f64> = scale.iter().map(|s| s * f64::from(1u32 << input_shift)).collect();
        let rounded = self.kernels(&channels, design.as_ref(), &unit, input_shift);
        let (bias, offset) = if self.layer.host.is_some() {
            (Bias::Host, vec![0.0; scale.len()])
        } else {
            // The host adds the bias exactly; it costs no neuron update. A correction is per pass, not per step.
            let offset = |((b, c), u): ((&f64, &f64), &f64)| b * sum.all + c * sum.newest / u;
            (Bias::Zero, self.layer.bias.iter().zip(&rounded.correction).zip(&unit).map(offset).collect())
        };
        let (zeroed, weights) = rounded.zeroed;
        Quantised {
            dynamics: NeuronModel::integrator(sum.decay),
            input_shift,
            bias,
            kernels: rounded.kernels,
            readout: Some((unit.iter().map(|u| sum.newest / u).collect(), offset)),
            host_correction: Vec::new(),
            current_scale: unit,
            rounding: Rounding { ties: None, zeroed, weights, membrane: None },
        }
    }

    /// Largest (weights x sum of a timestep) that accumulator and membrane hold, in membrane units.
    fn readout_room(&self, sum: ReadoutSum, held: f64) -> f64 {
        let accumulator = ((1i64 << (self.format.accumulator_bits - 1)) - 1) as f64;
        accumulator.min(f64::from(self.format.state_max()) / sum.gathered) * SLACK * held
    }

    /// Weight units per unit of current of a channel whose host-written current is at most `current`.
    fn readout_scale(
        &self,
        channel: &ScaledChannel,
        current: f64,
        activity: &SourceActivity,
        sum: ReadoutSum,
        held: f64,
    ) -> f64 {
        let least = f64::from(1u32 << self.format.weight_shift_min);
        let room = self.readout_room(sum, held) / least;
        let largest = channel.largest();
        if largest == 0.0 {
            let format = &self.format;
            let bias_max =
                f64::from(((1i32 << (format.bias_mantissa_bits - 1)) - 1) << format.bias_exponent_max);
            // A power of two keeps short binary fractions exact.
            let whole = |scale: f64| scale.log2().floor().exp2();
            return if current > 0.0 { whole(room.min(bias_max / least) / current) } else { 1.0 };
        }
        let worst = channel.sums.0.max(channel.sums.1) + current;
        let limit = Some(room / worst).filter(|limit| limit * largest >= 1.0).unwrap_or(f64::INFINITY);
        let scales = Scales { largest, limit, unit: None };
        let small = channel.fans.iter().map(|fan| fan.weights.len()).sum::<usize>() <= search::SMALL;
        let cost = |scale: f64, most: f64, best: f64| activity.cost(channel, scale, most, best);
        let found = search::best(&scales, self.format.weight_bits, small, cost);
        found.map_or(1.0, |(scale, _)| scale)
    }

    /// Fractions below one weight unit matter only to a membrane that decays.
    fn readout_shift(&self, channels: &[ScaledChannel], scale: &[f64], sum: ReadoutSum, held: f64) -> u32 {
        let worst = |(channel, scale): (&ScaledChannel, &f64)| channel.sums.0.max(channel.sums.1) * scale;
        let worst = channels.iter().zip(scale).map(worst).fold(0.0, f64::max);
        let fits = |shift: &u32| worst * f64::from(1u32 << shift) <= self.readout_room(sum, held);
        let (least, most) = (self.format.weight_shift_min, self.format.weight_shift);
        if sum.decay == 0 || self.layer.sources.is_empty() {
            least
        } else {
            (least..=most).rev().find(fits).unwrap_or(least)
        }
    }

    /// A leaky read-out: coefficients must be powers of one decay, newest 1.
    pub(super) fn weighted(&self, coefficients: &[f64], held: f64) -> Result<Quantised, Diagnostic> {
        let kept = match coefficients {
            [.., before, last] if *last != 0.0 => before / last,
            _ => 0.0,
        };
        let newest = coefficients.last().copied().unwrap_or(0.0);
        let mut power = newest;
        let mut geometric = newest != 0.0 && (0.0..=1.0).contains(&kept);
        for &coefficient in coefficients.iter().rev() {
            geometric &= (coefficient - power).abs() <= COEFFICIENT_TOLERANCE * newest.abs();
            power *= kept;
        }
        if !geometric {
            let message =
                "read-out coefficients are not powers of one decay, which is what an integrator can do";
            return Err(unsupported(&self.network.network, &self.layer.name, message));
        }
        let decay = self.decay(1.0 - kept);
        let rounded = 1.0 - f64::from(decay) / f64::from(1u32 << self.format.decay_bits);
        let steps = coefficients.len() as u32;
        let gathered = Drift { kept: rounded, steps, state_max: 0.0 }.gathered();
        Ok(self.readout(ReadoutSum { decay, newest, all: coefficients.iter().sum(), gathered }, held))
    }
}
