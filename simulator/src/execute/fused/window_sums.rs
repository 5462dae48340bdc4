//! Sums over the marks of a part: what each slice did, timestep by timestep, and how often its spikes are received.

use std::ops::Range;

use super::window_result::{UpdateCounts, WindowResult, chunks, mask};
use super::{FusedSlices, Synapses};
use crate::execute::kernels::LANES;
use crate::execute::kernels::count::{count_masked, sum_masked};
use crate::execute::kernels::level::SimdLevel;
use crate::execute::kernels::list::bits;
use crate::execute::packet_counter::PositionSums;

impl WindowResult {
    /// Sums the marks for each slice; call once, when all are there. `sums` are those of all slices.
    pub(super) fn tally(&mut self, fused: &FusedSlices, level: SimdLevel, sums: &[PositionSums]) {
        let mut tallies = vec![UpdateCounts::default(); fused.slices.len() * self.steps];
        let mut counts = vec![0; self.steps];
        for (member, &slice) in fused.slices.iter().enumerate() {
            let summed = match &fused.synapses {
                Synapses::Neurons(_) => {
                    let own = fused.starts[member]..fused.starts[member + 1];
                    self.summed_by_slot(&sums[slice], own, 1)
                }
                Synapses::Lists(_) if fused.slices.len() == 1 => {
                    self.summed_by_slot(&sums[slice], 0..fused.width * fused.positions.len(), fused.width)
                }
                Synapses::Lists(_) => self.summed_by_lanes(fused, &sums[slice], member),
                Synapses::Rows(_) if sums[slice].are_sparse() => {
                    self.summed_by_line(fused, &sums[slice], member)
                }
                Synapses::Rows(_) => {
                    let summed = |factors: &Vec<u64>| self.summed(fused, level, factors, member);
                    sums[slice].factors.iter().map(summed).collect()
                }
            };
            self.sums.push(summed);
            let tallies = &mut tallies[member * self.steps..][..self.steps];
            let mut enter = |words: &[u64], field: fn(&mut UpdateCounts) -> &mut u64| {
                if !words.is_empty() {
                    counts.fill(0);
                    self.counted(fused, level, words, member, &mut counts);
                    tallies.iter_mut().zip(&counts).for_each(|(tally, &count)| *field(tally) = count);
                }
            };
            enter(&self.fired, |tally| &mut tally.spikes);
            enter(&self.active, |tally| &mut tally.active);
            enter(&self.saturated, |tally| &mut tally.saturated);
            enter(&self.overflowed, |tally| &mut tally.overflowed);
        }
        self.tallies = tallies;
        self.active = Vec::new();
    }

    /// Adds the marks of one slice to `counts`, by timestep.
    fn counted(
        &self,
        fused: &FusedSlices,
        level: SimdLevel,
        words: &[u64],
        member: usize,
        counts: &mut [u64],
    ) {
        let lanes = fused.starts[member]..fused.starts[member + 1];
        let each_line = self.steps * self.positions.len();
        match &fused.synapses {
            Synapses::Rows(_) => {
                for (line, words) in words.chunks_exact(each_line).enumerate() {
                    let start = (self.first + line) * LANES;
                    let of_position = |first: usize| mask(&(first + lanes.start..first + lanes.end), start);
                    let mask = fused.firsts().map(of_position).fold(0, std::ops::BitOr::bitor);
                    if mask != 0 {
                        count_masked(level, words, self.positions.len(), mask, counts);
                    }
                }
            }
            Synapses::Neurons(_) => {
                for (step, count) in counts.iter_mut().enumerate() {
                    let fired =
                        self.of_slots(words, step, &lanes).map(|(_, bits)| u64::from(bits.count_ones()));
                    *count += fired.sum::<u64>();
                }
            }
            Synapses::Lists(_) if fused.slices.len() == 1 => {
                count_masked(level, words, self.positions.len(), u64::MAX, counts);
            }
            Synapses::Lists(_) => {
                for (step, count) in counts.iter_mut().enumerate() {
                    *count += self.counts_by_position(fused, words, &lanes, step).sum::<u64>();
                }
            }
        }
    }

