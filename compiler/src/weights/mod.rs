//! Tensors from weight files: the first room of the flow, read only by [`crate::frontend`] and by whoever compares
//! with recorded traces.
//!
//! [`WeightFile::open`] chooses the reader by the file's extension: `safetensors` (read tensor by tensor) or `pickle`
//! (PyTorch checkpoints, never executed). [`write_safetensors`] writes the one format that snnc writes.
//!
//! Invariants: a [`Tensor`] that leaves this room is whole and finite; nothing is allocated from a size that a file
//! merely declares before that size was checked against the file's own length. Refused: element types that are no
//! plain numbers, values that are not finite, pickles that ask for anything but tensors and plain containers.

pub(crate) mod element;
mod float_array;
pub(crate) mod pickle;
pub(crate) mod safetensors;
pub mod tensor;
pub(crate) mod write;

use std::fs::File;
use std::path::{Path, PathBuf};

use snnc_targets::file_kind::FileKind;
use snnc_targets::near::near;
use snnc_targets::{Code, Diagnostic, Diagnostics, Place, Subject, input};

pub use element::Element;
pub use float_array::{FloatArray, FloatIter};
pub use tensor::Tensor;
pub use write::{Stored, Values, write_safetensors};

use pickle::PickleFile;
use safetensors::SafetensorsFile;

/// An open weight file: its tensors' names, shapes and element types. Values are read one tensor at a time.
#[derive(Debug)]
pub struct WeightFile {
    path: PathBuf,
    format: WeightFormat,
}

#[derive(Debug)]
enum WeightFormat {
    Safetensors(SafetensorsFile),
    Pickle(PickleFile),
}

impl WeightFile {
    /// Opens a `.safetensors` file or a PyTorch checkpoint (`.pth`, `.pt`, `.bin`, `.ckpt`) and reads its index.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`], [`Code::WeightsMalformed`] (also for another extension), [`Code::PickleRefused`].
    pub fn open(path: &Path) -> Result<Self, Diagnostics> {
        let extension =
            path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let kind = FileKind::of_file(path);
        let format = match extension.as_str() {
            "safetensors" | "pth" | "pt" | "bin" | "ckpt" if !kind.is_none_or(is_weights) => {
                FileKind::Safetensors.demand(kind, path)?;
                return Err(unknown_extension(path, &extension).into());
            }
            "safetensors" if kind == Some(FileKind::Checkpoint) => {
                return Err(misnamed(path, "safetensors", "pth"));
            }
            "pth" | "pt" | "ckpt" if kind == Some(FileKind::Safetensors) => {
                return Err(misnamed(path, "PyTorch checkpoint", "safetensors"));
            }
            "safetensors" => WeightFormat::Safetensors(SafetensorsFile::open(path)?),
            "pth" | "pt" | "bin" | "ckpt" => WeightFormat::Pickle(PickleFile::open(path)?),
            other => return Err(unknown_extension(path, other).into()),
        };
        Ok(Self { path: path.to_owned(), format })
    }

    /// The path it was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Names of the tensors: in file order for `.safetensors`, sorted for checkpoints (which keep no order).
    pub fn names(&self) -> Vec<&str> {
        match &self.format {
            WeightFormat::Safetensors(file) => file.names().collect(),
            WeightFormat::Pickle(file) => file.names().collect(),
        }
    }

