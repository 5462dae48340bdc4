//! What the host computes before a pass: constant inputs through float stages into integer biases.
//!
//! Plain f64 in a fixed order, without fused multiply-add, so the same on every machine.

use rayon::prelude::*;
use snnc_compiler::ir::spiking::{HostInput, Model};

/// Biases that are worth a task.
const SHARE: usize = 1 << 11;

/// Biases of a host-fed population, `[c, h, w]` row-major in its own order, and how many were clipped to the bias format.
pub fn biases(model: &Model, host: &HostInput, input: &[f64]) -> (Vec<i32>, u64) {
    let current = host.current(input);
    let population = &model.populations[host.population];
    let positions = population.shape.positions().max(1);
    let mut biases = vec![0; current.len()];
    let encode = |channel: usize, (biases, values): (&mut [i32], &[f64])| {
        let mut clipped = 0;
        for (bias, value) in biases.iter_mut().zip(values) {
            let (encoded, clips) = model.neuron.encode_bias(value * host.scale[channel]);
            *bias = encoded;
            clipped += u64::from(clips);
        }
        clipped
    };
    let channels = biases.par_chunks_mut(positions).zip(current.par_chunks(positions)).enumerate();
    let each = channels.with_min_len(SHARE.div_ceil(positions));
    let clipped = each.map(|(channel, share)| encode(channel, share)).sum();
    if population.order.is_some() {
        biases = (0..biases.len()).map(|neuron| biases[population.outside(neuron)]).collect();
    }
    (biases, clipped)
}
