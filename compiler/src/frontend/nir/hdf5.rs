//! HDF5 as a tree of groups, arrays of numbers and texts: the only file here that knows the format's crate.
//!
//! Every size that the file declares is held against a budget before anything is read by it: the numbers of all
//! arrays together, the chunks that they are packed in, the texts, the objects, and how deep groups nest. So a file
//! of n bytes takes memory of the order of n and some megabytes, whatever it says. Attributes and `metadata` are
//! passed over.

use std::path::Path;

use hdf5_pure::{DType, Dataset, File, Group, VlenStringReadOptions};
use indexmap::IndexMap;
use snnc_targets::file_kind::FileKind;
use snnc_targets::{Code, Diagnostic, Place, Subject, input};

use crate::weights::{FloatArray, Tensor};

/// Most groups and arrays of a file.
const OBJECTS_MAX: usize = 1 << 16;
/// How deep groups may nest.
const DEPTH_MAX: usize = 32;
/// Longest text, in bytes, and all texts of one array together.
const TEXT_MAX: usize = 1 << 20;
/// Bytes of unpacked numbers that any file may have, beside those in proportion to its length.
const BYTES_FREE: u64 = 24 << 20;
/// Bytes of unpacked numbers for each byte of the file.
const UNPACKED: u64 = 4;

/// A part of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// Parts by name, in the order of the file.
    Group(IndexMap<String, Item>),
    /// Numbers, all finite.
    Numbers(Tensor),
    /// Texts, row-major, with their shape; none for a single text.
    Texts(Vec<usize>, Vec<String>),
    /// Of an element type that NIR does not use, in words.
    Other(String),
}

/// The root group of a file.
///
/// # Errors
/// [`Code::FileUnreadable`]; [`Code::WrongFile`] for what is no HDF5; [`Code::ModelInvalid`] for what is damaged, too
/// large for its file, or nested too deep; [`Code::TensorShape`] for numbers that are not finite.
pub fn read(path: &Path) -> Result<Item, Diagnostic> {
    FileKind::Hdf5.demand(FileKind::of_file(path), path)?;
    parse(input::NIR.read(path)?, path)
}

/// The root group of the bytes of a file; `path` names it in diagnostics.
///
/// # Errors
/// Those of [`read`], but for reading the file.
pub fn parse(bytes: Vec<u8>, path: &Path) -> Result<Item, Diagnostic> {
    let length = bytes.len() as u64;
    let mut reading = Reading { path, length, bytes: BYTES_FREE + UNPACKED * length, objects: OBJECTS_MAX };
    let file = File::from_bytes(bytes).map_err(|error| reading.damaged("", &error))?;
    reading.group(&file.root(), "", 0)
}

/// A file being read, and what it may still ask for.
struct Reading<'a> {
    path: &'a Path,
    /// Of the file in bytes.
    length: u64,
    bytes: u64,
    objects: usize,
}

