//! `.safetensors` files: a JSON index and raw little-endian data, read tensor by tensor.
//!
//! The whole index is checked when a file is opened: every tensor's range follows from its shape and type, the ranges
//! follow each other without gap or overlap, and they fill the file exactly. So later reads cannot leave the file. It
//! is not mapped into memory: a file that somebody shortens meanwhile is then an error and not the end of the process.
//! Refused: anything shorter, longer or otherwise at odds with its index.

// What a number from a file can reach neither wraps, panics nor leaves its array.
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use indexmap::IndexMap;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use snnc_targets::{Code, Diagnostic, Place, input};

use super::{Element, clip, open_regular};

/// Bytes of the length field before the index.
const LENGTH_FIELD: usize = 8;

/// An open, checked file.
#[derive(Debug)]
pub(super) struct SafetensorsFile {
    file: File,
    /// Where the data begin.
    data: u64,
    /// By name, in file order; offsets are relative to `data`.
    tensors: IndexMap<String, TensorInfo>,
}

impl SafetensorsFile {
    /// Opens the file and checks its index.
    pub(super) fn open(path: &Path) -> Result<Self, Diagnostic> {
        let (file, length) = open_regular(path)?;
        if length < LENGTH_FIELD as u64 {
            return Err(malformed(path, format!("{length} bytes long, expected at least {LENGTH_FIELD}")));
        }
        let unreadable = |error: std::io::Error| Diagnostic::unreadable(path, &error);
        let mut field = [0; LENGTH_FIELD];
        file.read_exact_at(&mut field, 0).map_err(unreadable)?;
        let room = length - LENGTH_FIELD as u64;
        let index = index_length(field, room).map_err(|message| malformed(path, message))?;
        let mut text = vec![0; index];
        file.read_exact_at(&mut text, LENGTH_FIELD as u64).map_err(unreadable)?;
        let data = (LENGTH_FIELD + index) as u64;
        let metadata: Metadata = serde_json::from_slice(&text).map_err(|error| {
            malformed(path, format!("the index is not valid: {}", clip(&error.to_string())))
        })?;
        let (found, declared) = (length - data, metadata.data_len());
        if found != declared as u64 {
            return Err(malformed(
                path,
                format!("the index declares {declared} bytes of data, the file has {found}"),
            ));
        }
        let tensors = in_file_order(&metadata);
        Ok(Self { file, data, tensors })
    }

    /// Names in file order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Shape and, where it is a plain number, element type.
    pub(super) fn header(&self, name: &str) -> Option<(&[usize], Option<Element>)> {
        self.tensors.get(name).map(|info| (info.shape.as_slice(), element(info.dtype)))
    }

    /// The bytes of a tensor that the index names.
    ///
    /// # Errors
    /// [`Code::WeightsMalformed`] for a file that has become shorter since it was opened, or cannot be read any more.
    pub(super) fn bytes(&self, name: &str, place: impl Fn() -> Place) -> Result<Vec<u8>, Diagnostic> {
        let (start, end) = self.tensors.get(name).map_or((0, 0), |info| info.data_offsets);
        let length = end.saturating_sub(start);
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|error| {
            let message = format!("{length} bytes do not fit into memory: {error}");
            Diagnostic::new(Code::WeightsMalformed, place(), message)
        })?;
        bytes.resize(length, 0);
        let read = self.file.read_exact_at(&mut bytes, self.data.saturating_add(start as u64));
        read.map_err(|error| {
            let message = format!("the file was changed while it was read: {error}");
            Diagnostic::new(Code::WeightsMalformed, place(), message)
                .hint("wait until whoever writes it has finished, then run the command again")
        })?;
        Ok(bytes)
    }
}

/// Bytes of the JSON index, of which `room` are there at most.
fn index_length(field: [u8; LENGTH_FIELD], room: u64) -> Result<usize, String> {
    let declared = u64::from_le_bytes(field);
    match usize::try_from(declared) {
        Ok(length) if declared <= room.min(input::INDEX.longest) => Ok(length),
        _ => Err(format!(
            "the index is declared {declared} bytes long, the file has {room} (limit {})",
            input::INDEX.longest
        )),
    }
}

fn in_file_order(metadata: &Metadata) -> IndexMap<String, TensorInfo> {
    let names = metadata.offset_keys().into_iter();
    names.filter_map(|name| metadata.info(&name).cloned().map(|info| (name, info))).collect()
}

fn element(dtype: Dtype) -> Option<Element> {
    Some(match dtype {
        Dtype::F64 => Element::F64,
        Dtype::F32 => Element::F32,
        Dtype::F16 => Element::F16,
        Dtype::BF16 => Element::Bf16,
        Dtype::I64 => Element::I64,
        Dtype::I32 => Element::I32,
        Dtype::I16 => Element::I16,
        Dtype::I8 => Element::I8,
        Dtype::U64 => Element::U64,
        Dtype::U32 => Element::U32,
        Dtype::U16 => Element::U16,
        Dtype::U8 => Element::U8,
        Dtype::BOOL => Element::Bool,
        _ => return None,
    })
}

fn malformed(path: &Path, message: String) -> Diagnostic {
    Diagnostic::new(Code::WeightsMalformed, path, message)
        .hint("the file is truncated or damaged; copy or save it again")
}

#[cfg(test)]
mod tests {
    use super::super::{Stored, Tensor, WeightFile, write_safetensors};
    use super::*;

    #[test]
    fn a_file_that_shrinks_while_it_is_open_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let tensor = |length: usize| Tensor::new(vec![length], vec![0.5; length]);
        let stored = [("a", tensor(4)), ("b", tensor(100_000))];
        let stored = stored.map(|(name, tensor)| Stored::from_tensor(name, tensor, Element::F32));
        write_safetensors(&path, &stored).unwrap();
        let file = WeightFile::open(&path).unwrap();
        assert_eq!(file.tensor("b").unwrap().data.get(99_999), 0.5);
        File::options().write(true).open(&path).unwrap().set_len(4096).unwrap();
        assert_eq!(file.tensor("a").unwrap().data.get(3), 0.5);
        let problem = file.tensor("b").unwrap_err();
        assert_eq!(problem.code, Code::WeightsMalformed);
        assert!(problem.message.contains("changed while it was read"), "{problem}");
    }
}
