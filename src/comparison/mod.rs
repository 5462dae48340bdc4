//! Chip against float reference, layer by layer, under common random numbers.
//!
//! Teacher-forced: both sides get the float trajectory's tokens in every iteration, so differences do not pile up.
//! The free-running chip is reported beside it. Measures only; nothing here changes either side.

mod metrics;
mod run;
mod text;

use serde::Serialize;

pub use run::compare;

/// The comparison of a model on a target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Name of the model.
    pub model: String,
    /// Name of the target.
    pub target: String,
    /// Images compared.
    pub images: u64,
    /// Seed of the common random numbers.
    pub seed: u64,
    /// Spiking layers, in order.
    pub layers: Vec<LayerComparison>,
    /// The denoiser's read-out.
    pub logits: LogitComparison,
    /// Drawn tokens.
    pub tokens: TokenComparison,
    /// Decoded images.
    pub pixels: PixelComparison,
    /// Sums outside the accumulator's width, membranes and biases clipped, on the chip.
    pub overflows: u64,
}

/// Spikes of one layer on both sides.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerComparison {
    /// `network.layer`.
    pub name: String,
    /// Share of (neuron, timestep) pairs with the same answer. Mostly silence: see `spike_overlap`.
    pub spike_agreement: f64,
    /// 2 x spikes in common / (float spikes + chip spikes); 1 if both are silent.
    pub spike_overlap: f64,
    /// Spikes per neuron and timestep, float.
    pub rate_float: f64,
    /// The same on the chip.
    pub rate_chip: f64,
}

/// Logits over the masked positions of all iterations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogitComparison {
    /// Largest difference of a logit.
    pub max_abs_error: f64,
    /// Root mean square difference.
    pub rms_error: f64,
    /// Mean KL divergence of softmax(logits / temperature), float from chip, in nats.
    pub kl: f64,
}

/// Tokens drawn from the same uniform numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokenComparison {
    /// Share of equal tokens over the positions drawn, teacher-forced.
    pub agreement: f64,
    /// Positions drawn.
    pub drawn: u64,
    /// Share of equal final tokens when the chip runs freely.
    pub free_running_agreement: f64,
}

/// Pixels in 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PixelComparison {
    /// Mean squared difference, decoder on the same tokens.
    pub mse: f64,
    /// The same for the freely running chip.
    pub free_running_mse: f64,
}
