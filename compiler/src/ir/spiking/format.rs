//! The neuron format: widths of the integers, and what they can hold.

use serde::{Deserialize, Serialize};
use snnc_targets::schema::NeuronSpec;

/// Integer widths and rules; see [`snnc_targets::schema::NeuronSpec`] for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "fields as in `NeuronSpec`")]
pub struct NeuronFormat {
    pub weight_bits: u32,
    pub state_bits: u32,
    pub accumulator_bits: u32,
    pub wrap: bool,
    pub weight_shift: u32,
    pub weight_shift_min: u32,
    pub threshold_mantissa_bits: u32,
    pub threshold_shift: u32,
    pub threshold_max: Option<u32>,
    pub strict: bool,
    pub decay_bits: u32,
    pub bias_mantissa_bits: u32,
    pub bias_exponent_max: u32,
}

/// 1.5 x 2^52: numbers of 64 bits near it are integers.
const INTEGERS: f64 = 6_755_399_441_055_744.0;

impl NeuronFormat {
    /// The widths of a target.
    pub fn new(neuron: &NeuronSpec, weight_bits: u32) -> Self {
        Self {
            weight_bits,
            state_bits: neuron.state_bits.get(),
            accumulator_bits: neuron.accumulator_bits.get(),
            wrap: neuron.accumulator_overflow.get() == snnc_targets::schema::Overflow::Wrap,
            weight_shift: neuron.weight_shift.get(),
            weight_shift_min: neuron.weight_shift_min.get(),
            threshold_mantissa_bits: neuron.threshold_mantissa_bits.get(),
            threshold_shift: neuron.threshold_shift.get(),
            threshold_max: neuron.threshold_max.as_ref().map(snnc_targets::schema::Sourced::get),
            strict: neuron.threshold_comparison.get() == snnc_targets::schema::ThresholdComparison::Strict,
            decay_bits: neuron.decay_bits.get(),
            bias_mantissa_bits: neuron.bias_mantissa_bits.get(),
            bias_exponent_max: neuron.bias_exponent_max.get(),
        }
    }

    /// Largest weight magnitude used: symmetric, so `2^(bits-1) - 1` (1 for 1-bit weights).
    pub fn weight_max(&self) -> i32 {
        ((1 << (self.weight_bits - 1)) - 1).max(1)
    }

    /// Largest threshold mantissa: what its width holds, and what the chip takes.
    pub fn threshold_mantissa_max(&self) -> u32 {
        let widest = ((1u64 << self.threshold_mantissa_bits) - 1) as u32;
        self.threshold_max.map_or(widest, |most| widest.min(most >> self.threshold_shift))
    }

    /// Largest membrane; the smallest is `-state_max() - 1`.
    pub fn state_max(&self) -> i32 {
        (1 << (self.state_bits - 1)) - 1
    }

    /// The nearest value of the form mantissa << exponent to `value`, ties to even mantissa, clipped to the
    /// largest; the flag says whether it was clipped.
    #[inline(always)]
    pub fn encode_bias(&self, value: f64) -> (i32, bool) {
        let ([encoded], clipped) = self.encode_biases(&[value]);
        (encoded, clipped > 0)
    }

    /// As [`NeuronFormat::encode_bias`], for several values side by side, and how many were clipped. Compiled in place
    /// and without branches, so that it gets the vector instructions of the loop around it.
    #[inline(always)]
    pub fn encode_biases<const N: usize>(&self, values: &[f64; N]) -> ([i32; N], u64) {
        let largest = f64::from((1i32 << (self.bias_mantissa_bits - 1)) - 1);
        let exponent_max = i64::from(self.bias_exponent_max);
        let (mut encoded, mut clipped) = ([0; N], 0);
        for n in 0..N {
            let value = values[n];
            // With smaller exponents the mantissa would be 2^(bits - 1) or more.
            let binary = (value.to_bits() >> 52 & 0x7ff) as i64 - 1023;
            let exponent = (binary + 2 - i64::from(self.bias_mantissa_bits)).clamp(0, exponent_max);
            // Divisions by a power of two, exactly.
            let scaled = value * f64::from_bits(((1023 - exponent) as u64) << 52);
            let mantissa = scaled.round_ties_even();
            // Rounding up to 2^(bits - 1) takes the next exponent, with which it surely fits.
            let next = (mantissa.abs() > largest) & (exponent < exponent_max);
            let mantissa = if next { (scaled * 0.5).round_ties_even() } else { mantissa };
            let exponent = exponent as i32 + i32::from(next);
            clipped += u64::from((mantissa.abs() > largest) | mantissa.is_nan());
            // Its last 32 bits are those of the integer, in two's complement.
            let fixed = mantissa.clamp(-largest, largest) + INTEGERS;
            encoded[n] = (fixed.to_bits() as i32) << exponent;
        }
        (encoded, clipped)
    }

    /// Whether a bias is of the form mantissa << exponent within the widths.
    pub fn bias_is_representable(&self, bias: i32) -> bool {
        let (encoded, clipped) = self.encode_bias(f64::from(bias));
        !clipped && encoded == bias
    }

    /// The next bias above `bias` that the format holds.
    pub fn above(&self, bias: i32) -> Option<i32> {
        let next = |exponent: u32| {
            let step = 1i64 << exponent;
            i32::try_from((i64::from(bias).div_euclid(step) + 1) * step).ok()
        };
        let held = |&next: &i32| self.bias_is_representable(next);
        (0..=self.bias_exponent_max).find_map(|exponent| next(exponent).filter(held))
    }
}
