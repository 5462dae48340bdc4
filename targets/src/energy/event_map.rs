//! A value for each energy event.

use std::ops::{AddAssign, Index, IndexMut};

use serde::{Deserialize, Serialize};

use super::EnergyEvent;

/// A value for each of [`EnergyEvent::ALL`]: counts, prices, sums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventMap<T>([T; EnergyEvent::ALL.len()]);

impl<T> EventMap<T> {
    /// The values that `of` gives.
    pub fn from_fn(of: impl FnMut(EnergyEvent) -> T) -> Self {
        Self(EnergyEvent::ALL.map(of))
    }

    /// Events and values, in the order of reports.
    pub fn iter(&self) -> impl Iterator<Item = (EnergyEvent, &T)> {
        EnergyEvent::ALL.into_iter().zip(&self.0)
    }
}

impl<T> Index<EnergyEvent> for EventMap<T> {
    type Output = T;
    fn index(&self, event: EnergyEvent) -> &T {
        &self.0[event as usize]
    }
}

impl<T> IndexMut<EnergyEvent> for EventMap<T> {
    fn index_mut(&mut self, event: EnergyEvent) -> &mut T {
        &mut self.0[event as usize]
    }
}

impl<T: AddAssign> AddAssign for EventMap<T> {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, more)| *sum += more);
    }
}
