//! What a rounding costs, and the rounding that costs least.
//!
//! The cost of a sum is the expected square of its error if all sources fire with one rate that is not known,
//! anything from 0 to 1: with `e` the rounding errors of its weights, `r^2 (sum e)^2 + r (1 - r) sum e^2` at rate r,
//! and on average `(sum e)^2 / 3 + sum e^2 / 6`. Its first part is what many small weights lose when all of them
//! become 0; rounding some of them up keeps it small. Where activity was recorded, its variance takes the place of
//! 1/6, and [`super::adaptive`] rounds.

use super::EXACT;
use super::fan::{ScaledChannel, SummedWeights};

/// Mean square of an unknown rate: what the error of a sum whose sources all fire weighs.
const TOGETHER: f64 = 1.0 / 3.0;
/// Mean variance of a source with such a rate: what the squared error of each weight weighs.
pub const ALONE: f64 = 1.0 / 6.0;
/// Rounding errors that come from weights kept in 32-bit floats, in parts of the weight.
const FLOAT_NOISE: f64 = 1.0 / (1u32 << 22) as f64;

/// Whether an integer is the value itself, up to the noise of the trained floats.
pub fn is_exact(value: f64, integer: f64) -> bool {
    (value - integer).abs() <= EXACT + value.abs() * FLOAT_NOISE
}

/// The nearest integer, of two as near the even one: of what is smaller than half of 2^52 without a call, since the
/// sum with 1.5 x 2^52 has no bits for fractions.
fn nearest(value: f64) -> f64 {
    const HALF: f64 = (1u64 << 51) as f64;
    if value.abs() < HALF { (value + 3.0 * HALF) - 3.0 * HALF } else { value.round_ties_even() }
}

/// Integers of one sum.
pub struct Balanced {
    /// As the weights.
    pub integers: Vec<f64>,
    /// In squared weight units.
    pub cost: f64,
}

/// Rounds the weights of one sum to integers of at most `most`: each up or down, such that the cost is least. Weights
/// that are whole stay what they are. None if the cost cannot be below `best`.
pub fn balance(weights: impl Iterator<Item = f64>, most: f64, best: f64) -> Option<Balanced> {
    let mut integers = Vec::with_capacity(weights.size_hint().0);
    // Error of each weight that may go the other way, and its place.
    let mut errors: Vec<(f64, usize)> = Vec::new();
    let (mut sum, mut squares) = (0.0, 0.0);
    for (i, weight) in weights.enumerate() {
        let integer = nearest(weight).clamp(-most, most);
        let error = integer - weight;
        if !is_exact(weight, integer) {
            sum += error;
            squares += error * error;
            if ALONE * squares >= best {
                return None;
            }
            if error.abs() <= 0.5 {
                errors.push((error, i));
            }
        }
        integers.push(integer);
    }
    // Also where no weight has an error.
    if ALONE * squares >= best {
        return None;
    }
    let sign = if sum < 0.0 { -1.0 } else { 1.0 };
    // Those that change the sum in the right direction, the cheapest first.
    errors.retain(|(error, _)| error * sign > 0.0);
    let change = (sum.abs().ceil() as usize).min(errors.len());
    let cheapest = |a: &(f64, usize), b: &(f64, usize)| b.0.abs().total_cmp(&a.0.abs()).then(a.1.cmp(&b.1));
    if change < errors.len() {
        errors.select_nth_unstable_by(change, cheapest);
        errors.truncate(change);
    }
    errors.sort_unstable_by(cheapest);
    for (error, i) in errors {
        let (next, farther) = (sum - sign, 1.0 - 2.0 * error.abs());
        let lower = TOGETHER * (next * next - sum * sum) + ALONE * farther < 0.0;
        let inside = (integers[i] - sign).abs() <= most;
        if lower && inside {
            integers[i] -= sign;
            sum = next;
            squares += farther;
        }
    }
    Some(Balanced { integers, cost: TOGETHER * sum * sum + ALONE * squares })
}

/// How active the sources of a layer are.
pub enum SourceActivity {
    /// With one rate, which is not known.
    Assumed,
    /// Variance of the activity that each weight of the layer is multiplied with.
    Recorded(Vec<f64>),
}

impl SourceActivity {
    /// Squared rounding error of a channel's biases, in membrane units, where `exact` is that of the trained biases.
    /// Recorded activity gives them a correction, any part of a unit, whose rounding costs 1/12 on average.
    pub fn bias_error(&self, exact: f64) -> f64 {
        match self {
            Self::Assumed => exact,
            Self::Recorded(_) => exact.max(1.0 / 12.0),
        }
    }

