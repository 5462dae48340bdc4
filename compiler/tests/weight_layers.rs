//! Layers with weights: padding of each side and rows against explicit loops, and several of them in a row as one
//! kernel against the float reference.

use crate::random::{Random, cases};
use snnc_compiler::frontend::load;
use snnc_compiler::graph::{Builder, Graph};
use snnc_compiler::ir::Shape;
use snnc_compiler::layers::{
    Conv, Conv1d, Flatten, If, Input, LastOverTime, LeakySumOverTime, Linear, MeanOverTime, Op, Reshape,
    SparseLinear,
};
use snnc_compiler::passes::calibrate;
use snnc_compiler::passes::collect::{self, KernelWiring};
use snnc_compiler::reference::{Interpreter, Map};
use snnc_compiler::weights::{Stored, Tensor, Values, write_safetensors};
use snnc_targets::Code;
use tempfile::TempDir;

/// What one layer makes of a map, in the float reference.
fn reference(shape: Shape, op: impl Into<Op>, input: &[f64]) -> Map {
    let graph = Builder::chain("net", 1, [Op::Input(Input::constant(shape)), op.into()]).fragment().unwrap();
    Interpreter::new(&graph).unwrap().run(&Map::new(shape, input.to_vec())).unwrap().output().clone()
}

/// Quarters from -1/2 to 3/4.
fn quarters(random: &mut Random, n: usize) -> Vec<f64> {
    (0..n).map(|_| random.value(0, 5) as f64 / 4.0 - 0.5).collect()
}

fn tensor(random: &mut Random, shape: &[usize]) -> Tensor {
    Tensor::new(shape.to_vec(), quarters(random, shape.iter().product()))
}

/// A map with zeros around it.
fn padded(map: &Map, [top, bottom, left, right]: [usize; 4]) -> Map {
    let Shape { channels, height, width } = map.shape();
    let mut large = Map::filled(Shape::new(channels, height + top + bottom, width + left + right), 0.0);
    for c in 0..channels {
        for (y, x) in map.shape().places() {
            let to = large.shape().at(c, y + top, x + left);
            large.data[to] = map.data[map.shape().at(c, y, x)];
        }
    }
    large
}

/// `y[o, r, c] = b[o] + sum w[o, i, ky, kx] x[i, r s + ky d, c s + kx d]` of a map that is padded already.
fn by_loops(conv: &Conv, map: &Map) -> Vec<f64> {
    let [outputs, inputs, rows, columns] = conv.weight.shape[..] else { panic!("four axes") };
    let ((sy, sx), (dy, dx)) = (conv.stride, conv.dilation);
    let (mut y, mut all) = (0, Vec::new());
    for o in 0..outputs {
        let first = o / (outputs / conv.groups) * inputs;
        y = 0;
        while y * sy + (rows - 1) * dy < map.shape().height {
            let mut x = 0;
            while x * sx + (columns - 1) * dx < map.shape().width {
                let mut sum = conv.bias.as_ref().map_or(0.0, |bias| bias.data.get(o));
                for i in 0..inputs {
                    for (ky, kx) in Shape::new(1, rows, columns).places() {
                        let weight = conv.weight.data.get(((o * inputs + i) * rows + ky) * columns + kx);
                        let from = map.shape().at(first + i, y * sy + ky * dy, x * sx + kx * dx);
                        sum += weight * map.data[from];
                    }
                }
                all.push(sum);
                x += 1;
            }
            y += 1;
        }
    }
    assert!(y > 0);
    all
}

