//! Spikes of a population in a pass, as bits: what its tasks write and everything behind it reads.
//!
//! Bit `position * channels + channel` of a timestep, positions row-major over the whole population, so a position's
//! channels lie together and a timestep needs a bit a neuron. A [`FiredBits`] lists the bits that are set and knows
//! where each position's begin, which is what summing rows of weights walks.

use std::ops::Range;

use rayon::prelude::*;
use snnc_compiler::ir::Shape;
use snnc_compiler::ir::program::Slice;

use super::kernels::level::SimdLevel;
use super::kernels::list::{MARGIN, append, bits, list};
use super::slice::SliceSpike;

/// Spikes by timestep of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpikeBits {
    shape: Shape,
    /// Words of a timestep.
    stride: usize,
    words: Vec<u64>,
    lists: Option<FiredBitLists>,
}

/// Neurons that fired, by timestep and position.
#[derive(Debug, Clone, PartialEq, Eq)]
struct FiredBitLists {
    /// By timestep: the first listed bit of each position, and one past the last.
    starts: Vec<u32>,
    /// First listed bit of each timestep, and one past the last.
    firsts: Vec<usize>,
    /// By timestep: the bits that are set, and [`MARGIN`] entries more.
    bits: Vec<u32>,
}

/// Neurons that fired in a timestep, as bits of [`SpikeBits`]: those of position p are `bits[starts[p]..starts[p +
/// 1]]`; behind the last are [`MARGIN`] entries more. Nothing fired if it is empty.
#[derive(Debug, Clone, Copy, Default)]
pub struct FiredBits<'s> {
    /// One for each position, and one past the last.
    pub starts: &'s [u32],
    /// Ascending.
    pub bits: &'s [u32],
}

impl<'s> FiredBits<'s> {
    /// Where the bits of consecutive positions are.
    #[inline(always)]
    pub fn span(&self, positions: Range<usize>) -> Range<usize> {
        match (self.starts.get(positions.start), self.starts.get(positions.end)) {
            (Some(&start), Some(&end)) => start as usize..end as usize,
            _ => 0..0,
        }
    }

    /// Bits of a position.
    pub fn at(&self, position: usize) -> &'s [u32] {
        &self.bits[self.span(position..position + 1)]
    }
}

/// Write access to the bits of one timestep.
#[derive(Debug)]
pub struct StepBitsMut<'s>(&'s mut [u64]);

impl StepBitsMut<'_> {
    /// Adds spikes from bit `first` on; bit i of `bits` is the neuron `first + i`.
    #[inline]
    pub fn add(&mut self, first: usize, bits: u64) {
        let (word, shift) = (first / 64, first % 64);
        self.0[word] |= bits << shift;
        if shift > 0 && bits >> (64 - shift) != 0 {
            self.0[word + 1] |= bits >> (64 - shift);
        }
    }

    /// Leaves the spikes of the neurons whose bits are set in `mask`.
    pub fn keep(&mut self, mask: &[u64]) {
        self.0.iter_mut().zip(mask).for_each(|(word, mask)| *word &= mask);
    }
}

impl SpikeBits {
    /// No spikes in `steps` timesteps.
    pub fn new(shape: Shape, steps: usize) -> Self {
        let stride = shape.len().div_ceil(64);
        Self { shape, stride, words: vec![0; stride * steps], lists: None }
    }

    /// Number of timesteps.
    pub fn steps(&self) -> usize {
        self.words.len() / self.stride.max(1)
    }

    /// The last timesteps, `steps` at most, without an index.
    pub fn last(&self, steps: usize) -> Self {
        let first = self.words.len().saturating_sub(steps * self.stride);
        Self { words: self.words[first..].to_vec(), lists: None, ..*self }
    }

    /// Enters other spikes as the first timesteps.
    pub fn copy_first(&mut self, other: &Self) {
        self.words[..other.words.len()].copy_from_slice(&other.words);
    }

