//! How a model file names convolutions; geometry and weights of one layer are checked here, the map it reads is not.

use serde::{Deserialize, Serialize};

use super::Conv;
use crate::layers::TensorRef;
use crate::layers::spec::{AxisPair, Resolver, Spec, is_one, is_single, is_zero, one, single};
use crate::weights::Tensor;

/// Most of stride, padding, dilation and output padding: bounds the maps that follow from them.
pub const MOST: usize = 1024;

/// Weight `[out, in / groups, kh, kw]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv2dSpec {
    /// `[out, in / groups, kh, kw]`.
    pub weight: TensorRef,
    /// `[out]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<TensorRef>,
    /// Stride.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub stride: AxisPair,
    /// Zero padding on both sides.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub padding: AxisPair,
    /// Tap spacing.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub dilation: AxisPair,
    /// Channel groups.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub groups: usize,
}

impl Spec for Conv2dSpec {
    type Layer = Conv;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Conv> {
        let Self { ref weight, ref bias, stride, padding, dilation, groups } = *self;
        let geometry =
            ConvGeometry { transposed: false, stride, padding, dilation, output_padding: (0, 0), groups };
        geometry.conv(file, weight, bias.as_ref())
    }
}

/// Weight `[in, out / groups, kh, kw]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvTranspose2dSpec {
    /// `[in, out / groups, kh, kw]`.
    pub weight: TensorRef,
    /// `[out]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<TensorRef>,
    /// Stride.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub stride: AxisPair,
    /// Cut off both sides of the output.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub padding: AxisPair,
    /// Tap spacing.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub dilation: AxisPair,
    /// Added to one side of the output.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub output_padding: AxisPair,
    /// Channel groups.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub groups: usize,
}

impl Spec for ConvTranspose2dSpec {
    type Layer = Conv;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Conv> {
        let Self { ref weight, ref bias, stride, padding, dilation, output_padding, groups } = *self;
        let geometry = ConvGeometry { transposed: true, stride, padding, dilation, output_padding, groups };
        geometry.conv(file, weight, bias.as_ref())
    }
}

/// What both kinds of convolution say besides their tensors.
struct ConvGeometry {
    transposed: bool,
    stride: AxisPair,
    padding: AxisPair,
    dilation: AxisPair,
    output_padding: AxisPair,
    groups: usize,
}

impl ConvGeometry {
    /// Checks the geometry, then the weight, then the bias against it.
    fn conv(self, file: &mut Resolver<'_>, weight: &TensorRef, bias: Option<&TensorRef>) -> Option<Conv> {
        let geometry = self.check(file);
        let weight = self.weight(file, weight);
        let (Some(()), Some((weight, channels))) = (geometry, weight) else { return None };
        let bias = file.bias(bias, channels)?;
        let Self { transposed, stride, padding, dilation, output_padding, groups } = self;
        Some(Conv { transposed, weight, bias, stride, padding, dilation, output_padding, groups })
    }

    fn check(&self, file: &mut Resolver<'_>) -> Option<()> {
        let mut legal = Some(());
        for (name, pair, least) in [
            ("stride", self.stride, 1),
            ("padding", self.padding, 0),
            ("dilation", self.dilation, 1),
            ("output_padding", self.output_padding, 0),
        ] {
            legal = legal.and(file.pair(name, pair, least..=MOST));
        }
        let too_far =
            |padding: usize, stride: usize, dilation: usize| padding > 0 && padding >= stride.max(dilation);
        if too_far(self.output_padding.0, self.stride.0, self.dilation.0)
            || too_far(self.output_padding.1, self.stride.1, self.dilation.1)
        {
            let message = format!("output_padding {:?} is not below stride or dilation", self.output_padding);
            let hint = "PyTorch allows output_padding < max(stride, dilation)";
            legal = file.invalid("output_padding", message, hint);
        }
        legal
    }

    /// The weight and the number of output channels.
    fn weight(&self, file: &mut Resolver<'_>, name: &TensorRef) -> Option<(Tensor, usize)> {
        let weight = file.tensor(name)?;
        let [slow, fast, _, _] = weight.shape[..] else {
            return file.wrong_shape(name, &weight, axes(self.transposed));
        };
        if weight.data.is_empty() {
            return file.wrong_shape(name, &weight, axes(self.transposed));
        }
        let groups = self.groups;
        if groups == 0 || slow % groups != 0 {
            let message = format!("{groups} groups do not divide the {slow} channels of `{}`", name.1);
            let hint = "`groups` divides input and output channels; 1 for an ordinary convolution";
            return file.invalid("groups", message, hint);
        }
        let channels = if self.transposed { fast.checked_mul(groups) } else { Some(slow) };
        channels.map(|channels| (weight, channels))
    }
}

/// Axes of the weight.
pub(super) fn axes(transposed: bool) -> &'static str {
    if transposed { "[in, out / groups, kh, kw]" } else { "[out, in / groups, kh, kw]" }
}
