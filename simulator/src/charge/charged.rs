//! How often each constant of the target was charged: the ledger's energy, split by constant.

use serde::{Deserialize, Serialize};
use snnc_targets::{EnergyEvent, EventMap, StaticPower};

use super::{Prices, SliceTally};
use crate::charge::prices::cost;

/// Events and static energy, summed over everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charged {
    /// Events that were charged.
    events: EventMap<u128>,
    /// Attojoules, in the order of [`StaticPower::ALL`].
    static_aj: [u128; StaticPower::ALL.len()],
}

impl Charged {
    /// Events that were charged.
    pub fn events(&self, event: EnergyEvent) -> u128 {
        self.events[event]
    }

    /// Attojoules of an event at the prices that they were charged at.
    pub fn event_aj(&self, prices: &Prices, event: EnergyEvent) -> u128 {
        cost(self.events(event), prices.aj(event))
    }

    /// Attojoules of a static power.
    pub fn static_aj(&self, power: StaticPower) -> u128 {
        self.static_aj[power as usize]
    }

    /// Adds the events of slices.
    pub(super) fn add_events(&mut self, prices: &Prices, slices: &[SliceTally]) {
        for slice in slices {
            for event in EnergyEvent::ALL {
                self.events[event] += prices.count(slice, event);
            }
        }
    }

    /// Adds the static energy of a pass.
    pub(super) fn add_static(&mut self, attojoules: [u128; StaticPower::ALL.len()]) {
        self.static_aj.iter_mut().zip(attojoules).for_each(|(sum, more)| *sum += more);
    }

    /// Adds another one.
    pub(super) fn merge(&mut self, other: &Self) {
        self.events += other.events;
        self.add_static(other.static_aj);
    }
}
