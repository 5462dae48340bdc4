//! Static power times time, split over the slices without losing an attojoule.
//!
//! Every chip present is powered with all its cores and their memory, used or not; who draws which power says
//! [`Program::powered`]. A chip's share goes evenly to the program's cores on it, chips without any go evenly to all
//! cores; what a core draws because it is in use is its own; what unused chips and cores draw goes evenly to all cores
//! in use; a core's share goes evenly to its slices. Remainders go to the first ones.

use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::program::powered::KIB;
use snnc_targets::{Energy, EnergyComponent, StaticPower};

use super::EnergyBreakdown;
use crate::counts::SliceTable;

/// Picowatts times picoseconds of an attojoule.
const PW_PS: u128 = 1_000_000;

/// How many of each [`StaticPower`] a program's board has: chips, cores, KiB of synapse memory, cores in use.
pub fn present(program: &Program) -> [u64; StaticPower::ALL.len()] {
    StaticPower::ALL.map(|power| (program.powered(power) / KIB) as u64)
}

/// Who bears the static energy. Cores without slices bear none, nor do ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticSplit {
    /// Picowatts of the whole board, in the order of [`StaticPower::ALL`].
    powers_pw: [u128; StaticPower::ALL.len()],
    /// First slice of each core, and one past the last.
    starts: Vec<usize>,
    /// Cores (indices) of each chip that has any.
    chips: Vec<Vec<usize>>,
    /// Chips without a core that draw what chips in use draw.
    unused_chips: usize,
    /// Whether only cores in use draw the powers of cores and their memory.
    cores_in_use_alone: bool,
    /// All cores that bear.
    cores: Vec<usize>,
}

impl StaticSplit {
    /// The split of a program at these powers; `slices` is its slice numbering.
    pub fn new(program: &Program, slices: &SliceTable, energy: &Energy) -> Self {
        let topology = program.topology();
        let mut placed: Vec<(u32, usize)> = program
            .sites
            .iter()
            .filter(|(core, _)| !program.cores[*core].slices.is_empty() && !program.is_port(*core))
            .map(|(core, &site)| (topology.chip_of(site), core.0 as usize))
            .collect();
        placed.sort_unstable();
        let chips: Vec<Vec<usize>> = placed
            .chunk_by(|a, b| a.0 == b.0)
            .map(|chip| chip.iter().map(|&(_, core)| core).collect())
            .collect();
        let power = |power| u128::from(energy.pw(power)).saturating_mul(program.powered(power)) / KIB;
        Self {
            powers_pw: StaticPower::ALL.map(power),
            starts: slices.starts.clone(),
            unused_chips: (program.powered(StaticPower::Chip) / KIB) as usize - chips.len(),
            cores_in_use_alone: program.target.energy.static_uw_per_unused_core.is_some(),
            chips,
            cores: program
                .chip_cores()
                .map(|(core, _)| core.0 as usize)
                .filter(|&core| slices.starts[core] < slices.starts[core + 1])
                .collect(),
        }
    }

    /// Power of the whole board, W.
    pub fn watts(&self) -> f64 {
        self.powers_pw.iter().sum::<u128>() as f64 / 1e12
    }

    /// Attojoules over so many picoseconds, in the order of [`StaticPower::ALL`]; each rounded down once.
    pub fn energies(&self, time_ps: u64) -> [u128; StaticPower::ALL.len()] {
        self.powers_pw.map(|pw| pw.saturating_mul(time_ps.into()) / PW_PS)
    }

    /// Charges a pass to the breakdowns of its slices; what was charged, as [`StaticSplit::energies`].
    pub fn charge(&self, time_ps: u64, breakdowns: &mut [EnergyBreakdown]) -> [u128; StaticPower::ALL.len()] {
        let energies = self.energies(time_ps);
        for (power, attojoules) in StaticPower::ALL.into_iter().zip(energies) {
            match power {
                StaticPower::Chip | StaticPower::Embedded => self.to_chips(attojoules, breakdowns),
                StaticPower::Core | StaticPower::MemoryKib if !self.cores_in_use_alone => {
                    self.to_chips(attojoules, breakdowns);
                }
                StaticPower::Core
                | StaticPower::MemoryKib
                | StaticPower::CoreInUse
                | StaticPower::UnusedChip
                | StaticPower::UnusedCore => self.to_cores(attojoules, &self.cores, breakdowns),
            }
        }
        energies
    }