    /// Spikes of a timestep.
    pub fn count(&self, step: usize) -> usize {
        self.words[step * self.stride..][..self.stride].iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Bit of a channel of a position.
    pub fn bit(&self, position: usize, channel: usize) -> usize {
        position * self.shape.channels + channel
    }

    /// Lets `write` add the spikes of each timestep, several timesteps at a time on so many threads. If they are to be
    /// read by position, `index` says with which instructions to list them, and how many `write` will add in each
    /// timestep.
    pub fn write(
        &mut self,
        threads: usize,
        index: Option<(SimdLevel, &[usize])>,
        write: impl Fn(usize, &mut StepBitsMut) + Sync,
    ) {
        let stride = self.stride.max(1);
        let steps = self.words.len() / stride;
        let share = steps.div_ceil(threads).max(1);
        let words = self.words.par_chunks_exact_mut(stride).enumerate();
        let Some((level, spikes)) = index else {
            return words.with_min_len(share).for_each(|(step, words)| write(step, &mut StepBitsMut(words)));
        };
        let lists = self.lists.insert(FiredBitLists::new(self.shape, spikes));
        let width = self.shape.channels;
        let one = |(step, words): (usize, &mut [u64]), (starts, bits): (&mut [u32], &mut [u32])| {
            write(step, &mut StepBitsMut(words));
            list(level, width, words, starts, bits);
            bits[spikes[step]..].fill(0);
        };
        words.zip(lists.steps()).with_min_len(share).for_each(|(step, lists)| one(step, lists));
    }

    /// Lets `write` add the spikes of the next timestep, `step`. If they are to be read by position, `index` says
    /// with which instructions to list them.
    pub fn append(&mut self, step: usize, index: Option<SimdLevel>, write: impl FnOnce(&mut StepBitsMut)) {
        let words = &mut self.words[step * self.stride..(step + 1) * self.stride];
        write(&mut StepBitsMut(words));
        let Some(level) = index else { return };
        let lists = self.lists.get_or_insert_with(|| FiredBitLists::new(self.shape, &[]));
        let spikes: usize = words.iter().map(|word| word.count_ones() as usize).sum();
        let (start, first) = (lists.starts.len(), lists.bits.len());
        lists.starts.resize(start + self.shape.positions() + 1, 0);
        lists.bits.resize(first + spikes + MARGIN, 0);
        lists.firsts.push(lists.bits.len());
        let bits = &mut lists.bits[first..];
        list(level, self.shape.channels, words, &mut lists.starts[start..], bits);
        bits[spikes..].fill(0);
    }

    /// Up to 64 bits of a timestep from bit `first` on.
    #[inline]
    pub fn bits(&self, step: usize, first: usize, len: usize) -> u64 {
        bits(&self.words[step * self.stride..(step + 1) * self.stride], first, len)
    }

    /// Neurons that fired in a timestep, by position. Needs the index.
    #[inline]
    pub fn list(&self, step: usize) -> FiredBits<'_> {
        let Some(FiredBitLists { starts, firsts, bits }) = &self.lists else {
            return FiredBits::default();
        };
        let each = self.shape.positions() + 1;
        FiredBits {
            starts: &starts[step * each..(step + 1) * each],
            bits: &bits[firsts[step]..firsts[step + 1]],
        }
    }

    /// A bit a neuron of a timestep, and the bits behind the last neuron of its last word, which are 0.
    pub fn words(&self, step: usize) -> &[u64] {
        &self.words[step * self.stride..][..self.stride]
    }

    /// Bits of a timestep that are set, ascending: the neurons that fired, of a population of one channel. They are
    /// added to `fired`.
    pub fn neurons(&self, level: SimdLevel, step: usize, fired: &mut Vec<u32>) {
        append(level, self.words(step), fired);
    }

    /// Spikes of a slice, ascending.
    pub fn of_slice(&self, slice: &Slice, step: usize) -> Vec<SliceSpike> {
        let (atoms, cols) = (slice.atoms() as usize, (slice.cols.end - slice.cols.start) as usize);
        // With all channels a row of positions is one range of bits.
        let together = if atoms == self.shape.channels { cols } else { 1 };
        let mut spikes = Vec::new();
        for position in (0..slice.positions() as usize).step_by(together) {
            let first = self.slice_bit(slice, position);
            for start in (0..together * atoms).step_by(64) {
                let len = (together * atoms - start).min(64);
                let mut word = self.bits(step, first + start, len);
                while word != 0 {
                    let offset = start + word.trailing_zeros() as usize;
                    word &= word - 1;
                    let at = position + offset / atoms;
                    spikes.push(SliceSpike { position: at as u32, atom: (offset % atoms) as u32 });
                }
            }
        }
        spikes
    }

    /// Adds a spike of each neuron of a slice to the first timestep.
    pub fn add_slice(&mut self, slice: &Slice) {
        let atoms = slice.atoms() as usize;
        for position in 0..slice.positions() as usize {
            let first = self.slice_bit(slice, position);
            let mut words = StepBitsMut(&mut self.words[..self.stride]);
            for start in (0..atoms).step_by(64) {
                words.add(first + start, u64::MAX >> (64 - (atoms - start).min(64)));
            }
        }
    }

