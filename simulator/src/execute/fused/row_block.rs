//! A block of lines of fused slices with rows, position by position: rows of the spikes in its taps -> sums -> neurons.

use std::ops::Range;

use snnc_compiler::ir::PopulationId;

use super::FusedSlices;
use super::run::StateBefore;
use super::weight_rows::{LineBlock, TapRun, WeightRows};
use super::window_result::WindowResult;
use crate::execute::kernels::LANES;
use crate::execute::kernels::gather::{WeightLine, gather};
use crate::execute::kernels::level::{SimdLevel, dispatch};
use crate::execute::kernels::list::MARGIN;
use crate::execute::kernels::update::update;
use crate::execute::packet_counter::PositionSums;
use crate::execute::pass::{Arrival, ChipPass};
use crate::execute::spikes::FiredBits;
use crate::neuron::{Marks, Neuron, NeuronLines};

/// Rows of the spikes in a position's taps.
#[derive(Debug, Default)]
pub(super) struct RowList {
    rows: Vec<u32>,
    len: usize,
}

impl RowList {
    /// Lists the rows of what the taps' streams bring.
    fn fill(&mut self, level: SimdLevel, taps: &[TapRun], streams: &[FiredBits]) -> &[u32] {
        fill(level, self, taps, streams);
        &self.rows[..self.len]
    }
}

fn fill(level: SimdLevel, list: &mut RowList, taps: &[TapRun], streams: &[FiredBits]) {
    dispatch!(level, fill_body(list: &mut RowList, taps: &[TapRun], streams: &[FiredBits]))
}

/// Whole vectors are copied, and what is too much written over; most runs of taps bring less than one, and it is copied
/// whether there is any spike or not, as that is as good as random.
#[inline(always)]
fn fill_body(list: &mut RowList, taps: &[TapRun], streams: &[FiredBits]) {
    list.len = 0;
    for tap in taps {
        let brought = &streams[tap.stream as usize];
        let span = brought.span(tap.first as usize..tap.end as usize);
        let end = list.len + span.len();
        if list.rows.len() < end + MARGIN {
            list.rows.resize(2 * end + MARGIN, 0);
        }
        let mut from = brought.bits[span.start..].as_chunks::<MARGIN>().0.iter();
        let mut to = list.rows[list.len..].as_chunks_mut::<MARGIN>().0.iter_mut();
        let mut copy = || {
            let (Some(to), Some(from)) = (to.next(), from.next()) else { return };
            *to = from.map(|bit| tap.base.wrapping_add(bit));
        };
        copy();
        (1..span.len().div_ceil(MARGIN)).for_each(|_| copy());
        list.len = end;
    }
}

/// What the streams of fused slices bring, `[timestep of the window][stream]`.
pub(super) struct Streams<'p> {
    brought: Vec<FiredBits<'p>>,
    /// Streams.
    each: usize,
    /// Timesteps.
    steps: usize,
}

impl<'p> Streams<'p> {
    /// From the first timestep of a window up to `end`.
    pub(super) fn new(rows: &'p WeightRows, pass: &'p ChipPass, population: PopulationId, end: u32) -> Self {
        Self::of(rows, (pass, population), end, false)
    }

    /// Without what the pass before this one sent, which is counted there.
    pub(super) fn counted(
        rows: &'p WeightRows,
        pass: &'p ChipPass,
        population: PopulationId,
        end: u32,
    ) -> Self {
        Self::of(rows, (pass, population), end, true)
    }

    fn of(rows: &'p WeightRows, at: (&'p ChipPass, PopulationId), end: u32, own: bool) -> Self {
        let steps = at.0.window(at.1).start..end;
        let brought = steps.clone().flat_map(|now| brought(rows, at, now, own)).collect();
        Self { brought, each: rows.streams.len(), steps: steps.len() }
    }

    /// Timesteps.
    pub(super) fn len(&self) -> usize {
        self.steps
    }

    /// Timestep by timestep.
    pub(super) fn steps(&self) -> impl Iterator<Item = &[FiredBits<'p>]> {
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
) -> impl Iterator<Item = FiredBits<'p>> + 'p {
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
    taps: &'t [TapRun],
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
    pub(super) fn run<const K: usize, const WORDS: usize>(
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
        streams: &[FiredBits],
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
