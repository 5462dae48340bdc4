//! How a model file names convolutions; geometry and weights of one layer are checked here, the map it reads is not.

use serde::{Deserialize, Serialize};

use super::Conv;
use super::padding::Padding;
use crate::layers::TensorRef;
use crate::layers::spec::{AxisPair, Resolver, Spec, is_one, is_single, is_zero, one, single};
use crate::weights::Tensor;

/// Most of stride, padding, dilation and output padding: bounds the maps that follow from them.
pub const MOST: usize = 1024;

/// `Conv2d(...)`.
pub type Conv2dSpec = ConvSpec<false>;

/// `ConvTranspose2d(...)`.
pub type ConvTranspose2dSpec = ConvSpec<true>;

/// A convolution of maps, or a transposed one; weight `[out, in / groups, kh, kw]`, transposed
/// `[in, out / groups, kh, kw]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvSpec<const TRANSPOSED: bool> {
    /// `[out, in / groups, kh, kw]`; transposed `[in, out / groups, kh, kw]`.
    pub weight: TensorRef,
    /// `[out]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<TensorRef>,
    /// Stride.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub stride: AxisPair,
    /// Zeros around the map: (vertical, horizontal), (top, bottom, left, right) or `"same"`. A transposed convolution
    /// cuts as much off its output.
    #[serde(default, skip_serializing_if = "Padding::is_none")]
    pub padding: Padding,
    /// Tap spacing.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub dilation: AxisPair,
    /// Added at the bottom and at the right of the output; transposed convolutions only.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub output_padding: AxisPair,
    /// Channel groups.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub groups: usize,
}

impl<const TRANSPOSED: bool> Spec for ConvSpec<TRANSPOSED> {
    type Layer = Conv;

    fn layer(&self, file: &mut Resolver<'_>) -> Option<Conv> {
        let geometry = ConvGeometry {
            transposed: TRANSPOSED,
            stride: self.stride,
            padding: &self.padding,
            dilation: self.dilation,
            output_padding: self.output_padding,
            groups: self.groups,
            padding_forms: "(vertical, horizontal), (top, bottom, left, right) or \"same\"",
        };
        let legal = geometry.check(file);
        let weight = file.tensor(&self.weight)?;
        if weight.shape.len() != 4 || weight.data.is_empty() {
            return file.wrong_shape(&self.weight, &weight, axes(TRANSPOSED));
        }
        let sides = match &self.padding {
            Padding::Numbers(numbers) => match numbers[..] {
                [0] => Some([0; 4]),
                [rows, columns] => Some([rows, rows, columns, columns]),
                [top, bottom, left, right] => Some([top, bottom, left, right]),
                _ => None,
            },
            Padding::Same => None,
        };
        legal?;
        geometry.conv(file, (&self.weight, weight), self.bias.as_ref(), sides)
    }
}

/// A convolution along one row, weight `[out, in / groups, k]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conv1dSpec {
    /// `[out, in / groups, k]`.
    pub weight: TensorRef,
    /// `[out]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bias: Option<TensorRef>,
    /// Stride.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub stride: usize,
    /// Zeros at the ends of the row: a number for both, (left, right) or `"same"`.
    #[serde(default, skip_serializing_if = "Padding::is_none")]
    pub padding: Padding,
    /// Tap spacing.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub dilation: usize,
    /// Channel groups.
    #[serde(default = "single", skip_serializing_if = "is_single")]
    pub groups: usize,
}

impl Conv1dSpec {
    /// The convolution of maps of one row that it is.
    pub(in crate::layers) fn conv(&self, file: &mut Resolver<'_>) -> Option<Conv> {
        let geometry = ConvGeometry {
            transposed: false,
            stride: (1, self.stride),
            padding: &self.padding,
            dilation: (1, self.dilation),
            output_padding: (0, 0),
            groups: self.groups,
            padding_forms: "a number, (left, right) or \"same\"",
        };
        let legal = geometry.check(file);
        let mut weight = file.tensor(&self.weight)?;
        if weight.shape.len() != 3 || weight.data.is_empty() {
            return file.wrong_shape(&self.weight, &weight, "[out, in / groups, k]");
        }
        weight.shape.insert(2, 1);
        let sides = match &self.padding {
            Padding::Numbers(numbers) => match numbers[..] {
                [both] => Some([0, 0, both, both]),
                [left, right] => Some([0, 0, left, right]),
                _ => None,
            },
            Padding::Same => None,
        };
        legal?;
        geometry.conv(file, (&self.weight, weight), self.bias.as_ref(), sides)
    }
}

