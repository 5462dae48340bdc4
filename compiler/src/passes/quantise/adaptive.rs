//! Rounding that keeps a layer's recorded input currents rather than its weights.
//!
//! Each weight may round up or down. For output channel o the choice minimises
//! `mean over samples of (sum_i a_i e_i + b)^2 + ridge sum_i e_i^2`, with `a` the recorded activity, `e` the rounding
//! errors and `b` a correction of the constant current, which is fine-grained and free. Coordinate descent from the
//! nearest integers, in row order: every step lowers the cost, nothing is random, and channels are independent.
//! (The objective is that of Nagel et al. 2020, "Up or down?"; the error of the spikes that arrive is not in it.)

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use rayon::prelude::*;

use super::design::{ActiveSample, Design};

/// Channels that are rounded together; their residuals lie side by side.
const LANES: usize = 16;
/// Visits of every weight.
const SWEEPS: usize = 4;
/// Weight of the plain rounding error, in parts of the mean activity of a row.
const RIDGE: f32 = 0.5;

/// Integers and bias corrections of a layer.
pub struct Rounded {
    /// As the weights that were given.
    pub weights: Vec<i16>,
    /// To add to the constant current, in weight units, one a channel.
    pub correction: Vec<f64>,
}

/// Rounds `weights` (`[row, output]` in weight units) to integers of at most `most`.
pub fn round(design: &Design, weights: &[f64], outputs: usize, most: f64) -> Rounded {
    let firsts: Vec<usize> = (0..outputs).step_by(LANES).collect();
    let blocks: Vec<ChannelBlock> = firsts
        .par_iter()
        .map(|&first| {
            let mut block =
                ChannelBlock::new(design, weights, first..outputs.min(first + LANES), outputs, most);
            block.descend(design);
            block
        })
        .collect();
    let mut rounded = Rounded { weights: vec![0; weights.len()], correction: vec![0.0; outputs] };
    for (block, &first) in blocks.iter().zip(&firsts) {
        let lanes = LANES.min(outputs - first);
        for (row, integers) in block.integers.iter().enumerate() {
            let at = row * outputs + first;
            for (weight, &integer) in rounded.weights[at..at + lanes].iter_mut().zip(integers) {
                *weight = integer as i16;
            }
        }
        for (correction, &mean) in rounded.correction[first..first + lanes].iter_mut().zip(&block.mean) {
            *correction = -f64::from(mean);
        }
    }
    rounded
}

/// Rounds the weights of rows that end in some channels alone: `rows` has the channels of each, and the weights are
/// those of the rows one after another. Channels that the same rows end in are rounded together; they know nothing of
/// others.
pub fn round_rows(
    design: &Design,
    weights: &[f64],
    rows: &[Range<usize>],
    outputs: usize,
    most: f64,
) -> Rounded {
    if rows.iter().all(|row| *row == (0..outputs)) {
        return round(design, weights, outputs, most);
    }
    // By channels: the rows that end in them, each with its first weight.
    let mut alike: BTreeMap<(usize, usize), Vec<(usize, usize)>> = BTreeMap::new();
    let (mut at, mut edges) = (0, BTreeSet::new());
    for (row, channels) in rows.iter().enumerate() {
        alike.entry((channels.start, channels.len())).or_default().push((row, at));
        edges.extend([channels.start, channels.end]);
        at += channels.len();
    }
    let edges: Vec<usize> = edges.into_iter().collect();
    let parts: Vec<_> = edges
        .par_windows(2)
        .map(|edge| {
            let ends =
                |&(&(first, len), _): &(&(usize, usize), &Vec<_>)| first <= edge[0] && edge[1] <= first + len;
            let own: Vec<(usize, usize)> = alike
                .iter()
                .filter(ends)
                .flat_map(|(&(first, _), rows)| {
                    rows.iter().map(move |&(row, at)| (row, at + edge[0] - first))
                })
                .collect();
            (edge[0], edge[1] - edge[0], own)
        })
        .collect();
    let mut rounded = Rounded { weights: vec![0; weights.len()], correction: vec![0.0; outputs] };
    for (first, width, own) in parts {
        let block: Vec<f64> =
            own.iter().flat_map(|&(_, at)| weights[at..at + width].iter().copied()).collect();
        let rows = own.iter().map(|&(row, _)| design.rows[row].clone()).collect();
        let part = round(&Design { samples: design.samples, rows }, &block, width, most);
        for (&(_, at), weights) in own.iter().zip(part.weights.chunks_exact(width)) {
            rounded.weights[at..at + width].copy_from_slice(weights);
        }
        rounded.correction[first..first + width].copy_from_slice(&part.correction);
    }
    rounded
}

