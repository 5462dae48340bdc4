//! Leaky integrate-and-fire; without decay integrate-and-fire, and an integrator where no threshold can be reached.
//!
//! ```text
//! input  = overflow(sum << shift)                    accumulator_bits
//! v      = clip(kept(v) + input + bias)              state_bits
//! kept   = sign(v) (|v| (2^bits - decay) >> bits)    magnitude rounded toward zero
//! fires if v > threshold (strict) or v >= threshold; then v = 0, or v - threshold with reset by subtraction
//! ```

use snnc_compiler::ir::spiking::NeuronFormat;

use super::fixed::{Fixed, Leak};
use super::{LANES, LineInputs, Marks, Neuron, NeuronLines};
use crate::bits::packed;
use crate::counts::Events;
use crate::execute::kernels::level::SimdLevel;

/// Constants of one population. State: the membrane.
#[derive(Debug, Clone, Copy)]
pub struct LifRule<const SUBTRACT: bool> {
    fixed: Fixed,
    leak: Leak,
}

impl<const SUBTRACT: bool> LifRule<SUBTRACT> {
    /// The neuron of a format, a loss per step and an input shift.
    pub fn new((format, decay, shift): (&NeuronFormat, u32, u32)) -> Self {
        let kept = (1 << format.decay_bits) - i64::from(decay);
        Self { fixed: Fixed::new(format, shift), leak: Leak::new(kept, format.decay_bits) }
    }

    /// The step of a line; `kept` is what is left of a magnitude.
    #[inline(always)]
    fn keeping(&self, kept: impl Fn(u32) -> u32, v: &mut [i32; LANES], line: LineInputs) -> Marks {
        let LineInputs { sums, bias, thresholds } = line;
        let (mut fired, mut active, mut saturated) = ([0u8; LANES], [0u8; LANES], [0u8; LANES]);
        for i in 0..LANES {
            let magnitude = kept(v[i].unsigned_abs()) as i32;
            let next =
                (if v[i] < 0 { -magnitude } else { magnitude }) + self.fixed.input_32(sums[i]) + bias[i];
            let clipped = self.fixed.clip_32(next);
            let fires = self.fixed.fires(clipped, thresholds[i]);
            active[i] = u8::from(v[i] | sums[i] | bias[i] != 0);
            saturated[i] = u8::from(clipped != next);
            fired[i] = u8::from(fires);
            v[i] = if fires { self.reset(clipped, thresholds[i]) } else { clipped };
        }
        Marks { fired: packed(&fired), active: packed(&active), saturated: packed(&saturated), overflowed: 0 }
    }
}

impl<const SUBTRACT: bool> Neuron<1> for LifRule<SUBTRACT> {
    #[inline(always)]
    fn fixed(&self) -> &Fixed {
        &self.fixed
    }

    fn integrate(&self, [v]: &mut [i32; 1], [sum, bias, _]: [i32; 3], events: &mut Events) {
        if *v | sum | bias == 0 {
            events.updates_inactive += 1;
            return;
        }
        events.updates_active += 1;
        let (input, overflowed) = self.fixed.input(sum);
        let (clipped, saturated) = self.fixed.clip(self.leak.of(*v) + input + i64::from(bias));
        events.accumulator_overflows += u64::from(overflowed);
        events.state_saturations += u64::from(saturated);
        *v = clipped;
    }

    #[inline(always)]
    fn reset(&self, membrane: i32, threshold: i32) -> i32 {
        if SUBTRACT { membrane.wrapping_sub(threshold) } else { 0 }
    }

    #[inline(always)]
    fn line(&self, [v]: &mut [[i32; LANES]; 1], line: LineInputs) -> Marks {
        match self.leak.halvings() {
            Some(shift) => self.keeping(|magnitude| magnitude >> shift, v, line),
            None => self.keeping(|magnitude| self.leak.of_32(magnitude), v, line),
        }
    }

