//! What a part of fused slices did: bits by line, timestep and position, and their sums for each slice.

use std::ops::Range;

use super::{FusedSlices, Synapses};
use crate::execute::kernels::LANES;
use crate::execute::kernels::list::bits;
use crate::execute::spikes::StepBitsMut;
use crate::neuron::Marks;

/// Neurons of one slice in one timestep.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UpdateCounts {
    /// Neurons that fired.
    pub spikes: u64,
    /// Neurons updated with input, bias or membrane other than 0.
    pub active: u64,
    /// Neurons whose membrane was clipped.
    pub saturated: u64,
    /// Neurons with an input sum beyond the accumulator.
    pub overflowed: u64,
}

impl std::ops::AddAssign<&UpdateCounts> for UpdateCounts {
    fn add_assign(&mut self, other: &Self) {
        self.spikes += other.spikes;
        self.active += other.active;
        self.saturated += other.saturated;
        self.overflowed += other.overflowed;
    }
}

/// What one part did. A part without rows has its slots as the positions of one line, 64 in each; so has one of an
/// irregular population, whose slots begin at the first of its `positions`.
#[derive(Debug, Clone)]
pub struct WindowResult {
    /// First line within a position, and lines.
    pub(super) first: usize,
    lines: usize,
    /// Positions of the fused slices; those that lie together are one.
    pub(super) positions: Range<usize>,
    pub(super) steps: usize,
    /// Membranes, `[position][line][lane]`.
    membranes: Vec<[i32; LANES]>,
    /// A word for each `[line][timestep][position]`.
    pub(super) fired: Vec<u64>,
    pub(super) active: Vec<u64>,
    /// Empty until a bit is set, which is rare.
    pub(super) saturated: Vec<u64>,
    pub(super) overflowed: Vec<u64>,
    /// `[slice][timestep]`.
    pub tallies: Vec<UpdateCounts>,
    /// Sums that the slices' receivers share, `[slice][sum][timestep]`; see
    /// [`PositionSums`](crate::execute::packet_counter::PositionSums).
    pub sums: Vec<Vec<Vec<u64>>>,
    /// Synapses of the packets in units, by timestep; only of lists.
    pub units: Vec<u64>,
    /// Words of state after the window, `[position][line][word]`, if another part of the pass goes on from them.
    pub(super) state: Vec<[i32; LANES]>,
    /// Membranes after each timestep, `[timestep][position][line]`, of a population that is watched; else none.
    watched: Vec<[i32; LANES]>,
}

impl WindowResult {
    /// Gives up the state after the window.
    pub fn take_state(&mut self) -> Vec<[i32; LANES]> {
        std::mem::take(&mut self.state)
    }

    /// The result before the first timestep.
    pub(super) fn new(first: usize, lines: usize, positions: Range<usize>, steps: usize) -> Self {
        let words = lines * positions.len() * steps;
        Self {
            first,
            lines,
            steps,
            membranes: vec![[0; LANES]; lines * positions.len()],
            positions,
            fired: vec![0; words],
            active: vec![0; words],
            saturated: Vec::new(),
            overflowed: Vec::new(),
            tallies: Vec::new(),
            sums: Vec::new(),
            units: Vec::new(),
            state: Vec::new(),
            watched: Vec::new(),
        }
    }

    /// Makes room for the membranes after each timestep, if they are to be recorded.
    #[must_use]
    pub(super) fn watching(mut self, watched: bool) -> Self {
        if watched {
            self.watched = vec![[0; LANES]; self.steps * self.membranes.len()];
        }
        self
    }

    /// Records the membranes of consecutive lines from line `first` of `[position][line]` on after a timestep, if they
    /// are wanted.
    #[inline]
    pub(super) fn watch<const WORDS: usize>(
        &mut self,
        step: usize,
        first: usize,
        state: &[[[i32; LANES]; WORDS]],
    ) {
        if self.watched.is_empty() {
            return;
        }
        let first = step * self.membranes.len() + first;
        for (membranes, words) in self.watched[first..].iter_mut().zip(state) {
            *membranes = words[WORDS - 1];
        }
    }

    /// Enters what happened to a line at a position (from the part's first) in a timestep.
    #[inline]
    pub(super) fn mark(&mut self, line: usize, step: usize, position: usize, marks: &Marks) {
        let word = (line * self.steps + step) * self.positions.len() + position;
        self.fired[word] = marks.fired;
        self.active[word] = marks.active;
        for (words, bits) in
            [(&mut self.saturated, marks.saturated), (&mut self.overflowed, marks.overflowed)]
        {
            if bits != 0 {
                words.resize(self.fired.len(), 0);
                words[word] = bits;
            }
        }
    }

    /// Lines at all its positions.
    pub(super) fn lines_held(&self) -> usize {
        self.membranes.len()
    }

    /// Keeps the membranes of consecutive lines from line `first` of `[position][line]` on: the last words of their
    /// state.
    #[inline]
    pub(super) fn keep_membranes<const WORDS: usize>(
        &mut self,
        first: usize,
        state: &[[[i32; LANES]; WORDS]],
    ) {
        for (membranes, words) in self.membranes[first..].iter_mut().zip(state) {
            *membranes = words[WORDS - 1];
        }
    }

    /// Spikes of all its slices in a timestep.
    pub fn spikes(&self, step: usize) -> usize {
        self.tallies.iter().skip(step).step_by(self.steps).map(|tally| tally.spikes as usize).sum()
    }

