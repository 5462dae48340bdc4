//! Fills the description of a network with the tensors of a state dict, for `snnc import --pth --like`.
//!
//! The description is a model file whose one weight file is not there yet: its layers name the keys of the state dict.
//! It is built by the loader's own rules, so each tensor must exist and have the shape that its layer says. Written are
//! the tensors that layers name, in the precision of the state dict, and the description with the path of that file.
//! `model.ron` is written last, so a folder with a `model.ron` is whole. Refused: descriptions of several weight files.

use std::path::{Path, PathBuf};

use indexmap::{IndexMap, IndexSet};
use snnc_targets::output::{self, Folder, Inputs};
use snnc_targets::{Code, Diagnostic, Diagnostics, Place};

use super::build::{TensorSource, build};
use super::load::Files;
use super::model::{ModelFile, TensorRef};
use super::origin::Origin;
use super::read::read;
use crate::weights::{Stored, Tensor, WeightFile, write_safetensors};

/// The weight file that is written.
pub(super) const WEIGHTS: &str = "weights.safetensors";
/// A counter that batch norm keeps for training; no layer reads it.
const COUNTER: &str = "num_batches_tracked";
/// Most names of tensors that a message lists.
const SHOWN: usize = 20;

/// What was filled in and written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FillSummary {
    /// The model file; the weight file lies beside it.
    pub model: PathBuf,
    /// Tensors that were written.
    pub tensors: usize,
    /// Tensors of the state dict that no layer names, but for counters of batch norm.
    pub left_over: Vec<String>,
}

/// Fills the description `like` with the tensors of the state dict `pth`: writes `model.ron` and `weights.safetensors`
/// into the folder `out`.
///
/// # Errors
/// What [`WeightFile`] says of the state dict and [`super::load()`] of a model file; [`Code::TensorMissing`] for every
/// tensor that layers name and the state dict does not have, with what it has instead; [`Code::ModelInvalid`] for a
/// description that does not name exactly one weight file; [`Code::OutputFailed`].
pub fn fill(pth: &Path, like: &Path, out: &Path) -> Result<FillSummary, Diagnostics> {
    let (model, origin) = read(like)?;
    let handle = only_handle(&model, like, &origin)?;
    let state = WeightFile::open(pth)?;
    let text = with_weights(like, &origin, handle)?;
    let paths = IndexMap::from([(handle.to_owned(), pth.to_string_lossy().into_owned())]);
    let files = Files::new(Path::new(""), like, &paths, origin.clone());
    let mut named = Named { files, names: IndexSet::new() };
    let built = build(&model, &like.display().to_string(), &mut named, origin);
    let names = named.names;
    let left_over = left_over(&state, &names);
    built.map_err(|errors| with_left_over(errors, &state, &left_over))?;
    write(&state, &names, &text, (pth, like, out))?;
    Ok(FillSummary { model: out.join("model.ron"), tensors: names.len(), left_over })
}

/// The state dict, and which of its tensors were asked for.
struct Named<'a> {
    files: Files<'a>,
    names: IndexSet<String>,
}

impl TensorSource for Named<'_> {
    fn fetch(&mut self, tensor: &TensorRef) -> Result<Tensor, Diagnostics> {
        let found = self.files.fetch(tensor)?;
        self.names.insert(tensor.1.clone());
        Ok(found)
    }
}

/// The handle of the only weight file that a description names.
pub(super) fn only_handle<'a>(
    model: &'a ModelFile,
    like: &Path,
    origin: &Origin,
) -> Result<&'a str, Diagnostic> {
    if let (Some(handle), 1) = (model.weights.keys().next(), model.weights.len()) {
        return Ok(handle);
    }
    let span = origin.tree().and_then(|tree| tree.field("weights")).map(|weights| weights.span.clone());
    let place = origin.file(&like.display().to_string(), span);
    let message = format!("the description names {} weight files, expected one", model.weights.len());
    Err(Diagnostic::new(Code::ModelInvalid, place, message)
        .hint("all its tensors come from the state dict: weights: {\"w\": \"weights.safetensors\"}"))
}

/// The text of the description, which names the weight file that is written.
pub(super) fn with_weights(like: &Path, origin: &Origin, handle: &str) -> Result<String, Diagnostic> {
    let path = origin.tree().and_then(|tree| tree.field("weights")?.entry(handle));
    let (Some(path), Some(text)) = (path, origin.text()) else {
        let message = "the description has too many values to be filled in";
        return Err(Diagnostic::new(Code::ModelInvalid, Place::file(like), message));
    };
    let mut text = text.to_owned();
    text.replace_range(path.span.clone(), &format!("\"{WEIGHTS}\""));
    Ok(text)
}

fn left_over(state: &WeightFile, names: &IndexSet<String>) -> Vec<String> {
    let unread = |name: &&str| !names.contains(*name) && name.rsplit('.').next() != Some(COUNTER);
    state.names().into_iter().filter(unread).map(str::to_owned).collect()
}

/// Missing tensors beside those that nobody asked for, since one may be the other under another name.
fn with_left_over(mut errors: Diagnostics, state: &WeightFile, left_over: &[String]) -> Diagnostics {
    if errors.codes().contains(&Code::TensorMissing) && !left_over.is_empty() {
        let mut list =
            left_over.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        if left_over.len() > SHOWN {
            list += &format!(" and {} more", left_over.len() - SHOWN);
        }
        let message = format!("no layer names {list}");
        let found = Diagnostic::new(Code::TensorMissing, Place::file(state.path()), message);
        errors.push(found.hint("one of them may be what a layer asks for under another name"));
    }
    errors
}

fn write(
    state: &WeightFile,
    names: &IndexSet<String>,
    text: &str,
    (pth, like, out): (&Path, &Path, &Path),
) -> Result<(), Diagnostics> {
    let mut stored = Vec::with_capacity(names.len());
    for name in names {
        let tensor = state.tensor(name)?;
        stored.extend(state.element(name)?.map(|element| Stored::from_tensor(name, tensor, element)));
    }
    let (model, weights) = (out.join("model.ron"), out.join(WEIGHTS));
    let _inputs = Inputs::new([pth, like]);
    let _owned = Folder::claim(out)?;
    [&weights, &model].into_iter().try_for_each(|file| output::check(file))?;
    // An older model must not stand beside new weights if this is cut off: a folder with a model.ron is whole.
    output::remove(&model)?;
    write_safetensors(&weights, &stored)?;
    output::write_atomic(&model, text.as_bytes())?;
    Ok(())
}