type LaneValues = [f32; LANES];

/// Some channels of a layer.
struct ChannelBlock {
    /// Integers by row.
    integers: Vec<LaneValues>,
    /// Integer less weight, by row.
    errors: Vec<LaneValues>,
    /// Error of the current less its mean, by sample.
    residuals: Vec<LaneValues>,
    /// Mean error of the current.
    mean: LaneValues,
    most: f32,
}

impl ChannelBlock {
    fn new(design: &Design, weights: &[f64], channels: Range<usize>, outputs: usize, most: f64) -> Self {
        let mut block = Self {
            integers: vec![[0.0; LANES]; design.rows.len()],
            errors: vec![[0.0; LANES]; design.rows.len()],
            residuals: vec![[0.0; LANES]; design.samples],
            mean: [0.0; LANES],
            most: most as f32,
        };
        for (row, entries) in design.rows.iter().enumerate() {
            for (lane, channel) in channels.clone().enumerate() {
                let weight = weights[row * outputs + channel];
                let integer = weight.round_ties_even().clamp(-most, most);
                block.integers[row][lane] = integer as f32;
                block.errors[row][lane] = (integer - weight) as f32;
            }
            let errors = block.errors[row];
            block.add(entries, &errors);
        }
        block.centre();
        block
    }

    fn add(&mut self, entries: &[ActiveSample], change: &LaneValues) {
        for entry in entries {
            let residual = &mut self.residuals[entry.sample as usize];
            residual.iter_mut().zip(change).for_each(|(r, step)| *r += entry.value * step);
        }
    }

    /// Moves the mean of the residuals into the correction.
    fn centre(&mut self) {
        let mut sums = [0f64; LANES];
        for residual in &self.residuals {
            sums.iter_mut().zip(residual).for_each(|(sum, &r)| *sum += f64::from(r));
        }
        let mean = sums.map(|sum| (sum / self.residuals.len().max(1) as f64) as f32);
        for residual in &mut self.residuals {
            residual.iter_mut().zip(mean).for_each(|(r, mean)| *r -= mean);
        }
        self.mean.iter_mut().zip(mean).for_each(|(sum, mean)| *sum += mean);
    }

    fn descend(&mut self, design: &Design) {
        let squares = |row: &Vec<ActiveSample>| row.iter().map(|e| e.value * e.value).sum::<f32>();
        let norms: Vec<f32> = design.rows.iter().map(squares).collect();
        let ridge = RIDGE * norms.iter().sum::<f32>() / norms.len().max(1) as f32;
        for _ in 0..SWEEPS {
            for (row, entries) in design.rows.iter().enumerate() {
                let change = self.change(row, entries, norms[row], ridge);
                if change != [0.0; LANES] {
                    for (lane, step) in change.iter().enumerate() {
                        self.integers[row][lane] += step;
                        self.errors[row][lane] += step;
                    }
                    self.add(entries, &change);
                }
            }
            self.centre();
        }
    }

