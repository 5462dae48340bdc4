//! One gang through its window: packets -> lists -> sums -> neurons -> spikes.

use std::sync::Arc;

use snnc_compiler::ir::PopulationId;

use super::Gang;
use super::view::UnitFeed;
use crate::counts::Events;
use crate::execute::Chip;
use crate::execute::feeds::Counted;
use crate::execute::kernels::{Hit, Neurons, add_packets, update_rows};
use crate::execute::slice::{SliceTrace, Spike};

impl Gang {
    /// Runs the window; one trace a slice. `fired` gives the spikes of a source slice in a timestep of the pass.
    pub fn run<'f>(
        &self,
        chip: &Chip,
        population: PopulationId,
        written: Option<&[i32]>,
        fired: &dyn Fn(usize, u32) -> &'f [Spike],
    ) -> Vec<SliceTrace> {
        let written = written.map(|values| self.gathered(chip.program, &chip.table, Some(values)));
        let bias = written.as_deref().unwrap_or(&self.bias);
        let window = chip.program.model.populations[population].window;
        let mut state = State::new(self, bias.len(), window.steps as usize);
        for step in window.start..window.end() {
            let mut arrivals = Arrivals::default();
            let spikes_of = |feed: &UnitFeed| {
                let sent = step.checked_sub(feed.delay);
                sent.map_or(&[][..], |sent| fired(feed.source, sent))
            };
            for feed in &self.feeds {
                let spikes = spikes_of(feed);
                let packets = self.gather(feed, spikes, &mut state.hits, &mut arrivals.units);
                arrivals.packets += packets;
                state.arrived.push(packets);
            }
            self.count(&mut state, &spikes_of);
            state.sums.fill(0);
            add_packets(&self.weights, &self.lists, &state.hits, &mut state.partial, &mut state.sums);
            state.hits.clear();
            self.step(chip, bias, &mut state, &arrivals);
        }
        self.finish(state)
    }

    /// Looks up the lists of one feed's packets; how many packets.
    fn gather(&self, feed: &UnitFeed, spikes: &[Spike], hits: &mut Vec<Hit>, units: &mut u64) -> u64 {
        let before = hits.len();
        for spike in spikes {
            let Some(axon) = &feed.axons[spike.position as usize] else { continue };
            let list = &self.lists[axon.list];
            let weight = list.weights + (axon.first_atom + spike.atom) as usize * list.stride;
            let target = axon.target * self.unit as u32;
            hits.push(Hit { list: axon.list as u32, weight: weight as u32, target });
            *units += list.units;
        }
        (hits.len() - before) as u64
    }

    /// Counts the packets of slices where not every packet that touches them is counted.
    fn count<'f>(&self, state: &mut State, spikes_of: &dyn Fn(&UnitFeed) -> &'f [Spike]) {
        let arrived = &state.arrived[state.arrived.len() - self.feeds.len()..];
        for (own, counted) in state.own.iter_mut().zip(&self.counted) {
            for (i, counted) in counted.iter().flatten().enumerate() {
                own.push(match counted {
                    Counted::All => arrived[i],
                    Counted::None => 0,
                    Counted::Some(here) => {
                        let spikes = spikes_of(&self.feeds[i]);
                        spikes.iter().filter(|spike| here[spike.position as usize]).count() as u64
                    }
                });
            }
        }
    }

    /// Updates all neurons and records the timestep for each slice.
    fn step(&self, chip: &Chip, bias: &[i32], state: &mut State, arrivals: &Arrivals) {
        state.active.fill(0);
        state.saturated.fill(0);
        state.overflowed.fill(0);
        update_rows(
            &self.rule,
            &self.thresholds,
            bias,
            &mut Neurons {
                membranes: &mut state.membranes,
                sums: &state.sums,
                fired: &mut state.fired,
                active: &mut state.active,
                saturated: &mut state.saturated,
                overflowed: &mut state.overflowed,
            },
        );
        let spikes = self.spikes(&state.fired);
        let positions = (bias.len() / self.width) as u64;
        for (index, (trace, spikes)) in state.traces.iter_mut().zip(spikes).enumerate() {
            let lanes = self.starts[index]..self.starts[index + 1];
            let placed = chip.table.slice(chip.program, self.slices[index]);
            let sum = |counts: &[u32]| counts[lanes.clone()].iter().map(|&n| u64::from(n)).sum::<u64>();
            let updates_active = sum(&state.active);
            trace.events.push(Events {
                synaptic_operations: arrivals.units * self.slice_units[index],
                updates_active,
                updates_inactive: positions * lanes.len() as u64 - updates_active,
                spikes: spikes.len() as u64,
                packets_sent: spikes.iter().map(|s| placed.routes(s.position).len() as u64).sum(),
                packets_received: match &self.counted[index] {
                    None => arrivals.packets,
                    Some(feeds) => state.own[index].iter().rev().take(feeds.len()).sum(),
                },
                accumulator_overflows: sum(&state.overflowed),
                state_saturations: sum(&state.saturated),
            });
            trace.fired.push(spikes);
        }
    }

    /// Spikes of each slice, ascending. Eight silent neurons cost one comparison.
    fn spikes(&self, fired: &[u8]) -> Vec<Vec<Spike>> {
        let mut spikes = vec![Vec::new(); self.slices.len()];
        for (position, row) in fired.chunks_exact(self.width).enumerate() {
            let mut slice = 0;
            for (block, flags) in row.chunks(8).enumerate() {
                let mut bytes = [0; 8];
                bytes[..flags.len()].copy_from_slice(flags);
                let mut word = u64::from_le_bytes(bytes);
                while word != 0 {
                    let lane = block * 8 + word.trailing_zeros() as usize / 8;
                    // A flag is 1, so its byte has one bit.
                    word &= word - 1;
                    while lane >= self.starts[slice + 1] {
                        slice += 1;
                    }
                    let atom = (lane - self.starts[slice]) as u32;
                    spikes[slice].push(Spike { position: position as u32, atom });
                }
            }
        }
        spikes
    }

    /// Hands the membranes to their slices.
    fn finish(&self, state: State) -> Vec<SliceTrace> {
        let mut traces = state.traces;
        let arrived = Arc::new(state.arrived);
        for ((trace, own), counted) in traces.iter_mut().zip(state.own).zip(&self.counted) {
            trace.arrived = if counted.is_some() { Arc::new(own) } else { Arc::clone(&arrived) };
        }
        for row in state.membranes.chunks_exact(self.width) {
            for (trace, span) in traces.iter_mut().zip(self.starts.windows(2)) {
                trace.membranes.extend_from_slice(&row[span[0]..span[1]]);
            }
        }
        traces
    }
}

