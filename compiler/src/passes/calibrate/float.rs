//! Evaluates collected layers in f32 and keeps every spike.
//!
//! Faster than [`crate::reference`] (weights run over the output channels, work follows spikes) and only as exact as
//! f32: good for statistics, never an oracle.

use std::ops::Range;

use crate::ir::spiking::host;
use crate::ir::{AxisMap, Shape};
use crate::neuron::{TrainedNeuron, TrainedState};
use crate::passes::collect::{Collected, KernelWiring, NeuronKind, NeuronLayer, SourceKernel};

/// One spike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedSpike {
    /// Row-major position.
    pub position: u32,
    /// Channel.
    pub channel: u32,
}

/// What one pass gave.
#[derive(Debug, Clone, Default)]
pub struct RecordedPass {
    /// Spikes of each layer, by timestep of the layer itself; empty for read-outs.
    pub spikes: Vec<Vec<Vec<RecordedSpike>>>,
    /// Values `[c, h, w]` of the last read-out.
    pub output: Vec<f32>,
    /// Positions of the last read-out that matter, row-major.
    pub relevant: Vec<bool>,
}

/// Runs a network on its constant input `[c, h, w]`, or on spikes `[t, c, h, w]`: layer by layer, or timestep by
/// timestep where spikes come back.
pub fn run(network: &Collected, input: &[f64]) -> RecordedPass {
    let layers = &network.layers;
    let mut pass = RecordedPass { spikes: vec![Vec::new(); layers.len()], ..RecordedPass::default() };
    let comes_back = |(index, layer): (usize, &NeuronLayer)| layer.sources.iter().any(|s| s.source >= index);
    if layers.iter().enumerate().any(comes_back) {
        let mut all: Vec<_> =
            layers.iter().map(|layer| LayerEvaluation::new(network, layer, input)).collect();
        for t in 0..network.timesteps {
            for (index, layer) in all.iter_mut().enumerate() {
                let spikes = layer.step(&pass, t, network.timesteps);
                pass.spikes[index].push(spikes);
            }
        }
        all.iter().for_each(|layer| layer.read(&mut pass));
        return pass;
    }
    for (index, layer) in layers.iter().enumerate() {
        let mut layer = LayerEvaluation::new(network, layer, input);
        for t in 0..network.timesteps {
            let spikes = layer.step(&pass, t, network.timesteps);
            pass.spikes[index].push(spikes);
        }
        layer.read(&mut pass);
    }
    pass
}

/// A layer under way.
struct LayerEvaluation<'n> {
    layer: &'n NeuronLayer,
    constant: Vec<f32>,
    state: MembraneState,
    kernels: Vec<ScatterKernel>,
    /// Spikes from outside by timestep, if it is them.
    outside: Option<Vec<Vec<RecordedSpike>>>,
}

impl<'n> LayerEvaluation<'n> {
    fn new(network: &Collected, layer: &'n NeuronLayer, input: &[f64]) -> Self {
        let state = MembraneState {
            neurons: vec![TrainedState::default(); layer.shape.len()],
            sums: vec![0.0; layer.shape.len()],
        };
        let kernels = layer.sources.iter().map(|s| ScatterKernel::new(network, s)).collect();
        let outside = layer.kind.is_port().then(|| from_outside(layer.shape, input));
        let constant = if outside.is_some() { Vec::new() } else { constant(layer, input) };
        Self { layer, constant, state, kernels, outside }
    }

    /// The spikes of timestep `t`, after those of earlier timesteps and of earlier layers.
    fn step(&mut self, pass: &RecordedPass, t: usize, timesteps: usize) -> Vec<RecordedSpike> {
        if let Some(spikes) = &mut self.outside {
            return std::mem::take(&mut spikes[t]);
        }
        let Self { layer, constant, state, kernels, .. } = self;
        state.sums.copy_from_slice(constant);
        for (source, taps) in layer.sources.iter().zip(kernels) {
            if let Some(sent) = t.checked_sub(source.delay as usize) {
                taps.scatter(&mut state.sums, layer.shape, &pass.spikes[source.source][sent]);
            }
        }
        state.step(&layer.kind, layer.shape.channels, t, timesteps)
    }

    /// Keeps the membranes of a read-out.
    fn read(&self, pass: &mut RecordedPass) {
        if !self.layer.kind.fires() {
            pass.output = self.state.row_major(self.layer.shape);
            pass.relevant = vec![true; self.layer.shape.positions()];
        }
    }
}

