//! What energy is charged for, and its prices as integers.
//!
//! [`table`] has the one list of events and static powers. Whoever counts, charges or prints goes through
//! [`EnergyEvent::ALL`] and [`StaticPower::ALL`], so what is printed is what was charged.

mod component;
mod event_map;
mod table;

use serde::Serialize;

use crate::schema::{Sourced, Target};
use crate::topology::LinkKind;

pub use component::{CrossbarExpansionRule, EnergyComponent, EventUnit, Supply};
pub use event_map::EventMap;
pub use table::{EnergyEvent, EnergySpec, StaticPower};

impl EnergyEvent {
    /// The event of crossing a link.
    pub fn hop(kind: LinkKind) -> Self {
        match kind {
            LinkKind::EastWest => Self::HopEastWest,
            LinkKind::NorthSouth => Self::HopNorthSouth,
            LinkKind::Chip => Self::HopChip,
        }
    }
}

/// Energies of events in attojoules, static powers in picowatts (1 pW is 1e-6 aJ/ps).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Energy {
    events_aj: EventMap<u64>,
    powers_pw: [u64; StaticPower::ALL.len()],
}

impl Energy {
    /// Energy of one event.
    pub fn aj(&self, event: EnergyEvent) -> u64 {
        self.events_aj[event]
    }

    /// A static power, of one chip, core or KiB.
    pub fn pw(&self, power: StaticPower) -> u64 {
        self.powers_pw[power as usize]
    }

    /// Energy of one flit over a link.
    pub fn hop_aj(&self, kind: LinkKind) -> u64 {
        self.aj(EnergyEvent::hop(kind))
    }
}

impl Target {
    /// Energies as integers. Call [`Target::check`] first.
    pub fn energy(&self) -> Energy {
        self.energy_by(|_, value| value)
    }

    /// Energies as integers, each constant replaced by `value(name, nominal)`, in the unit of its field.
    pub(crate) fn energy_by(&self, value: impl Fn(&str, f64) -> f64) -> Energy {
        let integer = |constant: Option<(&str, &Sourced<f64>)>, unit: f64| {
            constant.map_or(0, |(name, nominal)| (value(name, nominal.get()) * unit).round() as u64)
        };
        let spec = &self.energy;
        Energy {
            events_aj: EventMap::from_fn(|event| integer(event.constant(spec), 1e6)),
            powers_pw: StaticPower::ALL
                .map(|power| integer(power.constant(spec), (power.watts() * 1e12).round())),
        }
    }

    /// Every energy constant with its field name, value in the unit of the name and provenance, for reports.
    pub fn energy_constants(&self) -> Vec<(&'static str, &Sourced<f64>)> {
        let events = EnergyEvent::ALL.iter().filter_map(|event| event.constant(&self.energy));
        events.chain(StaticPower::ALL.iter().filter_map(|power| power.constant(&self.energy))).collect()
    }

    /// Flits of a packet; 1 where the target describes no network. Links and deliveries take their time and energy once
    /// a flit.
    pub fn flits_per_packet(&self) -> u32 {
        self.network.as_ref().map_or(1, |network| network.flits_per_packet.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry;

    #[test]
    fn integers_are_those_of_their_own_constant() {
        let mut target = registry::load("loihi-like").unwrap();
        let sourced = |value| Sourced(value, crate::Provenance::Assumed("test".into()));
        let set = |value| Some(sourced(value));
        let e = &mut target.energy;
        for (i, event) in EnergyEvent::ALL.into_iter().enumerate() {
            event.set_constant(e, sourced(i as f64 + 0.5));
        }
        e.static_mw_per_chip.0 = 2.5;
        (e.static_uw_per_core, e.static_uw_per_memory_kib) = (set(7.25), set(0.000_003));
        e.static_uw_per_core_in_use = set(11.0);
        e.static_mw_embedded_per_chip = set(0.065);
        (e.static_mw_per_unused_chip, e.static_uw_per_unused_core) = (set(0.5), set(0.25));
        let energy = target.energy();
        let powers = StaticPower::ALL.map(|power| energy.pw(power));
        assert_eq!(powers, [2_500_000_000, 7_250_000, 3, 11_000_000, 65_000_000, 500_000_000, 250_000]);
        for event in EnergyEvent::ALL {
            let (name, value) = event.constant(&target.energy).unwrap();
            assert_eq!(energy.aj(event), (value.0 * 1e6).round() as u64, "{name}");
        }
        assert_eq!(energy.hop_aj(LinkKind::NorthSouth), energy.aj(EnergyEvent::HopNorthSouth));
        let all = EnergyEvent::ALL.len() + StaticPower::ALL.len();
        let names: std::collections::BTreeSet<_> = target.energy_constants().iter().map(|c| c.0).collect();
        assert_eq!((target.energy_constants().len(), names.len()), (all, all));
        target.energy.static_uw_per_core = None;
        assert_eq!((target.energy().pw(StaticPower::Core), target.energy_constants().len()), (0, all - 1));
    }
}
