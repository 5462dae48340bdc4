//! NIR files (the Neuromorphic Intermediate Representation, HDF5) to layer graphs, and back.
//!
//! `hdf5` and `read` read the file, `node` is what they give, `flat` dissolves subgraphs and checks shapes by the
//! rules of `node_shapes`, `dialect` decides what NIR leaves open, `loops` where spikes come back, `neurons` and
//! `convert` make a model file of it, which the loader's own rules build. `export` makes NIR of a layer graph, and
//! `write` a file of that.
//!
//! Invariants: nothing is taken from a size that a file declares before it was held against the file's length; what
//! a file leaves open is decided by the options or refused, and always said ([`NirModel::remarks`]). Refused by
//! name: graphs that the package `nir` refuses too, several inputs or outputs, delays that are no whole timesteps.

mod convert;
pub mod dialect;
mod export;
mod flat;
pub mod hdf5;
mod loops;
mod neurons;
pub mod node;
mod node_shapes;
mod operations;
mod read;
mod read_out;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use snnc_targets::output::{self, Folder, Inputs};
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, Subject, ron_text};

use super::build::{TensorSource, build};
use super::load::LoadedModel;
use super::model::{ModelFile, TensorRef};
use super::origin::Origin;
use crate::weights::{FloatArray, Stored, Tensor, Values, write_safetensors};
use convert::Converted;
use dialect::{Conventions, Overrides};
use flat::Flat;
use node::NirFile;

pub use dialect::{Dialect, ResetRule};
pub use export::{Exported, export};

/// What of the series that an Output gives is the network's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOut {
    /// Its sum; of spikes their count.
    Sum,
    /// Its mean.
    Mean,
    /// The value of the last timestep.
    Last,
}

impl fmt::Display for ReadOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sum => "the sum over time (of spikes, their count)",
            Self::Mean => "the mean over time",
            Self::Last => "the value after the last timestep",
        })
    }
}

/// What is decided beside the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NirOptions {
    /// Dialect, timestep, reset and comparison.
    pub overrides: Overrides,
    /// Timesteps of a pass, which NIR does not say.
    pub timesteps: Option<usize>,
    /// Sides of an array of samples, `[n, t, ...]`, which say the timesteps where `timesteps` does not.
    pub samples: Option<Vec<usize>>,
    /// Whether the input is one map for all timesteps; else it is spikes.
    pub constant_input: bool,
    /// The result; if left out, of neurons that fire the spike count, of other neurons their last membrane.
    pub read_out: Option<ReadOut>,
}

/// A model that a NIR file became.
#[derive(Debug, Clone)]
pub struct NirModel {
    /// The model; its one network is called `net`.
    pub loaded: LoadedModel,
    /// What the file leaves open and how it was decided, in sentences for people.
    pub remarks: Vec<String>,
}

/// Reads a NIR file.
///
/// # Errors
/// Those of [`NirFile::read`]; [`Code::LayerShape`] for edges that do not fit; [`Code::FeatureMissing`] for what has no
/// layer; [`Code::Argument`] for what the options leave open; those of a model file for the layers.
pub fn load(path: &Path, options: &NirOptions) -> Result<NirModel, Diagnostics> {
    model(&NirFile::read(path)?, options)
}

/// Builds the model of a NIR graph.
///
/// # Errors
/// Those of [`load`], but for reading the file.
pub fn model(file: &NirFile, options: &NirOptions) -> Result<NirModel, Diagnostics> {
    let Converted { model, tensors, remarks } = converted(file, options)?;
    let loaded = built(file, &model, &tensors)?;
    Ok(NirModel { loaded, remarks })
}

/// What an import found and wrote.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct NirSummary {
    /// The model file; the weight file lies beside it.
    pub model: PathBuf,
    /// Tensors in the weight file.
    pub tensors: usize,
    /// What was decided.
    pub remarks: Vec<String>,
}

