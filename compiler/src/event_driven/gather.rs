//! Convolutions and linear layers: output position by output position, all channels of a block side by side.

use std::fmt;
use std::ops::Range;

use rayon::prelude::*;

use super::EventSums;
use super::lanes::{self, FloatInstructions, StoredWeight};
use super::lists::ReachedPositions;
use crate::ir::Shape;
use crate::ir::channels::ChannelMap;
use crate::layers::Conv;
use crate::reference::Map;
use crate::weights::{FloatArray, Tensor};

/// Fewest output channels of a group that are worth it.
const OUTPUTS_MIN: usize = 4;
/// Most timesteps whose terms are listed at a time.
const STEPS_MAX: usize = 8;

/// A convolution ready for maps of one shape.
struct Gather<W> {
    to: Shape,
    channels: ChannelMap,
    taps: usize,
    reached: ReachedPositions,
    bias: Option<Tensor>,
    /// Output channels of a block, a multiple of [`lanes::LANES`]. The last block of a group may have less.
    block: usize,
    /// Weights `[group, block, input channel, tap, lane]`, 0 in lanes without a channel.
    weights: Vec<W>,
    set: FloatInstructions,
}

impl<W> fmt::Debug for Gather<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gather of {} channels in blocks of {}", self.to.channels, self.block)
    }
}

/// The sums of a convolution between maps of these shapes; none where its groups have few outputs.
pub(crate) fn prepared(conv: &Conv, from: Shape, to: Shape) -> Option<Box<dyn EventSums>> {
    let outputs = conv.channels(from.channels, to.channels).outputs;
    (outputs >= OUTPUTS_MIN).then(|| prepared_for(FloatInstructions::best(), conv, from, to))
}

/// The sums of a convolution by some instructions.
pub(super) fn prepared_for(
    set: FloatInstructions,
    conv: &Conv,
    from: Shape,
    to: Shape,
) -> Box<dyn EventSums> {
    match &conv.weight.data {
        FloatArray::Single(weights) => Box::new(Gather::new(conv, weights, (from, to), set)),
        FloatArray::Double(weights) => Box::new(Gather::new(conv, weights, (from, to), set)),
    }
}

impl<W: StoredWeight> Gather<W> {
    fn new(conv: &Conv, weights: &[W], (from, to): (Shape, Shape), set: FloatInstructions) -> Self {
        let channels = conv.channels(from.channels, to.channels);
        let taps = conv.kernel_taps();
        let block = lanes::block(channels.outputs);
        let blocks = channels.outputs.div_ceil(block);
        let mut rows = vec![W::default(); channels.groups * blocks * channels.inputs * taps * block];
        for input in channels.sources() {
            let targets = channels.targets_of(input);
            let group = targets.start / channels.outputs;
            for (index, output) in targets.enumerate() {
                let block_number = group * blocks + index / block;
                let first = (block_number * channels.inputs + input % channels.inputs) * taps;
                for (tap, weight) in conv.taps(&channels, input, output).enumerate() {
                    rows[(first + tap) * block + index % block] = weights[weight];
                }
            }
        }
        let reached = ReachedPositions::new(&conv.map(from, to));
        Self { to, channels, taps, reached, bias: conv.bias.clone(), block, weights: rows, set }
    }

    /// The outputs of a few timesteps: a block of weights serves all of them before the next.
    fn steps(&self, maps: &[Map]) -> Vec<Map> {
        let mut outputs = vec![Map::filled(self.to, 0.0); maps.len()];
        let ChannelMap { groups, inputs, outputs: targets, .. } = self.channels;
        let blocks = targets.div_ceil(self.block);
        let volume = inputs * self.taps * self.block;
        for group in 0..groups {
            let sources = group * inputs..(group + 1) * inputs;
            let lists: Vec<_> =
                maps.iter().map(|map| self.reached.lists(map, sources.clone(), self.taps)).collect();
            for block in 0..blocks {
                let first = (group * blocks + block) * volume;
                let weights = &self.weights[first..first + volume];
                let start = group * targets + block * self.block;
                let channels = start..(start + self.block).min((group + 1) * targets);
                for (lists, output) in lists.iter().zip(&mut outputs) {
                    let positions = self.to.positions();
                    let planes = &mut output.data[channels.start * positions..channels.end * positions];
                    let mut sums = [0.0; lanes::BLOCK_MAX];
                    for position in 0..positions {
                        let sums = &mut sums[..self.block];
                        lanes::sum(self.set, weights, lists.of(position), sums);
                        self.write(sums, &channels, &mut planes[position..], positions);
                    }
                }
            }
        }
        outputs
    }

    /// Writes the sums of a position, with the bias, a channel each `stride`.
    fn write(&self, sums: &[f64], channels: &Range<usize>, planes: &mut [f64], stride: usize) {
        let places = planes.iter_mut().step_by(stride).zip(sums);
        match &self.bias {
            None => places.for_each(|(place, sum)| *place = *sum),
            Some(bias) => {
                let bias = bias.data.range(channels.clone());
                places.zip(bias).for_each(|((place, sum), bias)| *place = sum + bias);
            }
        }
    }
}

impl<W: StoredWeight> EventSums for Gather<W> {
    fn sums(&self, maps: &[Map]) -> Vec<Map> {
        let steps = maps.len().div_ceil(rayon::current_num_threads()).clamp(1, STEPS_MAX);
        maps.par_chunks(steps).flat_map_iter(|maps| self.steps(maps)).collect()
    }
}
