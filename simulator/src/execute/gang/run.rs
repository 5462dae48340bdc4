//! One gang through its window: packets -> rows of weights -> sums -> neurons -> spikes.

use snnc_compiler::ir::PopulationId;

use super::Gang;
use crate::counts::Events;
use crate::execute::Chip;
use crate::execute::kernels::{Neurons, Row, add_rows, update_rows};
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
        let mut state = State::new(self, bias.len());
        for step in window.start..window.end() {
            let mut arrivals = Arrivals::default();
            state.sums.fill(0);
            for feed in 0..self.feeds.len() {
                let sent = step.checked_sub(self.feeds[feed].delay);
                let spikes = sent.map_or(&[][..], |sent| fired(self.feeds[feed].source, sent));
                self.gather(feed, spikes, &mut state.rows, &mut arrivals);
            }
            add_rows(&self.weights, &state.rows, &mut state.sums);
            state.rows.clear();
            self.step(chip, bias, &mut state, arrivals);
        }
        self.finish(state)
    }

    /// Turns the packets of one feed into rows of weights to be added.
    fn gather(&self, feed: usize, spikes: &[Spike], rows: &mut Vec<Row>, arrivals: &mut Arrivals) {
        let axons = &self.feeds[feed].axons;
        let mut packets = 0;
        for spike in spikes {
            let Some(axon) = &axons[spike.position as usize] else { continue };
            let list = &self.lists[axon.list];
            let weights = list.weights + (axon.first_atom + spike.atom) as usize * list.stride;
            let first = axon.target as usize * self.unit;
            for (run, row) in list.runs.iter().zip(&list.rows) {
                rows.push(Row { target: first + run.start, weight: weights + row, len: run.len() });
            }
            packets += 1;
            arrivals.units += list.units;
        }
        arrivals.packets += packets;
        arrivals.by_feed.push(packets);
    }

    /// Updates all neurons and records the timestep for each slice.
    fn step(&self, chip: &Chip, bias: &[i32], state: &mut State, arrivals: Arrivals) {
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
                packets_received: arrivals.packets,
                accumulator_overflows: sum(&state.overflowed),
                state_saturations: sum(&state.saturated),
            });
            trace.fired.push(spikes);
            trace.arrived.push(arrivals.by_feed.clone());
        }
    }

    /// Spikes of each slice, ascending.
    fn spikes(&self, fired: &[u8]) -> Vec<Vec<Spike>> {
        let mut spikes = vec![Vec::new(); self.slices.len()];
        for (position, row) in fired.chunks_exact(self.width).enumerate() {
            let mut slice = 0;
            for (block, flags) in row.chunks(8).enumerate() {
                if flags.iter().all(|&flag| flag == 0) {
                    continue;
                }
                for (lane, _) in flags.iter().enumerate().filter(|(_, flag)| **flag != 0) {
                    let lane = block * 8 + lane;
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
        for row in state.membranes.chunks_exact(self.width) {
            for (trace, span) in traces.iter_mut().zip(self.starts.windows(2)) {
                trace.membranes.extend_from_slice(&row[span[0]..span[1]]);
            }
        }
        traces
    }
}

/// Packets of one timestep; every slice of the gang receives all of them.
#[derive(Debug, Default)]
struct Arrivals {
    packets: u64,
    /// Synapses in units.
    units: u64,
    by_feed: Vec<u64>,
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
    rows: Vec<Row>,
    traces: Vec<SliceTrace>,
}

impl State {
    fn new(gang: &Gang, neurons: usize) -> Self {
        Self {
            membranes: vec![0; neurons],
            sums: vec![0; neurons],
            fired: vec![0; neurons],
            active: vec![0; gang.width],
            saturated: vec![0; gang.width],
            overflowed: vec![0; gang.width],
            rows: Vec::new(),
            traces: vec![SliceTrace::default(); gang.slices.len()],
        }
    }
}
