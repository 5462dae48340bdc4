//! What the host computes before a pass: constant inputs through float stages into integer biases.
//!
//! Plain f64 in a fixed order, without fused multiply-add, so the same on every machine.

use snnc_compiler::ir::spiking::{HostInput, Model};

/// Biases of a host-fed population, `[c, h, w]` row-major in its own order, and how many were clipped to the bias format.
pub fn biases(model: &Model, host: &HostInput, input: &[f64]) -> (Vec<i32>, u64) {
    let current = host.current(input);
    let positions = model.populations[host.population].shape.positions();
    let mut clipped = 0;
    let encode = |(i, value): (usize, &f64)| {
        let (bias, clip) = model.neuron.encode_bias(value * host.scale[i / positions]);
        clipped += u64::from(clip);
        bias
    };
    let mut biases: Vec<i32> = current.iter().enumerate().map(encode).collect();
    let population = &model.populations[host.population];
    if population.order.is_some() {
        biases = (0..biases.len()).map(|neuron| biases[population.outside(neuron)]).collect();
    }
    (biases, clipped)
}
