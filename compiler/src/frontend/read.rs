//! `model.ron` from its text, with everything that is wrong with it at its place.
//!
//! The `ron` crate decides what is read. Where it refuses, the tree is read part by part, so that the fault of every
//! layer is told at once; where it accepts, names that stand twice are refused, since maps keep the last in silence.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use snnc_targets::file_kind::FileKind;
use snnc_targets::ron_tree::reading;
use snnc_targets::ron_tree::{self, RonKind, RonNode};
use snnc_targets::{Code, Diagnostic, Diagnostics, Source, Subject, input, registry};

use super::features;
use super::model::{FORMAT, LayerSpec, ModelFile, PipelineSpec, TrainedNetworkSpec};
use super::origin::Origin;

/// Reads and parses; checks nothing but syntax, format, and that no name of a map stands twice.
pub(super) fn read(path: &Path) -> Result<(ModelFile, Origin), Diagnostics> {
    parse(&FileKind::Model.read(path, input::MODEL.longest)?)
}

/// As [`read()`], of a text that is in memory.
pub(super) fn parse(source: &Arc<Source>) -> Result<(ModelFile, Origin), Diagnostics> {
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
    let maps = [
        ("weights", "weight file", Subject::WeightFile as fn(String) -> Subject),
        ("networks", "network", Subject::Network),
    ];
    for (map, what, subject) in maps {
        if let Some(RonKind::Map(entries)) =
            origin.tree().and_then(|tree| tree.field(map)).map(|map| &map.kind)
        {
            problems.0.extend(doubled(entries, what, subject, &origin));
        }
    }
    problems.into_result((model, origin))
}

/// Keys that stand twice, of which a reader would keep the last.
fn doubled(
    entries: &[(RonNode, RonNode)],
    what: &str,
    subject: fn(String) -> Subject,
    origin: &Origin,
) -> Vec<Diagnostic> {
    let mut first: IndexMap<&str, &RonNode> = IndexMap::new();
    let mut found = Vec::new();
    for key in entries.iter().map(|(key, _)| key) {
        let Some(name) = key.text() else { continue };
        let Some(earlier) = first.get(name) else {
            first.insert(name, key);
            continue;
        };
        let place = |node: &RonNode| origin.place(subject(name.into()), Some(node.span.clone()));
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
fn misread(mut tree: RonNode, source: &Arc<Source>) -> Diagnostics {
    let mut found = Vec::new();
    let RonKind::Struct { fields, .. } = &mut tree.kind else {
        let fault = reading::read::<ModelFile>(&tree).err();
        return fault.map(|fault| fault.diagnostic(source)).into_iter().collect();
    };
    for field in fields.iter_mut() {
        match (field.name.as_str(), &mut field.value.kind) {
            ("networks", RonKind::Map(entries)) => entries.retain_mut(|(key, network)| {
                layers(key, network, source, &mut found);
                keep::<TrainedNetworkSpec>(network, source, &mut found)
            }),
            ("weights", RonKind::Map(entries)) => {
                entries.retain(|(_, path)| keep::<String>(path, source, &mut found));
            }
            _ => {}
        }
        if field.name == "pipeline" && !keep::<Option<PipelineSpec>>(&field.value, source, &mut found) {
            field.value.kind = RonKind::Word("None".into());
        }
    }
    found.extend(reading::read::<ModelFile>(&tree).err().map(|fault| fault.diagnostic(source)));
    let mut found = Diagnostics::from(found);
    found.sort();
    found
}

/// Whether a value reads as `T`; if not, why.
fn keep<'a, T: serde::Deserialize<'a>>(
    node: &'a RonNode,
    source: &Arc<Source>,
    found: &mut Vec<Diagnostic>,
) -> bool {
    let fault = reading::read::<T>(node).err();
    found.extend(fault.iter().map(|fault| fault.diagnostic(source)));
    fault.is_none()
}

/// Takes the layers off a network that do not read as layers.
fn layers(key: &RonNode, network: &mut RonNode, source: &Arc<Source>, found: &mut Vec<Diagnostic>) {
    let RonKind::Struct { fields, .. } = &mut network.kind else { return };
    let Some(list) = fields.iter_mut().find(|field| field.name == "layers") else { return };
    let RonKind::List(layers) = &mut list.value.kind else { return };
    layers.retain(|layer| {
        let Err(fault) = reading::read::<LayerSpec>(layer) else { return true };
        let error = features::missing(layer, &fault, source).unwrap_or_else(|| fault.diagnostic(source));
        found.push(named(error, key, layer));
        false
    });
}

/// The error of a layer, with the layer's name if it has one.
fn named(mut error: Diagnostic, network: &RonNode, layer: &RonNode) -> Diagnostic {
    if let (Some(network), Some(layer)) = (network.text(), layer.field("name").and_then(RonNode::text)) {
        error.place = error.place.about(Subject::layer(network, layer));
    }
    error
}
