//! What shape a node takes and gives, as its parameters and its input say: the rules behind [`super::flat`].
//!
//! Shapes are NIR's, without batch and time. Parameters that are one number stand for all elements, whatever axes there
//! are; a shape of no axes is that of one number, `[1]`.

use super::flat::FlatNode;
use super::node::{NirNode, NirPadding};
use crate::ir::AxisMap;

/// A shape with at least one axis.
fn whole(shape: &[usize]) -> Vec<usize> {
    if shape.is_empty() { vec![1] } else { shape.to_vec() }
}

/// What a node gives whatever it is fed, if its parameters say it.
pub(super) fn given(node: &FlatNode) -> Option<Vec<usize>> {
    let sides = |shape: &[usize]| (!shape.is_empty()).then(|| shape.to_vec());
    // Parameters that are one number stand for all neurons, as in the frameworks, whatever axes it has.
    let each = |shape: &[usize]| sides(shape).filter(|shape| shape.iter().any(|&side| side != 1));
    match node {
        FlatNode::Pass(shape) => sides(shape),
        FlatNode::Node(node) => match node {
            NirNode::Input(shape) => Some(whole(shape)),
            NirNode::Output(shape) => sides(shape),
            NirNode::Linear { weight, .. } => weight.shape.first().map(|&outputs| vec![outputs]),
            NirNode::Scale(tensor) | NirNode::Threshold(tensor) | NirNode::Delay(tensor) => {
                each(&tensor.shape)
            }
            NirNode::Neuron(neuron) => each(&neuron.shape()),
            NirNode::Conv(_) | NirNode::Pool { .. } | NirNode::Flatten { .. } | NirNode::Graph(_) => None,
        },
    }
}

/// What a node takes whatever feeds it, if its parameters say it.
pub(super) fn takes(node: &FlatNode) -> Option<Vec<usize>> {
    let FlatNode::Node(node) = node else { return given(node) };
    match node {
        NirNode::Linear { weight, .. } => weight.shape.get(1).map(|&inputs| vec![inputs]),
        NirNode::Scale(tensor) | NirNode::Threshold(tensor) | NirNode::Delay(tensor) => {
            Some(whole(&tensor.shape))
        }
        NirNode::Neuron(neuron) => Some(whole(&neuron.shape())),
        NirNode::Conv(conv) => {
            let channels = conv.weight.shape[1].saturating_mul(conv.groups);
            conv.input_shape.as_ref().map(|sides| [&[channels], sides.as_slice()].concat())
        }
        NirNode::Flatten { input, .. } => input.clone(),
        NirNode::Input(_) | NirNode::Output(_) | NirNode::Pool { .. } | NirNode::Graph(_) => None,
    }
}

/// What a node gives for an input of this shape, if it fits.
pub(super) fn follows(node: &FlatNode, input: &[usize]) -> Result<Vec<usize>, String> {
    let FlatNode::Node(node) = node else { return Ok(input.to_vec()) };
    match node {
        NirNode::Conv(conv) => {
            let (channels, sides) = input.split_first().ok_or("a convolution of a signal without axes")?;
            if sides.len() != conv.axes {
                return Err(format!(
                    "a {} reads {input:?}, expected channels and {} axes",
                    node.kind(),
                    conv.axes
                ));
            }
            let reads = conv.weight.shape[1].saturating_mul(conv.groups);
            if *channels != reads {
                return Err(format!("it reads {channels} channels of {input:?}, its weight has {reads}"));
            }
            let mut shape = vec![conv.weight.shape[0]];
            for (axis, &side) in sides.iter().enumerate() {
                let (kernel, stride) = (conv.weight.shape[axis + 2], conv.stride[axis]);
                let length = match &conv.padding {
                    NirPadding::Same => Some(side),
                    NirPadding::Numbers(padding) => {
                        AxisMap::conv_output(side, kernel, stride, padding[axis], conv.dilation[axis])
                    }
                };
                shape.push(length.ok_or_else(|| format!("its kernel on {input:?} gives no output"))?);
            }
            Ok(shape)
        }
        NirNode::Pool { kernel, stride, padding, .. } => {
            let &[channels, height, width] = input else {
                return Err(format!("a {} reads {input:?}, expected [c, h, w]", node.kind()));
            };
            let rows = AxisMap::conv_output(height, kernel.0, stride.0, padding.0, 1);
            let columns = AxisMap::conv_output(width, kernel.1, stride.1, padding.1, 1);
            match (rows, columns) {
                (Some(rows), Some(columns)) => Ok(vec![channels, rows, columns]),
                _ => Err(format!("its window on {input:?} gives no output")),
            }
        }
        NirNode::Flatten { start, end, .. } => flattened(input, *start, *end),
        _ => Ok(input.to_vec()),
    }
}

/// Axes `start` to `end`, negative ones from the last, as one.
pub(super) fn flattened(input: &[usize], start: i64, end: i64) -> Result<Vec<usize>, String> {
    let axis = |n: i64| usize::try_from(if n < 0 { n + input.len() as i64 } else { n }).ok();
    match (axis(start), axis(end)) {
        // A vector is flat; exporters leave the axis of the batch in their numbers.
        _ if input.len() <= 1 => Ok(input.to_vec()),
        (Some(start), Some(end)) if start <= end && end < input.len() => {
            let joined =
                input[start..=end].iter().try_fold(1usize, |product, &side| product.checked_mul(side));
            let joined = joined.ok_or_else(|| format!("{input:?} has too many elements"))?;
            Ok([&input[..start], &[joined], &input[end + 1..]].concat())
        }
        _ => Err(format!("axes {start} to {end} of {input:?} are no axes of it")),
    }
}

/// Whether a node takes a signal of this shape; if not, what it takes.
pub(super) fn fits(node: &FlatNode, found: &[usize]) -> Result<(), String> {
    let equal = |expected: &[usize]| match expected.is_empty() || whole(expected) == found {
        true => Ok(()),
        false => Err(format!("{expected:?}")),
    };
    let each = |shape: &[usize]| if shape.iter().all(|&side| side == 1) { Ok(()) } else { equal(shape) };
    match node {
        FlatNode::Pass(shape) => equal(shape),
        FlatNode::Node(node) => match node {
            NirNode::Input(_) => Err("nothing: it is the Input".into()),
            NirNode::Output(shape) => equal(shape),
            NirNode::Linear { weight, .. } => match weight.shape[..] {
                [_, inputs] => equal(&[inputs]),
                _ => Err(format!("what a weight [out, in] reads; its weight is {:?}", weight.shape)),
            },
            NirNode::Scale(tensor) | NirNode::Threshold(tensor) | NirNode::Delay(tensor) => {
                each(&tensor.shape)
            }
            NirNode::Neuron(neuron) => each(&neuron.shape()),
            NirNode::Conv(conv) => match &conv.input_shape {
                Some(sides) if sides[..] != found[1.min(found.len())..] => Err(format!("maps of {sides:?}")),
                _ => follows(&FlatNode::Node(NirNode::Conv(conv.clone())), found).map(drop),
            },
            NirNode::Flatten { input: Some(shape), .. } => equal(shape),
            NirNode::Pool { .. } | NirNode::Flatten { .. } | NirNode::Graph(_) => Ok(()),
        },
    }
}
