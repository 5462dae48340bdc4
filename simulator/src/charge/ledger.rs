//! The ledger: exact attojoules by iteration, slice and component.
//!
//! An iteration is the index of a pass within an item: for a generating model the denoiser's passes in order, and
//! the decoder's last. Every sum is one of the same integers, so all sums agree.

use serde::{Deserialize, Serialize};
use snnc_compiler::ir::{CoreId, PopulationId};
use snnc_targets::entity::{Entity, EntityMap};

use super::EnergyBreakdown;
use crate::counts::{SliceIndex, SliceTable};

/// Attojoules by iteration, slice and component.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    slices: usize,
    iterations: Vec<Vec<EnergyBreakdown>>,
}

impl Ledger {
    /// Empty, for so many slices.
    pub fn new(slices: usize) -> Self {
        Self { slices, iterations: Vec::new() }
    }

    /// The energy of an iteration's slices, to be added to; missing iterations are made.
    pub fn iteration_mut(&mut self, iteration: usize) -> &mut [EnergyBreakdown] {
        if self.iterations.len() <= iteration {
            self.iterations.resize_with(iteration + 1, || vec![EnergyBreakdown::default(); self.slices]);
        }
        &mut self.iterations[iteration]
    }

    /// Whether this can be the ledger of an item of so many slices and at most so many passes.
    pub(super) fn fits(&self, slices: usize, passes: usize) -> bool {
        let whole = |breakdowns: &Vec<EnergyBreakdown>| breakdowns.len() == slices;
        self.slices == slices && self.iterations.len() <= passes && self.iterations.iter().all(whole)
    }

    /// Adds another ledger of the same program cell by cell.
    pub fn merge(&mut self, other: &Self) {
        for (i, breakdowns) in other.iterations.iter().enumerate() {
            self.iteration_mut(i).iter_mut().zip(breakdowns).for_each(|(a, &b)| *a += b);
        }
    }

    /// One cell; zero outside.
    pub fn cell(&self, iteration: usize, slice: SliceIndex) -> EnergyBreakdown {
        self.iterations
            .get(iteration)
            .and_then(|breakdowns| breakdowns.get(slice))
            .copied()
            .unwrap_or_default()
    }

    /// Everything, by component.
    pub fn total(&self) -> EnergyBreakdown {
        self.iterations.iter().flatten().copied().sum()
    }

    /// By iteration.
    pub fn by_iteration(&self) -> Vec<EnergyBreakdown> {
        self.iterations.iter().map(|breakdowns| breakdowns.iter().copied().sum()).collect()
    }

    /// By slice.
    pub fn by_slice(&self) -> Vec<EnergyBreakdown> {
        let mut sums = vec![EnergyBreakdown::default(); self.slices];
        for breakdowns in &self.iterations {
            sums.iter_mut().zip(breakdowns).for_each(|(a, &b)| *a += b);
        }
        sums
    }

    /// By core; `cores` is the number of the program's cores.
    pub fn by_core(&self, table: &SliceTable, cores: usize) -> EntityMap<CoreId, EnergyBreakdown> {
        self.grouped(&table.cores, cores)
    }

    /// By layer; `populations` is the number of the model's populations.
    pub fn by_population(
        &self,
        table: &SliceTable,
        populations: usize,
    ) -> EntityMap<PopulationId, EnergyBreakdown> {
        self.grouped(&table.populations, populations)
    }

    fn grouped<K: Entity>(&self, keys: &[K], len: usize) -> EntityMap<K, EnergyBreakdown> {
        let mut sums: EntityMap<K, EnergyBreakdown> = vec![EnergyBreakdown::default(); len].into();
        for (&key, breakdown) in keys.iter().zip(self.by_slice()) {
            sums[key] += breakdown;
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snnc_targets::EnergyComponent;

    #[test]
    fn merging_adds_cells_and_makes_missing_iterations() {
        let mut a = Ledger::new(2);
        a.iteration_mut(0)[1][EnergyComponent::Axon] = 3;
        let mut b = Ledger::new(2);
        b.iteration_mut(2)[1][EnergyComponent::Axon] = 4;
        b.iteration_mut(0)[1][EnergyComponent::Axon] = 10;
        a.merge(&b);
        assert_eq!(a.cell(0, 1)[EnergyComponent::Axon], 13);
        assert_eq!(a.by_iteration().iter().map(EnergyBreakdown::total).collect::<Vec<_>>(), [13, 0, 4]);
        assert_eq!((a.total().total(), a.cell(9, 9)), (17, EnergyBreakdown::default()));
    }
}
