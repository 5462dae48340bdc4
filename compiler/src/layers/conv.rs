//! Convolution (`Conv2d`) and transposed convolution (`ConvTranspose2d`), as in PyTorch.
//!
//! Which output a tap reaches is [`AxisMap`]'s; nothing else of the geometry is here. The reference scatters: every
//! input that is not zero adds its weights to the outputs that it reaches. Sums run over input channels, then input
//! positions, then taps; the bias comes last.

mod spec;

use super::current::Current;
use super::flow::per_channel;
use super::{Evaluation, Fault, Flow, LayerKind, Refusal, Site};
use crate::ir::channels::ChannelMap;
use crate::ir::{AxisMap, ConvMap, Shape};
use crate::reference::{Map, Signal};
use crate::weights::Tensor;

pub use spec::{Conv2dSpec, ConvTranspose2dSpec};

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
    /// Zero padding on both sides.
    pub padding: (usize, usize),
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
            dilation: (1, 1),
            output_padding: (0, 0),
            groups: 1,
        }
    }

    /// The same, transposed.
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

    /// Which of so many channels connect.
    pub fn channels(&self, inputs: usize, outputs: usize) -> ChannelMap {
        ChannelMap::grouped(self.groups, inputs / self.groups, outputs / self.groups)
    }

    /// Taps of a channel from `input` to `output`, which are in one group of `channels`.
    pub fn taps(&self, channels: &ChannelMap, input: usize, output: usize) -> &[f64] {
        let (slow, fast) = match self.transposed {
            true => (input, output % channels.outputs),
            false => (output, input % channels.inputs),
        };
        let taps = self.weight.shape[2] * self.weight.shape[3];
        let first = (slow * self.weight.shape[1] + fast) * taps;
        &self.weight.data[first..first + taps]
    }
}

impl LayerKind for Conv {
    fn name(&self) -> &'static str {
        if self.transposed { "ConvTranspose2d" } else { "Conv2d" }
    }

    fn output(&self, inputs: &[Flow], _: usize) -> Result<Flow, Fault> {
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
            return Err(Fault::shape(message)
                .hint("check kernel, padding, dilation and the input's height and width"));
        };
        Ok(inputs[0].shaped(Shape::new(channels, height, width)))
    }

    fn evaluate(&self, inputs: &[&Signal], run: &Evaluation<'_>) -> Result<Signal, Fault> {
        Ok(inputs[0].each(|map| self.scatter(map, run.shape)))
    }

    fn has_weights(&self) -> bool {
        true
    }

    fn current(&self, mut inputs: Vec<Current>, site: &Site<'_>) -> Result<Current, Refusal> {
        inputs.remove(0).convolved(self, site)
    }
}

/// Shape rule.
impl Conv {
    fn length(&self, input: usize, kernel: usize, pick: fn((usize, usize)) -> usize) -> Option<usize> {
        let (stride, padding, dilation) = (pick(self.stride), pick(self.padding), pick(self.dilation));
        if self.transposed {
            let extra = pick(self.output_padding);
            AxisMap::transposed_output(input, kernel, stride, padding, dilation, extra)
        } else {
            AxisMap::conv_output(input, kernel, stride, padding, dilation)
        }
    }

    fn wrong_rank(&self) -> Fault {
        let expected = spec::axes(self.transposed);
        Fault::shape(format!("weight has shape {:?}, {expected} expected", self.weight.shape))
    }

    /// Output channels, after weight and groups were seen to fit the input channels.
    fn output_channels(&self, input: Shape) -> Result<usize, Fault> {
        let (shape, groups) = (&self.weight.shape, self.groups);
        let [first, second, ..] = shape[..] else { return Err(self.wrong_rank()) };
        let whole = second.checked_mul(groups).filter(|_| groups > 0 && first % groups == 0);
        let Some(grouped) = whole else {
            return Err(Fault::shape(format!("weight {shape:?} cannot be split into {groups} groups")));
        };
        let (expected, output) = if self.transposed { (first, grouped) } else { (grouped, first) };
        if input.channels == expected {
            return Ok(output);
        }
        Err(Fault::shape(format!(
            "the input {input} has {} channels, but the weight {shape:?} in {groups} groups reads {expected}",
            input.channels
        )))
    }

    fn check_options(&self) -> Result<(), Fault> {
        for (name, pair) in [("stride", self.stride), ("dilation", self.dilation)] {
            if pair.0 == 0 || pair.1 == 0 {
                return Err(Fault::shape(format!("{name} is {pair:?}, at least (1, 1) expected")));
            }
        }
        let limit = (self.stride.0.max(self.dilation.0), self.stride.1.max(self.dilation.1));
        let extra = self.output_padding;
        if self.transposed && (extra.0 >= limit.0 || extra.1 >= limit.1) {
            let message =
                format!("output padding {extra:?} is not below the larger of stride and dilation {limit:?}");
            return Err(Fault::shape(message));
        }
        if !self.transposed && extra != (0, 0) {
            return Err(Fault::shape(format!("output padding {extra:?}, (0, 0) expected on a Conv2d")));
        }
        Ok(())
    }
}

/// Reference evaluation.
impl Conv {
    /// The output of shape `output` that shape inference gave for `input`.
    fn scatter(&self, input: &Map, output: Shape) -> Map {
        let map = self.map(input.shape(), output);
        let (rows, columns) = (reach(&map.rows), reach(&map.cols));
        let kernel_width = self.weight.shape[3];
        let channels = self.channels(input.shape().channels, output.channels);
        let events: Vec<_> = (0..input.shape().channels).map(|c| nonzero(input, c)).collect();
        let mut sums = Map::filled(output, 0.0);
        for to in 0..output.channels {
            let plane = sums.channel_mut(to);
            for from in channels.sources_of(&(to..to + 1)) {
                let weights = self.taps(&channels, from, to);
                for &(y, x, value) in &events[from] {
                    for &(row, ky) in &rows[y] {
                        for &(column, kx) in &columns[x] {
                            plane[row * output.width + column] += value * weights[ky * kernel_width + kx];
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
