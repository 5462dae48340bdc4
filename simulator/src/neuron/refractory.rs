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
use super::{LANES, LineInputs, Marks, Neuron, one_by_one};
use crate::bits::packed;
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

    #[inline(always)]
    fn line(&self, state: &mut [[i32; LANES]; 3], line: LineInputs) -> Marks {
        match (self.current, self.leak.halvings()) {
            (Some(_), _) => one_by_one(self, state, line),
            (None, Some(shift)) => self.in_32_bits(|magnitude| magnitude >> shift, state, line),
            (None, None) => self.in_32_bits(|magnitude| self.leak.of_32(magnitude), state, line),
        }
    }

    #[inline(always)]
    fn exact(&self, state: &mut [[i32; LANES]; 3], line: LineInputs) -> Marks {
        match self.current {
            Some(_) => one_by_one(self, state, line),
            None => self.in_64_bits(state, line),
        }
    }
}

/// A membrane that is not resting after its inputs.
struct Integrated {
    membrane: i32,
    saturated: bool,
    overflowed: bool,
}

/// Steps of a line without a current and without branches.
impl RefractoryRule {
    /// In 32 bits, for sums that [`Fixed::fits_32_bits`] holds for; `kept` is what is left of a magnitude.
    #[inline(always)]
    fn in_32_bits(
        &self,
        kept: impl Fn(u32) -> u32,
        state: &mut [[i32; LANES]; 3],
        line: LineInputs,
    ) -> Marks {
        let floor = self.floor.max(i32::MIN.into()) as i32;
        self.without_current(state, line, |v, sum, bias| {
            let magnitude = kept(v.unsigned_abs()) as i32;
            let left = if v < 0 { -magnitude } else { magnitude };
            let next = (left + self.fixed.input_32(sum) + bias).max(floor);
            let membrane = self.fixed.clip_32(next);
            Integrated { membrane, saturated: membrane != next, overflowed: false }
        })
    }

    /// In 64 bits, which hold any sum.
    #[inline(always)]
    fn in_64_bits(&self, state: &mut [[i32; LANES]; 3], line: LineInputs) -> Marks {
        let most = i64::from(self.fixed.state_max());
        self.without_current(state, line, |v, sum, bias| {
            let (input, overflowed) = self.fixed.input_64(sum);
            let next = (self.leak.of_64(v) + input + i64::from(bias)).max(self.floor);
            let clipped = next.clamp(-most - 1, most);
            Integrated { membrane: clipped as i32, saturated: clipped != next, overflowed }
        })
    }

    /// `integrate` makes a membrane of the one before, a sum and a bias.
    #[inline(always)]
    fn without_current(
        &self,
        [_, left, v]: &mut [[i32; LANES]; 3],
        line: LineInputs,
        integrate: impl Fn(i32, i32, i32) -> Integrated,
    ) -> Marks {
        let LineInputs { sums, bias, thresholds } = line;
        let (mut fired, mut active) = ([0u8; LANES], [0u8; LANES]);
        let (mut saturated, mut overflowed) = ([0u8; LANES], [0u8; LANES]);
        for i in 0..LANES {
            let next = integrate(v[i], sums[i], bias[i]);
            let resting = left[i] > 0;
            let membrane = if resting { v[i] } else { next.membrane };
            let fires = !resting & self.fixed.fires(membrane, thresholds[i]);
            active[i] = u8::from(left[i] | v[i] | sums[i] | bias[i] != 0);
            overflowed[i] = u8::from(next.overflowed);
            saturated[i] = u8::from(!resting & next.saturated);
            fired[i] = u8::from(fires);
            left[i] = if fires { self.refractory } else { (left[i] - 1).max(0) };
            v[i] = if fires { self.reset(membrane, thresholds[i]) } else { membrane };
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

    /// Lines at once against single neurons, over several timesteps: all widths, sums that overflow, resting neurons.
    #[test]
    fn lines_step_as_their_neurons_do() {
        let (mut seen, mut in_32_bits) = (Marks::default(), 0);
        for (bits, wrap, strict, decay) in [
            (14, true, true, 0),
            (14, false, false, 1000),
            (24, false, true, 2048),
            (31, false, false, 199),
            (31, true, true, 4096),
        ] {
            let neuron = snnc_targets::registry::load("loihi-like").unwrap().neuron;
            let format = NeuronFormat {
                state_bits: bits,
                accumulator_bits: bits - 1,
                wrap,
                strict,
                ..NeuronFormat::new(&neuron, 8)
            };
            for (refractory, floor, reset) in
                [(2, None, Reset::Zero), (0, Some(5), Reset::Subtract), (1, Some(9), Reset::Zero)]
            {
                let model = NeuronModel::Refractory {
                    current: None,
                    decay,
                    thresholds: vec![1],
                    reset,
                    refractory,
                    floor,
                };
                let rule = RefractoryRule::new(&format, &model, 3);
                let draw = |step: u32, i: usize, of: u32| {
                    crate::philox::philox4x32_10([step, i as u32, of, bits], [decay, refractory])[0]
                };
                let line = |step, of, most: u32| -> [i32; LANES] {
                    std::array::from_fn(|i| match draw(step, i, of) {
                        // Some neurons have nothing to do.
                        drawn if drawn.is_multiple_of(4) => 0,
                        drawn => (drawn / 4 % (2 * most + 1)) as i32 - most as i32,
                    })
                };
                let thresholds = line(0, 2, 1 << (bits - 2)).map(i32::abs);
                let mut state = [[0; LANES]; 3];
                let mut single = state;
                for step in 0..20 {
                    // Every other timestep no sum overflows.
                    let most = 1 << (bits - if step % 2 == 0 { 4 } else { 6 });
                    let (sums, bias) = (line(step, 0, most), line(step, 1, 300));
                    let inputs = LineInputs { sums: &sums, bias: &bias, thresholds: &thresholds };
                    let mut short = state;
                    let marks = rule.exact(&mut state, inputs);
                    if rule.fixed.fits_32_bits(&sums) {
                        assert_eq!(marks, rule.line(&mut short, inputs), "step {step} of {bits} bits");
                        assert_eq!(state, short);
                        in_32_bits += 1;
                    }
                    assert_eq!(marks, one_by_one(&rule, &mut single, inputs), "step {step} of {bits} bits");
                    assert_eq!(state, single);
                    seen.fired |= marks.fired;
                    seen.saturated |= marks.saturated;
                    seen.overflowed |= marks.overflowed;
                    seen.active |= !marks.active;
                }
            }
        }
        let all = [seen.fired, seen.saturated, seen.overflowed, seen.active];
        assert!(all.iter().all(|&bits| bits != 0), "fired, clipped, overflowed and at rest: {all:?}");
        assert!(in_32_bits > 30, "{in_32_bits} lines in 32 bits");
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
