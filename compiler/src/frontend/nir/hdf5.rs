//! HDF5 as a tree of groups, arrays of numbers and texts: the only file here that knows the format's crate.
//!
//! Every size that the file declares is held against a budget before anything is read by it: the numbers of all
//! arrays together, the chunks that they are packed in, the texts, the objects, and how deep groups nest. So a file
//! of n bytes takes memory of the order of n and some megabytes, whatever it says. Attributes and `metadata` are
//! passed over.

// What a number from a file can reach neither wraps, panics nor leaves its array.
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use std::path::Path;

use hdf5_pure::{DType, Dataset, Datatype, DatatypeByteOrder, File, Group, VlenStringReadOptions};
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
        let shape: Vec<usize> =
            sides.iter().map(|&side| usize::try_from(side).unwrap_or(usize::MAX)).collect();
        let data = match kind {
            DType::F32 => FloatArray::Single(dataset.read_f32().map_err(|error| self.damaged(part, &error))?),
            DType::F64 | DType::U64 | DType::I64 => {
                wide(dataset).map_err(|error| self.damaged(part, &error))?
            }
            DType::I8 | DType::I16 | DType::I32 | DType::U8 | DType::U16 | DType::U32 => {
                wide(dataset).map_err(|error| self.damaged(part, &error))?
            }
            DType::String | DType::VariableLengthString => return self.texts(dataset, kind, shape, part),
            DType::Other(inner) if matches!(*inner, Datatype::FloatingPoint { size: 2, .. }) => {
                halves(dataset, &inner).map_err(|error| self.damaged(part, &error))?
            }
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

/// Numbers of half precision, which the format's crate does not convert.
fn halves(dataset: &Dataset, kind: &Datatype) -> Result<FloatArray, hdf5_pure::Error> {
    let big = matches!(kind, Datatype::FloatingPoint { byte_order: DatatypeByteOrder::BigEndian, .. });
    let bits = |bytes: &[u8; 2]| if big { u16::from_be_bytes(*bytes) } else { u16::from_le_bytes(*bytes) };
    let raw = dataset.read_raw()?;
    Ok(FloatArray::Single(raw.as_chunks().0.iter().map(|bytes| half(bits(bytes))).collect()))
}

/// The value of a number of IEEE 754's binary16: sign, 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023) / 1024.0);
    let size = match exponent {
        0 => fraction * 2f32.powi(-14),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction) * 2f32.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

fn joined(part: &str, name: &str) -> String {
    if part.is_empty() { name.to_owned() } else { format!("{part}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::half;

    #[test]
    fn halves_have_the_values_of_the_standard() {
        // IEEE 754-2019, table 3.5, and the examples that every text on binary16 has.
        for (bits, value) in [
            (0x0000, 0.0),
            (0x0001, 5.960_464_5e-8),
            (0x03ff, 6.097_555e-5),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0x3bff, 0.999_511_7),
            (0x3c00, 1.0),
            (0x3c01, 1.000_976_6),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
        ] {
            assert_eq!(half(bits), value, "{bits:#06x}");
        }
        assert_eq!(half(0xfc00), f32::NEG_INFINITY);
        assert!(half(0x7e00).is_nan() && half(0x8000).is_sign_negative());
    }
}
