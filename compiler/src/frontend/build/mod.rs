//! Builds checked layer graphs from a model file that is already parsed.
//!
//! Network by network: names, then inputs, then operations with their tensors ([`op`]), then the graph; last the
//! [`pipeline`]. Every problem that does not hide another is collected. Where the tensors come from is the
//! [`Source`]'s business: [`super::load()`] reads files, [`super::import()`] checks a model before it writes one.

mod conv;
mod dense;
mod op;
mod pipeline;

use std::collections::HashMap;

use indexmap::IndexMap;
use petgraph::graph::NodeIndex;
use snnc_targets::near::near;
use snnc_targets::ron_tree::{self, Node};
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, names};

use super::model::{LayerSpec, ModelFile, NetworkSpec, OpSpec, TensorRef};
use super::{LoadedModel, Origin};
use crate::graph::{Graph, Kind, Layer};
use crate::weights::Tensor;

/// Most timesteps of a pass.
const MOST_TIMESTEPS: usize = 4096;
/// Errors after which no further layer of a network is looked at.
const MOST_ERRORS: usize = 100;

/// Where tensors come from.
pub(super) trait Source {
    /// Reads a tensor.
    ///
    /// # Errors
    /// Why not; empty when that was said before.
    fn fetch(&mut self, tensor: &TensorRef) -> Result<Tensor, Diagnostics>;
}

/// Where the fields of one layer stand.
struct LayerPlace<'a> {
    /// `layer sdid.conv1`.
    subject: String,
    origin: &'a Origin,
    /// The layer in the file.
    node: Option<&'a Node>,
}

impl LayerPlace<'_> {
    /// A field of the layer or of its operation; what should hold it, if it was left out.
    fn field(&self, name: &str) -> Place {
        let range = self.node.and_then(|layer| {
            let op = layer.field("op");
            let field = layer.field(name).or_else(|| op?.field(name)).map(|field| field.span.clone());
            field.or_else(|| Some(op?.head()))
        });
        self.origin.place(self.subject.as_str(), range)
    }

    /// The field of the operation that names a tensor.
    fn tensor(&self, tensor: &TensorRef) -> Place {
        let named = |node: &Node| match node.items() {
            [handle, name] => handle.text() == Some(&tensor.0) && name.text() == Some(&tensor.1),
            _ => false,
        };
        let fields = match self.node.and_then(|layer| layer.field("op")).map(|op| &op.kind) {
            Some(ron_tree::Kind::Struct { fields, .. }) => fields.as_slice(),
            _ => &[],
        };
        // Looks through `Some(...)`.
        let values = fields.iter().flat_map(|field| std::iter::once(&field.value).chain(field.value.items()));
        let range = values.into_iter().find(|node| named(node)).map(|node| node.span.clone());
        self.origin.place(self.subject.as_str(), range)
    }
}

/// Builds and checks everything; `place` names the model file in diagnostics.
pub(super) fn build(
    model: &ModelFile,
    place: &str,
    source: &mut dyn Source,
    origin: Origin,
) -> Result<LoadedModel, Diagnostics> {
    let mut errors = names(model, place, &origin);
    if model.networks.is_empty() {
        errors.push(
            Diagnostic::new(Code::ModelInvalid, place, "the model has no network")
                .hint("add one to `networks`"),
        );
    }
    let mut graphs = IndexMap::new();
    for (name, spec) in &model.networks {
        match network(name, spec, source, &origin) {
            Ok(graph) => drop(graphs.insert(name.clone(), graph)),
            Err(found) => errors.0.extend(found.0),
        }
    }
    if let Some(spec) = &model.pipeline {
        errors.0.extend(pipeline::check(spec, &origin, &model.networks, &graphs).0);
    }
    let (name, pipeline) = (model.name.clone(), model.pipeline.clone());
    origin.locate(errors).into_result(LoadedModel { name, graphs, pipeline, origin })
}

