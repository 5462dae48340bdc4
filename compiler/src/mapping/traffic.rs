//! Packets between cores, before placement: what placement minimises over the mesh.

use std::collections::BTreeMap;

use snnc_targets::entity::EntityMap;

use crate::ir::CoreId;
use crate::ir::program::Core;

/// Packets per (source core, destination core), other cores only; each position weighed by its expected spikes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Traffic {
    /// Ordered by source, then destination.
    pub flows: BTreeMap<(CoreId, CoreId), u64>,
    /// Packets to the own core.
    pub local: u64,
}

impl Traffic {
    /// Every neuron fires once: the uniform rate.
    pub fn uniform(cores: &EntityMap<CoreId, Core>) -> Self {
        let mut traffic = Self::default();
        for (id, core) in cores.iter() {
            for placed in &core.slices {
                for to in &placed.destinations {
                    let packets = u64::from(placed.slice.atoms());
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

    /// All packets.
    pub fn packets(&self) -> u64 {
        self.local + self.flows.values().sum::<u64>()
    }
}
