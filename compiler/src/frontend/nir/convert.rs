//! From a flat NIR graph to a model file and its tensors, which are built by the loader's own rules.
//!
//! Each node becomes a layer of its name, or a few; several edges into a node are an `Add` before it, an edge that
//! comes back gets a `Delay`. The network ends in a read-out: of neurons that fire the spike count, of a membrane
//! its last value, unless another is asked for.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;
use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::NirOptions;
use super::dialect::Conventions;
use super::flat::{Flat, FlatNode};
use super::loops::late_edges;
use super::node::{NirNode, place};
use crate::frontend::model::{FORMAT, LayerSpec, ModelFile, OpSpec, TrainedNetworkSpec};
use crate::ir::Shape;
use crate::layers::{Add, Delay, InputSpec, SourceSpec};
use crate::weights::Tensor;

/// Handle of the one weight file.
pub(super) const HANDLE: &str = "w";
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
            problems.merge(found);
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

/// A conversion under way.
pub(super) struct Converter<'a, 'f> {
    pub(super) flat: &'a Flat<'f>,
    pub(super) conventions: &'a Conventions,
    /// What every node gives.
    pub(super) maps: Vec<Shape>,
    pub(super) shapes: &'a [Vec<usize>],
    /// Names of the layers, by node.
    pub(super) names: Vec<String>,
    /// Names that are taken.
    pub(super) taken: HashSet<String>,
    /// Timesteps of Delay nodes.
    pub(super) delays: Vec<usize>,
    pub(super) late: HashSet<(usize, usize)>,
    /// The delays that were added, by source.
    pub(super) late_of: HashMap<usize, String>,
    pub(super) layers: Vec<LayerSpec>,
    pub(super) tensors: IndexMap<String, Tensor>,
    pub(super) remarks: Vec<String>,
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

    pub(super) fn refuse(&self, node: usize, message: String, hint: &str) -> Diagnostics {
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

    pub(super) fn push(&mut self, name: &str, from: Vec<String>, op: impl Into<OpSpec>) {
        self.layers.push(LayerSpec { name: name.to_owned(), from, op: op.into() });
    }

    /// The node that a node stands for, if all that it does is to pass one signal on.
    pub(super) fn passes(&self, node: usize) -> Option<usize> {
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
    pub(super) fn read(&mut self, node: usize) -> String {
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