    /// The words of all timesteps, one after the other.
    pub fn into_words(self) -> Vec<u64> {
        self.words
    }

    /// Bit of the first channel of a slice's position.
    fn slice_bit(&self, slice: &Slice, position: usize) -> usize {
        let (y, x) = slice.coordinates(position as u32);
        self.bit(y as usize * self.shape.width + x as usize, slice.channels.start as usize)
    }
}

impl FiredBitLists {
    /// Room for so many spikes by timestep.
    fn new(shape: Shape, spikes: &[usize]) -> Self {
        let mut firsts = vec![0];
        firsts.extend(spikes.iter().scan(0, |end, spikes| {
            *end += spikes + MARGIN;
            Some(*end)
        }));
        let bits = vec![0; firsts[spikes.len()]];
        Self { starts: vec![0; (shape.positions() + 1) * spikes.len()], firsts, bits }
    }

    /// Starts and bits of each timestep.
    fn steps(&mut self) -> Vec<(&mut [u32], &mut [u32])> {
        let steps = self.firsts.len() - 1;
        let each = (self.starts.len() / steps.max(1)).max(1);
        let starts = self.starts.chunks_exact_mut(each);
        let mut rest = self.bits.as_mut_slice();
        let lengths = self.firsts.windows(2).map(|firsts| firsts[1] - firsts[0]);
        let bits = lengths.map(|length| {
            let (step, behind) = std::mem::take(&mut rest).split_at_mut(length);
            rest = behind;
            step
        });
        starts.zip(bits).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use snnc_compiler::ir::PopulationId;

    /// Every third neuron, and in another pattern the last.
    fn pattern(level: SimdLevel, shape: Shape) -> (SpikeBits, Vec<Vec<bool>>) {
        let mut spikes = SpikeBits::new(shape, 2);
        let fires = |step: usize, bit: usize| if step == 0 { bit % 3 == 1 } else { bit + 1 == shape.len() };
        let flags: Vec<Vec<bool>> =
            (0..2).map(|step| (0..shape.len()).map(|bit| fires(step, bit)).collect()).collect();
        let fired: Vec<usize> =
            flags.iter().map(|flags| flags.iter().filter(|&&flag| flag).count()).collect();
        spikes.write(2, Some((level, &fired)), |step, words| {
            for first in (0..shape.len()).step_by(7) {
                let chunk = flags[step][first..(first + 7).min(shape.len())].iter().enumerate();
                words.add(first, chunk.fold(0, |bits, (i, &flag)| bits | u64::from(flag) << i));
            }
        });
        (spikes, flags)
    }

    #[test]
    fn lists_bits_and_slices_say_the_same() {
        let shapes = [(1, 1, 200), (3, 5, 7), (64, 2, 2), (70, 3, 1), (130, 1, 2)];
        let of_level = |level| shapes.map(|shape| (level, shape));
        for (level, (channels, height, width)) in SimdLevel::available().into_iter().flat_map(of_level) {
            let shape = Shape { channels, height, width };
            let (spikes, flags) = pattern(level, shape);
            for (step, flags) in flags.iter().enumerate() {
                let mut fired = vec![9];
                spikes.neurons(level, step, &mut fired);
                let set = (0..flags.len() as u32).filter(|&bit| flags[bit as usize]);
                assert!(fired.into_iter().eq(std::iter::once(9).chain(set)));
                let list = spikes.list(step);
                for position in 0..shape.positions() {
                    let here = &flags[position * channels..(position + 1) * channels];
                    let bit = |c: usize| (position * channels + c) as u32;
                    let wanted: Vec<u32> = (0..channels).filter(|&c| here[c]).map(bit).collect();
                    assert_eq!(list.at(position), wanted);
                }
                for channels in [0..channels as u32, channels as u32 / 2..channels as u32] {
                    let rows = height as u32 / 2..height as u32;
                    let slice = Slice { population: PopulationId(0), channels, rows, cols: 0..width as u32 };
                    let mut found = Vec::new();
                    for position in 0..slice.positions() {
                        for atom in 0..slice.atoms() {
                            let (y, x) = slice.coordinates(position);
                            let at = y as usize * width + x as usize;
                            if flags[spikes.bit(at, (slice.channels.start + atom) as usize)] {
                                found.push(SliceSpike { position, atom });
                            }
                        }
                    }
                    assert_eq!(spikes.of_slice(&slice, step), found);
                }
            }
        }
    }
}
