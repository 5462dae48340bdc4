//! Membranes exactly at the threshold, on chips that fire only above it.
//!
//! Trained neurons fire at `v >= threshold`; a strict chip fires at `v > threshold`. Membranes are integers, so
//! `v > threshold - 1` is the same as `v >= threshold`. Two ways to get that 1, the first exact, the second nearly:
//! * [`Ties::Threshold`]: where every membrane of a layer is a multiple of the threshold's grid, its mantissa is one less.
//! * [`Ties::Bias`]: elsewhere the constant input is raised by the least that its format holds, so that a membrane is one unit
//!   (with a leak at most tau, without at most T units) higher than it would be.
//!
//! What the host writes is left alone unless the threshold's grid is 1: its format is too coarse for one unit, and a
//! neuron without input would become active. A layer without constant input is given one only if its weights are
//! exact, since only then do membranes meet thresholds systematically.

use serde::Serialize;

use crate::ir::spiking::{Bias, Dynamics, NeuronFormat, Population};

/// How a layer's ties are handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// The chip fires at its threshold, as the trained neuron does.
    Inclusive,
    /// Strict, threshold one step lower: exact.
    Threshold,
    /// Strict, constant input a unit higher: ties fire.
    Bias,
    /// Strict, not corrected: a membrane exactly at the threshold does not fire.
    Strict,
}

impl Ties {
    /// In words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Inclusive => "inclusive",
            Self::Threshold => "strict, threshold - 1",
            Self::Bias => "strict, bias + 1",
            Self::Strict => "strict",
        }
    }

    /// How a lowered population's ties are handled, as far as its integers tell; none for a read-out. A constant input that
    /// was raised onto the threshold's grid in every neuron (without a leak), or from -1 to 0, is taken for one that was there.
    pub fn of(format: &NeuronFormat, population: &Population) -> Option<Self> {
        let Dynamics::Lif { decay, .. } = population.dynamics else { return None };
        Some(Self::plan(format, decay, population.input_shift, &population.bias))
    }

    /// How to handle the ties of a layer with this constant input.
    pub(super) fn plan(format: &NeuronFormat, decay: u32, input_shift: u32, bias: &Bias) -> Self {
        if !format.strict {
            return Self::Inclusive;
        }
        if on_grid(format, decay, input_shift, bias) {
            return Self::Threshold;
        }
        match bias {
            Bias::Zero | Bias::Host => Self::Strict,
            Bias::Channel(_) | Bias::Neuron(_) => Self::Bias,
        }
    }
}

/// Whether membranes are multiples of the threshold's grid whatever the spikes.
fn on_grid(format: &NeuronFormat, decay: u32, input_shift: u32, bias: &Bias) -> bool {
    let grid = 1i32 << format.threshold_shift;
    let keeps = decay == 0 || decay == 1 << format.decay_bits;
    let constant = match bias {
        Bias::Zero => true,
        Bias::Host => false,
        Bias::Channel(values) | Bias::Neuron(values) => values.iter().all(|value| value % grid == 0),
    };
    grid == 1 || (keeps && constant && input_shift >= format.threshold_shift)
}

/// `value` one unit higher: the next value of the format if it holds `value` exactly, else the nearest to `value + 1`.
pub(super) fn raised(format: &NeuronFormat, value: f64) -> i32 {
    let (held, clipped) = format.encode_bias(value);
    if clipped || f64::from(held) != value {
        return format.encode_bias(value + 1.0).0;
    }
    let above = |exponent: u32| {
        let step = 1i64 << exponent;
        (i64::from(held).div_euclid(step) + 1) * step
    };
    let mut candidates = (0..=format.bias_exponent_max).map(above);
    let next =
        candidates.find_map(|next| i32::try_from(next).ok().filter(|&n| format.bias_is_representable(n)));
    next.unwrap_or(held)
}

#[cfg(test)]
mod tests {
    use snnc_targets::registry;

    use super::*;

    fn format() -> NeuronFormat {
        NeuronFormat::new(&registry::load("loihi-like").unwrap().neuron, 8)
    }

    #[test]
    fn a_raised_bias_is_the_next_that_the_format_holds() {
        let format = format();
        assert_eq!([0.0, -1.0, 4094.0, -4096.0].map(|v| raised(&format, v)), [1, 0, 4095, -4095]);
        // 4096 takes exponent 1, 8192 exponent 2.
        assert_eq!([4095.0, 4096.0, 8192.0].map(|v| raised(&format, v)), [4096, 4098, 8196]);
        assert_eq!([0.4, 0.6, 9000.0, 8999.9].map(|v| raised(&format, v)), [1, 2, 9004, 9000]);
        // Nothing above the largest.
        assert_eq!(raised(&format, f64::from(4095 << 7)), 4095 << 7);
    }

    #[test]
    fn membranes_are_on_the_grid_without_a_leak_and_with_coarse_inputs_only() {
        let format = format();
        let plan = |decay, shift, bias: Bias| Ties::plan(&format, decay, shift, &bias);
        assert_eq!(plan(0, 6, Bias::Zero), Ties::Threshold);
        assert_eq!(plan(4096, 6, Bias::Channel(vec![64, -128])), Ties::Threshold);
        assert_eq!(plan(0, 6, Bias::Channel(vec![64, 1])), Ties::Bias);
        assert_eq!(plan(2048, 6, Bias::Channel(vec![64])), Ties::Bias);
        assert_eq!((plan(0, 5, Bias::Zero), plan(0, 6, Bias::Host)), (Ties::Strict, Ties::Strict));
        let fine = NeuronFormat { threshold_shift: 0, ..format };
        assert_eq!(Ties::plan(&fine, 2048, 0, &Bias::Host), Ties::Threshold);
        assert_eq!(Ties::plan(&NeuronFormat { strict: false, ..fine }, 0, 0, &Bias::Zero), Ties::Inclusive);
    }
}