/// Packets of one timestep; they touch every slice of the gang.
#[derive(Debug, Default)]
struct Arrivals {
    packets: u64,
    /// Synapses in units.
    units: u64,
}

/// Buffers of one run.
struct State {
    membranes: Vec<i32>,
    sums: Vec<i32>,
    fired: Vec<u8>,
    /// Per channel: active updates, clipped membranes, overflowed sums of one timestep.
    active: Vec<u32>,
    saturated: Vec<u32>,
    overflowed: Vec<u32>,
    hits: Vec<Hit>,
    partial: Vec<i16>,
    arrived: Vec<u64>,
    /// Packets counted at each slice, `[timesteps, feeds]`; empty where all of `arrived` are.
    own: Vec<Vec<u64>>,
    traces: Vec<SliceTrace>,
}

impl State {
    fn new(gang: &Gang, neurons: usize, steps: usize) -> Self {
        Self {
            membranes: vec![0; neurons],
            sums: vec![0; neurons],
            fired: vec![0; neurons],
            active: vec![0; gang.width],
            saturated: vec![0; gang.width],
            overflowed: vec![0; gang.width],
            hits: Vec::new(),
            partial: vec![0; neurons],
            arrived: Vec::with_capacity(steps * gang.feeds.len()),
            own: vec![Vec::new(); gang.slices.len()],
            traces: vec![SliceTrace::default(); gang.slices.len()],
        }
    }
}
