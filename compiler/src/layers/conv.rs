//! Convolution (`Conv2d`) and transposed convolution (`ConvTranspose2d`), as in PyTorch.
//!
//! Which output a tap reaches is [`AxisMap`]'s; nothing else of the geometry is here. The reference scatters: every
//! input that is not zero adds its weights to the outputs that it reaches. Sums run over input channels, then input
//! positions, then taps; the bias comes last.

mod padding;
mod spec;

use std::ops::Range;

use super::current::Current;
use super::flow::per_channel;
use super::{Evaluation, LayerFault, LayerKind, LoweringRefusal, LoweringSite, SignalType};
use crate::event_driven::{self, EventSums};
use crate::ir::channels::ChannelMap;
use crate::ir::{AxisMap, ConvMap, Shape};
use crate::reference::{Map, Signal};
use crate::weights::{FloatArray, Tensor};

pub use padding::Padding;
pub use spec::{Conv1dSpec, Conv2dSpec, ConvSpec, ConvTranspose2dSpec};

/// Weights and geometry of a (transposed) convolution; pairs are (vertical, horizontal).
#[derive(Debug, Clone, PartialEq)]
pub struct Conv {
    /// Whether it is transposed.
    pub transposed: bool,
    /// `[out, in / groups, kh, kw]`; transposed `[in, out / groups, kh, kw]`.
    pub weight: Tensor,
    /// `[out]`.
    pub bias: Option<Tensor>,
    /// Stride.
    pub stride: (usize, usize),
    /// Zeros at the top and at the left; of a transposed convolution what is cut off its output there.
    pub padding: (usize, usize),
    /// Those at the bottom and at the right, where they are not as many.
    pub end_padding: Option<(usize, usize)>,
    /// Tap spacing.
    pub dilation: (usize, usize),
    /// Added to one side of the output; transposed convolutions only.
    pub output_padding: (usize, usize),
    /// Channel groups.
    pub groups: usize,
}

impl Conv {
    /// A convolution of stride 1 without padding, dilation, groups and bias.
    pub fn new(weight: Tensor) -> Self {
        Self {
            transposed: false,
            weight,
            bias: None,
            stride: (1, 1),
            padding: (0, 0),
            end_padding: None,
            dilation: (1, 1),
            output_padding: (0, 0),
            groups: 1,
        }
    }

    /// A transposed convolution of stride 1 without padding, dilation, groups and bias.
    pub fn transposed(weight: Tensor) -> Self {
        Self { transposed: true, ..Self::new(weight) }
    }

    /// Which positions connect, between maps of these shapes.
    pub fn map(&self, from: Shape, to: Shape) -> ConvMap {
        let axis = |kernel, pick: fn((usize, usize)) -> usize, input, output| AxisMap {
            kernel,
            first_tap: 0,
            stride: pick(self.stride),
            padding: pick(self.padding),
            dilation: pick(self.dilation),
            transposed: self.transposed,
            input,
            output,
        };
        ConvMap {
            rows: axis(self.weight.shape[2], |pair| pair.0, from.height, to.height),
            cols: axis(self.weight.shape[3], |pair| pair.1, from.width, to.width),
        }
    }

    /// Taps of the kernel.
    pub fn kernel_taps(&self) -> usize {
        self.weight.shape[2] * self.weight.shape[3]
    }

    /// Which of so many channels connect.
    pub fn channels(&self, inputs: usize, outputs: usize) -> ChannelMap {
        ChannelMap::grouped(self.groups, inputs / self.groups, outputs / self.groups)
    }

    /// Which weights are the taps from channel `input` to `output`, which are in one group of `channels`.
    pub fn taps(&self, channels: &ChannelMap, input: usize, output: usize) -> Range<usize> {
        let (slow, fast) = match self.transposed {
            true => (input, output % channels.outputs),
            false => (output, input % channels.inputs),
        };
        let taps = self.kernel_taps();
        let first = (slow * self.weight.shape[1] + fast) * taps;
        first..first + taps
    }
}

impl LayerKind for Conv {
    fn name(&self) -> &'static str {
        if self.transposed { "ConvTranspose2d" } else { "Conv2d" }
    }

    fn output(&self, inputs: &[SignalType], _: usize) -> Result<SignalType, LayerFault> {
        let input = inputs[0].shape;
        let channels = self.output_channels(input)?;
        if let Some(bias) = &self.bias {
            per_channel("bias", bias, channels)?;
        }
        self.check_options()?;
        let [_, _, rows, columns] = self.weight.shape[..] else { return Err(self.wrong_rank()) };
        let height = self.length(input.height, rows, |pair| pair.0);
        let width = self.length(input.width, columns, |pair| pair.1);
        let (Some(height), Some(width)) = (height, width) else {
            let message = format!("a {rows}x{columns} kernel on {input} gives no output map");
            return Err(LayerFault::shape(message)
                .hint("check kernel, padding, dilation and the input's height and width"));
        };
        Ok(inputs[0].shaped(Shape::new(channels, height, width)))
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, LayerFault> {
        Ok(inputs[0].each(|map| match &self.weight.data {
            FloatArray::Single(weights) => self.scatter(weights, map, run.shape),
            FloatArray::Double(weights) => self.scatter(weights, map, run.shape),
        }))
    }

    fn event_sums(&self, from: Shape, to: Shape) -> Option<Box<dyn EventSums>> {
        event_driven::prepared(self, from, to)
    }

    fn has_weights(&self) -> bool {
        true
    }

    fn keeps_host_current(&self) -> bool {
        true
    }

    fn current(&self, mut inputs: Vec<Current>, site: &LoweringSite<'_>) -> Result<Current, LoweringRefusal> {
        inputs.remove(0).convolved(self, site)
    }
}