    /// Spikes of one slice of lines by timestep, each times the factor of its position.
    fn summed(&self, fused: &FusedSlices, level: SimdLevel, factors: &[u64], member: usize) -> Vec<u64> {
        let mut sums = vec![0; self.steps];
        self.each_line_of(fused, member, |words, local, mask| {
            let factors: Vec<u64> = self.positions.clone().map(|line| factors[local(line)]).collect();
            sum_masked(level, words, &factors, mask, &mut sums);
        });
        sums
    }

    /// The spikes of one slice of lines, `[sum][timestep]`: each times the factors of its position, one spiking
    /// position after another.
    fn summed_by_line(&self, fused: &FusedSlices, of: &PositionSums, member: usize) -> Vec<Vec<u64>> {
        let mut sums = vec![vec![0; self.steps]; of.factors.len()];
        self.each_line_of(fused, member, |words, local, mask| {
            for (step, words) in words.chunks_exact(self.positions.len()).enumerate() {
                let counts = self.positions.clone().zip(words);
                let counts = counts.map(|(line, word)| (line, u64::from((word & mask).count_ones())));
                let spiking = counts.filter(|&(_, count)| count != 0);
                of.add(spiking.map(|(line, count)| (local(line), count)), &mut sums, step);
            }
        });
        sums
    }

    /// Calls `visit` for each line with neurons of a slice: its spikes, `[timestep][position]`; what tells the position
    /// of the tile for one of the lines of positions; and the slice's lanes in it.
    fn each_line_of(
        &self,
        fused: &FusedSlices,
        member: usize,
        mut visit: impl FnMut(&[u64], &dyn Fn(usize) -> usize, u64),
    ) {
        let lanes = fused.starts[member]..fused.starts[member + 1];
        for (at, first) in fused.firsts().enumerate() {
            let local = |line: usize| fused.order.locals[line * fused.order.together + at];
            for (line, words) in self.fired.chunks_exact(self.steps * self.positions.len()).enumerate() {
                let mask = mask(&(first + lanes.start..first + lanes.end), (self.first + line) * LANES);
                if mask != 0 {
                    visit(words, &local, mask);
                }
            }
        }
    }

    /// The spikes of one of several slices of lists, `[sum][timestep]`: each times the factors of its position.
    fn summed_by_lanes(&self, fused: &FusedSlices, of: &PositionSums, member: usize) -> Vec<Vec<u64>> {
        let mut sums = vec![vec![0; self.steps]; of.factors.len()];
        if sums.is_empty() {
            return sums;
        }
        let lanes = fused.starts[member]..fused.starts[member + 1];
        for step in 0..self.steps {
            let counts = self.counts_by_position(fused, &self.fired, &lanes, step);
            of.add(counts.enumerate().filter(|&(_, count)| count != 0), &mut sums, step);
        }
        sums
    }

    /// Spikes of one slice that has these slots to itself, so many a position, `[sum][timestep]`: each times the
    /// factors of its position.
    fn summed_by_slot(&self, of: &PositionSums, own: Range<usize>, width: usize) -> Vec<Vec<u64>> {
        let mut sums = vec![vec![0; self.steps]; of.factors.len()];
        if sums.is_empty() {
            return sums;
        }
        for step in 0..self.steps {
            let fired = self.of_slots(&self.fired, step, &own);
            let fired = fired.flat_map(|(first, mut bits)| {
                std::iter::from_fn(move || {
                    let bit = bits.trailing_zeros() as usize;
                    bits &= bits.wrapping_sub(1);
                    (bit < LANES).then_some(first + bit)
                })
            });
            of.add(fired.map(|slot| ((slot - own.start) / width, 1)), &mut sums, step);
        }
        sums
    }

    /// Marks of some lanes in a timestep at each position; without rows.
    fn counts_by_position(
        &self,
        fused: &FusedSlices,
        words: &[u64],
        lanes: &Range<usize>,
        step: usize,
    ) -> impl Iterator<Item = u64> {
        let slots = self.slots(words, step);
        (0..fused.positions.len()).map(move |position| {
            let own = chunks(position * fused.width + lanes.start, lanes.len());
            own.map(|(at, len)| u64::from(bits(slots, at, len).count_ones())).sum()
        })
    }
}
