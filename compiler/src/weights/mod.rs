//! x
pub mod tensor;
pub use tensor::Tensor;
