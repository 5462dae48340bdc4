//! What rounding made of each layer: bits in use, exponents, thresholds. Read from the integers alone.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::ir::PopulationId;
use crate::ir::spiking::{Bias, Connectivity, Population, SpikingIr, Ties};

/// One layer in integers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerQuantisation {
    /// `network.layer`.
    pub name: String,
    /// Bits, sign included, that hold a channel's largest weight: the least over its channels. Null without weights.
    pub weight_bits_min: Option<u32>,
    /// The mean over its channels: below the width where channels share a threshold.
    pub weight_bits_mean: Option<f64>,
    /// Left shift of summed weights less the target's usual one: 0 or negative.
    pub weight_exponent: i32,
    /// Smallest and largest threshold mantissa; null for a read-out.
    pub thresholds: Option<(u32, u32)>,
    /// Distinct thresholds.
    pub threshold_profiles: usize,
    /// Largest exponent of a constant input; null without one, or if the host writes it.
    pub bias_exponent_max: Option<u32>,
    /// How membranes exactly at the threshold are handled; null for a read-out.
    pub ties: Option<Ties>,
    /// Trained weights other than 0.
    pub weights: u64,
    /// How many of them became 0.
    pub zeroed: u64,
}

/// Every layer, in order.
pub fn summary(ir: &SpikingIr) -> Vec<LayerQuantisation> {
    let on_cores = ir.model.populations.iter().filter(|(_, population)| !population.dynamics.is_port());
    on_cores.map(|(id, population)| layer(ir, id, population)).collect()
}

fn layer(ir: &SpikingIr, id: PopulationId, population: &Population) -> LayerQuantisation {
    let format = &ir.model.neuron;
    let bits: Vec<u32> = largest_weights(ir, id, population).into_iter().map(bits).collect();
    let mantissas = population.dynamics.thresholds();
    let ends = mantissas.iter().min().zip(mantissas.iter().max());
    let least_exponent = |&value: &i32| {
        let mantissa_max = (1 << (format.bias_mantissa_bits - 1)) - 1;
        (0..=format.bias_exponent_max).find(|e| value.unsigned_abs() >> e <= mantissa_max).unwrap_or(0)
    };
    let bias_exponent_max = match &population.bias {
        Bias::Channel(values) | Bias::Neuron(values) => values.iter().map(least_exponent).max(),
        Bias::Zero | Bias::Host => None,
    };
    LayerQuantisation {
        name: ir.model.layer_name(id),
        weight_bits_min: bits.iter().min().copied(),
        weight_bits_mean: (!bits.is_empty())
            .then(|| bits.iter().map(|&b| f64::from(b)).sum::<f64>() / bits.len() as f64),
        weight_exponent: population.input_shift as i32 - format.weight_shift as i32,
        thresholds: ends.map(|(&least, &most)| (least, most)),
        threshold_profiles: mantissas.iter().collect::<BTreeSet<_>>().len(),
        bias_exponent_max,
        ties: population.rounding.ties,
        weights: population.rounding.weights,
        zeroed: population.rounding.zeroed,
    }
}

/// Largest |weight| into each channel; empty without a projection.
fn largest_weights(ir: &SpikingIr, id: PopulationId, population: &Population) -> Vec<u16> {
    let mut largest = Vec::new();
    for projection in ir.projections.values().filter(|projection| projection.target == id) {
        largest.resize(population.shape.channels, 0);
        match &projection.connectivity {
            Connectivity::Conv(conv) => {
                let (k, taps) = (&conv.kernel, conv.kernel.height * conv.kernel.width);
                for (i, row) in k.weights.chunks_exact(k.channels.outputs).enumerate() {
                    let targets = k.channels.targets_of(k.channels.first_input + i / taps);
                    let pairs = largest[targets].iter_mut().zip(row);
                    pairs.for_each(|(most, weight)| *most = (*most).max(weight.unsigned_abs()));
                }
            }
            Connectivity::Sparse(lists) => {
                let weights = lists.weights.iter().map(|weight| weight.unsigned_abs());
                largest[0] = weights.fold(largest[0], u16::max);
            }
        }
    }
    largest
}

/// Bits of a signed integer of this magnitude.
fn bits(magnitude: u16) -> u32 {
    17 - magnitude.leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_of_a_magnitude_count_the_sign() {
        assert_eq!([0, 1, 3, 4, 127, 128].map(bits), [1, 2, 3, 4, 8, 9]);
    }
}
