//! What the host computes in floats: constant inputs on their way to the chip.
//!
//! Plain f64 in a fixed order, without fused multiply-add, so the same on every machine. Shapes were checked by the
//! verifier; an index out of range here is a broken invariant of it.

use super::{HostInput, HostStage};
use crate::ir::{ConvMap, Shape};

impl HostInput {
    /// The current that the stages make of an input; both `[c, h, w]` row-major.
    pub fn current(&self, input: &[f64]) -> Vec<f64> {
        through(&self.stages, self.input, input)
    }
}

/// Sends a map `[c, h, w]` of shape `shape` through the stages in order.
pub fn through(stages: &[HostStage], mut shape: Shape, input: &[f64]) -> Vec<f64> {
    let mut map = input.to_vec();
    for stage in stages {
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