/// Spikes `[t, c, h, w]` by timestep.
fn from_outside(shape: Shape, input: &[f64]) -> Vec<Vec<RecordedSpike>> {
    let positions = shape.positions();
    let of_step = |map: &[f64]| {
        let spikes = map.iter().enumerate().filter(|&(_, &value)| value != 0.0);
        let spike = |(i, _): (usize, _)| RecordedSpike {
            position: (i % positions) as u32,
            channel: (i / positions) as u32,
        };
        spikes.map(spike).collect()
    };
    input.chunks_exact(shape.len()).map(of_step).collect()
}

/// The constant current, `[h, w, c]`.
fn constant(layer: &NeuronLayer, input: &[f64]) -> Vec<f32> {
    let Shape { channels, .. } = layer.shape;
    let positions = layer.shape.positions();
    match &layer.host {
        // One a channel, or one a neuron of the only channel.
        None => {
            let bias = |i| layer.bias[if layer.bias.len() == channels { i % channels } else { i }] as f32;
            (0..layer.shape.len()).map(bias).collect()
        }
        Some(path) => {
            let current = host::through(&path.stages, path.input, input);
            (0..layer.shape.len()).map(|i| current[i % channels * positions + i / channels] as f32).collect()
        }
    }
}

/// A kernel ready to be scattered.
struct ScatterKernel {
    weights: Vec<f32>,
    from: Shape,
    /// By source channel: the target channels of its weights.
    targets: Vec<Range<usize>>,
    reach: ReachTable,
}

impl ScatterKernel {
    fn new(network: &Collected, source: &SourceKernel) -> Self {
        let from = network.layers[source.source].shape;
        let weights = source.weights.iter().map(|w| w as f32).collect();
        let targets = (0..from.channels).map(|channel| match &source.wiring {
            KernelWiring::Conv { channels, .. } => channels.targets_of(channel),
            KernelWiring::Sparse { .. } => 0..1,
        });
        Self { weights, from, targets: targets.collect(), reach: ReachTable::new(&source.wiring, from) }
    }

    /// Adds the weights of all spikes to the sums `[h, w, c]`.
    fn scatter(&self, sums: &mut [f32], to: Shape, spikes: &[RecordedSpike]) {
        for &spike in spikes {
            let targets = &self.targets[spike.channel as usize];
            let outputs = targets.len();
            self.reach.each(spike, self.from, |row, y, x| {
                let at = (y * to.width + x) * to.channels + targets.start;
                let weights = &self.weights[row * outputs..(row + 1) * outputs];
                for (sum, weight) in sums[at..at + outputs].iter_mut().zip(weights) {
                    *sum += weight;
                }
            });
        }
    }
}

/// Which kernel rows and targets a source position reaches.
pub enum ReachTable {
    /// Through a kernel: (target, tap) of each source row and column.
    Conv {
        /// By source row.
        rows: Vec<Vec<(usize, usize)>>,
        /// By source column.
        columns: Vec<Vec<(usize, usize)>>,
        /// Kernel rows and columns.
        kernel: (usize, usize),
        /// Source channels that have kernel rows.
        channels: Range<usize>,
    },
    /// One by one: (synapse, target) of each source neuron.
    Sparse(Vec<Vec<(usize, usize)>>),
}

impl ReachTable {
    /// Tables of a wiring.
    pub fn new(wiring: &KernelWiring, from: Shape) -> Self {
        match wiring {
            KernelWiring::Conv { map, channels } => {
                let all = |axis: &AxisMap, n| (0..n).map(|i| axis.reach(i, 0..axis.output)).collect();
                let (rows, columns) = (all(&map.rows, from.height), all(&map.cols, from.width));
                let kernel = (map.rows.kernel, map.cols.kernel);
                Self::Conv { rows, columns, kernel, channels: channels.sources() }
            }
            KernelWiring::Sparse { sources, targets } => {
                let mut all = vec![Vec::new(); from.len()];
                for (synapse, (&source, &target)) in sources.iter().zip(targets).enumerate() {
                    all[source as usize].push((synapse, target as usize));
                }
                Self::Sparse(all)
            }
        }
    }

