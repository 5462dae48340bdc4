//! Tests of the oracles' neurons (`execute/plain.rs`, `execute/oracle.rs`): they step as the models here do, and differ
//! from faulty models, so that comparing whole networks would catch those faults.

use snnc_compiler::ir::spiking::{NeuronFormat, NeuronModel, Reset, SynapticCurrent};

use super::fixed::Fixed;
use super::{ByChannelRule, CubaLifRule, LANES, LifRule, LineInputs, Marks, Neuron, RefractoryRule};
use crate::counts::Events;
use crate::execute::{oracle, plain};

/// Narrow, so that everything overflows within the grid.
const FORMAT: NeuronFormat = NeuronFormat {
    weight_bits: 8,
    state_bits: 9,
    accumulator_bits: 8,
    wrap: true,
    weight_shift: 1,
    weight_shift_min: 0,
    threshold_mantissa_bits: 6,
    threshold_shift: 1,
    threshold_max: None,
    strict: true,
    decay_bits: 4,
    bias_mantissa_bits: 6,
    bias_exponent_max: 2,
};
const SHIFT: u32 = 1;
const CURRENT: SynapticCurrent = SynapticCurrent { bits: 8, wrap: true, decay_offset: 1, decay: 4 };

fn lif(decay: u32, reset: Reset) -> NeuronModel {
    NeuronModel::Lif { decay, thresholds: vec![20], reset }
}

fn cuba(current: SynapticCurrent, decay: u32, reset: Reset) -> NeuronModel {
    NeuronModel::CubaLif { current, decay, thresholds: vec![20], reset }
}

/// Currents and refractory steps left that a neuron with so many words of state is tried with.
fn words(words: usize) -> Vec<[i32; 2]> {
    let currents = if words >= 2 { vec![-128, -33, -1, 0, 1, 30, 127] } else { vec![0] };
    let left = if words >= 3 { vec![0, 1, 3] } else { vec![0] };
    currents.into_iter().flat_map(|u| left.iter().map(move |&left| [u, left])).collect()
}

/// Which oracles see a difference between `neuron` and the equations with these parameters, over a grid of states and
/// inputs.
fn caught<const WORDS: usize>(
    neuron: impl Neuron<WORDS>,
    format: &NeuronFormat,
    equations: &NeuronModel,
) -> [bool; 2] {
    let states = (-256..256).step_by(3).chain([255, -256, 40, 41, -1, 1]);
    let inputs = [-130, -65, -64, -7, -1, 0, 1, 2, 20, 63, 64, 90]
        .map(|sum| [-31 << 2, -3, 0, 1, 9].map(|b| [sum, b]));
    let mut caught = [false; 2];
    for v in states {
        for [u, left] in words(WORDS) {
            for &[sum, bias] in inputs.as_flattened() {
                let (mut state, mut events) = ([u; WORDS], Events::default());
                state[WORDS / 2] = left;
                state[WORDS - 1] = v;
                let fired = neuron.step(&mut state, [sum, bias, 20 << FORMAT.threshold_shift], &mut events);
                let word = |least: usize, i: usize| if WORDS >= least { state[i] } else { 0 };
                let (after, mut own) =
                    ([word(2, 0), word(3, WORDS / 2), state[WORDS - 1]], Events::default());
                let by_ir =
                    oracle::stepped((format, equations, SHIFT), 0, [u, left, v], [sum, bias], &mut own);
                caught[0] |= by_ir != (after, fired) || own != events;
                let before = (i64::from(u), left as u32, i64::from(v));
                let brought = (i64::from(sum << SHIFT), i64::from(bias));
                let by_core = plain::step(format, equations, 0, before, brought);
                let counted = Events {
                    updates_active: u64::from(by_core.active),
                    updates_inactive: u64::from(!by_core.active),
                    accumulator_overflows: u64::from(by_core.overflowed),
                    state_saturations: u64::from(by_core.clipped),
                    ..Events::default()
                };
                let state = [by_core.current as i32, by_core.refractory as i32, by_core.membrane as i32];
                let found = (state, by_core.fired);
                caught[1] |= found != (after, fired) || counted != events;
            }
        }
    }
    caught
}