    /// In AVX-512, where the loss halves the membrane a whole number of times.
    #[inline]
    fn vectors(&self, level: SimdLevel, lines: &mut NeuronLines<1>, marks: &mut [Marks]) -> bool {
        #[cfg(target_arch = "x86_64")]
        if let (crate::execute::kernels::level::InstructionSet::Avx512, Some(shift)) =
            (level.kind(), self.leak.halvings())
        {
            // SAFETY: a level exists only if the processor has its instructions.
            unsafe { x86::halve::<SUBTRACT>(&self.fixed, shift, lines, marks) };
            return true;
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (level, lines, marks);
        false
    }
}

/// The step for the usual loss, 16 neurons at a time.
#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::{Fixed, LANES, Marks, NeuronLines};

    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn halve<const SUBTRACT: bool>(
        fixed: &Fixed,
        shift: u32,
        lines: &mut NeuronLines<1>,
        marks: &mut [Marks],
    ) {
        let (most, input) = (fixed.state_max(), fixed.input_shift());
        let (low, high) = (_mm512_set1_epi32(-most - 1), _mm512_set1_epi32(most));
        let (shift, input) = (_mm_cvtsi32_si128(shift as i32), _mm_cvtsi32_si128(input as i32));
        let zero = _mm512_setzero_si512();
        for (i, marks) in marks.iter_mut().enumerate() {
            *marks = Marks::default();
            let membranes = lines.state[i][0].as_chunks_mut::<16>().0;
            let sums = lines.sums[i].as_chunks::<16>().0;
            let (bias, thresholds) =
                (lines.bias[i].as_chunks::<16>().0, lines.thresholds[i].as_chunks::<16>().0);
            for quarter in 0..LANES / 16 {
                let (v, sum) = (load(&membranes[quarter]), load(&sums[quarter]));
                let (bias, threshold) = (load(&bias[quarter]), load(&thresholds[quarter]));
                let magnitude = _mm512_srl_epi32(_mm512_abs_epi32(v), shift);
                let negative = _mm512_cmplt_epi32_mask(v, zero);
                let kept = _mm512_mask_sub_epi32(magnitude, negative, zero, magnitude);
                let next = _mm512_add_epi32(_mm512_add_epi32(kept, bias), _mm512_sll_epi32(sum, input));
                let clipped = _mm512_min_epi32(_mm512_max_epi32(next, low), high);
                let fired = if fixed.strict() {
                    _mm512_cmpgt_epi32_mask(clipped, threshold)
                } else {
                    _mm512_cmpge_epi32_mask(clipped, threshold)
                };
                let any = _mm512_or_si512(_mm512_or_si512(v, sum), bias);
                let lane = 16 * quarter;
                marks.fired |= u64::from(fired) << lane;
                marks.active |= u64::from(_mm512_test_epi32_mask(any, any)) << lane;
                marks.saturated |= u64::from(_mm512_cmpneq_epi32_mask(clipped, next)) << lane;
                let v = match SUBTRACT {
                    true => _mm512_mask_sub_epi32(clipped, fired, clipped, threshold),
                    false => _mm512_maskz_mov_epi32(!fired, clipped),
                };
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

    fn integrate(lif: LifRule<false>, v: i32, sum: i32, bias: i32, events: &mut Events) -> i32 {
        let mut state = [v];
        lif.integrate(&mut state, [sum, bias, 0], events);
        state[0]
    }

    #[test]
    fn decay_rounds_the_magnitude_toward_zero() {
        let lif = LifRule::new((&format(true, true), 2048, 0));
        let mut e = Events::default();
        assert_eq!(integrate(lif, 7, 0, 0, &mut e), 3);
        assert_eq!(integrate(lif, -7, 0, 0, &mut e), -3);
        assert_eq!(integrate(lif, -7, 1, 2, &mut e), 0);
        assert_eq!((e.updates_active, e.updates_inactive), (3, 0));
        assert_eq!(integrate(lif, 0, 0, 0, &mut e), 0);
        assert_eq!(e.updates_inactive, 1);
    }

    #[test]
    fn sums_wrap_or_saturate_at_the_accumulator_and_membranes_clip() {
        let mut e = Events::default();
        let wraps = LifRule::new((&format(true, true), 0, 1));
        assert_eq!(integrate(wraps, 0, 128, 0, &mut e), -256);
        let saturates = LifRule::new((&format(false, true), 0, 1));
        assert_eq!(integrate(saturates, 0, 128, 0, &mut e), 255);
        assert_eq!(integrate(saturates, 0, -129, 0, &mut e), -256);
        assert_eq!(e.accumulator_overflows, 3);
        assert_eq!(integrate(saturates, 500, 100, 0, &mut e), 511);
        assert_eq!(integrate(saturates, -500, -100, 0, &mut e), -512);
        assert_eq!(e.state_saturations, 2);
    }

    /// Sums that nengo-loihi 1.1.0's emulator met in networks of random integers, in units of 2^6, and what it made
    /// of them.
    #[test]
    fn loihis_sum_of_a_timestep_wraps_at_21_bits_and_sign() {
        let neuron = snnc_targets::registry::load("loihi-like").unwrap().neuron;
        let lif = LifRule::new((&NeuronFormat::new(&neuron, 8), 4096, 6));
        let mut e = Events::default();
        let recorded = [
            (-2_214_912, 1_979_392),
            (-2_097_664, 2_096_640),
            (2_734_080, -1_460_224),
            (-2_546_176, 1_648_128),
            (2_377_728, -1_816_576),
        ];
        for (sum, q0) in recorded {
            assert_eq!(integrate(lif, 0, sum >> 6, 0, &mut e), q0);
        }
        // The last sums that fit, and the first that do not; u and the bias have 23 bits and sign, so they never wrap.
        let ends = [32_767, -32_768, 32_768, -32_769].map(|sum| integrate(lif, 0, sum, 4095 << 7, &mut e));
        assert_eq!(ends.map(|v| v - (4095 << 7)), [2_097_088, -2_097_152, -2_097_152, 2_097_088]);
        assert_eq!((e.accumulator_overflows, e.state_saturations), (7, 0));
        // 32-bit arithmetic is for sums that do not wrap.
        let fixed = lif.fixed();
        assert!(fixed.fits_32_bits(&[32_767, -32_767]) && !fixed.fits_32_bits(&[32_768]));
    }

    #[test]
    fn strict_and_inclusive_thresholds_differ_on_a_tie_only() {
        for v in -3..4 {
            assert_eq!(Fixed::new(&format(true, true), 0).fires(v, 1), v > 1);
            assert_eq!(Fixed::new(&format(true, false), 0).fires(v, 1), v >= 1);
        }
    }

    #[test]
    fn a_soft_reset_keeps_what_exceeds_the_threshold() {
        let soft = LifRule::<true>::new((&format(true, true), 0, 0));
        let (mut state, mut e) = ([0], Events::default());
        // 70 a step against a threshold of 100.
        let fired: Vec<bool> = (0..6).map(|_| soft.step(&mut state, [70, 0, 100], &mut e)).collect();
        assert_eq!((fired, state), (vec![false, true, true, false, true, true], [20]));
    }
}
