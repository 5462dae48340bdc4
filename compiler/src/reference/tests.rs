use super::*;
use crate::graph::Builder;
use crate::layers::{
    BatchNorm, Conv, Delay, Dropout, Embedding, Flatten, If, Input, LayerKind, Leaky, LeakyReset, Lif,
    Linear, MaxPool2d, MeanOverTime, Mix, NearestCode, PoolWindow, Scale, SparseLinear, SumOverTime,
    Upsample, WeightedSum,
};
use crate::weights::Tensor;
use snnc_targets::Subject;

fn tensor(shape: &[usize], data: &[f64]) -> Tensor {
    Tensor::new(shape.to_vec(), data.to_vec())
}

/// A chain of layers behind an input of `shape`, run on `input`.
fn chain(timesteps: usize, shape: Shape, ops: Vec<Op>, input: &[f64]) -> Result<Trace, Diagnostic> {
    let mut builder = Builder::new("net", timesteps);
    builder.input("in", shape);
    for (i, op) in ops.into_iter().enumerate() {
        builder.then(&format!("l{i}"), op);
    }
    let graph = builder.fragment().unwrap();
    Interpreter::new(&graph).unwrap().run(&Map::new(shape, input.to_vec()))
}

fn one_by_one(op: Op, input: f64, timesteps: usize) -> Vec<f64> {
    let trace = chain(timesteps, Shape::new(1, 1, 1), vec![op], &[input]).unwrap();
    trace.signal("l0").unwrap().steps().iter().map(|map| map.data[0]).collect()
}

fn conv(weight: Tensor) -> Conv {
    Conv::new(weight)
}

#[test]
fn a_neuron_fires_at_its_threshold_and_starts_again_from_reset() {
    // v: 0.75, 1.125 -> spike, 0.75, ...
    let lif = Op::Lif(Lif::new(2.0, 1.0, 0.0));
    assert_eq!(one_by_one(lif.clone(), 1.5, 4), [0.0, 1.0, 0.0, 1.0]);
    assert_eq!(one_by_one(lif.clone(), 2.0, 2), [1.0, 1.0], "v = 1 fires");
    assert_eq!(one_by_one(lif, 1.0, 50), [0.0; 50], "v < 1 for ever (1 - 2^-n)");
    // From reset 0.5: v = 0.5 + (x - 0) / 2.
    assert_eq!(one_by_one(Op::Lif(Lif::new(2.0, 1.0, 0.5)), 1.0, 2), [1.0, 1.0]);
}

#[test]
fn convolution_is_the_correlation_of_pytorch() {
    let edge = Conv {
        bias: Some(tensor(&[1], &[0.5])),
        padding: (0, 1),
        ..conv(tensor(&[1, 1, 1, 3], &[1.0, 10.0, 100.0]))
    };
    let trace = chain(1, Shape::new(1, 1, 3), vec![Op::Conv(edge)], &[1.0, 2.0, 3.0]).unwrap();
    assert_eq!(trace.output().data, [210.5, 321.5, 32.5]);
}

#[test]
fn transposed_convolution_scatters() {
    let up = Conv {
        stride: (1, 2),
        padding: (0, 1),
        output_padding: (0, 1),
        ..Conv::transposed(tensor(&[1, 1, 1, 3], &[1.0, 10.0, 100.0]))
    };
    // Full output of length 5: 1 10 100+2 20 200; padding takes the first and, less the output padding, none of the
    // last.
    let trace = chain(1, Shape::new(1, 1, 2), vec![Op::Conv(up)], &[1.0, 2.0]).unwrap();
    assert_eq!(trace.output().data, [10.0, 102.0, 20.0, 200.0]);
}