/// Shape rule.
impl Conv {
    fn length(&self, input: usize, kernel: usize, pick: fn((usize, usize)) -> usize) -> Option<usize> {
        let (stride, dilation) = (pick(self.stride), pick(self.dilation));
        let end = pick(self.end_padding.unwrap_or(self.padding));
        let around = pick(self.padding).checked_add(end)?;
        if self.transposed {
            let extra = pick(self.output_padding);
            let whole = AxisMap::transposed_output(input, kernel, stride, 0, dilation, extra)?;
            whole.checked_sub(around).filter(|&length| length > 0)
        } else {
            AxisMap::conv_output(input.checked_add(around)?, kernel, stride, 0, dilation)
        }
    }

    fn wrong_rank(&self) -> LayerFault {
        let expected = spec::axes(self.transposed);
        LayerFault::shape(format!("weight has shape {:?}, {expected} expected", self.weight.shape))
    }

    /// Output channels, after weight and groups were seen to fit the input channels.
    fn output_channels(&self, input: Shape) -> Result<usize, LayerFault> {
        let (shape, groups) = (&self.weight.shape, self.groups);
        let [first, second, ..] = shape[..] else { return Err(self.wrong_rank()) };
        let whole = second.checked_mul(groups).filter(|_| groups > 0 && first % groups == 0);
        let Some(grouped) = whole else {
            return Err(LayerFault::shape(format!("weight {shape:?} cannot be split into {groups} groups")));
        };
        let (expected, output) = if self.transposed { (first, grouped) } else { (grouped, first) };
        if input.channels == expected {
            return Ok(output);
        }
        Err(LayerFault::shape(format!(
            "the input {input} has {} channels, but the weight {shape:?} in {groups} groups reads {expected}",
            input.channels
        )))
    }

    fn check_options(&self) -> Result<(), LayerFault> {
        for (name, pair) in [("stride", self.stride), ("dilation", self.dilation)] {
            if pair.0 == 0 || pair.1 == 0 {
                return Err(LayerFault::shape(format!("{name} is {pair:?}, at least (1, 1) expected")));
            }
        }
        let limit = (self.stride.0.max(self.dilation.0), self.stride.1.max(self.dilation.1));
        let extra = self.output_padding;
        if self.transposed && (extra.0 >= limit.0 || extra.1 >= limit.1) {
            let message =
                format!("output padding {extra:?} is not below the larger of stride and dilation {limit:?}");
            return Err(LayerFault::shape(message));
        }
        if !self.transposed && extra != (0, 0) {
            return Err(LayerFault::shape(format!("output padding {extra:?}, (0, 0) expected on a Conv2d")));
        }
        Ok(())
    }
}

/// Reference evaluation.
impl Conv {
    /// The output of shape `output` that shape inference gave for `input`.
    fn scatter<W: Copy + Into<f64>>(&self, weights: &[W], input: &Map, output: Shape) -> Map {
        let map = self.map(input.shape(), output);
        let (rows, columns) = (reach(&map.rows), reach(&map.cols));
        let kernel_width = self.weight.shape[3];
        let channels = self.channels(input.shape().channels, output.channels);
        let events: Vec<_> = (0..input.shape().channels).map(|c| nonzero(input, c)).collect();
        let mut sums = Map::filled(output, 0.0);
        for to in 0..output.channels {
            let plane = sums.channel_mut(to);
            for from in channels.sources_of(&(to..to + 1)) {
                let weights = &weights[self.taps(&channels, from, to)];
                for &(y, x, value) in &events[from] {
                    for &(row, ky) in &rows[y] {
                        for &(column, kx) in &columns[x] {
                            let weight: f64 = weights[ky * kernel_width + kx].into();
                            plane[row * output.width + column] += value * weight;
                        }
                    }
                }
            }
        }
        self.add_bias(&mut sums);
        sums
    }

    fn add_bias(&self, sums: &mut Map) {
        if let Some(bias) = &self.bias {
            for (c, b) in bias.data.iter().enumerate() {
                sums.channel_mut(c).iter_mut().for_each(|v| *v += b);
            }
        }
    }
}

/// (row, column, value) of what is not zero in channel `c`.
fn nonzero(input: &Map, c: usize) -> Vec<(usize, usize, f64)> {
    let width = input.shape().width;
    let values = input.channel(c).iter().enumerate();
    values.filter(|(_, v)| **v != 0.0).map(|(i, &v)| (i / width, i % width, v)).collect()
}

/// For each source row (column), the (target, tap) pairs that it reaches.
fn reach(axis: &AxisMap) -> Vec<Vec<(usize, usize)>> {
    (0..axis.input).map(|i| axis.reach(i, 0..axis.output)).collect()
}