    /// Calls `f(kernel row, target y, target x)` for every tap of a spike; a kernel row is one (input, tap) or synapse.
    pub fn each(&self, spike: RecordedSpike, from: Shape, mut f: impl FnMut(usize, usize, usize)) {
        let (y, x) = (spike.position as usize / from.width, spike.position as usize % from.width);
        match self {
            Self::Conv { rows, columns, kernel, channels } => {
                let channel = spike.channel as usize;
                if !channels.contains(&channel) {
                    return;
                }
                let first = (channel - channels.start) * kernel.0;
                for &(ty, ky) in &rows[y] {
                    for &(tx, kx) in &columns[x] {
                        f((first + ky) * kernel.1 + kx, ty, tx);
                    }
                }
            }
            Self::Sparse(all) => all[x].iter().for_each(|&(synapse, target)| f(synapse, 0, target)),
        }
    }
}

/// States of neurons and input sums, `[h, w, c]`.
struct MembraneState {
    neurons: Vec<TrainedState<f32>>,
    sums: Vec<f32>,
}

impl MembraneState {
    /// One update; the spikes of a firing layer, whose membranes are counted from rest.
    fn step(&mut self, kind: &NeuronKind, channels: usize, t: usize, timesteps: usize) -> Vec<RecordedSpike> {
        let states = self.neurons.iter_mut().zip(&self.sums);
        let neurons: Vec<TrainedNeuron<f32>> =
            kind.neurons().iter().map(|neuron| neuron.from_rest(1.0)).collect();
        if neurons.is_empty() {
            let factor: f32 = kind.coefficient(t, timesteps);
            states.for_each(|(state, x)| state.v += factor * x);
            return Vec::new();
        }
        let mut spikes = Vec::new();
        for (i, (state, x)) in states.enumerate() {
            let channel = i % channels;
            if neurons[if neurons.len() == 1 { 0 } else { channel }].step(state, *x) {
                spikes.push(RecordedSpike { position: (i / channels) as u32, channel: channel as u32 });
            }
        }
        spikes
    }

    /// Membranes `[c, h, w]`.
    fn row_major(&self, shape: Shape) -> Vec<f32> {
        let Shape { channels, .. } = shape;
        let positions = shape.positions();
        (0..shape.len()).map(|i| self.neurons[i % positions * channels + i / positions].v).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Builder, Graph, Op};
    use crate::layers::{Concat, Conv, If, Input, Linear, MeanOverTime, SparseLinear};
    use crate::passes::collect;
    use crate::reference::{Interpreter, Map};
    use crate::weights::Tensor;

    /// A line of neurons, synapses with a bias each, a linear read-out; every number is exact in f32.
    fn line() -> Graph {
        let one = Conv::new(Tensor::new(vec![1, 1, 1, 1], vec![1.0]));
        let synapses = SparseLinear {
            sources: vec![2, 0, 1, 2],
            targets: vec![1, 0, 1, 0],
            weights: vec![0.5, 0.75, -0.25, 0.125],
            bias: Some(Tensor::new(vec![2], vec![0.125, 0.25])),
            outputs: 2,
        };
        let weight = Tensor::new(vec![2, 2], vec![1.0, 2.0, -4.0, 8.0]);
        let fire = || Op::If(If::new(1.0));
        let input = Op::Input(Input::constant(Shape::new(1, 1, 3)));
        let linear = Op::Linear(Linear { weight, bias: None });
        let ops =
            [input, Op::Conv(one), fire(), Op::SparseLinear(synapses), fire(), linear, MeanOverTime.into()];
        Builder::chain("net", 8, ops).finish().unwrap()
    }

    /// Weights in eighths, so that every number is exact in f32; a bias of an eighth.
    fn grouped(shape: [usize; 4], groups: usize, outputs: usize, side: usize) -> Conv {
        let volume: usize = shape.iter().product();
        let weights: Vec<f64> = (0..volume).map(|i| (i * 5 % 13) as f64 / 8.0 - 0.5).collect();
        Conv {
            bias: Some(Tensor::new(vec![outputs], vec![0.125; outputs])),
            stride: (side, side),
            padding: (usize::from(side == 1 && shape[2] == 3), usize::from(side == 1 && shape[3] == 3)),
            groups,
            ..Conv::new(Tensor::new(shape.to_vec(), weights))
        }
    }

