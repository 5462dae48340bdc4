//! Fused slices: slices that receive the same packets, run as one with their channels side by side.
//!
//! Counts and results stay those of the slices ([`super::plain`] is the oracle): each of the fused slices receives
//! every packet, and its synaptic operations are the fused slices' in units times its own channels. Where lists hold
//! whole positions, sums are gathered position by position ([`weight_rows`]), else scattered packet by packet
//! ([`scatter_lists`]). The slices of an irregular population run as one though their packets differ ([`neuron_rows`]).
//!
//! Made once at load from the cores' own memories.

mod neuron_rows;
mod position_order;
mod row_block;
mod run;
mod scatter_lists;
mod slice_view;
mod stepwise;
mod weight_rows;
mod window_result;
mod window_sums;

use std::ops::Range;

use rayon::prelude::*;
use snnc_compiler::ir::PopulationId;
use snnc_compiler::ir::program::{Program, Slice, WeightMemory};

use super::KernelChoice;
use super::incoming::IncomingConnection;
use super::kernels::LANES;
use super::share::Share;
use super::slice::local_bias;
use crate::counts::{SliceIndex, SliceTable};
use crate::neuron::NeuronRule;
use neuron_rows::{Line, NeuronRows, RowStream};
use position_order::PositionOrder;
use scatter_lists::ScatterLists;
use slice_view::{SharedView, SliceView};
pub use stepwise::StepwisePart;
use weight_rows::WeightRows;
pub use window_result::{UpdateCounts, WindowResult};

/// Channels of fused slices without rows, where a population has at least twice as many: long runs for the vector
/// units, short sums that stay in the first-level cache, and work for two threads at least.
const WIDTH: u32 = 128;
/// Channels of fused slices without rows in a smaller population.
const WIDTH_MIN: u32 = 64;

/// Slices of one population that run together.
#[derive(Debug)]
pub struct FusedSlices {
    /// Its slices.
    pub slices: Vec<SliceIndex>,
    /// First lane of each slice, and one past the last; of an irregular population, first neuron.
    starts: Vec<usize>,
    /// Lanes of a position: its channels.
    width: usize,
    /// Where its positions lie.
    order: PositionOrder,
    /// Neurons of each slice that a unit stands for.
    slice_units: Vec<u64>,
    synapses: Synapses,
    rule: NeuronRule,
    /// Position in the population at each place of the order.
    positions: Vec<usize>,
    /// Where the lanes of a position lie in the population.
    spans: Vec<LaneSpan>,
    /// Consecutive slots that are consecutive neurons: slot, neuron of the population, length. Only without rows.
    slot_runs: Vec<(usize, usize, usize)>,
    /// Threshold of each slot of a line of positions (of all positions without rows), shifted; never reached by an
    /// integrator.
    thresholds: Vec<[i32; LANES]>,
    /// Biases that do not change from pass to pass, by slot.
    bias: Vec<[i32; LANES]>,
}

/// How spikes become sums.
#[derive(Debug)]
enum Synapses {
    /// Position by position. Slots are position-major, the lanes of a position, or of those that lie together, padded
    /// to whole lines.
    Rows(WeightRows),
    /// Packet by packet. Slots are position-major and dense.
    Lists(ScatterLists),
    /// Source neuron by source neuron, to a population that is a line of neurons. Slots are the neurons.
    Neurons(NeuronRows),
}

/// Lanes that are consecutive channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LaneSpan {
    lane: usize,
    channel: usize,
    len: usize,
}

/// The part of fused slices that one task runs.
#[derive(Debug, Clone)]
pub enum FusedPart {
    /// A block of lines at some positions, those that lie together counted as one; of an irregular population, all
    /// lines of a block.
    Block(usize, Range<usize>),
    /// All positions and lines.
    Whole,
}

/// The fused slices of every population, by population index. Spikes from outside have none. With a `share`, those of
/// the rank's own slices.
pub fn index(
    (program, table): (&Program, &SliceTable),
    connections: &[Vec<IncomingConnection>],
    choice: KernelChoice,
    share: Option<&Share>,
) -> Vec<Vec<FusedSlices>> {
    let populations: Vec<PopulationId> = program.model.populations.keys().collect();
    populations
        .par_iter()
        .map(|&population| of_population((program, table), connections, (population, choice), share))
        .collect()
}