impl Reading<'_> {
    /// A part of the file, by its path within.
    fn place(&self, part: &str) -> Place {
        match part {
            "" => Place::file(self.path),
            _ => Place::from(Subject::Field(part.into())).within(self.path),
        }
    }

    fn damaged(&self, part: &str, error: &hdf5_pure::Error) -> Diagnostic {
        let why: String = error.to_string().chars().filter(|c| !c.is_control()).take(200).collect();
        let message = format!("the HDF5 structure does not read: {why}");
        Diagnostic::new(Code::ModelInvalid, self.place(part), message).hint(
            "the file is damaged, or uses a part of HDF5 that NIR does not; write it anew with `nir.write`",
        )
    }

    fn refuse(&self, part: &str, message: String) -> Diagnostic {
        Diagnostic::new(Code::ModelInvalid, self.place(part), message)
            .hint("is the file damaged? `nir.write` writes one that is not")
    }

    /// Accounts for an object.
    fn object(&mut self, part: &str) -> Result<(), Diagnostic> {
        let left = self.objects.checked_sub(1);
        self.objects = left.ok_or_else(|| {
            self.refuse(part, format!("over {OBJECTS_MAX} groups and arrays; do groups hold each other?"))
        })?;
        Ok(())
    }

    /// Accounts for bytes that are about to be read.
    fn spend(&mut self, part: &str, bytes: u64) -> Result<(), Diagnostic> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or_else(|| {
            let message = format!(
                "the arrays unpack to far more than a file of {} bytes holds: {bytes} bytes more here, {} left",
                self.length, self.bytes
            );
            self.refuse(part, message)
        })?;
        Ok(())
    }

    fn group(&mut self, group: &Group, part: &str, depth: usize) -> Result<Item, Diagnostic> {
        if depth > DEPTH_MAX {
            let message = format!("groups nest more than {DEPTH_MAX} deep; does one hold itself?");
            return Err(self.refuse(part, message));
        }
        let mut items = IndexMap::new();
        for (name, child) in group.iter_groups().map_err(|error| self.damaged(part, &error))? {
            let inner = joined(part, &name);
            self.object(&inner)?;
            if name != "metadata" {
                items.insert(name, self.group(&child, &inner, depth + 1)?);
            }
        }
        for (name, dataset) in group.iter_datasets().map_err(|error| self.damaged(part, &error))? {
            let inner = joined(part, &name);
            self.object(&inner)?;
            items.insert(name, self.dataset(&dataset, &inner)?);
        }
        Ok(Item::Group(items))
    }

    fn dataset(&mut self, dataset: &Dataset, part: &str) -> Result<Item, Diagnostic> {
        let failed = |error: hdf5_pure::Error| self.damaged(part, &error);
        let (sides, kind) = (dataset.shape().map_err(failed)?, dataset.dtype().map_err(failed)?);
        let each = dataset.element_size().map_err(failed)?;
        let chunk = dataset.chunk_shape().map_err(failed)?.unwrap_or_default();
        let product = |sides: &[u64]| sides.iter().try_fold(1u64, |product, &side| product.checked_mul(side));
        let sizes = (product(&sides), product(&chunk));
        let ((Some(count), Some(packed)), true) = (sizes, sides.len() <= 32) else {
            return Err(self.refuse(part, format!("the array is {sides:?}, which no memory holds")));
        };
        self.spend(part, count.saturating_mul(each.max(8)))?;
        // A chunk is unpacked as a whole, however little of it lies in the array; its memory is free again after that.
        if packed.saturating_mul(each) > self.bytes {
            return Err(self.refuse(part, format!("its chunks are {chunk:?}, more than the file holds")));
        }
        let shape: Vec<usize> = sides.iter().map(|&side| side as usize).collect();
        let data = match kind {
            DType::F32 => FloatArray::Single(dataset.read_f32().map_err(|error| self.damaged(part, &error))?),
            DType::F64 | DType::U64 | DType::I64 => {
                wide(dataset).map_err(|error| self.damaged(part, &error))?
            }
            DType::I8 | DType::I16 | DType::I32 | DType::U8 | DType::U16 | DType::U32 => {
                wide(dataset).map_err(|error| self.damaged(part, &error))?
            }
            DType::String | DType::VariableLengthString => return self.texts(dataset, kind, shape, part),
            other => return Ok(Item::Other(other.to_string())),
        };
        if data.len() as u64 != count {
            return Err(self.refuse(part, format!("{} numbers, {count} expected", data.len())));
        }
        if let Some(wrong) = data.iter().position(|value| !value.is_finite()) {
            let message =
                format!("element {wrong} (row-major) is {}, expected finite values", data.get(wrong));
            return Err(Diagnostic::new(Code::TensorShape, self.place(part), message)
                .hint("training has diverged, or the file is damaged"));
        }
        Ok(Item::Numbers(Tensor::of(shape, data)))
    }

    fn texts(
        &mut self,
        dataset: &Dataset,
        kind: DType,
        shape: Vec<usize>,
        part: &str,
    ) -> Result<Item, Diagnostic> {
        let failed = |error: hdf5_pure::Error| self.damaged(part, &error);
        let count: usize = shape.iter().product();
        let texts = match kind {
            DType::String => dataset.read_string().map_err(failed)?,
            _ => {
                let most =
                    VlenStringReadOptions::new().with_max_elements(count).with_max_payload_bytes(TEXT_MAX);
                dataset.read_vlen_strings(most).map_err(failed)?
            }
        };
        if texts.len() != count {
            return Err(self.refuse(part, format!("{} texts, {count} expected", texts.len())));
        }
        self.spend(part, texts.iter().map(|text| text.len() as u64).sum())?;
        Ok(Item::Texts(shape, texts))
    }
}

fn wide(dataset: &Dataset) -> Result<FloatArray, hdf5_pure::Error> {
    dataset.read_f64().map(FloatArray::from)
}

fn joined(part: &str, name: &str) -> String {
    if part.is_empty() { name.to_owned() } else { format!("{part}/{name}") }
}
