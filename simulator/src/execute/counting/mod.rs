//! Counts of a pass whose populations have run: events by slice and timestep, packets between cores. Spikes and updates
//! are tallied by each part of a population as it runs (`fused/window_result.rs`); here they are entered by slice, and
//! only spikes of input ports are counted.
//!
//! The next pass does not wait for them, so the host's loop has one pass counted while the next one runs
//! ([`crate::workload::ChipDriver`]).

mod flows;

use snnc_compiler::ir::program::Slice;
use snnc_compiler::ir::spiking::{Bias, Window};
use snnc_compiler::ir::{NetworkId, PopulationId};

use super::fused::{FusedSlices, UpdateCounts, WindowResult};
use super::kernels::LANES;
use super::kernels::count::BitCounts;
use super::packet_counter::Departures;
use super::pass::ChipPass;
use super::record::SliceTraces;
use super::{Chip, PassOutcome};
use crate::counts::{Events, Grain, PassCounts, SliceIndex, StepCounts};
use flows::add_multicast_flows;

/// The counts of a pass in the making.
struct PassCounter<'p> {
    pass: &'p ChipPass<'p>,
    /// What a row of the counts is.
    grain: Grain,
    /// Spikes by slice and timestep of the pass.
    spikes: Vec<u64>,
    /// Packets by slice, where they depend on the position ([`super::packet_counter::PositionSums`]).
    sums: Vec<Vec<Vec<u64>>>,
    counts: PassCounts,
}

impl ChipPass<'_> {
    /// Counts what happened in a whole pass.
    pub fn count(self, grain: Grain) -> PassOutcome {
        self.count_after(grain, &mut Vec::new())
    }

    /// Counts what happened in a part of a pass. `pending` are packets sent before it that are received in its first
    /// timesteps, `[timestep][slice]`, and then those that are received after it.
    pub fn count_after(self, grain: Grain, pending: &mut Vec<u64>) -> PassOutcome {
        let mut counts = PassCounter::of(&self, grain, pending);
        let ChipPass { chip, records, readouts, .. } = self;
        let traces = SliceTraces::new(chip.slices.clone(), chip.fusions.clone(), records);
        if let Some(trees) = &chip.trees {
            add_multicast_flows(chip, trees, &traces, (grain, counts.start), &mut counts.steps);
        }
        if let Some(share) = &chip.share {
            share.complete(&mut counts);
        }
        PassOutcome { readouts, counts, traces }
    }
}

/// Host words and clipped biases; no events yet.
fn no_counts(pass: &ChipPass, grain: Grain) -> PassCounts {
    let &ChipPass { chip, network, ref written, .. } = pass;
    let model = &chip.program.model;
    let words = |counts: &dyn Fn(PopulationId) -> bool| {
        let words = chip.slices.iter().map(|slice| match model.populations[slice.population].network {
            own if own == network && counts(slice.population) => u64::from(slice.neurons()),
            _ => 0,
        });
        words.collect()
    };
    let (range, ends) = (pass.range(), pass.ends());
    let timesteps = range.len();
    let rows = match grain {
        Grain::Timestep => timesteps,
        Grain::Pass => 1,
    };
    let empty = StepCounts { events: vec![Events::default(); chip.slices.len()], ..StepCounts::default() };
    PassCounts {
        network,
        start: range.start as usize,
        timesteps,
        ends,
        following: None,
        host_writes: words(&|id| range.start == 0 && model.populations[id].bias == Bias::Host),
        host_reads: words(&|id| ends && model.readouts.iter().any(|r| r.population == id)),
        host_multiply_adds: {
            let [before, after] = &chip.host_multiply_adds[network.0 as usize];
            [(before, range.start == 0), (after, ends)].map(|(work, now)| match now {
                true => work.clone(),
                false => vec![0; work.len()],
            })
        },
        host_synchronisations: {
            let own = |slice: &Slice| model.populations[slice.population].network == network;
            let first = chip.slices.iter().position(own).filter(|_| ends);
            (0..chip.slices.len()).map(|slice| u64::from(Some(slice) == first)).collect()
        },
        cleared: words(&|id| range.start == 0 && !model.populations[id].dynamics.is_port()),
        bias_saturations: if range.start > 0 {
            0
        } else {
            written.values().map(|(_, clipped)| clipped).sum()
        },
        steps: vec![empty; rows],
    }
}

