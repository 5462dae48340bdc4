//! What the host computes before a pass: constant inputs through float stages into integer biases.
//!
//! Plain f64 in a fixed order, without fused multiply-add, so the same on every machine.

use snnc_compiler::ir::spiking::{HostInput, HostStage, Model};
use snnc_compiler::ir::{ConvMap, Shape};

/// Biases of a host-fed population, `[c, h, w]` row-major, and how many were clipped to the bias format.
pub fn biases(model: &Model, host: &HostInput, input: &[f64]) -> (Vec<i32>, u64) {
    let current = current(host, input);
    let positions = model.populations[host.population].shape.positions();
    let mut clipped = 0;
    let encode = |(i, value): (usize, &f64)| {
        let (bias, clip) = model.neuron.encode_bias(value * host.scale[i / positions]);
        clipped += u64::from(clip);
        bias
    };
    let biases = current.iter().enumerate().map(encode).collect();
    (biases, clipped)
}

/// The current that the stages make of an input, `[c, h, w]` row-major.
pub fn current(host: &HostInput, input: &[f64]) -> Vec<f64> {
    let mut shape = host.input;
    let mut map = input.to_vec();
    for stage in &host.stages {
        (shape, map) = match stage {
            HostStage::Embedding { width, table, rows } => embed(shape, &map, *rows, *width, table),
            HostStage::Conv { map: geometry, inputs, outputs, weights, bias } => {
                convolve(&map, geometry, *inputs, *outputs, weights, bias)
            }
        };
    }
    map
}

/// Row lookup; ids beyond the table take its last row (the generation loop feeds none).
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
    input: &[f64],
    geometry: &ConvMap,
    inputs: usize,
    outputs: usize,
    weights: &[f64],
    bias: &[f64],
) -> (Shape, Vec<f64>) {
    let (rows, cols) = (&geometry.rows, &geometry.cols);
    let from = Shape::new(inputs, rows.input, cols.input);
    let to = Shape::new(outputs, rows.output, cols.output);
    let mut map: Vec<f64> = (0..to.len()).map(|i| bias[i / to.positions()]).collect();
    for c in 0..inputs {
        for y in 0..rows.input {
            for x in 0..cols.input {
                let value = input[from.at(c, y, x)];
                for (ty, ky) in rows.reach(y, 0..rows.output) {
                    for (tx, kx) in cols.reach(x, 0..cols.output) {
                        let row = ((c * rows.kernel + ky) * cols.kernel + kx) * outputs;
                        for (o, weight) in weights[row..row + outputs].iter().enumerate() {
                            map[to.at(o, ty, tx)] += value * weight;
                        }
                    }
                }
            }
        }
    }
    (to, map)
}
