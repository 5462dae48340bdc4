//! Recorded float activity of a network, for rounding that looks at what a weight does rather than at the weight.
//!
//! Place in the flow: between `collect` and `quantise`, beside both. The denoiser runs short trajectories of its own
//! generation loop ([`trajectory`]), the decoder decodes their tokens; [`float`] evaluates the collected layers and
//! keeps every spike. All random numbers come from one fixed seed, so the same model always gives the same integers.
//! Refused: nothing. A network that the generation loop does not feed is simply not recorded.

mod float;
mod trajectory;

pub use float::{Pass, Reach, Spike};
pub use trajectory::{decoder, denoiser};
