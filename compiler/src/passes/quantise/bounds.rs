//! Largest magnitudes of a layer's weights and constant currents, one a channel.

use crate::ir::channels::ChannelMap;
use crate::ir::spiking::HostStage;
use crate::passes::collect::{HostPath, NeuronLayer, Wiring};

/// Largest integers from which on clipping is not searched: 8-bit weights.
const FINE: f64 = 127.0;
/// Candidates for the full scale, in parts of the largest weight; the first wins ties.
const CLIPS: [f64; 10] = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.25, 0.2];

/// Largest |weight| into each channel, over all sources.
pub fn largest_weights(layer: &NeuronLayer) -> Vec<f64> {
    let mut largest = vec![0.0f64; layer.shape.channels];
    for source in &layer.sources {
        for (first, row) in source.rows() {
            for (most, weight) in largest[first..].iter_mut().zip(row) {
                *most = most.max(weight.abs());
            }
        }
    }
    largest
}

/// Full scale of each channel's weights: the largest magnitude, or the smaller one that minimises the squared rounding
/// error if larger weights are clipped to it. Integers reach to `most`; fine ones are not worth a search.
pub fn full_scale(layer: &NeuronLayer, most: f64) -> Vec<f64> {
    let largest = largest_weights(layer);
    if most >= FINE {
        return largest;
    }
    let errors = CLIPS.map(|clip| clipping_errors(layer, &largest, clip, most));
    let best = |c: usize| {
        let order = |&a: &usize, &b: &usize| errors[a][c].total_cmp(&errors[b][c]);
        (0..CLIPS.len()).min_by(order).map_or(1.0, |i| CLIPS[i])
    };
    largest.iter().enumerate().map(|(c, most)| most * best(c)).collect()
}

/// Squared rounding error of each channel if its full scale is `clip` x its largest weight.
fn clipping_errors(layer: &NeuronLayer, largest: &[f64], clip: f64, most: f64) -> Vec<f64> {
    let steps: Vec<f64> = largest.iter().map(|l| l * clip / most).collect();
    let mut errors = vec![0.0; largest.len()];
    for source in &layer.sources {
        for (first, row) in source.rows() {
            for ((error, weight), step) in errors[first..].iter_mut().zip(row).zip(&steps[first..]) {
                if *step > 0.0 {
                    *error += (weight - (weight / step).round_ties_even().clamp(-most, most) * step).powi(2);
                }
            }
        }
    }
    errors
}

/// Largest sum of |weight| x scale into a neuron of any channel, if all sources fire at once.
pub fn largest_row_sum(layer: &NeuronLayer, scale: &[f64]) -> f64 {
    let mut sums = vec![0.0f64; layer.shape.channels];
    for source in &layer.sources {
        if let Wiring::Sparse { targets, .. } = &source.wiring {
            let mut each = vec![0.0f64; layer.shape.len()];
            for (&target, weight) in targets.iter().zip(&source.weights) {
                each[target as usize] += weight.abs() * scale[0];
            }
            sums[0] += each.into_iter().fold(0.0, f64::max);
            continue;
        }
        for (first, row) in source.rows() {
            for ((sum, weight), scale) in sums[first..].iter_mut().zip(row).zip(&scale[first..]) {
                *sum += weight.abs() * scale;
            }
        }
    }
    sums.into_iter().fold(0.0, f64::max)
}

/// Largest |constant current| into each channel: the bias, or a bound on what the host may write.
///
/// Without known input ranges the bound is 0 (unknown): what does not fit the bias format is then clipped and counted
/// at run time.
pub fn largest_currents(layer: &NeuronLayer, ranges: Option<&[(f64, f64)]>) -> Vec<f64> {
    match (&layer.host, ranges) {
        (None, _) => {
            let each = layer.bias.chunks(layer.bias.len() / layer.shape.channels);
            each.map(|biases| biases.iter().fold(0.0, |most: f64, b| most.max(b.abs()))).collect()
        }
        (Some(_), None) => vec![0.0; layer.shape.channels],
        (Some(path), Some(ranges)) => {
            host_bounds(path, ranges).into_iter().map(|(low, high)| low.abs().max(high.abs())).collect()
        }
    }
}

/// Interval arithmetic through the host's stages, one interval a channel; padding may contribute 0.
fn host_bounds(path: &HostPath, ranges: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut bounds = ranges.to_vec();
    for stage in &path.stages {
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
