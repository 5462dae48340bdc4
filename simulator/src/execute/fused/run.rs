//! One part of fused slices through its window, or through one timestep of it: spikes -> sums -> neurons -> spikes.

use std::ops::Range;

use snnc_compiler::ir::PopulationId;

use super::neuron_rows::{NeuronBlock, NeuronRows, RowStream};
use super::scatter_lists::ScatterLists;
use super::slice_view::UnitConnection;
use super::weight_rows::{LineBlock, SourceTap, WeightRows};
use super::window_result::WindowResult;
use super::{FusedPart, FusedSlices, Synapses};
use crate::counts::Grain;
use crate::execute::kernels::LANES;
use crate::execute::kernels::gather::{WeightLine, gather};
use crate::execute::kernels::level::{SimdLevel, dispatch};
use crate::execute::kernels::rows::RowSums;
use crate::execute::kernels::scatter::{PacketAtList, add_packets};
use crate::execute::kernels::update::update;
use crate::execute::packet_counter::PositionSums;
use crate::execute::pass::{Arrival, ChipPass};
use crate::execute::spikes::{FiredChannels, MARGIN};
use crate::neuron::{Marks, Neuron, NeuronLines, with_neuron};

/// Rows of the spikes in a position's taps.
#[derive(Debug, Default)]
pub(super) struct RowList {
    rows: Vec<u32>,
    len: usize,
}

impl RowList {
    /// Lists the rows of what the taps' streams bring.
    fn fill(&mut self, level: SimdLevel, taps: &[SourceTap], streams: &[FiredChannels]) -> &[u32] {
        fill(level, self, taps, streams);
        &self.rows[..self.len]
    }
}

fn fill(level: SimdLevel, list: &mut RowList, taps: &[SourceTap], streams: &[FiredChannels]) {
    dispatch!(level, fill_body(list: &mut RowList, taps: &[SourceTap], streams: &[FiredChannels]))
}

/// Whole vectors are copied, and what is too much written over; most taps bring less than one, and it is copied whether
/// there is any spike or not, as that is as good as random.
#[inline(always)]
fn fill_body(list: &mut RowList, taps: &[SourceTap], streams: &[FiredChannels]) {
    list.len = 0;
    for tap in taps {
        let brought = &streams[tap.stream as usize];
        let span = brought.span(tap.position as usize);
        let end = list.len + span.len();
        if list.rows.len() < end + MARGIN {
            list.rows.resize(2 * end + MARGIN, 0);
        }
        let mut from = brought.channels[span.start..].as_chunks::<MARGIN>().0.iter();
        let mut to = list.rows[list.len..].as_chunks_mut::<MARGIN>().0.iter_mut();
        let mut copy = || {
            let (Some(to), Some(from)) = (to.next(), from.next()) else { return };
            *to = from.map(|channel| tap.base.wrapping_add(channel));
        };
        copy();
        (1..span.len().div_ceil(MARGIN)).for_each(|_| copy());
        list.len = end;
    }
}

/// State of a part before its window, `[position][line][word]`, empty if it is 0; and whether that after it is kept.
pub(in crate::execute) type StateBefore<'s> = (&'s [[i32; LANES]], bool);

