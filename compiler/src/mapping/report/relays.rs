//! Relay neurons of a program: what spikes that wait longer than the chip's delays cost.

use serde::Serialize;

use crate::ir::PopulationId;
use crate::ir::spiking::SpikingModel;

/// Relay neurons of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct RelayFigures {
    /// Populations of relay neurons; each is a row of the layers.
    pub populations: usize,
    /// Their neurons.
    pub neurons: usize,
}

impl RelayFigures {
    /// Counts the relays of a model.
    pub fn of(model: &SpikingModel) -> Self {
        let relays = model.populations.keys().filter(|&id| is_relay(model, id));
        relays.fold(Self::default(), |sum, id| Self {
            populations: sum.populations + 1,
            neurons: sum.neurons + model.populations[id].shape.len(),
        })
    }
}

/// Whether a population repeats the spikes of another: only the compiler gives such names.
fn is_relay(model: &SpikingModel, id: PopulationId) -> bool {
    snnc_targets::names::is_relay(&model.populations[id].name)
}
