//! NumPy arrays as values of the library, and back.
//!
//! Python hands over C-contiguous arrays; float32, float64 and uint8 are read as they are, everything else was
//! converted before. Results are given to NumPy without a copy.

use indexmap::IndexMap;
use numpy::{PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use snnc::compiler::ir::Shape;
use snnc::compiler::weights::{FloatArray, Tensor};
use snnc::samples::input::SampleShape;
use snnc::targets::Diagnostic;

use crate::errors::argument;

/// An array of numbers.
#[derive(FromPyObject)]
pub enum Numbers<'py> {
    /// 32 bits.
    Single(PyReadonlyArrayDyn<'py, f32>),
    /// 64 bits.
    Double(PyReadonlyArrayDyn<'py, f64>),
    /// Bytes, also of flags.
    Bytes(PyReadonlyArrayDyn<'py, u8>),
}

impl Numbers<'_> {
    /// Axis lengths.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Self::Single(array) => array.shape().to_vec(),
            Self::Double(array) => array.shape().to_vec(),
            Self::Bytes(array) => array.shape().to_vec(),
        }
    }

    /// All values in row-major order.
    pub fn values(&self) -> PyResult<Vec<f64>> {
        Ok(match self {
            Self::Single(array) => array.as_slice()?.iter().map(|&value| value.into()).collect(),
            Self::Double(array) => array.as_slice()?.to_vec(),
            Self::Bytes(array) => array.as_slice()?.iter().map(|&value| value.into()).collect(),
        })
    }

    /// The array as a tensor of its own width.
    fn tensor(&self) -> PyResult<Tensor> {
        let data = match self {
            Self::Single(array) => FloatArray::Single(array.as_slice()?.to_vec()),
            _ => FloatArray::from(self.values()?),
        };
        Ok(Tensor::of(self.shape(), data))
    }
}

/// The values of samples whose shape is checked.
pub struct Batch {
    /// Axis lengths of the array.
    shape: Vec<usize>,
    values: Vec<f64>,
}

impl Batch {
    /// Of an array `[n, ...]`.
    pub fn new(numbers: &Numbers<'_>) -> PyResult<Self> {
        Ok(Self { shape: numbers.shape(), values: numbers.values()? })
    }

    /// Samples of the array.
    pub fn len(&self) -> usize {
        self.shape.first().copied().unwrap_or(0)
    }

    /// Its values, if its items have as many as `shape`.
    ///
    /// # Errors
    /// An argument error that says what is expected.
    pub fn of(self, shape: SampleShape) -> Result<Vec<f64>, Diagnostic> {
        let each: usize = self.shape.iter().skip(1).product();
        let (sides, wanted) = (&self.shape, shape.to_string());
        let wanted = wanted.trim_start_matches('[');
        if sides.len() < 2 || each != shape.elements() {
            let message = format!("the array is {sides:?}, expected [n, {wanted}");
            return Err(argument("x", message, "one sample is `x[None]`"));
        }
        if sides[0] == 0 {
            return Err(argument(
                "x",
                format!("the array is {sides:?}: there is no sample"),
                "give at least one",
            ));
        }
        Ok(self.values)
    }
}

/// Classes of samples.
///
/// # Errors
/// An argument error for another number of labels, and for one that is no class of a read-out of `classes` values.
pub fn labels(labels: Vec<i64>, samples: usize, classes: usize) -> Result<Vec<usize>, Diagnostic> {
    if labels.len() != samples {
        let message = format!("{} labels, {samples} samples", labels.len());
        return Err(argument("labels", message, "one class a sample: `labels=y[:len(x)]`"));
    }
    let class = |(sample, label): (usize, i64)| {
        let inside = usize::try_from(label).ok().filter(|&label| label < classes);
        inside.ok_or_else(|| {
            let message = format!("sample {sample} has label {label}, the read-out has {classes} values");
            argument("labels", message, "classes are counted from 0")
        })
    };
    labels.into_iter().enumerate().map(class).collect()
}

/// Tensors by name.
pub fn tensors(given: &Bound<'_, PyDict>) -> PyResult<IndexMap<String, Tensor>> {
    given
        .iter()
        .map(|(name, array)| Ok((name.extract()?, array.extract::<Numbers<'_>>()?.tensor()?)))
        .collect()
}

/// An array of these values; their number is the product of `shape`.
pub fn array<'py, T: numpy::Element>(
    py: Python<'py>,
    values: Vec<T>,
    shape: &[usize],
) -> PyResult<Bound<'py, PyArrayDyn<T>>> {
    numpy::PyArray1::from_vec(py, values).reshape(shape)
}

/// Pictures of one shape, uint8 `[n, c, h, w]`.
pub fn pictures(py: Python<'_>, pictures: Vec<(Shape, Vec<u8>)>) -> PyResult<Bound<'_, PyArrayDyn<u8>>> {
    let sides = pictures.first().map_or([0; 3], |(shape, _)| [shape.channels, shape.height, shape.width]);
    let shape = [pictures.len(), sides[0], sides[1], sides[2]];
    array(py, pictures.into_iter().flat_map(|(_, pixels)| pixels).collect(), &shape)
}
