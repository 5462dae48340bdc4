//! Where the parts of a model stand in its file.
//!
//! Found by name: whoever refuses a layer long after the file was read says `layer NETWORK.LAYER`, and [`Origin`] adds
//! the line. A model that was made in memory has an empty origin, and its errors stay without lines.

use std::ops::Range;
use std::sync::Arc;

use snnc_targets::ron_tree::RonNode;
use snnc_targets::{Diagnostics, Place, Source, Subject};

/// The text of a model file and its tree.
#[derive(Debug, Clone, Default)]
pub struct Origin(Option<Arc<(Arc<Source>, RonNode)>>);

impl Origin {
    /// The origin of what was read from `source`.
    pub fn new(source: Arc<Source>, tree: RonNode) -> Self {
        Self(Some(Arc::new((source, tree))))
    }

    /// The tree, if the model has a file.
    pub(super) fn tree(&self) -> Option<&RonNode> {
        self.0.as_deref().map(|(_, tree)| tree)
    }

    /// The text of the file, if the model has one.
    pub(super) fn text(&self) -> Option<&str> {
        self.0.as_deref().map(|(source, _)| &*source.text)
    }

    /// A layer by its number in the file.
    pub(super) fn layer(&self, network: &str, index: usize) -> Option<&RonNode> {
        self.layers(network)?.get(index)
    }

    /// `subject` at these bytes of the file, if the model has one.
    pub(super) fn place(&self, subject: impl Into<Place>, range: Option<Range<usize>>) -> Place {
        match (&self.0, range) {
            (Some(origin), Some(range)) => subject.into().at(&origin.0, range),
            _ => subject.into(),
        }
    }

    /// The file itself at these bytes; its name alone if the model has none.
    pub(super) fn file(&self, name: &str, range: Option<Range<usize>>) -> Place {
        match (&self.0, range) {
            (Some(origin), Some(range)) => Place::bytes(&origin.0, range),
            _ => Place::file(name),
        }
    }

    /// Gives each problem its line, if its place names a layer or network of the file, and sorts them by the file's
    /// order.
    #[must_use]
    pub fn locate(&self, mut problems: Diagnostics) -> Diagnostics {
        let Some(origin) = self.0.as_deref() else { return problems };
        let locate = |place: &mut Place| {
            if let (None, Some(range)) = (place.location(), self.find(place.subject())) {
                *place = place.clone().at(&origin.0, range);
            }
        };
        for problem in &mut problems.0 {
            locate(&mut problem.place);
            problem.related.iter_mut().for_each(|(place, _)| locate(place));
        }
        problems.sort();
        problems
    }

    fn layers(&self, network: &str) -> Option<&[RonNode]> {
        Some(self.tree()?.field("networks")?.entry(network)?.field("layers")?.items())
    }

    /// The bytes of what a place names.
    fn find(&self, subject: &Subject) -> Option<Range<usize>> {
        let tree = self.tree()?;
        let found = match subject {
            Subject::Network(network) => tree.field("networks")?.key(network)?,
            Subject::Model(model) => tree.field("name").filter(|name| name.text() == Some(model))?,
            Subject::Layer { network, layer } => {
                let named = |node: &&RonNode| node.field("name").and_then(RonNode::text) == Some(layer);
                self.layers(network)?.iter().find(named)?.field("name")?
            }
            _ => return None,
        };
        Some(found.span.clone())
    }
}
