//! `.safetensors` files: a JSON index and raw little-endian data, memory-mapped.
//!
//! The whole index is checked when a file is opened: every tensor's range follows from its shape and type, the ranges
//! follow each other without gap or overlap, and they fill the file exactly. So later reads cannot leave the file.
//! Refused: anything shorter, longer or otherwise at odds with its index.

use std::fs::File;
use std::path::Path;

use indexmap::IndexMap;
use memmap2::Mmap;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use snnc_targets::{Code, Diagnostic, input};

use super::{Element, clip, open_regular};

/// Bytes of the length field before the index.
const LENGTH_FIELD: usize = 8;
/// Longest index that is read, in bytes.
const LONGEST_INDEX: usize = input::INDEX.longest as usize;

/// An open, checked file.
#[derive(Debug)]
pub(super) struct SafetensorsFile {
    map: Mmap,
    /// Where the data begin.
    data: usize,
    /// By name, in file order; offsets are relative to `data`.
    tensors: IndexMap<String, TensorInfo>,
}

impl SafetensorsFile {
    /// Maps the file and checks its index.
    pub(super) fn open(path: &Path) -> Result<Self, Diagnostic> {
        let (file, length) = open_regular(path)?;
        if length < LENGTH_FIELD as u64 {
            return Err(malformed(path, format!("{length} bytes long, expected at least {LENGTH_FIELD}")));
        }
        let map = map(&file).map_err(|error| Diagnostic::unreadable(path, &error))?;
        let index = index_range(&map).map_err(|message| malformed(path, message))?;
        let data = index.end;
        let metadata: Metadata = serde_json::from_slice(&map[index]).map_err(|error| {
            malformed(path, format!("the index is not valid: {}", clip(&error.to_string())))
        })?;
        let (found, declared) = (map.len() - data, metadata.data_len());
        if found != declared {
            return Err(malformed(
                path,
                format!("the index declares {declared} bytes of data, the file has {found}"),
            ));
        }
        let tensors = in_file_order(&metadata);
        Ok(Self { map, data, tensors })
    }

    /// Names in file order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Shape and, where it is a plain number, element type.
    pub(super) fn header(&self, name: &str) -> Option<(&[usize], Option<Element>)> {
        self.tensors.get(name).map(|info| (info.shape.as_slice(), element(info.dtype)))
    }

    /// The bytes of a tensor.
    pub(super) fn bytes(&self, name: &str) -> Option<&[u8]> {
        let (start, end) = self.tensors.get(name)?.data_offsets;
        self.map.get(self.data + start..self.data + end)
    }
}

fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: the mapping is private and read-only. Should another process truncate the file meanwhile, reads fault
    // (SIGBUS) as for every memory-mapped reader; snnc itself replaces files by renaming and never truncates one.
    unsafe { Mmap::map(file) }
}

/// The bytes of the JSON index.
fn index_range(bytes: &[u8]) -> Result<std::ops::Range<usize>, String> {
    let field = bytes.first_chunk::<LENGTH_FIELD>().ok_or("no length field")?;
    let declared = u64::from_le_bytes(*field);
    let room = bytes.len() - LENGTH_FIELD;
    match usize::try_from(declared) {
        Ok(length) if length <= room.min(LONGEST_INDEX) => Ok(LENGTH_FIELD..LENGTH_FIELD + length),
        _ => Err(format!(
            "the index is declared {declared} bytes long, the file has {room} (limit {LONGEST_INDEX})"
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