    /// The step of -1, 0 or 1 of each channel's weight that lowers the cost most.
    fn change(&self, row: usize, entries: &[ActiveSample], norm: f32, ridge: f32) -> LaneValues {
        let mut slope = [0f32; LANES];
        for entry in entries {
            let residual = &self.residuals[entry.sample as usize];
            slope.iter_mut().zip(residual).for_each(|(sum, r)| *sum += entry.value * r);
        }
        let mut change = [0.0; LANES];
        for (lane, change) in change.iter_mut().enumerate() {
            let error = self.errors[row][lane];
            let slope = slope[lane] + ridge * error;
            let step = -slope.signum();
            // cost(step) - cost(0) = 2 step slope + norm + ridge.
            let lower = 2.0 * slope.abs() > norm + ridge;
            let near = (error + step).abs() < 1.0;
            let inside = (self.integers[row][lane] + step).abs() <= self.most;
            if lower && near && inside && norm > 0.0 {
                *change = step;
            }
        }
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every row active in the samples whose number it divides.
    fn design(rows: usize, samples: usize) -> Design {
        let active = |row: usize| (0..samples).filter(move |s| s % (row + 1) == 0);
        let entries = |row| active(row).map(|s| ActiveSample { sample: s as u32, value: 1.0 }).collect();
        Design { samples, rows: (0..rows).map(entries).collect() }
    }

    /// Mean squared error of the current less its mean, and that mean.
    fn error(design: &Design, weights: &[f64], integers: &[i16]) -> (f64, f64) {
        let mut residuals = vec![0.0; design.samples];
        for (row, entries) in design.rows.iter().enumerate() {
            for entry in entries {
                residuals[entry.sample as usize] += f64::from(integers[row]) - weights[row];
            }
        }
        let n = design.samples as f64;
        let mean = residuals.iter().sum::<f64>() / n;
        (residuals.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / n, mean)
    }

    #[test]
    fn currents_are_kept_better_than_by_the_nearest_integers() {
        let design = design(24, 240);
        let weights: Vec<f64> = (0..24).map(|i| f64::from(i * 7 % 24) / 5.0 - 2.3).collect();
        let nearest: Vec<i16> = weights.iter().map(|w| w.round_ties_even() as i16).collect();
        let rounded = round(&design, &weights, 1, 7.0);
        let (plain, (adaptive, mean)) =
            (error(&design, &weights, &nearest).0, error(&design, &weights, &rounded.weights));
        assert!(adaptive < 0.8 * plain, "{adaptive} {plain}");
        assert!((rounded.correction[0] + mean).abs() < 1e-4, "{} {mean}", rounded.correction[0]);
        for (weight, &integer) in weights.iter().zip(&rounded.weights) {
            assert!((weight - f64::from(integer)).abs() < 1.0);
        }
    }

    #[test]
    fn rows_of_some_channels_are_rounded_as_if_they_were_alone() {
        // Rows 0 to 2 end in channel 0, 3 and 4 in channels 1 and 2.
        let design = design(5, 60);
        let rows = [0..1, 0..1, 0..1, 1..3, 1..3];
        let weights = [0.4, 1.3, -2.45, 0.5, -0.2, 1.7, 3.3];
        let all = round_rows(&design, &weights, &rows, 3, 7.0);
        let part = |range: Range<usize>| Design { samples: 60, rows: design.rows[range].to_vec() };
        let (first, second) =
            (round(&part(0..3), &weights[..3], 1, 7.0), round(&part(3..5), &weights[3..], 2, 7.0));
        assert_eq!(all.weights, [first.weights, second.weights].concat());
        assert_eq!(all.correction, [first.correction, second.correction].concat());
    }

    #[test]
    fn rows_without_activity_go_to_the_nearest_and_none_beyond_the_width() {
        let mut design = design(2, 12);
        design.rows[1].clear();
        let rounded = round(&design, &[9.4, 0.6, 0.2, -0.6], 2, 7.0);
        assert_eq!((rounded.weights[0], &rounded.weights[2..]), (7, &[0, -1][..]));
    }
}
