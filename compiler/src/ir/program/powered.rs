//! What of a board draws static power for a program: the one authority, for the charge and for the mapping.

use std::collections::BTreeSet;

use snnc_targets::StaticPower;

use super::Program;

/// Bits of a KiB, and the parts in which [`Program::powered`] counts.
pub const KIB: u128 = 8192;

impl Program {
    /// How much of a [`StaticPower`] the board has, in parts of [`KIB`], as memory need not be whole KiB. Every chip
    /// present is powered with all its cores and their memory, used or not. Chips, and cores, without neurons are left
    /// out of that where the target says what these draw instead.
    pub fn powered(&self, power: StaticPower) -> u128 {
        let board = PoweredBoard::new(self);
        match power {
            StaticPower::Chip | StaticPower::Embedded => board.chips * KIB,
            StaticPower::Core => board.cores * KIB,
            StaticPower::MemoryKib => board.cores * u128::from(self.target.core.synapse_memory_bits.get()),
            StaticPower::CoreInUse => board.in_use * KIB,
            StaticPower::UnusedChip => board.unused_chips * KIB,
            StaticPower::UnusedCore => board.unused_cores * KIB,
        }
    }

    /// Static power of the board in watts.
    pub fn static_watts(&self) -> f64 {
        let energy = self.target.energy();
        let of = |power| u128::from(energy.pw(power)).saturating_mul(self.powered(power)) / KIB;
        StaticPower::ALL.into_iter().map(of).sum::<u128>() as f64 / 1e12
    }
}

/// What of a board draws which power.
struct PoweredBoard {
    /// Chips that draw what a chip in use draws.
    chips: u128,
    /// Cores that draw what a core draws, their memory likewise.
    cores: u128,
    /// Cores that hold neurons.
    in_use: u128,
    /// Chips that draw what an unused one draws.
    unused_chips: u128,
    /// Cores that draw what an unused one draws.
    unused_cores: u128,
}

impl PoweredBoard {
    fn new(program: &Program) -> Self {
        let (topology, energy) = (program.topology(), &program.target.energy);
        let present = u128::from(topology.chips);
        let per_chip = u128::from(topology.cores_per_chip());
        let in_use = program.chip_cores().filter(|(_, core)| !core.slices.is_empty());
        let in_use: Vec<u32> = in_use.map(|(core, _)| topology.chip_of(program.sites[core])).collect();
        let used_chips = in_use.iter().collect::<BTreeSet<_>>().len() as u128;
        let in_use = in_use.len() as u128;
        let chips = if energy.static_mw_per_unused_chip.is_some() { used_chips } else { present };
        let cores = if energy.static_uw_per_unused_core.is_some() { in_use } else { chips * per_chip };
        Self { chips, cores, in_use, unused_chips: present - chips, unused_cores: chips * per_chip - cores }
    }
}
