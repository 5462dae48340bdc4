//! A run: the sum over its images, and a summary of each.

use super::{Bill, Meter, Record};
use crate::time::Fidelity;

/// One image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSummary {
    /// Time of its passes one after another; none without a time.
    pub time_ps: Option<u128>,
    /// Energy by component.
    pub bill: Bill,
    /// Neurons that fired.
    pub spikes: u64,
    /// Weights added to accumulators.
    pub synaptic_operations: u64,
    /// Packets sent.
    pub packets: u64,
    /// Links crossed by packets.
    pub hops: u64,
}

impl From<&Record> for ImageSummary {
    fn from(record: &Record) -> Self {
        let tally = record.tally.total();
        let all = tally.total();
        Self {
            time_ps: (record.fidelity != Fidelity::None).then_some(tally.time.total_ps),
            bill: record.ledger.total(),
            spikes: all.events.spikes,
            synaptic_operations: all.events.synaptic_operations,
            packets: all.events.packets_sent,
            hops: all.hops.total(),
        }
    }
}

/// Several images. Only the sum keeps iterations and slices, so memory does not grow with detail per image.
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
    pub fn push(&mut self, image: &Record) {
        self.images.push(ImageSummary::from(image));
        self.total.merge(image);
    }
}
