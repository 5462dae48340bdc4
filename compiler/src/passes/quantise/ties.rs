//! Membranes exactly at the threshold, on chips that fire only above it.
//!
//! Trained neurons that fire above their threshold only are those of a strict chip; on another one the threshold's
//! mantissa is one more, which is exact where thresholds have no grid ([`Ties::Above`]). Others fire at `v >=
//! threshold`; a strict chip fires at `v > threshold`. Ways to make up for it:
//! * [`Ties::Threshold`]: the threshold's mantissa is one less. Exact where every membrane is a multiple of the
//!   threshold's grid; elsewhere membranes less than a grid step below the threshold fire too.
//! * [`Ties::Bias`]: the constant input is the next higher that its format holds. Membranes are then higher by that
//!   step, more with every timestep; where they lie on a grid that is coarser than all of it, that is exact too.
//! * [`Ties::Written`]: what the host writes is rounded such that the neuron fires when the trained one does.
//!
//! Of the first two the layer takes the one that moves its threshold least. Where weights are rounded, ties are
//! chance: such a layer is corrected only if that moves the threshold by no more than a rounding step, and it is
//! given no constant input that it had not, as that would keep silent neurons active.

use crate::ir::spiking::{Bias, NeuronFormat, Ties, membrane_grid};

/// A correction of a layer whose weights are not exact moves its threshold at most by this part.
const BEARABLE: f64 = 1.0 / 4096.0;

/// A firing layer in integers, before ties are handled.
pub(super) struct FiringLayer<'a> {
    pub format: &'a NeuronFormat,
    pub decay: u32,
    pub input_shift: u32,
    /// Timesteps.
    pub steps: u32,
    /// Threshold mantissas.
    pub mantissas: &'a [u32],
    pub bias: &'a Bias,
    /// Whether nothing but what the host writes feeds it.
    pub written_alone: bool,
    /// Whether no weight had to be rounded.
    pub exact: bool,
    /// Whether a spike takes the threshold off the membrane, so that a lower one would take off less.
    pub soft: bool,
    /// Whether the trained neurons fire above their threshold only.
    pub trained_strict: bool,
}

impl FiringLayer<'_> {
    /// How to handle the ties.
    pub(super) fn plan(&self) -> Ties {
        if self.trained_strict {
            return if self.format.strict { Ties::Strict } else { Ties::Above };
        }
        if !self.format.strict {
            return Ties::Inclusive;
        }
        if *self.bias == Bias::Host && self.written_alone {
            // What is written is made for neurons that forget all at a spike.
            return if self.soft { Ties::Strict } else { Ties::Written };
        }
        let plans = [(self.lowered(), Ties::Threshold), (self.raised(), Ties::Bias)];
        let moved = |(cost, plan): &(Option<f64>, Ties)| cost.map(|cost| (cost, *plan));
        let least = plans.iter().filter_map(moved).min_by(|a, b| a.0.total_cmp(&b.0));
        let rounded = f64::from(1u32 << self.input_shift) / self.unit();
        match least {
            Some((cost, plan)) if self.exact || cost <= BEARABLE.max(rounded) => plan,
            _ => Ties::Strict,
        }
    }

    /// The smallest threshold.
    fn unit(&self) -> f64 {
        let least = self.mantissas.iter().min().copied().unwrap_or(1);
        f64::from(least) * f64::from(1u32 << self.format.threshold_shift)
    }

    fn grid(&self) -> i64 {
        membrane_grid(self.format, self.decay, self.input_shift, self.bias)
    }

    /// By how much of the threshold a mantissa less is too much; None if there is none less.
    fn lowered(&self) -> Option<f64> {
        let step = 1i64 << self.format.threshold_shift;
        let legal = !self.soft && self.mantissas.iter().all(|&m| m > 1);
        legal.then(|| (step - self.grid().min(step)) as f64 / self.unit())
    }

    /// By how much of the threshold a constant input that is one step higher is too much; None without one.
    fn raised(&self) -> Option<f64> {
        let steps = match self.bias {
            Bias::Zero if self.exact => vec![1],
            Bias::Zero | Bias::Host => return None,
            Bias::Channel(values) | Bias::Neuron(values) => {
                let step = |&value: &i32| self.format.above(value).map(|next| i64::from(next - value));
                values.iter().map(step).collect::<Option<Vec<_>>>()?
            }
        };
        let most = steps.into_iter().max().unwrap_or(1);
        let gathered = match self.decay {
            0 => i64::from(self.steps),
            decay => i64::from((1u32 << self.format.decay_bits).div_ceil(decay)),
        };
        let grid = self.grid();
        Some((most.saturating_mul(gathered) - (grid - 1)).max(0) as f64 / self.unit())
    }
}