#[test]
fn groups_keep_their_channels_apart() {
    let weight = tensor(&[2, 1, 1, 1], &[3.0, 5.0]);
    let grouped = Conv { groups: 2, ..conv(weight) };
    for transposed in [false, true] {
        let op = Op::Conv(Conv { transposed, ..grouped.clone() });
        let trace = chain(1, Shape::new(2, 1, 1), vec![op], &[1.0, 2.0]).unwrap();
        assert_eq!(trace.output().data, [3.0, 10.0]);
    }
    // [in 4, out / groups 1] in 2 groups: outputs 0 reads 0 and 1, output 1 reads 2 and 3.
    let joined = Conv { groups: 2, ..Conv::transposed(tensor(&[4, 1, 1, 1], &[1.0, 2.0, 3.0, 4.0])) };
    let trace = chain(1, Shape::new(4, 1, 1), vec![Op::Conv(joined)], &[1.0; 4]).unwrap();
    assert_eq!(trace.output().data, [3.0, 7.0]);
}

#[test]
fn batch_norm_uses_the_running_statistics() {
    let norm = Op::BatchNorm(BatchNorm {
        scale: tensor(&[1], &[3.0]),
        shift: tensor(&[1], &[0.25]),
        mean: tensor(&[1], &[1.0]),
        variance: tensor(&[1], &[3.0]),
        epsilon: 1.0,
    });
    assert_eq!(one_by_one(norm, 5.0, 1), [6.25]);
}

#[test]
fn read_outs_sum_over_time() {
    let lif = Op::Lif(Lif::new(2.0, 1.0, 0.0));
    let output = |op| chain(4, Shape::new(1, 1, 1), vec![lif.clone(), op], &[1.5]).unwrap().output().data[0];
    assert_eq!(output(Op::MeanOverTime(MeanOverTime)), 0.5);
    assert_eq!(output(Op::WeightedSum(WeightedSum { coefficients: vec![1.0, 2.0, 4.0, 8.0] })), 10.0);
}

#[test]
fn mix_and_nearest_code_follow_their_formulas() {
    let map = |data: &[f64]| Map::new(Shape::new(data.len(), 1, 1), data.to_vec());
    let alone = |kind: &dyn LayerKind, inputs: &[Map]| {
        let signals: Vec<Signal> = inputs.iter().cloned().map(Signal::Final).collect();
        let run = Evaluation { shape: Shape::new(1, 1, 1), timesteps: 1, input: &signals[0] };
        kind.evaluate(&signals.iter().collect::<Vec<_>>(), &run).unwrap().only().data.clone()
    };
    assert_eq!(alone(&Mix { alpha: 0.25 }, &[map(&[4.0]), map(&[8.0])]), [5.0]);
    let codes = NearestCode { table: tensor(&[3, 2], &[0.0, 0.0, 2.0, 0.0, 0.0, 2.0]) };
    assert_eq!(alone(&codes, &[map(&[0.2, 1.9])]), [2.0]);
    assert_eq!(alone(&codes, &[map(&[1.0, 0.0])]), [0.0], "first on ties");
}

