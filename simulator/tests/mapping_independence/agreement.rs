//! Compares everything that executes a network: the chip at every level, and both oracles.

use std::collections::{BTreeMap, BTreeSet};

use snnc_compiler::ir::program::{Program, Slice};
use snnc_compiler::ir::spiking::{Projection, SpikingIr};
use snnc_compiler::ir::{CoreId, NetworkId, PopulationId};
use snnc_simulator::counts::Events;
use snnc_simulator::execute::kernels::level::SimdLevel;
use snnc_simulator::execute::{Chip, KernelChoice, PassOutcome, oracle, plain};

/// Events that depend on the spiking IR alone.
fn without_packets(events: Events) -> Events {
    Events { packets_sent: 0, packets_received: 0, ..events }
}

/// Every other inner loop of the processor gives the outcome as well.
fn any_loop_agrees(program: &Program, input: &[f64], outcome: &PassOutcome) {
    for level in SimdLevel::available() {
        // Shared by all threads, and on one.
        for (rows, light_work) in [(true, 0), (true, u64::MAX), (false, 0)] {
            let choice = KernelChoice { level, rows, light_work };
            let other = Chip::with(program.clone(), choice).run(NetworkId(0), input).unwrap();
            assert_eq!(other.readouts, outcome.readouts, "{choice:?}");
            assert_eq!(other.counts, outcome.counts, "{choice:?}");
            assert_eq!(other.traces, outcome.traces, "{choice:?}");
        }
    }
}

/// Membranes after each timestep are those of the spiking IR's interpreter, and who records them changes nothing.
fn membranes_agree(ir: &SpikingIr, program: &Program, input: &[f64], outcome: &PassOutcome) {
    let network = NetworkId(0);
    let neurons =
        || ir.model.populations_of(network).filter(|(_, population)| !population.dynamics.is_port());
    let mut truth: BTreeMap<PopulationId, Vec<Vec<i32>>> = BTreeMap::new();
    oracle::run_observed(ir, network, input, |step, traces| {
        for (id, _) in neurons().filter(|(_, population)| population.window.contains(step)) {
            truth.entry(id).or_default().push(traces[&id].membranes.clone());
        }
    });
    let watched: Vec<PopulationId> = neurons().map(|(id, _)| id).collect();
    for rows in [true, false] {
        let choice = KernelChoice { rows, ..KernelChoice::default() };
        let chip = Chip::with(program.clone(), choice).watching(&watched);
        let seen = chip.run(network, input).unwrap();
        assert_eq!((&seen.counts, &seen.readouts), (&outcome.counts, &outcome.readouts));
        for &id in &watched {
            assert!(chip.membranes(&seen, id) == truth[&id], "membranes of {id}");
        }
    }
}

/// Runs all three executors and compares them; the number of spikes.
pub fn agree(ir: &SpikingIr, program: &Program, input: &[f64]) -> u64 {
    let network = NetworkId(0);
    let truth = oracle::run(ir, network, input);
    let chip = Chip::new(program.clone());
    let outcome = chip.run(network, input).unwrap();
    let plain = plain::run(&chip, network, input);
    any_loop_agrees(program, input, &outcome);
    membranes_agree(ir, program, input, &outcome);
    super::common::grains::agree(&chip, input, &outcome);
    super::common::parts::agree(&chip, input, &outcome);
    super::common::ranks::agree(&chip, input, &outcome);

    let mut sums: BTreeMap<PopulationId, Events> = BTreeMap::new();
    for step in &outcome.counts.steps {
        for (index, events) in step.events.iter().enumerate() {
            *sums.entry(chip.table.populations[index]).or_default() += *events;
        }
    }
    for (&population, trace) in &truth {
        assert_eq!(chip.spikes(&outcome, population), trace.spikes, "spikes of {population}");
        let skipped = if program.target.skips_zeros() { trace.zero_operations } else { 0 };
        let synaptic_operations = trace.events.synaptic_operations - skipped;
        let expected = Events { synaptic_operations, ..trace.events };
        assert_eq!(without_packets(sums[&population]), expected, "counts of {population}");
    }
    for (readout, values) in ir.model.readouts.iter().zip(&outcome.readouts) {
        let positions = ir.model.populations[readout.population].shape.positions();
        let read = |(i, &v): (usize, &i32)| {
            let channel = i / positions;
            f64::from(v) * readout.scale[channel] + readout.offset[channel]
        };
        let membranes: Vec<f64> = truth[&readout.population].membranes.iter().enumerate().map(read).collect();
        assert_eq!(*values, membranes);
    }

    for (step, events) in plain.events.iter().enumerate() {
        assert_eq!(outcome.counts.steps[step].events, *events, "events of step {step}");
    }
    for (index, trace) in outcome.traces.iter().enumerate() {
        assert_eq!(trace.membranes, plain.membranes[index]);
        let start = ir.model.populations[chip.table.populations[index]].window.start as usize;
        for (step, fired) in trace.fired.iter().enumerate() {
            assert_eq!(*fired, plain.fired[index][start + step]);
        }
    }
    conserved(&outcome.counts);
    let sent: u64 = sums.values().map(|e| e.packets_sent).sum();
    assert_eq!(sent, packets_by_hand(ir, program, &truth), "one packet per spike, projection and core");
    sums.values().map(|e| e.spikes).sum()
}

