//! What events and time cost: the prices of a target, and who bears its static power.

use snnc_compiler::ir::program::Program;
use snnc_targets::{Energy, StaticPower};

use super::{Ledger, Prices, SliceTally, StaticSplit};
use crate::counts::SliceTable;

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

    /// Enters a pass or a part of one into a ledger, with static energy for `static_ps`; the latter by power.
    pub(super) fn charge(
        &self,
        ledger: &mut Ledger,
        iteration: usize,
        slices: &[SliceTally],
        static_ps: Option<u64>,
    ) -> [u128; StaticPower::ALL.len()] {
        let breakdowns = ledger.iteration_mut(iteration);
        breakdowns
            .iter_mut()
            .zip(slices)
            .for_each(|(breakdown, slice)| *breakdown += self.prices.breakdown(slice));
        static_ps.map_or([0; StaticPower::ALL.len()], |ps| self.static_split.charge(ps, breakdowns))
    }
}
