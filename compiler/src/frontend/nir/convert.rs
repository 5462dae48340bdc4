//! From a flat NIR graph to a model file and its tensors, which are built by the loader's own rules.
//!
//! Each node becomes a layer of its name, or a few; several edges into a node are an `Add` before it, an edge that
//! comes back gets a `Delay`. The network ends in a read-out: of neurons that fire the spike count, of a membrane
//! its last value, unless another is asked for.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::dialect::Conventions;
use super::flat::{Flat, FlatNode};
use super::loops::late_edges;
use super::neurons::{NeuronNode, TensorStore, parameter};
use super::node::{NirConv, NirNeuron, NirNode, NirPadding, place};
use super::{NirOptions, ReadOut};
use crate::frontend::model::{FORMAT, LayerSpec, ModelFile, OpSpec, TensorRef, TrainedNetworkSpec};
use crate::ir::Shape;
use crate::layers::{
    Add, AvgPool2d, Conv1dSpec, Conv2dSpec, Delay, Flatten, InputSpec, LastOverTimeSpec, LinearSpec,
    MeanOverTime, NeuronSpec, Padding, Parameter, PoolWindow, ResetStep, Reshape, ScaleSpec, SourceSpec,
    SpikeReset, SumOverTime, SumPool2d,
};
use crate::weights::Tensor;

/// Handle of the one weight file.
const HANDLE: &str = "w";
/// The weight file of an imported model.
pub const WEIGHTS: &str = "weights.safetensors";
/// Name of the network.
pub const NETWORK: &str = "net";
/// How far from a whole number of timesteps a delay may be: its seconds are 32-bit floats.
const DELAY_ERROR: f64 = 1e-3;

/// A model file that is not written yet, with its tensors.
#[derive(Debug)]
pub struct Converted {
    /// The model file.
    pub model: ModelFile,
    /// Tensors of its one weight file.
    pub tensors: IndexMap<String, Tensor>,
    /// What was decided, for people.
    pub remarks: Vec<String>,
}

/// Converts a flat graph.
///
/// # Errors
/// What of the graph has no layer, or does not fit.
pub fn convert(
    flat: &Flat<'_>,
    shapes: &[Vec<usize>],
    conventions: &Conventions,
    timesteps: usize,
    options: &NirOptions,
) -> Result<Converted, Diagnostics> {
    let mut converter = Converter::new(flat, shapes, conventions)?;
    let mut problems = Diagnostics::default();
    for node in (0..flat.nodes.len()).filter(|&node| node != flat.output) {
        if let Err(found) = converter.node(node, options) {
            problems.0.extend(found.0);
        }
    }
    problems.into_result(())?;
    converter.output(options)?;
    let Converter { layers, tensors, remarks, .. } = converter;
    let network = TrainedNetworkSpec { timesteps, layers };
    let name = flat.file.path.file_stem().map_or_else(|| "nir".into(), |stem| stem.to_string_lossy());
    let model = ModelFile {
        format: FORMAT.to_owned(),
        name: name.into_owned(),
        weights: IndexMap::from([(HANDLE.to_owned(), WEIGHTS.to_owned())]),
        networks: IndexMap::from([(NETWORK.to_owned(), network)]),
        pipeline: None,
    };
    Ok(Converted { model, tensors, remarks })
}

struct Converter<'a, 'f> {
    flat: &'a Flat<'f>,
    conventions: &'a Conventions,
    /// What every node gives.
    maps: Vec<Shape>,
    shapes: &'a [Vec<usize>],
    /// Names of the layers, by node.
    names: Vec<String>,
    /// Names that are taken.
    taken: HashSet<String>,
    /// Timesteps of Delay nodes.
    delays: Vec<usize>,
    late: HashSet<(usize, usize)>,
    /// The delays that were added, by source.
    late_of: HashMap<usize, String>,
    layers: Vec<LayerSpec>,
    tensors: IndexMap<String, Tensor>,
    remarks: Vec<String>,
}

/// Tensors of one node.
struct NodeTensors<'a> {
    node: &'a str,
    tensors: &'a mut IndexMap<String, Tensor>,
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