#[test]
fn each_side_is_padded_by_as_much_as_it_says() {
    cases(120, 1, |random| {
        let line = random.one_in(3);
        let groups = random.between(1, 2);
        let shape = Shape::new(2 * groups, if line { 1 } else { random.between(4, 7) }, random.between(4, 7));
        let kernel = [if line { 1 } else { random.between(1, 3) }, random.between(1, 3)];
        let mut side = || random.between(0, 2);
        let mut sides = [side(), side(), side(), side()];
        if line {
            sides[..2].fill(0);
        }
        let weight = tensor(random, &[3 * groups, 2, kernel[0], kernel[1]]);
        let conv = Conv {
            bias: Some(tensor(random, &[3 * groups])),
            stride: (random.between(1, 2), random.between(1, 3)),
            dilation: (1, random.between(1, 2)),
            padding: (sides[0], sides[2]),
            end_padding: Some((sides[1], sides[3])),
            groups,
            ..Conv::new(weight)
        };
        if padded(&Map::filled(shape, 0.0), sides).shape().width <= (kernel[1] - 1) * conv.dilation.1 {
            return;
        }
        let input = Map::new(shape, quarters(random, shape.len()));
        let expected = by_loops(&conv, &padded(&input, sides));
        let op = if line { Op::Conv1d(Conv1d(conv.clone())) } else { Op::Conv(conv.clone()) };
        assert_eq!(reference(shape, op, &input.data).data, expected, "{conv:?}");
    });
}

/// The operations of a network, by the loader.
fn loaded(layers: &str, timesteps: usize) -> Vec<Op> {
    let folder = TempDir::new().unwrap();
    let stored = |name: &str, shape: &[usize]| Stored {
        name: name.into(),
        shape: shape.to_vec(),
        values: Values::F32((1..=shape.iter().product::<usize>()).map(|i| i as f32).collect()),
    };
    let tensors = [stored("row", &[3, 1, 2]), stored("map", &[3, 1, 2, 2]), stored("three", &[3])];
    write_safetensors(&folder.path().join("w.safetensors"), &tensors).unwrap();
    let text = format!(
        "(format: \"snnc.model/1\", name: \"m\", weights: {{\"w\": \"w.safetensors\"}}, \
         networks: {{\"net\": (timesteps: {timesteps}, layers: [{layers}])}})"
    );
    let path = folder.path().join("model.ron");
    std::fs::write(&path, text).unwrap();
    let model = load(&path).unwrap_or_else(|problems| panic!("{problems}"));
    model.graphs["net"].net.node_weights().map(|layer| layer.op.clone()).collect()
}

#[test]
fn model_files_say_it_as_pytorch_does() {
    let numbers = |n: usize| (1..=n).map(|i| i as f64).collect::<Vec<_>>();
    let read = |op: &str, height: usize, end: &str| {
        let ops = loaded(
            &format!(
                "(name: \"x\", op: Input(shape: (1, {height}, 3))), (name: \"l\", from: [\"x\"], op: {op}), \
                 (name: \"f\", from: [\"l\"], op: If(threshold: 1.0)), (name: \"out\", from: [\"f\"], op: {end})"
            ),
            4,
        );
        (ops[1].clone(), ops[3].clone())
    };
    let map = Conv::new(Tensor::new(vec![3, 1, 2, 2], numbers(12)));
    let same = Conv { end_padding: Some((1, 1)), ..map.clone() };
    let conv = |rest: &str| format!("Conv2d(weight: (\"w\", \"map\"), {rest})");
    assert_eq!(read(&conv("padding: \"same\""), 2, "LastOverTime").0, same.clone().into());
    assert_eq!(read(&conv("padding: (0, 1, 0, 1)"), 2, "LastOverTime").0, same.clone().into());
    let sides = Conv { padding: (1, 3), end_padding: Some((2, 4)), ..map.clone() };
    assert_eq!(read(&conv("padding: (1, 2, 3, 4)"), 2, "LastOverTime").0, sides.into());
    assert_eq!(read(&conv("padding: (1, 0)"), 2, "LastOverTime").0, Conv { padding: (1, 0), ..map }.into());
    let row = Conv::new(Tensor::new(vec![3, 1, 1, 2], numbers(6)));
    let line = |rest: &str| format!("Conv1d(weight: (\"w\", \"row\"), {rest})");
    let dilated = Conv { dilation: (1, 3), padding: (0, 1), end_padding: Some((0, 2)), ..row.clone() };
    assert_eq!(read(&line("padding: \"same\", dilation: 3"), 1, "LastOverTime").0, Conv1d(dilated).into());
    let (op, out) = read(&line("padding: 2, stride: 2"), 1, "LeakySumOverTime(beta: 0.5)");
    assert_eq!(op, Conv1d(Conv { padding: (0, 2), stride: (1, 2), ..row }).into());
    assert_eq!(out, LeakySumOverTime { beta: 0.5, timesteps: 4 }.into());
    // torch.nn.functional.conv1d(torch.tensor([[[1., 2, 3]]]), torch.tensor([[[10., 1]]]), padding="same")
    let weight = Tensor::new(vec![1, 1, 1, 2], vec![10.0, 1.0]);
    let even = Conv { end_padding: Some((0, 1)), ..Conv::new(weight) };
    assert_eq!(reference(Shape::new(1, 1, 3), Conv1d(even), &[1.0, 2.0, 3.0]).data, [12.0, 23.0, 30.0]);
}

