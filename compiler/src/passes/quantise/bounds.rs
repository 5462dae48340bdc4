//! Largest magnitudes of a layer's constant currents, one a channel.

use crate::ir::spiking::host;
use crate::passes::collect::NeuronLayer;

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
            let bounds = host::bounds(&path.stages, ranges);
            bounds.into_iter().map(|(low, high)| low.abs().max(high.abs())).collect()
        }
    }
}