/// Spikes times the cores that each reaches, projection by projection (parts of a cut one apart), from the spiking IR
/// and the cores' neurons alone.
fn packets_by_hand(
    ir: &SpikingIr,
    program: &Program,
    truth: &BTreeMap<PopulationId, oracle::PopulationTrace>,
) -> u64 {
    let ir = ir.reordered(&ir.orders_of(&program.model));
    let mut homes: BTreeMap<(PopulationId, usize), CoreId> = BTreeMap::new();
    for (core, content) in program.cores.iter() {
        for Slice { population, channels, rows, cols } in content.slices.iter().map(|s| &s.slice) {
            let shape = ir.model.populations[*population].shape;
            for (c, y) in channels.clone().flat_map(|c| rows.clone().map(move |y| (c, y))) {
                for x in cols.clone() {
                    homes.insert((*population, shape.at(c as usize, y as usize, x as usize)), core);
                }
            }
        }
    }
    let mut packets = 0;
    for projection in ir.with_parts(&program.kernel_parts).projections.values() {
        let (trace, source) = (&truth[&projection.source], &ir.model.populations[projection.source]);
        for neuron in 0..source.shape.len() {
            let spikes = trace.spikes.iter().filter(|flags| flags[source.outside(neuron)]).count() as u64;
            if spikes > 0 {
                let cores: BTreeSet<CoreId> = targets(&ir, projection, neuron)
                    .iter()
                    .map(|&to| homes[&(projection.target, to)])
                    .collect();
                packets += spikes * cores.len() as u64;
            }
        }
    }
    packets
}

/// The neurons that a neuron reaches through a projection.
fn targets(ir: &SpikingIr, projection: &Projection, neuron: usize) -> Vec<usize> {
    let Some(conv) = projection.conv() else {
        let sparse = projection.sparse().unwrap();
        return sparse.targets_of(neuron).iter().map(|&target| target as usize).collect();
    };
    let (from, to) =
        (ir.model.populations[projection.source].shape, ir.model.populations[projection.target].shape);
    let (channel, position) = (neuron / from.positions(), neuron % from.positions());
    let (y, x) = (position / from.width, position % from.width);
    let mut all = Vec::new();
    for (ty, _) in conv.map.rows.reach(y, 0..to.height) {
        for (tx, _) in conv.map.cols.reach(x, 0..to.width) {
            all.extend(conv.kernel.channels.targets_of(channel).map(|c| to.at(c, ty, tx)));
        }
    }
    all
}

/// Packets sent = packets on flows = packets received.
fn conserved(counts: &snnc_simulator::counts::PassCounts) {
    let all = || counts.steps.iter().flat_map(|s| &s.events);
    let sent: u64 = all().map(|e| e.packets_sent).sum();
    let received: u64 = all().map(|e| e.packets_received).sum();
    let flowing: u64 = counts.steps.iter().flat_map(|s| &s.flows).map(|f| f.packets).sum();
    assert_eq!((sent, sent), (received, flowing));
    for step in &counts.steps {
        for (index, events) in step.events.iter().enumerate() {
            let flows: u64 =
                step.flows.iter().filter(|f| f.source as usize == index).map(|f| f.packets).sum();
            assert_eq!(events.packets_sent, flows, "slice {index} sends what its flows carry");
        }
    }
}