#[test]
fn a_norm_without_scale_and_shift_has_one_and_zero() {
    let ops = loaded(
        "(name: \"x\", op: Input(shape: (1, 1, 3))), (name: \"l\", from: [\"x\"], \
         op: Conv1d(weight: (\"w\", \"row\"))), (name: \"n\", from: [\"l\"], \
         op: BatchNorm(mean: (\"w\", \"three\"), variance: (\"w\", \"three\"), epsilon: 1.0)), \
         (name: \"f\", from: [\"n\"], op: If(threshold: 1.0)), (name: \"out\", from: [\"f\"], op: LastOverTime)",
        2,
    );
    assert_eq!(ops[4], LastOverTime { timesteps: 2 }.into());
    // (x - mean) / sqrt(variance + 1) for mean and variance 1, 2 and 3.
    let found = reference(Shape::new(3, 1, 1), ops[2].clone(), &[3.0, 5.0, 7.0]).data;
    assert_eq!(found, [2.0 / 2f64.sqrt(), 3.0 / 3f64.sqrt(), 2.0]);
}

#[test]
fn a_transposed_convolution_cuts_each_side_off_its_whole_output() {
    // The whole output is 1 10 100+2 20 200; two are cut off on the left and one on the right.
    let weight = Tensor::new(vec![1, 1, 1, 3], vec![1.0, 10.0, 100.0]);
    let whole = Conv { stride: (1, 2), ..Conv::transposed(weight) };
    let shape = Shape::new(1, 1, 2);
    assert_eq!(reference(shape, whole.clone(), &[1.0, 2.0]).data, [1.0, 10.0, 102.0, 20.0, 200.0]);
    let cut = Conv { padding: (0, 2), end_padding: Some((0, 1)), ..whole };
    assert_eq!(reference(shape, cut, &[1.0, 2.0]).data, [102.0, 20.0]);
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

/// Input, a convolution and neurons of `channels` channels.
fn firing(random: &mut Random, channels: usize) -> Builder<'static> {
    let mut builder = Builder::new("net", 8);
    builder.input("in", Shape::new(2, 7, 7));
    builder.then("first", Conv { padding: (1, 1), ..Conv::new(tensor(random, &[channels, 2, 3, 3])) });
    builder.then("source", If::new(1.0));
    builder
}

fn input(random: &mut Random) -> Vec<f64> {
    (0..98).map(|_| random.value(0, 8) as f64 / 4.0 - 0.5).collect()
}

