//! How much of each limit the hypergraph partitioner may use: less after every attempt whose built cores use too much.

use snnc_targets::Target;
use snnc_targets::entity::EntityMap;

use crate::ir::CoreId;
use crate::ir::program::usage::{CoreUsage, Limit, LimitExceeded};
use crate::mapping::hypergraph::Limits;

/// How much of each limit the partitioner may use.
pub struct LimitShares {
    neurons: f64,
    memory: f64,
    axons: f64,
}

impl Default for LimitShares {
    fn default() -> Self {
        Self { neurons: 1.0, memory: 1.0, axons: 1.0 }
    }
}

impl LimitShares {
    /// The limits that the partitioner is given.
    pub fn limits(&self, target: &Target) -> Limits {
        let of = |limit: Limit, share: f64| {
            // Far above any sum of weights, and far from overflow.
            let most = limit.of(target).unwrap_or(u64::MAX).min(1 << 50);
            ((most as f64 * share) as u64).max(1)
        };
        let memory = of(Limit::SynapseMemory, self.memory);
        Limits {
            scalars: vec![of(Limit::Neurons, self.neurons), memory],
            shared: vec![of(Limit::InputAxons, self.axons), memory, of(Limit::ThresholdProfiles, 1.0)],
        }
    }

    /// Lowers the shares of limits that built cores exceed; returns the worst excess, or `None` if all cores keep all
    /// limits.
    pub fn tighten(&mut self, target: &Target, uses: &EntityMap<CoreId, CoreUsage>) -> Option<LimitExceeded> {
        let mut worst: Option<LimitExceeded> = None;
        for limit in Limit::ALL {
            let used = uses.values().map(|u| u.get(limit)).max().unwrap_or(0);
            let Some(most) = limit.of(target).filter(|&most| used > most) else { continue };
            let factor = (most as f64 / used as f64).max(0.5) * 0.98;
            match limit {
                Limit::SynapseMemory => self.memory *= factor,
                Limit::InputAxons => self.axons *= factor,
                Limit::Neurons | Limit::OutputAxons | Limit::ThresholdProfiles => self.neurons *= factor,
            }
            let larger = |other: LimitExceeded| {
                u128::from(used) * u128::from(other.most) > u128::from(other.used) * u128::from(most)
            };
            worst = if worst.is_none_or(larger) { Some(LimitExceeded { limit, used, most }) } else { worst };
        }
        worst
    }
}
