//! `model.ron` as written: networks as lists of layers, where their tensors are, and the generation pipeline.
//!
//! Plain data. Reading it into layer graphs is [`super::load()`]; writing it for the authors' checkpoints is
//! [`super::import()`].

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// Format string of model files.
pub const FORMAT: &str = "snnc.model/1";

/// A model file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Always [`FORMAT`].
    pub format: String,
    /// Name of the model.
    pub name: String,
    /// Handle -> weight file (`.safetensors` or `.pth`), relative to the model file.
    pub weights: IndexMap<String, String>,
    /// Networks by name.
    pub networks: IndexMap<String, NetworkSpec>,
    /// The generation loop, if the model generates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<PipelineSpec>,
}

/// A tensor: (handle of the weight file, name in it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorRef(pub String, pub String);

/// One network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkSpec {
    /// Timesteps of a pass.
    pub timesteps: usize,
    /// Layers, inputs before their readers.
    pub layers: Vec<LayerSpec>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerSpec {
    /// Unique within the network. Spiking layers bear the names that reports and traces use.
    pub name: String,
    /// Names of the input layers, in port order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// The operation.
    pub op: OpSpec,
}

/// Operations; see [`crate::graph::Op`] for what they compute. Pairs are (vertical, horizontal).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "fields as in `graph::Op`")]
pub enum OpSpec {
    /// `shape` is (channels, height, width).
    Input { shape: (usize, usize, usize) },
    /// Table `[rows, width]`.
    Embedding { table: TensorRef },
    /// Weight `[out, in / groups, kh, kw]`.
    Conv2d {
        weight: TensorRef,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bias: Option<TensorRef>,
        #[serde(default = "one", skip_serializing_if = "is_one")]
        stride: (usize, usize),
        #[serde(default, skip_serializing_if = "is_zero")]
        padding: (usize, usize),
        #[serde(default = "one", skip_serializing_if = "is_one")]
        dilation: (usize, usize),
        #[serde(default = "single", skip_serializing_if = "is_single")]
        groups: usize,
    },
    /// Weight `[in, out / groups, kh, kw]`.
    ConvTranspose2d {
        weight: TensorRef,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bias: Option<TensorRef>,
        #[serde(default = "one", skip_serializing_if = "is_one")]
        stride: (usize, usize),
        #[serde(default, skip_serializing_if = "is_zero")]
        padding: (usize, usize),
        #[serde(default = "one", skip_serializing_if = "is_one")]
        dilation: (usize, usize),
        #[serde(default, skip_serializing_if = "is_zero")]
        output_padding: (usize, usize),
        #[serde(default = "single", skip_serializing_if = "is_single")]
        groups: usize,
    },
    /// Weight `[out, in]`, as many inputs as the map has elements.
    Linear {
        weight: TensorRef,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bias: Option<TensorRef>,
    },
    /// Before `Linear`.
    Flatten,
    /// A list of synapses from `[1, 1, n]` to `[1, 1, outputs]`: three vectors of equal length; bias `[outputs]`.
    Sparse {
        sources: TensorRef,
        targets: TensorRef,
        weights: TensorRef,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bias: Option<TensorRef>,
        outputs: usize,
    },
    /// Evaluation mode.
    BatchNorm { scale: TensorRef, shift: TensorRef, mean: TensorRef, variance: TensorRef, epsilon: f64 },
    /// Leaky integrate and fire.
    Lif { tau: f64, threshold: f64, reset: f64 },
    /// Integrate and fire: no leak, reset to 0.
    If { threshold: f64 },
    /// Along the channels.
    Concat,
    /// Read-out.
    MeanOverTime,
    /// Read-out; a tensor with one value a timestep, oldest first.
    WeightedSum { coefficients: TensorRef },
    /// A one-element tensor.
    Mix { alpha: TensorRef },
    /// Table `[rows, width]`.
    NearestCode { table: TensorRef },
}

/// Absorbing-state diffusion over a grid of tokens, then decoding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipelineSpec {
    /// Token grid, (rows, columns).
    pub latent: (usize, usize),
    /// Id of the mask: the number of codes.
    pub mask: usize,
    /// Denoising iterations; t runs from this to 1.
    pub iterations: usize,
    /// Softmax temperature.
    pub temperature: f64,
    /// Network: input `[2, h, w]` (tokens, t), output logits `[codes, h, w]`.
    pub denoiser: String,
    /// Network: input `[1, h, w]` (tokens), output membrane `[c, H, W]`.
    pub decoder: String,
    /// Layer of the decoder that holds the codebook (an `Embedding` with `mask` rows).
    pub codebook: String,
    /// Network: input `[c, H, W]` (pixels / 255 - 0.5), output tokens `[1, h, w]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<String>,
}

fn is_one(pair: &(usize, usize)) -> bool {
    *pair == (1, 1)
}

fn is_zero(pair: &(usize, usize)) -> bool {
    *pair == (0, 0)
}

fn is_single(groups: &usize) -> bool {
    *groups == 1
}

fn one() -> (usize, usize) {
    (1, 1)
}

fn single() -> usize {
    1
}