/// One network.
fn network(
    name: &str,
    spec: &NetworkSpec,
    source: &mut dyn Source,
    origin: &Origin,
) -> Result<Graph, Diagnostics> {
    let mut errors = Diagnostics::default();
    if !(1..=MOST_TIMESTEPS).contains(&spec.timesteps) {
        let message = format!("{} timesteps, expected 1 to {MOST_TIMESTEPS}", spec.timesteps);
        let field = origin.tree().and_then(|tree| tree.field("networks")?.entry(name)?.field("timesteps"));
        let place = origin.place(format!("network {name}"), field.map(|field| field.span.clone()));
        errors.push(Diagnostic::new(Code::ModelInvalid, place, message).hint("set `timesteps`"));
    }
    let mut graph = Graph { name: name.to_owned(), timesteps: spec.timesteps, net: Default::default() };
    check_inputs(&graph, spec, &mut errors);
    let links = links(&graph, spec, origin, &mut errors);
    let mut ops = Vec::with_capacity(spec.layers.len());
    for (index, layer) in spec.layers.iter().enumerate() {
        if errors.0.len() >= MOST_ERRORS {
            break;
        }
        let place = LayerPlace { subject: graph.place(&layer.name), origin, node: origin.layer(name, index) };
        let mut resolver = op::Resolver { place, timesteps: spec.timesteps, source, errors: &mut errors };
        ops.push(resolver.op(&layer.op));
    }
    errors.into_result(())?;
    for (layer, op) in spec.layers.iter().zip(ops) {
        // An operation is absent only where its tensor's error was told for another layer, and so counted there.
        let Some(op) = op else { return Err(Diagnostics::default()) };
        graph.net.add_node(Layer { name: layer.name.clone(), op });
    }
    for link in links {
        graph.net.add_edge(link.source.into(), link.reader.into(), link.port);
    }
    ending(&graph)?;
    Ok(graph)
}

/// The maps fit each other, and the network ends in one read-out: the layer that nothing reads.
fn ending(graph: &Graph) -> Result<(), Diagnostics> {
    let shapes = graph.shapes()?;
    let outputs = graph.outputs();
    let place = |node: &NodeIndex| graph.place(&graph.net[*node].name);
    let [first, others @ ..] = outputs.as_slice() else { return Ok(()) };
    if !others.is_empty() {
        let names: Vec<String> = outputs.iter().map(|&node| format!("`{}`", graph.net[node].name)).collect();
        let message = format!(
            "nothing reads {}: a network has one output, this one has {}",
            names.join(", "),
            outputs.len()
        );
        let mut problem = Diagnostic::new(Code::GraphInvalid, place(first), message)
            .hint("remove what is not needed, join the layers by a Concat, or make two networks of it");
        for other in others {
            problem = problem.related(place(other), "nothing reads this either");
        }
        return Err(problem.into());
    }
    if shapes.kind(*first) == Kind::Final {
        return Ok(());
    }
    let name = &graph.net[*first].name;
    let message = format!(
        "the network ends in `{name}`, whose output is {}, expected a read-out at the end",
        shapes.kind(*first)
    );
    let layer = format!("(name: \"out\", from: [{name:?}], op: MeanOverTime)");
    Err(Diagnostic::new(Code::GraphInvalid, place(first), message)
        .hint(format!("add a layer that reads it: {layer}, or a WeightedSum"))
        .into())
}

/// Names that cannot be printed or are too long.
fn names(model: &ModelFile, place: &str, origin: &Origin) -> Diagnostics {
    let tree = origin.tree();
    let key =
        |map: &str, name: &str| tree.and_then(|tree| tree.field(map)?.key(name)).map(|key| key.span.clone());
    let mut all = Vec::new();
    let own = tree.and_then(|tree| tree.field("name")).map(|name| name.span.clone());
    all.push(("model", &model.name, origin.file(place, own)));
    for handle in model.weights.keys() {
        all.push(("weight file", handle, origin.file(place, key("weights", handle))));
    }
    for network in model.networks.keys() {
        all.push(("network", network, origin.file(place, key("networks", network))));
    }
    let faults = all.into_iter().filter_map(|(what, name, place)| {
        let message = format!("the name of the {what} {}", names::fault(name)?);
        Some(
            Diagnostic::new(Code::ModelInvalid, place, message)
                .hint("names are printed in reports: choose a short one"),
        )
    });
    Diagnostics(faults.collect())
}

