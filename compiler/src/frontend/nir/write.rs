//! NIR graphs as HDF5 bytes, in the layout of the Python package `nir` 1.0.8: a group a node, its fields as arrays.

use hdf5_pure::{FileBuilder, GroupBuilder};
use snnc_targets::{Code, Diagnostic};

use super::node::{NirConv, NirGraph, NirNeuron, NirNode, NirPadding};
use crate::weights::{FloatArray, Tensor};

/// The version of the layout.
const VERSION: &str = "1.0.8";

/// The bytes of a file that holds a graph.
///
/// # Errors
/// [`Code::OutputFailed`] for names that HDF5 does not take.
pub fn bytes(graph: &NirGraph) -> Result<Vec<u8>, Diagnostic> {
    let mut file = FileBuilder::new();
    file.create_dataset("version").with_vlen_strings(&[VERSION]).with_shape(&[]);
    let mut node = file.create_group("node");
    write_graph(&mut node, graph);
    file.add_group(node.finish());
    file.finish().map_err(|error| {
        let message = format!("the graph does not write as HDF5: {error}");
        Diagnostic::new(Code::OutputFailed, snnc_targets::Place::file("NIR"), message)
            .hint("names of layers become names of groups: no `/`, and not empty")
    })
}

fn write_graph(group: &mut GroupBuilder, graph: &NirGraph) {
    text(group, "type", "NIRGraph");
    let ends: Vec<&str> = graph.edges.iter().flat_map(|(a, b)| [a.as_str(), b.as_str()]).collect();
    group.create_dataset("edges").with_vlen_strings(&ends).with_shape(&[graph.edges.len() as u64, 2]);
    let mut nodes = group.create_group("nodes");
    for (name, node) in &graph.nodes {
        let mut inner = nodes.create_group(name);
        write_node(&mut inner, node);
        nodes.add_group(inner.finish());
    }
    group.add_group(nodes.finish());
}

fn write_node(group: &mut GroupBuilder, node: &NirNode) {
    if let NirNode::Graph(graph) = node {
        return write_graph(group, graph);
    }
    text(group, "type", node.kind());
    match node {
        NirNode::Input(shape) | NirNode::Output(shape) => list(group, "shape", shape),
        NirNode::Linear { weight, bias } => {
            tensor(group, "weight", weight);
            bias.iter().for_each(|bias| tensor(group, "bias", bias));
        }
        NirNode::Scale(factors) => tensor(group, "scale", factors),
        NirNode::Conv(conv) => write_conv(group, conv),
        NirNode::Pool { kernel, stride, padding, .. } => {
            for (name, pair) in [("kernel_size", kernel), ("stride", stride), ("padding", padding)] {
                list(group, name, &[pair.0, pair.1]);
            }
        }
        NirNode::Flatten { input, start, end } => {
            input.iter().for_each(|shape| list(group, "input_type", shape));
            number(group, "start_dim", *start);
            number(group, "end_dim", *end);
        }
        NirNode::Threshold(threshold) => tensor(group, "threshold", threshold),
        NirNode::Delay(delay) => tensor(group, "delay", delay),
        NirNode::Neuron(neuron) => write_neuron(group, neuron),
        NirNode::Graph(_) => {}
    }
}

fn write_conv(group: &mut GroupBuilder, conv: &NirConv) {
    tensor(group, "weight", &conv.weight);
    let outputs = conv.weight.shape[0];
    let none = Tensor::new(vec![outputs], vec![0.0; outputs]);
    tensor(group, "bias", conv.bias.as_ref().unwrap_or(&none));
    number(group, "groups", conv.groups as i64);
    // A Conv1d has plain numbers where a Conv2d has pairs.
    let mut sides = |name: &str, sides: &[usize]| match sides {
        [one] => number(group, name, *one as i64),
        sides => list(group, name, sides),
    };
    sides("stride", &conv.stride);
    sides("dilation", &conv.dilation);
    conv.input_shape.iter().for_each(|shape| sides("input_shape", shape));
    match &conv.padding {
        NirPadding::Numbers(numbers) => sides("padding", numbers),
        NirPadding::Same => text(group, "padding", "same"),
    }
}

fn write_neuron(group: &mut GroupBuilder, neuron: &NirNeuron) {
    for (name, values) in neuron.parameters() {
        tensor(group, name, values);
    }
}

fn text(group: &mut GroupBuilder, name: &str, text: &str) {
    group.create_dataset(name).with_vlen_strings(&[text]).with_shape(&[]);
}

fn number(group: &mut GroupBuilder, name: &str, number: i64) {
    group.create_dataset(name).with_i64_data(&[number]).with_shape(&[]);
}

fn list(group: &mut GroupBuilder, name: &str, numbers: &[usize]) {
    let numbers: Vec<i64> = numbers.iter().map(|&number| number as i64).collect();
    group.create_dataset(name).with_i64_data(&numbers).with_shape(&[numbers.len() as u64]);
}

fn tensor(group: &mut GroupBuilder, name: &str, tensor: &Tensor) {
    let shape: Vec<u64> = tensor.shape.iter().map(|&side| side as u64).collect();
    let dataset = group.create_dataset(name);
    match &tensor.data {
        FloatArray::Single(values) => dataset.with_f32_data(values),
        FloatArray::Double(values) => dataset.with_f64_data(values),
    };
    dataset.with_shape(&shape);
}
