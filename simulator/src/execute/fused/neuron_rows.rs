//! Synapses of an irregular population, by the neuron that sends: a row into a block of neurons for each source neuron.
//!
//! The slices of such a population receive different packets, each with a few synapses. What they do is the same
//! whoever's core a neuron is on, so all slices run as one, and a spike's synapses on all cores lie together
//! ([`crate::execute::kernels::rows`]). Counts stay those of the slices: each source neuron knows how many of its
//! synapses are in which slice.

use std::collections::BTreeMap;
use std::ops::Range;

use snnc_compiler::ir::program::{Program, SynapseList, WeightMemory};
use snnc_compiler::ir::{PopulationId, Shape};

use super::window_result::WindowResult;
use crate::counts::{SliceIndex, SliceTable};
use crate::execute::incoming::IncomingConnection;
use crate::execute::kernels::LANES;
use crate::execute::kernels::level::SimdLevel;
use crate::execute::kernels::rows::{BLOCK_MAX, RowBlock, RowBlockBuilder, RowPlan, RowSums};
use crate::execute::pass::{Arrival, ChipPass};
use crate::neuron::Marks;

/// Most lines of a block: its sums of 16 bits, 32 KiB, stay in a first-level cache.
const LINES_MAX: usize = 256;
/// Fewest lines of a block that is cut off for another thread.
const LINES_MIN: usize = 16;
/// Synapses that a stored one may stand for: more are shared kernels, which are not written out.
const SHARED_MAX: u64 = 2;

/// Spikes of one projection, a row each.
#[derive(Debug)]
pub struct RowStream {
    /// The population that fires.
    pub population: PopulationId,
    /// Timesteps from spike to integration.
    pub delay: u32,
    /// What source neuron n reaches: `reached[starts[n]..starts[n + 1]]`.
    starts: Vec<u32>,
    /// Member and synapses there.
    reached: Vec<(u32, u32)>,
}

/// Consecutive neurons that one task runs.
#[derive(Debug)]
pub struct NeuronBlock {
    /// Its lines.
    pub lines: Range<usize>,
    /// Rows by stream.
    pub rows: Vec<RowBlock>,
}

/// The synapses of an irregular population.
#[derive(Debug)]
pub struct NeuronRows {
    /// Sources.
    pub streams: Vec<RowStream>,
    /// Neurons.
    pub blocks: Vec<NeuronBlock>,
}

/// What tells streams apart: two projections may join the same neurons.
type StreamKey = (PopulationId, u32, u32);

/// One synapse list of a source neuron in a slice.
struct PlacedList<'p> {
    key: StreamKey,
    member: usize,
    source: usize,
    list: &'p SynapseList,
    /// Weights of the list's core.
    weights: &'p WeightMemory,
    /// The first of the source neuron.
    first_weight: usize,
    /// Neuron of the population that the list's targets are relative to.
    first: usize,
}

/// The slices of a population that is a line of neurons fed by lines, ascending: slice i has the neurons
/// `starts[i]..starts[i + 1]`.
pub struct Line {
    /// Its slices.
    pub slices: Vec<SliceIndex>,
    /// First neuron of each slice, and one past the last.
    pub starts: Vec<usize>,
}

impl Line {
    /// If the population is one, and lists of synapses are its own.
    pub fn new(
        program: &Program,
        table: &SliceTable,
        connections: &[Vec<IncomingConnection>],
        population: PopulationId,
    ) -> Option<Self> {
        let is_line = |id: PopulationId| {
            let Shape { channels, height, .. } = program.model.populations[id].shape;
            (channels, height) == (1, 1)
        };
        let mut slices: Vec<SliceIndex> =
            (0..table.len()).filter(|&slice| table.populations[slice] == population).collect();
        slices.sort_by_key(|&slice| table.slice(program, slice).slice.cols.start);
        let mut starts = vec![0];
        for &slice in &slices {
            let cols = &table.slice(program, slice).slice.cols;
            if cols.start as usize != starts[starts.len() - 1] {
                return None;
            }
            starts.push(cols.end as usize);
        }
        let sources = slices.iter().flat_map(|&slice| &connections[slice]);
        let fed =
            sources.clone().next().is_some() && sources.clone().all(|c| is_line(table.populations[c.source]));
        let line = Self { slices, starts };
        (is_line(population) && fed && line.is_irregular(program, table, connections)).then_some(line)
    }