    /// Cost of a channel's weights at `scale` weight units per trained unit, in squared trained units; infinite if it
    /// is not below `best`.
    pub fn cost(&self, channel: &ScaledChannel, scale: f64, most: f64, best: f64) -> f64 {
        let fans = channel.fans.len().max(1) as f64;
        let bound = best * scale * scale * fans;
        let mut sum = 0.0;
        for fan in &channel.fans {
            match self.of(fan, scale, most, bound - sum) {
                Some(cost) => sum += cost,
                None => return f64::INFINITY,
            }
        }
        sum / (scale * scale * fans)
    }

    fn of(&self, fan: &SummedWeights, scale: f64, most: f64, best: f64) -> Option<f64> {
        let scaled = fan.weights.iter().map(|weight| weight * scale);
        match self {
            Self::Assumed => balance(scaled, most, best).map(|balanced| balanced.cost),
            Self::Recorded(variances) => {
                let squared = |weight: f64| (weight - nearest(weight).clamp(-most, most)).powi(2);
                let own = fan.at.iter().map(|at| variances[at as usize]);
                let cost = scaled.zip(own).map(|(weight, variance)| squared(weight) * variance).sum::<f64>();
                (cost < best).then_some(cost)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Least cost over all ways to round each weight up or down.
    fn exhaustive(weights: &[f64], most: f64) -> f64 {
        (0..1u32 << weights.len())
            .filter_map(|ways| {
                let integer = |(i, w): (usize, &f64)| if ways >> i & 1 == 0 { w.floor() } else { w.ceil() };
                let integers: Vec<f64> = weights.iter().enumerate().map(integer).collect();
                integers.iter().all(|q| q.abs() <= most).then(|| cost(weights, &integers))
            })
            .fold(f64::INFINITY, f64::min)
    }

    fn cost(weights: &[f64], integers: &[f64]) -> f64 {
        let errors = || weights.iter().zip(integers).map(|(w, q)| q - w);
        let squares: f64 = errors().map(|e| e * e).sum();
        TOGETHER * errors().sum::<f64>().powi(2) + ALONE * squares
    }

    #[test]
    fn no_other_choice_of_up_and_down_costs_less() {
        let mut state = 7u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / (1u64 << 24) as f64
        };
        for round in 0..200 {
            // All of one sign, small beside large, and mixed.
            let weights: Vec<f64> = (0..10)
                .map(|i| match round % 3 {
                    0 => 0.5 * draw(),
                    1 if i > 0 => 0.3,
                    1 => 6.0 * draw(),
                    _ => 12.0 * draw() - 6.0,
                })
                .collect();
            let found = balance(weights.iter().copied(), 7.0, f64::INFINITY).unwrap();
            assert!((found.cost - cost(&weights, &found.integers)).abs() < 1e-9);
            assert!(found.cost <= exhaustive(&weights, 7.0) + 1e-9, "{weights:?} {:?}", found.integers);
        }
    }

    #[test]
    fn the_nearest_integer_is_that_of_the_library() {
        let halves = (-40..40).map(|i| f64::from(i) * 0.5);
        let near = [
            0.499_999_999_999_999_94,
            126.5,
            127.499_999_99,
            2f64.powi(51) - 0.5,
            2f64.powi(51) + 0.5,
            1e300,
        ];
        for value in halves.chain(near).flat_map(|value| [value, -value]) {
            assert_eq!(nearest(value), value.round_ties_even(), "{value}");
        }
    }

    #[test]
    fn many_small_weights_keep_their_sum_and_whole_ones_stay() {
        let weights = std::iter::repeat_n(0.381, 300).chain([127.0]);
        let rounded = balance(weights, 127.0, f64::INFINITY).unwrap().integers;
        assert_eq!(rounded[300], 127.0);
        let ones = rounded[..300].iter().filter(|&&q| q == 1.0).count();
        assert_eq!(rounded[..300].iter().filter(|&&q| q == 0.0).count(), 300 - ones);
        // 114.3 is their sum.
        assert_eq!(ones, 114);
        let whole = [0.0, 3.0, -7.0, 1.0 + 1e-9];
        assert_eq!(balance(whole.into_iter(), 7.0, f64::INFINITY).unwrap().integers, [0.0, 3.0, -7.0, 1.0]);
    }
}