#[test]
fn both_oracles_step_as_the_models_do() {
    for (wrap, strict) in [(true, true), (true, false), (false, true), (false, false)] {
        let format = NeuronFormat { wrap, strict, ..FORMAT };
        for decay in [0, 1, 5, 8, 15, 16] {
            let of = (&format, decay, SHIFT);
            assert_eq!(caught(LifRule::<false>::new(of), &format, &lif(decay, Reset::Zero)), [false; 2]);
            assert_eq!(caught(LifRule::<true>::new(of), &format, &lif(decay, Reset::Subtract)), [false; 2]);
            for current in [CURRENT, SynapticCurrent { wrap: false, decay: 15, ..CURRENT }] {
                let equations = cuba(current, decay, Reset::Zero);
                assert_eq!(caught(CubaLifRule::<false>::new(of, &current), &format, &equations), [false; 2]);
                let equations = cuba(current, decay, Reset::Subtract);
                assert_eq!(caught(CubaLifRule::<true>::new(of, &current), &format, &equations), [false; 2]);
            }
        }
    }
}

/// Neurons of one channel that lose `amount` with a spike, or all of the membrane.
fn by_channel(decay: u32, amount: Option<u32>, current: Option<SynapticCurrent>) -> NeuronModel {
    NeuronModel::ByChannel {
        thresholds: lif(decay, Reset::Zero).thresholds().to_vec(),
        decays: vec![decay; lif(decay, Reset::Zero).thresholds().len()],
        subtracted: amount.into_iter().collect(),
        currents: current.into_iter().collect(),
    }
}

/// Holds channel 0 in every lane, whatever threshold it is given.
#[derive(Clone)]
struct FirstChannel(ByChannelRule);

impl Neuron<2> for FirstChannel {
    fn fixed(&self) -> &Fixed {
        self.0.fixed()
    }

    fn integrate(&self, state: &mut [i32; 2], [sum, bias, _]: [i32; 3], events: &mut Events) {
        self.0.integrate(state, [sum, bias, 0], events);
    }

    fn fires(&self, membrane: i32, _: i32) -> bool {
        self.0.fires(membrane, 0)
    }

    fn reset(&self, membrane: i32, _: i32) -> i32 {
        self.0.reset(membrane, 0)
    }

    fn line(&self, state: &mut [[i32; LANES]; 2], line: LineInputs) -> Marks {
        self.exact(state, line)
    }
}

#[test]
fn both_oracles_step_as_neurons_by_channel_do_and_catch_another_amount() {
    for (wrap, strict) in [(true, true), (false, false)] {
        let format = NeuronFormat { wrap, strict, ..FORMAT };
        for decay in [0, 5, 16] {
            for amount in [None, Some(0), Some(7), Some(90)] {
                for current in
                    [None, Some(CURRENT), Some(SynapticCurrent { wrap: false, decay: 15, ..CURRENT })]
                {
                    let equations = by_channel(decay, amount, current);
                    let rule = FirstChannel(ByChannelRule::new(&format, &equations, SHIFT));
                    assert_eq!(caught(rule.clone(), &format, &equations), [false; 2]);
                    let other = by_channel(decay, Some(amount.unwrap_or(0) + 3), current);
                    assert_eq!(caught(rule, &format, &other), [true; 2], "another amount");
                }
            }
        }
    }
}

fn refractory(
    current: Option<SynapticCurrent>,
    reset: Reset,
    refractory: u32,
    floor: Option<u32>,
) -> NeuronModel {
    let thresholds = lif(5, reset).thresholds().to_vec();
    NeuronModel::Refractory { current, decay: 5, thresholds, reset, refractory, floor }
}

