//! What energy is charged for: the one list of events and of static powers, and their prices as integers.
//!
//! Whoever counts, charges or prints goes through [`EnergyEvent::ALL`] and [`StaticPower::ALL`], so what is printed is
//! what was charged. A new event is one line here and one where it is counted.

use serde::Serialize;

use crate::schema::{EnergySpec, Sourced, Target};
use crate::topology::LinkKind;

/// Something that costs energy each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[expect(missing_docs, reason = "the constants are those of `EnergySpec`")]
pub enum EnergyEvent {
    SynapticOperation,
    NeuronUpdateActive,
    NeuronUpdateInactive,
    NeuronSpike,
    AxonIn,
    AxonOut,
    TileDelivery,
    HopEastWest,
    HopNorthSouth,
    HopChip,
    HostWrite,
    HostRead,
}

impl EnergyEvent {
    /// All, in the order of reports.
    pub const ALL: [Self; 12] = [
        Self::SynapticOperation,
        Self::NeuronUpdateActive,
        Self::NeuronUpdateInactive,
        Self::NeuronSpike,
        Self::AxonIn,
        Self::AxonOut,
        Self::TileDelivery,
        Self::HopEastWest,
        Self::HopNorthSouth,
        Self::HopChip,
        Self::HostWrite,
        Self::HostRead,
    ];

    /// Field name and value of its constant.
    pub fn constant(self, spec: &EnergySpec) -> (&'static str, &Sourced<f64>) {
        match self {
            Self::SynapticOperation => ("synaptic_operation_pj", &spec.synaptic_operation_pj),
            Self::NeuronUpdateActive => ("neuron_update_active_pj", &spec.neuron_update_active_pj),
            Self::NeuronUpdateInactive => ("neuron_update_inactive_pj", &spec.neuron_update_inactive_pj),
            Self::NeuronSpike => ("neuron_spike_pj", &spec.neuron_spike_pj),
            Self::AxonIn => ("axon_in_pj", &spec.axon_in_pj),
            Self::AxonOut => ("axon_out_pj", &spec.axon_out_pj),
            Self::TileDelivery => ("tile_delivery_pj", &spec.tile_delivery_pj),
            Self::HopEastWest => ("hop_east_west_pj", &spec.hop_east_west_pj),
            Self::HopNorthSouth => ("hop_north_south_pj", &spec.hop_north_south_pj),
            Self::HopChip => ("hop_chip_pj", &spec.hop_chip_pj),
            Self::HostWrite => ("host_write_pj", &spec.host_write_pj),
            Self::HostRead => ("host_read_pj", &spec.host_read_pj),
        }
    }

    /// The event of crossing a link.
    pub fn hop(kind: LinkKind) -> Self {
        match kind {
            LinkKind::EastWest => Self::HopEastWest,
            LinkKind::NorthSouth => Self::HopNorthSouth,
            LinkKind::Chip => Self::HopChip,
        }
    }
}

/// A power that is drawn as long as a chip is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum StaticPower {
    /// By each chip present.
    Chip,
    /// By each core of those chips, used or not.
    Core,
    /// By each KiB of synapse memory of those cores.
    MemoryKib,
    /// By each core that holds neurons, beside that.
    CoreInUse,
}

impl StaticPower {
    /// All, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Chip, Self::Core, Self::MemoryKib, Self::CoreInUse];

    /// Field name and value of its constant, if the target gives it.
    pub fn constant(self, spec: &EnergySpec) -> Option<(&'static str, &Sourced<f64>)> {
        match self {
            Self::Chip => Some(("static_mw_per_chip", &spec.static_mw_per_chip)),
            Self::Core => Some(("static_uw_per_core", spec.static_uw_per_core.as_ref()?)),
            Self::MemoryKib => Some(("static_uw_per_memory_kib", spec.static_uw_per_memory_kib.as_ref()?)),
            Self::CoreInUse => Some(("static_uw_per_core_in_use", spec.static_uw_per_core_in_use.as_ref()?)),
        }
    }

    /// Watts in the unit of its constant.
    pub fn watts(self) -> f64 {
        match self {
            Self::Chip => 1e-3,
            Self::Core | Self::MemoryKib | Self::CoreInUse => 1e-6,
        }
    }
}

/// Energies of events in attojoules, static powers in picowatts (1 pW is 1e-6 aJ/ps).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Energy {
    events_aj: [u64; EnergyEvent::ALL.len()],
    powers_pw: [u64; StaticPower::ALL.len()],
}

impl Energy {
    /// Energy of one event.
    pub fn aj(&self, event: EnergyEvent) -> u64 {
        self.events_aj[event as usize]
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

    /// The same with other values: `value(name, nominal)`, in the unit of the constant.
    pub(crate) fn energy_by(&self, value: impl Fn(&str, f64) -> f64) -> Energy {
        let integer = |(name, nominal): (&str, &Sourced<f64>), unit: f64| {
            (value(name, nominal.get()) * unit).round() as u64
        };
        let spec = &self.energy;
        Energy {
            events_aj: EnergyEvent::ALL.map(|event| integer(event.constant(spec), 1e6)),
            powers_pw: StaticPower::ALL.map(|power| {
                let unit = (power.watts() * 1e12).round();
                power.constant(spec).map_or(0, |constant| integer(constant, unit))
            }),
        }
    }

    /// Every energy constant with its field name, value in the unit of the name and provenance, for reports.
    pub fn energy_constants(&self) -> Vec<(&'static str, &Sourced<f64>)> {
        let events = EnergyEvent::ALL.iter().map(|event| event.constant(&self.energy));
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
        let set = |value| Some(Sourced(value, crate::Provenance::Assumed("test".into())));
        let e = &mut target.energy;
        e.static_mw_per_chip.0 = 2.5;
        (e.static_uw_per_core, e.static_uw_per_memory_kib) = (set(7.25), set(0.000_003));
        e.static_uw_per_core_in_use = set(11.0);
        let energy = target.energy();
        let powers = StaticPower::ALL.map(|power| energy.pw(power));
        assert_eq!(powers, [2_500_000_000, 7_250_000, 3, 11_000_000]);
        for event in EnergyEvent::ALL {
            let (name, value) = event.constant(&target.energy);
            assert_eq!(energy.aj(event), (value.0 * 1e6).round() as u64, "{name}");
        }
        assert_eq!(energy.hop_aj(LinkKind::NorthSouth), 4_000_000);
        assert_eq!(target.energy_constants().len(), 16);
        let names: std::collections::BTreeSet<_> = target.energy_constants().iter().map(|c| c.0).collect();
        assert_eq!(names.len(), 16);
        target.energy.static_uw_per_core = None;
        assert_eq!((target.energy().pw(StaticPower::Core), target.energy_constants().len()), (0, 15));
    }
}
