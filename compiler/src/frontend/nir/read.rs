//! From the parts of an HDF5 file to a NIR graph.
//!
//! The kinds and fields are those of the Python package `nir` 1.0.8 (`nir/ir`); fields that older versions did not
//! write have its defaults: `v_reset` 0, `w_in` 1, `start_dim` 1, `end_dim` -1, shapes left out (but the Input's). What
//! a node means is elsewhere; checked here is that every field is there and of its kind, that nodes which edges name
//! exist, and that no edge stands twice.

// What a number from a file can reach neither wraps, panics nor leaves its array.
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use std::path::Path;

use indexmap::{IndexMap, IndexSet};
use snnc_targets::near::near;
use snnc_targets::{Code, Diagnostic, Diagnostics, Place};

use super::hdf5::{self, Item};
use super::node::{NirConv, NirFile, NirGraph, NirNeuron, NirNode, NirPadding, place};
use crate::weights::Tensor;

/// Most problems that are told of one file.
const PROBLEMS_MAX: usize = 50;

impl NirFile {
    /// Reads a file. What is wrong with its nodes is collected.
    ///
    /// # Errors
    /// Those of [`hdf5::read`]; [`Code::ModelInvalid`] for graphs and fields, [`Code::TensorShape`] for arrays,
    /// [`Code::FeatureMissing`] for unknown kinds of nodes.
    pub fn read(path: &Path) -> Result<Self, Diagnostics> {
        Self::of(hdf5::read(path)?, path)
    }

    /// Reads the bytes of a file; `path` names it in diagnostics.
    ///
    /// # Errors
    /// Those of [`NirFile::read`].
    pub fn parse(bytes: Vec<u8>, path: &Path) -> Result<Self, Diagnostics> {
        Self::of(hdf5::parse(bytes, path)?, path)
    }

    fn of(root: Item, path: &Path) -> Result<Self, Diagnostics> {
        let mut reader = GraphReader { path, problems: Diagnostics::default() };
        let Item::Group(root) = root else { return Err(reader.no_graph().into()) };
        let version = match root.get("version") {
            Some(Item::Texts(_, texts)) => texts.first().cloned(),
            _ => None,
        };
        let Some(Item::Group(node)) = root.get("node") else { return Err(reader.no_graph().into()) };
        let graph = match reader.node(node, "") {
            Some(NirNode::Graph(graph)) => Some(graph),
            // A file may hold one node alone.
            Some(node) => Some(alone(node)),
            None => None,
        };
        let problems = reader.problems;
        let graph = problems.into_result(graph)?.ok_or_else(Diagnostics::default)?;
        Ok(Self { path: path.to_owned(), version, graph })
    }
}

/// A graph of one node.
fn alone(node: NirNode) -> NirGraph {
    NirGraph { nodes: IndexMap::from([(node.kind().to_lowercase(), node)]), edges: Vec::new() }
}

struct GraphReader<'a> {
    path: &'a Path,
    problems: Diagnostics,
}

/// The fields of one node.
struct Fields<'a, 'b> {
    reader: &'a mut GraphReader<'b>,
    items: &'a IndexMap<String, Item>,
    /// The node's path.
    at: &'a str,
}