#[test]
fn weight_layers_in_a_row_are_one_kernel() {
    let (mut fired, mut grouped) = (0, 0);
    cases(60, 2, |random| {
        let mut builder = firing(random, 4);
        let (mut groups, mut channels) = ([1, 2, 4][random.between(0, 2)], 4);
        for layer in 0..2 + random.between(0, 1) {
            // Padding only before the first: between two it would hide spikes from the second.
            let kernel = [1, 2, 3][random.between(0, 2)];
            let padding = if layer == 0 { (random.between(0, 1), kernel / 2) } else { (0, 0) };
            let outputs = groups * random.between(1, 2);
            let bias = (layer > 0 || padding == (0, 0)).then(|| tensor(random, &[outputs]));
            let weight = tensor(random, &[outputs, channels / groups, kernel, kernel]);
            builder.then(&format!("conv{layer}"), Conv { padding, bias, groups, ..Conv::new(weight) });
            channels = outputs;
            groups = if channels % 2 == 0 { random.between(1, 2) } else { 1 };
            grouped += usize::from(groups > 1);
        }
        builder.then("next", If::new(2.0));
        let elements = builder.shape("next").unwrap().len();
        builder.then("flat", Flatten);
        builder.then(
            "hidden",
            Linear { weight: tensor(random, &[6, elements]), bias: Some(tensor(random, &[6])) },
        );
        builder.then("classes", Linear { weight: tensor(random, &[3, 6]), bias: None });
        builder.then("out", MeanOverTime);
        fired += folds_exactly(&builder.finish().unwrap(), &input(random));
    });
    assert!(fired > 20_000 && grouped > 20, "{fired} spikes, {grouped} with groups");
}

#[test]
fn matrices_and_convolutions_before_them_are_multiplied() {
    // [1 2; 3 4] [10 0; 0 1] = [10 2; 30 4], and 5 + [1 2; 3 4] (1, 0) = (6, 8).
    let mut builder = Builder::new("net", 1);
    let square = |values: [f64; 4]| Tensor::new(vec![2, 2], values.to_vec());
    builder.input("in", Shape::new(2, 1, 1));
    builder.then("first", Linear { weight: square([1.0, 0.0, 0.0, 1.0]), bias: None });
    builder.then("source", If::new(1.0));
    let bias = |values: [f64; 2]| Some(Tensor::new(vec![2], values.to_vec()));
    builder.then("a", Linear { weight: square([10.0, 0.0, 0.0, 1.0]), bias: bias([1.0, 0.0]) });
    builder.then("b", Linear { weight: square([1.0, 2.0, 3.0, 4.0]), bias: bias([5.0, 5.0]) });
    builder.then("out", MeanOverTime);
    let out = &collect::run(&builder.finish().unwrap()).unwrap().layers[1];
    // Weights are [source channels, 1, 1, target channels].
    assert_eq!(out.sources[0].weights, [10.0, 30.0, 2.0, 4.0]);
    assert_eq!(out.bias, [6.0, 8.0]);
    cases(20, 3, |random| {
        let mut builder = firing(random, 3);
        let kernel = random.between(1, 3);
        let padding = (kernel / 2, kernel / 2);
        builder.then("conv", Conv { padding, ..Conv::new(tensor(random, &[2, 3, kernel, kernel])) });
        let elements = builder.shape("conv").unwrap().len();
        builder.then("flat", Flatten);
        builder.then("classes", Linear { weight: tensor(random, &[5, elements]), bias: None });
        builder.then("next", If::new(1.0)).then("out", MeanOverTime);
        assert!(folds_exactly(&builder.finish().unwrap(), &input(random)) > 50);
    });
}

#[test]
fn what_two_weight_layers_are_no_kernel_of_is_refused() {
    let mut random = Random::seeded(1);
    let mut builder = firing(&mut random, 2);
    let mut conv = || Conv { padding: (1, 1), ..Conv::new(tensor(&mut random, &[2, 2, 3, 3])) };
    builder.then("a", conv()).then("b", conv()).then("next", If::new(1.0)).then("out", MeanOverTime);
    let error = collect::run(&builder.finish().unwrap()).unwrap_err();
    assert_eq!(error.codes(), [Code::Unsupported]);
    assert!(error.to_string().contains("reads beside the map"), "{error}");
    assert!(error.0[0].hint.as_ref().is_some_and(|hint| hint.contains("put neurons between")));
}

