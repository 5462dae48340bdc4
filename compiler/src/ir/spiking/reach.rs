//! How far sums and membranes can reach, whatever the spikes: bounds from the integers alone.
//!
//! The worst timestep of a neuron is the one in which all sources with a positive weight fire and no other does, or the
//! reverse. A sum is bounded from the shared kernels and their geometry, never from unrolled synapses: the tap sets
//! with which targets are met are few, and a set inside another cannot be the worst. Bounds are exact for sums and,
//! where inputs are free, for integrators; they say nothing about how likely such a timestep is.

use std::collections::BTreeSet;

use derive_more::Add;

use super::{
    Bias, Connectivity, Convolution, NeuronFormat, NeuronModel, SparseSynapses, SpikingIr, SpikingModel,
};
use crate::ir::{AxisMap, PopulationId, Shape};

/// Least and largest value; a sum of no spikes is 0, so `low <= 0 <= high` for sums. Two ranges added are the range of
/// the sum of two independent values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Add)]
pub struct ValueRange {
    /// Least.
    pub low: i64,
    /// Largest.
    pub high: i64,
}

impl ValueRange {
    /// Adds what a synapse of this weight may bring.
    pub fn add_weight(&mut self, weight: i16) {
        let weight = i64::from(weight);
        self.low += weight.min(0);
        self.high += weight.max(0);
    }

    /// The least range that holds both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }

    /// Every value times `factor`, which is not negative.
    #[must_use]
    pub fn times(self, factor: i64) -> Self {
        Self { low: self.low.saturating_mul(factor), high: self.high.saturating_mul(factor) }
    }

    /// Whether every value fits a signed integer of `bits` bits.
    pub fn fits(self, bits: u32) -> bool {
        let most = (1i64 << (bits - 1)) - 1;
        (-most - 1..=most).contains(&self.low) && (-most - 1..=most).contains(&self.high)
    }
}

impl SpikingIr {
    /// What the weights of one timestep may sum to, before the shift; one a channel of the population, over its
    /// neurons.
    pub fn sum_ranges(&self, id: PopulationId) -> Vec<ValueRange> {
        let incoming: Vec<&Connectivity> =
            self.projections.values().filter(|p| p.target == id).map(|p| &p.connectivity).collect();
        sum_ranges(&incoming, self.model.populations[id].shape.channels)
    }
}

/// What the weights of one timestep may sum to, of all that leads into a population of so many channels.
pub fn sum_ranges(incoming: &[&Connectivity], channels: usize) -> Vec<ValueRange> {
    let convs: Vec<&Convolution> = incoming.iter().filter_map(|c| conv(c)).collect();
    let mut ranges = conv_ranges(&convs, channels);
    for lists in incoming.iter().filter_map(|c| lists(c)) {
        let all = sparse_ranges(lists).into_iter().fold(ValueRange::default(), ValueRange::join);
        // Lists lead into populations of one channel.
        ranges[0] = ranges[0] + all;
    }
    ranges
}

fn conv(connectivity: &Connectivity) -> Option<&Convolution> {
    match connectivity {
        Connectivity::Conv(conv) => Some(conv),
        Connectivity::Sparse(_) => None,
    }
}

fn lists(connectivity: &Connectivity) -> Option<&SparseSynapses> {
    match connectivity {
        Connectivity::Conv(_) => None,
        Connectivity::Sparse(lists) => Some(lists),
    }
}

/// One a target neuron.
fn sparse_ranges(lists: &SparseSynapses) -> Vec<ValueRange> {
    let mut ranges = vec![ValueRange::default(); lists.targets.iter().max().map_or(0, |&t| t as usize + 1)];
    for (&target, &weight) in lists.targets.iter().zip(&lists.weights) {
        ranges[target as usize].add_weight(weight);
    }
    ranges
}

/// One a channel: kernels that lead into the same population, met together.
fn conv_ranges(convs: &[&Convolution], channels: usize) -> Vec<ValueRange> {
    let rows = tap_sets(&convs.iter().map(|c| &c.map.rows).collect::<Vec<_>>());
    let cols = tap_sets(&convs.iter().map(|c| &c.map.cols).collect::<Vec<_>>());
    let mut ranges = vec![ValueRange::default(); channels];
    for down in &rows {
        for along in &cols {
            let mut met = vec![ValueRange::default(); channels];
            for ((conv, kys), kxs) in convs.iter().zip(down).zip(along) {
                for c in conv.kernel.channels.sources() {
                    let targets = conv.kernel.channels.targets_of(c);
                    for (&ky, &kx) in kys.iter().flat_map(|ky| kxs.iter().map(move |kx| (ky, kx))) {
                        let row = conv.kernel.row(c, ky, kx);
                        let met = met[targets.clone()].iter_mut();
                        met.zip(row).for_each(|(range, &weight)| range.add_weight(weight));
                    }
                }
            }
            ranges.iter_mut().zip(met).for_each(|(range, met)| *range = range.join(met));
        }
    }
    ranges
}

