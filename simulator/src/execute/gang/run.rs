//! One part of a gang through its window: spikes -> sums -> neurons -> spikes.

use std::ops::Range;

use snnc_compiler::ir::PopulationId;

use super::done::Done;
use super::lists::Lists;
use super::rows::{Block, Rows, Tap};
use super::{Gang, Part, Synapses};
use crate::execute::arrivals::Sums;
use crate::execute::kernels::LANES;
use crate::execute::kernels::gather::gather;
use crate::execute::kernels::level::{Level, dispatch};
use crate::execute::kernels::scatter::add_packets;
use crate::execute::kernels::update::update;
use crate::execute::pass::Pass;
use crate::execute::spikes::{List, MARGIN};
use crate::neuron::{Lines, Marks, Neuron, with_neuron};

/// Rows of the spikes in a position's taps.
#[derive(Default)]
struct RowList {
    rows: Vec<u32>,
    len: usize,
}

impl RowList {
    /// Lists the rows of what the taps' streams bring.
    fn fill(&mut self, level: Level, taps: &[Tap], streams: &[List]) -> &[u32] {
        fill(level, self, taps, streams);
        &self.rows[..self.len]
    }
}

fn fill(level: Level, list: &mut RowList, taps: &[Tap], streams: &[List]) {
    dispatch!(level, fill_body(list: &mut RowList, taps: &[Tap], streams: &[List]))
}

/// Whole vectors are copied, and what is too much written over; most taps bring less than one, and it is copied whether
/// there is any spike or not, as that is as good as random.
#[inline(always)]
fn fill_body(list: &mut RowList, taps: &[Tap], streams: &[List]) {
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

impl Gang {
    /// Runs the window of its population; `written` are the host's biases, by slot.
    pub(in crate::execute) fn run(
        &self,
        pass: &Pass,
        population: PopulationId,
        written: Option<&[[i32; LANES]]>,
        part: &Part,
    ) -> Done {
        let bias = written.unwrap_or(&self.bias);
        with_neuron!(&self.rule, neuron => self.run_as(neuron, pass, population, bias, part))
    }

    /// The same with the model of its neurons known.
    fn run_as<const WORDS: usize, N: Neuron<WORDS>>(
        &self,
        neuron: &N,
        pass: &Pass,
        population: PopulationId,
        bias: &[[i32; LANES]],
        part: &Part,
    ) -> Done {
        match (&self.synapses, part) {
            (Synapses::Rows(rows), Part::Block(block, positions)) => {
                let (block, positions) = (&rows.blocks[*block], positions.clone());
                let streams = Streams::new(rows, pass, population);
                let steps = pass.window(population).steps as usize;
                let (level, sums) = (pass.chip.level, pass.chip.postage.sums.as_slice());
                let task = Task { gang: self, neuron, level, rows, block, positions, steps, bias, sums };
                match block.lines {
                    8 => task.run::<8, WORDS>(&streams),
                    4 => task.run::<4, WORDS>(&streams),
                    3 => task.run::<3, WORDS>(&streams),
                    2 => task.run::<2, WORDS>(&streams),
                    _ => task.run::<1, WORDS>(&streams),
                }
            }
            (Synapses::Lists(lists), Part::Whole) => self.run_lists(neuron, lists, pass, population, bias),
            _ => unreachable!("gangs with rows, and only those, are cut into blocks"),
        }
    }

    /// Synaptic operations of its arriving spikes in units, by timestep of the window.
    pub(in crate::execute) fn units(&self, pass: &Pass, population: PopulationId) -> Vec<u64> {
        let steps = pass.window(population).steps as usize;
        let Synapses::Rows(rows) = &self.synapses else { return Vec::new() };
        let streams = Streams::new(rows, pass, population);
        let mut units = vec![0; steps];
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
        lists: &Lists,
        pass: &Pass,
        population: PopulationId,
        bias: &[[i32; LANES]],
    ) -> Done {
        let window = pass.window(population);
        let mut done = Done::new(0, 1, 0..bias.len(), window.steps as usize);
        let mut state = vec![[[0; LANES]; WORDS]; bias.len()];
        let mut sums = vec![[0; LANES]; bias.len()];
        let mut partial = vec![0; bias.len() * LANES];
        let (mut hits, mut marks) = (Vec::new(), vec![Marks::default(); bias.len()]);
        for (step, now) in (window.start..window.end()).enumerate() {
            let mut units = 0;
            for feed in &lists.feeds {
                units += lists.hit(feed, pass.fired(feed.source, now, feed.delay), &mut hits);
            }
            done.units.push(units);
            sums.as_flattened_mut().fill(0);
            let flat = sums.as_flattened_mut();
            add_packets(pass.chip.level, &lists.weights, &lists.lists, &hits, &mut partial, flat);
            hits.clear();
            let lines = Lines { state: &mut state, sums: &sums, bias, thresholds: &self.thresholds };
            update(pass.chip.level, neuron, false, lines, &mut marks);
            marks.iter().enumerate().for_each(|(words, marks)| done.mark(0, step, words, marks));
        }
        done.keep_membranes(0, &state);
        done.tally(self, pass.chip.level, &pass.chip.postage.sums);
        done
    }
}

/// What the streams of a gang bring, `[timestep of the window][stream]`.
struct Streams<'p> {
    brought: Vec<List<'p>>,
    /// Streams.
    each: usize,
    /// Timesteps.
    steps: usize,
}