#[test]
fn a_matrix_may_lead_to_a_line_for_synapses_one_by_one() {
    let mut random = Random::seeded(2);
    let mut builder = firing(&mut random, 3);
    builder.then("flat", Flatten);
    builder.then(
        "hidden",
        Linear { weight: tensor(&mut random, &[8, 147]), bias: Some(tensor(&mut random, &[8])) },
    );
    builder.then("line", Reshape { shape: (1, 1, 8) }).then("next", If::new(1.0));
    let list = SparseLinear {
        sources: vec![0, 3, 3, 7],
        targets: vec![1, 3, 2, 0],
        weights: vec![0.5, 1.0, 0.25, 0.75],
        bias: None,
        outputs: 4,
    };
    builder.then("list", list).then("last", If::new(0.5));
    builder.then("map", Reshape { shape: (2, 2, 1) });
    builder.then("classes", Linear { weight: tensor(&mut random, &[2, 4]), bias: None });
    builder.then("out", MeanOverTime);
    let graph = builder.finish().unwrap();
    let collected = collect::run(&graph).unwrap();
    let KernelWiring::Conv { map, .. } = &collected.layers[1].sources[0].wiring else { panic!("a kernel") };
    // A line of 8 neurons from each of 7 columns, without weights of 0.
    assert_eq!((map.cols.kernel, map.cols.stride, map.cols.padding), (56, 8, 48));
    assert_eq!(collected.layers[1].sources[0].weights.len(), 8 * 147);
    assert!(folds_exactly(&graph, &input(&mut random)) > 100);
}

#[test]
fn a_map_of_neurons_keeps_its_shape_on_the_chip() {
    let mut random = Random::seeded(3);
    let mut builder = firing(&mut random, 2);
    builder.then("turned", Reshape { shape: (49, 1, 2) });
    builder.then("conv", Conv::new(tensor(&mut random, &[1, 49, 1, 1]))).then("out", MeanOverTime);
    let error = collect::run(&builder.finish().unwrap()).unwrap_err();
    assert!(error.to_string().contains("only `Linear` may read a `Reshape`"), "{error}");
    // Back in its old shape it is what it was.
    let mut builder = firing(&mut random, 2);
    builder.then("turned", Reshape { shape: (49, 1, 2) }).then("back", Reshape { shape: (2, 7, 7) });
    builder.then("conv", Conv::new(tensor(&mut random, &[1, 2, 1, 1]))).then("out", MeanOverTime);
    assert!(folds_exactly(&builder.finish().unwrap(), &input(&mut random)) > 50);
}

#[test]
fn read_outs_weigh_the_timesteps_as_they_say() {
    // Neurons that fire in steps 2 and 4 of 5 (threshold 1, input 0.5); the membrane is 1/2 ^ 3 + 1/2.
    let output = |op: Op| {
        let mut builder = Builder::new("net", 5);
        builder.input("in", Shape::new(1, 1, 1));
        builder.then("weights", Conv::new(Tensor::new(vec![1, 1, 1, 1], vec![0.5])));
        builder.then("fires", If::new(1.0));
        builder.then("class", Conv::new(Tensor::new(vec![1, 1, 1, 1], vec![2.0]))).then("out", op);
        let graph = builder.finish().unwrap();
        folds_exactly(&graph, &[1.0]);
        let trace = Interpreter::new(&graph).unwrap().run(&Map::new(Shape::new(1, 1, 1), vec![1.0])).unwrap();
        trace.output().data[0]
    };
    assert_eq!(output(LeakySumOverTime { beta: 0.5, timesteps: 5 }.into()), 2.0 * (0.125 + 0.5));
    assert_eq!(output(LeakySumOverTime { beta: 1.0, timesteps: 5 }.into()), 4.0);
    assert_eq!(output(LastOverTime { timesteps: 5 }.into()), 0.0);
}