/// With which taps of each axis a target index is met; sets that lie inside another are left out, as they cannot be
/// worse.
pub fn tap_sets(axes: &[&AxisMap]) -> Vec<Vec<Vec<usize>>> {
    let Some(first) = axes.first() else { return Vec::new() };
    let by_axis: Vec<Vec<Vec<usize>>> = axes.iter().map(|axis| taps_by_target(axis)).collect();
    let met = |target: usize| -> Vec<Vec<usize>> {
        by_axis.iter().map(|taps| taps.get(target).cloned().unwrap_or_default()).collect()
    };
    let all: BTreeSet<Vec<Vec<usize>>> = (0..first.output).map(met).collect();
    let inside = |a: &[Vec<usize>], b: &[Vec<usize>]| {
        a.iter().zip(b).all(|(a, b)| a.iter().all(|tap| b.binary_search(tap).is_ok()))
    };
    let worst = |set: &&Vec<Vec<usize>>| !all.iter().any(|other| other != *set && inside(set, other));
    all.iter().filter(worst).cloned().collect()
}

/// The taps with which each target index is met, ascending.
fn taps_by_target(axis: &AxisMap) -> Vec<Vec<usize>> {
    let mut taps = vec![BTreeSet::new(); axis.output];
    for (k, i) in (0..axis.kernel).flat_map(|k| (0..axis.input).map(move |i| (k, i))) {
        if let Some(target) = axis.target(i, k) {
            taps[target].insert(k);
        }
    }
    taps.into_iter().map(|set| set.into_iter().collect()).collect()
}

/// What a membrane's clipping at its least value can change, and how far a read-out can reach.
#[derive(Debug, Clone, Copy)]
pub struct Drift {
    /// Part of the membrane that a step keeps.
    pub kept: f64,
    /// Timesteps with input.
    pub steps: u32,
    /// Largest membrane.
    pub state_max: f64,
}

impl Drift {
    /// Sum of the factors with which the inputs of all steps are in the membrane at the end.
    pub fn gathered(&self) -> f64 {
        if self.kept >= 1.0 {
            return f64::from(self.steps);
        }
        (1.0 - self.kept.powf(f64::from(self.steps))) / (1.0 - self.kept)
    }

    /// Whether a neuron whose inputs lie from `low` to `high` may sink below the state's width and still reach
    /// `threshold` within its window: only then does it matter that the membrane was clipped.
    pub fn clips(&self, low: f64, high: f64, threshold: f64) -> bool {
        if low >= 0.0 || high <= 0.0 {
            return false;
        }
        if self.kept >= 1.0 {
            let sinks = (self.state_max / -low).floor() + 1.0;
            let rises = ((self.state_max + threshold) / high).ceil();
            return sinks + rises <= f64::from(self.steps);
        }
        // A leak forgets: at most `gathered` steps count, and a neuron that cannot reach its threshold at all has
        // nothing to lose.
        -low * self.gathered() > self.state_max && high * self.gathered() >= threshold
    }
}

/// The worst that the inputs of a population can be.
#[derive(Debug, Clone, Copy)]
pub struct Worst<'a> {
    /// Weights of a timestep, before the shift; one a channel.
    pub sums: &'a [ValueRange],
    /// Constant inputs; one a channel. A neuron's is the same in every step.
    pub biases: &'a [ValueRange],
    /// Timesteps in which a source may fire.
    pub steps: u32,
}

/// What can leave its width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Excess {
    /// The sum of a timestep leaves the accumulator: its range after the shift.
    Sum(ValueRange),
    /// A synaptic current leaves its width: where it could be.
    Current(f64, f64),
    /// The membrane of a firing neuron sinks below the state's width although it may fire again: where it could sink
    /// to.
    Drift(f64),
    /// An integrator leaves the state's width: where it could be.
    Integrator(f64, f64),
}

