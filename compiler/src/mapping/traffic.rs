//! Packets between cores, before placement: what placement minimises over the mesh.

use std::collections::BTreeMap;

use snnc_targets::entity::EntityMap;

use crate::ir::program::{Core, CoreSlice};
use crate::ir::spiking::SpikingModel;
use crate::ir::{CoreId, PopulationId};
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
                let packets = each(placed, rates);
                placed.destinations.iter().for_each(|to| traffic.add((id, to.core), packets));
            }
        }
        traffic
    }

    fn add(&mut self, (from, to): (CoreId, CoreId), packets: u64) {
        if from == to {
            self.local += packets;
        } else {
            *self.flows.entry((from, to)).or_default() += packets;
        }
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

/// Packets that each destination of a position gets.
fn each(placed: &CoreSlice, rates: &Rates) -> u64 {
    (f64::from(placed.slice.atoms()) * rates.of(placed.slice.population) * rates.scale()).round() as u64
}

/// In which timesteps populations fire: any numbers, one a timestep of the window, in proportion to the spikes; those
/// that are not named, and those whose numbers are all 0, fire evenly over their windows.
pub type StepShares = BTreeMap<PopulationId, Vec<u64>>;

/// [`CoreTraffic::expected`] by the timestep of the pass in which packets are sent; passes of several networks are laid
/// over each other. The sum over the timesteps is the traffic in all, to the packet: what a population sends from one
/// core to another is cut at the rounded shares of its timesteps.
pub fn by_timestep(
    cores: &EntityMap<CoreId, Core>,
    model: &SpikingModel,
    rates: &Rates,
    shares: &StepShares,
) -> Vec<CoreTraffic> {
    let timesteps = model.networks.values().map(|network| network.pass_steps).max().unwrap_or(0);
    let mut steps = vec![CoreTraffic::default(); timesteps as usize];
    for (id, core) in cores.iter() {
        let mut sent: BTreeMap<(PopulationId, CoreId), u64> = BTreeMap::new();
        for placed in &core.slices {
            let packets = each(placed, rates);
            for to in &placed.destinations {
                *sent.entry((placed.slice.population, to.core)).or_default() += packets;
            }
        }
        for ((population, to), packets) in sent {
            let window = model.populations[population].window;
            let even = vec![1; window.steps as usize];
            let shares = shares.get(&population).filter(|shares| shares.iter().any(|&share| share > 0));
            let parts = parts(packets, shares.unwrap_or(&even));
            for (step, part) in (window.start as usize..).zip(parts).filter(|&(_, part)| part > 0) {
                steps[step].add((id, to), part);
            }
        }
    }
    steps
}

/// A whole number in parts that have the proportions of some shares, and add up to it.
fn parts(whole: u64, shares: &[u64]) -> Vec<u64> {
    let all: u128 = shares.iter().map(|&share| u128::from(share)).sum();
    let (mut sum, mut before) = (0u128, 0);
    let part = |&share: &u64| {
        sum += u128::from(share);
        // Rounded to the nearest; the last sum gives the whole.
        let until = ((u128::from(whole) * sum * 2 + all) / (2 * all.max(1))) as u64;
        until - std::mem::replace(&mut before, until)
    };
    shares.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_have_the_proportions() {
        assert_eq!(parts(100, &[1, 1, 2]), [25, 25, 50]);
        assert_eq!(parts(1, &[1, 1, 1, 1]), [0, 1, 0, 0]);
        assert_eq!(parts(7, &[0, 3, 0]), [0, 7, 0]);
        assert!(parts(5, &[]).is_empty());
        for whole in [0, 1, 9, 1000, 1 << 47] {
            let shares = [3, 0, 1 << 40, 17, 1];
            let parts = parts(whole, &shares);
            assert_eq!(parts.iter().sum::<u64>(), whole);
            let all: u64 = shares.iter().sum();
            for (part, share) in parts.iter().zip(shares) {
                assert!((*part as f64 - whole as f64 * share as f64 / all as f64).abs() <= 1.0);
            }
        }
    }
}