    /// Gives up the spikes, as they are in the population's now.
    pub fn forget_spikes(&mut self) {
        self.fired = Vec::new();
    }

    /// Marks of some slots in a timestep, as far as they are of this part, which has none in lines of positions: 64 at
    /// most, and the first of them.
    pub(super) fn of_slots<'w>(
        &self,
        words: &'w [u64],
        step: usize,
        slots: &Range<usize>,
    ) -> impl Iterator<Item = (usize, u64)> + use<'w> {
        let (first, words) = (self.positions.start * LANES, self.slots(words, step));
        let start = slots.start.max(first);
        let end = slots.end.min(first + words.len() * LANES).max(start);
        chunks(start, end - start).map(move |(at, len)| (at, bits(words, at - first, len)))
    }

    /// Words of one timestep of a part without rows.
    pub(super) fn slots<'w>(&self, words: &'w [u64], step: usize) -> &'w [u64] {
        &words[step * self.positions.len()..(step + 1) * self.positions.len()]
    }

    /// Writes the spikes of a timestep into the population's.
    pub fn deposit_spikes(&self, fused: &FusedSlices, channels: usize, step: usize, to: &mut StepBitsMut) {
        match &fused.synapses {
            Synapses::Rows(_) => self.each_range(fused, |line, at, (mask, channel)| {
                let start = (line * self.steps + step) * self.positions.len();
                let words = &self.fired[start..start + self.positions.len()];
                for (position, word) in self.places(fused, at).zip(words) {
                    if word & mask != 0 {
                        to.add(position * channels + channel, (word & mask) >> mask.trailing_zeros());
                    }
                }
            }),
            Synapses::Neurons(_) => {
                for (line, &word) in self.positions.clone().zip(self.slots(&self.fired, step)) {
                    to.add(line * LANES, word);
                }
            }
            Synapses::Lists(_) => {
                let slots = self.slots(&self.fired, step);
                for (slot, neuron, len) in fused.slot_runs.iter().copied() {
                    for (at, len) in chunks(slot, len) {
                        to.add(neuron + at - slot, bits(slots, at, len));
                    }
                }
            }
        }
    }

    /// Writes the membranes into the population's, `[position][channel]`.
    pub fn deposit_membranes(&self, fused: &FusedSlices, channels: usize, to: &mut [i32]) {
        self.deposit(&self.membranes, fused, channels, to);
    }

    /// Writes the membranes after a timestep, of a population that is watched, likewise.
    pub fn deposit_watched(&self, fused: &FusedSlices, (channels, step): (usize, usize), to: &mut [i32]) {
        let lines = self.membranes.len();
        self.deposit(&self.watched[step * lines..(step + 1) * lines], fused, channels, to);
    }

    /// Writes `[position][line][lane]` into the population's `[position][channel]`.
    fn deposit(&self, membranes: &[[i32; LANES]], fused: &FusedSlices, channels: usize, to: &mut [i32]) {
        match &fused.synapses {
            Synapses::Rows(_) => self.each_range(fused, |line, at, (mask, channel)| {
                let (lane, len) = (mask.trailing_zeros() as usize, mask.count_ones() as usize);
                for (i, position) in self.places(fused, at).enumerate() {
                    let first = position * channels + channel;
                    let from = &membranes[i * self.lines + line][lane..lane + len];
                    to[first..first + len].copy_from_slice(from);
                }
            }),
            Synapses::Neurons(_) => {
                let first = self.positions.start * LANES;
                to[first..].iter_mut().zip(membranes.as_flattened()).for_each(|(to, from)| *to = *from);
            }
            Synapses::Lists(_) => {
                for (slot, neuron, len) in fused.slot_runs.iter().copied() {
                    let from = &membranes.as_flattened()[slot..slot + len];
                    to[neuron..neuron + len].copy_from_slice(from);
                }
            }
        }
    }

    /// Population's positions of its lines of positions: of those that lie together the `at`-th.
    fn places<'f>(&self, fused: &'f FusedSlices, at: usize) -> impl Iterator<Item = usize> + use<'f> {
        let together = fused.order.together;
        let own = self.positions.start * together..self.positions.end * together;
        fused.positions[own].iter().copied().skip(at).step_by(together)
    }

    /// Calls `visit` for each range of lanes of a line that are consecutive channels: line of the part, which of the
    /// positions that lie together, mask of the lanes and channel of the first.
    fn each_range(&self, fused: &FusedSlices, mut visit: impl FnMut(usize, usize, (u64, usize))) {
        for line in 0..self.lines {
            let start = (self.first + line) * LANES;
            for (at, first) in fused.firsts().enumerate() {
                for span in &fused.spans {
                    let lane = first + span.lane;
                    let mask = mask(&(lane..lane + span.len), start);
                    if mask != 0 {
                        let skipped = start + mask.trailing_zeros() as usize - lane;
                        visit(line, at, (mask, span.channel + skipped));
                    }
                }
            }
        }
    }
}

/// Bits of `lanes` in the line that starts at a lane.
pub(super) fn mask(lanes: &Range<usize>, start: usize) -> u64 {
    let (from, to) = (lanes.start.max(start), lanes.end.min(start + LANES));
    if from >= to { 0 } else { (u64::MAX >> (LANES - (to - from))) << (from - start) }
}

/// A range in parts of at most 64: first and length.
pub(super) fn chunks(first: usize, len: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..len).step_by(64).map(move |at| (first + at, (len - at).min(64)))
}
