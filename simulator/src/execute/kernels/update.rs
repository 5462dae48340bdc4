//! Steps of lines of neurons, compiled for every instruction set.

use super::level::{SimdLevel, dispatch};
use crate::neuron::{LineInputs, Marks, Neuron, NeuronLines};

/// Updates lines of neurons. `bounded` promises that 32-bit arithmetic is exact for the sums
/// ([`crate::neuron::fixed::Fixed::bounds`]).
pub fn update<const WORDS: usize, N: Neuron<WORDS>>(
    level: SimdLevel,
    neuron: &N,
    bounded: bool,
    mut lines: NeuronLines<WORDS>,
    marks: &mut [Marks],
) {
    if bounded && neuron.vectors(level, &mut lines, marks) {
        return;
    }
    dispatch!(
        level,
        [const WORDS: usize, N: Neuron<WORDS>]
        body(neuron: &N, bounded: bool, lines: NeuronLines<WORDS>, marks: &mut [Marks])
    )
}

#[inline(always)]
fn body<const WORDS: usize, N: Neuron<WORDS>>(
    neuron: &N,
    bounded: bool,
    lines: NeuronLines<WORDS>,
    marks: &mut [Marks],
) {
    for (i, marks) in marks.iter_mut().enumerate() {
        let line =
            LineInputs { sums: &lines.sums[i], bias: &lines.bias[i], thresholds: &lines.thresholds[i] };
        let state = &mut lines.state[i];
        *marks = match bounded || neuron.fixed().fits_32_bits(line.sums) {
            true => neuron.line(state, line),
            false => neuron.exact(state, line),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::super::LANES;
    use super::*;
    use crate::neuron::{ByChannelRule, CubaLifRule, LifRule};
    use crate::philox::philox4x32_10;
    use snnc_compiler::ir::spiking::{NeuronFormat, NeuronModel, SynapticCurrent};

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

    /// Channels with parameters of their own; fewer than the channels that lanes are drawn from, so that some lanes
    /// have none.
    fn by_channel(format: &NeuronFormat, decay: u32, subtract: bool, currents: bool) -> ByChannelRule {
        let channels = 0..200;
        let model = NeuronModel::ByChannel {
            thresholds: channels.clone().map(|c| 40 + 7 * c % 250).collect(),
            decays: channels.clone().map(|c| (decay + 17 * c) % 4097).collect(),
            subtracted: channels.clone().filter(|_| subtract).map(|c| 30 + c).collect(),
            currents: channels
                .filter(|_| currents)
                .map(|c| SynapticCurrent { bits: 12, wrap: format.strict, decay_offset: 1, decay: 20 * c })
                .collect(),
        };
        ByChannelRule::new(format, &model, 0)
    }

    /// Every level against the definition, neuron by neuron, over several timesteps.
    fn check<const WORDS: usize>(neuron: impl Neuron<WORDS>, most: i32, seed: u32) -> Marks {
        let draw = |i: usize, of: u32, most: i32| {
            let drawn = philox4x32_10([i as u32, of, 0, 0], [seed, 5])[0];
            // Every fourth is 0, so that some neurons rest.
            if drawn.is_multiple_of(4) { 0 } else { (drawn / 4 % (2 * most as u32 + 1)) as i32 - most }
        };
        let line = |of: u32, most: i32| std::array::from_fn(|i| draw(i, of, most));
        let (bias, thresholds) = (line(1, 40), line(2, 300).map(|t: i32| t.abs()));
        let mut seen = Marks::default();
        for level in SimdLevel::available() {
            let (mut state, mut plain) = ([[[0; LANES]; WORDS]; 2], [[[0; LANES]; WORDS]; 2]);
            for step in 0..8 {
                let sums = [line(10 + step, most), line(100 + step, most)];
                let mut marks = [Marks::default(); 2];
                // The second line holds channels side by side, as most do, of which the last are none.
                let side_by_side = std::array::from_fn(|i| 150 + i as i32);
                let (bias, thresholds) = ([bias, bias], [thresholds, side_by_side]);
                let lines =
                    NeuronLines { state: &mut state, sums: &sums, bias: &bias, thresholds: &thresholds };
                let bounded = sums.iter().all(|sums| neuron.fixed().fits_32_bits(sums));
                update(level, &neuron, bounded, lines, &mut marks);
                for k in 0..2 {
                    let line = LineInputs { sums: &sums[k], bias: &bias[k], thresholds: &thresholds[k] };
                    let expected = neuron.exact(&mut plain[k], line);
                    assert_eq!(marks[k], expected, "{level:?} step {step}");
                    seen.fired |= expected.fired;
                    seen.saturated |= expected.saturated;
                    seen.overflowed |= expected.overflowed;
                }
                assert_eq!(state, plain, "{level:?} step {step}");
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
                    let format = &format(strict, wrap);
                    let lif = (format, decay, 0);
                    // So narrow that it overflows where no sum does.
                    let current = SynapticCurrent {
                        bits: 12,
                        wrap: strict,
                        decay_offset: 1,
                        decay: 4095 - decay.min(4095),
                    };
                    for marks in [
                        check(LifRule::<false>::new(lif), most, seed),
                        check(LifRule::<true>::new(lif), most, seed),
                        check(CubaLifRule::<false>::new(lif, &current), most, seed),
                        check(CubaLifRule::<true>::new(lif, &current), most, seed),
                        check(by_channel(format, decay, false, false), most, seed),
                        check(by_channel(format, decay, true, false), most, seed),
                        check(by_channel(format, decay, false, true), most, seed),
                        check(by_channel(format, decay, true, true), most, seed),
                    ] {
                        let bits = [marks.fired, marks.saturated, marks.overflowed];
                        seen.iter_mut().zip(bits).for_each(|(seen, bits)| *seen |= bits);
                    }
                }
            }
        }
        assert!(seen.iter().all(|&bits| bits != 0), "fired, saturated and overflowed at least once");
    }
}
