//! Reads `model.ron` and the weight files that it names.
//!
//! Weight files are opened when the first tensor of theirs is asked for, once. Refused: what [`super::read`] refuses of
//! the text, and whatever [`super::build`] refuses.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use snnc_targets::near::near;
use snnc_targets::{Code, Diagnostic, Diagnostics, Place};

use super::build::{TensorSource, build};
use super::model::{PipelineSpec, TensorRef};
use super::origin::Origin;
use super::read::read;
use crate::graph::Graph;
use crate::weights::{Tensor, WeightFile};

/// Most elements of all tensors that a model's layers ask for together: 1 GiB as f64.
const MOST_ELEMENTS: usize = 1 << 27;

/// A model whose networks are built and whose pipeline names what exists.
#[derive(Debug, Clone)]
pub struct LoadedModel {
    /// Name of the model.
    pub name: String,
    /// Layer graphs by the network's name, in the order of the file.
    pub graphs: IndexMap<String, Graph>,
    /// The generation loop, if the model generates.
    pub pipeline: Option<PipelineSpec>,
    /// Where its parts stand in the file.
    pub origin: Origin,
}

/// Reads a model file, builds its networks and checks its pipeline. Problems are collected, not only the first told.
///
/// # Errors
/// [`Code::FileUnreadable`], [`Code::WrongFile`], [`Code::RonSyntax`] and [`Code::FeatureMissing`] for the text itself;
/// [`Code::ModelInvalid`] for its format, timesteps and pipeline; [`Code::GraphInvalid`] for layers;
/// [`Code::TensorMissing`], [`Code::TensorShape`], [`Code::WeightsMalformed`] and [`Code::PickleRefused`] for their
/// tensors.
pub fn load(path: &Path) -> Result<LoadedModel, Diagnostics> {
    let (model, origin) = read(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut files = Files::new(folder, path, &model.weights, origin.clone());
    build(&model, &path.display().to_string(), &mut files, origin)
}

/// The files that make up a model: itself and the weight files that it names, as far as it can be read.
pub fn files_of(path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new("."));
    // A pipe is read once, by who loads the model.
    let model = path.is_file().then(|| read(path).ok()).flatten();
    let weights = model.iter().flat_map(|(model, _)| model.weights.values()).map(|file| folder.join(file));
    std::iter::once(path.to_owned()).chain(weights).collect()
}

/// The weight files of a model, opened on first use.
pub(super) struct Files<'a> {
    /// The model file, for diagnostics.
    model: &'a Path,
    /// By handle, from the folder of the model file.
    paths: IndexMap<&'a str, PathBuf>,
    /// Where the handles stand.
    origin: Origin,
    /// By handle; `None` for a file whose error was told.
    open: HashMap<String, Option<WeightFile>>,
    /// Elements that may still be fetched; `None` once it was told that there are too many.
    room: Option<usize>,
}

impl<'a> Files<'a> {
    /// Those of `model`, whose paths are relative to `folder`.
    pub(super) fn new(
        folder: &Path,
        model: &'a Path,
        weights: &'a IndexMap<String, String>,
        origin: Origin,
    ) -> Self {
        let paths = weights.iter().map(|(handle, path)| (handle.as_str(), folder.join(path))).collect();
        Self { model, paths, origin, open: HashMap::new(), room: Some(MOST_ELEMENTS) }
    }

    /// Opens the file of a handle. Its error is told once; after that the error is empty.
    fn file(&mut self, handle: &str) -> Result<&WeightFile, Diagnostics> {
        if !self.open.contains_key(handle) {
            let opened = match self.paths.get(handle) {
                Some(path) => WeightFile::open(path).map_err(|problems| self.named(handle, problems)),
                None => Err(self.unknown(handle).into()),
            };
            let (file, error) = match opened {
                Ok(file) => (Some(file), Ok(())),
                Err(error) => (None, Err(error)),
            };
            self.open.insert(handle.to_owned(), file);
            error?;
        }
        self.open.get(handle).and_then(Option::as_ref).ok_or_else(Diagnostics::default)
    }

    /// Problems with a weight file, at the line that names it.
    fn named(&self, handle: &str, mut problems: Diagnostics) -> Diagnostics {
        let entry = self.origin.tree().and_then(|tree| tree.field("weights")?.entry(handle));
        for problem in &mut problems.0 {
            problem.place = self.origin.place(problem.place.clone(), entry.map(|path| path.span.clone()));
        }
        problems
    }

    /// Accounts for a tensor before it is read. That there is no room is told once; after that the error is empty.
    fn spend(&mut self, elements: usize) -> Result<(), Diagnostics> {
        let Some(room) = self.room else { return Err(Diagnostics::default()) };
        self.room = room.checked_sub(elements);
        if self.room.is_some() {
            return Ok(());
        }
        let message = format!("the tensors of all layers have over {MOST_ELEMENTS} elements together");
        Err(Diagnostic::new(Code::ModelInvalid, Place::file(self.model), message)
            .hint("do many layers name the same large tensor?")
            .into())
    }

    fn unknown(&self, handle: &str) -> Diagnostic {
        let handles: Vec<&str> = self.paths.keys().copied().collect();
        let message = format!("no weight file has the handle `{handle}`");
        let hint = match near(handle, &handles) {
            Some(near) => format!("near handles: {near}"),
            None => format!("`weights` lists: {}", handles.join(", ")),
        };
        Diagnostic::new(Code::ModelInvalid, Place::file(self.model), message).hint(hint)
    }
}

impl TensorSource for Files<'_> {
    fn fetch(&mut self, tensor: &TensorRef) -> Result<Tensor, Diagnostics> {
        let elements =
            self.file(&tensor.0)?.shape(&tensor.1)?.iter().fold(1, |n: usize, &axis| n.saturating_mul(axis));
        self.spend(elements)?;
        Ok(self.file(&tensor.0)?.tensor(&tensor.1)?)
    }
}
