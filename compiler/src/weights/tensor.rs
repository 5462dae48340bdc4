//! A tensor as read from a weight file.

use super::FloatArray;

/// Shape and values, row-major. Every value is finite (readers refuse others).
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Axis lengths, slowest first; empty for a scalar.
    pub shape: Vec<usize>,
    /// Values; as many as the product of `shape`.
    pub data: FloatArray,
}

impl Tensor {
    /// A tensor; panics if the lengths disagree (an internal invariant: readers check files before).
    pub fn new(shape: Vec<usize>, data: Vec<f64>) -> Self {
        Self::of(shape, data.into())
    }

    /// A tensor of numbers that are kept in their width already; panics as [`Tensor::new`] does.
    pub fn of(shape: Vec<usize>, data: FloatArray) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "tensor data must fill its shape");
        Self { shape, data }
    }
}