    /// 3 and 5 channels under a convolution of 4 groups of 2, so that the second group reads both, then a depthwise
    /// transposed one and a read-out without weights. The host computes a grouped convolution as well.
    fn grouped_network() -> Graph {
        let fire = || Op::If(If::new(1.0));
        let ops: Vec<(Op, Vec<usize>)> = vec![
            (Op::Input(Input::constant(Shape::new(2, 4, 4))), vec![]),
            (Op::Conv(grouped([4, 1, 3, 3], 2, 4, 1)), vec![0]),
            (Op::Conv(grouped([3, 4, 1, 1], 1, 3, 1)), vec![1]),
            (fire(), vec![2]),
            (Op::Conv(grouped([5, 2, 1, 1], 1, 5, 1)), vec![0]),
            (fire(), vec![4]),
            (Op::Concat(Concat), vec![3, 5]),
            (Op::Conv(grouped([12, 2, 3, 3], 4, 12, 1)), vec![6]),
            (fire(), vec![7]),
            (Op::Conv(Conv { transposed: true, ..grouped([12, 2, 2, 2], 12, 24, 2) }), vec![8]),
            (fire(), vec![9]),
            (Op::MeanOverTime(MeanOverTime), vec![10]),
        ];
        let layers = ops.iter().map(|(op, inputs)| (op.clone(), inputs.as_slice()));
        Builder::numbered("net", 8, layers).finish().unwrap()
    }

    #[test]
    fn channel_groups_follow_the_float_reference() {
        let graph = grouped_network();
        let interpreter = Interpreter::new(&graph).unwrap();
        let collected = collect::run(&graph).unwrap();
        // The source of 3 channels has one group whole and a part of the next, that of 5 the rest of it and two whole.
        let index = |name: &str| collected.layers.iter().position(|layer| layer.name == name).unwrap();
        let (narrow, wide) = (index("l3"), index("l5"));
        let joined = &collected.layers[index("l8")].sources;
        let joins: Vec<_> = joined.iter().map(|s| (s.source, s.weights.len())).collect();
        assert_eq!(joins, [(narrow, 2 * 9 * 3), (narrow, 9 * 3), (wide, 9 * 3), (wide, 4 * 9 * 3)]);
        let read_out = &collected.layers[index("l11")].sources[0];
        assert_eq!(read_out.weights, vec![1.0; 24]);
        let input: Vec<f64> = (0..32).map(|i| f64::from(i * 7 % 9) / 4.0 - 1.0).collect();
        let trace = interpreter.run(&Map::new(Shape::new(2, 4, 4), input.clone())).unwrap();
        let pass = run(&collected, &input);
        let mut fired = 0;
        for name in ["l3", "l5", "l8", "l10"] {
            let layer = index(name);
            let positions = collected.layers[layer].shape.positions();
            for (expected, spikes) in trace.spikes(name).unwrap().iter().zip(&pass.spikes[layer]) {
                let mut found: Vec<usize> =
                    spikes.iter().map(|s| s.channel as usize * positions + s.position as usize).collect();
                found.sort_unstable();
                let wanted: Vec<usize> = (0..expected.len()).filter(|&i| expected[i]).collect();
                assert_eq!(found, wanted, "{name}");
                fired += found.len();
            }
        }
        assert!(fired > 500, "{fired} spikes");
        let output: Vec<f64> = pass.output.iter().map(|&v| f64::from(v)).collect();
        assert_eq!(output, trace.output().data);
    }

    #[test]
    fn synapses_and_neurons_without_leak_follow_the_float_reference() {
        let graph = line();
        let interpreter = Interpreter::new(&graph).unwrap();
        let collected = collect::run(&graph).unwrap();
        let input = [0.5, 1.0, 0.75];
        let trace = interpreter.run(&Map::new(Shape::new(1, 1, 3), input.to_vec())).unwrap();
        let pass = run(&collected, &input);
        for (layer, name) in ["l2", "l4"].iter().enumerate() {
            let expected = trace.spikes(name).unwrap();
            assert!(expected.iter().flatten().any(|&fired| fired));
            for (t, spikes) in pass.spikes[layer].iter().enumerate() {
                let positions: Vec<usize> = spikes.iter().map(|spike| spike.position as usize).collect();
                let fired: Vec<usize> = (0..expected[t].len()).filter(|&i| expected[t][i]).collect();
                assert_eq!(positions, fired, "{name}, step {t}");
            }
        }
        let output: Vec<f64> = pass.output.iter().map(|&v| f64::from(v)).collect();
        assert_eq!(output, trace.output().data);
    }
}