/// What all convolutions say besides their tensors.
struct ConvGeometry<'a> {
    transposed: bool,
    stride: AxisPair,
    padding: &'a Padding,
    dilation: AxisPair,
    output_padding: AxisPair,
    groups: usize,
    /// How its padding may be written.
    padding_forms: &'static str,
}

impl ConvGeometry<'_> {
    /// The convolution, after the bias was checked against the weight; `sides` are top, bottom, left and right of a
    /// padding in numbers.
    fn conv(
        &self,
        file: &mut Resolver<'_>,
        (name, weight): (&TensorRef, Tensor),
        bias: Option<&TensorRef>,
        sides: Option<[usize; 4]>,
    ) -> Option<Conv> {
        let channels = self.channels(file, name, &weight)?;
        let bias = file.bias(bias, channels)?;
        let [top, bottom, left, right] = self.sides(file, &weight, sides)?;
        let (padding, end) = ((top, left), (bottom, right));
        let &Self { transposed, stride, dilation, output_padding, groups, .. } = self;
        let end_padding = (end != padding).then_some(end);
        Some(Conv {
            transposed,
            weight,
            bias,
            stride,
            padding,
            end_padding,
            dilation,
            output_padding,
            groups,
        })
    }

    fn check(&self, file: &mut Resolver<'_>) -> Option<()> {
        let mut legal = file.pair("stride", self.stride, 1..=MOST);
        let numbers = if let Padding::Numbers(numbers) = self.padding { numbers.as_slice() } else { &[] };
        if let Some(pair) = numbers.chunks(2).find(|pair| pair.iter().any(|&number| number > MOST)) {
            let pair = (pair[0], pair.get(1).copied().unwrap_or(pair[0]));
            legal = legal.and(file.pair("padding", pair, 0..=MOST));
        }
        for (name, pair, least) in
            [("dilation", self.dilation, 1), ("output_padding", self.output_padding, 0)]
        {
            legal = legal.and(file.pair(name, pair, least..=MOST));
        }
        let too_far =
            |padding: usize, stride: usize, dilation: usize| padding > 0 && padding >= stride.max(dilation);
        if !self.transposed && self.output_padding != (0, 0) {
            let message = "`Conv2d` has no `output_padding`".into();
            return file.invalid("output_padding", message, "it belongs to `ConvTranspose2d`: leave it out");
        }
        if too_far(self.output_padding.0, self.stride.0, self.dilation.0)
            || too_far(self.output_padding.1, self.stride.1, self.dilation.1)
        {
            let message = format!("output_padding {:?} is not below stride or dilation", self.output_padding);
            let hint = "PyTorch allows output_padding < max(stride, dilation)";
            legal = file.invalid("output_padding", message, hint);
        }
        legal
    }

    /// Top, bottom, left and right; `numbers` are those of a padding in numbers, if they are as many as is legal.
    fn sides(
        &self,
        file: &mut Resolver<'_>,
        weight: &Tensor,
        numbers: Option<[usize; 4]>,
    ) -> Option<[usize; 4]> {
        match self.padding {
            Padding::Numbers(found) if numbers.is_none() => {
                let numbers = found.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let shown = if found.len() == 1 { numbers } else { format!("({numbers})") };
                let message = format!("padding is {shown}, expected {}", self.padding_forms);
                file.invalid("padding", message, "each number counts rows or columns of zeros")
            }
            Padding::Numbers(_) => numbers,
            Padding::Same if self.transposed || self.stride != (1, 1) => {
                let message =
                    "padding \"same\" is for convolutions of stride 1 that are not transposed".into();
                file.invalid("padding", message, "write it in numbers, as PyTorch demands too")
            }
            Padding::Same => {
                let (top, bottom) = Padding::same(weight.shape[2], self.dilation.0);
                let (left, right) = Padding::same(weight.shape[3], self.dilation.1);
                file.pair("padding", (bottom, right), 0..=MOST)?;
                Some([top, bottom, left, right])
            }
        }
    }

    /// Output channels, after the groups were seen to divide the weight's first axis.
    fn channels(&self, file: &mut Resolver<'_>, name: &TensorRef, weight: &Tensor) -> Option<usize> {
        let (groups, slow, fast) = (self.groups, weight.shape[0], weight.shape[1]);
        if groups == 0 || slow % groups != 0 {
            let message = format!("{groups} groups do not divide the {slow} channels of `{}`", name.1);
            let hint = "`groups` divides input and output channels; 1 for an ordinary convolution";
            return file.invalid("groups", message, hint);
        }
        if self.transposed { fast.checked_mul(groups) } else { Some(slow) }
    }
}

/// Axes of the weight.
pub(super) fn axes(transposed: bool) -> &'static str {
    if transposed { "[in, out / groups, kh, kw]" } else { "[out, in / groups, kh, kw]" }
}
