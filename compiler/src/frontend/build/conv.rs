//! Convolutions and transposed convolutions: geometry and weights of one layer.
//!
//! Weights are `[out, in / groups, kh, kw]`, transposed `[in, out / groups, kh, kw]`, as in PyTorch.

use super::op::Resolver;
use crate::frontend::model::{OpSpec, TensorRef};
use crate::graph::Conv;
use crate::weights::Tensor;

/// Most of stride, padding, dilation and output padding: bounds the maps that follow from them.
const MOST: usize = 1024;

/// Either kind of convolution as written.
pub(super) struct ConvSpec<'a> {
    transposed: bool,
    weight: &'a TensorRef,
    bias: Option<&'a TensorRef>,
    stride: (usize, usize),
    padding: (usize, usize),
    dilation: (usize, usize),
    output_padding: (usize, usize),
    groups: usize,
}

impl<'a> ConvSpec<'a> {
    /// The convolution in `spec`, if it is one.
    pub(super) fn of(spec: &'a OpSpec) -> Option<Self> {
        match spec {
            OpSpec::Conv2d { weight, bias, stride, padding, dilation, groups } => Some(Self {
                transposed: false,
                weight,
                bias: bias.as_ref(),
                stride: *stride,
                padding: *padding,
                dilation: *dilation,
                output_padding: (0, 0),
                groups: *groups,
            }),
            OpSpec::ConvTranspose2d { weight, bias, stride, padding, dilation, output_padding, groups } => {
                Some(Self {
                    transposed: true,
                    weight,
                    bias: bias.as_ref(),
                    stride: *stride,
                    padding: *padding,
                    dilation: *dilation,
                    output_padding: *output_padding,
                    groups: *groups,
                })
            }
            _ => None,
        }
    }
}

impl Resolver<'_> {
    /// Checks the geometry, then the weight, then the bias against it.
    pub(super) fn conv(&mut self, spec: &ConvSpec<'_>) -> Option<Conv> {
        let geometry = self.geometry(spec);
        let weight = self.weight(spec);
        let (Some(()), Some((weight, channels))) = (geometry, weight) else { return None };
        let bias = match spec.bias {
            Some(bias) => Some(self.vector(bias, Some(channels))?),
            None => None,
        };
        Some(Conv {
            weight,
            bias,
            stride: spec.stride,
            padding: spec.padding,
            dilation: spec.dilation,
            output_padding: spec.output_padding,
            groups: spec.groups,
        })
    }

    fn geometry(&mut self, spec: &ConvSpec<'_>) -> Option<()> {
        let mut legal = Some(());
        for (name, (rows, columns), least) in [
            ("stride", spec.stride, 1),
            ("padding", spec.padding, 0),
            ("dilation", spec.dilation, 1),
            ("output_padding", spec.output_padding, 0),
        ] {
            if [rows, columns].iter().any(|&value| !(least..=MOST).contains(&value)) {
                let message = format!("{name} is ({rows}, {columns}), expected {least} to {MOST}");
                legal = self.invalid(name, message, "pairs are (vertical, horizontal)");
            }
        }
        let too_far =
            |padding: usize, stride: usize, dilation: usize| padding > 0 && padding >= stride.max(dilation);
        if too_far(spec.output_padding.0, spec.stride.0, spec.dilation.0)
            || too_far(spec.output_padding.1, spec.stride.1, spec.dilation.1)
        {
            let message = format!("output_padding {:?} is not below stride or dilation", spec.output_padding);
            legal = self.invalid(
                "output_padding",
                message,
                "PyTorch allows output_padding < max(stride, dilation)",
            );
        }
        legal
    }

    /// The weight and the number of output channels.
    fn weight(&mut self, spec: &ConvSpec<'_>) -> Option<(Tensor, usize)> {
        let weight = self.tensor(spec.weight)?;
        let [slow, fast, _, _] = weight.shape[..] else {
            return self.wrong_shape(spec.weight, &weight, axes(spec.transposed));
        };
        if weight.data.is_empty() {
            return self.wrong_shape(spec.weight, &weight, axes(spec.transposed));
        }
        if spec.groups == 0 || slow % spec.groups != 0 {
            let message =
                format!("{} groups do not divide the {slow} channels of `{}`", spec.groups, spec.weight.1);
            return self.invalid(
                "groups",
                message,
                "`groups` divides input and output channels; 1 for an ordinary convolution",
            );
        }
        let channels = if spec.transposed { fast.checked_mul(spec.groups) } else { Some(slow) };
        channels.map(|channels| (weight, channels))
    }
}

fn axes(transposed: bool) -> &'static str {
    if transposed { "[in, out / groups, kh, kw]" } else { "[out, in / groups, kh, kw]" }
}
