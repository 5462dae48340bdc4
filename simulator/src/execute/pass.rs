//! One pass: host writes, populations in order, host reads, counts.

use std::collections::BTreeMap;

use rayon::prelude::*;
use snnc_compiler::ir::program::trees::{TreeId, Trees};
use snnc_compiler::ir::spiking::{Bias, Window};
use snnc_compiler::ir::{NetworkId, PopulationId};

use super::arrivals::{Arrivals, Departures, Reach};
use super::gang::{Done, Gang, Part};
use super::record::{Record, Traces};
use super::slice::{SliceTrace, Spike};
use super::{Chip, PassOutcome, host_input};
use crate::counts::{Cast, Events, Flow, PassCounts, SliceIndex, StepCounts};

/// Biases that the host wrote, `[c, h, w]` row-major, and how many were clipped.
pub(super) type Written = BTreeMap<PopulationId, (Vec<i32>, u64)>;

/// A pass under way: what the populations so far did.
pub(super) struct Pass<'c> {
    pub(super) chip: &'c Chip<'c>,
    written: Written,
    /// By population.
    records: Vec<Option<Record>>,
    /// Spikes of a slice by timestep of its window, for receivers that ask for them.
    fired: Vec<Vec<Vec<Spike>>>,
    /// Packets by slice, where they depend on the position ([`super::arrivals::Sums`]).
    sums: Vec<Vec<Vec<u64>>>,
    counts: PassCounts,
}

pub(super) fn run(chip: &Chip, network: NetworkId, input: &[f64]) -> PassOutcome {
    let written = write_inputs(chip, network, input);
    let mut pass = Pass {
        chip,
        records: chip.gangs.iter().map(|_| None).collect(),
        fired: vec![Vec::new(); chip.table.len()],
        sums: vec![Vec::new(); chip.table.len()],
        counts: no_counts(chip, network, &written),
        written,
    };
    for (population, _) in chip.program.model.populations_of(network) {
        pass.population(population);
    }
    pass.add_flows();
    let readouts = pass.readouts(network);
    let Pass { records, mut counts, .. } = pass;
    let traces = Traces::new(chip.slices.clone(), records);
    if let Some(trees) = &chip.trees {
        add_casts(chip, trees, &traces, &mut counts.steps);
    }
    PassOutcome { readouts, counts, traces }
}

pub(super) fn write_inputs(chip: &Chip, network: NetworkId, input: &[f64]) -> Written {
    let model = &chip.program.model;
    let of_network = model.inputs.iter().filter(|i| model.populations[i.population].network == network);
    of_network.map(|host| (host.population, host_input::biases(model, host, input))).collect()
}

/// Host words and clipped biases; no events yet.
fn no_counts(chip: &Chip, network: NetworkId, written: &Written) -> PassCounts {
    let model = &chip.program.model;
    let words = |counts: &dyn Fn(PopulationId) -> bool| {
        let words = chip.slices.iter().map(|slice| match model.populations[slice.population].network {
            own if own == network && counts(slice.population) => u64::from(slice.neurons()),
            _ => 0,
        });
        words.collect()
    };
    let steps = model.networks[network].pass_steps as usize;
    let empty = StepCounts { events: vec![Events::default(); chip.slices.len()], ..StepCounts::default() };
    PassCounts {
        network,
        host_writes: words(&|population| model.populations[population].bias == Bias::Host),
        host_reads: words(&|population| model.readouts.iter().any(|r| r.population == population)),
        bias_saturations: written.values().map(|(_, clipped)| clipped).sum(),
        steps: vec![empty; steps],
    }
}

