//! A run: the sum over its items, and a summary of each.

use snnc_compiler::ir::PopulationId;
use snnc_targets::entity::EntityMap;

use super::{EnergyBreakdown, Meter, MeterRecord, SliceTally};
use crate::counts::SliceTable;
use crate::time::Fidelity;

/// One item of a workload: an image, a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemSummary {
    /// Time of its passes one after another; none without a time.
    pub time_ps: Option<u128>,
    /// Timesteps on the chip.
    pub timesteps: u64,
    /// Passes of each network, by its index.
    pub passes: Vec<u64>,
    /// What happened, by population.
    pub layers: EntityMap<PopulationId, SliceTally>,
    /// Energy, by population.
    pub breakdowns: EntityMap<PopulationId, EnergyBreakdown>,
    /// Attojoules at the lowest and at the highest values of the constants, by population.
    pub bounds_aj: EntityMap<PopulationId, [u128; 2]>,
}

impl ItemSummary {
    fn new(slices: &SliceTable, record: &MeterRecord) -> Self {
        let populations = slices.populations.iter().map(|p| p.0 as usize + 1).max().unwrap_or(0);
        let tally = record.tally.total();
        let [low, high] = record.bounds.each_ref().map(|ledger| ledger.by_population(slices, populations));
        let ends = low.values().zip(high.values());
        Self {
            time_ps: (record.fidelity != Fidelity::None).then_some(tally.time.total_ps),
            timesteps: tally.timesteps,
            passes: tally.passes,
            layers: record.tally.by_population(slices, populations),
            breakdowns: record.ledger.by_population(slices, populations),
            bounds_aj: ends.map(|(low, high)| [low.total(), high.total()]).collect(),
        }
    }

    /// What happened on all layers.
    pub fn tally(&self) -> SliceTally {
        let mut sum = SliceTally::default();
        self.layers.values().for_each(|&layer| sum += layer);
        sum
    }

    /// Energy of all layers.
    pub fn breakdown(&self) -> EnergyBreakdown {
        self.breakdowns.values().copied().sum()
    }
}

/// Several items. Only the sum keeps iterations and slices; an item keeps its layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// In the order of [`RunRecord::push`].
    pub items: Vec<ItemSummary>,
    /// Their sum.
    pub total: MeterRecord,
}

impl RunRecord {
    /// Without items.
    pub fn new(meter: &Meter) -> Self {
        Self { items: Vec::new(), total: meter.record() }
    }

    /// Adds the next item.
    pub fn push(&mut self, meter: &Meter, item: &MeterRecord) {
        self.items.push(ItemSummary::new(meter.slices(), item));
        self.total.merge(item);
    }
}
