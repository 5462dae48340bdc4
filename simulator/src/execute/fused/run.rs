//! One part of fused slices through its window, or through one timestep of it: spikes -> sums -> neurons -> spikes.

use snnc_compiler::ir::PopulationId;

use super::neuron_rows::{NeuronBlock, NeuronRows, RowScratch};
use super::row_block::{BlockTask, Streams};
use super::scatter_lists::{ScatterLists, ScatterState};
use super::window_result::WindowResult;
use super::{FusedPart, FusedSlices, Synapses};
use crate::counts::Grain;
use crate::execute::kernels::LANES;
use crate::execute::kernels::count::BitCounts;
use crate::execute::kernels::list::append;
use crate::execute::kernels::scatter::add_packets;
use crate::execute::kernels::update::update;
use crate::execute::pass::ChipPass;
use crate::neuron::{Neuron, NeuronLines, with_neuron};

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
        let level = pass.chip.level;
        if grain == Grain::Timestep {
            let (mut units, mut fired) = (vec![0; steps.len() * members], Vec::new());
            for (now, units) in steps.zip(units.chunks_exact_mut(members)) {
                for stream in &rows.streams {
                    fired.clear();
                    if let Some(words) = stream.fired_in_pass(pass, population, now) {
                        append(level, words, &mut fired);
                    }
                    stream.count(fired.iter().map(|&neuron| (neuron as usize, 1)), units);
                }
            }
            return units;
        }
        let mut units = vec![0; members];
        for stream in &rows.streams {
            let mut spikes = BitCounts::new(stream.sources().div_ceil(LANES));
            let fired = steps.clone().filter_map(|now| stream.fired_in_pass(pass, population, now));
            fired.for_each(|words| spikes.add(level, words));
            stream.count(spikes.counts(), &mut units);
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
        let mut units = vec![0; streams.len()];
        for demand in &rows.demands {
            for (sum, streams) in units.iter_mut().zip(streams.steps()) {
                let brought = &streams[demand.stream];
                *sum += match &demand.channels {
                    None => {
                        let counts = brought.starts.windows(2).map(|span| u64::from(span[1] - span[0]));
                        counts.zip(&demand.units).map(|(spikes, units)| spikes * units).sum::<u64>()
                    }
                    Some(channels) => {
                        let alike = |p: usize, bit: u32| channels[bit as usize - p * channels.len()];
                        let spikes = |p| brought.at(p).iter().filter(|&&bit| alike(p, bit)).count() as u64;
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
            scratch.fired.clear();
            if let Some(words) = stream.fired(pass, population, now) {
                append(level, words, &mut scratch.fired);
            }
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
        add_packets(pass.chip.level, lists.weights.all(), &lists.lists, hits, partial, flat);
        // A packet adds to a sum at most once.
        let bounded = lists.weights.is_narrow() && neuron.fixed().bounds(hits.len());
        hits.clear();
        let lines = NeuronLines { state, sums, bias, thresholds: &self.thresholds };
        update(pass.chip.level, neuron, bounded, lines, marks);
    }
}
