//! One pass: host writes, populations in order, host reads, counts.

use std::collections::BTreeMap;

use rayon::prelude::*;
use snnc_compiler::ir::program::trees::{TreeId, Trees};
use snnc_compiler::ir::spiking::Bias;
use snnc_compiler::ir::{NetworkId, PopulationId};

use super::slice::{SliceTrace, Spike};
use super::{Chip, PassOutcome, host_input};
use crate::counts::{Cast, Events, Flow, PassCounts, StepCounts};

/// Biases that the host wrote, `[c, h, w]` row-major, and how many were clipped.
pub(super) type Written = BTreeMap<PopulationId, (Vec<i32>, u64)>;

pub(super) fn run(chip: &Chip, network: NetworkId, input: &[f64]) -> PassOutcome {
    let written = write_inputs(chip, network, input);
    let mut traces = vec![SliceTrace::default(); chip.table.len()];
    for (population, _) in chip.program.model.populations_of(network) {
        let written = written.get(&population).map(|(values, _)| values.as_slice());
        let gangs = &chip.gangs[population.0 as usize];
        let source = |slice, step| fired(chip, &traces, slice, step);
        let done: Vec<_> =
            gangs.par_iter().map(|gang| gang.run(chip, population, written, &source)).collect();
        for (gang, slices) in gangs.iter().zip(done) {
            for (&index, trace) in gang.slices.iter().zip(slices) {
                traces[index] = trace;
            }
        }
    }
    let counts = counts(chip, network, &written, &traces);
    PassOutcome { readouts: readouts(chip, network, &traces), counts, traces }
}

pub(super) fn write_inputs(chip: &Chip, network: NetworkId, input: &[f64]) -> Written {
    let model = &chip.program.model;
    let of_network = model.inputs.iter().filter(|i| model.populations[i.population].network == network);
    of_network.map(|host| (host.population, host_input::biases(model, host, input))).collect()
}

/// Spikes of a slice in a timestep of the pass; none outside its window.
fn fired<'t>(chip: &Chip, traces: &'t [SliceTrace], source: usize, step: u32) -> &'t [Spike] {
    let window = chip.program.model.populations[chip.table.populations[source]].window;
    if window.contains(step) { &traces[source].fired[(step - window.start) as usize] } else { &[] }
}

/// Membranes of the network's read-outs, scaled, `[c, h, w]` row-major.
fn readouts(chip: &Chip, network: NetworkId, traces: &[SliceTrace]) -> Vec<Vec<f64>> {
    let model = &chip.program.model;
    let of_network = model.readouts.iter().filter(|r| model.populations[r.population].network == network);
    of_network
        .map(|readout| {
            let population = &model.populations[readout.population];
            let shape = population.shape;
            let mut values = vec![0.0; shape.len()];
            for (index, trace) in traces.iter().enumerate() {
                let slice = &chip.table.slice(chip.program, index).slice;
                if slice.population != readout.population {
                    continue;
                }
                for (local, &v) in trace.membranes.iter().enumerate() {
                    let (position, atom) = (local as u32 / slice.atoms(), local as u32 % slice.atoms());
                    let (y, x) = slice.coordinates(position);
                    let c = (slice.channels.start + atom) as usize;
                    values[population.outside(shape.at(c, y as usize, x as usize))] =
                        f64::from(v) * readout.scale[c] + readout.offset[c];
                }
            }
            values
        })
        .collect()
}

fn counts(chip: &Chip, network: NetworkId, written: &Written, traces: &[SliceTrace]) -> PassCounts {
    let model = &chip.program.model;
    let slices = chip.table.len();
    let pass_steps = model.networks[network].pass_steps as usize;
    let empty = StepCounts { events: vec![Events::default(); slices], ..StepCounts::default() };
    let mut counts = PassCounts {
        network,
        host_writes: vec![0; slices],
        host_reads: vec![0; slices],
        bias_saturations: written.values().map(|(_, clipped)| clipped).sum(),
        steps: vec![empty; pass_steps],
    };
    for (index, trace) in traces.iter().enumerate() {
        let slice = &chip.table.slice(chip.program, index).slice;
        let population = &model.populations[slice.population];
        if population.network != network {
            continue;
        }
        if population.bias == Bias::Host {
            counts.host_writes[index] = slice.neurons().into();
        }
        if model.readouts.iter().any(|r| r.population == slice.population) {
            counts.host_reads[index] = slice.neurons().into();
        }
        let start = population.window.start as usize;
        for (step, events) in trace.events.iter().enumerate() {
            counts.steps[start + step].events[index] = *events;
        }
    }
    add_flows(chip, traces, &mut counts.steps);
    if let Some(trees) = &chip.trees {
        add_casts(chip, trees, traces, &mut counts.steps);
    }
    counts
}

/// Packets by sending slice and receiving core, read from what arrived.
fn add_flows(chip: &Chip, traces: &[SliceTrace], steps: &mut [StepCounts]) {
    for (source, receivers) in chip.receivers.iter().enumerate() {
        for receiver in receivers {
            let trace = &traces[receiver.slice];
            let feeds = &chip.feeds[receiver.slice];
            let start =
                chip.program.model.populations[chip.table.populations[receiver.slice]].window.start as usize;
            for (step, &packets) in trace.arrived.iter().skip(receiver.feed).step_by(feeds.len()).enumerate()
            {
                if packets > 0 {
                    let sent = start + step - feeds[receiver.feed].delay as usize;
                    steps[sent].flows.push(Flow { source, target: receiver.core, packets });
                }
            }
        }
    }
}

/// Spikes by multicast tree. Traces of other networks are empty; trees are numbered slice by slice.
fn add_casts(chip: &Chip, trees: &Trees, traces: &[SliceTrace], steps: &mut [StepCounts]) {
    for (slice, trace) in traces.iter().enumerate() {
        let positions = trees.positions(slice);
        let start = chip.program.model.populations[chip.table.populations[slice]].window.start as usize;
        for (step, fired) in trace.fired.iter().enumerate() {
            let mut used: Vec<TreeId> =
                fired.iter().filter_map(|spike| positions[spike.position as usize]).collect();
            used.sort_unstable();
            let casts = used.chunk_by(PartialEq::eq);
            steps[start + step]
                .casts
                .extend(casts.map(|same| Cast { tree: same[0], spikes: same.len() as u64 }));
        }
    }
}
