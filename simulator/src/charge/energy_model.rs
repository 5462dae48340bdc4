//! What events and time cost: the prices of a target, and who bears its static power.

use snnc_compiler::ir::program::Program;
use snnc_targets::{Energy, StaticPower};

use super::{Ledger, Prices, SliceTally, StaticSplit};
use crate::counts::SliceTable;
use crate::time::PassTime;

/// What events and time cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EnergyModel {
    pub(super) prices: Prices,
    pub(super) static_split: StaticSplit,
}

impl EnergyModel {
    pub(super) fn new(program: &Program, slices: &SliceTable, energy: Energy) -> Self {
        let static_split = StaticSplit::new(program, slices, &energy);
        Self { prices: Prices::new(energy, program.target.flits_per_packet()), static_split }
    }

    /// Enters a pass into a ledger; the static energy by power.
    pub(super) fn charge(
        &self,
        ledger: &mut Ledger,
        iteration: usize,
        slices: &[SliceTally],
        time: Option<&PassTime>,
    ) -> [u128; StaticPower::ALL.len()] {
        let breakdowns = ledger.iteration_mut(iteration);
        breakdowns
            .iter_mut()
            .zip(slices)
            .for_each(|(breakdown, slice)| *breakdown += self.prices.breakdown(slice));
        time.map_or([0; StaticPower::ALL.len()], |time| self.static_split.charge(time.total_ps(), breakdowns))
    }
}