    /// Whether writing out the synapses takes no more than was stored.
    fn is_irregular(
        &self,
        program: &Program,
        table: &SliceTable,
        connections: &[Vec<IncomingConnection>],
    ) -> bool {
        let (mut unrolled, mut stored) = (0, 0);
        for &slice in &self.slices {
            let core = &program.cores[table.cores[slice]];
            let mut seen = vec![false; core.lists.len()];
            for tap in connections[slice].iter().flat_map(|connection| connection.taps.iter().flatten()) {
                let list = &core.lists[tap.list as usize];
                unrolled += list.synapses();
                if !std::mem::replace(&mut seen[tap.list as usize], true) {
                    stored += list.synapses();
                }
            }
        }
        unrolled <= SHARED_MAX * stored && unrolled <= u64::from(u32::MAX)
    }
}

/// Calls `visit` for every list, slice by slice ascending.
fn each_list<'p>(
    program: &'p Program,
    table: &SliceTable,
    connections: &[Vec<IncomingConnection>],
    line: &Line,
    mut visit: impl FnMut(PlacedList<'p>),
) {
    for (member, &slice) in line.slices.iter().enumerate() {
        let (core, placed) = (&program.cores[table.cores[slice]], table.slice(program, slice));
        for connection in &connections[slice] {
            let population = table.populations[connection.source];
            let source = &table.slice(program, connection.source).slice;
            for (column, tap) in (source.cols.start as usize..).zip(&connection.taps) {
                let Some(tap) = tap else { continue };
                let list = &core.lists[tap.list as usize];
                let (weight, shift) = list.row(tap.first_atom);
                let local = (tap.target + shift - placed.first_neuron) as usize;
                visit(PlacedList {
                    key: (population, connection.delay, list.projection.0),
                    member,
                    source: column,
                    list,
                    weights: &core.weights,
                    first_weight: weight as usize,
                    first: line.starts[member] + local,
                });
            }
        }
    }
}

impl PlacedList<'_> {
    /// Neuron of the population and weight of each synapse, ascending.
    fn synapses(&self) -> impl Iterator<Item = (usize, i16)> + '_ {
        self.list.runs.iter().flat_map(move |run| {
            let targets = self.first + run.target as usize..;
            let first = self.first_weight + run.weight as usize;
            targets.zip((first..first + run.len as usize).map(|at| self.weights.at(at)))
        })
    }
}

impl NeuronRows {
    /// The rows of a line of neurons, in blocks for so many threads, for a processor's instructions. With the bits of a
    /// rank's `own` neurons, blocks are of the lines in which there are any.
    pub fn new(
        (program, table): (&Program, &SliceTable),
        connections: &[Vec<IncomingConnection>],
        line: &Line,
        (level, threads, own): (SimdLevel, usize, Option<&[u64]>),
    ) -> Self {
        let lines = line.starts[line.slices.len()].div_ceil(LANES);
        // A line has the neurons of a word of bits.
        let held: Vec<usize> = (0..lines).filter(|&line| own.is_none_or(|own| own[line] != 0)).collect();
        let each = held.len().div_ceil(threads).clamp(LINES_MIN, LINES_MAX);
        let together = held.chunk_by(|line, next| line + 1 == *next).flat_map(|lines| lines.chunks(each));
        let blocks: Vec<Range<usize>> = together.map(|lines| lines[0]..lines[0] + lines.len()).collect();
        let mut block_of_line = vec![0; lines];
        for (block, lines) in blocks.iter().enumerate() {
            block_of_line[lines.clone()].fill(block);
        }
        let place = |neuron: usize| {
            let block = block_of_line[neuron / LANES];
            (block, neuron - blocks[block].start * LANES)
        };
        // What the rows will hold, by stream and block; then the rows.
        let mut plans: BTreeMap<StreamKey, StreamPlan> = BTreeMap::new();
        each_list(program, table, connections, line, |placed| {
            let sources = program.model.populations[placed.key.0].shape.width;
            let plan = plans.entry(placed.key).or_insert_with(|| StreamPlan::new(sources, &blocks, level));
            for (neuron, weight) in placed.synapses() {
                let (block, target) = place(neuron);
                plan.blocks[block].add(placed.source, target, weight);
            }
            plan.reached[placed.source] += 1;
        });
        let mut rows: BTreeMap<StreamKey, Vec<RowBlockBuilder>> = BTreeMap::new();
        let mut reached: BTreeMap<StreamKey, RowStream> = BTreeMap::new();
        for (key, plan) in plans {
            rows.insert(key, plan.blocks.into_iter().map(RowPlan::builder).collect());
            reached.insert(key, RowStream::new(key, &plan.reached));
        }
        each_list(program, table, connections, line, |placed| {
            let (Some(rows), Some(stream)) = (rows.get_mut(&placed.key), reached.get_mut(&placed.key)) else {
                unreachable!("every stream was met before")
            };
            for (neuron, weight) in placed.synapses() {
                let (block, target) = place(neuron);
                rows[block].push(placed.source, target, weight);
            }
            stream.add(placed.source, placed.member, placed.list.synapses());
        });
        let mut of_stream: Vec<_> = rows.into_values().map(Vec::into_iter).collect();
        let blocks = blocks.iter().cloned().map(|lines| {
            let rows = of_stream.iter_mut().filter_map(Iterator::next).map(RowBlockBuilder::finish).collect();
            NeuronBlock { lines, rows }
        });
        Self { blocks: blocks.collect(), streams: reached.into_values().map(RowStream::complete).collect() }
    }
}

