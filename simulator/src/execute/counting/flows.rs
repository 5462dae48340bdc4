//! Packets of a pass: who sends them to whom, and where they are received.

use rayon::prelude::*;
use snnc_compiler::ir::program::trees::{MulticastTrees, TreeId};

use super::PassCounter;
use crate::counts::{Flows, Grain, MulticastFlow, SliceIndex, StepCounts};
use crate::execute::Chip;
use crate::execute::packet_counter::{Arrivals, Receivers};
use crate::execute::slice::{SliceSpike, SliceTrace};

impl PassCounter<'_> {
    /// Packets by sending slice and receiving core, and where they are received.
    pub(super) fn add_flows(&mut self, pending: &mut Vec<u64>) {
        let (rows, slices) = (self.counts.steps.len(), self.pass.chip.slices.len().max(1));
        // Of a pass in parts, packets that a later part receives.
        let late = if self.pass.ends() || self.grain == Grain::Pass {
            0
        } else {
            self.pass.chip.longest_delay as usize
        };
        let share = rows.div_ceil(self.pass.threads()).max(1);
        // Packets received by `[row][slice]`, of each share of the rows that send.
        let some = |first: usize| {
            let mut received = vec![0; (rows + late) * slices];
            let sent = first..(first + share).min(rows);
            let flows = sent.map(|sent| self.flows_of(sent, &mut received)).collect::<Vec<_>>();
            (flows, received)
        };
        let shares: Vec<_> =
            (0..rows.div_ceil(share)).into_par_iter().map(|index| some(index * share)).collect();
        let mut behind = vec![0; late * slices];
        let mut sent = 0;
        let mut receive = |steps: &mut [StepCounts], received: &[u64]| {
            let (within, after) = received.split_at(received.len().min(rows * slices));
            for (step, received) in steps.iter_mut().zip(within.chunks_exact(slices)) {
                let events = step.events.iter_mut().zip(received);
                events.for_each(|(events, packets)| events.packets_received += packets);
            }
            behind.iter_mut().zip(after).for_each(|(sum, more)| *sum += more);
        };
        receive(&mut self.counts.steps, pending);
        for (flows, received) in shares {
            for flows in flows {
                self.counts.steps[sent].flows = flows;
                sent += 1;
            }
            receive(&mut self.counts.steps, &received);
        }
        *pending = behind;
    }

    /// The flows of a row's spikes; `received` are packets by `[row][slice]`.
    fn flows_of(&self, row: usize, received: &mut [u64]) -> Flows {
        let mut flows = Flows::new(self.pass.chip.packet_counter.cores.clone());
        let mut packets = Vec::new();
        for source in 0..self.pass.chip.slices.len() {
            if !self.fires(source, row) {
                continue;
            }
            let reach = &self.pass.chip.packet_counter.reach[source];
            packets.clear();
            packets.resize(reach.cores, 0);
            match reach.receivers.as_slice() {
                [all] if reach.even => {
                    let each = self.receive(source, row, all, &mut |_, _| (), received);
                    flows.push_even(source as u32, each);
                }
                groups => {
                    let mut add = |core: usize, each| packets[core] += each;
                    groups.iter().for_each(|group| {
                        self.receive(source, row, group, &mut add, received);
                    });
                    flows.push_source(source as u32, &packets);
                }
            }
        }
        flows
    }

    /// Whether a slice fires in a row.
    fn fires(&self, source: SliceIndex, row: usize) -> bool {
        let of_slice = &self.spikes[source * self.counts.timesteps..][..self.counts.timesteps];
        match self.grain {
            Grain::Timestep => of_slice[row] > 0,
            Grain::Pass => of_slice.iter().any(|&spikes| spikes > 0),
        }
    }

    /// Counts the packets of a slice's spikes of a row that a group of slices receives: `add` has them by the cores in
    /// its reach, `received` by `[row][slice]`. How many each of the group's slices is sent.
    fn receive(
        &self,
        source: SliceIndex,
        row: usize,
        group: &Receivers,
        add: &mut impl FnMut(usize, u64),
        received: &mut [u64],
    ) -> u64 {
        let slices = self.pass.chip.slices.len();
        let each = self.packets(source, row, group);
        if each == 0 {
            return 0;
        }
        let arrives = match self.grain {
            Grain::Timestep => row + group.delay as usize,
            Grain::Pass => 0,
        };
        let received = &mut received[arrives * slices..][..slices];
        for &(core, slice) in &group.to {
            add(core, each);
            received[slice] += each;
        }
        each
    }

    /// Packets that each of a group's slices is sent in a row. All arrive within the pass.
    fn packets(&self, source: SliceIndex, row: usize, group: &Receivers) -> u64 {
        let window = self.window(self.pass.chip.table.populations[source]);
        let of_row = match self.grain {
            Grain::Timestep => row as u32..row as u32 + 1,
            Grain::Pass => 0..self.counts.timesteps as u32,
        };
        let (first, end) = (of_row.start.max(window.start), of_row.end.min(window.end()));
        if first >= end {
            return 0;
        }
        let by_step = match group.arrivals {
            Arrivals::All => &self.spikes[source * self.counts.timesteps + window.start as usize..],
            Arrivals::Of(sum) => self.sums[source][sum].as_slice(),
        };
        by_step[(first - window.start) as usize..(end - window.start) as usize].iter().sum()
    }
}

/// Spikes by multicast tree. Traces of other networks are empty; trees are numbered slice by slice.
pub(super) fn add_multicast_flows(
    chip: &Chip,
    trees: &MulticastTrees,
    traces: &[SliceTrace],
    (grain, first): (Grain, usize),
    rows: &mut [StepCounts],
) {
    for (slice, trace) in traces.iter().enumerate().filter(|(slice, _)| chip.owns(*slice)) {
        let positions = trees.positions(slice);
        let window = chip.program.model.populations[chip.table.populations[slice]].window;
        let start = (window.start as usize).saturating_sub(first);
        let tree = |spike: &SliceSpike| positions[spike.position as usize];
        let by_step = trace.fired.iter().map(|fired| fired.iter().filter_map(tree).collect::<Vec<TreeId>>());
        match grain {
            Grain::Timestep => {
                by_step.enumerate().for_each(|(step, used)| {
                    rows[start + step].multicast_flows.extend(multicast_flows(used))
                });
            }
            Grain::Pass => rows[0].multicast_flows.extend(multicast_flows(by_step.flatten().collect())),
        }
    }
}

/// The spikes of a slice, by the tree that they take.
fn multicast_flows(mut used: Vec<TreeId>) -> impl Iterator<Item = MulticastFlow> {
    used.sort_unstable();
    let flows: Vec<MulticastFlow> = used
        .chunk_by(PartialEq::eq)
        .map(|same| MulticastFlow { tree: same[0], spikes: same.len() as u64 })
        .collect();
    flows.into_iter()
}
