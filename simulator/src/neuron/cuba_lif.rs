//! Current-based leaky integrate-and-fire: the input joins a synaptic current, the current joins the membrane.
//!
//! ```text
//! u      = hold(kept_u(u) + overflow(sum << shift))  width of the current
//! v      = clip(kept_v(v) + hold(u + bias))          state_bits
//! kept_u = sign(u) (|u| (2^bits - offset - decay_u) >> bits),  kept_v = sign(v) (|v| (2^bits - decay) >> bits)
//! fires as leaky integrate-and-fire; a spike leaves the current as it is
//! ```
//!
//! These are Loihi's equations as nengo-loihi 1.1.0 emulates them (offset 1, both widths wrap at 23 bits and sign).

use snnc_compiler::ir::spiking::{NeuronFormat, SynapticCurrent};

use super::fixed::{Fixed, Leak, Width};
use super::{LANES, LineInputs, Marks, Neuron};
use crate::bits::packed;
use crate::counts::Events;

/// Constants of one population. State: the current, the membrane.
#[derive(Debug, Clone, Copy)]
pub struct CubaLifRule<const SUBTRACT: bool> {
    fixed: Fixed,
    leak: Leak,
    current: Width,
    current_leak: Leak,
}

impl<const SUBTRACT: bool> CubaLifRule<SUBTRACT> {
    /// The neuron of a format, a loss per step, an input shift and a synaptic current.
    pub fn new((format, decay, shift): (&NeuronFormat, u32, u32), current: &SynapticCurrent) -> Self {
        let kept = (1 << format.decay_bits) - i64::from(decay);
        Self {
            fixed: Fixed::new(format, shift).with_state_of(current.bits),
            leak: Leak::new(kept, format.decay_bits),
            current: Width::new(current.bits, current.wrap),
            current_leak: Leak::new(current.kept(format), format.decay_bits),
        }
    }
}

/// `sign(v) kept(|v|)` in 32 bits.
#[inline(always)]
fn kept(leak: &Leak, v: i32) -> i32 {
    let magnitude = leak.of_32(v.unsigned_abs()) as i32;
    if v < 0 { -magnitude } else { magnitude }
}

impl<const SUBTRACT: bool> Neuron<2> for CubaLifRule<SUBTRACT> {
    #[inline(always)]
    fn fixed(&self) -> &Fixed {
        &self.fixed
    }

    fn integrate(&self, [u, v]: &mut [i32; 2], [sum, bias, _]: [i32; 3], events: &mut Events) {
        if *u | *v | sum | bias == 0 {
            events.updates_inactive += 1;
            return;
        }
        events.updates_active += 1;
        let (input, lost) = self.fixed.input(sum);
        let (current, left) = self.current.hold(self.current_leak.of(*u) + input);
        let (driving, left_with_bias) = self.current.hold(current + i64::from(bias));
        let (clipped, saturated) = self.fixed.clip(self.leak.of(*v) + driving);
        events.accumulator_overflows += u64::from(lost | left | left_with_bias);
        events.state_saturations += u64::from(saturated);
        (*u, *v) = (current as i32, clipped);
    }

    #[inline(always)]
    fn reset(&self, membrane: i32, threshold: i32) -> i32 {
        if SUBTRACT { membrane.wrapping_sub(threshold) } else { 0 }
    }

    #[inline(always)]
    fn line(&self, [u, v]: &mut [[i32; LANES]; 2], line: LineInputs) -> Marks {
        let LineInputs { sums, bias, thresholds } = line;
        let (mut fired, mut active) = ([0u8; LANES], [0u8; LANES]);
        let (mut saturated, mut overflowed) = ([0u8; LANES], [0u8; LANES]);
        for i in 0..LANES {
            let raw = kept(&self.current_leak, u[i]) + self.fixed.input_32(sums[i]);
            let current = self.current.hold_32(raw);
            let driving = self.current.hold_32(current + bias[i]);
            let next = kept(&self.leak, v[i]) + driving;
            let clipped = self.fixed.clip_32(next);
            let fires = self.fixed.fires(clipped, thresholds[i]);
            active[i] = u8::from(u[i] | v[i] | sums[i] | bias[i] != 0);
            overflowed[i] = u8::from((current != raw) | (driving != current + bias[i]));
            saturated[i] = u8::from(clipped != next);
            fired[i] = u8::from(fires);
            u[i] = current;
            v[i] = if fires { self.reset(clipped, thresholds[i]) } else { clipped };
        }
        Marks {
            fired: packed(&fired),
            active: packed(&active),
            saturated: packed(&saturated),
            overflowed: packed(&overflowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Loihi's formats with decays of 1024 (current) and 2048 (membrane), weights unscaled.
    fn loihi() -> CubaLifRule<false> {
        let neuron = snnc_targets::registry::load("loihi-like").unwrap().neuron;
        let current = SynapticCurrent::new(neuron.synaptic_current.as_ref().unwrap(), 1024);
        CubaLifRule::new((&NeuronFormat::new(&neuron, 8), 2048, 0), &current)
    }

    #[test]
    fn currents_and_membranes_follow_the_equations_by_hand() {
        let (neuron, mut state, mut e) = (loihi(), [0, 0], Events::default());
        let mut step = |sum| {
            neuron.integrate(&mut state, [sum, 0, 0], &mut e);
            state
        };
        // u keeps 3071 of 4096: 1000 -> 749 (749.76) -> 561 (561.57); v keeps half: 1000 -> 500 + 749 -> 624 + 561.
        assert_eq!([step(1000), step(0), step(0)], [[1000, 1000], [749, 1249], [561, 1185]]);
        // Magnitudes round toward zero: u -980 -> -734 (-734.76).
        assert_eq!(step(-1400), [420 - 1400, 592 - 980]);
        assert_eq!(step(0), [-734, -194 - 734]);
    }

    #[test]
    fn the_largest_decay_leaves_the_sum_alone() {
        let neuron = snnc_targets::registry::load("loihi-like").unwrap().neuron;
        let (format, spec) = (NeuronFormat::new(&neuron, 8), neuron.synaptic_current.unwrap());
        let cuba = CubaLifRule::<false>::new((&format, 2048, 6), &SynapticCurrent::new(&spec, 4095));
        let lif = super::super::LifRule::<false>::new((&format, 2048, 6));
        let (mut two, mut one, mut e) = ([0, 0], [0], Events::default());
        for sum in [5, -3, 0, 40_000, -17, 2, 0, 0, 9] {
            let inputs = [sum, 77, 300];
            assert_eq!(cuba.step(&mut two, inputs, &mut e), lif.step(&mut one, inputs, &mut e));
            assert_eq!(two[1], one[0]);
        }
    }

    #[test]
    fn a_current_beyond_its_width_wraps_once_an_update() {
        let (neuron, mut e) = (loihi(), Events::default());
        let mut state = [8_388_607, 0];
        // 3071/4096 of 2^23 - 1 is 6289407; with the largest sum it fits, with the bias it is beyond 23 bits and sign.
        neuron.integrate(&mut state, [2_097_151, 127 << 7, 0], &mut e);
        assert_eq!(state[0], 6_289_407 + 2_097_151);
        assert_eq!((state[1], e.accumulator_overflows), (state[0] + (127 << 7) - (1 << 24), 1));
    }
}