impl<'a, 'f> Converter<'a, 'f> {
    fn new(
        flat: &'a Flat<'f>,
        shapes: &'a [Vec<usize>],
        conventions: &'a Conventions,
    ) -> Result<Self, Diagnostics> {
        let mut problems = Diagnostics::default();
        let mut maps = Vec::new();
        for ((name, _), shape) in flat.nodes.iter().zip(shapes) {
            match map_of(shape) {
                Some(map) => maps.push(map),
                None => problems.push(
                    Diagnostic::new(
                        Code::FeatureMissing,
                        place(&flat.file.path, name),
                        format!("it gives {shape:?}, and signals here have up to three axes: [c, h, w]"),
                    )
                    .hint("leave out the axes of batch and time, which NIR does not have"),
                ),
            }
        }
        problems.into_result(())?;
        let names = names(flat);
        let mut converter = Self {
            flat,
            conventions,
            maps,
            shapes,
            taken: names.iter().cloned().collect(),
            names,
            delays: vec![0; flat.nodes.len()],
            late: HashSet::new(),
            late_of: HashMap::new(),
            layers: Vec::new(),
            tensors: IndexMap::new(),
            remarks: vec![conventions.to_string()],
        };
        for node in 0..flat.nodes.len() {
            converter.delays[node] = converter.delay(node)?;
        }
        converter.remarks.extend(conventions.remark_on_currents(flat));
        for node in (0..flat.nodes.len()).filter(|&node| flat.counts_the_batch(node, shapes)) {
            converter.remarks.push(format!(
                "`{}` counts the axis of the batch: it gives {:?}, as its reader takes it",
                flat.nodes[node].0, shapes[node]
            ));
        }
        let delays: Vec<bool> = converter.delays.iter().map(|&steps| steps > 0).collect();
        converter.late = late_edges(flat, &delays)?;
        Ok(converter)
    }

    fn refuse(&self, node: usize, message: String, hint: &str) -> Diagnostics {
        Diagnostic::new(Code::FeatureMissing, place(&self.flat.file.path, &self.flat.nodes[node].0), message)
            .hint(hint.to_owned())
            .into()
    }

    /// Timesteps of a Delay node.
    fn delay(&self, node: usize) -> Result<usize, Diagnostics> {
        let FlatNode::Node(NirNode::Delay(seconds)) = &self.flat.nodes[node].1 else { return Ok(0) };
        let first = seconds.data.get(0);
        if seconds.data.iter().any(|other| other != first) {
            let message = "its delays differ between elements, and a layer has one".into();
            return Err(self.refuse(node, message, "split the signal into one Delay for each length"));
        }
        let steps = first / self.conventions.dt.unwrap_or(1.0);
        let whole = steps.round();
        if !((0.0..=4096.0).contains(&whole) && (steps - whole).abs() <= DELAY_ERROR) {
            let message =
                format!("a delay of {first} s is {steps} timesteps, expected a whole number up to 4096");
            return Err(self.refuse(node, message, "give another timestep with --nir-dt"));
        }
        Ok(whole as usize)
    }

    /// A name that is not taken.
    fn fresh(&mut self, base: &str, part: &str) -> String {
        let name = (0..).map(|n| match (part, n) {
            ("", 0) => base.to_owned(),
            (_, 0) => format!("{base}.{part}"),
            (_, n) => format!("{base}.{part}{n}"),
        });
        let name = { name }.find(|name| !self.taken.contains(name)).unwrap_or_default();
        self.taken.insert(name.clone());
        name
    }

    fn push(&mut self, name: &str, from: Vec<String>, op: impl Into<OpSpec>) {
        self.layers.push(LayerSpec { name: name.to_owned(), from, op: op.into() });
    }

    /// The node that a node stands for, if all that it does is to pass one signal on.
    fn passes(&self, node: usize) -> Option<usize> {
        let passing = match &self.flat.nodes[node].1 {
            FlatNode::Pass(_) => true,
            FlatNode::Node(NirNode::Delay(_)) => self.delays[node] == 0,
            FlatNode::Node(_) => false,
        };
        match self.flat.sources(node)[..] {
            [source] if passing && node != self.flat.output => Some(source),
            _ => None,
        }
    }

    /// The layer that gives what node `source` gives to `target`: its own, or its spikes a step late.
    fn given(&mut self, mut source: usize, mut target: usize) -> String {
        let mut late = self.late.contains(&(source, target));
        // A circle of nodes that pass on ends, too; the builder refuses its layers.
        for _ in 0..self.flat.nodes.len() {
            let Some(before) = self.passes(source) else { break };
            (source, target) = (before, source);
            late |= self.late.contains(&(source, target));
        }
        if !late {
            return self.names[source].clone();
        }
        if let Some(name) = self.late_of.get(&source) {
            return name.clone();
        }
        let own = self.names[source].clone();
        let name = self.fresh(&own, "late");
        let Shape { channels, height, width } = self.maps[source];
        self.push(&name, vec![own], Delay { steps: 1, shape: Some((channels, height, width)) });
        self.late_of.insert(source, name.clone());
        name
    }

    /// The one layer that a node reads: that of its source, or the sum of its sources.
    fn read(&mut self, node: usize) -> String {
        let mut from: Vec<String> =
            self.flat.sources(node).into_iter().map(|source| self.given(source, node)).collect();
        if from.len() == 1 {
            return from.remove(0);
        }
        let own = self.names[node].clone();
        let name = self.fresh(&own, "sum");
        self.push(&name, from, Add);
        name
    }