impl Worst<'_> {
    /// What a population of such neurons may do to its widths; the worst of its channels.
    pub fn excess(&self, format: &NeuronFormat, neurons: &NeuronModel, input_shift: u32) -> Option<Excess> {
        if neurons.is_port() {
            return None;
        }
        let shifted = |range: &ValueRange| range.times(1 << input_shift);
        let widest = self.sums.iter().map(shifted).max_by_key(|range| range.high.max(-range.low))?;
        if !widest.fits(format.accumulator_bits) {
            return Some(Excess::Sum(widest));
        }
        let whole = f64::from(1u32 << format.decay_bits);
        // A synaptic current is as many sums as it gathers.
        let mut gathered = 1.0;
        if let Some(current) = neurons.current() {
            let state_max = ((1i64 << (current.bits - 1)) - 1) as f64;
            gathered =
                Drift { kept: current.kept(format) as f64 / whole, steps: self.steps, state_max }.gathered();
            let with_bias = |(sum, bias): (ValueRange, &ValueRange)| {
                (
                    sum.low as f64 * gathered + bias.low.min(0) as f64,
                    sum.high as f64 * gathered + bias.high.max(0) as f64,
                )
            };
            let ends = self.sums.iter().map(shifted).zip(self.biases).map(with_bias);
            let (low, high) = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
            if high > state_max || low < -state_max - 1.0 {
                return Some(Excess::Current(low, high));
            }
        }
        let kept = 1.0 - f64::from(neurons.decay()) / whole;
        let drift = Drift { kept, steps: self.steps, state_max: f64::from(format.state_max()) };
        let input = |sum: ValueRange| (sum.low as f64 * gathered, sum.high as f64 * gathered);
        let channels = || self.sums.iter().map(|sum| input(shifted(sum))).zip(self.biases).enumerate();
        if !neurons.fires() {
            let ends = |(_, ((low, high), bias)): (usize, ((f64, f64), &ValueRange))| {
                ((low + bias.low as f64) * drift.gathered(), (high + bias.high as f64) * drift.gathered())
            };
            let (low, high) = channels().map(ends).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
            let leaves = high > drift.state_max || low < -drift.state_max - 1.0;
            return leaves.then_some(Excess::Integrator(low, high));
        }
        let sinks = |(c, ((low, high), bias)): (usize, ((f64, f64), &ValueRange))| {
            let threshold = f64::from(neurons.thresholds()[c]) * f64::from(1u32 << format.threshold_shift);
            let ends = [bias.low, bias.high].map(|bias| (low + bias as f64, high + bias as f64));
            let worst = ends.iter().filter(|&&(low, high)| drift.clips(low, high, threshold));
            worst.map(|(low, _)| low * drift.gathered()).reduce(f64::min)
        };
        channels().filter_map(sinks).reduce(f64::min).map(Excess::Drift)
    }
}

/// Least and largest stored constant input of each channel; 0 where the host writes them.
pub fn stored_biases(bias: &Bias, shape: Shape) -> Vec<ValueRange> {
    let extremes = |values: &[i32]| {
        let low = values.iter().min().copied().unwrap_or(0);
        let high = values.iter().max().copied().unwrap_or(0);
        ValueRange { low: low.into(), high: high.into() }
    };
    match bias {
        Bias::Zero | Bias::Host => vec![ValueRange::default(); shape.channels],
        Bias::Channel(values) => values.iter().map(|&b| extremes(&[b])).collect(),
        Bias::Neuron(values) => values.chunks(shape.positions().max(1)).map(extremes).collect(),
    }
}

/// Least and largest constant input of each channel; of what the host writes, as far as the input's ranges tell.
pub fn bias_ranges(model: &SpikingModel, id: PopulationId) -> Vec<ValueRange> {
    let population = &model.populations[id];
    let host = model.inputs.iter().find(|host| host.population == id);
    let Some(host) = host else { return stored_biases(&population.bias, population.shape) };
    let encode = |value: f64| i64::from(model.neuron.encode_bias(value).0);
    let bounds = host.current_bounds(&model.input_ranges(population.network, host.input.channels));
    let scaled = bounds.into_iter().zip(&host.scale);
    scaled.map(|((low, high), s)| ValueRange { low: encode(low * s), high: encode(high * s) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(kernel: usize, stride: usize, padding: usize, transposed: bool, input: usize) -> AxisMap {
        let output = if transposed {
            AxisMap::transposed_output(input, kernel, stride, padding, 1, 1)
        } else {
            AxisMap::conv_output(input, kernel, stride, padding, 1)
        };
        AxisMap {
            kernel,
            first_tap: 0,
            stride,
            padding,
            dilation: 1,
            transposed,
            input,
            output: output.unwrap(),
        }
    }

    #[test]
    fn only_the_largest_tap_sets_are_kept() {
        let sets = |axis: AxisMap| tap_sets(&[&axis]).into_iter().flatten().collect::<Vec<_>>();
        // Inside a padded map every tap meets a target; borders meet fewer.
        assert_eq!(sets(axis(3, 1, 1, false, 7)), [[0, 1, 2]]);
        assert_eq!(sets(axis(3, 1, 1, false, 1)), [[1]]);
        assert_eq!(sets(axis(3, 1, 1, false, 2)), [[0, 1], [1, 2]]);
        // A transposed stride of 2 meets even and odd targets with other taps.
        assert_eq!(sets(axis(3, 2, 1, true, 5)), [vec![0, 2], vec![1]]);
    }

    #[test]
    fn a_clip_matters_only_to_a_neuron_that_can_come_back() {
        let drift = |kept, steps| Drift { kept, steps, state_max: 1000.0 };
        // Two steps down to -1200, three up to +300.
        assert!(drift(1.0, 5).clips(-600.0, 500.0, 100.0));
        assert!(!drift(1.0, 4).clips(-600.0, 500.0, 100.0));
        assert!(!drift(1.0, 100).clips(-600.0, 0.0, 100.0));
        assert!(!drift(1.0, 100).clips(0.0, 600.0, 100.0));
        // Half is kept: 2 x 400 at most.
        assert!(!drift(0.5, 100).clips(-400.0, 500.0, 100.0));
        assert!(drift(0.5, 100).clips(-600.0, 500.0, 100.0));
        assert_eq!(
            (drift(0.5, 2).gathered(), drift(1.0, 7).gathered(), drift(0.0, 7).gathered()),
            (1.5, 7.0, 1.0)
        );
    }
}
