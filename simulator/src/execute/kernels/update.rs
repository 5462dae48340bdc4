//! The neuron's rule on lines of neurons, marking what happened as bits.

use super::LANES;
use super::level::{Level, dispatch};
use crate::bits::packed;
use crate::counts::Events;
use crate::execute::neuron::Update;

/// State of lines of neurons; all of the same length.
#[derive(Debug)]
pub struct Neurons<'a> {
    /// Membranes.
    pub membranes: &'a mut [[i32; LANES]],
    /// Summed weights of the timestep.
    pub sums: &'a [[i32; LANES]],
    /// Biases.
    pub bias: &'a [[i32; LANES]],
    /// Thresholds, shifted.
    pub thresholds: &'a [[i32; LANES]],
}

/// What happened in a line, a bit a neuron.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// Fired.
    pub fired: u64,
    /// Updated with input, bias or membrane other than 0.
    pub active: u64,
    /// Membrane clipped.
    pub saturated: u64,
    /// Sum beyond the accumulator.
    pub overflowed: u64,
}

/// Updates lines of neurons. `bounded` promises that 32-bit arithmetic is exact for the sums ([`Update::bounds`]).
pub fn update(level: Level, rule: &Update, bounded: bool, neurons: Neurons, marks: &mut [Marks]) {
    #[cfg(target_arch = "x86_64")]
    if let (super::level::Kind::Avx512, true, Some(shift)) = (level.kind(), bounded, rule.halvings()) {
        // SAFETY: a level exists only if the processor has its instructions.
        return unsafe { x86::halve(rule, shift, neurons, marks) };
    }
    dispatch!(level, body(rule: &Update, bounded: bool, neurons: Neurons, marks: &mut [Marks]))
}

#[inline(always)]
fn body(rule: &Update, bounded: bool, neurons: Neurons, marks: &mut [Marks]) {
    for (i, marks) in marks.iter_mut().enumerate() {
        let (v, sums) = (&mut neurons.membranes[i], &neurons.sums[i]);
        let (bias, thresholds) = (&neurons.bias[i], &neurons.thresholds[i]);
        *marks = if !(bounded || rule.fits_32_bits(sums)) {
            exact(rule, v, sums, bias, thresholds)
        } else if let Some(shift) = rule.halvings() {
            fast(rule, |v| v >> shift, v, sums, bias, thresholds)
        } else {
            fast(rule, |v| rule.kept_32(v), v, sums, bias, thresholds)
        };
    }
}

/// The rule without branches, for sums that cannot overflow; `kept` is what is left of a magnitude.
#[inline(always)]
fn fast(
    rule: &Update,
    kept: impl Fn(u32) -> u32,
    v: &mut [i32; LANES],
    sums: &[i32; LANES],
    bias: &[i32; LANES],
    thresholds: &[i32; LANES],
) -> Marks {
    let (mut fired, mut active, mut saturated) = ([0u8; LANES], [0u8; LANES], [0u8; LANES]);
    for i in 0..LANES {
        let magnitude = kept(v[i].unsigned_abs()) as i32;
        let next = (if v[i] < 0 { -magnitude } else { magnitude }) + rule.input_32(sums[i]) + bias[i];
        let clipped = rule.clip_32(next);
        let fires = rule.fires(clipped, thresholds[i]);
        active[i] = u8::from(v[i] | sums[i] | bias[i] != 0);
        saturated[i] = u8::from(clipped != next);
        fired[i] = u8::from(fires);
        v[i] = if fires { 0 } else { clipped };
    }
    Marks { fired: packed(&fired), active: packed(&active), saturated: packed(&saturated), overflowed: 0 }
}

/// The rule as defined.
fn exact(
    rule: &Update,
    v: &mut [i32; LANES],
    sums: &[i32; LANES],
    bias: &[i32; LANES],
    thresholds: &[i32; LANES],
) -> Marks {
    let mut marks = Marks::default();
    for i in 0..LANES {
        let mut events = Events::default();
        let next = rule.integrate(v[i], sums[i], bias[i], &mut events);
        let fires = rule.fires(next, thresholds[i]);
        marks.fired |= u64::from(fires) << i;
        marks.active |= events.updates_active << i;
        marks.saturated |= events.state_saturations << i;
        marks.overflowed |= events.accumulator_overflows << i;
        v[i] = if fires { 0 } else { next };
    }
    marks
}

