//! What layers did on both sides, summed: whatever the workload.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use snnc_compiler::ir::PopulationId;
use snnc_compiler::ir::program::Program;

use super::metrics::SpikeOverlap;
use super::{LayerCheck, LayerComparison, layerwise};
use crate::report::data::Overflows;

/// Sums over some passes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LayerSums {
    /// On the same inputs.
    pub spikes: BTreeMap<PopulationId, SpikeOverlap>,
    /// When each side follows its own answers.
    pub free_spikes: BTreeMap<PopulationId, SpikeOverlap>,
    /// Each layer alone.
    #[serde(with = "layerwise::whole_checks")]
    pub checks: BTreeMap<PopulationId, LayerCheck>,
    /// Values that left their width on the chip.
    pub saturation: Overflows,
}

impl LayerSums {
    /// Whether sums that were read from a file can be those of a model with so many populations.
    pub fn fits(&self, populations: usize) -> bool {
        let known = |id: &PopulationId| (id.0 as usize) < populations;
        let spikes = self.spikes.iter().chain(&self.free_spikes);
        spikes.clone().all(|(id, spikes)| known(id) && spikes.adds_up()) && self.checks.keys().all(known)
    }

    /// Adds the sums of later passes.
    pub fn merge(&mut self, other: Self) {
        for (id, spikes) in other.spikes {
            self.spikes.entry(id).or_default().merge(&spikes);
        }
        for (id, spikes) in other.free_spikes {
            self.free_spikes.entry(id).or_default().merge(&spikes);
        }
        for (id, check) in other.checks {
            self.checks.entry(id).or_default().merge(&check);
        }
        self.saturation.accumulator += other.saturation.accumulator;
        self.saturation.state += other.saturation.state;
        self.saturation.bias += other.saturation.bias;
    }

    /// Layers in order.
    pub fn layers(&self, program: &Program) -> Vec<LayerComparison> {
        let layer = |(id, spikes): (&PopulationId, &SpikeOverlap)| {
            let (rate_float, rate_chip) = spikes.rates();
            LayerComparison {
                name: program.model.layer_name(*id),
                spike_agreement: spikes.agreement(),
                spike_overlap: spikes.overlap(),
                free_running_agreement: self.free_spikes.get(id).map(SpikeOverlap::agreement),
                rate_float,
                rate_chip,
            }
        };
        self.spikes.iter().map(layer).collect()
    }

    /// The first layer whose own arithmetic changes a spike, and what changes most of them.
    pub fn departure(&self) -> Option<String> {
        let first = self.checks.values().find(|check| check.changed > 0)?;
        let cause = match first.cause() {
            Some(cause) => format!("most of them by {cause}"),
            None => "by no property alone, only by several together".into(),
        };
        Some(format!(
            "{} departs first: {} of {} answers change on the float's own input, {cause}",
            first.name,
            first.changed,
            first.answers(),
        ))
    }
}
