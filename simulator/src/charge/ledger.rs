//! The ledger: exact attojoules by iteration, slice and component.
//!
//! An iteration is the index of a pass within an image: for a generating model the denoiser's passes in order, and
//! the decoder's last. Every sum is one of the same integers, so all sums agree.

use snnc_compiler::ir::{CoreId, PopulationId};
use snnc_targets::entity::{Entity, EntityMap};

use super::Bill;
use crate::counts::{SliceIndex, SliceTable};

/// Attojoules by iteration, slice and component.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    slices: usize,
    iterations: Vec<Vec<Bill>>,
}

impl Ledger {
    /// Empty, for so many slices.
    pub fn new(slices: usize) -> Self {
        Self { slices, iterations: Vec::new() }
    }

    /// The bills of an iteration's slices, to be added to; missing iterations are made.
    pub fn iteration_mut(&mut self, iteration: usize) -> &mut [Bill] {
        if self.iterations.len() <= iteration {
            self.iterations.resize_with(iteration + 1, || vec![Bill::default(); self.slices]);
        }
        &mut self.iterations[iteration]
    }

    /// Adds another ledger of the same program cell by cell.
    pub fn merge(&mut self, other: &Self) {
        for (i, bills) in other.iterations.iter().enumerate() {
            self.iteration_mut(i).iter_mut().zip(bills).for_each(|(a, &b)| *a += b);
        }
    }

    /// One cell; zero outside.
    pub fn cell(&self, iteration: usize, slice: SliceIndex) -> Bill {
        self.iterations.get(iteration).and_then(|bills| bills.get(slice)).copied().unwrap_or_default()
    }

    /// Everything, by component.
    pub fn total(&self) -> Bill {
        self.iterations.iter().flatten().copied().sum()
    }

    /// By iteration.
    pub fn by_iteration(&self) -> Vec<Bill> {
        self.iterations.iter().map(|bills| bills.iter().copied().sum()).collect()
    }

    /// By slice.
    pub fn by_slice(&self) -> Vec<Bill> {
        let mut sums = vec![Bill::default(); self.slices];
        for bills in &self.iterations {
            sums.iter_mut().zip(bills).for_each(|(a, &b)| *a += b);
        }
        sums
    }

    /// By core; `cores` is the number of the program's cores.
    pub fn by_core(&self, table: &SliceTable, cores: usize) -> EntityMap<CoreId, Bill> {
        self.grouped(&table.cores, cores)
    }

    /// By layer; `populations` is the number of the model's populations.
    pub fn by_population(&self, table: &SliceTable, populations: usize) -> EntityMap<PopulationId, Bill> {
        self.grouped(&table.populations, populations)
    }

    fn grouped<K: Entity>(&self, keys: &[K], len: usize) -> EntityMap<K, Bill> {
        let mut sums: EntityMap<K, Bill> = vec![Bill::default(); len].into();
        for (&key, bill) in keys.iter().zip(self.by_slice()) {
            sums[key] += bill;
        }
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charge::Component;

    #[test]
    fn merging_adds_cells_and_makes_missing_iterations() {
        let mut a = Ledger::new(2);
        a.iteration_mut(0)[1][Component::Axon] = 3;
        let mut b = Ledger::new(2);
        b.iteration_mut(2)[1][Component::Axon] = 4;
        b.iteration_mut(0)[1][Component::Axon] = 10;
        a.merge(&b);
        assert_eq!(a.cell(0, 1)[Component::Axon], 13);
        assert_eq!(a.by_iteration().iter().map(Bill::total).collect::<Vec<_>>(), [13, 0, 4]);
        assert_eq!((a.total().total(), a.cell(9, 9)), (17, Bill::default()));
    }
}
