//! The spiking IR's own interpreter: populations and projections, no cores, no packets. Never optimised.
//!
//! What any mapping must reproduce: spikes, membranes and the number of synaptic operations. Neurons are numbered as
//! in the IR given, whatever its populations' orders say.

use std::collections::BTreeMap;

use snnc_compiler::ir::spiking::{Bias, Connectivity, Dynamics, Model, Population, SpikingIr};
use snnc_compiler::ir::{NetworkId, PopulationId};

use super::host_input;
use super::neuron::Update;
use crate::counts::Events;

/// Spikes and sums of one population.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PopulationTrace {
    /// One flag a neuron, `[c, h, w]` row-major, for each timestep of the window.
    pub spikes: Vec<Vec<bool>>,
    /// Membranes after the window.
    pub membranes: Vec<i32>,
    /// Synaptic operations, updates, spikes, overflows; packets stay 0.
    pub events: Events,
}

/// Runs one pass of a network.
pub fn run(ir: &SpikingIr, network: NetworkId, input: &[f64]) -> BTreeMap<PopulationId, PopulationTrace> {
    let mut traces = BTreeMap::new();
    for (id, population) in ir.model.populations_of(network) {
        let bias = biases(&ir.model, id, population, input);
        let mut trace = PopulationTrace { membranes: vec![0; population.shape.len()], ..Default::default() };
        for step in population.window.start..population.window.end() {
            let sums = sums(ir, id, step, &traces, &mut trace.events);
            trace.spikes.push(update(
                &ir.model,
                population,
                &sums,
                &bias,
                &mut trace.membranes,
                &mut trace.events,
            ));
        }
        traces.insert(id, trace);
    }
    traces
}

fn biases(model: &Model, id: PopulationId, population: &Population, input: &[f64]) -> Vec<i32> {
    let neurons = 0..population.shape.len();
    match &population.bias {
        Bias::Zero => vec![0; neurons.len()],
        Bias::Channel(values) => neurons.map(|i| values[i / population.shape.positions()]).collect(),
        Bias::Neuron(values) => values.clone(),
        Bias::Host => {
            let host = model.inputs.iter().find(|i| i.population == id);
            host_input::biases(model, host.expect("a host-biased population has a host input"), input).0
        }
    }
}

/// Weights of all spikes that arrive at a population in a timestep.
fn sums(
    ir: &SpikingIr,
    id: PopulationId,
    step: u32,
    traces: &BTreeMap<PopulationId, PopulationTrace>,
    events: &mut Events,
) -> Vec<i32> {
    let shape = ir.model.populations[id].shape;
    let mut sums = vec![0i32; shape.len()];
    for projection in ir.projections.values().filter(|p| p.target == id) {
        let source = &ir.model.populations[projection.source];
        let Some(sent) = step.checked_sub(projection.delay).filter(|&s| source.window.contains(s)) else {
            continue;
        };
        let spikes = &traces[&projection.source].spikes[(sent - source.window.start) as usize];
        let conv = match &projection.connectivity {
            Connectivity::Conv(conv) => conv,
            Connectivity::Sparse(sparse) => {
                for (i, _) in spikes.iter().enumerate().filter(|(_, fired)| **fired) {
                    for (target, weight) in sparse.row(i) {
                        sums[target as usize] += i32::from(weight);
                        events.synaptic_operations += 1;
                    }
                }
                continue;
            }
        };
        for (i, _) in spikes.iter().enumerate().filter(|(_, fired)| **fired) {
            let (c, position) = (i / source.shape.positions(), i % source.shape.positions());
            let (y, x) = (position / source.shape.width, position % source.shape.width);
            let joined = conv.kernel.channels.targets_of(c);
            if joined.is_empty() {
                continue;
            }
            for ky in 0..conv.kernel.height {
                for kx in 0..conv.kernel.width {
                    let (rows, cols) = (&conv.map.rows, &conv.map.cols);
                    let (Some(ty), Some(tx)) = (rows.target(y, ky), cols.target(x, kx)) else { continue };
                    for (o, &weight) in joined.clone().zip(conv.kernel.row(c, ky, kx)) {
                        sums[shape.at(o, ty, tx)] += i32::from(weight);
                        events.synaptic_operations += 1;
                    }
                }
            }
        }
    }
    sums
}

fn update(
    model: &Model,
    population: &Population,
    sums: &[i32],
    bias: &[i32],
    membranes: &mut [i32],
    events: &mut Events,
) -> Vec<bool> {
    let rule = Update::new(&model.neuron, population.dynamics.decay(), population.input_shift);
    let mut spikes = vec![false; sums.len()];
    for (i, v) in membranes.iter_mut().enumerate() {
        *v = rule.integrate(*v, sums[i], bias[i], events);
        if let Dynamics::Lif { thresholds, .. } = &population.dynamics {
            let threshold = thresholds[i / population.shape.positions()] << model.neuron.threshold_shift;
            if rule.fires(*v, threshold as i32) {
                *v = 0;
                spikes[i] = true;
                events.spikes += 1;
            }
        }
    }
    spikes
}
