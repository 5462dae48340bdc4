//! Leaky integrate-and-fire, with or without a synaptic current, that is refractory after a spike or has a floor.
//!
//! ```text
//! u      = hold(kept_u(u) + overflow(sum << shift))      width of the current
//! input  = hold(u + bias), without a current overflow(sum << shift) + bias
//! in a refractory step: v stays, and nothing fires; else
//! v      = clip(max(kept_v(v) + input, floor))           state_bits
//! kept_u = sign(u) (|u| (2^bits - offset - decay_u) >> bits),  kept_v = sign(v) (|v| (2^bits - decay) >> bits)
//! fires as leaky integrate-and-fire; the next `refractory` steps are refractory
//! ```
//!
//! With reset to 0 these are all of Loihi's equations as nengo-loihi 1.1.0 emulates them: its `refract_delay` counts
//! the step of the spike, so it is one more than `refractory`, and its `vmin` is the floor. Steps are those of single
//! neurons.

use snnc_compiler::ir::spiking::{NeuronFormat, NeuronModel, Reset};

use super::fixed::{Fixed, Leak, Width};
use super::{LANES, LineInputs, Marks, Neuron};
use crate::counts::Events;

/// Constants of one population. State: the current (0 where there is none), refractory steps that are left, the
/// membrane.
#[derive(Debug, Clone, Copy)]
pub struct RefractoryRule {
    fixed: Fixed,
    leak: Leak,
    /// Width and leak of the synaptic current.
    current: Option<(Width, Leak)>,
    /// What a membrane is not below.
    floor: i64,
    refractory: i32,
    soft: bool,
}

impl RefractoryRule {
    /// The neurons of a format, with their input shift.
    pub fn new(format: &NeuronFormat, neurons: &NeuronModel, shift: u32) -> Self {
        let leak = |kept| Leak::new(kept, format.decay_bits);
        Self {
            fixed: Fixed::new(format, shift),
            leak: leak((1 << format.decay_bits) - i64::from(neurons.decay())),
            current: neurons.current().map(|own| (Width::new(own.bits, own.wrap), leak(own.kept(format)))),
            floor: neurons.floor().map_or(i64::MIN, i64::from),
            refractory: neurons.refractory() as i32,
            soft: neurons.reset() == Some(Reset::Subtract),
        }
    }
}

impl Neuron<3> for RefractoryRule {
    fn fixed(&self) -> &Fixed {
        &self.fixed
    }

    fn integrate(&self, [u, left, v]: &mut [i32; 3], [sum, bias, _]: [i32; 3], events: &mut Events) {
        if *u | *left | *v | sum | bias == 0 {
            events.updates_inactive += 1;
            return;
        }
        events.updates_active += 1;
        let (input, lost) = self.fixed.input(sum);
        let (mut driving, mut overflowed) = (input + i64::from(bias), lost);
        if let Some((width, leak)) = &self.current {
            let (current, outside) = width.hold(leak.of(*u) + input);
            let (with_bias, outside_with_bias) = width.hold(current + i64::from(bias));
            // In a refractory step nobody reads the current with the bias.
            overflowed |= outside | (outside_with_bias && *left == 0);
            (*u, driving) = (current as i32, with_bias);
        }
        events.accumulator_overflows += u64::from(overflowed);
        if *left == 0 {
            let (clipped, saturated) = self.fixed.clip((self.leak.of(*v) + driving).max(self.floor));
            events.state_saturations += u64::from(saturated);
            *v = clipped;
        }
    }

    fn fire(&self, [_, left, v]: &mut [i32; 3], threshold: i32) -> bool {
        if *left > 0 {
            *left -= 1;
            return false;
        }
        let fired = self.fires(*v, threshold);
        if fired {
            (*v, *left) = (self.reset(*v, threshold), self.refractory);
        }
        fired
    }

    fn reset(&self, membrane: i32, threshold: i32) -> i32 {
        if self.soft { membrane.wrapping_sub(threshold) } else { 0 }
    }

    fn line(&self, state: &mut [[i32; LANES]; 3], line: LineInputs) -> Marks {
        self.exact(state, line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snnc_compiler::ir::spiking::SynapticCurrent;

    /// Loihi's neurons without leak of the membrane, whose current is the timestep's sum.
    fn neurons(refractory: u32, floor: Option<u32>, reset: Reset) -> RefractoryRule {
        let neuron = snnc_targets::registry::load("loihi-like").unwrap().neuron;
        let current = neuron.synaptic_current.as_ref().map(|spec| SynapticCurrent::new(spec, 4095));
        let model =
            NeuronModel::Refractory { current, decay: 0, thresholds: vec![1], reset, refractory, floor };
        RefractoryRule::new(&NeuronFormat::new(&neuron, 8), &model, 0)
    }

    #[test]
    fn a_spike_is_followed_by_so_many_silent_steps() {
        for (refractory, expected) in [(0, 0b1111_1111), (1, 0b0101_0101), (3, 0b0001_0001)] {
            let (rule, mut state, mut e) =
                (neurons(refractory, None, Reset::Zero), [0; 3], Events::default());
            let fired = (0..8).filter(|_| rule.step(&mut state, [100, 0, 64], &mut e));
            assert_eq!(fired.fold(0, |bits, step| bits | 1 << step), expected);
            assert_eq!(e.updates_active, 8);
        }
        // What a soft reset leaves is kept, though it is above the threshold: 300 - 64, then 236 + 100 - 64.
        let (rule, mut state, mut e) = (neurons(1, None, Reset::Subtract), [0; 3], Events::default());
        let mut step = |sum| (rule.step(&mut state, [sum, 0, 64], &mut e), state[2]);
        assert_eq!([step(300), step(100), step(100)], [(true, 236), (false, 236), (true, 272)]);
    }

    #[test]
    fn membranes_do_not_fall_below_the_floor_and_that_is_no_saturation() {
        for (floor, least) in [(0, 0), (3, -7), (10, -500)] {
            let (rule, mut state, mut e) = (neurons(0, Some(floor), Reset::Zero), [0; 3], Events::default());
            rule.step(&mut state, [-500, 0, 64], &mut e);
            assert_eq!((state[2], e.state_saturations), (least, 0));
        }
    }
}