    fn node(&mut self, node: usize, options: &NirOptions) -> Result<(), Diagnostics> {
        let (name, map) = (self.names[node].clone(), self.maps[node]);
        let Shape { channels, height, width } = map;
        if node == self.flat.input {
            let spikes = !options.constant_input;
            self.push(
                &name,
                Vec::new(),
                InputSpec { shape: (channels, height, width), spikes, source: SourceSpec::Given },
            );
            return Ok(());
        }
        if self.passes(node).is_some() {
            return Ok(());
        }
        let sources = self.flat.sources(node);
        if self.delays[node] == 0
            && let FlatNode::Pass(_) | FlatNode::Node(NirNode::Delay(_)) = &self.flat.nodes[node].1
        {
            let from = sources.into_iter().map(|source| self.given(source, node)).collect();
            self.push(&name, from, Add);
            return Ok(());
        }
        let source = self.read(node);
        let op = match &self.flat.nodes[node].1 {
            FlatNode::Node(found) => self.operation(node, found)?,
            FlatNode::Pass(_) => return Ok(()),
        };
        self.push(&name, vec![source], op);
        Ok(())
    }

    fn operation(&mut self, node: usize, found: &NirNode) -> Result<OpSpec, Diagnostics> {
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
                let all: Vec<f64> = (0..map.len()).map(|n| super::dialect::number(threshold, n)).collect();
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
        let all: Vec<f64> = (0..map.len()).map(|n| super::dialect::number(tensor, n)).collect();
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

    /// The membrane that never fires which the network ends in, if it does: its node.
    fn last_membrane(&self) -> Option<(usize, &'a NirNeuron)> {
        let mut node = self.flat.output;
        for _ in 0..self.flat.nodes.len() {
            let [source] = self.flat.sources(node)[..] else { return None };
            match &self.flat.nodes[source].1 {
                FlatNode::Node(NirNode::Neuron(neuron)) if neuron.fires.is_none() => {
                    return Some((source, neuron));
                }
                _ => node = self.passes(source).map(|_| source)?,
            }
        }
        None
    }

    /// The read-out that the network ends in.
    fn output(&mut self, options: &NirOptions) -> Result<(), Diagnostics> {
        let (node, membrane) = (self.flat.output, self.last_membrane());
        let name = self.names[node].clone();
        let mut source = self.read(node);
        let read_out = match (options.read_out, membrane) {
            (Some(asked), _) => asked,
            (None, Some(_)) => ReadOut::Last,
            (None, None) => ReadOut::Sum,
        };
        let mut op: OpSpec = match read_out {
            ReadOut::Sum => SumOverTime.into(),
            ReadOut::Mean => MeanOverTime.into(),
            ReadOut::Last => LastOverTimeSpec.into(),
        };
        if let (ReadOut::Last, Some((at, neuron))) = (read_out, membrane)
            && self.flat.edges.iter().filter(|&&(from, _)| from == at).count() == 1
            && let Some((scale, sum)) = self.folded(at, neuron)?
            && let Some(layer) = self.layers.iter().position(|layer| layer.name == source)
        {
            op = sum;
            match scale {
                Some(scale) => self.layers[layer].op = scale,
                None => source = self.layers.remove(layer).from.remove(0),
            }
        }
        self.remarks.push(format!("the network's result is {read_out} of `{source}`"));
        self.push(&name, vec![source], op);
        Ok(())
    }

    /// A membrane at the end as the read-out that it is on a chip, if it is one.
    fn folded(
        &mut self,
        node: usize,
        neuron: &NirNeuron,
    ) -> Result<Option<(Option<OpSpec>, OpSpec)>, Diagnostics> {
        let own = self.names[node].clone();
        let (name, shape) = (&self.flat.nodes[node].0, self.maps[node]);
        let part = NeuronNode { file: self.flat.file, name, neuron, shape, conventions: self.conventions };
        part.read_out(&mut NodeTensors { node: &own, tensors: &mut self.tensors })
    }
}

/// `[n]` has channels, `[c, w]` maps of one row, `[c, h, w]` maps.
fn map_of(shape: &[usize]) -> Option<Shape> {
    match *shape {
        [] => Some(Shape::new(1, 1, 1)),
        [channels] => Some(Shape::new(channels, 1, 1)),
        [channels, width] => Some(Shape::new(channels, 1, width)),
        [channels, height, width] => Some(Shape::new(channels, height, width)),
        _ => None,
    }
}

/// Names of layers: those of the nodes. Numbered modules are written as `_3` by exporters that trace, so an underscore
/// before a number goes where that makes no two names equal.
fn names(flat: &Flat<'_>) -> Vec<String> {
    let plain = |name: &str| {
        let number = name.strip_prefix('_').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
        number.unwrap_or(name).to_owned()
    };
    let short: Vec<String> = flat.nodes.iter().map(|(name, _)| plain(name)).collect();
    match short.iter().collect::<HashSet<_>>().len() == short.len() {
        true => short,
        false => flat.nodes.iter().map(|(name, _)| name.clone()).collect(),
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