    /// Whether the file holds a tensor of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.header(name).is_some()
    }

    /// Axis lengths of a tensor, slowest first; empty for a scalar. Reads no values.
    ///
    /// # Errors
    /// [`Code::TensorMissing`] with near names.
    pub fn shape(&self, name: &str) -> Result<&[usize], Diagnostic> {
        self.header(name).map(|(shape, _)| shape).ok_or_else(|| self.missing(name))
    }

    /// Element type of a tensor, or `None` where it is one that snnc does not read.
    ///
    /// # Errors
    /// [`Code::TensorMissing`] with near names.
    pub fn element(&self, name: &str) -> Result<Option<Element>, Diagnostic> {
        self.header(name).map(|(_, element)| element).ok_or_else(|| self.missing(name))
    }

    /// Reads a tensor, exactly but for 64-bit integers beyond 2^53, which round to even.
    ///
    /// # Errors
    /// [`Code::TensorMissing`] with near names; [`Code::TensorShape`] for an element type that is not read or a value
    /// that is not finite; [`Code::WeightsMalformed`] where the file's data end early or fail their checksum.
    pub fn tensor(&self, name: &str) -> Result<Tensor, Diagnostic> {
        let (shape, element) = self.header(name).ok_or_else(|| self.missing(name))?;
        let element = element.ok_or_else(|| self.element_refused(name))?;
        let data = match &self.format {
            WeightFormat::Safetensors(file) => element.read(&file.bytes(name, || self.place(name))?),
            WeightFormat::Pickle(file) => element.read(&file.bytes(name, || self.place(name))?),
        };
        if let Some(at) = data.iter().position(|value| !value.is_finite()) {
            return Err(self.not_finite(name, at, data.get(at)));
        }
        Ok(Tensor::of(shape.to_vec(), data))
    }

    /// `path: tensor name`, for diagnostics.
    pub fn place(&self, name: &str) -> Place {
        Place::from(Subject::Tensor(name.into())).within(&self.path)
    }

    fn header(&self, name: &str) -> Option<(&[usize], Option<Element>)> {
        match &self.format {
            WeightFormat::Safetensors(file) => file.header(name),
            WeightFormat::Pickle(file) => file.header(name),
        }
    }

    fn missing(&self, name: &str) -> Diagnostic {
        let names = self.names();
        let message = format!("no tensor named `{name}` among the {} of this file", names.len());
        let found = Diagnostic::new(Code::TensorMissing, Place::file(&self.path), message);
        match near(name, &names) {
            Some(near) => found.hint(format!("near names: {near}")),
            None => found.hint("no name in the file is near; is it the right file?"),
        }
    }

    fn element_refused(&self, name: &str) -> Diagnostic {
        Diagnostic::new(Code::TensorShape, self.place(name), "the element type is not a plain number type")
            .hint("store it as f64, f32, f16, bf16, an integer of up to 64 bits, or bool")
    }

    fn not_finite(&self, name: &str, at: usize, value: f64) -> Diagnostic {
        let message = format!("element {at} (row-major) is {value}, expected finite values");
        Diagnostic::new(Code::TensorShape, self.place(name), message)
            .hint("training has diverged, or the file is damaged; use an earlier checkpoint")
    }
}

/// Whether a file of that kind may hold weights, be it damaged: a zip archive whose first entry is no pickle, say.
fn is_weights(kind: FileKind) -> bool {
    use FileKind::{Binary, Checkpoint, Json, Safetensors, Tar, Zip};
    matches!(kind, Binary | Checkpoint | Json | Safetensors | Tar | Zip)
}

/// A file whose name says another format than its first bytes.
fn misnamed(path: &Path, name: &str, extension: &str) -> Diagnostics {
    let found = FileKind::of_file(path).map_or("another kind of file", FileKind::words);
    let message = format!("the name says {name}, but this is {found}");
    Diagnostic::new(Code::WrongFile, path, message)
        .hint(format!("rename it to end in .{extension}, also where `weights` names it"))
        .into()
}

fn unknown_extension(path: &Path, extension: &str) -> Diagnostic {
    let message = format!("unknown weight file extension `{extension}`, expected `safetensors` or `pth`");
    Diagnostic::new(Code::WeightsMalformed, path, message)
        .hint("rename the file after its format, or save the state dict as .safetensors")
}

/// Opens a regular file and takes its length in bytes; folders and devices are refused.
fn open_regular(path: &Path) -> Result<(File, u64), Diagnostic> {
    let unreadable = |error: std::io::Error| Diagnostic::unreadable(path, &error);
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Diagnostic::unreadable(path, &std::io::Error::other("not a regular file"))
            .hint("name the weight file itself, not its folder"));
    }
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    input::WEIGHTS.check(path, length)?;
    Ok((file, length))
}

/// At most 240 characters of a message that may quote the file, without control characters.
fn clip(message: &str) -> String {
    let mut clean: String = message.chars().take(240).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if message.chars().nth(240).is_some() {
        clean.push_str(" ...");
    }
    clean
}
