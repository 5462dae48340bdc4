//! A golden file as it is: named tensors with dtype and shape, and typed readers that check both.
//!
//! Knows the container and the element types, but no key and no model.

// What a number from a file can reach neither wraps, panics nor leaves its array.
#![deny(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use snnc_targets::{Code, Diagnostic, Place, Subject, input};

/// A tensor as stored.
#[derive(Debug, Clone)]
struct GoldenTensor {
    dtype: Dtype,
    shape: Vec<usize>,
    /// Little-endian, row-major.
    data: Vec<u8>,
}

/// A recording: tensors by key, and the temperature that its loops were drawn with.
#[derive(Debug, Clone)]
pub struct GoldenFile {
    place: String,
    records: BTreeMap<String, GoldenTensor>,
    temperature: Option<f64>,
}

impl GoldenFile {
    /// Reads a `.safetensors` file.
    ///
    /// # Errors
    /// [`Code::FileUnreadable`], [`Code::WeightsMalformed`] when it is no safetensors file, [`Code::GoldenInvalid`]
    /// when the metadata `temperature` is not a positive number.
    pub fn read(path: &Path) -> Result<Self, Diagnostic> {
        Self::parse(&input::GOLDEN.read(path)?, &path.display().to_string())
    }

    /// Reads the bytes of a `.safetensors` file; `place` names it in errors.
    ///
    /// # Errors
    /// [`Code::WeightsMalformed`] and [`Code::GoldenInvalid`] as [`GoldenFile::read`].
    pub fn parse(bytes: &[u8], place: &str) -> Result<Self, Diagnostic> {
        let malformed = |error: safetensors::SafeTensorError| {
            Diagnostic::new(
                Code::WeightsMalformed,
                Place::file(place),
                format!("not a safetensors file: {error}"),
            )
        };
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(malformed)?;
        let stated = metadata.metadata().as_ref().and_then(|entries| entries.get("temperature"));
        let temperature = stated.map(|text| temperature(text, place)).transpose()?;
        let records =
            SafeTensors::deserialize(bytes).map_err(malformed)?.tensors().into_iter().map(|(key, view)| {
                (
                    key,
                    GoldenTensor {
                        dtype: view.dtype(),
                        shape: view.shape().to_vec(),
                        data: view.data().to_vec(),
                    },
                )
            });
        Ok(Self { place: place.to_owned(), records: records.collect(), temperature })
    }

    /// Path of the file, for messages.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Metadata `temperature`: what the recorded loops divided their logits by.
    pub fn temperature(&self) -> Option<f64> {
        self.temperature
    }

    /// All keys, ascending.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.records.keys().map(String::as_str)
    }

    /// Whether there is a tensor of that key.
    pub fn contains(&self, key: &str) -> bool {
        self.records.contains_key(key)
    }

    /// Axis lengths of a tensor.
    ///
    /// # Errors
    /// [`Code::GoldenInvalid`] when it is missing.
    pub fn shape(&self, key: &str) -> Result<&[usize], Diagnostic> {
        Ok(&self.record(key)?.shape)
    }

    /// A u8 tensor of one of the given shapes, row-major.
    ///
    /// # Errors
    /// [`Code::GoldenInvalid`] when it is missing or has another dtype or shape.
    pub fn bytes(&self, key: &str, shapes: &[Vec<usize>]) -> Result<&[u8], Diagnostic> {
        self.typed(key, Dtype::U8, shapes)
    }

    /// An f64 tensor of one of the given shapes, row-major, each value finite.
    ///
    /// # Errors
    /// As [`GoldenFile::bytes`], and when a value is not finite.
    pub fn floats(&self, key: &str, shapes: &[Vec<usize>]) -> Result<Vec<f64>, Diagnostic> {
        let values: Vec<f64> = words(self.typed(key, Dtype::F64, shapes)?).map(f64::from_le_bytes).collect();
        match values.iter().find(|v| !v.is_finite()) {
            Some(value) => Err(self.invalid(key, format!("holds {value}, finite numbers expected"))),
            None => Ok(values),
        }
    }

    /// An i64 tensor of one of the given shapes, row-major, each value from 0 to `last`.
    ///
    /// # Errors
    /// As [`GoldenFile::bytes`], and when a value is out of range.
    pub fn numbers(&self, key: &str, shapes: &[Vec<usize>], last: u32) -> Result<Vec<u32>, Diagnostic> {
        let in_range = |value: i64| {
            let number = u32::try_from(value).ok().filter(|&n| n <= last);
            number
                .ok_or_else(|| self.invalid(key, format!("holds {value}, numbers from 0 to {last} expected")))
        };
        words(self.typed(key, Dtype::I64, shapes)?).map(i64::from_le_bytes).map(in_range).collect()
    }

    /// A diagnostic at one key.
    pub fn invalid(&self, key: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(
            Code::GoldenInvalid,
            Place::from(Subject::Key(key.into())).within(&self.place),
            message,
        )
    }

    fn record(&self, key: &str) -> Result<&GoldenTensor, Diagnostic> {
        self.records.get(key).ok_or_else(|| {
            let family = key.rsplit_once('.').map_or(key, |(family, _)| family);
            self.invalid(key, "is missing").hint(format!("other records of `{family}` need it"))
        })
    }

    fn typed(&self, key: &str, dtype: Dtype, shapes: &[Vec<usize>]) -> Result<&[u8], Diagnostic> {
        let record = self.record(key)?;
        if record.dtype == dtype && shapes.contains(&record.shape) {
            return Ok(&record.data);
        }
        let expected: Vec<String> = shapes.iter().map(|shape| format!("{dtype:?} {shape:?}")).collect();
        let message = format!("is {:?} {:?}, {} expected", record.dtype, record.shape, expected.join(" or "));
        Err(self.invalid(key, message))
    }
}

/// Eight bytes at a time; the container guarantees that none are left over.
fn words(data: &[u8]) -> impl Iterator<Item = [u8; 8]> {
    data.as_chunks().0.iter().copied()
}

fn temperature(text: &str, place: &str) -> Result<f64, Diagnostic> {
    let value = text.trim().parse().ok().filter(|t: &f64| t.is_finite() && *t > 0.0);
    value.ok_or_else(|| {
        let message = format!("metadata `temperature` is \"{text}\", a positive number expected");
        Diagnostic::new(Code::GoldenInvalid, Place::file(place), message)
    })
}
