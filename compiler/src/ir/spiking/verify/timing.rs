//! Timesteps and sums: spikes arrive in windows, a pass ends with the last of them, sums fit the simulation.

use snnc_targets::{Place, Subject};

use super::Checker;
use crate::ir::NetworkId;
use crate::ir::components::joins;
use crate::ir::spiking::{Connectivity, Convolution, Population, Projection, SpikingIr, SpikingModel};

/// Why spikes of a population may not arrive at another after a delay. They may come after the window, where they meet
/// their synapses and change no neuron.
pub fn arrival_problem(source: &Population, target: &Population, delay: u32) -> Option<String> {
    let arrives = source.window.start.saturating_add(delay) >= target.window.start;
    (!arrives).then(|| {
        format!("spikes of window {:?} arrive before the target's window {:?}", source.window, target.window)
    })
}

/// Passes that do not end with the last window or arrival, given one past the last timestep of some arrivals.
pub fn pass_problems(model: &SpikingModel, arrivals: Vec<(NetworkId, u32)>) -> Vec<(Place, String)> {
    let mut ends = vec![0; model.networks.len()];
    let windows = model.populations.values().map(|p| (p.network, p.window.end()));
    for (network, end) in windows.chain(arrivals) {
        let last = &mut ends[network.0 as usize];
        *last = end.max(*last);
    }
    let wrong = model.networks.iter().zip(ends).filter(|((_, network), end)| network.pass_steps != *end);
    wrong
        .map(|((id, network), end)| {
            let found = network.pass_steps;
            let message = format!(
                "{found} timesteps a pass, expected {end}: the end of the last window, or the arrival of the last spike"
            );
            (Subject::IrNetwork(id, Some(network.name.clone())).into(), message)
        })
        .collect()
}

/// Most synapses of one neuron, or a bound of it.
fn fan_in(projection: &Projection) -> i128 {
    match &projection.connectivity {
        Connectivity::Conv(Convolution { kernel: k, .. }) => {
            k.channels.inputs as i128 * k.height as i128 * k.width as i128
        }
        Connectivity::Sparse(sparse) => {
            let mut counts = vec![0u32; sparse.targets.iter().max().map_or(0, |&last| last as usize + 1)];
            sparse.targets.iter().for_each(|&target| counts[target as usize] += 1);
            counts.into_iter().max().unwrap_or(0).into()
        }
    }
}

impl Checker {
    /// The sum of a timestep fits the accumulators of the simulation, whatever fires.
    pub(super) fn fan_in(&mut self, ir: &SpikingIr) {
        let most = i128::from(ir.model.neuron.weight_max() + 1);
        let mut sums = vec![0i128; ir.model.populations.len()];
        for projection in ir.projections.values() {
            sums[projection.target.0 as usize] += fan_in(projection) * most;
        }
        for (population, sum) in ir.model.populations.values().zip(sums) {
            if sum > i128::from(i32::MAX) {
                let message = format!("a fan-in whose sum may reach {sum} does not fit 32 bits");
                self.unsupported(&ir.model, population, message);
            }
        }
    }

    /// Sources come before targets but in cycles, whose populations stand side by side; spikes arrive in windows, those
    /// of a cycle in the pass; a pass ends with the last of both.
    pub(super) fn order(&mut self, ir: &SpikingIr) {
        let (model, components) = (&ir.model, ir.components());
        for between in components.parted(model) {
            let place = Subject::Population(between, model.populations[between].name.clone()).into();
            self.need(false, &place, || {
                "stands between populations of a cycle, which must be side by side".into()
            });
        }
        let mut arrivals = Vec::new();
        for (id, p) in ir.projections.iter().filter(|(_, p)| joins(p)) {
            let (source, target) = (&model.populations[p.source], &model.populations[p.target]);
            let cycle = components.share_a_cycle(p.source, p.target);
            let place = Subject::Projection(id).into();
            let ordered = cycle || p.source < p.target;
            self.need(ordered, &place, || format!("{} must come before {}", p.source, p.target));
            if let Some(problem) = arrival_problem(source, target, p.delay) {
                self.need(false, &place, || problem);
            }
            arrivals.push((source.network, source.window.end().saturating_add(p.delay)));
        }
        for (place, problem) in pass_problems(model, arrivals) {
            self.need(false, &place, || problem);
        }
    }
}
