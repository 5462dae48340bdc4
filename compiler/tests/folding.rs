//! Pools and sums: against independent evaluations, folded into kernels against the float reference, and what is
//! refused.

use crate::folded::{BLOCKS, network};
use crate::random::cases;
use snnc_compiler::graph::{Builder, Graph, Op};
use snnc_compiler::ir::Shape;
use snnc_compiler::layers::{
    Add, AvgPool2d, Concat, Conv, If, Input, MeanOverTime, PoolWindow, SparseLinear, SumPool2d,
};
use snnc_compiler::passes::calibrate;
use snnc_compiler::passes::collect::{self, KernelWiring};
use snnc_compiler::reference::{Interpreter, Map};
use snnc_compiler::weights::Tensor;
use snnc_targets::{Code, Subject};

/// What one layer makes of maps of one shape, in the float reference; each map is a part of the input's channels.
fn reference(shape: Shape, op: Op, input: &[f64]) -> Map {
    let graph = Builder::chain("net", 1, [Op::Input(Input::constant(shape)), op]).fragment().unwrap();
    Interpreter::new(&graph).unwrap().run(&Map::new(shape, input.to_vec())).unwrap().output().clone()
}

/// Sums over windows by prefix sums of the padded channel.
fn by_prefix_sums(map: &[f64], (height, width): (usize, usize), pool: &PoolWindow) -> Vec<f64> {
    let ((kh, kw), (ph, pw)) = (pool.kernel, pool.padding);
    let (rows, columns) = (height + 2 * ph, width + 2 * pw);
    let mut prefix = vec![vec![0.0; columns + 1]; rows + 1];
    for y in 0..rows {
        for x in 0..columns {
            let inside = y >= ph && x >= pw && y - ph < height && x - pw < width;
            let value = if inside { map[(y - ph) * width + x - pw] } else { 0.0 };
            prefix[y + 1][x + 1] = value + prefix[y][x + 1] + prefix[y + 1][x] - prefix[y][x];
        }
    }
    let (sh, sw) = pool.stride.unwrap();
    let mut sums = Vec::new();
    for y in (0..rows - kh + 1).step_by(sh) {
        for x in (0..columns - kw + 1).step_by(sw) {
            sums.push(prefix[y + kh][x + kw] - prefix[y][x + kw] - prefix[y + kh][x] + prefix[y][x]);
        }
    }
    sums
}

#[test]
fn windows_are_summed_and_averaged_as_in_pytorch() {
    // torch.nn.functional.avg_pool2d(torch.arange(15.).reshape(1, 3, 5), 2, (1, 2)): the fifth column fills no window.
    let input: Vec<f64> = (0..15).map(f64::from).collect();
    let mean = AvgPool2d(PoolWindow { kernel: (2, 2), stride: Some((1, 2)), padding: (0, 0) });
    let output = reference(Shape::new(1, 3, 5), mean.into(), &input);
    assert_eq!((output.shape(), output.data.as_slice()), (Shape::new(1, 2, 2), &[3.0, 5.0, 8.0, 10.0][..]));
    // Padding counts as zeros: a corner is a quarter of its only value.
    let padded = AvgPool2d(PoolWindow { kernel: (2, 2), stride: None, padding: (1, 1) });
    assert_eq!(
        reference(Shape::new(1, 2, 2), padded.into(), &[4.0, 8.0, 12.0, 16.0]).data,
        [1.0, 2.0, 3.0, 4.0]
    );

    cases(60, 7, |random| {
        let (height, width) = (random.between(3, 8), random.between(3, 8));
        let kernel = (random.between(1, 3), random.between(1, 3));
        let stride = (random.between(1, 3), random.between(1, 3));
        let padding = (random.between(0, kernel.0 / 2), random.between(0, kernel.1 / 2));
        let sum = SumPool2d(PoolWindow { kernel, stride: Some(stride), padding });
        let input: Vec<f64> = (0..2 * height * width).map(|_| random.value(0, 63) as f64 - 32.0).collect();
        let expected: Vec<f64> = input
            .chunks(height * width)
            .flat_map(|map| by_prefix_sums(map, (height, width), &sum.0))
            .collect();
        let shape = Shape::new(2, height, width);
        assert_eq!(reference(shape, sum.clone().into(), &input).data, expected, "{sum:?} on {shape}");
        let mean = AvgPool2d(PoolWindow { kernel, stride: Some(stride), padding });
        let n = (kernel.0 * kernel.1) as f64;
        let expected: Vec<f64> = expected.iter().map(|sum| sum / n).collect();
        assert_eq!(reference(shape, mean.into(), &input).data, expected);
    });
}

#[test]
fn maps_are_added_element_by_element_whatever_their_number() {
    let shape = Shape::new(1, 1, 3);
    let mut builder = Builder::new("net", 1);
    builder.input("in", shape);
    builder.layer("double", &["in"], Conv::new(Tensor::new(vec![1, 1, 1, 1], vec![2.0])));
    builder.layer("sum", &["in", "double", "in"], Add);
    let graph = builder.fragment().unwrap();
    let trace = Interpreter::new(&graph).unwrap().run(&Map::new(shape, vec![1.0, -2.0, 0.5])).unwrap();
    assert_eq!(trace.output().data, [4.0, -8.0, 2.0]);
}

