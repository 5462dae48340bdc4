//! The inner loops, compiled once for each instruction set and chosen at load.
//!
//! Integer arithmetic is exact, so every version gives the same result; [`crate::neuron`] defines it and takes over
//! wherever a sum leaves the range in which 32 bits suffice.

pub mod count;
pub mod gather;
pub mod level;
pub mod list;
pub mod rows;
pub mod scatter;
pub mod update;

pub use crate::neuron::LANES;