fn of_population(
    (program, table): (&Program, &SliceTable),
    connections: &[Vec<IncomingConnection>],
    (population, choice): (PopulationId, KernelChoice),
    share: Option<&Share>,
) -> Vec<FusedSlices> {
    if program.model.populations[population].dynamics.is_port() {
        return Vec::new();
    }
    let rows = choice.rows;
    if rows && let Some(line) = Line::new(program, table, connections, population) {
        let threads = rayon::current_num_threads();
        let own = share.map(|share| share.mask(population));
        let rows = NeuronRows::new((program, table), connections, &line, (choice.level, threads, own));
        return vec![FusedSlices::of_line(program, table, line, rows)];
    }
    let mut groups: Vec<(SharedView, Vec<FusedMember>)> = Vec::new();
    for slice in (0..table.len()).filter(|&slice| table.populations[slice] == population) {
        let placed = table.slice(program, slice);
        let SliceView { unit, bases, shared } =
            SliceView::new(&program.cores[table.cores[slice]], placed, &connections[slice]);
        let member = FusedMember { slice, unit, bases };
        match groups.iter_mut().find(|(other, members)| {
            member.whole(program, table) && *other == shared && members[0].whole(program, table)
        }) {
            Some((_, members)) => members.push(member),
            None => groups.push((shared, vec![member])),
        }
    }
    let fusions = groups.into_par_iter().flat_map_iter(|(shared, mut members)| {
        members.sort_by_key(|member| table.slice(program, member.slice).slice.channels.start);
        of_group(program, table, &shared, members, rows)
    });
    fusions.collect()
}

/// One group of fused slices with rows, or several without.
fn of_group(
    program: &Program,
    table: &SliceTable,
    shared: &SharedView,
    members: Vec<FusedMember>,
    rows: bool,
) -> Vec<FusedSlices> {
    let narrow = |member: &FusedMember| memory(program, table, member).is_narrow();
    let lanes: usize = members.iter().map(|member| member.unit as usize).sum();
    // Few channels leave most lanes of a line empty. Where nothing is gathered, positions lie side by side instead.
    let dense = shared.connections.is_empty() && lanes < LANES;
    let tile = shared.tile.clone().map(|range| range.len());
    let one_by_one = PositionOrder::one_by_one(tile[0] * tile[1]);
    if rows && !dense && members[0].whole(program, table) && members.iter().all(narrow) {
        // Rows of several positions together may be too many where those of one are not.
        let together = Some(PositionOrder::in_rectangles(tile, lanes)).filter(|order| order.together > 1);
        for order in together.into_iter().chain([one_by_one.clone()]) {
            if let Some(rows) = WeightRows::new(program, table, shared, &members, (lanes, &order)) {
                return vec![FusedSlices::new(program, table, &members, (Synapses::Rows(rows), order))];
            }
        }
    }
    let fused = |members: Vec<FusedMember>| {
        let lists = ScatterLists::new(program, table, shared, &members);
        FusedSlices::new(program, table, &members, (Synapses::Lists(lists), one_by_one.clone()))
    };
    chunks(program, table, members).into_iter().map(fused).collect()
}

/// One of the fused slices, and where its weights are.
#[derive(Debug)]
struct FusedMember {
    slice: SliceIndex,
    unit: u32,
    bases: Vec<u32>,
}

impl FusedMember {
    /// Whether the slice's lists hold whole positions.
    fn whole(&self, program: &Program, table: &SliceTable) -> bool {
        self.unit == atoms(program, table, self.slice)
    }
}

fn atoms(program: &Program, table: &SliceTable, slice: SliceIndex) -> u32 {
    table.slice(program, slice).slice.atoms()
}

/// Weight memory of a member's core.
fn memory<'p>(program: &'p Program, table: &SliceTable, member: &FusedMember) -> &'p WeightMemory {
    &program.cores[table.cores[member.slice]].weights
}

/// Cuts slices that could all be fused into groups of about [`WIDTH`] channels.
fn chunks(program: &Program, table: &SliceTable, members: Vec<FusedMember>) -> Vec<Vec<FusedMember>> {
    let total: u32 = members.iter().map(|member| atoms(program, table, member.slice)).sum();
    let enough = if total >= 2 * WIDTH { WIDTH } else { WIDTH_MIN };
    let mut chunks: Vec<Vec<FusedMember>> = Vec::new();
    let mut width = enough;
    for member in members {
        if width >= enough {
            chunks.push(Vec::new());
            width = 0;
        }
        width += atoms(program, table, member.slice);
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(member);
        }
    }
    chunks
}