impl FusedSlices {
    /// Runs the window of its population; `written` are the host's biases, by slot, and `state` is that before it and
    /// whether that after it is kept.
    pub(in crate::execute) fn run(
        &self,
        pass: &ChipPass,
        population: PopulationId,
        (written, state): (Option<&[[i32; LANES]]>, StateBefore<'_>),
        part: &FusedPart,
    ) -> WindowResult {
        let bias = written.unwrap_or(&self.bias);
        with_neuron!(&self.rule, neuron => self.run_as(neuron, pass, population, (bias, state), part))
    }

    /// Runs the window, with the model of its neurons as a static type.
    fn run_as<const WORDS: usize, N: Neuron<WORDS>>(
        &self,
        neuron: &N,
        pass: &ChipPass,
        population: PopulationId,
        (bias, state): (&[[i32; LANES]], StateBefore<'_>),
        part: &FusedPart,
    ) -> WindowResult {
        match (&self.synapses, part) {
            (Synapses::Rows(rows), FusedPart::Block(block, positions)) => {
                let streams = Streams::new(rows, pass, population, pass.window(population).end());
                let watched = pass.chip.watches(population);
                let task = BlockTask::new(self, neuron, pass, (rows, *block), bias);
                let (steps, positions) = (pass.window(population).steps as usize, positions.clone());
                match task.block.lines {
                    8 => task.run::<8, WORDS>(positions, (steps, watched), &streams, state),
                    4 => task.run::<4, WORDS>(positions, (steps, watched), &streams, state),
                    3 => task.run::<3, WORDS>(positions, (steps, watched), &streams, state),
                    2 => task.run::<2, WORDS>(positions, (steps, watched), &streams, state),
                    _ => task.run::<1, WORDS>(positions, (steps, watched), &streams, state),
                }
            }
            (Synapses::Lists(lists), FusedPart::Whole) => {
                self.run_lists(neuron, lists, pass, population, (bias, state))
            }
            (Synapses::Neurons(rows), FusedPart::Block(block, _)) => {
                self.run_neurons(neuron, (rows, *block), pass, population, (bias, state))
            }
            _ => unreachable!("fusions with rows, and only those, are cut into blocks"),
        }
    }

    /// Synaptic operations of an irregular population, `[timestep][slice]`; without timesteps all in one.
    fn units_of_neurons(
        &self,
        rows: &NeuronRows,
        pass: &ChipPass,
        population: PopulationId,
        grain: Grain,
    ) -> Vec<u64> {
        let (window, members) = (pass.window(population), self.slices.len());
        let steps = window.start..window.end() + pass.late(population);
        let mut fired = Vec::new();
        if grain == Grain::Timestep {
            let mut units = vec![0; steps.len() * members];
            for (now, units) in steps.zip(units.chunks_exact_mut(members)) {
                for stream in &rows.streams {
                    stream.fired((pass, population), now, true, &mut fired);
                    stream.count(fired.iter().map(|&neuron| (neuron, 1)), units);
                }
            }
            return units;
        }
        let mut units = vec![0; members];
        for stream in &rows.streams {
            let mut spikes = vec![0; stream.sources()];
            for now in steps.clone() {
                stream.fired((pass, population), now, true, &mut fired);
                fired.iter().for_each(|&neuron| spikes[neuron as usize] += 1);
            }
            stream.count((0..).zip(spikes), &mut units);
        }
        units
    }

    /// Synaptic operations of its arriving spikes in units, by timestep of the window and of those after it in which
    /// spikes arrive.
    pub(in crate::execute) fn units(
        &self,
        pass: &ChipPass,
        population: PopulationId,
        grain: Grain,
    ) -> Vec<u64> {
        let rows = match &self.synapses {
            Synapses::Rows(rows) => rows,
            Synapses::Lists(_) => return Vec::new(),
            Synapses::Neurons(rows) => return self.units_of_neurons(rows, pass, population, grain),
        };
        let end = pass.window(population).end() + pass.late(population);
        let streams = Streams::counted(rows, pass, population, end);
        let mut units = vec![0; streams.steps];
        for demand in &rows.demands {
            for (sum, streams) in units.iter_mut().zip(streams.steps()) {
                let brought = &streams[demand.stream];
                *sum += match &demand.channels {
                    None => {
                        let counts = brought.starts.windows(2).map(|span| u64::from(span[1] - span[0]));
                        counts.zip(&demand.units).map(|(spikes, units)| spikes * units).sum::<u64>()
                    }
                    Some(channels) => {
                        let alike = |&&channel: &&u32| channels[channel as usize];
                        let spikes = |p| brought.at(p).iter().filter(alike).count() as u64;
                        demand.units.iter().enumerate().map(|(p, units)| spikes(p) * units).sum()
                    }
                };
            }
        }
        units
    }

    fn run_lists<const WORDS: usize, N: Neuron<WORDS>>(
        &self,
        neuron: &N,
        lists: &ScatterLists,
        pass: &ChipPass,
        population: PopulationId,
        (bias, (before, keep)): (&[[i32; LANES]], StateBefore<'_>),
    ) -> WindowResult {
        let window = pass.window(population);
        let mut done = WindowResult::new(0, 1, 0..bias.len(), window.steps as usize)
            .watching(pass.chip.watches(population));
        let mut state = vec![[[0; LANES]; WORDS]; bias.len()];
        state.as_flattened_mut().iter_mut().zip(before).for_each(|(word, before)| *word = *before);
        let mut scatter = ScatterState::new(bias.len());
        for (step, now) in (window.start..window.end()).enumerate() {
            self.step_lists(neuron, lists, (pass, population, now), bias, &mut state, &mut scatter);
            done.watch(step, 0, &state);
            done.units.push(scatter.units);
            scatter.marks.iter().enumerate().for_each(|(words, marks)| done.mark(0, step, words, marks));
        }
        done.keep_membranes(0, &state);
        if keep {
            done.state = state.into_flattened();
        }
        done.tally(self, pass.chip.level, &pass.chip.packet_counter.sums);
        done
    }

    fn run_neurons<const WORDS: usize, N: Neuron<WORDS>>(
        &self,
        neuron: &N,
        (rows, block): (&NeuronRows, usize),
        pass: &ChipPass,
        population: PopulationId,
        (bias, (before, keep)): (&[[i32; LANES]], StateBefore<'_>),
    ) -> WindowResult {
        let (window, lines) = (pass.window(population), rows.blocks[block].lines.clone());
        let mut done = WindowResult::new(0, 1, lines.clone(), window.steps as usize)
            .watching(pass.chip.watches(population));
        let mut state = vec![[[0; LANES]; WORDS]; lines.len()];
        state.as_flattened_mut().iter_mut().zip(before).for_each(|(word, before)| *word = *before);
        let mut scratch = RowScratch::new(lines.len());
        for (step, now) in (window.start..window.end()).enumerate() {
            self.step_neurons(neuron, (rows, block), (pass, population, now), bias, &mut state, &mut scratch);
            done.watch(step, 0, &state);
            scratch.enter(&mut done, step);
        }
        done.keep_membranes(0, &state);
        if keep {
            done.state = state.into_flattened();
        }
        done.tally(self, pass.chip.level, &pass.chip.packet_counter.sums);
        done
    }

    /// One timestep of a block of neurons of an irregular population.
    pub(super) fn step_neurons<const WORDS: usize, N: Neuron<WORDS>>(
        &self,
        neuron: &N,
        (rows, block): (&NeuronRows, usize),
        (pass, population, now): (&ChipPass, PopulationId, u32),
        bias: &[[i32; LANES]],
        state: &mut [[[i32; LANES]; WORDS]],
        scratch: &mut RowScratch,
    ) {
        let (level, NeuronBlock { lines, rows: of_block }) = (pass.chip.level, &rows.blocks[block]);
        let (mut narrow, mut added) = (true, 0);
        scratch.sums.clear();
        for (stream, of_stream) in rows.streams.iter().zip(of_block) {
            stream.fired((pass, population), now, false, &mut scratch.fired);
            scratch.sums.add(level, of_stream, &scratch.fired);
            added += scratch.fired.len();
            narrow &= of_stream.is_narrow();
        }
        let sums = scratch.sums.finish(level);
        let (bias, thresholds) = (&bias[lines.clone()], &self.thresholds[lines.clone()]);
        let bounded = narrow && neuron.fixed().bounds(added);
        update(level, neuron, bounded, NeuronLines { state, sums, bias, thresholds }, &mut scratch.marks);
    }

    /// One timestep without rows.
    pub(super) fn step_lists<const WORDS: usize, N: Neuron<WORDS>>(
        &self,
        neuron: &N,
        lists: &ScatterLists,
        (pass, population, now): (&ChipPass, PopulationId, u32),
        bias: &[[i32; LANES]],
        state: &mut [[[i32; LANES]; WORDS]],
        scatter: &mut ScatterState,
    ) {
        let ScatterState { units, sums, partial, hits, marks } = scatter;
        *units = lists.hits(pass, population, now, hits);
        sums.as_flattened_mut().fill(0);
        let flat = sums.as_flattened_mut();
        add_packets(pass.chip.level, &lists.weights, &lists.lists, hits, partial, flat);
        hits.clear();
        let lines = NeuronLines { state, sums, bias, thresholds: &self.thresholds };
        update(pass.chip.level, neuron, false, lines, marks);
    }
}

impl ScatterLists {
    /// Looks up the lists of all packets that arrive at a population in a timestep; their synapses in units, of those
    /// that are of this pass.
    pub(super) fn hits(
        &self,
        pass: &ChipPass,
        population: PopulationId,
        now: u32,
        hits: &mut Vec<PacketAtList>,
    ) -> u64 {
        let of = |connection: &UnitConnection, hits: &mut _| {
            let arrival = Arrival { step: now, delay: connection.delay };
            let units = self.hit(connection, pass.fired(connection.source, population, arrival), hits);
            let source = pass.chip.table.populations[connection.source];
            if pass.of_pass_before(source, arrival) { 0 } else { units }
        };
        self.connections.iter().map(|connection| of(connection, hits)).sum()
    }
}

/// What a timestep without rows works with, kept from one to the next.
#[derive(Debug)]
pub(super) struct ScatterState {
    /// Synapses of the packets in units.
    pub(super) units: u64,
    sums: Vec<[i32; LANES]>,
    partial: Vec<i16>,
    hits: Vec<PacketAtList>,
    pub(super) marks: Vec<Marks>,
}

impl ScatterState {
    pub(super) fn new(lines: usize) -> Self {
        Self {
            units: 0,
            sums: vec![[0; LANES]; lines],
            partial: vec![0; lines * LANES],
            hits: Vec::new(),
            marks: vec![Marks::default(); lines],
        }
    }
}

impl RowStream {
    /// Source neurons whose spikes arrive at a population in a timestep, ascending; if `own`, without those that the pass
    /// before sent.
    pub(super) fn fired(
        &self,
        (pass, target): (&ChipPass, PopulationId),
        now: u32,
        own: bool,
        fired: &mut Vec<u32>,
    ) {
        fired.clear();
        let arrival = Arrival { step: now, delay: self.delay };
        if own && pass.of_pass_before(self.population, arrival) {
            return;
        }
        if let Some(sent) = pass.sent(self.population, target, arrival) {
            pass.record(self.population).spikes.neurons(sent, fired);
        }
    }
}

/// What a timestep of an irregular population works with, kept from one to the next.
#[derive(Debug)]
pub(super) struct RowScratch {
    fired: Vec<u32>,
    sums: RowSums,
    marks: Vec<Marks>,
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

/// What the streams of fused slices bring, `[timestep of the window][stream]`.
pub(super) struct Streams<'p> {
    brought: Vec<FiredChannels<'p>>,
    /// Streams.
    each: usize,
    /// Timesteps.
    steps: usize,
}

impl<'p> Streams<'p> {
    /// From the first timestep of a window up to `end`.
    fn new(rows: &'p WeightRows, pass: &'p ChipPass, population: PopulationId, end: u32) -> Self {
        Self::of(rows, (pass, population), end, false)
    }

    /// Without what the pass before this one sent, which is counted there.
    fn counted(rows: &'p WeightRows, pass: &'p ChipPass, population: PopulationId, end: u32) -> Self {
        Self::of(rows, (pass, population), end, true)
    }

    fn of(rows: &'p WeightRows, at: (&'p ChipPass, PopulationId), end: u32, own: bool) -> Self {
        let steps = at.0.window(at.1).start..end;
        let brought = steps.clone().flat_map(|now| brought(rows, at, now, own)).collect();
        Self { brought, each: rows.streams.len(), steps: steps.len() }
    }

    /// Timestep by timestep.
    fn steps(&self) -> impl Iterator<Item = &[FiredChannels<'p>]> {
        (0..self.steps).map(|step| &self.brought[step * self.each..(step + 1) * self.each])
    }
}

/// What the streams of fused slices of a population bring in a timestep of the pass; if `own`, without what the pass
/// before it sent.
pub(super) fn brought<'p>(
    rows: &'p WeightRows,
    (pass, population): (&'p ChipPass, PopulationId),
    now: u32,
    own: bool,
) -> impl Iterator<Item = FiredChannels<'p>> + 'p {
    rows.streams.iter().map(move |stream| {
        let arrival = Arrival { step: now, delay: stream.delay };
        let sent = pass.sent(stream.population, population, arrival);
        let sent = sent.filter(|_| !(own && pass.of_pass_before(stream.population, arrival)));
        sent.map(|sent| pass.record(stream.population).spikes.list(sent)).unwrap_or_default()
    })
}

/// A block of lines.
pub(super) struct BlockTask<'t, N> {
    fused: &'t FusedSlices,
    neuron: &'t N,
    level: SimdLevel,
    rows: &'t WeightRows,
    pub(super) block: &'t LineBlock,
    bias: &'t [[i32; LANES]],
    sums: &'t [PositionSums],
}

/// A block's lines at a position.
pub(super) struct LinesAtPosition<'t, const K: usize> {
    weights: &'t [[WeightLine; K]],
    taps: &'t [SourceTap],
    bias: &'t [[i32; LANES]],
    thresholds: &'t [[i32; LANES]],
}

impl<'t, N> BlockTask<'t, N> {
    pub(super) fn new(
        fused: &'t FusedSlices,
        neuron: &'t N,
        pass: &'t ChipPass,
        (rows, block): (&'t WeightRows, usize),
        bias: &'t [[i32; LANES]],
    ) -> Self {
        let (level, sums) = (pass.chip.level, pass.chip.packet_counter.sums.as_slice());
        Self { fused, neuron, level, rows, block: &rows.blocks[block], bias, sums }
    }

    /// Position by position, each through the whole window: its state stays in the first-level cache.
    fn run<const K: usize, const WORDS: usize>(
        &self,
        positions: Range<usize>,
        (steps, watched): (usize, bool),
        streams: &Streams,
        (before, keep): StateBefore<'_>,
    ) -> WindowResult
    where
        N: Neuron<WORDS>,
    {
        let mut done = WindowResult::new(self.block.first, K, positions.clone(), steps).watching(watched);
        let mut list = RowList::default();
        for (p, position) in positions.enumerate() {
            let place = self.place::<K>(position);
            let mut state = [[[0; LANES]; WORDS]; K];
            if let Some(before) = before.get(p * K * WORDS..(p + 1) * K * WORDS) {
                state.as_flattened_mut().copy_from_slice(before);
            }
            for (step, streams) in streams.steps().enumerate() {
                let marks = self.step(&place, streams, &mut state, &mut list);
                marks.iter().enumerate().for_each(|(line, marks)| done.mark(line, step, p, marks));
                done.watch(step, p * K, &state);
            }
            done.keep_membranes(p * K, &state);
            if keep {
                done.state.extend_from_slice(state.as_flattened());
            }
        }
        done.tally(self.fused, self.level, self.sums);
        done
    }

    /// What the block's lines at a position of the fused slices need.
    #[inline(always)]
    pub(super) fn place<const K: usize>(&self, position: usize) -> LinesAtPosition<'t, K> {
        let first = position * self.fused.thresholds.len() + self.block.first;
        LinesAtPosition {
            weights: self.block.rows.as_chunks::<K>().0,
            taps: &self.rows.taps[self.rows.starts[position]..self.rows.starts[position + 1]],
            bias: &self.bias[first..first + K],
            thresholds: &self.fused.thresholds[self.block.first..self.block.first + K],
        }
    }

    /// One timestep at a position.
    #[inline(always)]
    pub(super) fn step<const K: usize, const WORDS: usize>(
        &self,
        place: &LinesAtPosition<K>,
        streams: &[FiredChannels],
        state: &mut [[[i32; LANES]; WORDS]],
        list: &mut RowList,
    ) -> [Marks; K]
    where
        N: Neuron<WORDS>,
    {
        let list = list.fill(self.level, place.taps, streams);
        let mut sums = [[0; LANES]; K];
        gather(self.level, place.weights, list, &mut sums);
        let mut marks = [Marks::default(); K];
        let lines = NeuronLines { state, sums: &sums, bias: place.bias, thresholds: place.thresholds };
        update(self.level, self.neuron, self.neuron.fixed().bounds(list.len()), lines, &mut marks);
        marks
    }
}
