//! Spikes of a population in a pass, as bits: what its tasks write and everything behind it reads.
//!
//! Bit `position * channels + channel` of a timestep, positions row-major over the whole population, so a position's
//! channels lie together and a timestep needs a bit a neuron. [`Spikes::index`] lists each position's channels, which
//! is what summing rows of weights walks.

use snnc_compiler::ir::Shape;
use snnc_compiler::ir::program::Slice;

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
    /// First entry of `channels` of each position of each timestep, and one past the last; empty without an index.
    starts: Vec<u32>,
    channels: Vec<u32>,
}

impl Spikes {
    /// None yet.
    pub fn new(shape: Shape, steps: usize) -> Self {
        let stride = shape.len().div_ceil(64);
        Self { shape, stride, words: vec![0; stride * steps], starts: Vec::new(), channels: Vec::new() }
    }

    /// Bit of a channel of a position.
    pub fn bit(&self, position: usize, channel: usize) -> usize {
        position * self.shape.channels + channel
    }

    /// Adds spikes from bit `first` of a timestep on; bit i of `bits` is the neuron `first + i`.
    #[inline]
    pub fn add(&mut self, step: usize, first: usize, bits: u64) {
        let (word, shift) = (step * self.stride + first / 64, first % 64);
        self.words[word] |= bits << shift;
        if shift > 0 && bits >> (64 - shift) != 0 {
            self.words[word + 1] |= bits >> (64 - shift);
        }
    }

    /// Up to 64 bits of a timestep from bit `first` on.
    #[inline]
    pub fn bits(&self, step: usize, first: usize, len: usize) -> u64 {
        bits(&self.words[step * self.stride..(step + 1) * self.stride], first, len)
    }

    /// Lists the channels of every position; call once all spikes are there.
    pub fn index(&mut self) {
        let positions = self.shape.positions();
        self.starts.reserve(self.words.len() / self.stride.max(1) * positions + 1);
        self.starts.push(0);
        for step in self.words.chunks_exact(self.stride.max(1)) {
            let (mut first, mut end) = (0, self.shape.channels);
            let mut left = positions;
            for (i, &word) in step.iter().enumerate() {
                let mut word = word;
                while word != 0 {
                    let bit = i * 64 + word.trailing_zeros() as usize;
                    word &= word - 1;
                    while bit >= end {
                        self.starts.push(self.channels.len() as u32);
                        (first, end, left) = (end, end + self.shape.channels, left - 1);
                    }
                    self.channels.push((bit - first) as u32);
                }
            }
            self.starts.extend(std::iter::repeat_n(self.channels.len() as u32, left));
        }
        self.channels.resize(self.channels.len() + MARGIN, 0);
    }

    /// Channels that fired at each position of a timestep: `channels[starts[p]..starts[p + 1]]`, and [`MARGIN`] more
    /// entries behind the last. Needs the index.
    #[inline]
    pub fn lists(&self, step: usize) -> (&[u32], &[u32]) {
        let positions = self.shape.positions();
        (&self.starts[step * positions..=(step + 1) * positions], &self.channels)
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
    fn pattern(shape: Shape) -> (Spikes, Vec<Vec<bool>>) {
        let mut spikes = Spikes::new(shape, 2);
        let fires = |step: usize, bit: usize| if step == 0 { bit % 3 == 1 } else { bit + 1 == shape.len() };
        let flags: Vec<Vec<bool>> =
            (0..2).map(|step| (0..shape.len()).map(|bit| fires(step, bit)).collect()).collect();
        for (step, flags) in flags.iter().enumerate() {
            for first in (0..shape.len()).step_by(7) {
                let chunk = flags[first..(first + 7).min(shape.len())].iter().enumerate();
                spikes.add(step, first, chunk.fold(0, |bits, (i, &flag)| bits | u64::from(flag) << i));
            }
        }
        spikes.index();
        (spikes, flags)
    }

    #[test]
    fn lists_bits_and_slices_say_the_same() {
        for (channels, height, width) in [(1, 1, 200), (3, 5, 7), (64, 2, 2), (70, 3, 1), (130, 1, 2)] {
            let shape = Shape { channels, height, width };
            let (spikes, flags) = pattern(shape);
            for (step, flags) in flags.iter().enumerate() {
                let (starts, lists) = spikes.lists(step);
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
