//! The neuron's integer arithmetic: the one definition that every execution path uses.
//!
//! ```text
//! input  = overflow(sum << shift)                    accumulator_bits
//! v      = clip(kept(v) + input + bias)              state_bits
//! kept   = sign(v) (|v| (2^bits - decay) >> bits)    magnitude rounded toward zero
//! fires if v > threshold (strict) or v >= threshold; then v = 0
//! ```

use snnc_compiler::ir::spiking::NeuronFormat;

use crate::counts::Events;

/// Constants of one population.
#[derive(Debug, Clone, Copy)]
pub struct Update {
    format: NeuronFormat,
    /// Part of the membrane that is kept, of 2^decay_bits.
    kept: i64,
    shift: u32,
    /// Largest |sum| at which 32-bit arithmetic is exact; 0 if the widths do not allow it.
    sum_max: i32,
}

impl Update {
    /// Constants for a loss of `decay` a step and an input shift.
    pub fn new(format: &NeuronFormat, decay: u32, shift: u32) -> Self {
        // Three terms below 2^28, 2^28 and 2^29 cannot leave 32 bits; 2^16 x 2^15 is the largest product.
        let narrow = format.state_bits <= 29
            && format.accumulator_bits <= 29
            && format.bias_mantissa_bits + format.bias_exponent_max <= 30
            && format.decay_bits <= 15;
        let sum_max = if narrow { ((1 << (format.accumulator_bits - 1)) - 1) >> shift } else { 0 };
        Self { format: *format, kept: (1 << format.decay_bits) - i64::from(decay), shift, sum_max }
    }

    /// The membrane after one step without firing. Counts overflows, saturations and the update itself.
    pub fn integrate(&self, v: i32, sum: i32, bias: i32, events: &mut Events) -> i32 {
        if v | sum | bias == 0 {
            events.updates_inactive += 1;
            return 0;
        }
        events.updates_active += 1;
        let input = self.accumulate(i64::from(sum) << self.shift, events);
        let magnitude = (i64::from(v).abs() * self.kept) >> self.format.decay_bits;
        let kept = if v < 0 { -magnitude } else { magnitude };
        let next = kept + input + i64::from(bias);
        let most = i64::from(self.format.state_max());
        let clipped = next.clamp(-most - 1, most);
        events.state_saturations += u64::from(clipped != next);
        clipped as i32
    }

    /// Whether 32-bit arithmetic is exact for these sums: none overflows the accumulator, no intermediate 31 bits.
    #[inline(always)]
    pub fn fits_32_bits(&self, sums: &[i32]) -> bool {
        let most = self.sum_max;
        most > 0 && sums.iter().fold(true, |fits, &sum| fits & (sum <= most) & (sum >= -most))
    }

    /// Whether 32-bit arithmetic is exact for any sum of so many 8-bit weights.
    pub fn bounds(&self, weights: usize) -> bool {
        self.sum_max > 0 && weights <= (self.sum_max / 128) as usize
    }

    /// Largest membrane; the smallest is one below its negative.
    pub fn state_max(&self) -> i32 {
        self.format.state_max()
    }

    /// Left shift of a timestep's sum.
    pub fn input_shift(&self) -> u32 {
        self.shift
    }

    /// Whether a membrane at its threshold stays silent.
    pub fn strict(&self) -> bool {
        self.format.strict
    }

    /// How often a membrane is halved a step, if its loss is no more than that.
    pub fn halvings(&self) -> Option<u32> {
        let power = u64::try_from(self.kept).ok().filter(|kept| kept.is_power_of_two())?;
        self.format.decay_bits.checked_sub(power.trailing_zeros())
    }

    /// What is kept of a membrane's magnitude, in 32 bits; see [`Update::fits_32_bits`].
    #[inline(always)]
    pub fn kept_32(&self, magnitude: u32) -> u32 {
        // |v| k >> b with |v| = h 2^b + l is h k + (l k >> b).
        let (kept, bits) = (self.kept as u32, self.format.decay_bits);
        let low = magnitude & ((1 << bits) - 1);
        (magnitude >> bits) * kept + ((low * kept) >> bits)
    }

    /// A timestep's input, in 32 bits; see [`Update::fits_32_bits`].
    #[inline(always)]
    pub fn input_32(&self, sum: i32) -> i32 {
        sum << self.shift
    }

    /// Clips to the state's width.
    #[inline(always)]
    pub fn clip_32(&self, v: i32) -> i32 {
        let most = self.format.state_max();
        v.clamp(-most - 1, most)
    }

