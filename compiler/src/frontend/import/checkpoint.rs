//! A state dict of the authors, found below whatever prefix it was saved with.
//!
//! Wrappers prefix every name: `module.` (data parallel), `_denoise_fn.` (the authors' sampler), `state_dict.` (a
//! dictionary around it). An anchor, a name that every state dict of the kind has, tells the prefix. Refused: no
//! anchor, or several.

use std::path::Path;

use snnc_targets::{Code, Diagnostic, Diagnostics, Place};

use crate::frontend::model::TensorRef;
use crate::weights::{Stored, Tensor, WeightFile};

/// A counter that batch norm keeps for training; the one tensor that is not copied.
const COUNTER: &str = "num_batches_tracked";

/// An open state dict; names are given without the prefix.
pub(super) struct Checkpoint {
    file: WeightFile,
    handle: &'static str,
    prefix: String,
}

impl Checkpoint {
    /// Opens a file and finds the prefix before `anchor`; `handle` is what the model file will call it.
    pub(super) fn open(path: &Path, handle: &'static str, anchor: &str) -> Result<Self, Diagnostics> {
        let file = WeightFile::open(path)?;
        let prefix = prefix(&file, anchor)?;
        Ok(Self { file, handle, prefix })
    }

    pub(super) fn handle(&self) -> &'static str {
        self.handle
    }

    /// Name of the weight file that is written.
    pub(super) fn file_name(&self) -> String {
        format!("{}.safetensors", self.handle)
    }

    /// Names below the prefix.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.file.names().into_iter().filter_map(|name| name.strip_prefix(&*self.prefix))
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.file.contains(&self.full(name))
    }

    /// Axis lengths, slowest first.
    pub(super) fn shape(&self, name: &str) -> Result<&[usize], Diagnostic> {
        self.file.shape(&self.full(name))
    }

    pub(super) fn tensor(&self, name: &str) -> Result<Tensor, Diagnostic> {
        self.file.tensor(&self.full(name))
    }

    /// `path: tensor name`, for diagnostics.
    pub(super) fn place(&self, name: &str) -> Place {
        self.file.place(&self.full(name))
    }

    /// How the model file refers to a tensor.
    pub(super) fn reference(&self, name: impl Into<String>) -> TensorRef {
        TensorRef(self.handle.to_owned(), name.into())
    }

    /// A reference to a tensor that not every state dict has.
    pub(super) fn optional(&self, name: &str) -> Option<TensorRef> {
        self.contains(name).then(|| self.reference(name))
    }

    /// Every tensor but the counters, without the prefix, in the precision of the file.
    pub(super) fn stored(&self) -> Result<Vec<Stored>, Diagnostics> {
        let mut stored = Vec::new();
        let mut errors = Diagnostics::default();
        for name in self.names().filter(|name| name.rsplit('.').next() != Some(COUNTER)) {
            match self.read(name) {
                Ok(tensor) => stored.extend(tensor),
                Err(error) => errors.push(error),
            }
        }
        errors.into_result(stored)
    }

    fn read(&self, name: &str) -> Result<Option<Stored>, Diagnostic> {
        let tensor = self.tensor(name)?;
        let element = self.file.element(&self.full(name))?;
        Ok(element.map(|element| Stored::from_tensor(name, tensor, element)))
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// What stands before the only name that is `anchor` or ends with `.anchor`.
fn prefix(file: &WeightFile, anchor: &str) -> Result<String, Diagnostic> {
    let is_prefix = |prefix: &&str| prefix.is_empty() || prefix.ends_with('.');
    let names = file.names();
    let found: Vec<&str> =
        names.iter().filter_map(|name| name.strip_suffix(anchor)).filter(is_prefix).collect();
    match found[..] {
        // The wanted error is that of a missing tensor, with near names.
        [] => file.shape(anchor).map(|_| String::new()),
        [prefix] => Ok(prefix.to_owned()),
        [first, second, ..] => {
            let message = format!("several state dicts: `{anchor}` is below `{first}` and below `{second}`");
            Err(Diagnostic::new(Code::TensorMissing, file.path(), message).hint("save one state dict alone"))
        }
    }
}
