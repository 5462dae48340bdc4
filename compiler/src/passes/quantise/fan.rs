//! The weights of a layer by the sums that they enter: the one place that knows in which order a kernel stores them.
//!
//! Through a kernel all neurons of a channel have the same sum, up to borders; through a list each neuron has its own, but
//! all share the one scale of their channel.

use crate::ir::ConvMap;
use crate::ir::spiking::reach::tap_sets;
use crate::passes::collect::{NeuronLayer, SourceKernel, Wiring};

/// Weights that meet in one sum.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fan {
    /// In trained units.
    pub weights: Vec<f64>,
    /// Where each stands among all weights of the layer, source after source.
    pub at: Vec<u32>,
}

/// What one threshold scales: the sums of a channel and their constant currents.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Channel {
    /// One, or one a neuron behind a list.
    pub fans: Vec<Fan>,
    /// Constant currents: one, one a neuron behind a list, or none if the host writes them.
    pub biases: Vec<f64>,
    /// Largest sum of a timestep: of the positive weights, and of the negative ones in magnitude.
    pub sums: (f64, f64),
}

impl Channel {
    /// Largest |weight|.
    pub fn largest(&self) -> f64 {
        let weights = self.fans.iter().flat_map(|fan| &fan.weights);
        weights.fold(0.0, |most: f64, weight| most.max(weight.abs()))
    }

    /// Weights of the largest sum.
    pub fn synapses(&self) -> usize {
        self.fans.iter().map(|fan| fan.weights.len()).max().unwrap_or(0)
    }
}

/// One a channel.
pub fn channels(layer: &NeuronLayer) -> Vec<Channel> {
    let outputs = layer.shape.channels;
    let mut channels = vec![Channel::default(); outputs];
    if layer.host.is_none() {
        for (channel, biases) in channels.iter_mut().zip(layer.bias.chunks(layer.bias.len() / outputs)) {
            channel.biases = biases.to_vec();
        }
    }
    let mut first = 0;
    for source in &layer.sources {
        match &source.wiring {
            Wiring::Conv { map, .. } => kernel(&mut channels, source, first, &Taps::new(map)),
            Wiring::Sparse { targets, .. } => {
                lists(&mut channels[0], source, targets, layer.shape.len(), first)
            }
        }
        first += source.weights.len() as u32;
    }
    channels
}

fn kernel(channels: &mut [Channel], source: &SourceKernel, first: u32, taps: &Taps) {
    // Positive and negative sum of each channel, by tap.
    let mut sums = vec![vec![(0.0, 0.0); taps.count()]; channels.len()];
    let mut at = first;
    for (row, (target, weights)) in source.rows().enumerate() {
        let tap = row % taps.count();
        for (channel, &weight) in (target..).zip(weights) {
            if channels[channel].fans.is_empty() {
                channels[channel].fans.push(Fan::default());
            }
            let fan = &mut channels[channel].fans[0];
            fan.weights.push(weight);
            fan.at.push(at);
            at += 1;
            let sum = &mut sums[channel][tap];
            *sum = (sum.0 + weight.max(0.0), sum.1 + (-weight).max(0.0));
        }
    }
    for (channel, sums) in channels.iter_mut().zip(&sums) {
        let (positive, negative) = taps.worst(sums);
        channel.sums = (channel.sums.0 + positive, channel.sums.1 + negative);
    }
}

/// With which taps of a kernel targets are met.
struct Taps {
    rows: Vec<Vec<usize>>,
    cols: Vec<Vec<usize>>,
    height: usize,
    width: usize,
}

impl Taps {
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

fn lists(channel: &mut Channel, source: &SourceKernel, targets: &[u32], neurons: usize, first: u32) {
    channel.fans.resize(neurons, Fan::default());
    for (i, (&target, &weight)) in targets.iter().zip(&source.weights).enumerate() {
        let fan = &mut channel.fans[target as usize];
        fan.weights.push(weight);
        fan.at.push(first + i as u32);
    }
    for fan in &channel.fans {
        let sum = |sign: f64| fan.weights.iter().map(|w| (w * sign).max(0.0)).sum::<f64>();
        channel.sums = (channel.sums.0.max(sum(1.0)), channel.sums.1.max(sum(-1.0)));
    }
}
