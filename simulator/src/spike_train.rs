//! The input spikes of one pass, timestep by timestep, so that nobody need hold a value for every neuron and timestep.
//!
//! Place in the flow: a workload gives one, the chip enters it at the port of a network, a part of the pass at a time.
//! Invariant: what a timestep holds does not depend on which timesteps were asked for before.

use serde::Serialize;
use snnc_compiler::ir::Shape;

/// Spikes of `steps` maps `[c, h, w]`.
pub trait SpikeTrain: Sync {
    /// Shape of a timestep.
    fn shape(&self) -> Shape;

    /// Number of timesteps.
    fn steps(&self) -> u32;

    /// Calls `fired` for each neuron that fires in a timestep, ascending; neurons are numbered `[c, h, w]` row-major.
    fn each(&self, step: u32, fired: &mut dyn FnMut(usize));

    /// Calls `fired` for groups of up to 64 neurons side by side, ascending: with the first one and a bit for each that
    /// fires in a timestep, the first one's lowest.
    fn each_word(&self, step: u32, fired: &mut dyn FnMut(usize, u64)) {
        self.each(step, &mut |neuron| fired(neuron, 1));
    }

    /// All timesteps as `[t, c, h, w]` of 0 and 1.
    fn values(&self) -> Vec<f64> {
        let each = self.shape().len();
        let mut values = vec![0.0; each * self.steps() as usize];
        for (step, map) in (0..).zip(values.chunks_exact_mut(each.max(1))) {
            self.each(step, &mut |neuron| map[neuron] = 1.0);
        }
        values
    }
}

/// Spikes as values, `[t, c, h, w]`: whatever is not 0.
#[derive(Debug, Clone, Copy)]
pub struct FlatTrain<'v> {
    /// Shape of a timestep.
    pub shape: Shape,
    /// Whole timesteps.
    pub values: &'v [f64],
}

impl SpikeTrain for FlatTrain<'_> {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn steps(&self) -> u32 {
        (self.values.len() / self.shape.len().max(1)) as u32
    }

    fn each(&self, step: u32, fired: &mut dyn FnMut(usize)) {
        let first = step as usize * self.shape.len();
        let map = &self.values[first..first + self.shape.len()];
        map.iter().enumerate().filter(|&(_, &value)| value != 0.0).for_each(|(neuron, _)| fired(neuron));
    }
}

/// Trains of several samples, a bit a neuron and timestep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackedTrains {
    shape: Shape,
    steps: u32,
    /// Words of a timestep.
    stride: usize,
    words: Vec<u64>,
}

impl PackedTrains {
    /// No samples of `steps` maps of `shape`.
    pub fn new(shape: Shape, steps: u32) -> Self {
        Self { shape, steps, stride: shape.len().div_ceil(64), words: Vec::new() }
    }

    /// Shape and number of the timesteps of a sample.
    pub fn sides(&self) -> (Shape, u32) {
        (self.shape, self.steps)
    }

    /// So many samples; new ones have no spike.
    pub fn resize(&mut self, samples: usize) {
        self.words.resize(samples * self.stride * self.steps as usize, 0);
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.words.len() / (self.stride * self.steps as usize).max(1)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Lets a neuron of a sample fire in a timestep; whether it did not already.
    pub fn set(&mut self, (sample, step): (usize, usize), neuron: usize) -> bool {
        let (word, bit) = self.place((sample, step), neuron);
        let new = self.words[word] & bit == 0;
        self.words[word] |= bit;
        new
    }

    /// Word and bit of a neuron.
    fn place(&self, (sample, step): (usize, usize), neuron: usize) -> (usize, u64) {
        ((sample * self.steps as usize + step) * self.stride + neuron / 64, 1 << (neuron % 64))
    }

    /// Whether a sample has no spike.
    pub fn is_silent(&self, sample: usize) -> bool {
        let each = self.stride * self.steps as usize;
        self.words[sample * each..(sample + 1) * each].iter().all(|&word| word == 0)
    }

    /// One sample.
    pub fn train(&self, sample: usize) -> PackedTrain<'_> {
        let each = self.stride * self.steps as usize;
        PackedTrain { trains: self, words: &self.words[sample * each..(sample + 1) * each] }
    }
}

/// One sample of [`PackedTrains`].
#[derive(Debug, Clone, Copy)]
pub struct PackedTrain<'t> {
    trains: &'t PackedTrains,
    words: &'t [u64],
}

impl SpikeTrain for PackedTrain<'_> {
    fn shape(&self) -> Shape {
        self.trains.shape
    }

    fn steps(&self) -> u32 {
        self.trains.steps
    }

    fn each(&self, step: u32, fired: &mut dyn FnMut(usize)) {
        let stride = self.trains.stride;
        for (first, &word) in (0..).step_by(64).zip(&self.words[step as usize * stride..][..stride]) {
            let mut word = word;
            while word != 0 {
                fired(first + word.trailing_zeros() as usize);
                word &= word - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_trains_hold_what_was_set() {
        let shape = Shape::new(3, 5, 7);
        let mut packed = PackedTrains::new(shape, 3);
        packed.resize(2);
        let spikes: Vec<(usize, usize, usize)> = (0..2)
            .flat_map(|n| (0..3).flat_map(move |t| [n + t, 63, 64, 104].map(|at| (n, t, at))))
            .collect();
        for &(sample, step, neuron) in &spikes {
            assert!(packed.set((sample, step), neuron));
            assert!(!packed.set((sample, step), neuron));
        }
        assert_eq!((packed.len(), packed.is_silent(1)), (2, false));
        for sample in 0..2 {
            let mut expected = vec![0.0; 3 * 105];
            let own = spikes.iter().filter(|spike| spike.0 == sample);
            own.for_each(|&(_, step, neuron)| expected[step * 105 + neuron] = 1.0);
            assert_eq!(packed.train(sample).values(), expected);
            assert_eq!(FlatTrain { shape, values: &expected }.values(), expected);
        }
        packed.resize(3);
        assert!(packed.is_silent(2));
    }
}
