//! Whose work timesteps wait for: the time of each timestep's busiest unit, by layer.
//!
//! A timestep lasts as long as its busiest unit. That unit's time is what its core's slices bring it, one after the
//! other, so it splits over their layers without a rest. Links, and ports between cores and routers, carry packets of
//! all layers at once: their time is the network's.

use derive_more::AddAssign;
use serde::{Deserialize, Serialize};
use snnc_compiler::ir::PopulationId;

/// Time of busiest units, and timesteps, that a layer or the network has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, AddAssign, Serialize, Deserialize)]
pub struct BindingTime {
    /// Time that the busiest units of timesteps spend on it, ps.
    pub ps: u128,
    /// Timesteps in which it has the greatest part of that time; of equals the first layer.
    pub timesteps: u64,
}

/// Of timesteps, at one set of times.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerTimes {
    /// By population of the program.
    pub layers: Vec<BindingTime>,
    /// Of timesteps whose busiest unit is a link or the port of a core.
    pub network: BindingTime,
}

impl LayerTimes {
    /// Without timesteps, for so many populations.
    pub fn new(populations: usize) -> Self {
        Self { layers: vec![BindingTime::default(); populations], network: BindingTime::default() }
    }

    /// Adds a timestep whose busiest unit works so long for each slice of its core.
    pub(super) fn add(&mut self, parts: impl Iterator<Item = (PopulationId, u64)>) {
        let mut by_population: Vec<(PopulationId, u64)> = Vec::new();
        for (population, ps) in parts {
            match by_population.iter_mut().find(|(found, _)| *found == population) {
                Some((_, sum)) => *sum = sum.saturating_add(ps),
                None => by_population.push((population, ps)),
            }
        }
        by_population.sort_by_key(|&(population, _)| population);
        let most = by_population.iter().map(|&(_, ps)| ps).max().unwrap_or(0);
        let first = by_population.iter().find(|&&(_, ps)| ps == most).map(|&(population, _)| population);
        for (population, ps) in by_population {
            self.layers[population.0 as usize] +=
                BindingTime { ps: ps.into(), timesteps: u64::from(Some(population) == first) };
        }
    }

    /// Adds a timestep whose busiest unit is a link or a port.
    pub(super) fn add_network(&mut self, ps: u64) {
        self.network += BindingTime { ps: ps.into(), timesteps: 1 };
    }

    /// Adds other timesteps of the same program.
    pub fn merge(&mut self, other: &Self) {
        self.layers.iter_mut().zip(&other.layers).for_each(|(a, &b)| *a += b);
        self.network += other.network;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_layer_add_up_and_the_greatest_counts() {
        let mut times = LayerTimes::new(3);
        let parts = |parts: &[(u32, u64)]| {
            parts.iter().map(|&(population, ps)| (PopulationId(population), ps)).collect::<Vec<_>>()
        };
        // Two slices of population 2, which together are busy longest.
        times.add(parts(&[(0, 50), (2, 30), (2, 40)]).into_iter());
        // Of equals the first population, in whatever order its slices stand.
        times.add(parts(&[(2, 5), (1, 5)]).into_iter());
        times.add_network(7);
        let found: Vec<(u128, u64)> = times.layers.iter().map(|layer| (layer.ps, layer.timesteps)).collect();
        assert_eq!(found, [(50, 0), (5, 1), (75, 1)]);
        assert_eq!((times.network.ps, times.network.timesteps), (7, 1));
        let mut twice = times.clone();
        twice.merge(&times);
        assert_eq!((twice.layers[2].ps, twice.network.timesteps), (150, 2));
    }
}