impl<'p> Streams<'p> {
    fn new(rows: &Rows, pass: &'p Pass, population: PopulationId) -> Self {
        let window = pass.window(population);
        let brought = |step: u32, stream: &super::rows::Stream| {
            let sent = pass.sent(stream.population, step, stream.delay)?;
            Some(pass.record(stream.population).spikes.list(sent))
        };
        let steps = window.start..window.end();
        let of_step = |step| rows.streams.iter().map(move |stream| brought(step, stream).unwrap_or_default());
        Self {
            brought: steps.flat_map(of_step).collect(),
            each: rows.streams.len(),
            steps: window.steps as usize,
        }
    }

    /// Timestep by timestep.
    fn steps(&self) -> impl Iterator<Item = &[List<'p>]> {
        (0..self.steps).map(|step| &self.brought[step * self.each..(step + 1) * self.each])
    }
}

/// A block of lines at some positions.
struct Task<'t, N> {
    gang: &'t Gang,
    neuron: &'t N,
    level: Level,
    rows: &'t Rows,
    block: &'t Block,
    positions: Range<usize>,
    steps: usize,
    bias: &'t [[i32; LANES]],
    sums: &'t [Sums],
}

impl<N> Task<'_, N> {
    /// Position by position, each through the whole window: its state stays in the first-level cache.
    fn run<const K: usize, const WORDS: usize>(&self, streams: &Streams) -> Done
    where
        N: Neuron<WORDS>,
    {
        let Self { gang, neuron, level, block, steps, .. } = *self;
        let weights = block.rows.as_chunks::<K>().0;
        let thresholds = &gang.thresholds[block.first..block.first + K];
        let lines = gang.thresholds.len();
        let mut done = Done::new(block.first, K, self.positions.clone(), steps);
        let mut list = RowList::default();
        for (p, position) in self.positions.clone().enumerate() {
            let first = position * lines + block.first;
            let bias = &self.bias[first..first + K];
            let taps = &self.rows.taps[self.rows.starts[position]..self.rows.starts[position + 1]];
            let mut state = [[[0; LANES]; WORDS]; K];
            for (step, streams) in streams.steps().enumerate() {
                let list = list.fill(level, taps, streams);
                let mut sums = [[0; LANES]; K];
                gather(level, weights, list, &mut sums);
                let mut marks = [Marks::default(); K];
                let lines = Lines { state: &mut state, sums: &sums, bias, thresholds };
                update(level, neuron, neuron.fixed().bounds(list.len()), lines, &mut marks);
                marks.iter().enumerate().for_each(|(line, marks)| done.mark(line, step, p, marks));
            }
            done.keep_membranes(p * K, &state);
        }
        done.tally(gang, level, self.sums);
        done
    }
}
