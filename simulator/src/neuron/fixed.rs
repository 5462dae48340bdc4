//! Fixed-point arithmetic that neuron models are made of: widths, leaks and the comparison, as the target has them.
//!
//! A leak is written three times for three widths of machine words ([`Leak::of`] is the plain one). Its rounding toward
//! zero is held by `decay_rounds_the_magnitude_toward_zero` in `lif.rs`, and all three by the comparison with
//! both oracles in `oracles.rs`.

use snnc_compiler::ir::spiking::NeuronFormat;

/// What a step keeps of a word of state: `sign(v) (|v| kept >> bits)`, the magnitude rounded toward zero.
#[derive(Debug, Clone, Copy)]
pub struct Leak {
    /// Part that is kept, of 2^bits.
    kept: i64,
    bits: u32,
}

impl Leak {
    /// Keeps `kept` of 2^`bits`.
    pub fn new(kept: i64, bits: u32) -> Self {
        Self { kept, bits }
    }

    /// What is kept of a value.
    pub fn of(&self, v: i32) -> i64 {
        let magnitude = (i64::from(v).abs() * self.kept) >> self.bits;
        if v < 0 { -magnitude } else { magnitude }
    }

    /// What is kept of a value, without branches.
    #[inline(always)]
    pub fn of_64(&self, v: i32) -> i64 {
        // Both factors have 32 bits at most, which a vector multiplies.
        let kept = ((u64::from(v.unsigned_abs()) * u64::from(self.kept as u32)) >> self.bits) as i64;
        if v < 0 { -kept } else { kept }
    }

    /// How often a value is halved a step, if its loss is no more than that.
    #[inline(always)]
    pub fn halvings(&self) -> Option<u32> {
        let power = u64::try_from(self.kept).ok().filter(|kept| kept.is_power_of_two())?;
        self.bits.checked_sub(power.trailing_zeros())
    }

    /// What is kept of a magnitude, in 32 bits; see [`Fixed::fits_32_bits`].
    #[inline(always)]
    pub fn of_32(&self, magnitude: u32) -> u32 {
        kept_of_32(magnitude, self.kept as u32, self.bits)
    }

    /// The part that is kept, of 2^bits, where 32-bit arithmetic is exact.
    pub fn part(&self) -> u32 {
        self.kept as u32
    }
}

/// What a leak that keeps `kept` of 2^`bits` leaves of a magnitude, in 32 bits; see [`Fixed::fits_32_bits`].
#[inline(always)]
pub fn kept_of_32(magnitude: u32, kept: u32, bits: u32) -> u32 {
    // |v| k >> b with |v| = h 2^b + l is h k + (l k >> b).
    let low = magnitude & ((1 << bits) - 1);
    (magnitude >> bits) * kept + ((low * kept) >> bits)
}

/// A signed width, and what a value outside it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width {
    bits: u32,
    wrap: bool,
}

impl Width {
    /// The range of `bits` bits, sign included.
    pub fn new(bits: u32, wrap: bool) -> Self {
        Self { bits, wrap }
    }

    /// Bits, sign included.
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// The value as the width holds it, and whether it was outside.
    pub fn hold(&self, value: i64) -> (i64, bool) {
        let most = (1i64 << (self.bits - 1)) - 1;
        if (-most - 1..=most).contains(&value) {
            return (value, false);
        }
        let unused = 64 - self.bits;
        (if self.wrap { (value << unused) >> unused } else { value.clamp(-most - 1, most) }, true)
    }

    /// Brings a value into the range in 32-bit arithmetic, for values that fit 32 bits.
    #[inline(always)]
    pub fn hold_32(&self, value: i32) -> i32 {
        let most = ((1u32 << (self.bits - 1)) - 1) as i32;
        let unused = 32 - self.bits;
        if self.wrap { (value << unused) >> unused } else { value.clamp(-most - 1, most) }
    }
}

/// Widths and comparison of one population's neurons.
#[derive(Debug, Clone, Copy)]
pub struct Fixed {
    format: NeuronFormat,
    shift: u32,
    /// Largest |sum| at which 32-bit arithmetic is exact; 0 if the widths do not allow it.
    sum_max: i32,
}

impl Fixed {
    /// The arithmetic of a format, with an input shift.
    pub fn new(format: &NeuronFormat, shift: u32) -> Self {
        // Three terms below 2^28, 2^28 and 2^29 cannot leave 32 bits; 2^16 x 2^15 is the largest product.
        let narrow = format.state_bits <= 29
            && format.accumulator_bits <= 29
            && format.bias_mantissa_bits + format.bias_exponent_max <= 30
            && format.decay_bits <= 15;
        let sum_max = if narrow { ((1 << (format.accumulator_bits - 1)) - 1) >> shift } else { 0 };
        Self { format: *format, shift, sum_max }
    }

    /// This arithmetic if further words of state have `bits` bits.
    pub fn with_state_of(mut self, bits: u32) -> Self {
        self.sum_max = if bits <= 29 { self.sum_max } else { 0 };
        self
    }

    /// A timestep's sum of weights in membrane units, as the accumulator holds it, and whether it overflowed.
    pub fn input(&self, sum: i32) -> (i64, bool) {
        Width::new(self.format.accumulator_bits, self.format.wrap).hold(i64::from(sum) << self.shift)
    }

    /// As [`Fixed::input`], compiled in place.
    #[inline(always)]
    pub fn input_64(&self, sum: i32) -> (i64, bool) {
        let value = i64::from(sum) << self.shift;
        let most = (1i64 << (self.format.accumulator_bits - 1)) - 1;
        let clipped = value.clamp(-most - 1, most);
        let unused = 64 - self.format.accumulator_bits;
        (if self.format.wrap { (value << unused) >> unused } else { clipped }, clipped != value)
    }

    /// What the accumulator's width takes from a timestep's sum of weights, in membrane units; 0 if it holds it.
    pub fn lost_to_accumulator(&self, sum: i32) -> i64 {
        (i64::from(sum) << self.shift) - self.input(sum).0
    }

    /// Clips to the membrane's width; whether that changed it.
    pub fn clip(&self, v: i64) -> (i32, bool) {
        let most = i64::from(self.format.state_max());
        let clipped = v.clamp(-most - 1, most);
        (clipped as i32, clipped != v)
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

    /// Whether a membrane fires at a threshold (already shifted).
    #[inline(always)]
    pub fn fires(&self, v: i32, threshold: i32) -> bool {
        if self.format.strict { v > threshold } else { v >= threshold }
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

    /// A timestep's input, in 32 bits; see [`Fixed::fits_32_bits`].
    #[inline(always)]
    pub fn input_32(&self, sum: i32) -> i32 {
        sum << self.shift
    }

    /// Clips to the membrane's width.
    #[inline(always)]
    pub fn clip_32(&self, v: i32) -> i32 {
        let most = self.format.state_max();
        v.clamp(-most - 1, most)
    }
}
