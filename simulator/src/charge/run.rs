//! A run: the sum over its images, and a summary of each.

use snnc_compiler::ir::PopulationId;
use snnc_targets::entity::EntityMap;

use super::{Bill, Meter, Record, SliceTally};
use crate::counts::SliceTable;
use crate::time::Fidelity;

/// One image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSummary {
    /// Time of its passes one after another; none without a time.
    pub time_ps: Option<u128>,
    /// Timesteps on the chip.
    pub timesteps: u64,
    /// Passes of each network, by its index.
    pub passes: Vec<u64>,
    /// What happened, by population.
    pub layers: EntityMap<PopulationId, SliceTally>,
    /// Energy, by population.
    pub bills: EntityMap<PopulationId, Bill>,
}

impl ImageSummary {
    fn new(slices: &SliceTable, record: &Record) -> Self {
        let populations = slices.populations.iter().map(|p| p.0 as usize + 1).max().unwrap_or(0);
        let tally = record.tally.total();
        Self {
            time_ps: (record.fidelity != Fidelity::None).then_some(tally.time.total_ps),
            timesteps: tally.timesteps,
            passes: tally.passes,
            layers: record.tally.by_population(slices, populations),
            bills: record.ledger.by_population(slices, populations),
        }
    }

    /// What happened on all layers.
    pub fn tally(&self) -> SliceTally {
        let mut sum = SliceTally::default();
        self.layers.values().for_each(|&layer| sum += layer);
        sum
    }

    /// Energy of all layers.
    pub fn bill(&self) -> Bill {
        self.bills.values().copied().sum()
    }
}

/// Several images. Only the sum keeps iterations and slices; an image keeps its layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// In the order of [`RunRecord::push`].
    pub images: Vec<ImageSummary>,
    /// Their sum.
    pub total: Record,
}

impl RunRecord {
    /// Without images.
    pub fn new(meter: &Meter) -> Self {
        Self { images: Vec::new(), total: meter.record() }
    }

    /// Adds the next image.
    pub fn push(&mut self, meter: &Meter, image: &Record) {
        self.images.push(ImageSummary::new(meter.slices(), image));
        self.total.merge(image);
    }
}
