//! Writes `.safetensors` files, whole or not at all.
//!
//! Bytes depend only on the tensors and their order: the same input gives the same file.

use std::cmp::Reverse;
use std::io::Write;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use snnc_targets::{Code, Diagnostic, output};

use super::{Element, Tensor};

/// A tensor to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Name in the file; unique.
    pub name: String,
    /// Axis lengths, slowest first.
    pub shape: Vec<usize>,
    /// Row-major values, as many as the product of `shape`.
    pub values: Values,
}

/// Values of a tensor to be written, and with them its element type.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Stored as F64.
    F64(Vec<f64>),
    /// Stored as F32.
    F32(Vec<f32>),
    /// Stored as I64.
    I64(Vec<i64>),
}

impl Stored {
    /// A tensor that was read as `element`, in the smallest type of [`Values`] that keeps all its values.
    pub fn from_tensor(name: impl Into<String>, tensor: Tensor, element: Element) -> Self {
        let data = tensor.data;
        let values = match element {
            Element::F64 => Values::F64(data.to_vec()),
            Element::F32 | Element::F16 | Element::Bf16 => {
                Values::F32(data.iter().map(|v| v as f32).collect())
            }
            _ => Values::I64(data.iter().map(|v| v as i64).collect()),
        };
        Self { name: name.into(), shape: tensor.shape, values }
    }
}

impl Values {
    fn dtype(&self) -> Dtype {
        match self {
            Self::F64(_) => Dtype::F64,
            Self::F32(_) => Dtype::F32,
            Self::I64(_) => Dtype::I64,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::F64(values) => values.len() * 8,
            Self::F32(values) => values.len() * 4,
            Self::I64(values) => values.len() * 8,
        }
    }

    fn write(&self, file: &mut impl Write) -> std::io::Result<()> {
        match self {
            Self::F64(values) => values.iter().try_for_each(|v| file.write_all(&v.to_le_bytes())),
            Self::F32(values) => values.iter().try_for_each(|v| file.write_all(&v.to_le_bytes())),
            Self::I64(values) => values.iter().try_for_each(|v| file.write_all(&v.to_le_bytes())),
        }
    }
}

/// Writes `tensors` in their order, 8-byte types before 4-byte ones so that all data are aligned. An earlier file of
/// that name is replaced once the new one is whole.
///
/// # Errors
/// [`Code::OutputFailed`] with the path, also where a tensor's values do not fill its shape.
pub fn write_safetensors(path: &Path, tensors: &[Stored]) -> Result<(), Diagnostic> {
    let mut ordered: Vec<&Stored> = tensors.iter().collect();
    ordered.sort_by_key(|tensor| Reverse(tensor.values.dtype().bitsize()));
    let index = index(&ordered).map_err(|message| Diagnostic::new(Code::OutputFailed, path, message))?;
    output::write_with(path, |file| {
        file.write_all(&(index.len() as u64).to_le_bytes())?;
        file.write_all(&index)?;
        ordered.iter().try_for_each(|tensor| tensor.values.write(file))
    })
}

/// The JSON index, padded with blanks to a multiple of 8 bytes.
fn index(tensors: &[&Stored]) -> Result<Vec<u8>, String> {
    let mut at = 0;
    let mut infos = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let end = at + tensor.values.bytes();
        let info =
            TensorInfo { dtype: tensor.values.dtype(), shape: tensor.shape.clone(), data_offsets: (at, end) };
        infos.push((tensor.name.clone(), info));
        at = end;
    }
    let metadata = Metadata::new(None, infos).map_err(|error| error.to_string())?;
    let mut json = serde_json::to_vec(&metadata).map_err(|error| error.to_string())?;
    json.resize(json.len().next_multiple_of(8), b' ');
    Ok(json)
}
