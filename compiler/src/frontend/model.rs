//! `model.ron` as written: networks as lists of layers, where their tensors are, and the generation pipeline.
//!
//! Plain data. Reading it into layer graphs is [`super::load()`]; writing it for the authors' checkpoints is
//! [`super::import()`].

use std::fmt;

use indexmap::IndexMap;
use serde::de::{EnumAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::variant::{FromVariant, ToVariant};
use crate::graph::Op;
use crate::layers::{
    Add, Arity, AvgPool2d, BatchNormSpec, Concat, Conv1dSpec, Conv2dSpec, ConvTranspose2dSpec, Delay,
    Dropout, EmbeddingSpec, FirstSpike, Flatten, If, InputSpec, LastOverTimeSpec, LayerKind,
    LeakyIntegratorSpec, LeakySpec, LeakySumSpec, Lif, LinearSpec, MaxPool2d, MeanOverTime, MixSpec,
    NearestCodeSpec, NeuronSpec, Reshape, Resolver, ScaleSpec, SparseSpec, Spec, SumOverTime, SumPool2d,
    Upsample, WeightedSumSpec,
};

pub use crate::layers::TensorRef;

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
    pub networks: IndexMap<String, TrainedNetworkSpec>,
    /// The generation loop, if the model generates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<PipelineSpec>,
}

/// One network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainedNetworkSpec {
    /// Timesteps of a pass.
    pub timesteps: usize,
    /// Layers; one may read another that comes later.
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

/// Makes [`OpSpec`] of a list of names and the structs that hold their fields.
macro_rules! operations {
    ($($name:ident: $spec:ident),* $(,)?) => {
        /// An operation as written; its fields are those of the struct in [`crate::layers`]. Pairs are
        /// (vertical, horizontal).
        #[derive(Debug, Clone, PartialEq)]
        #[expect(missing_docs, reason = "the structs say it")]
        pub enum OpSpec {
            $($name($spec),)*
        }

        impl OpSpec {
            /// How many layers it reads.
            pub fn arity(&self) -> Arity {
                match self {
                    $(Self::$name(_) => <$spec as Spec>::Layer::arity(),)*
                }
            }

            /// The operation with its tensors; `None` means that something was reported.
            pub fn op(&self, file: &mut Resolver<'_>) -> Option<Op> {
                match self {
                    $(Self::$name(spec) => spec.layer(file).map(Op::from),)*
                }
            }
        }

        $(impl From<$spec> for OpSpec {
            fn from(spec: $spec) -> Self {
                Self::$name(spec)
            }
        })*

        /// Names of the operations.
        #[derive(Debug, Clone, Copy, Deserialize)]
        #[serde(variant_identifier)]
        enum OperationName {
            $($name,)*
        }

        const NAMES: &[&str] = &[$(stringify!($name)),*];

        impl Serialize for OpSpec {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let (index, variant) = match self {
                    $(Self::$name(_) => (OperationName::$name as u32, stringify!($name)),)*
                };
                let writer = ToVariant { serializer, name: "OpSpec", index, variant };
                match self {
                    $(Self::$name(spec) => spec.serialize(writer),)*
                }
            }
        }

        impl<'de> Visitor<'de> for OpVisitor {
            type Value = OpSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an operation")
            }

            fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<OpSpec, A::Error> {
                let (name, content) = access.variant::<OperationName>()?;
                match name {
                    $(OperationName::$name => $spec::deserialize(FromVariant(content)).map(OpSpec::$name),)*
                }
            }
        }
    };
}

operations! {
    Input: InputSpec,
    Embedding: EmbeddingSpec,
    Conv1d: Conv1dSpec,
    Conv2d: Conv2dSpec,
    ConvTranspose2d: ConvTranspose2dSpec,
    Linear: LinearSpec,
    Flatten: Flatten,
    Reshape: Reshape,
    Sparse: SparseSpec,
    BatchNorm: BatchNormSpec,
    Lif: Lif,
    If: If,
    Leaky: LeakySpec,
    Neuron: NeuronSpec,
    LeakyIntegrator: LeakyIntegratorSpec,
    MaxPool2d: MaxPool2d,
    Upsample: Upsample,
    Scale: ScaleSpec,
    Delay: Delay,
    Dropout: Dropout,
    AvgPool2d: AvgPool2d,
    SumPool2d: SumPool2d,
    Add: Add,
    Concat: Concat,
    MeanOverTime: MeanOverTime,
    SumOverTime: SumOverTime,
    LastOverTime: LastOverTimeSpec,
    LeakySumOverTime: LeakySumSpec,
    WeightedSum: WeightedSumSpec,
    FirstSpike: FirstSpike,
    Mix: MixSpec,
    NearestCode: NearestCodeSpec,
}

/// Reads an operation.
struct OpVisitor;

impl<'de> Deserialize<'de> for OpSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum("OpSpec", NAMES, OpVisitor)
    }
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
