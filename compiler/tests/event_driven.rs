//! The event-driven float path against the float reference, bit by bit, on random networks of all kinds of layers.
//!
//! Weights, inputs and parameters have random mantissas, so that a sum in another order is another sum.

use std::collections::BTreeMap;

use crate::random::{Random, cases};
use snnc_compiler::event_driven::EventDriven;
use snnc_compiler::graph::Builder;
use snnc_compiler::ir::Shape;
use snnc_compiler::layers::{
    Add, AvgPool2d, BatchNorm, Concat, Conv, Conv1d, CurrentRule, Delay, Dropout, Embedding, Flatten, If,
    Input, LastOverTime, Leaky, LeakyIntegrator, LeakyReset, LeakySumOverTime, Lif, Linear, MaxPool2d,
    MeanOverTime, MembraneRule, Mix, NearestCode, Neuron, Op, PoolWindow, ResetStep, Reshape, Scale,
    SignalKind, SignalType, SparseLinear, SpikeReset, SumOverTime, SumPool2d, Upsample, WeightedSum,
};
use snnc_compiler::reference::{Interpreter, Trace, TracedLayer};
use snnc_compiler::weights::Tensor;

/// Most elements of a map.
const ELEMENTS_MAX: usize = 1500;

/// A number in -1 to 1 of 53 random bits.
fn number(random: &mut Random) -> f64 {
    (random.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Numbers, half of the times those of 32-bit floats; now and then one is a zero of either sign.
fn numbers(random: &mut Random, n: usize) -> Vec<f64> {
    let single = random.value_one_in(2);
    let one = |random: &mut Random| match random.value(0, 30) {
        0 => 0.0,
        1 => -0.0,
        _ => number(random),
    };
    (0..n).map(|_| one(random)).map(|x| if single { f64::from(x as f32) } else { x }).collect()
}

fn tensor(random: &mut Random, shape: &[usize]) -> Tensor {
    Tensor::new(shape.to_vec(), numbers(random, shape.iter().product()))
}

fn maybe_bias(random: &mut Random, outputs: usize) -> Option<Tensor> {
    random.one_in(2).then(|| tensor(random, &[outputs]))
}

fn positive(random: &mut Random, n: usize) -> Vec<f64> {
    (0..n).map(|_| 0.1 + number(random).abs()).collect()
}

/// Output channels: few, or more than the widest block.
fn outputs(random: &mut Random) -> usize {
    [1, 3, 4, 7, 8, 9, 17, 33, 64, 70][random.between(0, 9)]
}

fn conv(random: &mut Random, from: Shape) -> Conv {
    let transposed = random.one_in(3);
    let groups = if random.one_in(3) { [2, from.channels][random.between(0, 1)] } else { 1 };
    let groups = if from.channels.is_multiple_of(groups) { groups } else { 1 };
    let each = if groups > 1 { random.between(1, 9) } else { outputs(random) };
    let (rows, columns) = (random.between(1, from.height.min(3)), random.between(1, from.width.min(3)));
    let weight = match transposed {
        true => [from.channels, each, rows, columns],
        false => [each * groups, from.channels / groups, rows, columns],
    };
    let pair = |random: &mut Random, low, high| (random.between(low, high), random.between(low, high));
    let (stride, dilation) = (pair(random, 1, 2), pair(random, 1, 2));
    let wider = transposed && random.one_in(3);
    let extra = |stride: usize, dilation: usize| if wider { stride.max(dilation) - 1 } else { 0 };
    Conv {
        transposed,
        weight: tensor(random, &weight),
        bias: maybe_bias(random, each * groups),
        stride,
        padding: pair(random, 0, 1),
        end_padding: random.one_in(3).then(|| pair(random, 0, 1)),
        dilation,
        output_padding: (extra(stride.0, dilation.0), extra(stride.1, dilation.1)),
        groups,
    }
}

fn sparse(random: &mut Random, inputs: usize) -> SparseLinear {
    let outputs = random.between(1, 12);
    let mut pairs: Vec<(u32, u32)> = (0..inputs as u32)
        .flat_map(|source| (0..outputs as u32).map(move |target| (source, target)))
        .collect();
    pairs.retain(|_| random.value(0, 2) > 0);
    pairs.push((inputs as u32 - 1, outputs as u32 - 1));
    pairs.dedup();
    match random.between(0, 2) {
        0 => {}
        1 => pairs.sort_unstable_by_key(|&(source, target)| (target, source)),
        // In no order: such lists are evaluated as the reference does.
        _ => pairs.reverse(),
    }
    let (sources, targets) = pairs.iter().copied().unzip();
    let weights = numbers(random, pairs.len());
    SparseLinear { sources, targets, weights, bias: maybe_bias(random, outputs), outputs }
}

/// Numbers for all neurons, by channel, or one by one.
fn list(random: &mut Random, shape: Shape) -> Vec<f64> {
    let lengths = [1, shape.channels, shape.len()];
    let length = lengths[random.between(0, 2)];
    positive(random, length)
}

fn membrane(random: &mut Random, shape: Shape) -> MembraneRule {
    let part = |values: Vec<f64>| values.into_iter().map(|value| value.min(1.0)).collect::<Vec<_>>();
    let current = random.one_in(2);
    MembraneRule {
        leak: part(list(random, shape)),
        gain: list(random, shape),
        rest: list(random, shape),
        start: list(random, shape),
        current: current.then(|| CurrentRule { keep: part(list(random, shape)), gain: list(random, shape) }),
    }
}

fn neurons(random: &mut Random, shape: Shape) -> Op {
    let (soft_reset, strict) = (random.one_in(2), random.one_in(2));
    let refractory = random.between(0, 2) as u32;
    match random.between(0, 5) {
        0 | 1 => Lif {
            decay_input: random.one_in(2),
            soft_reset,
            strict,
            refractory,
            ..Lif::new(1.0 + positive(random, 1)[0], 0.4, -0.1)
        }
        .into(),
        2 => If { soft_reset, strict, refractory, ..If::new(0.3) }.into(),
        3 => {
            let part = |random: &mut Random| vec![number(random).abs()];
            Leaky {
                beta: part(random),
                alpha: soft_reset.then(|| part(random)),
                threshold: positive(random, shape.channels),
                reset: [LeakyReset::Subtract, LeakyReset::Zero, LeakyReset::None][random.between(0, 2)],
                refractory,
            }
            .into()
        }
        4 => LeakyIntegrator(membrane(random, shape)).into(),
        _ => Neuron {
            membrane: membrane(random, shape),
            threshold: list(random, shape),
            strict,
            reset: [SpikeReset::Hard, SpikeReset::Subtract, SpikeReset::Nothing][random.between(0, 2)],
            reset_to: vec![0.0],
            when: [ResetStep::Same, ResetStep::Next, ResetStep::NextWithInput][random.between(0, 2)],
        }
        .into(),
    }
}

fn window(random: &mut Random, shape: Shape) -> PoolWindow {
    let kernel = (random.between(1, shape.height.min(3)), random.between(1, shape.width.min(3)));
    let padding = if kernel == (2, 2) { (random.between(0, 1), 0) } else { (0, 0) };
    PoolWindow { kernel, stride: random.one_in(2).then_some((1, 2)), padding }
}

/// A layer that does not fire, of any kind; it may not fit.
fn other(random: &mut Random, from: Shape, timesteps: usize) -> Op {
    let Shape { channels, .. } = from;
    match random.between(0, 11) {
        0 => Flatten.into(),
        1 => Reshape { shape: (1, 1, from.len()) }.into(),
        2 => BatchNorm {
            scale: tensor(random, &[channels]),
            shift: tensor(random, &[channels]),
            mean: tensor(random, &[channels]),
            variance: Tensor::new(vec![channels], positive(random, channels)),
            epsilon: 1e-5,
        }
        .into(),
        3 => Scale { factor: numbers(random, channels) }.into(),
        4 => Dropout.into(),
        5 => AvgPool2d(window(random, from)).into(),
        6 => SumPool2d(window(random, from)).into(),
        7 => MaxPool2d(window(random, from)).into(),
        8 => Upsample { factor: (random.between(1, 2), random.between(1, 2)) }.into(),
        9 => Delay { steps: random.between(1, timesteps), shape: None }.into(),
        _ => neurons(random, from),
    }
}

/// A layer with weights; it may not fit.
fn weighted(random: &mut Random, from: Shape) -> Op {
    match random.between(0, 5) {
        0 | 1 => conv(random, from).into(),
        2 if from.height == 1 => {
            let outputs = outputs(random);
            Conv1d(Conv::new(tensor(random, &[outputs, from.channels, 1, 1 + from.width / 2]))).into()
        }
        3 if (from.channels, from.height) == (1, 1) => sparse(random, from.width).into(),
        4 | 5 => {
            let outputs = outputs(random);
            Linear { weight: tensor(random, &[outputs, from.len()]), bias: maybe_bias(random, outputs) }
                .into()
        }
        _ => conv(random, from).into(),
    }
}

/// Whatever makes one map of a series.
fn read_out(random: &mut Random, timesteps: usize) -> Op {
    match random.between(0, 4) {
        0 => MeanOverTime.into(),
        1 => SumOverTime.into(),
        2 => LastOverTime { timesteps }.into(),
        3 => LeakySumOverTime { beta: 0.7, timesteps }.into(),
        _ => WeightedSum { coefficients: numbers(random, timesteps) }.into(),
    }
}

/// A network in the making: names, shapes and kinds of the layers so far.
struct Network<'r> {
    random: &'r mut Random,
    builder: Builder<'static>,
    timesteps: usize,
    layers: Vec<(String, SignalType)>,
    used: Vec<&'static str>,
}

impl Network<'_> {
    /// Adds a layer if it fits.
    fn add(&mut self, from: &[usize], op: Op) -> bool {
        let inputs: Vec<SignalType> = from.iter().map(|&layer| self.layers[layer].1).collect();
        let Ok(output) = op.output(&inputs, self.timesteps) else { return false };
        if output.shape.len() > ELEMENTS_MAX {
            return false;
        }
        let name = format!("l{}", self.layers.len());
        let from: Vec<String> = from.iter().map(|&layer| self.layers[layer].0.clone()).collect();
        self.used.push(op.name());
        self.builder.layer(&name, &from, op);
        self.layers.push((name, output));
        true
    }

    fn last(&self) -> (usize, SignalType) {
        (self.layers.len() - 1, self.layers[self.layers.len() - 1].1)
    }

    /// Neurons whose output comes back to them through a convolution.
    fn loop_back(&mut self) {
        let (at, SignalType { shape, .. }) = self.last();
        if shape.channels > 16 {
            return;
        }
        let Shape { channels, height, width } = shape;
        let names: Vec<String> = (0..4).map(|i| format!("l{}", self.layers.len() + i)).collect();
        let delay = Delay { steps: self.random.between(1, 2), shape: Some((channels, height, width)) };
        let back = Conv::new(tensor(self.random, &[channels, channels, 1, 1]));
        let fires = neurons(self.random, shape);
        self.used.extend(["recurrence", fires.name()]);
        let from = self.layers[at].0.clone();
        self.builder.layer(&names[0], &[&names[3]], delay).layer(&names[1], &[&names[0]], back);
        self.builder.layer(&names[2], &[&from, &names[1]], Add).layer(&names[3], &[&names[2]], fires);
        let series = SignalType { shape, kind: SignalKind::Series };
        self.layers.extend(names.into_iter().map(|name| (name, series)));
    }

    /// A layer of any kind behind the last, or none.
    fn grow(&mut self) {
        let (last, SignalType { shape, kind }) = self.last();
        let other_layer = self.random.between(0, last);
        let op = match self.random.between(0, 9) {
            0..=3 => weighted(self.random, shape),
            4 | 5 => neurons(self.random, shape),
            6 if kind != SignalKind::Final => return self.loop_back(),
            7 => {
                let op = [Op::from(Add), Op::from(Concat)][self.random.between(0, 1)].clone();
                self.add(&[last, other_layer], op);
                return;
            }
            _ => other(self.random, shape, self.timesteps),
        };
        self.add(&[last], op);
    }

    /// Read-outs, and what may be computed from them.
    fn end(&mut self) {
        let (last, SignalType { shape, .. }) = self.last();
        let [first, second] = [read_out(self.random, self.timesteps), read_out(self.random, self.timesteps)];
        if self.random.one_in(2) && self.add(&[last], first.clone()) && self.add(&[last], second) {
            let both = [self.layers.len() - 2, self.layers.len() - 1];
            self.add(&both, Mix { alpha: 0.3 }.into());
            let table = tensor(self.random, &[3, shape.channels]);
            self.add(&[self.layers.len() - 1], NearestCode { table }.into());
        } else {
            self.add(&[last], first);
        }
        if self.random.one_in(2) {
            let behind = weighted(self.random, self.last().1.shape);
            self.add(&[self.layers.len() - 1], behind);
        }
    }
}