/// What the rows of a stream will hold.
struct StreamPlan {
    blocks: Vec<RowPlan>,
    /// Slices that each source neuron reaches.
    reached: Vec<u32>,
}

impl StreamPlan {
    fn new(sources: usize, blocks: &[Range<usize>], level: SimdLevel) -> Self {
        let of_block = |lines: &Range<usize>| RowPlan::new(sources, lines.len() * LANES, level);
        Self { blocks: blocks.iter().map(of_block).collect(), reached: vec![0; sources] }
    }
}

impl RowStream {
    /// With room for so many slices of each source neuron.
    fn new((population, delay, _): StreamKey, reached: &[u32]) -> Self {
        let mut starts = vec![0; reached.len() + 1];
        for (i, reached) in reached.iter().enumerate() {
            starts[i + 1] = starts[i] + reached;
        }
        let all = starts[reached.len()] as usize;
        Self { population, delay, starts, reached: vec![(0, 0); all] }
    }

    /// Enters the next slice that a source neuron reaches; meanwhile `starts` says where it goes.
    fn add(&mut self, source: usize, member: usize, synapses: u64) {
        let at = &mut self.starts[source];
        self.reached[*at as usize] = (member as u32, synapses as u32);
        *at += 1;
    }

    /// Once all are entered, each start is the next one's.
    fn complete(mut self) -> Self {
        self.starts.rotate_right(1);
        self.starts[0] = 0;
        self
    }

    /// Synapses of all source neurons.
    pub fn synapses(&self) -> u64 {
        self.reached.iter().map(|&(_, synapses)| u64::from(synapses)).sum()
    }

    /// Source neurons.
    pub fn sources(&self) -> usize {
        self.starts.len() - 1
    }

    /// Adds the synapses that so many spikes of some source neurons meet, by member.
    pub fn count(&self, spikes: impl Iterator<Item = (usize, u64)>, operations: &mut [u64]) {
        for (neuron, spikes) in spikes {
            let own = self.starts[neuron] as usize..self.starts[neuron + 1] as usize;
            for &(member, synapses) in &self.reached[own] {
                operations[member as usize] += spikes * u64::from(synapses);
            }
        }
    }
}

const _: () = assert!(LINES_MAX * LANES <= BLOCK_MAX);

impl RowStream {
    /// Source neurons whose spikes arrive at a population in a timestep, a bit each.
    pub(super) fn fired<'p>(&self, pass: &'p ChipPass, target: PopulationId, now: u32) -> Option<&'p [u64]> {
        let sent = pass.sent(self.population, target, Arrival { step: now, delay: self.delay })?;
        Some(pass.record(self.population).spikes.words(sent))
    }

    /// Source neurons whose spikes of this pass, not of one before, arrive at a population in a timestep, a bit each.
    pub(super) fn fired_in_pass<'p>(
        &self,
        pass: &'p ChipPass,
        target: PopulationId,
        now: u32,
    ) -> Option<&'p [u64]> {
        let before = pass.of_pass_before(self.population, Arrival { step: now, delay: self.delay });
        if before { None } else { self.fired(pass, target, now) }
    }
}

/// What a timestep of an irregular population works with, kept from one to the next.
#[derive(Debug)]
pub(super) struct RowScratch {
    pub(super) fired: Vec<u32>,
    pub(super) sums: RowSums,
    pub(super) marks: Vec<Marks>,
}

impl RowScratch {
    pub(super) fn new(lines: usize) -> Self {
        Self { fired: Vec::new(), sums: RowSums::new(lines), marks: vec![Marks::default(); lines] }
    }

    /// Enters a timestep's marks into the result.
    pub(super) fn enter(&mut self, done: &mut WindowResult, step: usize) {
        self.marks.iter().enumerate().for_each(|(words, marks)| done.mark(0, step, words, marks));
    }
}
