//! What of a board draws static power for a program: the one authority, for the charge and for the mapping.

use snnc_targets::StaticPower;

use super::Program;

/// Bits of a KiB, and the parts in which [`Program::powered`] counts.
pub const KIB: u128 = 8192;

impl Program {
    /// How much of a [`StaticPower`] the board has, in parts of [`KIB`], as memory need not be whole KiB. Every chip
    /// present is powered with all its cores and their memory, used or not.
    pub fn powered(&self, power: StaticPower) -> u128 {
        let topology = self.topology();
        match power {
            StaticPower::Chip | StaticPower::Embedded => u128::from(topology.chips) * KIB,
            StaticPower::Core => u128::from(topology.sites()) * KIB,
            StaticPower::MemoryKib => {
                u128::from(topology.sites()) * u128::from(self.target.core.synapse_memory_bits.get())
            }
            StaticPower::CoreInUse => {
                self.chip_cores().filter(|(_, core)| !core.slices.is_empty()).count() as u128 * KIB
            }
        }
    }

    /// Static power of the board in watts.
    pub fn static_watts(&self) -> f64 {
        let energy = self.target.energy();
        let of = |power| u128::from(energy.pw(power)).saturating_mul(self.powered(power)) / KIB;
        StaticPower::ALL.into_iter().map(of).sum::<u128>() as f64 / 1e12
    }
}