impl FusedSlices {
    fn new(
        program: &Program,
        table: &SliceTable,
        members: &[FusedMember],
        (synapses, order): (Synapses, PositionOrder),
    ) -> Self {
        let mut starts = vec![0];
        let mut spans: Vec<LaneSpan> = Vec::new();
        for member in members {
            let channels = &table.slice(program, member.slice).slice.channels;
            let (lane, channel) = (starts[starts.len() - 1], channels.start as usize);
            starts.push(lane + channels.len());
            match spans.last_mut() {
                Some(last) if last.channel + last.len == channel => last.len += channels.len(),
                _ => spans.push(LaneSpan { lane, channel, len: channels.len() }),
            }
        }
        let first = &table.slice(program, members[0].slice).slice;
        let population = &program.model.populations[first.population];
        let at = |&local: &usize| first.coordinates(local as u32);
        let positions =
            order.locals.iter().map(at).map(|(y, x)| y as usize * population.shape.width + x as usize);
        let positions = positions.collect();
        let mut fused = Self {
            slices: members.iter().map(|m| m.slice).collect(),
            width: starts[starts.len() - 1],
            starts,
            slice_units: members.iter().map(|m| u64::from(m.unit)).collect(),
            synapses,
            rule: NeuronRule::new(&program.model.neuron, &population.dynamics, population.input_shift),
            positions,
            order,
            spans,
            slot_runs: Vec::new(),
            thresholds: Vec::new(),
            bias: Vec::new(),
        };
        if let Synapses::Lists(_) = fused.synapses {
            fused.slot_runs = fused.slot_runs(population.shape.channels);
        }
        fused.thresholds = fused.thresholds(program, first.population);
        fused.bias = fused.biases(program, table, None);
        fused
    }

    /// All slices of an irregular population.
    fn of_line(program: &Program, table: &SliceTable, line: Line, rows: NeuronRows) -> Self {
        let id = table.populations[line.slices[0]];
        let population = &program.model.populations[id];
        let mut fused = Self {
            slice_units: vec![1; line.slices.len()],
            positions: (0..population.shape.width).collect(),
            order: PositionOrder::one_by_one(population.shape.width),
            slices: line.slices,
            starts: line.starts,
            width: 1,
            synapses: Synapses::Neurons(rows),
            rule: NeuronRule::new(&program.model.neuron, &population.dynamics, population.input_shift),
            spans: vec![LaneSpan { lane: 0, channel: 0, len: 1 }],
            slot_runs: Vec::new(),
            thresholds: Vec::new(),
            bias: Vec::new(),
        };
        fused.thresholds = fused.thresholds(program, id);
        fused.bias = fused.biases(program, table, None);
        fused
    }

    /// Consecutive slots that are consecutive neurons of a population with so many channels.
    fn slot_runs(&self, channels: usize) -> Vec<(usize, usize, usize)> {
        let mut runs: Vec<(usize, usize, usize)> = Vec::new();
        for (i, &position) in self.positions.iter().enumerate() {
            for &LaneSpan { lane, channel, len } in &self.spans {
                let (slot, to) = (i * self.width + lane, position * channels + channel);
                match runs.last_mut() {
                    Some(last) if (last.0 + last.2, last.1 + last.2) == (slot, to) => last.2 += len,
                    _ => runs.push((slot, to, len)),
                }
            }
        }
        runs
    }

    /// Slots of the positions that lie together.
    fn stride(&self) -> usize {
        match &self.synapses {
            Synapses::Lists(_) | Synapses::Neurons(_) => self.width,
            Synapses::Rows(rows) => {
                LANES * rows.blocks.iter().map(|block| block.first + block.lines).max().unwrap_or(0)
            }
        }
    }

    /// First lane of each of the positions that lie together.
    fn firsts(&self) -> impl Iterator<Item = usize> + Clone {
        (0..self.order.together).map(|position| position * self.width)
    }

