//! A model that another program holds: the text of a `model.ron`, and its tensors in memory.
//!
//! The text is read and built as that of a file is, so errors name lines of it. It names one weight file, whose name
//! only matters once the model is written to a folder; tensors are looked up by their names. Refused: what
//! [`super::load()`] refuses of a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use snnc_targets::near::near;
use snnc_targets::output::{self, Folder};
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, Source};

use super::LoadedModel;
use super::build::{TensorSource, build};
use super::fill::{WEIGHTS, only_handle, with_weights};
use super::model::TensorRef;
use super::read::parse;
use crate::weights::{FloatArray, Stored, Tensor, Values, write_safetensors};

/// A model file's text, and the tensors that it names.
#[derive(Debug, Clone)]
pub struct Description {
    source: Arc<Source>,
    tensors: Arc<IndexMap<String, Tensor>>,
}

impl Description {
    /// The text of a model file, which errors call `place`, and tensors by their names in it.
    ///
    /// # Errors
    /// [`Code::TensorShape`] for a value that is not finite.
    pub fn new(
        place: &str,
        text: impl Into<String>,
        tensors: IndexMap<String, Tensor>,
    ) -> Result<Self, Diagnostics> {
        let mut problems = Diagnostics::default();
        for (name, tensor) in &tensors {
            if let Some(at) = tensor.data.iter().position(|value| !value.is_finite()) {
                let message = format!(
                    "element {at} (row-major) of tensor `{name}` is {}, expected finite values",
                    tensor.data.get(at)
                );
                problems.push(
                    Diagnostic::new(Code::TensorShape, Place::file(place), message)
                        .hint("training has diverged; use an earlier checkpoint"),
                );
            }
        }
        let source = Source::new(place, text.into());
        problems.into_result(Self { source, tensors: Arc::new(tensors) })
    }

    /// The text of the model file.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// Builds the networks and checks the pipeline.
    ///
    /// # Errors
    /// Those of [`super::load()`] for a text and its tensors.
    pub fn build(&self) -> Result<LoadedModel, Diagnostics> {
        let (model, origin) = parse(&self.source)?;
        let place = Path::new(&self.source.name);
        let handle = only_handle(&model, place, &origin)?;
        let mut tensors = Held { handle, description: self };
        build(&model, &self.source.name, &mut tensors, origin)
    }

    /// Writes `model.ron` and `weights.safetensors` into a folder, which [`super::load()`] reads as the same model.
    ///
    /// # Errors
    /// [`Code::OutputFailed`]; those of [`Description::build`] for the text.
    pub fn write(&self, out: &Path) -> Result<PathBuf, Diagnostics> {
        let (model, origin) = parse(&self.source)?;
        let place = Path::new(&self.source.name);
        let text = with_weights(place, &origin, only_handle(&model, place, &origin)?)?;
        let stored: Vec<Stored> = self.tensors.iter().map(|(name, tensor)| stored(name, tensor)).collect();
        let (file, weights) = (out.join("model.ron"), out.join(WEIGHTS));
        let _owned = Folder::claim(out)?;
        [&weights, &file].into_iter().try_for_each(|file| output::check(file))?;
        // An older model must not stand beside new weights if this is cut off: a folder with a model.ron is whole.
        output::remove(&file)?;
        write_safetensors(&weights, &stored)?;
        output::write_atomic(&file, text.as_bytes())?;
        Ok(file)
    }
}

/// A tensor in the width that it is kept in.
fn stored(name: &str, tensor: &Tensor) -> Stored {
    let values = match &tensor.data {
        FloatArray::Single(values) => Values::F32(values.clone()),
        FloatArray::Double(values) => Values::F64(values.clone()),
    };
    Stored { name: name.to_owned(), shape: tensor.shape.clone(), values }
}

/// The tensors of a description under the handle of its only weight file.
struct Held<'a> {
    handle: &'a str,
    description: &'a Description,
}

impl TensorSource for Held<'_> {
    fn fetch(&mut self, tensor: &TensorRef) -> Result<Tensor, Diagnostics> {
        let TensorRef(handle, name) = tensor;
        let place = Place::file(&self.description.source.name);
        if handle != self.handle {
            let message = format!("no weight file has the handle `{handle}`");
            return Err(Diagnostic::new(Code::ModelInvalid, place, message)
                .hint(format!("`weights` lists: {}", self.handle))
                .into());
        }
        let tensors = &self.description.tensors;
        if let Some(found) = tensors.get(name) {
            return Ok(found.clone());
        }
        let names: Vec<&str> = tensors.keys().map(String::as_str).collect();
        let message = format!("no tensor named `{name}` among the {} that were given", names.len());
        let found = Diagnostic::new(Code::TensorMissing, place, message);
        Err(match near(name, &names) {
            Some(near) => found.hint(format!("near names: {near}")),
            None => found.hint("give it with the others"),
        }
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontend::load;

    const TEXT: &str = r#"(
  format: "snnc.model/1",
  name: "tiny",
  weights: {"w": "none"},
  networks: {
    "net": (
      timesteps: 3,
      layers: [
        (name: "x", op: Input(shape: (2, 1, 1))),
        (name: "fc", from: ["x"], op: Linear(weight: ("w", "fc.weight"))),
        (name: "lif", from: ["fc"], op: Lif(tau: 2.0, threshold: 1.0)),
        (name: "out", from: ["lif"], op: SumOverTime),
      ],
    ),
  },
)"#;

    fn tensors(value: f64) -> IndexMap<String, Tensor> {
        let values = vec![1.0, 0.5, value, 3.0, 0.1, -2.0];
        IndexMap::from([("fc.weight".to_owned(), Tensor::new(vec![3, 2], values))])
    }

    #[test]
    fn a_model_in_memory_is_that_of_the_files_it_is_written_to() {
        let description = Description::new("memory", TEXT, tensors(-0.25)).unwrap();
        let built = description.build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let read = load(&description.write(folder.path()).unwrap()).unwrap();
        assert_eq!((&built.name, built.graphs.len()), (&read.name, 1));
        assert_eq!(built.graphs["net"].table().unwrap(), read.graphs["net"].table().unwrap());
        let weight = |model: &LoadedModel| {
            let graph = &model.graphs["net"];
            format!("{:?}", graph.net[graph.find("fc").unwrap()].op)
        };
        assert_eq!(weight(&built), weight(&read));
    }

    #[test]
    fn missing_tensors_and_odd_values_are_refused_by_name_and_line() {
        let description = Description::new("memory", TEXT, IndexMap::new()).unwrap();
        let errors = description.build().unwrap_err();
        assert_eq!(errors.codes(), [Code::TensorMissing]);
        assert_eq!(errors.0[0].place.position().unwrap(), "memory:10:54", "{errors}");
        let errors = Description::new("memory", TEXT, tensors(f64::NAN)).unwrap_err();
        assert_eq!(errors.codes(), [Code::TensorShape]);
        assert!(errors.0[0].message.contains("element 2 (row-major) of tensor `fc.weight`"), "{errors}");
    }
}