impl GraphReader<'_> {
    fn no_graph(&self) -> Diagnostic {
        Diagnostic::new(Code::ModelInvalid, Place::file(self.path), "no NIR graph: there is no group `node`")
            .hint("NIR graphs are written by `nir.write(path, graph)`")
    }

    fn report(&mut self, code: Code, part: &str, message: String, hint: &str) {
        if self.problems.0.len() < PROBLEMS_MAX {
            self.problems.push(Diagnostic::new(code, place(self.path, part), message).hint(hint.to_owned()));
        }
    }

    fn node(&mut self, items: &IndexMap<String, Item>, at: &str) -> Option<NirNode> {
        let kind = match items.get("type") {
            Some(Item::Texts(_, texts)) => texts.first().cloned().unwrap_or_default(),
            _ => {
                let message = "the node has no `type`".into();
                self.report(Code::ModelInvalid, at, message, "every node names its kind: LIF, Affine ...");
                return None;
            }
        };
        if kind == "NIRGraph" {
            return self.graph(items, at).map(NirNode::Graph);
        }
        let mut fields = Fields { reader: self, items, at };
        match kind.as_str() {
            "Input" => fields.shape("shape").map(NirNode::Input),
            // A shape that is left out is that of what comes in.
            "Output" if !items.contains_key("shape") => Some(NirNode::Output(Vec::new())),
            "Output" => fields.shape("shape").map(NirNode::Output),
            "Affine" => {
                let (weight, bias) = (fields.tensor("weight"), fields.tensor("bias"));
                Some(NirNode::Linear { weight: weight?, bias: Some(bias?) })
            }
            "Linear" => Some(NirNode::Linear { weight: fields.tensor("weight")?, bias: None }),
            "Scale" => fields.tensor("scale").map(NirNode::Scale),
            "Conv1d" => fields.conv(1).map(NirNode::Conv),
            "Conv2d" => fields.conv(2).map(NirNode::Conv),
            "SumPool2d" | "AvgPool2d" => {
                let kernel = fields.pair("kernel_size")?;
                let stride = if fields.has("stride") { fields.pair("stride")? } else { kernel };
                let padding = if fields.has("padding") { fields.pair("padding")? } else { (0, 0) };
                Some(NirNode::Pool { average: kind == "AvgPool2d", kernel, stride, padding })
            }
            "Flatten" => {
                let input = if fields.has("input_type") { Some(fields.shape("input_type")?) } else { None };
                let start = if fields.has("start_dim") { fields.whole("start_dim")? } else { 1 };
                let end = if fields.has("end_dim") { fields.whole("end_dim")? } else { -1 };
                Some(NirNode::Flatten { input, start, end })
            }
            "Threshold" => fields.tensor("threshold").map(NirNode::Threshold),
            "Delay" => fields.tensor("delay").map(NirNode::Delay),
            "I" => fields.neuron("I", None, false, false),
            "IF" => fields.neuron("IF", None, false, true),
            "LI" => fields.neuron("LI", Some("tau"), false, false),
            "LIF" => fields.neuron("LIF", Some("tau"), false, true),
            "CubaLI" => fields.neuron("CubaLI", Some("tau_mem"), true, false),
            "CubaLIF" => fields.neuron("CubaLIF", Some("tau_mem"), true, true),
            other => {
                let hint = near(other, &KINDS)
                    .map_or_else(|| format!("one of {}", KINDS.join(", ")), |near| format!("near: {near}"));
                let shown: String = other.chars().take(40).collect();
                self.report(Code::FeatureMissing, at, format!("NIR has no node `{shown}`"), &hint);
                None
            }
        }
    }

    fn graph(&mut self, items: &IndexMap<String, Item>, at: &str) -> Option<NirGraph> {
        let mut graph = NirGraph::default();
        let Some(Item::Group(nodes)) = items.get("nodes") else {
            self.report(
                Code::ModelInvalid,
                at,
                "the graph has no `nodes`".into(),
                "write it with `nir.write`",
            );
            return None;
        };
        let mut whole = true;
        for (name, item) in nodes {
            let inner = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            let Item::Group(fields) = item else {
                let message = "this is no node: expected a group".into();
                self.report(Code::ModelInvalid, &inner, message, "nodes hold their fields");
                whole = false;
                continue;
            };
            match self.node(fields, &inner) {
                Some(node) => drop(graph.nodes.insert(name.clone(), node)),
                None => whole = false,
            }
        }
        let edges = self.edges(items, nodes, at)?;
        graph.edges = edges;
        whole.then_some(graph)
    }

    fn edges(
        &mut self,
        items: &IndexMap<String, Item>,
        nodes: &IndexMap<String, Item>,
        at: &str,
    ) -> Option<Vec<(String, String)>> {
        let pairs = match items.get("edges") {
            Some(Item::Texts(shape, texts)) if matches!(shape[..], [_, 2]) => texts,
            // A graph without edges is written as an empty array of numbers.
            Some(Item::Numbers(tensor)) if tensor.data.is_empty() => return Some(Vec::new()),
            None => return Some(Vec::new()),
            _ => {
                let message = "`edges` are no pairs of names".into();
                self.report(Code::ModelInvalid, at, message, "an edge is (source, target)");
                return None;
            }
        };
        let names: Vec<&str> = nodes.keys().map(String::as_str).collect();
        let (mut edges, mut seen, mut whole) = (Vec::new(), IndexSet::new(), true);
        for [source, target] in pairs.as_chunks::<2>().0 {
            let shown = format!("the edge `{source}` -> `{target}`");
            for end in [source, target] {
                if nodes.contains_key(end) {
                    continue;
                }
                let inside = if at.is_empty() { String::new() } else { format!(" of the subgraph `{at}`") };
                let message = format!("{shown}{inside} names `{end}`, but there is no such node");
                let hint = match near(end, &names) {
                    Some(near) => format!("near names: {near}"),
                    None => format!(
                        "its nodes: {}",
                        names.iter().take(20).copied().collect::<Vec<_>>().join(", ")
                    ),
                };
                self.report(Code::ModelInvalid, at, message, &hint);
                whole = false;
            }
            if !seen.insert((source, target)) {
                self.report(Code::ModelInvalid, at, format!("{shown} stands twice"), "keep one of them");
                whole = false;
            }
            edges.push((source.clone(), target.clone()));
        }
        whole.then_some(edges)
    }
}