/// Writes a model folder of a NIR file: `model.ron` and `weights.safetensors`, which load as the file itself does.
///
/// # Errors
/// Those of [`load`]; [`Code::OutputFailed`].
pub fn import(path: &Path, options: &NirOptions, out: &Path) -> Result<NirSummary, Diagnostics> {
    let file = NirFile::read(path)?;
    let Converted { model, tensors, remarks } = converted(&file, options)?;
    built(&file, &model, &tensors)?;
    let text = print(&model, &file, &remarks).map_err(|error| {
        Diagnostic::new(Code::OutputFailed, out, format!("the model does not print: {error}"))
    })?;
    let (written, weights) = (out.join("model.ron"), out.join(convert::WEIGHTS));
    let stored: Vec<Stored> = tensors.into_iter().map(|(name, tensor)| stored(name, tensor)).collect();
    let _inputs = Inputs::new([path]);
    let _owned = Folder::claim(out)?;
    [&weights, &written].into_iter().try_for_each(|file| output::check(file))?;
    // An older model must not stand beside new weights if this is cut off: a folder with a model.ron is whole.
    output::remove(&written)?;
    write_safetensors(&weights, &stored)?;
    output::write_atomic(&written, text.as_bytes())?;
    Ok(NirSummary { model: written, tensors: stored.len(), remarks })
}

fn stored(name: String, tensor: Tensor) -> Stored {
    let values = match tensor.data {
        FloatArray::Single(values) => Values::F32(values),
        FloatArray::Double(values) => Values::F64(values),
    };
    Stored { name, shape: tensor.shape, values }
}

fn converted(file: &NirFile, options: &NirOptions) -> Result<Converted, Diagnostics> {
    let flat = Flat::new(file)?;
    let shapes = flat.shapes()?;
    let timesteps = timesteps(file, options, &shapes[flat.input])?;
    let conventions = Conventions::of(&flat, &options.overrides)?;
    convert::convert(&flat, &shapes, &conventions, timesteps, options)
}

/// Timesteps of a pass: as asked for, else as the samples have them.
fn timesteps(file: &NirFile, options: &NirOptions, input: &[usize]) -> Result<usize, Diagnostic> {
    if let Some(asked) = options.timesteps {
        return Ok(asked);
    }
    let elements = input.iter().try_fold(1usize, |product, &side| product.checked_mul(side)).unwrap_or(0);
    let given = options.samples.as_deref().and_then(|sides| {
        let each = sides.get(1..)?.iter().try_fold(1usize, |product, &side| product.checked_mul(side))?;
        let fits =
            !options.constant_input && elements > 0 && sides.len() > 2 && each.is_multiple_of(elements);
        (fits && each / elements == sides[1]).then_some(sides[1])
    });
    given.ok_or_else(|| {
        let message = "the file does not say how many timesteps a pass has";
        Diagnostic::new(Code::Argument, Place::file(&file.path), message)
            .hint("give them with --timesteps, for example --timesteps 25; samples [n, t, ...] of spikes say them too")
    })
}

/// Builds the model by the loader's own rules; problems name the file.
fn built(
    file: &NirFile,
    model: &ModelFile,
    tensors: &IndexMap<String, Tensor>,
) -> Result<LoadedModel, Diagnostics> {
    let place = file.path.display().to_string();
    build(model, &place, &mut &UnwrittenTensors(tensors), Origin::default()).map_err(|mut problems| {
        for problem in &mut problems.0 {
            problem.place = problem.place.clone().within(&file.path);
        }
        problems
    })
}

/// Tensors of a file that is not written.
struct UnwrittenTensors<'a>(&'a IndexMap<String, Tensor>);

impl TensorSource for &UnwrittenTensors<'_> {
    fn fetch(&mut self, tensor: &TensorRef) -> Result<Tensor, Diagnostics> {
        self.0.get(&tensor.1).cloned().ok_or_else(|| {
            let place = Place::from(Subject::Tensor(tensor.1.clone()));
            Diagnostic::new(Code::TensorMissing, place, "the graph has no such tensor").into()
        })
    }
}

/// The model file's text: what was decided, then one line a layer.
fn print(model: &ModelFile, file: &NirFile, remarks: &[String]) -> Result<String, ron::Error> {
    let style = ron::ser::PrettyConfig::new().indentor("  ").depth_limit(4);
    let body = ron_text::print(model, style)?;
    let name = file.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let version = file.version.as_ref().map_or_else(String::new, |version| format!(", NIR {version}"));
    let one_line =
        |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let mut text = format!("// Written by `snnc import` from {}{}.\n", one_line(&name), one_line(&version));
    for remark in remarks {
        text += &format!("// {}\n", one_line(remark));
    }
    Ok(text + &body + "\n")
}