/// Multiply-adds of the host before and after a pass, by slice. Those for a population are shared out evenly over its
/// slices; the first ones take the remainder.
pub(super) fn host_multiply_adds(chip: &Chip, network: NetworkId) -> [Vec<u64>; 2] {
    chip.program.model.host_multiply_adds(network).map(|work| shared_out(chip, &work))
}

fn shared_out(chip: &Chip, work: &[(PopulationId, u64)]) -> Vec<u64> {
    let mut shares = vec![0; chip.slices.len()];
    for &(population, total) in work {
        let own = || (0..chip.slices.len()).filter(|&slice| chip.slices[slice].population == population);
        let count = own().count() as u64;
        for (i, slice) in own().enumerate() {
            shares[slice] += total / count + u64::from((i as u64) < total % count);
        }
    }
    shares
}

impl<'p> PassCounter<'p> {
    fn of(pass: &'p ChipPass, grain: Grain, pending: &mut Vec<u64>) -> PassCounts {
        let (slices, counts) = (pass.chip.slices.len(), no_counts(pass, grain));
        let (spikes, sums) = (vec![0; slices * counts.timesteps], vec![Vec::new(); slices]);
        let mut account = PassCounter { pass, grain, spikes, sums, counts };
        for (population, _) in pass.chip.program.model.populations_of(pass.network) {
            if pass.chip.is_port(population) {
                account.count_port(population);
                continue;
            }
            let fusions = &pass.chip.fusions[population.0 as usize];
            for (fused, parts) in fusions.iter().zip(pass.record(population).done()) {
                for (member, &slice) in fused.slices.iter().enumerate() {
                    account.sums[slice] = added(parts.iter().map(|part| &part.sums[member]));
                }
                account.count(population, fused, parts);
            }
            for slice in pass.chip.slices_of(population).filter(|&slice| !pass.chip.owns(slice)) {
                account.sum_spikes(slice);
            }
        }
        account.add_ungated();
        account.add_flows(pending);
        account.counts
    }

    /// Enters the events of the fused slices' slices.
    fn count(&mut self, id: PopulationId, fused: &FusedSlices, parts: &[WindowResult]) {
        let window = self.window(id);
        let mut units = fused.units(self.pass, id, self.grain);
        units.extend(parts.iter().flat_map(|part| part.units.iter().copied()));
        let own = fused.slices.iter().enumerate().filter(|(_, slice)| self.pass.chip.owns(**slice));
        for (member, &slice) in own {
            let neurons = u64::from(self.pass.chip.slices[slice].neurons());
            for (step, now) in (window.start..window.end()).enumerate() {
                let mut tally = UpdateCounts::default();
                let cell = member * window.steps as usize + step;
                parts.iter().for_each(|part| tally += &part.tallies[cell]);
                let events = Events {
                    synaptic_operations: fused.operations(&units, member, step),
                    updates_active: tally.active,
                    updates_inactive: neurons - tally.active,
                    spikes: tally.spikes,
                    packets_sent: match self.pass.chip.packet_counter.departures[slice] {
                        Departures::Each(routes) => routes * tally.spikes,
                        Departures::Of(sum) => self.sums[slice][sum][step],
                    },
                    // Entered with the flows.
                    packets_received: 0,
                    accumulator_overflows: tally.overflowed,
                    state_saturations: tally.saturated,
                };
                self.spikes[slice * self.counts.timesteps + now as usize] = tally.spikes;
                let row = match self.grain {
                    Grain::Timestep => now as usize,
                    Grain::Pass => 0,
                };
                self.counts.steps[row].events[slice] += events;
            }
            // Spikes of a cycle that come after the window meet their synapses and no neuron.
            let late = window.steps as usize..fused.steps_of(&units);
            for (now, step) in (window.end()..).zip(late) {
                let row = match self.grain {
                    Grain::Timestep => now as usize,
                    Grain::Pass => 0,
                };
                let events = &mut self.counts.steps[row].events[slice];
                events.synaptic_operations += fused.operations(&units, member, step);
            }
            self.leave_out_zeros(slice, id);
        }
    }