    fn thresholds(&self, program: &Program, population: PopulationId) -> Vec<[i32; LANES]> {
        let shift = program.model.neuron.threshold_shift;
        let mut of_lane = vec![i32::MAX; self.stride()];
        let thresholds = program.model.populations[population].dynamics.thresholds();
        for (first, span) in self.firsts().flat_map(|first| self.spans.iter().map(move |span| (first, span)))
        {
            let own = thresholds.get(span.channel..span.channel + span.len).unwrap_or_default();
            let lanes = of_lane[first + span.lane..].iter_mut().zip((span.channel..).zip(own));
            lanes.for_each(|(lane, (channel, threshold))| {
                *lane = self.rule.lane(channel, (threshold << shift) as i32);
            });
        }
        match &self.synapses {
            Synapses::Rows(_) => in_lines(of_lane, i32::MAX),
            Synapses::Lists(_) | Synapses::Neurons(_) => {
                in_lines(of_lane.repeat(self.positions.len()), i32::MAX)
            }
        }
    }

    /// Biases by slot; `written` are the host's.
    pub fn biases(
        &self,
        program: &Program,
        table: &SliceTable,
        written: Option<&[i32]>,
    ) -> Vec<[i32; LANES]> {
        let population = &program.model.populations[table.populations[self.slices[0]]];
        let stride = self.stride();
        let mut bias = vec![0; self.positions.len() / self.order.together * stride];
        for (&slice, lanes) in self.slices.iter().zip(self.starts.windows(2)) {
            let local = local_bias(table.slice(program, slice), population, written);
            if let Synapses::Neurons(_) = self.synapses {
                bias[lanes[0]..lanes[1]].copy_from_slice(&local);
                continue;
            }
            let atoms = lanes[1] - lanes[0];
            let lines = bias.chunks_exact_mut(stride).zip(self.order.locals.chunks(self.order.together));
            for (line, locals) in lines {
                for (first, at) in self.firsts().zip(locals) {
                    let own = &local[at * atoms..][..atoms];
                    line[first + lanes[0]..first + lanes[1]].copy_from_slice(own);
                }
            }
        }
        in_lines(bias, 0)
    }

    /// Its synapses; `slices` are all of the program.
    pub fn synapses(&self, slices: &[Slice]) -> u64 {
        match &self.synapses {
            Synapses::Rows(rows) => self.width as u64 * rows.synapses(),
            Synapses::Lists(lists) => lists.synapses(slices),
            Synapses::Neurons(rows) => rows.streams.iter().map(RowStream::synapses).sum(),
        }
    }

    /// Whether its sources' spikes must be listed by position ([`super::spikes::FiredBits`]).
    pub fn reads_positions(&self) -> bool {
        matches!(self.synapses, Synapses::Rows(_))
    }

    /// Whether its sources' spikes are asked for slice by slice, one by one.
    pub fn reads_lists(&self) -> bool {
        matches!(self.synapses, Synapses::Lists(_))
    }

    /// Timesteps that `units` are of.
    pub fn steps_of(&self, units: &[u64]) -> usize {
        match self.synapses {
            Synapses::Neurons(_) => units.len() / self.slices.len(),
            _ => units.len(),
        }
    }

    /// Synaptic operations of one of its slices in a timestep.
    pub fn operations(&self, units: &[u64], member: usize, step: usize) -> u64 {
        match self.synapses {
            // Without timesteps the first has all.
            Synapses::Neurons(_) => units.get(step * self.slices.len() + member).copied().unwrap_or(0),
            _ => units[step] * self.slice_units[member],
        }
    }

    /// Its parts, so many at least as `threads` can share evenly; `others` is the number of other groups of fused
    /// slices in the population.
    pub fn parts(&self, threads: usize, others: usize) -> Vec<FusedPart> {
        let rows = match &self.synapses {
            Synapses::Rows(rows) => rows,
            Synapses::Lists(_) => return vec![FusedPart::Whole],
            Synapses::Neurons(rows) => {
                let parts = rows.blocks.iter().enumerate();
                return parts.map(|(i, block)| FusedPart::Block(i, block.lines.clone())).collect();
            }
        };
        let (blocks, positions) = (rows.blocks.len(), self.positions.len() / self.order.together);
        let even = (blocks * (others + 1)).is_multiple_of(threads) || blocks * (others + 1) >= 4 * threads;
        let cuts = if even { 1 } else { threads.min(positions) };
        let range = |cut| positions * cut / cuts..positions * (cut + 1) / cuts;
        (0..cuts).flat_map(|cut| (0..blocks).map(move |block| FusedPart::Block(block, range(cut)))).collect()
    }
}

/// Slots in lines, the last filled up.
fn in_lines(mut slots: Vec<i32>, filling: i32) -> Vec<[i32; LANES]> {
    slots.resize(slots.len().next_multiple_of(LANES), filling);
    slots.as_chunks().0.to_vec()
}
