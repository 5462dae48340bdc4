//! Counts of a pass whose populations have run: events by slice and timestep, packets between cores.
//!
//! Nothing of the next pass waits for them, so the host's loop has one pass counted while the next one runs
//! ([`crate::host::ChipStepper`]).

use rayon::prelude::*;
use snnc_compiler::ir::PopulationId;
use snnc_compiler::ir::program::trees::{TreeId, Trees};
use snnc_compiler::ir::spiking::Bias;

use super::arrivals::{Arrivals, Departures, Reach};
use super::gang::{Done, Gang, Tally};
use super::pass::Pass;
use super::record::Traces;
use super::slice::SliceTrace;
use super::{Chip, PassOutcome};
use crate::counts::{Cast, Events, Flow, PassCounts, SliceIndex, StepCounts};

/// The counts of a pass in the making.
struct Account<'p> {
    pass: &'p Pass<'p>,
    /// Packets by slice, where they depend on the position ([`super::arrivals::Sums`]).
    sums: Vec<Vec<Vec<u64>>>,
    counts: PassCounts,
}

impl Pass<'_> {
    /// Counts what happened.
    pub fn count(mut self) -> PassOutcome {
        let readouts = self.readouts();
        let mut counts = Account::of(&self);
        let chip = self.chip;
        for (population, _) in chip.program.model.populations_of(self.network) {
            let membranes = self.membranes(population);
            if let Some(record) = &mut self.records[population.0 as usize] {
                record.membranes = membranes;
            }
        }
        let traces = Traces::new(chip.slices.clone(), self.records);
        if let Some(trees) = &chip.trees {
            add_casts(chip, trees, &traces, &mut counts.steps);
        }
        PassOutcome { readouts, counts, traces }
    }
}

/// Host words and clipped biases; no events yet.
fn no_counts(pass: &Pass) -> PassCounts {
    let &Pass { chip, network, ref written, .. } = pass;
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

impl<'p> Account<'p> {
    fn of(pass: &'p Pass) -> PassCounts {
        let sums = vec![Vec::new(); pass.chip.slices.len()];
        let mut account = Account { pass, sums, counts: no_counts(pass) };
        for (population, _) in pass.chip.program.model.populations_of(pass.network) {
            let gangs = &pass.chip.gangs[population.0 as usize];
            for (gang, parts) in gangs.iter().zip(&pass.done[population.0 as usize]) {
                for (member, &slice) in gang.slices.iter().enumerate() {
                    account.sums[slice] = added(parts.iter().map(|part| &part.sums[member]));
                }
                account.count(population, gang, parts);
            }
        }
        account.add_flows();
        account.counts
    }

    /// Enters the events of a gang's slices.
    fn count(&mut self, id: PopulationId, gang: &Gang, parts: &[Done]) {
        let window = self.pass.window(id);
        let mut units = gang.units(self.pass, id);
        units.extend(parts.iter().flat_map(|part| part.units.iter().copied()));
        for (member, &slice) in gang.slices.iter().enumerate() {
            let neurons = u64::from(self.pass.chip.slices[slice].neurons());
            for (step, now) in (window.start..window.end()).enumerate() {
                let mut tally = Tally::default();
                let cell = member * window.steps as usize + step;
                parts.iter().for_each(|part| tally += &part.tallies[cell]);
                let events = Events {
                    synaptic_operations: units[step] * gang.units_of(member),
                    updates_active: tally.active,
                    updates_inactive: neurons - tally.active,
                    spikes: tally.spikes,
                    packets_sent: match self.pass.chip.postage.departures[slice] {
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
        let (steps, slices) = (self.counts.steps.len(), self.pass.chip.slices.len().max(1));
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
        (0..self.pass.chip.slices.len())
            .for_each(|source| self.flows_from(source, sent, &mut flows, received));
        flows
    }

    /// The flows of a slice's spikes of a timestep; `received` are packets by `[timestep][slice]`.
    fn flows_from(&self, source: SliceIndex, sent: usize, flows: &mut Vec<Flow>, received: &mut [u64]) {
        let spikes = self.counts.steps[sent].events[source].spikes;
        if spikes == 0 {
            return;
        }
        let slices = self.pass.chip.slices.len();
        let start = self.pass.window(self.pass.chip.table.populations[source]).start as usize;
        let Reach { cores, receivers } = &self.pass.chip.postage.reach[source];
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
