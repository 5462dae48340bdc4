//! Input spikes drawn by the host from a [`SpikeSource`].
//!
//! Draws are counter-based (Philox4x32-10): key = seed, counter = (timestep, pair of neurons, sample). So sample i has
//! the same spikes in any batch, on any thread, and whatever part of it is asked for.

use snnc_compiler::ir::Shape;
use snnc_compiler::ir::spike_source::{SpikePattern, SpikeSource};

use super::draws::{DRAWS, Draws};
use crate::execute::kernels::level::SimdLevel;
use crate::spike_train::SpikeTrain;

/// The spikes of one sample.
#[derive(Debug, Clone, PartialEq)]
pub struct DrawnTrain {
    shape: Shape,
    steps: u32,
    source: SpikeSource,
    sample: u64,
    /// Spikes a timestep of each neuron, or one for all.
    rates: Vec<f64>,
    /// Instructions that drawing uses.
    level: SimdLevel,
}

impl DrawnTrain {
    /// Sample number `sample`; `values` are those of its input map if the source's rates are of an input.
    ///
    /// # Errors
    /// The neuron and rate of one that is not 0 to 1.
    pub fn new(
        (shape, steps): (Shape, u32),
        source: SpikeSource,
        sample: u64,
        values: &[f64],
    ) -> Result<Self, (usize, f64)> {
        let rates = if source.of_input {
            values.iter().map(|value| value * source.rate).collect()
        } else {
            vec![source.rate]
        };
        match rates.iter().position(|rate| !(0.0..=1.0).contains(rate)) {
            Some(neuron) => Err((neuron, rates[neuron])),
            None => Ok(Self { shape, steps, source, sample, rates, level: SimdLevel::best() }),
        }
    }

    fn rate(&self, neuron: usize) -> f64 {
        if self.rates.len() == 1 { self.rates[0] } else { self.rates[neuron] }
    }

    /// Two neurons a block of Philox; a neuron fires if its 53 bits are below its rate times 2^53. `fired` gets the
    /// first of some neurons and a bit for each.
    fn poisson(&self, step: u32, fired: &mut dyn FnMut(usize, u64)) {
        let (key, [low, high]) = (words(self.source.seed), words(self.sample));
        let neurons = self.shape.len();
        // A rate of all neurons is decided for all of them at once.
        let (most, own_rates) = match self.rates[..] {
            [rate] => (bits_of(rate), false),
            _ => (i64::MAX, true),
        };
        let mut draws = Draws::default();
        for first in (0..neurons).step_by(WORD) {
            let mut word = 0;
            for part in (first..neurons.min(first + WORD)).step_by(DRAWS) {
                draws.draw(self.level, [step, (part / 2) as u32, low, high], key, most);
                if own_rates {
                    let fires = |&at: &usize| draws.of(at) < bits_of(self.rate(part + at));
                    let bits = (0..DRAWS.min(neurons - part)).filter(fires);
                    draws.below = bits.fold(0, |bits, at| bits | 1 << at);
                }
                word |= u64::from(draws.below) << (part - first);
            }
            let behind = WORD - (neurons - first).min(WORD);
            fired(first, word & (u64::MAX >> behind));
        }
    }
}

/// Neurons of a word of bits.
const WORD: usize = u64::BITS as usize;

/// The least number that no draw of a neuron that fires at this rate reaches; exact, as scaling by a power of 2 is.
fn bits_of(rate: f64) -> i64 {
    (rate * (1u64 << 53) as f64).ceil() as i64
}

impl SpikeTrain for DrawnTrain {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn steps(&self) -> u32 {
        self.steps
    }

    fn each(&self, step: u32, fired: &mut dyn FnMut(usize)) {
        match self.source.pattern {
            SpikePattern::Poisson => self.poisson(step, &mut |first, mut bits| {
                while bits != 0 {
                    fired(first + bits.trailing_zeros() as usize);
                    bits &= bits - 1;
                }
            }),
            SpikePattern::Regular { phase } => {
                let passed = |neuron, steps: f64| (phase + steps * self.rate(neuron)).floor();
                let (now, next) = (f64::from(step), f64::from(step) + 1.0);
                let fires = |&neuron: &usize| passed(neuron, next) > passed(neuron, now);
                (0..self.shape.len()).filter(fires).for_each(fired);
            }
        }
    }

    fn each_word(&self, step: u32, fired: &mut dyn FnMut(usize, u64)) {
        match self.source.pattern {
            SpikePattern::Poisson => self.poisson(step, fired),
            SpikePattern::Regular { .. } => self.each(step, &mut |neuron| fired(neuron, 1)),
        }
    }
}

