//! Spikes of a population in a pass, as bits: what its tasks write and everything behind it reads.
//!
//! Bit `position * channels + channel` of a timestep, positions row-major over the whole population, so a position's
//! channels lie together and a timestep needs a bit a neuron. [`Lists`] hold each position's channels, which is what
//! summing rows of weights walks.

use rayon::prelude::*;
use snnc_compiler::ir::Shape;
use snnc_compiler::ir::program::Slice;

use super::kernels::level::{Level, dispatch};
use super::slice::Spike;

/// Entries behind a list of channels that may be read.
pub const MARGIN: usize = 16;

/// Spikes by timestep of the window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spikes {
    shape: Shape,
    /// Words of a timestep.
    stride: usize,
    words: Vec<u64>,
    /// By timestep; empty without an index.
    lists: Vec<Lists>,
}

/// Channels that fired in a timestep: those of position p are `channels[starts[p]..starts[p + 1]]`; behind the last are
/// [`MARGIN`] entries more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    /// One for each position, and one past the last.
    pub starts: Vec<u32>,
    /// Ascending at each position.
    pub channels: Vec<u32>,
}

/// One timestep, for who writes it.
#[derive(Debug)]
pub struct StepMut<'s>(&'s mut [u64]);

impl StepMut<'_> {
    /// Adds spikes from bit `first` on; bit i of `bits` is the neuron `first + i`.
    #[inline]
    pub fn add(&mut self, first: usize, bits: u64) {
        let (word, shift) = (first / 64, first % 64);
        self.0[word] |= bits << shift;
        if shift > 0 && bits >> (64 - shift) != 0 {
            self.0[word + 1] |= bits >> (64 - shift);
        }
    }
}

impl Spikes {
    /// None yet.
    pub fn new(shape: Shape, steps: usize) -> Self {
        let stride = shape.len().div_ceil(64);
        Self { shape, stride, words: vec![0; stride * steps], lists: Vec::new() }
    }

    /// Bit of a channel of a position.
    pub fn bit(&self, position: usize, channel: usize) -> usize {
        position * self.shape.channels + channel
    }

    /// Lets `write` add the spikes of each timestep, several timesteps at a time, and lists them if they are to be read
    /// by position, with the instructions of `index`.
    pub fn write(&mut self, index: Option<Level>, write: impl Fn(usize, &mut StepMut) + Sync) {
        let (shape, stride) = (self.shape, self.stride.max(1));
        let steps = self.words.len() / stride;
        let share = steps.div_ceil(rayon::current_num_threads()).max(1);
        let one = |(step, words): (usize, &mut [u64])| {
            write(step, &mut StepMut(words));
            index.map(|level| Lists::new(level, shape, words)).unwrap_or_default()
        };
        let each = self.words.par_chunks_exact_mut(stride).enumerate().with_min_len(share);
        self.lists = each.map(one).collect();
    }

    /// Up to 64 bits of a timestep from bit `first` on.
    #[inline]
    pub fn bits(&self, step: usize, first: usize, len: usize) -> u64 {
        bits(&self.words[step * self.stride..(step + 1) * self.stride], first, len)
    }

    /// Channels that fired in a timestep, by position. Needs the index.
    #[inline]
    pub fn lists(&self, step: usize) -> &Lists {
        &self.lists[step]
    }

    /// Spikes of a slice, ascending.
    pub fn of_slice(&self, slice: &Slice, step: usize) -> Vec<Spike> {
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
                    spikes.push(Spike { position: at as u32, atom: (offset % atoms) as u32 });
                }
            }
        }
        spikes
    }

    /// Bit of the first channel of a slice's position.
    fn slice_bit(&self, slice: &Slice, position: usize) -> usize {
        let (y, x) = slice.coordinates(position as u32);
        self.bit(y as usize * self.shape.width + x as usize, slice.channels.start as usize)
    }
}

impl Lists {
    fn new(level: Level, shape: Shape, words: &[u64]) -> Self {
        let spikes = words.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        let mut channels = vec![0; spikes + MARGIN];
        let mut starts = vec![0; shape.positions() + 1];
        list(level, shape.channels, words, &mut starts, &mut channels);
        channels[spikes..].fill(0);
        Self { starts, channels }
    }
}

/// Lists the bits of rows of `width` bits: row r's are `places[starts[r]..starts[r + 1]]`. Behind the last, up to [`MARGIN`]
/// places are written over.
fn list(level: Level, width: usize, words: &[u64], starts: &mut [u32], places: &mut [u32]) {
    dispatch!(level, list_body(width: usize, words: &[u64], starts: &mut [u32], places: &mut [u32]))
}

#[inline(always)]
fn list_body(width: usize, words: &[u64], starts: &mut [u32], places: &mut [u32]) {
    let mut end = 0;
    for (row, start) in starts[1..].iter_mut().enumerate() {
        for first in (0..width).step_by(64) {
            let mut word = bits(words, row * width + first, (width - first).min(64));
            let mut left = word.count_ones() as usize;
            let listed = end + left;
            // Four at a time, as whether there is one more is as good as random.
            while left > 0 {
                for place in places[end..].first_chunk_mut::<4>().into_iter().flatten() {
                    *place = first as u32 + word.trailing_zeros();
                    word &= word.wrapping_sub(1);
                }
                end += 4;
                left = left.saturating_sub(4);
            }
            end = listed;
        }
        *start = end as u32;
    }
}

/// Up to 64 bits of a row of words from bit `first` on.
#[inline]
pub fn bits(words: &[u64], first: usize, len: usize) -> u64 {
    let (word, shift) = (first / 64, first % 64);
    let low = words[word] >> shift;
    let high = if shift + len > 64 { words[word + 1] << (64 - shift) } else { 0 };
    (low | high) & (u64::MAX >> (64 - len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use snnc_compiler::ir::PopulationId;

    /// Every third neuron, and in another pattern the last.
    fn pattern(level: Level, shape: Shape) -> (Spikes, Vec<Vec<bool>>) {
        let mut spikes = Spikes::new(shape, 2);
        let fires = |step: usize, bit: usize| if step == 0 { bit % 3 == 1 } else { bit + 1 == shape.len() };
        let flags: Vec<Vec<bool>> =
            (0..2).map(|step| (0..shape.len()).map(|bit| fires(step, bit)).collect()).collect();
        spikes.write(Some(level), |step, words| {
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
        for (level, (channels, height, width)) in Level::available().into_iter().flat_map(of_level) {
            let shape = Shape { channels, height, width };
            let (spikes, flags) = pattern(level, shape);
            for (step, flags) in flags.iter().enumerate() {
                let Lists { starts, channels: lists } = spikes.lists(step);
                for position in 0..shape.positions() {
                    let here = &flags[position * channels..(position + 1) * channels];
                    let list: Vec<u32> = (0..channels as u32).filter(|&c| here[c as usize]).collect();
                    assert_eq!(lists[starts[position] as usize..starts[position + 1] as usize], list);
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
                                found.push(Spike { position, atom });
                            }
                        }
                    }
                    assert_eq!(spikes.of_slice(&slice, step), found);
                }
            }
        }
    }
}
