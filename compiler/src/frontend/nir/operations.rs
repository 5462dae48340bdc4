//! What layer each kind of node of a NIR graph becomes.

use indexmap::IndexMap;
use snnc_targets::Diagnostics;

use super::convert::{Converter, HANDLE};
use super::dialect::number;
use super::neurons::{NeuronNode, TensorStore, parameter};
use super::node::{NirConv, NirNode, NirPadding};
use crate::frontend::model::{OpSpec, TensorRef};
use crate::layers::{
    AvgPool2d, Conv1dSpec, Conv2dSpec, Delay, Flatten, LinearSpec, NeuronSpec, Padding, Parameter,
    PoolWindow, ResetStep, Reshape, ScaleSpec, SpikeReset, SumPool2d,
};
use crate::weights::Tensor;

/// Tensors of one node.
pub(super) struct NodeTensors<'a> {
    pub(super) node: &'a str,
    pub(super) tensors: &'a mut IndexMap<String, Tensor>,
}

impl TensorStore for NodeTensors<'_> {
    fn keep(&mut self, name: &str, values: Vec<f64>) -> Parameter {
        Parameter::Tensor(self.store(name, Tensor::new(vec![values.len()], values)))
    }
}

impl NodeTensors<'_> {
    fn store(&mut self, name: &str, tensor: Tensor) -> TensorRef {
        let name = format!("{}.{name}", self.node);
        self.tensors.insert(name.clone(), tensor);
        TensorRef(HANDLE.to_owned(), name)
    }

    /// A bias, unless it is 0 throughout: exporters write one in any case.
    fn bias(&mut self, bias: Option<&Tensor>) -> Option<TensorRef> {
        let bias = bias.filter(|bias| bias.data.iter().any(|value| value != 0.0))?;
        Some(self.store("bias", bias.clone()))
    }
}

impl Converter<'_, '_> {
    /// The layer of a node that is none of the graph's own.
    pub(super) fn operation(&mut self, node: usize, found: &NirNode) -> Result<OpSpec, Diagnostics> {
        let (name, map) = (self.names[node].clone(), self.maps[node]);
        let (flat, conventions) = (self.flat, self.conventions);
        let mut store = NodeTensors { node: &name, tensors: &mut self.tensors };
        let window = |kernel, stride, padding| PoolWindow { kernel, stride: Some(stride), padding };
        Ok(match found {
            NirNode::Linear { weight, bias } => {
                LinearSpec { weight: store.store("weight", weight.clone()), bias: store.bias(bias.as_ref()) }
                    .into()
            }
            NirNode::Conv(conv) => convolution(conv, &mut store),
            &NirNode::Pool { average, kernel, stride, padding } => match average {
                true => AvgPool2d(window(kernel, stride, padding)).into(),
                false => SumPool2d(window(kernel, stride, padding)).into(),
            },
            NirNode::Flatten { .. } if self.shapes[node].len() == 1 => Flatten.into(),
            NirNode::Flatten { .. } => Reshape { shape: (map.channels, map.height, map.width) }.into(),
            NirNode::Scale(factors) => {
                let factor = self.by_channel(node, "scale", factors)?;
                ScaleSpec { factor }.into()
            }
            NirNode::Threshold(threshold) => {
                let all: Vec<f64> = (0..map.len()).map(|n| number(threshold, n)).collect();
                threshold_layer(parameter(&mut store, "threshold", &all, map), conventions.strict)
            }
            NirNode::Neuron(neuron) => {
                let name = &flat.nodes[node].0;
                let taus = neuron.parameters().into_iter().filter(|(field, _)| field.starts_with("tau"));
                self.remarks.extend(taus.filter_map(|(_, tau)| conventions.remark(name, tau)));
                NeuronNode { file: flat.file, name, neuron, shape: map, conventions }.layer(&mut store)?
            }
            NirNode::Delay(_) => {
                Delay { steps: self.delays[node], shape: Some((map.channels, map.height, map.width)) }.into()
            }
            NirNode::Input(_) | NirNode::Output(_) | NirNode::Graph(_) => {
                return Err(self.refuse(node, format!("a {} within the network", found.kind()), "remove it"));
            }
        })
    }

    /// A parameter that a layer has one of for all, or one a channel.
    fn by_channel(&mut self, node: usize, field: &str, tensor: &Tensor) -> Result<Parameter, Diagnostics> {
        let (name, map) = (self.names[node].clone(), self.maps[node]);
        let all: Vec<f64> = (0..map.len()).map(|n| number(tensor, n)).collect();
        let found = parameter(&mut NodeTensors { node: &name, tensors: &mut self.tensors }, field, &all, map);
        let too_fine = match &found {
            Parameter::Tensor(reference) => self.tensors[&reference.1].data.len() > map.channels,
            Parameter::Number(_) => false,
        };
        if too_fine {
            let message = format!("`{field}` differs within a channel, and a layer has one a channel");
            return Err(self.refuse(node, message, "flatten the map first: then every element is a channel"));
        }
        Ok(found)
    }
}

fn convolution(conv: &NirConv, store: &mut NodeTensors<'_>) -> OpSpec {
    let weight = store.store("weight", conv.weight.clone());
    let bias = store.bias(conv.bias.as_ref());
    let padding = match &conv.padding {
        NirPadding::Same => Padding::Same,
        NirPadding::Numbers(numbers) => Padding::Numbers(numbers.clone()),
    };
    let groups = conv.groups;
    match conv.axes {
        1 => {
            let (stride, dilation) = (conv.stride[0], conv.dilation[0]);
            Conv1dSpec { weight, bias, stride, padding, dilation, groups }.into()
        }
        _ => {
            let pair = |sides: &[usize]| (sides[0], sides[1]);
            let (stride, dilation) = (pair(&conv.stride), pair(&conv.dilation));
            Conv2dSpec { weight, bias, stride, padding, dilation, output_padding: (0, 0), groups }.into()
        }
    }
}

/// Neurons that forget everything in each step: 1 where the input passes a threshold.
fn threshold_layer(threshold: Parameter, strict: bool) -> OpSpec {
    let (zero, one) = (Parameter::Number(0.0), Parameter::Number(1.0));
    NeuronSpec {
        leak: one.clone(),
        gain: one,
        rest: zero.clone(),
        start: zero.clone(),
        current: None,
        threshold,
        strict,
        reset: SpikeReset::Hard,
        reset_to: zero,
        when: ResetStep::Same,
    }
    .into()
}