    /// Whether a membrane fires at a threshold (already shifted).
    #[inline(always)]
    pub fn fires(&self, v: i32, threshold: i32) -> bool {
        if self.format.strict { v > threshold } else { v >= threshold }
    }

    /// The accumulator's overflow rule, on a whole timestep's sum.
    fn accumulate(&self, input: i64, events: &mut Events) -> i64 {
        let bits = self.format.accumulator_bits;
        let most = (1i64 << (bits - 1)) - 1;
        if (-most - 1..=most).contains(&input) {
            return input;
        }
        events.accumulator_overflows += 1;
        if self.format.wrap { (input << (64 - bits)) >> (64 - bits) } else { input.clamp(-most - 1, most) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(wrap: bool, strict: bool) -> NeuronFormat {
        NeuronFormat {
            weight_bits: 8,
            state_bits: 10,
            accumulator_bits: 9,
            wrap,
            weight_shift: 1,
            weight_shift_min: 0,
            threshold_mantissa_bits: 8,
            threshold_shift: 0,
            threshold_max: None,
            strict,
            decay_bits: 12,
            bias_mantissa_bits: 6,
            bias_exponent_max: 2,
        }
    }

    #[test]
    fn decay_rounds_the_magnitude_toward_zero() {
        let update = Update::new(&format(true, true), 2048, 0);
        let mut e = Events::default();
        assert_eq!(update.integrate(7, 0, 0, &mut e), 3);
        assert_eq!(update.integrate(-7, 0, 0, &mut e), -3);
        assert_eq!(update.integrate(-7, 1, 2, &mut e), 0);
        assert_eq!((e.updates_active, e.updates_inactive), (3, 0));
        assert_eq!(update.integrate(0, 0, 0, &mut e), 0);
        assert_eq!(e.updates_inactive, 1);
    }

    #[test]
    fn sums_wrap_or_saturate_at_the_accumulator_and_membranes_clip() {
        let mut e = Events::default();
        let wraps = Update::new(&format(true, true), 0, 1);
        assert_eq!(wraps.integrate(0, 128, 0, &mut e), -256);
        let saturates = Update::new(&format(false, true), 0, 1);
        assert_eq!(saturates.integrate(0, 128, 0, &mut e), 255);
        assert_eq!(saturates.integrate(0, -129, 0, &mut e), -256);
        assert_eq!(e.accumulator_overflows, 3);
        assert_eq!(saturates.integrate(500, 100, 0, &mut e), 511);
        assert_eq!(saturates.integrate(-500, -100, 0, &mut e), -512);
        assert_eq!(e.state_saturations, 2);
    }

    /// Sums that nengo-loihi 1.1.0's emulator met in networks of random integers, in units of 2^6, and what it made of them.
    #[test]
    fn loihis_sum_of_a_timestep_wraps_at_21_bits_and_sign() {
        let neuron = snnc_targets::registry::load("loihi-like").unwrap().neuron;
        let update = Update::new(&NeuronFormat::new(&neuron, 8), 4096, 6);
        let mut e = Events::default();
        let recorded = [
            (-2_214_912, 1_979_392),
            (-2_097_664, 2_096_640),
            (2_734_080, -1_460_224),
            (-2_546_176, 1_648_128),
            (2_377_728, -1_816_576),
        ];
        for (sum, q0) in recorded {
            assert_eq!(update.integrate(0, sum >> 6, 0, &mut e), q0);
        }
        // The last sums that fit, and the first that do not; u and the bias have 23 bits and sign, so they never wrap.
        let ends = [32_767, -32_768, 32_768, -32_769].map(|sum| update.integrate(0, sum, 4095 << 7, &mut e));
        assert_eq!(ends.map(|v| v - (4095 << 7)), [2_097_088, -2_097_152, -2_097_152, 2_097_088]);
        assert_eq!((e.accumulator_overflows, e.state_saturations), (7, 0));
        // 32-bit arithmetic is for sums that do not wrap.
        assert!(update.fits_32_bits(&[32_767, -32_767]) && !update.fits_32_bits(&[32_768]));
    }

    #[test]
    fn strict_and_inclusive_thresholds_differ_on_a_tie_only() {
        for v in -3..4 {
            assert_eq!(Update::new(&format(true, true), 0, 0).fires(v, 1), v > 1);
            assert_eq!(Update::new(&format(true, false), 0, 0).fires(v, 1), v >= 1);
        }
    }
}
