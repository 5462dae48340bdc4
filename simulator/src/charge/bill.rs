//! Energy by component, in attojoules.

use std::ops::{AddAssign, Index, IndexMut};

use snnc_targets::EnergyEvent;

/// What energy is spent on. The names are those of `energy_j` in report.json.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    /// Synaptic operations.
    Synapse,
    /// Neuron updates and firing.
    Neuron,
    /// Decoding and making of packets.
    Axon,
    /// Hops and delivery within the destination tile.
    Network,
    /// Words written and read by the host.
    Host,
    /// Static power times time.
    Static,
}

impl Component {
    /// All, in the order of reports.
    pub const ALL: [Self; 6] =
        [Self::Synapse, Self::Neuron, Self::Axon, Self::Network, Self::Host, Self::Static];

    /// What an event is charged as.
    pub fn of(event: EnergyEvent) -> Self {
        match event {
            EnergyEvent::SynapticOperation => Self::Synapse,
            EnergyEvent::NeuronUpdateActive
            | EnergyEvent::NeuronUpdateInactive
            | EnergyEvent::NeuronSpike => Self::Neuron,
            EnergyEvent::AxonIn | EnergyEvent::AxonOut => Self::Axon,
            EnergyEvent::TileDelivery
            | EnergyEvent::HopEastWest
            | EnergyEvent::HopNorthSouth
            | EnergyEvent::HopChip => Self::Network,
            EnergyEvent::HostWrite | EnergyEvent::HostRead => Self::Host,
        }
    }

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Synapse => "synapse",
            Self::Neuron => "neuron",
            Self::Axon => "axon",
            Self::Network => "network",
            Self::Host => "host",
            Self::Static => "static",
        }
    }
}

/// Attojoules by component.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bill([u128; 6]);

impl Bill {
    /// Attojoules of all components.
    pub fn total(&self) -> u128 {
        self.0.iter().sum()
    }

    /// Attojoules of all components but the static one.
    pub fn dynamic(&self) -> u128 {
        self.total() - self[Component::Static]
    }

    /// Components and attojoules, in the order of reports.
    pub fn iter(&self) -> impl Iterator<Item = (Component, u128)> {
        Component::ALL.into_iter().zip(self.0)
    }

    /// Joules of attojoules, rounded once.
    pub fn joules(attojoules: u128) -> f64 {
        attojoules as f64 / 1e18
    }
}

impl Index<Component> for Bill {
    type Output = u128;
    fn index(&self, component: Component) -> &u128 {
        &self.0[component as usize]
    }
}

impl IndexMut<Component> for Bill {
    fn index_mut(&mut self, component: Component) -> &mut u128 {
        &mut self.0[component as usize]
    }
}

impl AddAssign for Bill {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(a, b)| *a += b);
    }
}

impl std::iter::Sum for Bill {
    fn sum<I: Iterator<Item = Self>>(bills: I) -> Self {
        bills.fold(Self::default(), |mut sum, bill| {
            sum += bill;
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_index_their_own_cell() {
        let mut bill = Bill::default();
        for (i, component) in Component::ALL.into_iter().enumerate() {
            bill[component] = 10u128.pow(i as u32);
        }
        assert_eq!((bill.total(), bill.dynamic()), (111_111, 11_111));
        assert!(bill.iter().all(|(component, aj)| bill[component] == aj));
        assert_eq!([bill, bill].into_iter().sum::<Bill>().total(), 222_222);
        assert_eq!(Bill::joules(1_500_000_000_000_000_000), 1.5);
    }
}