#[cfg(test)]
mod tests {
    use snnc_targets::registry;

    use super::*;

    fn format() -> NeuronFormat {
        NeuronFormat::new(&registry::load("loihi-like").unwrap().neuron, 8)
    }

    fn layer<'a>(format: &'a NeuronFormat, bias: &'a Bias) -> FiringLayer<'a> {
        FiringLayer {
            format,
            decay: 0,
            input_shift: 6,
            steps: 16,
            mantissas: &[6350],
            bias,
            written_alone: true,
            exact: true,
            soft: false,
            trained_strict: false,
        }
    }

    #[test]
    fn the_plan_that_moves_the_threshold_least_is_taken() {
        let format = format();
        let fine = NeuronFormat { threshold_shift: 0, ..format };
        let (none, grid) = (Bias::Zero, Bias::Channel(vec![64, -128]));
        let (odd, large) = (Bias::Channel(vec![64, 1]), Bias::Channel(vec![3810 << 7]));
        let exact = |bias| layer(&format, bias);
        let leaky = |bias| FiringLayer { decay: 2048, ..layer(&format, bias) };
        let rounded = |bias| FiringLayer { exact: false, ..layer(&format, bias) };
        // No leak, inputs and biases on the grid: exact.
        assert_eq!(exact(&none).plan(), Ties::Threshold);
        assert_eq!(exact(&grid).plan(), Ties::Threshold);
        assert_eq!(FiringLayer { decay: 4096, ..layer(&format, &grid) }.plan(), Ties::Threshold);
        // A unit a step: 16 or 2 units in all, against 63.
        assert_eq!(exact(&odd).plan(), Ties::Bias);
        assert_eq!(leaky(&none).plan(), Ties::Bias);
        // 128 a step against 32 below the threshold: inputs of 32 on a grid of 64.
        assert_eq!(FiringLayer { input_shift: 5, ..layer(&format, &large) }.plan(), Ties::Threshold);
        assert_eq!(leaky(&large).plan(), Ties::Threshold);
        // 63 of 8064 units are more than a rounding step of 2.
        assert_eq!(
            FiringLayer { mantissas: &[126], input_shift: 1, decay: 1, ..rounded(&none) }.plan(),
            Ties::Strict
        );
        assert_eq!(rounded(&none).plan(), Ties::Threshold);
        assert_eq!(exact(&Bias::Host).plan(), Ties::Written);
        assert_eq!(
            FiringLayer { format: &fine, decay: 2048, ..layer(&format, &large) }.plan(),
            Ties::Threshold
        );
        let inclusive = NeuronFormat { strict: false, ..format };
        assert_eq!(FiringLayer { format: &inclusive, ..layer(&format, &none) }.plan(), Ties::Inclusive);
        // A lower threshold would leave a unit behind with every spike.
        assert_eq!(FiringLayer { soft: true, ..exact(&none) }.plan(), Ties::Bias);
        // A mantissa of 1 has none below it.
        assert_eq!(FiringLayer { mantissas: &[1], ..layer(&format, &none) }.plan(), Ties::Bias);
    }
}