/// The rule for the usual loss, 16 neurons at a time.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::super::LANES;
    use super::{Marks, Neurons, Update};

    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn halve(rule: &Update, shift: u32, neurons: Neurons, marks: &mut [Marks]) {
        let (most, input) = (rule.state_max(), rule.input_shift());
        let (low, high) = (_mm512_set1_epi32(-most - 1), _mm512_set1_epi32(most));
        let (shift, input) = (_mm_cvtsi32_si128(shift as i32), _mm_cvtsi32_si128(input as i32));
        let zero = _mm512_setzero_si512();
        for (i, marks) in marks.iter_mut().enumerate() {
            *marks = Marks::default();
            let membranes = neurons.membranes[i].as_chunks_mut::<16>().0;
            let sums = neurons.sums[i].as_chunks::<16>().0;
            let (bias, thresholds) =
                (neurons.bias[i].as_chunks::<16>().0, neurons.thresholds[i].as_chunks::<16>().0);
            for quarter in 0..LANES / 16 {
                let (v, sum) = (load(&membranes[quarter]), load(&sums[quarter]));
                let (bias, threshold) = (load(&bias[quarter]), load(&thresholds[quarter]));
                let magnitude = _mm512_srl_epi32(_mm512_abs_epi32(v), shift);
                let negative = _mm512_cmplt_epi32_mask(v, zero);
                let kept = _mm512_mask_sub_epi32(magnitude, negative, zero, magnitude);
                let next = _mm512_add_epi32(_mm512_add_epi32(kept, bias), _mm512_sll_epi32(sum, input));
                let clipped = _mm512_min_epi32(_mm512_max_epi32(next, low), high);
                let fired = if rule.strict() {
                    _mm512_cmpgt_epi32_mask(clipped, threshold)
                } else {
                    _mm512_cmpge_epi32_mask(clipped, threshold)
                };
                let any = _mm512_or_si512(_mm512_or_si512(v, sum), bias);
                let lane = 16 * quarter;
                marks.fired |= u64::from(fired) << lane;
                marks.active |= u64::from(_mm512_test_epi32_mask(any, any)) << lane;
                marks.saturated |= u64::from(_mm512_cmpneq_epi32_mask(clipped, next)) << lane;
                let v = _mm512_maskz_mov_epi32(!fired, clipped);
                // SAFETY: 16 membranes are 64 bytes.
                unsafe { _mm512_storeu_si512(membranes[quarter].as_mut_ptr().cast(), v) };
            }
        }
    }

    #[target_feature(enable = "avx512f")]
    fn load(from: &[i32; 16]) -> __m512i {
        // SAFETY: 16 numbers are 64 bytes.
        unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::philox::philox4x32_10;
    use snnc_compiler::ir::spiking::NeuronFormat;

    fn format(strict: bool, wrap: bool) -> NeuronFormat {
        NeuronFormat {
            weight_bits: 8,
            state_bits: 14,
            accumulator_bits: 13,
            wrap,
            weight_shift: 0,
            weight_shift_min: 0,
            threshold_mantissa_bits: 8,
            threshold_shift: 0,
            threshold_max: None,
            strict,
            decay_bits: 12,
            bias_mantissa_bits: 9,
            bias_exponent_max: 3,
        }
    }

    /// Every level against the definition, neuron by neuron, over several timesteps.
    fn check(rule: Update, most: i32, seed: u32) -> Marks {
        let draw = |i: usize, of: u32, most: i32| {
            let drawn = philox4x32_10([i as u32, of, 0, 0], [seed, 5])[0];
            // Every fourth is 0, so that some neurons rest.
            if drawn.is_multiple_of(4) { 0 } else { (drawn / 4 % (2 * most as u32 + 1)) as i32 - most }
        };
        let line = |of: u32, most: i32| std::array::from_fn(|i| draw(i, of, most));
        let (bias, thresholds) = (line(1, 40), line(2, 300).map(|t: i32| t.abs()));
        let mut seen = Marks::default();
        for level in Level::available() {
            let (mut v, mut plain) = ([[0; LANES]; 2], [[0; LANES]; 2]);
            for step in 0..8 {
                let sums = [line(10 + step, most), line(100 + step, most)];
                let mut marks = [Marks::default(); 2];
                let (bias, thresholds) = ([bias, bias], [thresholds, thresholds]);
                let neurons =
                    Neurons { membranes: &mut v, sums: &sums, bias: &bias, thresholds: &thresholds };
                let bounded = sums.iter().all(|sums| rule.fits_32_bits(sums));
                update(level, &rule, bounded, neurons, &mut marks);
                for k in 0..2 {
                    let expected = exact(&rule, &mut plain[k], &sums[k], &bias[k], &thresholds[k]);
                    assert_eq!(marks[k], expected, "{level:?} step {step}");
                    seen.fired |= expected.fired;
                    seen.saturated |= expected.saturated;
                    seen.overflowed |= expected.overflowed;
                }
                assert_eq!(v, plain, "{level:?} step {step}");
            }
        }
        seen
    }

    #[test]
    fn every_level_updates_as_defined() {
        let mut seen = [0; 3];
        for (seed, decay) in [(1, 0), (2, 2048), (3, 1000), (4, 4096), (5, 4095), (6, 3072)] {
            for (strict, wrap) in [(true, true), (false, true), (true, false), (false, false)] {
                for most in [100, 4000, 9000] {
                    let marks = check(Update::new(&format(strict, wrap), decay, 0), most, seed);
                    let bits = [marks.fired, marks.saturated, marks.overflowed];
                    seen.iter_mut().zip(bits).for_each(|(seen, bits)| *seen |= bits);
                }
            }
        }
        assert!(seen.iter().all(|&bits| bits != 0), "fired, saturated and overflowed at least once");
    }
}
