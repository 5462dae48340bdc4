//! A tensor as read from a weight file, widened to f64.

/// Shape and values, row-major. Every value is finite (readers refuse others).
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Axis lengths, slowest first; empty for a scalar.
    pub shape: Vec<usize>,
    /// Values; as many as the product of `shape`.
    pub data: Vec<f64>,
}

impl Tensor {
    /// A tensor; panics if the lengths disagree (an internal invariant: readers check files before).
    pub fn new(shape: Vec<usize>, data: Vec<f64>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "tensor data must fill its shape");
        Self { shape, data }
    }
}