impl Pass<'_> {
    /// Timesteps in which a population is updated.
    pub(super) fn window(&self, population: PopulationId) -> Window {
        self.chip.program.model.populations[population].window
    }

    /// What an earlier population did.
    pub(super) fn record(&self, population: PopulationId) -> &Record {
        let record = self.records[population.0 as usize].as_ref();
        record.expect("sources come before their targets")
    }

    /// The timestep of a population's window that a delay brings to timestep `step` of the pass, if any.
    pub(super) fn sent(&self, population: PopulationId, step: u32, delay: u32) -> Option<usize> {
        let window = self.window(population);
        let sent = step.checked_sub(delay).filter(|&sent| window.contains(sent))?;
        Some((sent - window.start) as usize)
    }

    /// Spikes of a slice that a delay brings to timestep `step`; only of slices marked in [`Chip::listed`].
    pub(super) fn fired(&self, source: SliceIndex, step: u32, delay: u32) -> &[Spike] {
        let sent = self.sent(self.chip.table.populations[source], step, delay);
        sent.map_or(&[], |sent| &self.fired[source][sent])
    }

    /// Runs a population: its gangs' parts in parallel, each of which writes only its own state.
    fn population(&mut self, id: PopulationId) {
        let chip = self.chip;
        let gangs = &chip.gangs[id.0 as usize];
        let written = self.written.get(&id).map(|(values, _)| values.as_slice());
        let biases: Vec<_> = gangs
            .iter()
            .map(|gang| written.map(|values| gang.biases(chip.program, &chip.table, Some(values))))
            .collect();
        let threads = rayon::current_num_threads();
        let parts: Vec<(usize, Part)> = gangs
            .iter()
            .enumerate()
            .flat_map(|(g, gang)| gang.parts(threads, gangs.len() - 1).into_iter().map(move |part| (g, part)))
            .collect();
        let run = |(g, part): &(usize, Part)| gangs[*g].run(self, id, biases[*g].as_deref(), part);
        let done: Vec<Done> = parts.par_iter().map(run).collect();
        let mut record = Record::new(&chip.program.model.populations[id]);
        let channels = chip.program.model.populations[id].shape.channels;
        let each = || parts.iter().zip(&done).map(|((g, _), done)| (&gangs[*g], done));
        record.spikes.write(chip.indexed[id.0 as usize], |step, words| {
            each().for_each(|(gang, done)| done.deposit_spikes(gang, channels, step, words));
        });
        each().for_each(|(gang, done)| done.deposit_membranes(gang, channels, &mut record.membranes));
        let of_gang = parts.chunk_by(|a, b| a.0 == b.0).map(<[_]>::len);
        let mut first = 0;
        for (gang, parts) in gangs.iter().zip(of_gang) {
            let parts = &done[first..first + parts];
            for (member, &slice) in gang.slices.iter().enumerate() {
                self.sums[slice] = added(parts.iter().map(|part| &part.sums[member]));
            }
            self.count(id, gang, parts);
            first += parts.len();
            for &slice in gang.slices.iter().filter(|&&slice| chip.listed[slice]) {
                self.fired[slice] = record.fired(&chip.slices[slice]);
            }
        }
        self.records[id.0 as usize] = Some(record);
    }

    /// Enters the events of a gang's slices.
    fn count(&mut self, id: PopulationId, gang: &Gang, parts: &[Done]) {
        let window = self.window(id);
        let mut units = gang.units(self, id);
        units.extend(parts.iter().flat_map(|part| part.units.iter().copied()));
        for (member, &slice) in gang.slices.iter().enumerate() {
            let neurons = u64::from(self.chip.slices[slice].neurons());
            for (step, now) in (window.start..window.end()).enumerate() {
                let mut tally = super::gang::Tally::default();
                let cell = member * window.steps as usize + step;
                parts.iter().for_each(|part| tally += &part.tallies[cell]);
                let events = Events {
                    synaptic_operations: units[step] * gang.units_of(member),
                    updates_active: tally.active,
                    updates_inactive: neurons - tally.active,
                    spikes: tally.spikes,
                    packets_sent: match self.chip.postage.departures[slice] {
                        Departures::Each(routes) => routes * tally.spikes,
                        Departures::Of(sum) => self.sums[slice][sum][step],
                    },
                    // Entered with the flows.
                    packets_received: 0,
                    accumulator_overflows: tally.overflowed,
                    state_saturations: tally.saturated,
                };
                self.counts.steps[now as usize].events[slice] = events;
            }
        }
    }

    /// Packets by sending slice and receiving core, and where they are received.
    fn add_flows(&mut self) {
        let (steps, slices) = (self.counts.steps.len(), self.chip.slices.len().max(1));
        let share = steps.div_ceil(rayon::current_num_threads()).max(1);
        // Packets received by `[timestep][slice]`, of each share of the timesteps that send.
        let some = |first: usize| {
            let mut received = vec![0; steps * slices];
            let sent = first..(first + share).min(steps);
            let flows = sent.map(|sent| self.flows_of(sent, &mut received)).collect::<Vec<_>>();
            (flows, received)
        };
        let shares: Vec<_> =
            (0..steps.div_ceil(share)).into_par_iter().map(|index| some(index * share)).collect();
        let mut sent = 0;
        for (flows, received) in shares {
            for flows in flows {
                self.counts.steps[sent].flows = flows;
                sent += 1;
            }
            for (step, received) in self.counts.steps.iter_mut().zip(received.chunks_exact(slices)) {
                let events = step.events.iter_mut().zip(received);
                events.for_each(|(events, packets)| events.packets_received += packets);
            }
        }
    }

    /// The flows of a timestep's spikes; `received` are packets by `[timestep][slice]`.
    fn flows_of(&self, sent: usize, received: &mut [u64]) -> Vec<Flow> {
        let mut flows = Vec::new();
        (0..self.chip.slices.len()).for_each(|source| self.flows_from(source, sent, &mut flows, received));
        flows
    }

    /// The flows of a slice's spikes of a timestep; `received` are packets by `[timestep][slice]`.
    fn flows_from(&self, source: SliceIndex, sent: usize, flows: &mut Vec<Flow>, received: &mut [u64]) {
        let spikes = self.counts.steps[sent].events[source].spikes;
        if spikes == 0 {
            return;
        }
        let slices = self.chip.slices.len();
        let start = self.window(self.chip.table.populations[source]).start as usize;
        let Reach { cores, receivers } = &self.chip.postage.reach[source];
        let first = flows.len();
        flows.extend(cores.iter().map(|&target| Flow { source, target, packets: 0 }));
        for group in receivers {
            let packets = match group.arrivals {
                _ if !group.sent.contains(&(sent as u32)) => continue,
                Arrivals::All => spikes,
                Arrivals::Of(sum) => self.sums[source][sum][sent - start],
            };
            let received = &mut received[(sent + group.delay as usize) * slices..][..slices];
            for &(core, slice) in &group.to {
                flows[first + core].packets += packets;
                received[slice] += packets;
            }
        }
        if flows[first..].iter().any(|flow| flow.packets == 0) {
            let silent = flows.extract_if(first.., |flow| flow.packets == 0);
            silent.for_each(drop);
        }
    }

    /// Membranes of the network's read-outs, scaled, `[c, h, w]` row-major.
    fn readouts(&self, network: NetworkId) -> Vec<Vec<f64>> {
        let model = &self.chip.program.model;
        let of_network = model.readouts.iter().filter(|r| model.populations[r.population].network == network);
        of_network
            .map(|readout| {
                let population = &model.populations[readout.population];
                let (shape, record) = (population.shape, self.record(readout.population));
                let mut values = vec![0.0; shape.len()];
                for (i, &v) in record.membranes.iter().enumerate() {
                    let (position, c) = (i / shape.channels, i % shape.channels);
                    let neuron = c * shape.positions() + position;
                    values[population.outside(neuron)] = f64::from(v) * readout.scale[c] + readout.offset[c];
                }
                values
            })
            .collect()
    }
}

/// The sums of a slice's parts added up, `[sum][timestep]`.
fn added<'s>(mut parts: impl Iterator<Item = &'s Vec<Vec<u64>>>) -> Vec<Vec<u64>> {
    let mut sums = parts.next().cloned().unwrap_or_default();
    for part in parts {
        sums.as_mut_slice()
            .iter_mut()
            .flatten()
            .zip(part.iter().flatten())
            .for_each(|(sum, &more)| *sum += more);
    }
    sums
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
