//! The authors' architecture over the sizes that were read: three networks as lists of layers.
//!
//! A spiking layer bears the short name that reports and traces use (`conv1`, `asg`, `dec1`, `enc1`); its convolution
//! and batch norm are `conv1.conv` and `conv1.norm`. LIF constants are SpikingJelly's defaults: tau 2, threshold 1,
//! reset 0; batch norm epsilon is PyTorch's 1e-5.

use super::checkpoint::Checkpoint;
use super::sizes::{ConvSize, Sizes};
use crate::frontend::model::{LayerSpec, OpSpec, TrainedNetworkSpec};
use crate::layers::{
    BatchNormSpec, Concat, Conv2dSpec, ConvTranspose2dSpec, EmbeddingSpec, InputSpec, Lif, MeanOverTime,
    MixSpec, NearestCodeSpec, SourceSpec, WeightedSumSpec,
};

const TAU: f64 = 2.0;
const THRESHOLD: f64 = 1.0;
const RESET: f64 = 0.0;
const EPSILON: f64 = 1e-5;
/// Strides of the encoder's convolutions, and of the decoder's transposed ones.
const STRIDES: [usize; 3] = [2, 2, 1];

/// `[2, h, w]` (tokens, t) to logits `[codes, h, w]`; the last convolution also reads the spikes of `conv1`.
pub(super) fn denoiser(sdid: &Checkpoint, sizes: &Sizes, latent: usize) -> TrainedNetworkSpec {
    let mut layers = Layers::new(sdid, "input", (2, latent, latent));
    let count = sizes.denoiser.len();
    for (l, conv) in (1..count).zip(&sizes.denoiser) {
        layers.spiking(&format!("conv{l}"), conv, convolution(sdid, conv, 1));
    }
    layers.join("skip", &[&format!("conv{}", count - 1), "conv1"], Concat);
    if let Some(last) = sizes.denoiser.last() {
        layers.add(&format!("conv{count}"), convolution(sdid, last, 1));
    }
    layers.add("logits", MeanOverTime);
    layers.network(sizes.timesteps)
}

/// Tokens `[1, h, w]` to the membrane `[planes, 4 h, 4 w]`.
pub(super) fn decoder(vq: &Checkpoint, sizes: &Sizes, latent: usize) -> TrainedNetworkSpec {
    let mut layers = Layers::new(vq, "tokens", (1, latent, latent));
    layers.add("codes", EmbeddingSpec { table: vq.reference("vq_layer.embeddings.weight") });
    layers.spiking("asg", &sizes.generator, convolution(vq, &sizes.generator, 1));
    let count = sizes.decoder.len();
    for (l, (conv, stride)) in (1..).zip(sizes.decoder.iter().zip(STRIDES)) {
        let name = format!("dec{l}");
        if l < count {
            layers.spiking(&name, conv, transposed(vq, conv, stride));
        } else {
            layers.add(&name, transposed(vq, conv, stride));
        }
    }
    layers.add("membrane", WeightedSumSpec { coefficients: vq.reference("memout.coef") });
    layers.network(sizes.timesteps)
}

/// Pixels `[planes, H, W]` to tokens `[1, H / 4, W / 4]`.
pub(super) fn encoder(vq: &Checkpoint, sizes: &Sizes, image_size: usize) -> TrainedNetworkSpec {
    let mut layers = Layers::new(vq, "pixels", (sizes.planes, image_size, image_size));
    for (l, (conv, stride)) in (1..).zip(sizes.encoder.iter().zip(STRIDES)) {
        layers.spiking(&format!("enc{l}"), conv, convolution(vq, conv, stride));
    }
    let spikes = format!("enc{}", sizes.encoder.len());
    let psp = WeightedSumSpec { coefficients: vq.reference("vq_layer.memout.coef") };
    layers.join("psp", &[&spikes], psp);
    layers.join("rate", &[&spikes], MeanOverTime);
    layers.join("feature", &["psp", "rate"], MixSpec { alpha: vq.reference("vq_layer.alpha") });
    layers.add("token", NearestCodeSpec { table: vq.reference("vq_layer.embeddings.weight") });
    layers.network(sizes.timesteps)
}

