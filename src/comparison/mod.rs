//! Chip against float reference, layer by layer, under common random numbers.
//!
//! Teacher-forced: both sides get the float trajectory's tokens in every iteration, so differences do not pile up. The
//! free-running chip is reported beside it. [`layerwise`] goes one step further: each layer alone gets the float spikes
//! of the layers before it, which says where a difference is made rather than where it is seen, and by what. Measures
//! only; nothing here changes either side. Images, the layers of a check and the timesteps of a float layer are
//! independent and merged in order, so threads cannot change a figure.

mod layer_sums;
pub mod layerwise;
mod metrics;
pub mod pictures;
mod run;
mod samples;
mod sides;
mod statistics;
mod sums;
mod text;

use serde::Serialize;
use snnc_compiler::ir::spiking::HostWork;

pub use layerwise::LayerCheck;
pub use metrics::pixel_mse;
pub use run::{ComparisonOptions, compare, compare_shard};
pub use samples::{
    PredictionComparison, ReadoutComparison, SampleComparison, SampleSums, compare_samples,
    compare_samples_shard,
};
pub use statistics::Estimate;
pub use sums::GenerationSums;

use crate::report::data::Overflows;
use crate::warnings::Warning;

/// The comparison of a model on a target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Name of the model.
    pub model: String,
    /// Name of the target.
    pub target: String,
    /// Bits of a weight.
    pub weight_bits: u32,
    /// Denoiser passes recorded for the rounding; 0 for plain rounding.
    pub calibration_passes: u64,
    /// Images compared.
    pub images: u64,
    /// Seed of the common random numbers.
    pub seed: u64,
    /// Spiking layers, in order.
    pub layers: Vec<LayerComparison>,
    /// Each layer alone, in order.
    pub layerwise: Vec<LayerCheck>,
    /// The first layer that departs, and why; absent if all agree.
    pub departure: Option<String>,
    /// The denoiser's read-out.
    pub logits: LogitComparison,
    /// Drawn tokens.
    pub tokens: TokenComparison,
    /// Decoded images.
    pub pixels: PixelComparison,
    /// All of [`Comparison::saturation`].
    pub overflows: u64,
    /// Values that left their width on the chip, teacher-forced passes.
    pub saturation: Overflows,
    /// What may go wrong on other inputs.
    pub warnings: Vec<Warning>,
    /// What the host computes in floats on both sides, in a pass of each network.
    pub host: Vec<HostWork>,
    /// Float, chip on the float's tokens and chip running freely, side by side, one an image.
    #[serde(skip)]
    pub pictures: Vec<(snnc_compiler::ir::Shape, Vec<u8>)>,
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
    /// Share of pairs with the same answer when each side follows its own answers; absent where they are not fed back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub free_running_agreement: Option<f64>,
    /// Spikes per neuron and timestep, float.
    pub rate_float: f64,
    /// Spikes per neuron and timestep, chip.
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
    /// Mean KL divergence of each image.
    pub kl_per_image: Estimate,
    /// Mean KL divergence over the positions drawn.
    pub kl_drawn: f64,
}

/// Tokens drawn from the same uniform numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokenComparison {
    /// Share of equal tokens over the positions drawn, teacher-forced.
    pub agreement: f64,
    /// Share of equal tokens of each image.
    pub agreement_per_image: Estimate,
    /// Positions drawn.
    pub drawn: u64,
    /// Share of equal tokens by iteration (t from large to 1); null where none was drawn.
    pub by_iteration: Vec<Option<f64>>,
    /// Share of equal final tokens when the chip runs freely.
    pub free_running_agreement: f64,
}

/// Pixels in 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PixelComparison {
    /// Mean squared difference, decoder on the same tokens.
    pub mse: f64,
    /// Mean squared difference of each image.
    pub mse_per_image: Estimate,
    /// Peak signal-to-noise ratio of `mse`, dB; null for equal images.
    pub psnr_db: Option<f64>,
    /// Structural similarity on the same tokens.
    pub ssim: f64,
    /// Mean squared difference for the freely running chip.
    pub free_running_mse: f64,
    /// Structural similarity for the freely running chip.
    pub free_running_ssim: f64,
}