    fn to_chips(&self, attojoules: u128, breakdowns: &mut [EnergyBreakdown]) {
        let mut chips = shares(attojoules, self.chips.len() + self.unused_chips);
        for (cores, share) in self.chips.iter().zip(&mut chips) {
            self.to_cores(share, cores, breakdowns);
        }
        self.to_cores(chips.sum(), &self.cores, breakdowns);
    }

    fn to_cores(&self, attojoules: u128, cores: &[usize], breakdowns: &mut [EnergyBreakdown]) {
        for (&core, share) in cores.iter().zip(shares(attojoules, cores.len())) {
            let slices = self.starts[core]..self.starts[core + 1];
            for (breakdown, part) in breakdowns[slices.clone()].iter_mut().zip(shares(share, slices.len())) {
                breakdown[EnergyComponent::Static] += part;
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
    use snnc_targets::{Provenance, Sourced, registry};

    use super::*;
    use crate::noc::fixture::{program, slice_table};

    #[test]
    fn shares_lose_nothing_and_differ_by_one_at_most() {
        assert_eq!(shares(11, 4).collect::<Vec<_>>(), [3, 3, 3, 2]);
        assert_eq!(shares(7, 0).count(), 0);
    }

    /// The fixture with such powers: mW a chip, uW a core, a KiB and a core in use, mW of what is embedded in a chip.
    fn split(powers: [f64; 5], memory_bits: u64) -> (SliceTable, StaticSplit) {
        split_with(powers, memory_bits, [None; 2])
    }

    /// The same, with mW of an unused chip and uW of an unused core.
    fn split_with(powers: [f64; 5], memory_bits: u64, unused: [Option<f64>; 2]) -> (SliceTable, StaticSplit) {
        let mut program = program();
        let set = |value| Some(Sourced(value, Provenance::Assumed("test".into())));
        let energy = &mut program.target.energy;
        energy.static_mw_per_chip.0 = powers[0];
        energy.static_uw_per_core = set(powers[1]);
        energy.static_uw_per_memory_kib = set(powers[2]);
        energy.static_uw_per_core_in_use = set(powers[3]);
        energy.static_mw_embedded_per_chip = set(powers[4]);
        [energy.static_mw_per_unused_chip, energy.static_uw_per_unused_core] =
            unused.map(|power| set(power?));
        program.target.core.synapse_memory_bits.0 = memory_bits;
        let table = slice_table(&program);
        let split = StaticSplit::new(&program, &table, &program.target.energy());
        (table, split)
    }

    fn charged((table, split): &(SliceTable, StaticSplit), time: u64) -> (Vec<u128>, [u128; 7]) {
        let mut breakdowns = vec![EnergyBreakdown::default(); table.cores.len()];
        let energies = split.charge(time, &mut breakdowns);
        let core = |c: usize| {
            breakdowns[table.starts[c]..table.starts[c + 1]].iter().map(EnergyBreakdown::total).sum()
        };
        ((0..table.starts.len() - 1).map(core).collect(), energies)
    }

    #[test]
    fn every_chip_is_charged_and_unused_ones_to_all_cores() {
        let board = split([104.0, 0.0, 0.0, 0.0, 0.0], 8192);
        assert_eq!((board.1.chips.len(), board.1.unused_chips), (3, 1));
        let time = 1_000_003;
        let (cores, energies) = charged(&board, time);
        let chip = 104_000 * u128::from(time);
        assert_eq!(cores.iter().sum::<u128>(), 4 * chip);
        assert_eq!(energies, [4 * chip, 0, 0, 0, 0, 0, 0]);
        // Cores 0, 1 and 2 sit on chip 0; the unused chip is shared by all 7.
        for core in &cores[..3] {
            assert!(core.abs_diff(chip / 3 + chip / 7) <= 2);
        }
        assert!(cores[3].abs_diff(chip / 2 + chip / 7) <= 2);
    }

    #[test]
    fn cores_and_their_memory_are_charged_whether_used_or_not_and_cores_in_use_to_themselves() {
        let time = 1_000_000_007u64;
        let ps = u128::from(time);
        // 4 chips of 128 cores, 7 in use; 12 KiB a core.
        let (cores, energies) = charged(&split([0.0, 3.0, 5.0, 0.0, 0.0], 12 * 8192), time);
        assert_eq!(energies, [0, 512 * 3 * ps, 512 * 12 * 5 * ps, 0, 0, 0, 0]);
        let chip = 128 * (3 + 60) * ps;
        assert!(cores[0].abs_diff(chip / 3 + chip / 7) <= 4);
        let (cores, energies) = charged(&split([0.0, 0.0, 0.0, 11.0, 0.0], 8192), time);
        assert_eq!((energies, cores), ([0, 0, 0, 77 * ps, 0, 0, 0], vec![11 * ps; 7]));
        // What is embedded in a chip is one more power of it.
        let (_, energies) = charged(&split([0.0, 0.0, 0.0, 0.0, 65.0], 8192), time);
        assert_eq!(energies, [0, 0, 0, 0, 4 * 65_000 * ps, 0, 0]);
        // Half the memory costs half, also of half a KiB.
        let half = split([0.0, 0.0, 5.0, 0.0, 0.0], 4096).1;
        assert_eq!(half.energies(time)[2], 512 * 5 * ps / 2);
        assert!((half.watts() - 512.0 * 2.5e-6).abs() < 1e-15);
    }

    /// 4 chips of 128 cores of 12 KiB; 7 cores in use on 3 of them. In mW, uW and uW ps = aJ.
    #[test]
    fn unused_chips_and_cores_draw_what_the_target_says_and_all_cores_in_use_bear_it() {
        let time = 1_000_000_007u64;
        let ps = u128::from(time);
        let of = |unused| charged(&split_with([2.0, 3.0, 5.0, 7.0, 11.0], 12 * 8192, unused), time);
        let (chip, core, kib, in_use, embedded) = (2_000 * ps, 3 * ps, 5 * ps, 7 * ps, 11_000 * ps);
        let (_, as_used) = of([None, None]);
        let all = [4 * chip, 512 * core, 512 * 12 * kib, 7 * in_use, 4 * embedded, 0, 0];
        assert_eq!(as_used, all);
        let (cores, energies) = of([Some(29.0), None]);
        let expected = [3 * chip, 384 * core, 384 * 12 * kib, 7 * in_use, 3 * embedded, 29_000 * ps, 0];
        assert_eq!((energies, cores.iter().sum()), (expected, expected.iter().sum::<u128>()));
        // Cores 0 to 2 share chip 0.
        let whole = (chip + 128 * (core + 12 * kib) + embedded) / 3 + in_use + 29_000 * ps / 7;
        assert!(cores[0].abs_diff(whole) <= 8, "{} {whole}", cores[0]);
        let (cores, energies) = of([None, Some(13.0)]);
        let expected = [4 * chip, 7 * core, 7 * 12 * kib, 7 * in_use, 4 * embedded, 0, 505 * 13 * ps];
        assert_eq!((energies, cores.iter().sum()), (expected, expected.iter().sum::<u128>()));
        let (cores, energies) = of([Some(29.0), Some(0.0)]);
        let expected = [3 * chip, 7 * core, 7 * 12 * kib, 7 * in_use, 3 * embedded, 29_000 * ps, 0];
        assert_eq!((energies, cores.iter().sum()), (expected, expected.iter().sum::<u128>()));
        // Two cores in use on chip 1, where a chip's share is larger, and no power of a core without neurons.
        let whole = (chip + embedded) / 2 + core + 12 * kib + in_use + 29_000 * ps / 7;
        assert!(cores[3].abs_diff(whole) <= 8, "{} {whole}", cores[3]);
    }

    #[test]
    fn what_every_core_bears_adds_up_to_the_last_attojoule() {
        let board = split([0.000_007, 0.013, 0.000_017, 1.000_019, 0.000_003], 12_345);
        for time in [1, 999, 1_000_003, 123_456_789_012_345] {
            let (cores, energies) = charged(&board, time);
            assert_eq!(cores.iter().sum::<u128>(), energies.iter().sum::<u128>());
        }
    }

    #[test]
    fn what_is_published_of_a_chip_is_the_sum_of_its_cores_and_memories() {
        for (name, milliwatts) in [("loihi-like", 104), ("loihi2-like", 104), ("spinnaker2-like", 350)] {
            let mut program = program();
            program.target = registry::load(name).unwrap();
            program.sites = vec![snnc_targets::Site(0); program.cores.len()].into();
            program.chips = 1;
            let table = slice_table(&program);
            let split = StaticSplit::new(&program, &table, &program.target.energy());
            let total: u128 = split.energies(1_000_000_000_000).iter().sum();
            assert_eq!(total, milliwatts * 1_000_000_000_000_000, "{name}");
        }
    }
}