/// A convolution whose padding keeps the map's size, but for the stride.
fn convolution(checkpoint: &Checkpoint, conv: &ConvSize, stride: usize) -> OpSpec {
    OpSpec::from(Conv2dSpec {
        weight: checkpoint.reference(format!("{}.weight", conv.module)),
        bias: checkpoint.optional(&format!("{}.bias", conv.module)),
        stride: (stride, stride),
        padding: padding(conv).into(),
        dilation: (1, 1),
        output_padding: (0, 0),
        groups: 1,
    })
}

/// A transposed convolution that makes the map exactly `stride` times as large.
fn transposed(checkpoint: &Checkpoint, conv: &ConvSize, stride: usize) -> OpSpec {
    OpSpec::from(ConvTranspose2dSpec {
        weight: checkpoint.reference(format!("{}.weight", conv.module)),
        bias: checkpoint.optional(&format!("{}.bias", conv.module)),
        stride: (stride, stride),
        padding: padding(conv).into(),
        dilation: (1, 1),
        output_padding: (stride - 1, stride - 1),
        groups: 1,
    })
}

fn padding(conv: &ConvSize) -> (usize, usize) {
    (conv.kernel.0 / 2, conv.kernel.1 / 2)
}

/// A list of layers in the making.
struct Layers<'a> {
    checkpoint: &'a Checkpoint,
    layers: Vec<LayerSpec>,
    /// The layer that the next one reads.
    last: String,
}

impl<'a> Layers<'a> {
    fn new(checkpoint: &'a Checkpoint, input: &str, shape: (usize, usize, usize)) -> Self {
        let mut layers = Self { checkpoint, layers: Vec::new(), last: String::new() };
        layers.join(input, &[], InputSpec { shape, spikes: false, source: SourceSpec::Given });
        layers
    }

    /// Appends a layer that reads the given ones.
    fn join(&mut self, name: &str, from: &[&str], op: impl Into<OpSpec>) {
        let from = from.iter().map(|&from| from.to_owned()).collect();
        self.layers.push(LayerSpec { name: name.to_owned(), from, op: op.into() });
        self.last = name.to_owned();
    }

    /// Appends a layer that reads the last one.
    fn add(&mut self, name: &str, op: impl Into<OpSpec>) {
        let last = std::mem::take(&mut self.last);
        self.join(name, &[&last], op);
    }

    /// Appends a convolution, its batch norm (the module after it) and a LIF layer.
    fn spiking(&mut self, name: &str, conv: &ConvSize, op: OpSpec) {
        self.add(&format!("{name}.conv"), op);
        let norm = next_module(&conv.module);
        let tensor = |field: &str| self.checkpoint.reference(format!("{norm}.{field}"));
        let norm = BatchNormSpec {
            scale: Some(tensor("weight")),
            shift: Some(tensor("bias")),
            mean: tensor("running_mean"),
            variance: tensor("running_var"),
            epsilon: EPSILON,
        };
        self.add(&format!("{name}.norm"), norm);
        self.add(name, Lif::new(TAU, THRESHOLD, RESET));
    }

    fn network(self, timesteps: usize) -> TrainedNetworkSpec {
        TrainedNetworkSpec { timesteps, layers: self.layers }
    }
}

/// `conv1.0` to `conv1.1`: the module that follows in its sequence.
fn next_module(module: &str) -> String {
    match module.rsplit_once('.').and_then(|(parent, index)| Some((parent, index.parse::<usize>().ok()?))) {
        Some((parent, index)) => format!("{parent}.{}", index + 1),
        None => module.to_owned(),
    }
}
