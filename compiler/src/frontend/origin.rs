//! Where the parts of a model stand in its file.
//!
//! Found by name: whoever refuses a layer long after the file was read says `layer NETWORK.LAYER`, and [`Origin`] adds
//! the line. A model that was made in memory has an empty origin, and its errors stay without lines.

use std::ops::Range;
use std::sync::Arc;

use snnc_targets::ron_tree::Node;
use snnc_targets::{Diagnostics, Place, Source};

/// The text of a model file and its tree.
#[derive(Debug, Clone, Default)]
pub struct Origin(Option<Arc<(Arc<Source>, Node)>>);

impl Origin {
    /// The origin of what was read from `source`.
    pub fn new(source: Arc<Source>, tree: Node) -> Self {
        Self(Some(Arc::new((source, tree))))
    }

    /// The tree, if the model has a file.
    pub(super) fn tree(&self) -> Option<&Node> {
        self.0.as_deref().map(|(_, tree)| tree)
    }

    /// A layer by its number in the file.
    pub(super) fn layer(&self, network: &str, index: usize) -> Option<&Node> {
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
            (Some(origin), Some(range)) => Place::file(&origin.0, range),
            _ => name.into(),
        }
    }

    /// Gives each problem its line, if its place names a layer or network of the file, and sorts them by the file's
    /// order.
    #[must_use]
    pub fn locate(&self, mut problems: Diagnostics) -> Diagnostics {
        let Some(origin) = self.0.as_deref() else { return problems };
        let locate = |place: &mut Place| {
            if let (None, Some(range)) = (place.span(), self.find(place.as_str())) {
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

    fn layers(&self, network: &str) -> Option<&[Node]> {
        Some(self.tree()?.field("networks")?.entry(network)?.field("layers")?.items())
    }

    /// The bytes of what a place names.
    fn find(&self, subject: &str) -> Option<Range<usize>> {
        let tree = self.tree()?;
        let networks = tree.field("networks");
        if let Some(network) = subject.strip_prefix("network ") {
            return Some(networks?.key(network)?.span.clone());
        }
        if let Some(model) = subject.strip_prefix("model ") {
            return tree
                .field("name")
                .filter(|name| name.text() == Some(model))
                .map(|name| name.span.clone());
        }
        let layer = subject.strip_prefix("layer ")?;
        // Names may contain dots, so every cut is tried.
        layer.match_indices('.').find_map(|(dot, _)| {
            let named = |node: &&Node| node.field("name").and_then(Node::text) == Some(&layer[dot + 1..]);
            let found = self.layers(&layer[..dot])?.iter().find(named)?;
            Some(found.field("name")?.span.clone())
        })
    }
}
