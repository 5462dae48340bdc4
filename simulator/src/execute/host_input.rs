//! What the host computes before a pass: constant inputs through float stages into integer biases.
//!
//! Plain f64 in a fixed order, without fused multiply-add, so the same on every machine.

use rayon::prelude::*;
use snnc_compiler::ir::spiking::{HostInput, Model};

/// Biases that are worth a task.
const SHARE: usize = 1 << 10;

/// Biases of a host-fed population, `[c, h, w]` row-major in its own order, and how many were clipped to the bias format.
pub fn biases(model: &Model, host: &HostInput, input: &[f64]) -> (Vec<i32>, u64) {
    let current = host.current(input);
    let positions = model.populations[host.population].shape.positions();
    let encode = |(i, value): (usize, &f64)| model.neuron.encode_bias(value * host.scale[i / positions]);
    let encoded = current.par_iter().enumerate().with_min_len(SHARE).map(encode);
    let (mut biases, clipped): (Vec<i32>, Vec<bool>) = encoded.unzip();
    let clipped = clipped.into_iter().map(u64::from).sum();
    let population = &model.populations[host.population];
    if population.order.is_some() {
        biases = (0..biases.len()).map(|neuron| biases[population.outside(neuron)]).collect();
    }
    (biases, clipped)
}
