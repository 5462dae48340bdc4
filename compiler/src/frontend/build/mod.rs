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
use snnc_targets::near::near;
use snnc_targets::{Code, Diagnostic, Diagnostics};

use super::LoadedModel;
use super::model::{LayerSpec, ModelFile, NetworkSpec, OpSpec, TensorRef};
use crate::graph::{Graph, Layer};
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

/// Builds and checks everything; `place` names the model file in diagnostics.
pub(super) fn build(
    model: &ModelFile,
    place: &str,
    source: &mut dyn Source,
) -> Result<LoadedModel, Diagnostics> {
    let mut errors = Diagnostics::default();
    if model.networks.is_empty() {
        errors.push(
            Diagnostic::new(Code::ModelInvalid, place, "the model has no network")
                .hint("add one to `networks`"),
        );
    }
    let mut graphs = IndexMap::new();
    for (name, spec) in &model.networks {
        match network(name, spec, source) {
            Ok(graph) => drop(graphs.insert(name.clone(), graph)),
            Err(found) => errors.0.extend(found.0),
        }
    }
    if let Some(spec) = &model.pipeline {
        errors.0.extend(pipeline::check(spec, place, &model.networks, &graphs).0);
    }
    errors.into_result(LoadedModel { name: model.name.clone(), graphs, pipeline: model.pipeline.clone() })
}

/// One network.
fn network(name: &str, spec: &NetworkSpec, source: &mut dyn Source) -> Result<Graph, Diagnostics> {
    let mut errors = Diagnostics::default();
    if !(1..=MOST_TIMESTEPS).contains(&spec.timesteps) {
        let message = format!("{} timesteps, expected 1 to {MOST_TIMESTEPS}", spec.timesteps);
        errors.push(
            Diagnostic::new(Code::ModelInvalid, format!("network {name}"), message).hint("set `timesteps`"),
        );
    }
    let mut graph = Graph { name: name.to_owned(), timesteps: spec.timesteps, net: Default::default() };
    check_inputs(&graph, spec, &mut errors);
    let links = links(&graph, spec, &mut errors);
    let mut ops = Vec::with_capacity(spec.layers.len());
    for layer in &spec.layers {
        if errors.0.len() >= MOST_ERRORS {
            break;
        }
        let place = graph.place(&layer.name);
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
    graph.order()?;
    Ok(graph)
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
fn links(graph: &Graph, spec: &NetworkSpec, errors: &mut Diagnostics) -> Vec<Link> {
    let mut positions = HashMap::new();
    for (position, layer) in (0u32..).zip(&spec.layers) {
        if layer.name.is_empty() || positions.insert(layer.name.as_str(), position).is_some() {
            errors.push(bad_name(graph, &layer.name));
        }
    }
    let names: Vec<&str> = spec.layers.iter().map(|layer| layer.name.as_str()).collect();
    let mut links = Vec::new();
    for (reader, layer) in (0u32..).zip(&spec.layers) {
        if errors.0.len() >= MOST_ERRORS {
            break;
        }
        errors.0.extend(arity_error(graph, layer));
        for (port, from) in layer.from.iter().enumerate() {
            match positions.get(from.as_str()) {
                Some(&source) => links.push(Link { source, reader, port }),
                None => errors.push(dangling(graph, layer, from, &names)),
            }
        }
    }
    links
}

fn bad_name(graph: &Graph, name: &str) -> Diagnostic {
    let (message, hint) = if name.is_empty() {
        ("a layer has an empty name", "give every layer a name")
    } else {
        ("two layers have this name", "rename one of them and the `from` of its readers")
    };
    Diagnostic::new(Code::GraphInvalid, graph.place(name), message).hint(hint)
}

fn dangling(graph: &Graph, layer: &LayerSpec, from: &str, names: &[&str]) -> Diagnostic {
    let found = Diagnostic::new(
        Code::GraphInvalid,
        graph.place(&layer.name),
        format!("reads from `{from}`, but no layer of the network has that name"),
    );
    match near(from, names) {
        Some(near) => found.hint(format!("near names: {near}")),
        None => found.hint("layers read only from layers of their own network"),
    }
}

/// The number of inputs that the operation does not take, as an error.
fn arity_error(graph: &Graph, layer: &LayerSpec) -> Option<Diagnostic> {
    let count = layer.from.len();
    let (legal, expected) = match layer.op {
        OpSpec::Input { .. } => (count == 0, "none"),
        OpSpec::Concat => (count >= 2, "two or more"),
        OpSpec::Mix { .. } => (count == 2, "two"),
        _ => (count == 1, "one"),
    };
    let message = format!("the layer has {count} inputs, expected {expected}");
    (!legal).then(|| {
        Diagnostic::new(Code::GraphInvalid, graph.place(&layer.name), message)
            .hint("`from` lists the layers that are read, in port order")
    })
}
