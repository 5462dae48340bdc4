//! Energy by component, in attojoules.

use std::ops::{AddAssign, Index, IndexMut};

use serde::{Deserialize, Serialize};
use snnc_targets::EnergyComponent;

/// Attojoules by component.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnergyBreakdown([u128; EnergyComponent::ALL.len()]);

impl EnergyBreakdown {
    /// Attojoules of all components.
    pub fn total(&self) -> u128 {
        self.0.iter().sum()
    }

    /// Attojoules of all components but the static one.
    pub fn dynamic(&self) -> u128 {
        self.total() - self[EnergyComponent::Static]
    }

    /// Components and attojoules, in the order of reports.
    pub fn iter(&self) -> impl Iterator<Item = (EnergyComponent, u128)> {
        EnergyComponent::ALL.into_iter().zip(self.0)
    }

    /// Joules of attojoules, rounded once.
    pub fn joules(attojoules: u128) -> f64 {
        attojoules as f64 / 1e18
    }
}

impl Index<EnergyComponent> for EnergyBreakdown {
    type Output = u128;
    fn index(&self, component: EnergyComponent) -> &u128 {
        &self.0[component as usize]
    }
}

impl IndexMut<EnergyComponent> for EnergyBreakdown {
    fn index_mut(&mut self, component: EnergyComponent) -> &mut u128 {
        &mut self.0[component as usize]
    }
}

impl AddAssign for EnergyBreakdown {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a += b);
    }
}

impl std::iter::Sum for EnergyBreakdown {
    fn sum<I: Iterator<Item = Self>>(breakdowns: I) -> Self {
        breakdowns.fold(Self::default(), |mut sum, breakdown| {
            sum += breakdown;
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_index_their_own_cell() {
        let mut breakdown = EnergyBreakdown::default();
        for (i, component) in EnergyComponent::ALL.into_iter().enumerate() {
            breakdown[component] = 10u128.pow(i as u32);
        }
        assert_eq!((breakdown.total(), breakdown.dynamic()), (111_111, 11_111));
        assert!(breakdown.iter().all(|(component, aj)| breakdown[component] == aj));
        assert_eq!([breakdown, breakdown].into_iter().sum::<EnergyBreakdown>().total(), 222_222);
        assert_eq!(EnergyBreakdown::joules(1_500_000_000_000_000_000), 1.5);
    }
}