#[test]
fn embedding_looks_rows_up_and_refuses_others() {
    let table = tensor(&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let look = |rows: &[f64]| {
        chain(1, Shape::new(1, 1, 2), vec![Op::Embedding(Embedding { table: table.clone() })], rows)
            .map(|t| t.output().data.clone())
    };
    assert_eq!(look(&[1.0, 0.0]).unwrap(), [3.0, 1.0, 4.0, 2.0]);
    for row in [2.0, -1.0, 0.5, f64::NAN] {
        let error = look(&[row, 0.0]).unwrap_err();
        assert_eq!((error.code, error.place.subject()), (Code::Argument, &Subject::layer("net", "l0")));
    }
}

#[test]
fn an_input_of_another_shape_is_refused() {
    let shape = Shape::new(1, 1, 2);
    let graph = Builder::chain("net", 1, [Op::Input(Input::constant(shape))]).fragment().unwrap();
    let error = Interpreter::new(&graph).unwrap().run(&Map::filled(Shape::new(2, 1, 1), 0.0)).unwrap_err();
    assert_eq!(error.code, Code::LayerShape);
}

#[test]
fn integrate_and_fire_keeps_its_charge_and_resets_to_0() {
    // v: 0.75, 1.5 -> spike, 0.75, ...; what is above the threshold is lost.
    let neuron = |threshold| Op::If(If::new(threshold));
    assert_eq!(one_by_one(neuron(1.0), 0.75, 4), [0.0, 1.0, 0.0, 1.0]);
    assert_eq!(one_by_one(neuron(1.0), 0.25, 5), [0.0, 0.0, 0.0, 1.0, 0.0], "v = 1 fires");
    assert_eq!(one_by_one(neuron(2.0), -1.0, 50), [0.0; 50]);
}

#[test]
fn linear_layers_read_the_map_row_by_row_channel_after_channel() {
    let weight = tensor(&[2, 4], &[1.0, 10.0, 100.0, 1000.0, 0.5, 0.0, 0.0, -1.0]);
    let linear = Op::Linear(Linear { weight, bias: Some(tensor(&[2], &[0.25, 0.0])) });
    let input = [1.0, 2.0, 3.0, 4.0];
    for ops in [vec![linear.clone()], vec![Op::Flatten(Flatten), linear]] {
        let trace = chain(1, Shape::new(2, 1, 2), ops, &input).unwrap();
        assert_eq!(trace.output().data, [4321.25, -3.5]);
        assert_eq!(trace.output().shape(), Shape::new(2, 1, 1));
    }
}

#[test]
fn synapses_add_up_at_their_targets() {
    let synapses = SparseLinear {
        sources: vec![2, 0, 2, 1],
        targets: vec![1, 0, 0, 1],
        weights: vec![0.5, 2.0, -1.0, 4.0],
        bias: Some(tensor(&[3], &[0.0, 0.125, 7.0])),
        outputs: 3,
    };
    let trace = chain(1, Shape::new(1, 1, 3), vec![Op::SparseLinear(synapses)], &[1.0, 10.0, 100.0]).unwrap();
    assert_eq!(trace.output().data, [2.0 - 100.0, 50.0 + 40.0 + 0.125, 7.0]);
    assert_eq!(trace.output().shape(), Shape::new(1, 1, 3));
}

#[test]
fn neurons_of_frameworks_follow_their_formulas() {
    let lif = Lif::new(2.0, 1.0, 0.0);
    // Input not divided: v = 0.75, 1.125 -> spike, 0.75, ...
    assert_eq!(one_by_one(Lif { decay_input: false, ..lif.clone() }.into(), 0.75, 4), [0.0, 1.0, 0.0, 1.0]);
    // v: 0.75, 1.125 -> 0.125, 0.8125, 1.15625 -> ...
    assert_eq!(one_by_one(Lif { soft_reset: true, ..lif.clone() }.into(), 1.5, 4), [0.0, 1.0, 0.0, 1.0]);
    // v = 1 is not above 1; 1.5 is.
    assert_eq!(one_by_one(Lif { strict: true, ..lif }.into(), 2.0, 3), [0.0, 1.0, 0.0]);
    // v: 0.75, 1.5 -> 0.5, 1.25 -> 0.25, 1.0 -> 0.0, 0.75
    let soft = If { soft_reset: true, ..If::new(1.0) };
    assert_eq!(one_by_one(soft.clone().into(), 0.75, 5), [0.0, 1.0, 1.0, 1.0, 0.0]);
    assert_eq!(one_by_one(If { strict: true, ..soft }.into(), 0.75, 5), [0.0, 1.0, 1.0, 0.0, 1.0]);
}

/// snnTorch's `Leaky` of one channel.
fn leaky(beta: f64, alpha: Option<f64>, reset: LeakyReset) -> Op {
    let one = |value| vec![value];
    Leaky { beta: one(beta), alpha: alpha.map(one), threshold: one(1.0), reset, refractory: 0 }.into()
}

#[test]
fn late_resets_act_one_step_after_the_spike() {
    // v: 0.75, 1.125 s, 0.3125 (0.5625 + 0.75 - 1), 0.90625, 1.203125 s
    let subtract = one_by_one(leaky(0.5, None, LeakyReset::Subtract), 0.75, 5);
    assert_eq!(subtract, [0.0, 1.0, 0.0, 0.0, 1.0]);
    // v: 0.75, 1.125 s, 0.75, 1.125 s
    assert_eq!(one_by_one(leaky(0.5, None, LeakyReset::Zero), 0.75, 4), [0.0, 1.0, 0.0, 1.0]);
    // v: 0.75, 1.125 s, 1.3125 s, ...
    assert_eq!(one_by_one(leaky(0.5, None, LeakyReset::None), 0.75, 4), [0.0, 1.0, 1.0, 1.0]);
    // v = 1 does not fire: it takes more.
    assert_eq!(one_by_one(leaky(0.5, None, LeakyReset::Subtract), 0.5, 20), [0.0; 20]);
    // i: 0.5, 0.75, 0.875; v: 0.5, 1.0, 1.375 s, 0.625 (0.6875 + 0.9375 - 1)
    assert_eq!(one_by_one(leaky(0.5, Some(0.5), LeakyReset::Subtract), 0.5, 4), [0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn refractory_neurons_are_silent_after_a_spike() {
    // v: 1.5 s, (0), (0), 1.5 s
    let hard = If { refractory: 2, ..If::new(1.0) };
    assert_eq!(one_by_one(hard.clone().into(), 1.5, 6), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    // v: 0.75, 1.5 -> 0.5, (0.5), 1.25 -> 0.25, (0.25), 1.0 -> 0.0
    let soft = If { soft_reset: true, refractory: 1, ..hard };
    assert_eq!(one_by_one(soft.into(), 0.75, 6), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    // v: 0.75, 1.0 s -> 0.25, (0.25), 0.75
    let lif = Lif { refractory: 1, ..Lif::new(2.0, 0.9, 0.25) };
    assert_eq!(one_by_one(lif.into(), 1.0, 6), [0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
    // The current goes on; the reset comes after the silent step. i: 0.5, 0.75, 0.875, 0.9375, 0.96875, 0.984375;
    // v: 0.5, 1.0, 1.375 s, (1.375), 0.65625 (0.6875 + 0.96875 - 1), 1.3125 (0.328125 + 0.984375) s
    let Op::Leaky(leaky) = leaky(0.5, Some(0.5), LeakyReset::Subtract) else { unreachable!("it is one") };
    let late = Leaky { refractory: 1, ..leaky };
    assert_eq!(one_by_one(late.into(), 0.5, 6), [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn every_channel_has_its_own_parameters() {
    let two = |a, b| vec![a, b];
    let (beta, threshold) = (two(0.0, 1.0), two(0.5, 1.5));
    let layer = Leaky { beta, alpha: None, threshold, reset: LeakyReset::Zero, refractory: 0 };
    let trace = chain(3, Shape::new(2, 1, 1), vec![layer.into()], &[0.75, 0.75]).unwrap();
    let spikes: Vec<_> = trace.signal("l0").unwrap().steps().iter().map(|map| map.data.clone()).collect();
    // v of the second: 0.75, 1.5 (not above), 2.25 s
    assert_eq!(spikes, [[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]]);
}

#[test]
fn scales_pools_and_counts_follow_their_formulas() {
    let factor = vec![2.0, -0.5];
    let trace = chain(1, Shape::new(2, 1, 1), vec![Scale { factor }.into(), Dropout.into()], &[3.0, 4.0]);
    assert_eq!(trace.unwrap().output().data, [6.0, -2.0]);
    // One of four positions fires in every step; the window of 2 x 2 with stride 1 and padding 1 sees it four times.
    let pool = |kernel, stride, padding| MaxPool2d(PoolWindow { kernel, stride, padding });
    let ops = |pool: MaxPool2d| vec![If::new(1.0).into(), pool.into(), SumOverTime.into()];
    let count = |pool| chain(3, Shape::new(1, 2, 2), ops(pool), &[0.0, 1.0, 0.0, 0.0]).unwrap();
    assert_eq!(count(pool((2, 2), None, (0, 0))).output().data, [3.0]);
    let all = count(pool((2, 2), Some((1, 1)), (1, 1)));
    assert_eq!(all.output().data, [0.0, 3.0, 3.0, 0.0, 3.0, 3.0, 0.0, 0.0, 0.0]);
}

#[test]
fn upsampling_repeats_rows_and_columns() {
    let trace = chain(1, Shape::new(1, 1, 2), vec![Upsample { factor: (2, 3) }.into()], &[1.0, 2.0]).unwrap();
    assert_eq!(trace.output().shape(), Shape::new(1, 2, 6));
    assert_eq!(trace.output().data, [1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
}

/// Spikes from outside, one channel, through the layers of `build`, whose last is the output.
fn spikes_through(input: &[f64], build: impl FnOnce(&mut Builder<'_>)) -> Result<Vec<f64>, Diagnostic> {
    let mut builder = Builder::new("net", input.len());
    builder.layer("in", &[] as &[&str], Input { shape: Shape::new(1, 1, 1), spikes: true, source: None });
    build(&mut builder);
    let graph = builder.fragment().unwrap_or_else(|problems| panic!("{problems}"));
    let network = Interpreter::new(&graph).unwrap();
    assert_eq!((network.takes_spikes(), network.input_len()), (true, input.len()));
    let trace = network.pass(input)?;
    let last = trace.layers().last().unwrap();
    Ok(last.signal.steps().iter().map(|map| map.data[0]).collect())
}

#[test]
fn spikes_from_outside_are_taken_step_by_step() {
    let input = [0.0, 1.0, 1.0, 0.0, 1.0];
    let late = |builder: &mut Builder<'_>| {
        builder.then("late", Delay { steps: 2, shape: None });
    };
    assert_eq!(spikes_through(&input, late).unwrap(), [0.0, 0.0, 0.0, 1.0, 1.0]);
    let error = spikes_through(&[0.0, 2.0], late).unwrap_err();
    assert_eq!((error.code, error.message.contains("input value 1 is 2")), (Code::Argument, true));
}

#[test]
fn what_comes_back_through_a_loop_acts_in_a_later_step() {
    // A spike keeps its neuron firing: s[t] = in[t] or s[t - 2], for ever.
    let input = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let echo = |builder: &mut Builder<'_>| {
        builder.layer("back", &["fires"], Delay { steps: 2, shape: Some((1, 1, 1)) });
        builder.layer("sum", &["in", "back"], crate::layers::Add);
        builder.layer("fires", &["sum"], If::new(1.0));
        builder.then("seen", Dropout);
    };
    assert_eq!(spikes_through(&input, echo).unwrap(), [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
}

#[test]
fn loops_without_a_delay_or_its_shape_are_refused() {
    let looped = |delay: Op| {
        let mut builder = Builder::new("net", 4);
        builder.input("in", Shape::new(1, 1, 1));
        builder.layer("back", &["fires"], delay);
        builder.layer("sum", &["in", "back"], crate::layers::Add);
        builder.layer("fires", &["sum"], If::new(1.0));
        builder.fragment().map(|_| String::new()).unwrap_or_else(|problems| problems.to_string())
    };
    let delay = |shape| Op::from(Delay { steps: 1, shape });
    assert_eq!(looped(delay(Some((1, 1, 1)))), "");
    assert!(looped(delay(None)).contains("closes a loop and does not say its shape"));
    assert!(looped(delay(Some((2, 1, 1)))).contains("equal shapes expected"));
    assert!(looped(delay(Some((1 << 40, 1 << 20, 1 << 20)))).contains("is too large"));
    assert!(looped(delay(Some((0, 1, 1)))).contains("is empty"));
    assert!(looped(Op::Dropout(Dropout)).contains("depends on itself"));
    // The shape that is said is not that of what comes back.
    let mut builder = Builder::new("net", 4);
    builder.input("in", Shape::new(1, 1, 1));
    builder.layer("back", &["flat"], Delay { steps: 1, shape: Some((4, 1, 1)) });
    builder.layer("read", &["back"], Linear { weight: tensor(&[1, 4], &[1.0; 4]), bias: None });
    builder.layer("sum", &["in", "read"], crate::layers::Add);
    builder.layer("fires", &["sum"], If::new(1.0));
    builder.layer("flat", &["fires"], Flatten);
    let problems = builder.fragment().unwrap_err().to_string();
    assert!(problems.contains("Delay says shape [4, 1, 1], its input has [1, 1, 1]"), "{problems}");
}
