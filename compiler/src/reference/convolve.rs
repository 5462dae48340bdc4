//! Convolution and transposed convolution, scattered: every input that is not zero adds its weights to the outputs it
//! reaches.
//!
//! Which output a tap reaches is [`AxisMap`]'s; nothing else of the geometry is here. Sums run over input channels,
//! then input positions, then taps; the bias comes last.

use super::Map;
use crate::graph::Conv;
use crate::ir::{AxisMap, Shape};

/// For each source row (column), the (target, tap) pairs it reaches.
type Reach = Vec<Vec<(usize, usize)>>;

/// The output of shape `output` that shape inference gave for `input`.
pub(super) fn run(conv: &Conv, transposed: bool, input: &Map, output: Shape) -> Map {
    let (rows, columns) = reach(conv, transposed, input.shape(), output);
    let taps = conv.weight.shape[2] * conv.weight.shape[3];
    let (inputs, outputs) = (input.shape().channels / conv.groups, output.channels / conv.groups);
    let events: Vec<_> = (0..input.shape().channels).map(|c| nonzero(input, c)).collect();
    let mut sums = Map::filled(output, 0.0);
    for to in 0..output.channels {
        let group = to / outputs;
        let plane = sums.channel_mut(to);
        for (from, events) in events.iter().enumerate().skip(group * inputs).take(inputs) {
            let kernel = if transposed { from * outputs + to % outputs } else { to * inputs + from % inputs };
            let weights = &conv.weight.data[kernel * taps..(kernel + 1) * taps];
            for &(y, x, value) in events {
                for &(row, ky) in &rows[y] {
                    for &(column, kx) in &columns[x] {
                        plane[row * output.width + column] += value * weights[ky * conv.weight.shape[3] + kx];
                    }
                }
            }
        }
    }
    add_bias(conv, &mut sums);
    sums
}

fn add_bias(conv: &Conv, sums: &mut Map) {
    if let Some(bias) = &conv.bias {
        for (c, b) in bias.data.iter().enumerate() {
            sums.channel_mut(c).iter_mut().for_each(|v| *v += b);
        }
    }
}

/// (row, column, value) of what is not zero in channel `c`.
fn nonzero(input: &Map, c: usize) -> Vec<(usize, usize, f64)> {
    let width = input.shape().width;
    let values = input.channel(c).iter().enumerate();
    values.filter(|(_, v)| **v != 0.0).map(|(i, &v)| (i / width, i % width, v)).collect()
}

/// Reach of every source row and of every source column.
fn reach(conv: &Conv, transposed: bool, input: Shape, output: Shape) -> (Reach, Reach) {
    let axis = |pick: fn((usize, usize)) -> usize, kernel, input, output| {
        let (stride, padding, dilation) = (pick(conv.stride), pick(conv.padding), pick(conv.dilation));
        let axis = AxisMap { kernel, first_tap: 0, stride, padding, dilation, transposed, input, output };
        (0..input).map(|i| axis.reach(i, 0..output)).collect()
    };
    let rows = axis(|pair| pair.0, conv.weight.shape[2], input.height, output.height);
    (rows, axis(|pair| pair.1, conv.weight.shape[3], input.width, output.width))
}
