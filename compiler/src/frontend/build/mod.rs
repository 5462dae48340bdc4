//! Builds checked layer graphs from a model file that is already parsed.
//!
//! Network by network: every layer's operation with its tensors, then all of them by the [`Builder`], which checks
//! names, inputs and maps; last the [`pipeline`]. Every problem that does not hide another is collected. Where the
//! tensors come from is the [`TensorSource`]'s business: [`super::load()`] reads files, [`super::import()`] checks a
//! model before it writes one.

mod first_spike;
mod pipeline;

use indexmap::IndexMap;
use snnc_targets::ron_tree::{self, RonNode};
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, Subject, names};

use super::model::{LayerSpec, ModelFile, TensorRef, TrainedNetworkSpec};
use super::{LoadedModel, Origin};
use crate::graph::{Builder, Graph, NetworkPart};
use crate::layers::{Resolver, spec};

pub(super) use crate::layers::spec::TensorSource;

/// Problems after which no further operation of a network is looked at.
const PROBLEMS_MAX: usize = 100;

/// Where the fields of one layer stand.
struct LayerPlace<'a> {
    /// `layer sdid.conv1`.
    subject: Subject,
    origin: &'a Origin,
    /// The layer in the file.
    node: Option<&'a RonNode>,
}

impl spec::FieldPlaces for LayerPlace<'_> {
    fn field(&self, name: &str) -> Place {
        let range = self.node.and_then(|layer| {
            let op = layer.field("op");
            let field = layer.field(name).or_else(|| op?.field(name)).map(|field| field.span.clone());
            field.or_else(|| Some(op?.head()))
        });
        self.origin.place(self.subject.clone(), range)
    }

    fn tensor(&self, tensor: &TensorRef) -> Place {
        let named = |node: &RonNode| match node.items() {
            [handle, name] => handle.text() == Some(&tensor.0) && name.text() == Some(&tensor.1),
            _ => false,
        };
        let fields = match self.node.and_then(|layer| layer.field("op")).map(|op| &op.kind) {
            Some(ron_tree::RonKind::Struct { fields, .. }) => fields.as_slice(),
            _ => &[],
        };
        // Looks through `Some(...)`.
        let values = fields.iter().flat_map(|field| std::iter::once(&field.value).chain(field.value.items()));
        let range = values.into_iter().find(|node| named(node)).map(|node| node.span.clone());
        self.origin.place(self.subject.clone(), range)
    }
}

/// Where the layers of one network stand.
struct NetworkPlaces<'a> {
    network: &'a str,
    origin: &'a Origin,
}

impl crate::graph::PartPlaces for NetworkPlaces<'_> {
    fn place(&self, subject: Subject, part: NetworkPart) -> Place {
        let field = |layer: usize, name: &str| {
            let node = self.origin.layer(self.network, layer);
            spec::FieldPlaces::field(
                &LayerPlace { subject: subject.clone(), origin: self.origin, node },
                name,
            )
        };
        match part {
            NetworkPart::Name(layer) => field(layer, "name"),
            NetworkPart::Inputs(layer) => field(layer, "from"),
            NetworkPart::Input(layer, port) => {
                let named = self.origin.layer(self.network, layer);
                let named = named.and_then(|node| node.field("from")?.items().get(port));
                self.origin.place(subject, named.map(|name| name.span.clone()))
            }
            NetworkPart::Timesteps => {
                let networks = self.origin.tree().and_then(|tree| tree.field("networks"));
                let named = networks.and_then(|all| all.entry(self.network)?.field("timesteps"));
                self.origin.place(subject, named.map(|field| field.span.clone()))
            }
        }
    }
}

/// Builds and checks everything; `place` names the model file in diagnostics.
pub(super) fn build(
    model: &ModelFile,
    place: &str,
    source: &mut dyn TensorSource,
    origin: Origin,
) -> Result<LoadedModel, Diagnostics> {
    let mut errors = names(model, place, &origin);
    if model.networks.is_empty() {
        errors.push(
            Diagnostic::new(Code::ModelInvalid, Place::file(place), "the model has no network")
                .hint("add one to `networks`"),
        );
    }
    let mut graphs = IndexMap::new();
    for (name, spec) in &model.networks {
        match network(name, spec, source, &origin) {
            Ok(graph) => drop(graphs.insert(name.clone(), graph)),
            Err(found) => errors.merge(found),
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
    spec: &TrainedNetworkSpec,
    source: &mut dyn TensorSource,
    origin: &Origin,
) -> Result<Graph, Diagnostics> {
    let mut errors = Diagnostics::default();
    let mut builder = Builder::new(name, spec.timesteps).placed(NetworkPlaces { network: name, origin });
    let exists = |name: &String| spec.layers.iter().any(|layer| layer.name == *name);
    // A read-out of no layer is told as every other layer of none.
    let expands = |layer: &&LayerSpec| first_spike::is_first_spike(layer) && layer.from.iter().all(exists);
    for (index, layer) in spec.layers.iter().enumerate() {
        let subject = Subject::layer(name, &layer.name);
        let places = LayerPlace { subject: subject.clone(), origin, node: origin.layer(name, index) };
        let mut op = None;
        if errors.0.len() < PROBLEMS_MAX {
            let (timesteps, errors) = (spec.timesteps, &mut errors);
            op = layer.op.op(&mut Resolver { subject: &subject, places: &places, timesteps, source, errors });
        }
        match op {
            Some(op) if expands(&layer) => {
                builder.layer(&layer.name, &[first_spike::neurons(&layer.name)], op)
            }
            Some(op) => builder.layer(&layer.name, &layer.from, op),
            None => builder.unresolved(&layer.name, &layer.from, layer.op.arity()),
        };
    }
    let readouts = || spec.layers.iter().filter(|layer| expands(layer));
    readouts().for_each(|layer| first_spike::expand(&mut builder, layer));
    match builder.finish() {
        Ok(graph) => {
            errors
                .0
                .extend(first_spike::check(&graph, readouts()).err().into_iter().flat_map(|found| found.0));
            errors.into_result(graph)
        }
        Err(mut found) => {
            found.merge(errors);
            Err(found)
        }
    }
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
    faults.collect()
}
