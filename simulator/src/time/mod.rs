//! Time: from the events of a pass to picoseconds. Second of the three layers; it changes no count.
//!
//! [`Fidelity::None`] gives no time at all, [`Fidelity::Analytic`] the bottleneck formula of [`Analytic`],
//! [`Fidelity::Cycle`] the simulation of every packet ([`cycle`]).

mod analytic;
pub mod cycle;
mod effort;
mod fidelity;
mod layer_times;
mod result;

pub use analytic::Analytic;
pub use cycle::{Cycle, Latencies, PacketDestinations, Sampled, SimulatedStep, SlowPacket};
pub use effort::{DEFAULT_EVERY, SimulationEffort};
pub use fidelity::Fidelity;
pub use layer_times::{BindingTime, LayerTimes};
pub use result::{Bottleneck, PassTime, StepTime};
