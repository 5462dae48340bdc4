//! A part of fused slices timestep by timestep: for populations of a cycle, whose spikes of a timestep other parts
//! wait for.
//!
//! The kernels are those of [`super::run`]; what there lives for one position lives here from timestep to timestep.

use snnc_compiler::ir::PopulationId;

use super::neuron_rows::RowScratch;
use super::row_block::{BlockTask, RowList, brought};
use super::scatter_lists::ScatterState;
use super::window_result::WindowResult;
use super::{FusedPart, FusedSlices, Synapses};
use crate::execute::kernels::LANES;
use crate::execute::pass::ChipPass;
use crate::execute::spikes::FiredBits;
use crate::neuron::{Neuron, with_neuron};

/// A part of fused slices under way.
#[derive(Debug)]
pub struct StepwisePart<'g> {
    /// Its fused slices.
    pub fused: &'g FusedSlices,
    /// Population of the fused slices.
    pub population: PopulationId,
    part: FusedPart,
    bias: &'g [[i32; LANES]],
    /// `[position][line][word of state]`.
    state: Vec<[i32; LANES]>,
    list: RowList,
    scatter: ScatterState,
    /// Only of irregular populations.
    scratch: Option<RowScratch>,
    /// What it did so far; tallied by [`StepwisePart::finish`].
    pub done: WindowResult,
}

impl<'g> StepwisePart<'g> {
    /// The part before the window of its population; `written` are the host's biases, by slot, `before` is its state,
    /// empty if it is 0.
    pub(in crate::execute) fn new(
        fused: &'g FusedSlices,
        population: PopulationId,
        part: FusedPart,
        (written, before): (Option<&'g [[i32; LANES]]>, &[[i32; LANES]]),
        (steps, watched): (usize, bool),
    ) -> Self {
        let bias = written.unwrap_or(&fused.bias);
        let (done, scattered) = match (&fused.synapses, &part) {
            (Synapses::Rows(rows), FusedPart::Block(block, positions)) => {
                let block = &rows.blocks[*block];
                (WindowResult::new(block.first, block.lines, positions.clone(), steps), 0)
            }
            (Synapses::Neurons(_), FusedPart::Block(_, lines)) => {
                (WindowResult::new(0, 1, lines.clone(), steps), 0)
            }
            _ => (WindowResult::new(0, 1, 0..bias.len(), steps), bias.len()),
        };
        let scratch = match &fused.synapses {
            Synapses::Neurons(_) => Some(RowScratch::new(done.lines_held())),
            _ => None,
        };
        let mut state = vec![[0; LANES]; done.lines_held() * fused.rule.words()];
        state.iter_mut().zip(before).for_each(|(word, before)| *word = *before);
        let (list, scatter, done) =
            (RowList::default(), ScatterState::new(scattered), done.watching(watched));
        Self { fused, population, part, bias, state, list, scatter, scratch, done }
    }

    /// One timestep `now` of the pass, within the window. All spikes sent before it are in the records of `pass`.
    pub(in crate::execute) fn step(&mut self, pass: &ChipPass, now: u32) {
        let fused = self.fused;
        with_neuron!(&fused.rule, neuron => self.step_as(neuron, pass, now));
    }

    fn step_as<const WORDS: usize, N: Neuron<WORDS>>(&mut self, neuron: &N, pass: &ChipPass, now: u32) {
        let step = (now - pass.window(self.population).start) as usize;
        match (&self.fused.synapses, &self.part) {
            (Synapses::Rows(rows), FusedPart::Block(block, _)) => {
                let task = BlockTask::new(self.fused, neuron, pass, (rows, *block), self.bias);
                let streams: Vec<FiredBits> = brought(rows, (pass, self.population), now, false).collect();
                match task.block.lines {
                    8 => self.step_rows::<8, WORDS, N>(&task, step, &streams),
                    4 => self.step_rows::<4, WORDS, N>(&task, step, &streams),
                    3 => self.step_rows::<3, WORDS, N>(&task, step, &streams),
                    2 => self.step_rows::<2, WORDS, N>(&task, step, &streams),
                    _ => self.step_rows::<1, WORDS, N>(&task, step, &streams),
                }
            }
            (Synapses::Lists(lists), FusedPart::Whole) => {
                let state = self.state.as_chunks_mut().0;
                let now = (pass, self.population, now);
                self.fused.step_lists(neuron, lists, now, self.bias, state, &mut self.scatter);
                self.done.units.push(self.scatter.units);
                let marks = self.scatter.marks.iter().enumerate();
                marks.for_each(|(words, marks)| self.done.mark(0, step, words, marks));
                self.done.watch::<WORDS>(step, 0, self.state.as_chunks().0);
            }
            (Synapses::Neurons(rows), FusedPart::Block(block, _)) => {
                let Some(scratch) = &mut self.scratch else { unreachable!("irregular populations have it") };
                let state = self.state.as_chunks_mut().0;
                let now = (pass, self.population, now);
                self.fused.step_neurons(neuron, (rows, *block), now, self.bias, state, scratch);
                scratch.enter(&mut self.done, step);
                self.done.watch::<WORDS>(step, 0, self.state.as_chunks().0);
            }
            _ => unreachable!("lists, and only those, are not cut into blocks"),
        }
    }

    fn step_rows<const K: usize, const WORDS: usize, N: Neuron<WORDS>>(
        &mut self,
        task: &BlockTask<N>,
        step: usize,
        streams: &[FiredBits],
    ) {
        let FusedPart::Block(_, positions) = &self.part else { return };
        let lines = self.state.as_chunks_mut::<WORDS>().0;
        for ((p, position), state) in positions.clone().enumerate().zip(lines.chunks_exact_mut(K)) {
            let marks = task.step(&task.place::<K>(position), streams, state, &mut self.list);
            marks.iter().enumerate().for_each(|(line, marks)| self.done.mark(line, step, p, marks));
            self.done.watch(step, p * K, state);
        }
    }

    /// Sums up what was done, after the window, when all spikes of the cycle are known.
    pub(in crate::execute) fn finish(&mut self, pass: &ChipPass) {
        if let Synapses::Lists(lists) = &self.fused.synapses {
            let (end, mut hits) = (pass.window(self.population).end(), Vec::new());
            for now in end..end + pass.late(self.population) {
                self.done.units.push(lists.hits(pass, self.population, now, &mut hits));
                hits.clear();
            }
        }
        fn keep<const WORDS: usize, N: Neuron<WORDS>>(
            _: &N,
            done: &mut WindowResult,
            state: &[[i32; LANES]],
        ) {
            done.keep_membranes::<WORDS>(0, state.as_chunks().0);
        }
        with_neuron!(&self.fused.rule, neuron => keep(neuron, &mut self.done, &self.state));
        if pass.keeps_state() {
            self.done.state = std::mem::take(&mut self.state);
        }
        self.done.tally(self.fused, pass.chip.level, &pass.chip.packet_counter.sums);
    }
}
