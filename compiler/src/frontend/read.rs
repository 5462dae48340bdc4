//! `model.ron` from its text, with everything that is wrong with it at its place.
//!
//! The `ron` crate decides what is read. Where it refuses, the tree is read part by part, so that the fault of every
//! layer is told at once; where it accepts, names that stand twice are refused, since maps keep the last in silence.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use snnc_targets::file_kind::FileKind;
use snnc_targets::ron_tree::reading;
use snnc_targets::ron_tree::{self, Kind, Node};
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, Source, input, registry};

use super::features;
use super::model::{FORMAT, LayerSpec, ModelFile, PipelineSpec, TrainedNetworkSpec};
use super::origin::Origin;

/// Reads and parses; checks nothing but syntax, format, and that no name of a map stands twice.
pub(super) fn read(path: &Path) -> Result<(ModelFile, Origin), Diagnostics> {
    parse(&FileKind::Model.read(path, input::MODEL.longest)?)
}

fn parse(source: &Arc<Source>) -> Result<(ModelFile, Origin), Diagnostics> {
    let tree = ron_tree::parse(&source.text);
    let model: ModelFile = ron::from_str(&source.text).map_err(|error| {
        let mut found = tree.clone().map_or_else(Diagnostics::default, |tree| misread(tree, source));
        if found.0.is_empty() {
            found.push(registry::syntax(source, &error));
        }
        found
    })?;
    // A text of more values than a tree holds has no places.
    let origin = tree.map_or_else(Origin::default, |tree| Origin::new(Arc::clone(source), tree));
    let mut problems = Diagnostics::default();
    if model.format != FORMAT {
        let span = origin.tree().and_then(|tree| tree.field("format")).map(|format| format.span.clone());
        let message = format!("format is `{}`, expected `{FORMAT}`", model.format);
        let place = origin.file(&source.name, span);
        problems.push(
            Diagnostic::new(Code::ModelInvalid, place, message)
                .hint("the file was written for another version of snnc, or is no model file"),
        );
    }
    for (map, what) in [("weights", "weight file"), ("networks", "network")] {
        if let Some(Kind::Map(entries)) = origin.tree().and_then(|tree| tree.field(map)).map(|map| &map.kind)
        {
            problems.0.extend(doubled(entries, what, &origin));
        }
    }
    problems.into_result((model, origin))
}

/// Keys that stand twice, of which a reader would keep the last.
fn doubled(entries: &[(Node, Node)], what: &str, origin: &Origin) -> Vec<Diagnostic> {
    let mut first: IndexMap<&str, &Node> = IndexMap::new();
    let mut found = Vec::new();
    for key in entries.iter().map(|(key, _)| key) {
        let Some(name) = key.text() else { continue };
        let Some(earlier) = first.get(name) else {
            first.insert(name, key);
            continue;
        };
        let place = |node: &Node| origin.place(format!("{what} {name}"), Some(node.span.clone()));
        found.push(
            Diagnostic::new(Code::ModelInvalid, place(key), format!("two {what}s are called `{name}`"))
                .related(place(earlier), "the first of that name")
                .hint("rename one of them, and what refers to it"),
        );
    }
    found
}

/// What of a well-formed text is no model: the first fault of every layer, then of every network, then of the rest.
/// What was told is taken off the tree, so that it does not hide what is around it.
fn misread(mut tree: Node, source: &Arc<Source>) -> Diagnostics {
    let mut found = Vec::new();
    let Kind::Struct { fields, .. } = &mut tree.kind else {
        return Diagnostics(
            reading::read::<ModelFile>(&tree).err().map(|f| f.diagnostic(source)).into_iter().collect(),
        );
    };
    for field in fields.iter_mut() {
        match (field.name.as_str(), &mut field.value.kind) {
            ("networks", Kind::Map(entries)) => entries.retain_mut(|(key, network)| {
                layers(key, network, source, &mut found);
                keep::<TrainedNetworkSpec>(network, source, &mut found)
            }),
            ("weights", Kind::Map(entries)) => {
                entries.retain(|(_, path)| keep::<String>(path, source, &mut found));
            }
            _ => {}
        }
        if field.name == "pipeline" && !keep::<Option<PipelineSpec>>(&field.value, source, &mut found) {
            field.value.kind = Kind::Word("None".into());
        }
    }
    found.extend(reading::read::<ModelFile>(&tree).err().map(|fault| fault.diagnostic(source)));
    let mut found = Diagnostics(found);
    found.sort();
    found
}

/// Whether a value reads as `T`; if not, why.
fn keep<'a, T: serde::Deserialize<'a>>(
    node: &'a Node,
    source: &Arc<Source>,
    found: &mut Vec<Diagnostic>,
) -> bool {
    let fault = reading::read::<T>(node).err();
    found.extend(fault.iter().map(|fault| fault.diagnostic(source)));
    fault.is_none()
}

/// Takes the layers off a network that do not read as layers.
fn layers(key: &Node, network: &mut Node, source: &Arc<Source>, found: &mut Vec<Diagnostic>) {
    let Kind::Struct { fields, .. } = &mut network.kind else { return };
    let Some(list) = fields.iter_mut().find(|field| field.name == "layers") else { return };
    let Kind::List(layers) = &mut list.value.kind else { return };
    layers.retain(|layer| {
        let Err(fault) = reading::read::<LayerSpec>(layer) else { return true };
        let error = features::missing(layer, &fault, source).unwrap_or_else(|| fault.diagnostic(source));
        found.push(named(error, key, layer));
        false
    });
}

/// The error of a layer, with the layer's name if it has one.
fn named(mut error: Diagnostic, network: &Node, layer: &Node) -> Diagnostic {
    if let (Some(network), Some(layer)) = (network.text(), layer.field("name").and_then(Node::text)) {
        error.place.subject = Place::from(format!("layer {network}.{layer}")).subject;
    }
    error
}
