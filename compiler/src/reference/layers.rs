//! All layers but the convolutions: one small function each, written as the formula is.
//!
//! Shapes were checked by shape inference; an index out of range here is a broken invariant of it.

use super::{Map, Signal};
use crate::graph::Synapses;
use crate::ir::Shape;
use crate::weights::Tensor;

/// `[1, h, w]` of row numbers to `[width, h, w]`; says which number is not a row.
pub(super) fn embedding(table: &Tensor, input: &Map) -> Result<Map, String> {
    let [rows, width] = sides(table);
    let shape = Shape { channels: width, ..input.shape() };
    let mut output = Map::filled(shape, 0.0);
    for (position, &row) in input.data.iter().enumerate() {
        if !(row >= 0.0 && row < rows as f64 && row.fract() == 0.0) {
            return Err(format!("row {row} is asked for, a row number from 0 to {} expected", rows - 1));
        }
        for c in 0..width {
            output.data[c * shape.positions() + position] = table.data[row as usize * width + c];
        }
    }
    Ok(output)
}

/// Batch norm in evaluation mode; tensors `[channels]`.
pub(super) struct BatchNorm<'a> {
    pub scale: &'a Tensor,
    pub shift: &'a Tensor,
    pub mean: &'a Tensor,
    pub variance: &'a Tensor,
    pub epsilon: f64,
}

impl BatchNorm<'_> {
    /// `(x - mean) / sqrt(variance + epsilon) * scale + shift`.
    pub(super) fn apply(&self, input: &Map) -> Map {
        let mut output = input.clone();
        for c in 0..input.shape().channels {
            let deviation = (self.variance.data[c] + self.epsilon).sqrt();
            for x in output.channel_mut(c) {
                *x = (*x - self.mean.data[c]) / deviation * self.scale.data[c] + self.shift.data[c];
            }
        }
        output
    }
}

/// Leaky integrate and fire.
pub(super) struct Lif {
    pub tau: f64,
    pub threshold: f64,
    pub reset: f64,
}

impl Lif {
    /// Spikes (0 or 1) of every timestep.
    pub(super) fn run(&self, input: &Signal, timesteps: usize) -> Vec<Map> {
        let charge = |v: &mut f64, x: f64| *v += (x - (*v - self.reset)) / self.tau;
        fire(input, timesteps, (self.threshold, self.reset), charge)
    }
}

/// Spikes (0 or 1) of every timestep: `v += x`; fires when `v >= threshold`; then `v = 0`.
pub(super) fn integrate_and_fire(threshold: f64, input: &Signal, timesteps: usize) -> Vec<Map> {
    fire(input, timesteps, (threshold, 0.0), |v, x| *v += x)
}

/// `charge` a membrane; fires when `v >= threshold`; then `v = reset`.
fn fire(
    input: &Signal,
    timesteps: usize,
    (threshold, reset): (f64, f64),
    charge: impl Fn(&mut f64, f64),
) -> Vec<Map> {
    let mut membrane = Map::filled(input.at(0).shape(), reset);
    let step = |t| {
        let input = input.at(t);
        let mut spikes = Map::filled(input.shape(), 0.0);
        for ((v, x), spike) in membrane.data.iter_mut().zip(&input.data).zip(&mut spikes.data) {
            charge(v, *x);
            if *v >= threshold {
                *spike = 1.0;
                *v = reset;
            }
        }
        spikes
    };
    (0..timesteps).map(step).collect()
}

/// Each output is the sum over the row-major elements of the map, then the bias; weight `[out, in]`.
pub(super) fn linear(weight: &Tensor, bias: Option<&Tensor>, input: &Map) -> Map {
    let [outputs, inputs] = sides(weight);
    let mut output = Map::filled(Shape::new(outputs, 1, 1), 0.0);
    for (o, sum) in output.data.iter_mut().enumerate() {
        let row = &weight.data[o * inputs..(o + 1) * inputs];
        *sum = row.iter().zip(&input.data).map(|(w, x)| w * x).sum::<f64>();
        *sum += bias.map_or(0.0, |bias| bias.data[o]);
    }
    output
}

/// Synapse by synapse in the order of the list, then the bias.
pub(super) fn sparse(synapses: &Synapses, input: &Map) -> Map {
    let mut output = Map::filled(Shape::new(1, 1, synapses.outputs), 0.0);
    for ((&source, &target), weight) in synapses.sources.iter().zip(&synapses.targets).zip(&synapses.weights)
    {
        output.data[target as usize] += input.data[source as usize] * weight;
    }
    if let Some(bias) = &synapses.bias {
        output.data.iter_mut().zip(&bias.data).for_each(|(v, b)| *v += b);
    }
    output
}

/// Joins along the channels, in port order.
pub(super) fn concat(inputs: &[&Signal], timesteps: usize) -> Signal {
    let join = |t: usize| {
        let maps = || inputs.iter().map(|signal| signal.at(t));
        let channels = maps().map(|map| map.shape().channels).sum();
        let data = maps().flat_map(|map| map.data.iter().copied()).collect();
        Map::new(Shape { channels, ..inputs[0].at(t).shape() }, data)
    };
    if inputs.iter().any(|signal| matches!(signal, Signal::Series(_))) {
        Signal::Series((0..timesteps).map(join).collect())
    } else if matches!(inputs[0], Signal::Final(_)) {
        Signal::Final(join(0))
    } else {
        Signal::Constant(join(0))
    }
}

/// `sum_t x[t] / T`.
pub(super) fn mean_over_time(steps: &[Map]) -> Map {
    let mut mean = weighted_sum(&vec![1.0; steps.len()], steps);
    mean.data.iter_mut().for_each(|v| *v /= steps.len() as f64);
    mean
}

/// `sum_t coefficients[t] * x[t]`, oldest first.
pub(super) fn weighted_sum(coefficients: &[f64], steps: &[Map]) -> Map {
    let mut sum = Map::filled(steps[0].shape(), 0.0);
    for (coefficient, step) in coefficients.iter().zip(steps) {
        for (v, x) in sum.data.iter_mut().zip(&step.data) {
            *v += coefficient * x;
        }
    }
    sum
}

/// `(1 - alpha) * first + alpha * second`.
pub(super) fn mix(alpha: f64, first: &Map, second: &Map) -> Map {
    let pairs = first.data.iter().zip(&second.data);
    Map::new(first.shape(), pairs.map(|(a, b)| (1.0 - alpha) * a + alpha * b).collect())
}

/// `[width, h, w]` to `[1, h, w]`: row number of the nearest table row (squared L2, first on ties).
pub(super) fn nearest_code(table: &Tensor, input: &Map) -> Map {
    let [rows, width] = sides(table);
    let shape = input.shape();
    let distance = |row: usize, position: usize| -> f64 {
        (0..width).map(|c| (input.channel(c)[position] - table.data[row * width + c]).powi(2)).sum()
    };
    let nearest = |position: usize| {
        let all = (0..rows).map(|row| (row, distance(row, position)));
        all.fold((0, f64::INFINITY), |best, next| if next.1 < best.1 { next } else { best }).0
    };
    let data = (0..shape.positions()).map(|position| nearest(position) as f64).collect();
    Map::new(Shape { channels: 1, ..shape }, data)
}

/// `[rows, width]`.
fn sides(table: &Tensor) -> [usize; 2] {
    [table.shape[0], table.shape[1]]
}
