//! Recorded float activity of a network, for rounding that looks at what a weight does rather than at the weight.
//!
//! Place in the flow: between `collect` and `quantise`, beside both. The workload says what a network is fed
//! ([`crate::workload::Recorder`]); [`float`] evaluates the collected layers and keeps every spike.
//! Refused: nothing. A network whose inputs nobody knows is simply not recorded.

mod float;

pub use float::{Pass, Reach, Spike, run};