/// Spikes of every firing layer and the output of folded layers are those of the float reference; how many spikes.
fn folds_exactly(graph: &Graph, input: &[f64]) -> usize {
    let interpreter = Interpreter::new(graph).unwrap();
    let trace = interpreter.run(&Map::new(interpreter.input_shape(), input.to_vec())).unwrap();
    let collected = collect::run(graph).unwrap();
    collected.verify().unwrap();
    let pass = calibrate::run(&collected, input);
    let mut fired = 0;
    for (layer, steps) in collected.layers.iter().zip(&pass.spikes).filter(|(layer, _)| layer.kind.fires()) {
        let positions = layer.shape.positions();
        for (expected, spikes) in trace.spikes(&layer.name).unwrap().iter().zip(steps) {
            let mut found = vec![false; expected.len()];
            spikes.iter().for_each(|s| found[s.channel as usize * positions + s.position as usize] = true);
            assert_eq!(&found, expected, "{}", layer.name);
            fired += spikes.len();
        }
    }
    let output: Vec<f64> = pass.output.iter().map(|&v| f64::from(v)).collect();
    assert_eq!(output, trace.output().data);
    fired
}

#[test]
fn folded_layers_follow_the_float_reference() {
    let (mut blocks, mut fired, mut largest) = ([0; BLOCKS], 0, 0);
    cases(80, 0, |random| {
        let (graph, input, kinds) = network(random);
        let spikes = folds_exactly(&graph, &input);
        fired += spikes;
        largest = largest.max(spikes);
        blocks.iter_mut().zip(kinds).for_each(|(all, kind)| *all += kind);
    });
    assert!(blocks.iter().all(|&count| count >= 10), "{blocks:?}");
    assert!(fired > 100_000, "{fired} spikes, at most {largest} of a network");
}

/// `source`, a line or map of firing neurons, with layers behind it up to a read-out.
fn behind(shape: Shape, layers: &[(&str, &[&str], Op)]) -> Builder<'static> {
    let mut builder = Builder::new("net", 4);
    let n = shape.channels;
    let diagonal: Vec<f64> = (0..n * n).map(|i| f64::from(u8::from(i % (n + 1) == 0))).collect();
    builder.input("in", shape).then("weights", Conv::new(Tensor::new(vec![n, n, 1, 1], diagonal)));
    builder.then("source", If::new(1.0));
    for (name, from, op) in layers {
        builder.layer(name, from, op.clone());
    }
    builder
}

fn conv(shape: [usize; 4]) -> Conv {
    Conv::new(Tensor::new(shape.to_vec(), vec![0.5; shape.iter().product()]))
}

fn pool(kernel: usize, stride: usize) -> Op {
    AvgPool2d(PoolWindow { kernel: (kernel, kernel), stride: Some((stride, stride)), padding: (0, 0) }).into()
}

#[test]
fn the_same_layer_added_twice_has_one_kernel_of_twice_the_weight() {
    let shape = Shape::new(2, 4, 4);
    let fire = || Op::If(If::new(1.5));
    let layers = |sum: &'static [&'static str]| -> Vec<(&str, &[&str], Op)> {
        vec![("sum", sum, Add.into()), ("next", &["sum"], fire()), ("out", &["next"], MeanOverTime.into())]
    };
    let twice = behind(shape, &layers(&["source", "source"])).finish().unwrap();
    let collected = collect::run(&twice).unwrap();
    assert_eq!(collected.layers[1].sources.len(), 1);
    assert_eq!(collected.layers[1].sources[0].weights, [2.0, 2.0]);
    let input: Vec<f64> = (0..32).map(|i| f64::from(i % 5) / 2.0).collect();
    assert!(folds_exactly(&twice, &input) > 50);
    // A pool before a convolution: 2 x 2 taps of a quarter each under 3 x 3.
    let pooled = behind(
        shape,
        &[
            ("pool", &["source"], pool(2, 2)),
            ("conv", &["pool"], Conv { padding: (1, 1), ..conv([3, 2, 3, 3]) }.into()),
            ("next", &["conv"], fire()),
            ("out", &["next"], MeanOverTime.into()),
        ],
    );
    let collected = collect::run(&pooled.finish().unwrap()).unwrap();
    let kernel = &collected.layers[1].sources[0];
    let KernelWiring::Conv { map, .. } = &kernel.wiring else { panic!("a kernel") };
    assert_eq!((map.rows.kernel, map.rows.stride, map.rows.padding), (6, 2, 2));
    assert!(kernel.weights.iter().all(|weight| weight == 0.125) && kernel.weights.len() == 2 * 36 * 3);
}

