//! Read-out: how early neurons fire first. Of T timesteps it gives T - t for a first spike in timestep t, counted from
//! 0, and 0 without a spike: the largest value is the earliest neuron.
//!
//! A graph has no layer of this kind. A model file that asks for it is read as the layers that do it
//! (`frontend/build/first_spike.rs`): neurons that go on firing once their source has fired, and the sum of their
//! spikes. So the float reference and the chip run what they run anyway.

use serde::{Deserialize, Serialize};

use super::{Resolver, Spec, SumOverTime};

/// `FirstSpike`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstSpike;

impl Spec for FirstSpike {
    /// The read-out that it ends in.
    type Layer = SumOverTime;

    fn layer(&self, _: &mut Resolver<'_>) -> Option<SumOverTime> {
        Some(SumOverTime)
    }
}