/// Name and bits of a layer, map by map; one pattern for all that is no number.
fn layer_bits(layer: &TracedLayer) -> (String, Vec<Vec<u64>>) {
    let of_value = |value: &f64| if value.is_nan() { u64::MAX } else { value.to_bits() };
    let maps = layer.signal.steps().iter().map(|map| map.data.iter().map(of_value).collect());
    (layer.name.clone(), maps.collect())
}

fn bits(trace: &Trace) -> Vec<(String, Vec<Vec<u64>>)> {
    trace.layers().iter().map(layer_bits).collect()
}

/// An input for the network: spikes, row numbers, or numbers with zeros among them.
fn input(random: &mut Random, n: usize, spikes: bool, rows: bool) -> Vec<f64> {
    let one = |random: &mut Random| match (spikes, rows) {
        (true, _) => random.value(0, 1) as f64,
        (_, true) => random.value(0, 3) as f64,
        _ => [0.0, number(random), 1.0][random.value(0, 2)],
    };
    (0..n).map(|_| one(random)).collect()
}

#[test]
fn random_networks_of_all_kinds_have_the_bits_of_the_reference() {
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    let mut spikes = 0;
    // What is computed at a time depends on the number of threads.
    let pools = [1, 5].map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap());
    cases(400, 0x5eed, |random| {
        let timesteps = random.between(1, 11);
        let spiking = random.one_in(2);
        let rows = !spiking && random.one_in(3);
        let channels = if rows { 1 } else { random.between(1, 9) };
        let shape = match random.one_in(3) {
            true => Shape::new(1, 1, random.between(1, 9)),
            false => Shape::new(channels, random.between(1, 6), random.between(1, 6)),
        };
        let mut builder = Builder::new("net", timesteps);
        let taken = Input { spikes: spiking, ..Input::constant(shape) };
        builder.layer("l0", &[] as &[&str], taken);
        let kind = if spiking { SignalKind::Series } else { SignalKind::Constant };
        let layers = vec![("l0".to_owned(), SignalType { shape, kind })];
        let mut network = Network { random, builder, timesteps, layers, used: Vec::new() };
        if rows {
            let table = tensor(network.random, &[4, 5]);
            network.add(&[0], Embedding { table }.into());
        }
        for _ in 0..network.random.between(2, 9) {
            network.grow();
        }
        network.end();
        let Network { builder, used: names, random, .. } = network;
        let graph = builder.fragment().unwrap_or_else(|problems| panic!("{problems}"));
        let plain = Interpreter::new(&graph).unwrap();
        let values = input(random, plain.input_len(), spiking, rows);
        let expected = plain.pass(&values).unwrap();
        let quick = EventDriven::new(plain);
        let found = quick.pass(&values).unwrap();
        for pool in &pools {
            let found = pool.install(|| quick.pass(&values)).unwrap();
            assert_eq!(bits(&found), bits(&expected), "{}", graph.table().unwrap());
        }
        let answer = quick.answer(&values).unwrap();
        assert_eq!(answer.output().data.len(), expected.output().data.len());
        let unread: Vec<&str> =
            graph.outputs().into_iter().map(|node| graph.net[node].name.as_str()).collect();
        let kept = |layer: &&TracedLayer| layer.spiking || unread.contains(&layer.name.as_str());
        let kept: Vec<_> = expected.layers().iter().filter(kept).map(layer_bits).collect();
        assert_eq!(bits(&answer), kept);
        names.into_iter().for_each(|name| *used.entry(name).or_default() += 1);
        let fired =
            |name: &str| found.spikes(name).unwrap().concat().into_iter().filter(|&fired| fired).count();
        spikes += found.spiking().map(fired).sum::<usize>();
    });
    let kinds = "Conv2d ConvTranspose2d Conv1d Linear Sparse Flatten Reshape BatchNorm Scale Dropout AvgPool2d \
                 SumPool2d MaxPool2d Upsample Delay Embedding Lif If Leaky Neuron LeakyIntegrator Add Concat Mix \
                 NearestCode MeanOverTime SumOverTime LastOverTime LeakySumOverTime WeightedSum recurrence";
    for kind in kinds.split_whitespace() {
        assert!(used.get(kind).is_some_and(|&count| count >= 10), "{kind}: {:?}", used.get(kind));
    }
    assert!(spikes > 50_000, "{spikes} spikes");
}
