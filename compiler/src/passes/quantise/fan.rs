//! The weights of a layer by the sums that they enter: the one place that knows in which order a kernel stores them.
//!
//! Through a kernel all neurons of a channel have the same sum, up to borders; through a list each neuron has its
//! own, but all share the one scale of their channel.

use crate::ir::ConvMap;
use crate::ir::spiking::reach::tap_sets;
use crate::passes::collect::{KernelWiring, NeuronLayer, SourceKernel};
use crate::weights::FloatArray;

/// Weights that meet in one sum.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SummedWeights {
    /// In trained units.
    pub weights: FloatArray,
    /// Where each stands among all weights of the layer, source after source.
    pub at: Indices,
}

impl SummedWeights {
    fn push(&mut self, weight: f64, at: u32) {
        self.weights.push(weight);
        self.at.push(at);
    }
}

/// Numbers in ascending order, kept as runs of equal steps: the weights of a channel lie so in a kernel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Indices(Vec<EqualSteps>);

/// `first`, `first + step`, ...: so many numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
struct EqualSteps {
    first: u32,
    step: u32,
    count: u32,
}

impl Indices {
    /// Appends a number that is not below the last.
    fn push(&mut self, index: u32) {
        match self.0.last_mut() {
            Some(run) if run.count == 1 => (run.step, run.count) = (index - run.first, 2),
            Some(run) if run.first + run.step * run.count == index => run.count += 1,
            _ => self.0.push(EqualSteps { first: index, step: 0, count: 1 }),
        }
    }

    /// The numbers in the order in which they were appended.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(|run| (0..run.count).map(move |i| run.first + i * run.step))
    }
}

/// What one threshold scales: the sums of a channel and their constant currents.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScaledChannel {
    /// One, or one a neuron behind a list.
    pub fans: Vec<SummedWeights>,
    /// Constant currents: one, one a neuron behind a list, or none if the host writes them.
    pub biases: Vec<f64>,
    /// Largest sum of a timestep: of the positive weights, and of the negative ones in magnitude.
    pub sums: (f64, f64),
}

impl ScaledChannel {
    /// Largest |weight|.
    pub fn largest(&self) -> f64 {
        let weights = self.fans.iter().flat_map(|fan| fan.weights.iter());
        weights.fold(0.0, |most: f64, weight| most.max(weight.abs()))
    }

    /// Weights of the largest sum.
    pub fn synapses(&self) -> usize {
        self.fans.iter().map(|fan| fan.weights.len()).max().unwrap_or(0)
    }
}

/// One a channel.
pub fn channels(layer: &NeuronLayer) -> Vec<ScaledChannel> {
    let outputs = layer.shape.channels;
    let mut channels = vec![ScaledChannel::default(); outputs];
    if layer.host.is_none() {
        for (channel, biases) in channels.iter_mut().zip(layer.bias.chunks(layer.bias.len() / outputs)) {
            channel.biases = biases.to_vec();
        }
    }
    let mut first = 0;
    for source in &layer.sources {
        match &source.wiring {
            KernelWiring::Conv { map, .. } => kernel(&mut channels, source, first, &MetTaps::new(map)),
            KernelWiring::Sparse { targets, .. } => {
                lists(&mut channels[0], source, targets, layer.shape.len(), first)
            }
        }
        first += source.weights.len() as u32;
    }
    channels
}

fn kernel(channels: &mut [ScaledChannel], source: &SourceKernel, first: u32, taps: &MetTaps) {
    make_room(channels, source);
    // Positive and negative sum of each channel, by tap.
    let mut sums = vec![vec![(0.0, 0.0); taps.count()]; channels.len()];
    let mut weights = (first..).zip(source.weights.iter());
    for (row, targets) in source.rows().enumerate() {
        let tap = row % taps.count();
        for (channel, (at, weight)) in targets.zip(&mut weights) {
            channels[channel].fans[0].push(weight, at);
            let sum = &mut sums[channel][tap];
            *sum = (sum.0 + weight.max(0.0), sum.1 + (-weight).max(0.0));
        }
    }
    for (channel, sums) in channels.iter_mut().zip(&sums) {
        let (positive, negative) = taps.worst(sums);
        channel.sums = (channel.sums.0 + positive, channel.sums.1 + negative);
    }
}

/// The one sum of every channel that a kernel reaches, with room for the weights that it adds: without it a large
/// layer would take twice the memory while it grows.
fn make_room(channels: &mut [ScaledChannel], source: &SourceKernel) {
    let mut more = vec![0; channels.len()];
    source.rows().flatten().for_each(|channel| more[channel] += 1);
    for (channel, more) in channels.iter_mut().zip(more).filter(|(_, more)| *more > 0) {
        if channel.fans.is_empty() {
            channel.fans.push(SummedWeights::default());
        }
        channel.fans[0].weights.reserve_exact(more);
    }
}

/// With which taps of a kernel targets are met.
struct MetTaps {
    rows: Vec<Vec<usize>>,
    cols: Vec<Vec<usize>>,
    height: usize,
    width: usize,
}

impl MetTaps {
    fn new(map: &ConvMap) -> Self {
        let sets = |axis| tap_sets(&[axis]).concat();
        let (height, width) = (map.rows.kernel, map.cols.kernel);
        Self { rows: sets(&map.rows), cols: sets(&map.cols), height, width }
    }

    fn count(&self) -> usize {
        (self.height * self.width).max(1)
    }

    /// Largest positive and negative sum over the ways in which a target is met.
    fn worst(&self, sums: &[(f64, f64)]) -> (f64, f64) {
        let met = |(kys, kxs): (&Vec<usize>, &Vec<usize>)| {
            let taps = kys.iter().flat_map(|ky| kxs.iter().map(move |kx| ky * self.width + kx));
            taps.map(|tap| sums[tap]).fold((0.0, 0.0), |all, sum| (all.0 + sum.0, all.1 + sum.1))
        };
        let ways = self.rows.iter().flat_map(|rows| self.cols.iter().map(move |cols| (rows, cols)));
        ways.map(met).fold((0.0f64, 0.0f64), |worst, sum| (worst.0.max(sum.0), worst.1.max(sum.1)))
    }
}

fn lists(channel: &mut ScaledChannel, source: &SourceKernel, targets: &[u32], neurons: usize, first: u32) {
    channel.fans.resize(neurons, SummedWeights::default());
    for ((at, &target), weight) in (first..).zip(targets).zip(source.weights.iter()) {
        channel.fans[target as usize].push(weight, at);
    }
    for fan in &channel.fans {
        let sum = |sign: f64| fan.weights.iter().map(|w| (w * sign).max(0.0)).sum::<f64>();
        channel.sums = (channel.sums.0.max(sum(1.0)), channel.sums.1.max(sum(-1.0)));
    }
}
