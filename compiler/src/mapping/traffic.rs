//! Packets between cores, before placement: what placement minimises over the mesh.

use std::collections::BTreeMap;

use snnc_targets::entity::EntityMap;

use crate::ir::CoreId;
use crate::ir::program::Core;
use crate::mapping::partition::Rates;

/// Packets per (source core, destination core), other cores only; each position weighed by its expected spikes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CoreTraffic {
    /// Ordered by source, then destination.
    pub flows: BTreeMap<(CoreId, CoreId), u64>,
    /// Packets whose destination is the core that sends them.
    pub local: u64,
}

impl CoreTraffic {
    /// Every neuron fires once: the uniform rate.
    pub fn uniform(cores: &EntityMap<CoreId, Core>) -> Self {
        Self::expected(cores, &Rates::default())
    }

    /// Every neuron fires as often as expected; rounded for each position and destination to whole packets, after
    /// [`Rates::scale`].
    pub fn expected(cores: &EntityMap<CoreId, Core>, rates: &Rates) -> Self {
        let mut traffic = Self::default();
        for (id, core) in cores.iter() {
            for placed in &core.slices {
                let spikes = f64::from(placed.slice.atoms()) * rates.of(placed.slice.population);
                let packets = (spikes * rates.scale()).round() as u64;
                for to in &placed.destinations {
                    if to.core == id {
                        traffic.local += packets;
                    } else {
                        *traffic.flows.entry((id, to.core)).or_default() += packets;
                    }
                }
            }
        }
        traffic
    }

    /// What the first `cores` cores send each other, without the ports behind them.
    #[must_use]
    pub fn among(mut self, cores: usize) -> Self {
        let inside = |core: CoreId| (core.0 as usize) < cores;
        self.flows.retain(|&(from, to), _| inside(from) && inside(to));
        self
    }

    /// All packets.
    pub fn packets(&self) -> u64 {
        self.local + self.flows.values().sum::<u64>()
    }
}