/// Kinds of nodes.
const KINDS: [&str; 19] = [
    "Input",
    "Output",
    "Affine",
    "Linear",
    "Scale",
    "Conv1d",
    "Conv2d",
    "SumPool2d",
    "AvgPool2d",
    "Flatten",
    "Threshold",
    "Delay",
    "I",
    "IF",
    "LI",
    "LIF",
    "CubaLI",
    "CubaLIF",
    "NIRGraph",
];

impl Fields<'_, '_> {
    fn has(&self, name: &str) -> bool {
        match self.items.get(name) {
            // `None` is written as an empty array by some exporters.
            Some(Item::Numbers(tensor)) => !tensor.data.is_empty(),
            Some(Item::Other(_)) | None => false,
            Some(_) => true,
        }
    }

    fn refuse<T>(&mut self, name: &str, message: String, hint: &str) -> Option<T> {
        let at = if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) };
        self.reader.report(Code::ModelInvalid, &at, message, hint);
        None
    }

    fn tensor(&mut self, name: &str) -> Option<Tensor> {
        match self.items.get(name) {
            Some(Item::Numbers(tensor)) if !tensor.data.is_empty() => Some(tensor.clone()),
            Some(Item::Numbers(_)) => self.refuse(name, "the array is empty".into(), "write its numbers"),
            Some(Item::Other(kind)) => {
                let message = format!("the elements are of type {kind}, expected numbers");
                self.refuse(name, message, "store it as float32, float64 or integers")
            }
            Some(_) => self.refuse(name, "expected an array of numbers".into(), "write it with `nir.write`"),
            None => {
                self.refuse(name, "the node does not have this field".into(), "write it with `nir.write`")
            }
        }
    }

    fn tensor_or(&mut self, name: &str, like: &Tensor, value: f64) -> Option<Tensor> {
        match self.items.contains_key(name) {
            true => self.tensor(name),
            false => Some(Tensor::new(like.shape.clone(), vec![value; like.data.len()])),
        }
    }

    /// A list of whole numbers from 0.
    fn shape(&mut self, name: &str) -> Option<Vec<usize>> {
        // A shape of no axes is that of one number.
        if let Some(Item::Numbers(tensor)) = self.items.get(name)
            && tensor.data.is_empty()
        {
            return Some(Vec::new());
        }
        let tensor = self.tensor(name)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole and fits u32"
        )]
        let whole = |v: f64| (v >= 0.0 && v <= f64::from(u32::MAX) && v.fract() == 0.0).then_some(v as usize);
        let sides: Option<Vec<usize>> = tensor.data.iter().map(whole).collect();
        match sides.filter(|sides| sides.len() <= 8) {
            Some(sides) => Some(sides),
            None => self.refuse(name, "expected whole numbers from 0".into(), "it counts elements"),
        }
    }

    fn whole(&mut self, name: &str) -> Option<i64> {
        let tensor = self.tensor(name)?;
        let value = tensor.data.get(0);
        match tensor.data.len() == 1 && value.fract() == 0.0 && value.abs() < 1e9 {
            #[expect(clippy::cast_possible_truncation, reason = "it is whole and below 10^9")]
            true => Some(value as i64),
            false => self.refuse(name, "expected one whole number".into(), "it counts axes or groups"),
        }
    }

    /// One number for both axes, or two.
    fn pair(&mut self, name: &str) -> Option<(usize, usize)> {
        match self.shape(name)?[..] {
            [both] => Some((both, both)),
            [rows, columns] => Some((rows, columns)),
            _ => self.refuse(name, "expected one number or two".into(), "pairs are (vertical, horizontal)"),
        }
    }

    /// One number for all axes, or one each.
    fn each_axis(&mut self, name: &str, axes: usize, missing: usize) -> Option<Vec<usize>> {
        if !self.has(name) {
            return Some(vec![missing; axes]);
        }
        let found = self.shape(name)?;
        match (found.as_slice(), found.len()) {
            (&[all], _) => Some(vec![all; axes]),
            (_, length) if length == axes => Some(found),
            (_, length) => {
                let message = format!("{length} numbers, expected 1 or {axes}: one an axis");
                self.refuse(name, message, "axes are (vertical, horizontal)")
            }
        }
    }

    fn conv(&mut self, axes: usize) -> Option<NirConv> {
        let weight = self.tensor("weight")?;
        if weight.shape.len() != axes + 2 {
            let message = format!("shape {:?}, expected [out, in / groups] and {axes} axes", weight.shape);
            return self.refuse("weight", message, "is it the right array?");
        }
        let bias = if self.has("bias") { Some(self.tensor("bias")?) } else { None };
        let padding = match self.items.get("padding") {
            Some(Item::Texts(_, texts)) => match texts.first().map(String::as_str) {
                Some("same") => NirPadding::Same,
                Some("valid") => NirPadding::Numbers(vec![0; axes]),
                _ => {
                    return self.refuse(
                        "padding",
                        "expected numbers, \"same\" or \"valid\"".into(),
                        "as in NIR",
                    );
                }
            },
            _ => NirPadding::Numbers(self.each_axis("padding", axes, 0)?),
        };
        let groups = if self.has("groups") { self.whole("groups")? } else { 1 };
        let Some(groups) = usize::try_from(groups).ok().filter(|&groups| groups > 0) else {
            return self.refuse(
                "groups",
                format!("{groups} groups, expected 1 or more"),
                "1 for all channels",
            );
        };
        Some(NirConv {
            axes,
            input_shape: if self.has("input_shape") { Some(self.shape("input_shape")?) } else { None },
            stride: self.each_axis("stride", axes, 1)?,
            dilation: self.each_axis("dilation", axes, 1)?,
            weight,
            bias,
            padding,
            groups,
        })
    }

    fn neuron(
        &mut self,
        kind: &'static str,
        tau: Option<&str>,
        synapse: bool,
        fires: bool,
    ) -> Option<NirNode> {
        let r = self.tensor("r")?;
        let tau = match tau {
            Some(name) => Some(self.tensor(name)?),
            None => None,
        };
        let v_leak = match &tau {
            Some(_) => Some(self.tensor_or("v_leak", &r, 0.0)?),
            None => None,
        };
        let synapse = match synapse {
            true => Some((self.tensor("tau_syn")?, self.tensor_or("w_in", &r, 1.0)?)),
            false => None,
        };
        let fires = match fires {
            true => {
                let threshold = self.tensor("v_threshold")?;
                let reset = self.tensor_or("v_reset", &threshold, 0.0)?;
                Some((threshold, reset))
            }
            false => None,
        };
        let neuron = NirNeuron { kind, tau, synapse, r, v_leak, fires };
        self.alike(&neuron)?;
        Some(NirNode::Neuron(neuron))
    }

    /// All parameters have the neurons' shape, or are one number.
    fn alike(&mut self, neuron: &NirNeuron) -> Option<()> {
        let shape = neuron.shape();
        for (name, tensor) in neuron.parameters() {
            if tensor.data.len() != 1 && tensor.shape != shape {
                let message =
                    format!("shape {:?}, other parameters of the node have {shape:?}", tensor.shape);
                return self.refuse(name, message, "all parameters have the shape of the neurons");
            }
        }
        Some(())
    }
}
