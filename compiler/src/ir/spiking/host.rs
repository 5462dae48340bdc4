//! What the host computes in floats: constant inputs on their way to the chip.
//!
//! Plain f64 in a fixed order, without fused multiply-add, so the same on every machine. Shapes were checked by the
//! verifier; an index out of range here is a broken invariant of it.

use super::{HostInput, HostStage, SpikingModel};
use crate::ir::channels::ChannelMap;
use crate::ir::{ConvMap, NetworkId, Shape};

impl HostInput {
    /// The current that the stages make of an input; both `[c, h, w]` row-major.
    pub fn current(&self, input: &[f64]) -> Vec<f64> {
        through(&self.stages, self.input, input)
    }

    /// Least and largest current of each channel for inputs in `ranges`, one a channel of the input.
    pub fn current_bounds(&self, ranges: &[(f64, f64)]) -> Vec<(f64, f64)> {
        bounds(&self.stages, ranges)
    }
}

impl SpikingModel {
    /// Value ranges of a network's `channels` input channels: what the workload feeds, or -1 to 1, as normalised data
    /// is.
    pub fn input_ranges(&self, network: NetworkId, channels: usize) -> Vec<(f64, f64)> {
        let driven = self.workload.iter().flat_map(|workload| workload.networks.values());
        let mut ranges =
            driven.filter(|driven| driven.network == network).map(|driven| driven.ranges.clone());
        ranges.next().unwrap_or_else(|| vec![(-1.0, 1.0); channels])
    }
}

/// Interval arithmetic through the stages, one interval a channel; padding may contribute 0.
pub fn bounds(stages: &[HostStage], ranges: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut bounds = ranges.to_vec();
    for stage in stages {
        bounds = match stage {
            HostStage::Embedding { width, table, .. } => (0..*width)
                .map(|column| {
                    let values = table.iter().skip(column).step_by(*width);
                    values
                        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
                })
                .collect(),
            HostStage::Conv { map, channels, weights, bias, .. } => {
                let taps = map.rows.kernel * map.cols.kernel;
                conv_bounds(&bounds, weights, bias, taps, channels)
            }
        };
    }
    bounds
}

fn conv_bounds(
    inputs: &[(f64, f64)],
    weights: &[f64],
    bias: &[f64],
    taps: usize,
    channels: &ChannelMap,
) -> Vec<(f64, f64)> {
    let mut bounds: Vec<(f64, f64)> = bias.iter().map(|&b| (b, b)).collect();
    for (i, row) in weights.chunks_exact(channels.outputs).enumerate() {
        let input = channels.first_input + i / taps;
        let (low, high) = inputs.get(input).copied().unwrap_or((0.0, 0.0));
        for (bound, &w) in bounds[channels.targets_of(input)].iter_mut().zip(row) {
            bound.0 += (w * low).min(w * high).min(0.0);
            bound.1 += (w * low).max(w * high).max(0.0);
        }
    }
    bounds
}

/// Sends a map `[c, h, w]` of shape `shape` through the stages in order.
pub fn through(stages: &[HostStage], mut shape: Shape, input: &[f64]) -> Vec<f64> {
    let mut map = input.to_vec();
    for stage in stages {
        (shape, map) = match stage {
            HostStage::Embedding { width, table, rows } => embed(shape, &map, *rows, *width, table),
            HostStage::Conv { map: geometry, channels, outputs, weights, bias } => {
                convolve(shape, &map, geometry, channels, *outputs, weights, bias)
            }
        };
    }
    map
}

/// Adds a value times each weight to the sums: whole vectors first, as most numbers of channels are made of them.
#[inline]
fn add_products(sums: &mut [f64], value: f64, weights: &[f64]) {
    let (sums, rest) = sums.as_chunks_mut::<4>();
    let (weights, last) = weights.as_chunks::<4>();
    for (sums, weights) in sums.iter_mut().zip(weights) {
        (0..4).for_each(|i| sums[i] += value * weights[i]);
    }
    rest.iter_mut().zip(last).for_each(|(sum, weight)| *sum += value * weight);
}

/// Row lookup; ids beyond the table take its last row.
fn embed(shape: Shape, ids: &[f64], rows: usize, width: usize, table: &[f64]) -> (Shape, Vec<f64>) {
    let out = Shape::new(width, shape.height, shape.width);
    let mut map = vec![0.0; out.len()];
    for (position, &id) in ids.iter().enumerate() {
        let row = (id.max(0.0) as usize).min(rows - 1);
        for c in 0..width {
            map[c * shape.positions() + position] = table[row * width + c];
        }
    }
    (out, map)
}

fn convolve(
    from: Shape,
    input: &[f64],
    geometry: &ConvMap,
    channels: &ChannelMap,
    outputs: usize,
    weights: &[f64],
    bias: &[f64],
) -> (Shape, Vec<f64>) {
    let (rows, cols) = (&geometry.rows, &geometry.cols);
    let to = Shape::new(outputs, rows.output, cols.output);
    // `[h, w, c]`, so that the inner loop runs along weights and sums alike. A bias of -0 becomes 0, and then no sum is
    // -0, so that adding a product of 0 changes none.
    let bias: Vec<f64> = bias.iter().map(|bias| bias + 0.0).collect();
    let mut sums = bias.repeat(to.positions());
    let down: Vec<_> = (0..rows.input).map(|y| rows.reach(y, 0..rows.output)).collect();
    let along: Vec<_> = (0..cols.input).map(|x| cols.reach(x, 0..cols.output)).collect();
    for (own, c) in channels.sources().enumerate() {
        let to_channels = channels.targets_of(c);
        for (y, down) in down.iter().enumerate() {
            for (x, along) in along.iter().enumerate() {
                let value = input[from.at(c, y, x)];
                if value == 0.0 {
                    continue;
                }
                for &(ty, ky) in down {
                    for &(tx, kx) in along {
                        let row = ((own * rows.kernel + ky) * cols.kernel + kx) * channels.outputs;
                        let weights = &weights[row..row + channels.outputs];
                        let sums = &mut sums[to.at(0, ty, tx) * outputs..][to_channels.clone()];
                        add_products(sums, value, weights);
                    }
                }
            }
        }
    }
    let mut map = vec![0.0; to.len()];
    for (position, sums) in sums.chunks_exact(outputs.max(1)).enumerate() {
        sums.iter().enumerate().for_each(|(o, &sum)| map[o * to.positions() + position] = sum);
    }
    (to, map)
}
