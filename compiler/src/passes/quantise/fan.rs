//! The weights of a layer by the sums that they enter: the one place that knows in which order a kernel stores them.
//!
//! Through a kernel all neurons of a channel have the same sum, up to borders; through a list each neuron has its own, but
//! all share the one scale of their channel.

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
            Wiring::Conv { .. } => kernel(&mut channels, source, first),
            Wiring::Sparse { targets, .. } => {
                lists(&mut channels[0], source, targets, layer.shape.len(), first)
            }
        }
        first += source.weights.len() as u32;
    }
    channels
}

fn kernel(channels: &mut [Channel], source: &SourceKernel, first: u32) {
    let outputs = channels.len();
    let Wiring::Conv { map, inputs } = &source.wiring else { return };
    let sets = |axis| tap_sets(&[axis]).concat();
    let (rows, cols) = (sets(&map.rows), sets(&map.cols));
    let taps = Taps { rows, cols, kernel: (map.rows.kernel, map.cols.kernel), inputs: *inputs };
    for (c, channel) in channels.iter_mut().enumerate() {
        if channel.fans.is_empty() {
            channel.fans.push(Fan::default());
        }
        let fan = &mut channel.fans[0];
        fan.weights.extend(source.weights.iter().skip(c).step_by(outputs));
        fan.at.extend((first + c as u32..).step_by(outputs).take(source.weights.len() / outputs));
        let (positive, negative) = taps.worst(&source.weights[c..], outputs);
        channel.sums = (channel.sums.0 + positive, channel.sums.1 + negative);
    }
}

/// With which taps of a kernel the targets are met.
struct Taps {
    rows: Vec<Vec<usize>>,
    cols: Vec<Vec<usize>>,
    /// Rows and columns.
    kernel: (usize, usize),
    inputs: usize,
}

impl Taps {
    /// Largest positive and negative sum over the ways in which a target is met; weights of one channel, `outputs` apart.
    fn worst(&self, weights: &[f64], outputs: usize) -> (f64, f64) {
        let mut worst = (0.0f64, 0.0f64);
        for (kys, kxs) in self.rows.iter().flat_map(|rows| self.cols.iter().map(move |cols| (rows, cols))) {
            let (mut positive, mut negative) = (0.0, 0.0);
            for input in 0..self.inputs {
                for (ky, kx) in kys.iter().flat_map(|ky| kxs.iter().map(move |kx| (ky, kx))) {
                    let weight = weights[((input * self.kernel.0 + ky) * self.kernel.1 + kx) * outputs];
                    positive += weight.max(0.0);
                    negative += (-weight).max(0.0);
                }
            }
            worst = (worst.0.max(positive), worst.1.max(negative));
        }
        worst
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