    /// Takes off the operations of weights that the chip does not store.
    fn leave_out_zeros(&mut self, slice: SliceIndex, id: PopulationId) {
        let (pass, window, start) = (self.pass, self.window(id), self.counts.start as u32);
        let Some(zeros) = &pass.chip.zeros else { return };
        for now in window.start..window.end() + pass.late(id) {
            let row = if self.grain == Grain::Timestep { now as usize } else { 0 };
            let met = zeros.met(pass, (slice, id), start + now);
            self.counts.steps[row].events[slice].synaptic_operations -= met;
        }
    }

    /// Enters the visits of neurons that are not updated, on chips that cannot leave them out.
    fn add_ungated(&mut self) {
        let pass = self.pass;
        let chip = pass.chip;
        if chip.program.target.neuron.gated() {
            return;
        }
        for (slice, &id) in chip.table.populations.iter().enumerate() {
            let population = &chip.program.model.populations[id];
            if population.dynamics.is_port() {
                continue;
            }
            let neurons = u64::from(chip.slices[slice].neurons());
            let own = population.network == pass.network;
            for row in 0..self.counts.timesteps {
                if own && population.window.contains((self.counts.start + row) as u32) {
                    continue;
                }
                let row = if self.grain == Grain::Timestep { row } else { 0 };
                self.counts.steps[row].events[slice].updates_inactive += neurons;
            }
        }
    }

    /// The window of a population, in rows of timesteps.
    fn window(&self, id: PopulationId) -> Window {
        let window = self.pass.window(id);
        Window { start: window.start - self.counts.start as u32, ..window }
    }

    /// Enters the spikes and packets of a port, which updates no neuron.
    fn count_port(&mut self, id: PopulationId) {
        let (pass, window) = (self.pass, self.window(id));
        for slice in pass.chip.slices_of(id) {
            self.sum_spikes(slice);
            if !pass.chip.owns(slice) {
                continue;
            }
            for step in 0..window.steps as usize {
                let now = window.start as usize + step;
                let spikes = self.spikes[slice * self.counts.timesteps + now];
                let packets_sent = match pass.chip.packet_counter.departures[slice] {
                    Departures::Each(routes) => routes * spikes,
                    Departures::Of(sum) => self.sums[slice][sum][step],
                };
                let row = match self.grain {
                    Grain::Timestep => now,
                    Grain::Pass => 0,
                };
                self.counts.steps[row].events[slice] += Events { spikes, packets_sent, ..Events::default() };
            }
        }
    }

    /// Sums the spikes of a slice of which only the spikes are known: one of a port, or of another rank.
    fn sum_spikes(&mut self, slice: SliceIndex) {
        let chip = self.pass.chip;
        let id = chip.table.populations[slice];
        let (window, record) = (self.window(id), self.pass.record(id));
        let sums = &chip.packet_counter.sums[slice];
        self.sums[slice] = vec![vec![0; window.steps as usize]; sums.factors.len()];
        let shape = chip.program.model.populations[id].shape;
        let is_line = shape.channels == 1 && chip.slices[slice].neurons() as usize == shape.len();
        if is_line && self.grain == Grain::Pass && window.steps > 0 {
            // Of the whole pass, as if all were of its first timestep.
            let mut counts = BitCounts::new(shape.len().div_ceil(LANES));
            record.own_steps().for_each(|sent| counts.add(chip.level, record.spikes.words(sent)));
            sums.add(counts.counts(), &mut self.sums[slice], 0);
            let all = counts.counts().map(|(_, spikes)| spikes).sum();
            self.spikes[slice * self.counts.timesteps + window.start as usize] = all;
            return;
        }
        let mut positions: Vec<u32> = Vec::new();
        // Step by step, since the spikes of a long pass are many.
        for (step, sent) in record.own_steps().enumerate() {
            positions.clear();
            if is_line {
                record.spikes.neurons(chip.level, sent, &mut positions);
            } else {
                let fired = record.spikes.of_slice(&chip.slices[slice], sent);
                positions.extend(fired.iter().map(|spike| spike.position));
            }
            sums.add(positions.iter().map(|&position| (position as usize, 1)), &mut self.sums[slice], step);
            let now = window.start as usize + step;
            self.spikes[slice * self.counts.timesteps + now] = positions.len() as u64;
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