/// Exactly one layer is the network's input.
fn check_inputs(graph: &Graph, spec: &NetworkSpec, errors: &mut Diagnostics) {
    let count = spec.layers.iter().filter(|layer| matches!(layer.op, OpSpec::Input { .. })).count();
    if count != 1 {
        let message = format!("the network has {count} Input layers, expected exactly one");
        errors.push(
            Diagnostic::new(Code::GraphInvalid, format!("network {}", graph.name), message)
                .hint("give a network one Input layer that all others follow from"),
        );
    }
}

/// An edge of the graph, by positions in the list of layers.
struct Link {
    source: u32,
    reader: u32,
    port: usize,
}

/// Resolves the names in `from`; reports doubled and unknown names and wrong numbers of inputs.
fn links(graph: &Graph, spec: &NetworkSpec, origin: &Origin, errors: &mut Diagnostics) -> Vec<Link> {
    let place = |layer: &LayerSpec, index: usize, field: &str| {
        let node = origin.layer(&graph.name, index);
        LayerPlace { subject: graph.place(&layer.name), origin, node }.field(field)
    };
    let mut positions = HashMap::new();
    for (position, layer) in (0u32..).zip(&spec.layers) {
        let here = || place(layer, position as usize, "name");
        if let Some(fault) = names::fault(&layer.name) {
            let message = format!("the name of the layer {fault}");
            errors.push(
                Diagnostic::new(Code::GraphInvalid, here(), message)
                    .hint("give every layer a name of its own that reports can print"),
            );
        } else if let Some(&first) = positions.get(layer.name.as_str()) {
            let first = place(layer, first as usize, "name");
            errors.push(
                Diagnostic::new(Code::GraphInvalid, here(), "two layers have this name")
                    .related(first, "the first of that name")
                    .hint("rename one of them and the `from` of its readers"),
            );
        }
        positions.entry(layer.name.as_str()).or_insert(position);
    }
    let names: Vec<&str> = spec.layers.iter().map(|layer| layer.name.as_str()).collect();
    let mut links = Vec::new();
    for (reader, layer) in (0u32..).zip(&spec.layers) {
        if errors.0.len() >= MOST_ERRORS {
            break;
        }
        let node = origin.layer(&graph.name, reader as usize);
        errors.0.extend(arity_error(|| place(layer, reader as usize, "from"), layer));
        for (port, from) in layer.from.iter().enumerate() {
            let named = node.and_then(|node| node.field("from")?.items().get(port));
            match positions.get(from.as_str()) {
                Some(&source) => links.push(Link { source, reader, port }),
                None => {
                    let place = origin.place(graph.place(&layer.name), named.map(|name| name.span.clone()));
                    errors.push(dangling(place, from, &names));
                }
            }
        }
    }
    links
}

fn dangling(place: Place, from: &str, names: &[&str]) -> Diagnostic {
    let found = Diagnostic::new(
        Code::GraphInvalid,
        place,
        format!("reads from `{from}`, but no layer of the network has that name"),
    );
    match near(from, names) {
        Some(near) => found.hint(format!("near names: {near}")),
        None => found.hint("layers read only from layers of their own network"),
    }
}

/// The number of inputs that the operation does not take, as an error.
fn arity_error(place: impl FnOnce() -> Place, layer: &LayerSpec) -> Option<Diagnostic> {
    let count = layer.from.len();
    let (legal, expected) = match layer.op {
        OpSpec::Input { .. } => (count == 0, "none"),
        OpSpec::Concat => (count >= 2, "two or more"),
        OpSpec::Mix { .. } => (count == 2, "two"),
        _ => (count == 1, "one"),
    };
    let message = format!("the layer has {count} inputs, expected {expected}");
    (!legal).then(|| {
        Diagnostic::new(Code::GraphInvalid, place(), message)
            .hint("`from` lists the layers that are read, in port order")
    })
}