/// Low and high word.
fn words(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::philox::{philox4x32_10, uniform};

    const SHAPE: Shape = Shape { channels: 3, height: 1, width: 5 };

    fn source(pattern: SpikePattern, rate: f64, of_input: bool) -> SpikeSource {
        SpikeSource { pattern, rate, of_input, seed: 11 }
    }

    fn train(source: SpikeSource, sample: u64, steps: u32, values: &[f64]) -> DrawnTrain {
        DrawnTrain::new((SHAPE, steps), source, sample, values).unwrap()
    }

    /// Spikes of each neuron.
    fn counts(train: &DrawnTrain) -> Vec<u32> {
        let mut counts = vec![0; SHAPE.len()];
        (0..train.steps()).for_each(|step| train.each(step, &mut |neuron| counts[neuron] += 1));
        counts
    }

    #[test]
    fn poisson_trains_have_the_mean_and_variance_of_bernoulli_draws() {
        let steps = 20_000;
        let image: Vec<f64> = (0..15).map(|i| f64::from(i) / 20.0).collect();
        let drawn = train(source(SpikePattern::Poisson, 0.8, true), 3, steps, &image);
        for (count, value) in counts(&drawn).into_iter().zip(&image) {
            let (p, n) = (0.8 * value, f64::from(steps));
            // Five standard deviations.
            assert!((f64::from(count) - n * p).abs() <= 5.0 * (n * p * (1.0 - p)).sqrt(), "{count} {p}");
        }
        // Consecutive timesteps are independent of each other: pairs are as frequent as p squared says.
        let drawn = train(source(SpikePattern::Poisson, 0.5, false), 0, steps, &[]);
        let fired: Vec<bool> = drawn.values().chunks(15).map(|map| map[4] == 1.0).collect();
        let pairs = fired.windows(2).filter(|pair| pair[0] && pair[1]).count() as f64;
        assert!((pairs / f64::from(steps) - 0.25).abs() < 0.02);
    }

    #[test]
    fn samples_and_seeds_differ_and_each_is_always_the_same() {
        let poisson = source(SpikePattern::Poisson, 0.3, false);
        let values = |source, sample| train(source, sample, 40, &[]).values();
        assert_eq!(values(poisson, 5), values(poisson, 5));
        assert_ne!(values(poisson, 5), values(poisson, 6));
        assert_ne!(values(poisson, 5), values(SpikeSource { seed: 12, ..poisson }, 5));
        // A timestep asked for alone is that of the whole train.
        let mut alone = vec![0.0; 15];
        train(poisson, 5, 40, &[]).each(17, &mut |neuron| alone[neuron] = 1.0);
        assert_eq!(alone, values(poisson, 5)[17 * 15..18 * 15]);
        for (rate, expected) in [(0.0, 0), (1.0, 40)] {
            let all = train(source(SpikePattern::Poisson, rate, false), 1, 40, &[]);
            assert_eq!(counts(&all), [expected; 15]);
        }
    }

    #[test]
    fn regular_trains_fire_at_equal_intervals() {
        let fires = |rate, phase| -> Vec<u32> {
            let drawn = train(source(SpikePattern::Regular { phase }, rate, false), 0, 12, &[]);
            let values = drawn.values();
            (0..12).filter(|&step| values[step as usize * 15] == 1.0).collect()
        };
        assert_eq!(fires(0.25, 0.0), [3, 7, 11]);
        assert_eq!(fires(0.25, 0.75), [0, 4, 8]);
        assert_eq!(fires(1.0, 0.0), (0..12).collect::<Vec<_>>());
        assert_eq!(fires(0.375, 0.0), [2, 5, 7, 10]);
        assert!(fires(0.0, 0.5).is_empty());
        let image: Vec<f64> = (0..15).map(|i| f64::from(i % 3) / 2.0).collect();
        let of_image = train(source(SpikePattern::Regular { phase: 0.0 }, 0.5, true), 0, 8, &image);
        assert_eq!(counts(&of_image)[..3], [0, 2, 4]);
    }

    /// The definition: Philox with counter (timestep, pair of neurons, sample), 53 bits of each half of a block.
    #[test]
    fn poisson_spikes_are_those_of_the_definition() {
        let shape = Shape { channels: 1, height: 1, width: 75 };
        for level in SimdLevel::available() {
            for rates in [vec![0.3], (0..75).map(|i| f64::from(i) / 80.0).collect()] {
                let source = source(SpikePattern::Poisson, 0.3, rates.len() > 1);
                let train = DrawnTrain { shape, steps: 3, source, sample: 1 << 33 | 5, rates, level };
                for step in 0..3 {
                    let mut fired = Vec::new();
                    train.each(step, &mut |neuron| fired.push(neuron));
                    let mut in_words = Vec::new();
                    train.each_word(step, &mut |first, bits| {
                        in_words.extend((0..64).filter(|bit| bits >> bit & 1 == 1).map(|bit| first + bit));
                    });
                    assert_eq!(fired, in_words);
                    let fires = |&neuron: &usize| {
                        let block = philox4x32_10([step, neuron as u32 / 2, 5, 2], [11, 0]);
                        let [low, high] = [block[neuron % 2 * 2], block[neuron % 2 * 2 + 1]];
                        uniform(low, high) < train.rate(neuron)
                    };
                    assert_eq!(fired, (0..75).filter(fires).collect::<Vec<_>>(), "{level:?}");
                }
            }
        }
    }

    #[test]
    fn rates_beyond_a_spike_a_timestep_are_told() {
        let image = [0.5, 1.5, -1.0].repeat(5);
        let of_input = source(SpikePattern::Poisson, 1.0, true);
        assert_eq!(DrawnTrain::new((SHAPE, 4), of_input, 0, &image), Err((1, 1.5)));
    }
}
