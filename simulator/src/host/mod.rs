//! The host's side of generation: the absorbing-state diffusion loop, its sampling, its random numbers, the pixels.
//!
//! The loop drives a [`Stepper`] and cannot tell whether a chip simulation or the float reference answers. Its only
//! randomness are the [`Uniforms`]: counter-based ([`PhiloxUniforms`]) or recorded ([`RecordedUniforms`]), so image
//! i is the same in any batch and on any number of threads. Nothing here does IO or knows a chip.

mod chip;
mod diffusion;
mod generation;
mod philox;
mod pixels;
mod recorded;
mod sample;
mod stepper;

pub use chip::ChipStepper;
pub use diffusion::{LoopParameters, Trajectory, generate};
pub use generation::Generation;
pub use philox::{PhiloxUniforms, philox4x32_10};
pub use pixels::pixels;
pub use recorded::RecordedUniforms;
pub use sample::sample;
pub use stepper::{Stepper, Uniforms};
