//! Static power times time, split over the slices without losing an attojoule.
//!
//! Every chip present is powered, used or not. A chip's share goes evenly to the program's cores on it, chips
//! without any go evenly to all cores; a core's share goes evenly to its slices. Remainders go to the first ones.

use snnc_compiler::ir::program::Program;

use super::{Bill, Component};
use crate::counts::SliceTable;

/// Who bears the static energy. Cores without slices bear none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticSplit {
    /// Microwatts, that is attojoules per picosecond, of one chip.
    power_uw: u64,
    /// First slice of each core, and one past the last.
    starts: Vec<usize>,
    /// Cores (indices) of each chip that has any.
    chips: Vec<Vec<usize>>,
    /// Chips without a core.
    unused_chips: u64,
    /// All cores that bear.
    cores: Vec<usize>,
}

impl StaticSplit {
    /// The split of a program at so many microwatts a chip; `slices` is its slice numbering.
    pub fn new(program: &Program, slices: &SliceTable, power_uw: u64) -> Self {
        let topology = program.topology();
        let mut placed: Vec<(u32, usize)> = program
            .sites
            .iter()
            .filter(|(core, _)| !program.cores[*core].slices.is_empty())
            .map(|(core, &site)| (topology.chip_of(site), core.0 as usize))
            .collect();
        placed.sort_unstable();
        let chips: Vec<Vec<usize>> = placed
            .chunk_by(|a, b| a.0 == b.0)
            .map(|chip| chip.iter().map(|&(_, core)| core).collect())
            .collect();
        Self {
            power_uw,
            starts: slices.starts.clone(),
            unused_chips: u64::from(topology.chips) - chips.len() as u64,
            chips,
            cores: (0..program.cores.len()).filter(|&c| slices.starts[c] < slices.starts[c + 1]).collect(),
        }
    }

    /// Attojoules of all chips over so many picoseconds.
    pub fn total(&self, time_ps: u64) -> u128 {
        self.chip(time_ps) * (self.chips.len() as u128 + u128::from(self.unused_chips))
    }

    /// Charges a pass to the bills of its slices.
    pub fn charge(&self, time_ps: u64, bills: &mut [Bill]) {
        let chip = self.chip(time_ps);
        for cores in &self.chips {
            self.to_cores(chip, cores, bills);
        }
        self.to_cores(chip * u128::from(self.unused_chips), &self.cores, bills);
    }

    fn chip(&self, time_ps: u64) -> u128 {
        u128::from(self.power_uw) * u128::from(time_ps)
    }

    fn to_cores(&self, attojoules: u128, cores: &[usize], bills: &mut [Bill]) {
        for (&core, share) in cores.iter().zip(shares(attojoules, cores.len())) {
            let slices = self.starts[core]..self.starts[core + 1];
            for (bill, part) in bills[slices.clone()].iter_mut().zip(shares(share, slices.len())) {
                bill[Component::Static] += part;
            }
        }
    }
}

/// `total` in `n` nearly equal parts; the first ones take the remainder.
fn shares(total: u128, n: usize) -> impl Iterator<Item = u128> {
    let n = n as u128;
    (0..n).map(move |i| total / n + u128::from(i < total % n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::fixture::{program, slice_table};

    #[test]
    fn shares_lose_nothing_and_differ_by_one_at_most() {
        assert_eq!(shares(11, 4).collect::<Vec<_>>(), [3, 3, 3, 2]);
        assert_eq!(shares(7, 0).count(), 0);
    }

    #[test]
    fn every_chip_is_charged_and_unused_ones_to_all_cores() {
        let program = program();
        let table = slice_table(&program);
        let split = StaticSplit::new(&program, &table, 104_000);
        assert_eq!((split.chips.len(), split.unused_chips), (3, 1));
        let mut bills = vec![Bill::default(); table.cores.len()];
        let time = 1_000_003;
        split.charge(time, &mut bills);
        let chip = 104_000 * u128::from(time);
        assert_eq!(bills.iter().map(Bill::total).sum::<u128>(), 4 * chip);
        assert_eq!(split.total(time), 4 * chip);
        // Cores 0, 1 and 2 sit on chip 0; the unused chip is shared by all 7.
        let core =
            |c: usize| -> u128 { bills[table.starts[c]..table.starts[c + 1]].iter().map(Bill::total).sum() };
        for c in 0..3 {
            assert!(core(c).abs_diff(chip / 3 + chip / 7) <= 2);
        }
        assert!(core(3).abs_diff(chip / 2 + chip / 7) <= 2);
    }
}