#[test]
fn both_oracles_step_as_refractory_neurons_do_and_catch_other_ones() {
    let slow = SynapticCurrent { wrap: false, decay: 15, ..CURRENT };
    for (wrap, strict) in [(true, true), (false, false)] {
        let format = NeuronFormat { wrap, strict, ..FORMAT };
        for current in [Some(CURRENT), Some(slow)] {
            for reset in [Reset::Zero, Reset::Subtract] {
                for (steps, floor) in [(0, Some(0)), (1, None), (4, Some(5)), (2, Some(8))] {
                    let equations = refractory(current, reset, steps, floor);
                    let rule = |of: &NeuronModel| RefractoryRule::new(&format, of, SHIFT);
                    assert_eq!(caught(rule(&equations), &format, &equations), [false; 2]);
                    let other = |floor: Option<u32>| floor.map_or(7, |exponent| (exponent + 3) % 8);
                    let longer = refractory(current, reset, steps + 1, floor);
                    assert_eq!(caught(rule(&longer), &format, &equations), [true; 2], "longer");
                    let lower = refractory(current, reset, steps, Some(other(floor)));
                    assert_eq!(caught(rule(&lower), &format, &equations), [true; 2], "another floor");
                }
            }
        }
    }
}

/// A leak that rounds in another direction.
#[derive(Clone, Copy)]
struct Rounds {
    lif: LifRule<false>,
    kept: i64,
    round: fn(i64, i64) -> i64,
}

impl Neuron<1> for Rounds {
    fn fixed(&self) -> &Fixed {
        self.lif.fixed()
    }

    fn integrate(&self, [v]: &mut [i32; 1], inputs: [i32; 3], events: &mut Events) {
        // What the true leak would keep is replaced by what this one does.
        let (before, one) = (i64::from(*v), 1 << FORMAT.decay_bits);
        let wrong = (self.round)(before * self.kept, one);
        let true_one = before * self.kept / one;
        let mut own = [*v];
        self.lif.integrate(&mut own, inputs, events);
        *v = self.fixed().clip(i64::from(own[0]) + wrong - true_one).0;
    }

    fn reset(&self, membrane: i32, threshold: i32) -> i32 {
        self.lif.reset(membrane, threshold)
    }

    fn line(&self, state: &mut [[i32; LANES]; 1], line: LineInputs) -> Marks {
        self.exact(state, line)
    }
}

#[test]
fn both_oracles_catch_a_fault_in_a_model() {
    let of = (&FORMAT, 5, SHIFT);
    let equations = lif(5, Reset::Zero);
    let rounds = |round| Rounds { lif: LifRule::new(of), kept: 11, round };
    let toward_zero = |product: i64, one: i64| product / one;
    assert_eq!(caught(rounds(toward_zero), &FORMAT, &equations), [false; 2], "the frame itself is right");
    let up = |product: i64, one: i64| -(-product).div_euclid(one);
    assert_eq!(caught(rounds(up), &FORMAT, &equations), [true; 2], "a leak that rounds up");
    let down = |product: i64, one: i64| product.div_euclid(one);
    assert_eq!(caught(rounds(down), &FORMAT, &equations), [true; 2], "a leak that rounds down");
    let formats = [
        NeuronFormat { strict: false, ..FORMAT },
        NeuronFormat { wrap: false, ..FORMAT },
        NeuronFormat { accumulator_bits: 9, ..FORMAT },
        NeuronFormat { state_bits: 10, ..FORMAT },
    ];
    for other in &formats {
        assert_eq!(
            caught(LifRule::<false>::new((other, 5, SHIFT)), &FORMAT, &equations),
            [true; 2],
            "{other:?}"
        );
    }
    assert_eq!(
        caught(LifRule::<false>::new((&FORMAT, 6, SHIFT)), &FORMAT, &equations),
        [true; 2],
        "another decay"
    );
    assert_eq!(caught(LifRule::<true>::new(of), &FORMAT, &equations), [true; 2], "another reset");
    let equations = cuba(CURRENT, 5, Reset::Zero);
    let currents = [
        SynapticCurrent { decay_offset: 0, ..CURRENT },
        SynapticCurrent { wrap: false, ..CURRENT },
        SynapticCurrent { bits: 9, ..CURRENT },
    ];
    for other in &currents {
        assert_eq!(caught(CubaLifRule::<false>::new(of, other), &FORMAT, &equations), [true; 2], "{other:?}");
    }
}