#[test]
fn lists_of_synapses_and_lines_are_added_as_lists() {
    let list = |weights: [f64; 3]| SparseLinear {
        sources: vec![0, 3, 3],
        targets: vec![1, 3, 2],
        weights: weights.to_vec(),
        bias: Some(Tensor::new(vec![4], vec![0.25, 0.0, 0.5, 0.0])),
        outputs: 4,
    };
    let graph = behind(
        Shape::new(1, 1, 4),
        &[
            ("a", &["source"], list([0.5, 0.75, 1.0]).into()),
            ("b", &["source"], list([0.25, -0.5, 1.0]).into()),
            ("sum", &["a", "source", "b"], Add.into()),
            ("next", &["sum"], If::new(1.0).into()),
            ("out", &["next"], MeanOverTime.into()),
        ],
    );
    let graph = graph.finish().unwrap();
    let sum = &collect::run(&graph).unwrap().layers[1];
    let KernelWiring::Sparse { sources, targets } = &sum.sources[0].wiring else { panic!("a list") };
    let pairs: Vec<_> = sources
        .iter()
        .zip(targets)
        .zip(sum.sources[0].weights.iter())
        .map(|((&s, &t), w)| (s, t, w))
        .collect();
    let expected = [
        (0, 0, 1.0),
        (0, 1, 0.75),
        (1, 1, 1.0),
        (2, 2, 1.0),
        (3, 2, 2.0),
        (3, 3, 0.75 - 0.5 + 1.0 + 0.5 - 0.5),
    ];
    assert_eq!(pairs, expected);
    assert_eq!(sum.bias, [0.5, 0.0, 1.0, 0.0]);
    assert!(folds_exactly(&graph, &[1.0, 0.5, 0.25, 2.0]) > 10);
}

fn refused(builder: Builder<'_>, place: Subject, message: &str) {
    let error = collect::run(&builder.finish().unwrap()).unwrap_err();
    assert_eq!(error.codes(), [Code::Unsupported], "{error}");
    let found = &error.0[0];
    assert!(*found.place.subject() == place && found.message.contains(message), "{error}");
    assert!(found.hint.is_some(), "{error}");
}

#[test]
fn what_is_no_single_kernel_is_refused_by_name() {
    let fire = || Op::If(If::new(1.0));
    let ends = |layers: Vec<(&'static str, &'static [&'static str], Op)>, shape: Shape| {
        let last: &[&str] = match layers.last().unwrap().0 {
            "sum" => &["sum"],
            "pool" => &["pool"],
            _ => &["conv"],
        };
        let mut all = layers;
        all.extend([("next", last, fire()), ("out", &["next"][..], MeanOverTime.into())]);
        behind(shape, &all)
    };
    let padded = || Conv { padding: (1, 1), ..conv([1, 1, 3, 3]) };
    let (odd, even) = (Shape::new(1, 9, 9), Shape::new(1, 8, 8));
    let pooled =
        |op: Conv| vec![("pool", &["source"][..], pool(2, 2)), ("conv", &["pool"][..], Op::Conv(op))];
    refused(ends(pooled(padded()), odd), Subject::layer("net", "conv"), "reads beside the map");
    refused(
        ends(pooled(Conv { dilation: (2, 2), ..conv([1, 1, 2, 2]) }), even),
        Subject::layer("net", "conv"),
        "leave gaps",
    );
    let up = Conv { stride: (2, 2), transposed: true, ..conv([1, 1, 2, 2]) };
    refused(ends(pooled(up), even), Subject::layer("net", "conv"), "do not make one pattern");
    let twice = vec![
        ("first", &["source"][..], Op::Conv(padded())),
        ("conv", &["first"][..], Op::Conv(Conv { groups: 1, ..conv([2, 1, 1, 1]) })),
    ];
    collect::run(&ends(twice, even).finish().unwrap()).unwrap();
    let dense = vec![
        ("first", &["source"][..], Op::Conv(conv([2, 1, 1, 1]))),
        ("conv", &["first"][..], Op::Conv(conv([1, 2, 1, 1]))),
    ];
    collect::run(&ends(dense, even).finish().unwrap()).unwrap();
    let beside = vec![
        ("first", &["source"][..], Op::Conv(Conv { padding: (1, 1), ..conv([2, 1, 3, 3]) })),
        ("conv", &["first"][..], Op::Conv(Conv { padding: (1, 1), ..conv([1, 2, 3, 3]) })),
    ];
    refused(ends(beside, even), Subject::layer("net", "conv"), "reads beside the map");
    let constant = vec![("sum", &["source", "weights"][..], Op::Concat(Concat))];
    collect::run(&ends(constant, even).finish().unwrap()).unwrap();
    let constants = vec![("sum", &["source", "weights", "weights"][..], Op::Concat(Concat))];
    refused(
        ends(constants, even),
        Subject::layer("net", "sum"),
        "joins several currents that are constant over time",
    );
    let constants = vec![
        ("sum", &["weights", "in"][..], Op::Add(Add)),
        ("conv", &["sum"][..], conv([1, 1, 1, 1]).into()),
    ];
    let mut whole = ends(constants, even);
    whole.layer("both", &["source", "next"], Concat);
    let error = collect::run(&whole.fragment().unwrap()).unwrap_err();
    assert_eq!(error.codes(), [Code::Unsupported]);
    assert!(error.to_string().contains("Add cannot be computed by the host"), "{error}");
}
