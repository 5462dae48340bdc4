use super::*;
use crate::graph::Builder;
use crate::layers::{
    BatchNorm, Concat, Conv, Embedding, Flatten, Input, Lif, Linear, MeanOverTime, Mix, NearestCode,
    SparseLinear, WeightedSum,
};
use crate::weights::Tensor;
use snnc_targets::Subject;

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::new(shape.to_vec(), vec![0.0; shape.iter().product()])
}

fn conv(weight: &[usize]) -> Conv {
    Conv::new(zeros(weight))
}

fn up(weight: &[usize]) -> Conv {
    Conv::transposed(zeros(weight))
}

fn input(c: usize, h: usize, w: usize) -> Op {
    Op::Input(Input::constant(Shape::new(c, h, w)))
}

const LIF: Op = Op::Lif(Lif::new(2.0, 1.0, 0.0));

/// A graph of (operation, indices of its inputs), of 4 timesteps.
fn graph(layers: Vec<(Op, &[usize])>) -> Result<Graph, Diagnostics> {
    Builder::numbered("net", 4, layers).fragment()
}

fn last(layers: Vec<(Op, &[usize])>) -> (Shape, SignalKind) {
    let graph = graph(layers).unwrap();
    let shapes = graph.shapes().unwrap();
    let node = graph.net.node_indices().next_back().unwrap();
    (shapes[node], shapes.kind(node))
}

fn refusal(layers: Vec<(Op, &[usize])>, message: &str) {
    let errors = graph(layers).unwrap_err();
    assert_eq!(errors.codes(), [Code::LayerShape], "{errors}");
    assert!(errors.to_string().contains(message), "{errors}");
    assert!(
        matches!(errors.0[0].place.subject(), Subject::Layer { network, .. } if network == "net"),
        "{errors}"
    );
}

#[test]
fn an_encoder_goes_from_pixels_to_tokens() {
    let strided = Conv { stride: (2, 2), padding: (1, 1), ..conv(&[16, 1, 3, 3]) };
    let layers: Vec<(Op, &[usize])> = vec![
        (input(1, 28, 28), &[]),
        (Op::Conv(strided), &[0]),
        (LIF, &[1]),
        (Op::WeightedSum(WeightedSum { coefficients: vec![1.0; 4] }), &[2]),
        (Op::MeanOverTime(MeanOverTime), &[2]),
        (Op::Mix(Mix { alpha: 0.5 }), &[3, 4]),
        (Op::NearestCode(NearestCode { table: zeros(&[128, 16]) }), &[5]),
    ];
    assert_eq!(last(layers[..2].to_vec()), (Shape::new(16, 14, 14), SignalKind::Constant));
    assert_eq!(last(layers[..3].to_vec()), (Shape::new(16, 14, 14), SignalKind::Series));
    assert_eq!(last(layers[..6].to_vec()), (Shape::new(16, 14, 14), SignalKind::Final));
    assert_eq!(last(layers), (Shape::new(1, 14, 14), SignalKind::Final));
}

#[test]
fn a_decoder_goes_from_tokens_to_a_membrane() {
    let wide = Conv { stride: (2, 2), padding: (1, 1), output_padding: (1, 1), ..up(&[16, 3, 3, 3]) };
    let layers: Vec<(Op, &[usize])> = vec![
        (input(1, 7, 7), &[]),
        (Op::Embedding(Embedding { table: zeros(&[128, 16]) }), &[0]),
        (LIF, &[1]),
        (Op::Conv(wide), &[2]),
    ];
    assert_eq!(last(layers[..2].to_vec()), (Shape::new(16, 7, 7), SignalKind::Constant));
    assert_eq!(last(layers), (Shape::new(3, 14, 14), SignalKind::Series));
}

#[test]
fn groups_multiply_the_second_weight_axis() {
    let grouped = Conv { groups: 4, ..conv(&[8, 3, 1, 1]) };
    let forward = vec![(input(12, 2, 2), &[][..]), (Op::Conv(grouped.clone()), &[0][..])];
    assert_eq!(last(forward).0, Shape::new(8, 2, 2));
    let backward =
        vec![(input(8, 2, 2), &[][..]), (Op::Conv(Conv { transposed: true, ..grouped }), &[0][..])];
    assert_eq!(last(backward).0, Shape::new(12, 2, 2));
}

#[test]
fn concat_of_constant_and_series_is_a_series() {
    let layers: Vec<(Op, &[usize])> = vec![(input(3, 5, 5), &[]), (LIF, &[0]), (Op::Concat(Concat), &[1, 0])];
    assert_eq!(last(layers), (Shape::new(6, 5, 5), SignalKind::Series));
}

#[test]
fn misfits_are_refused_with_both_shapes() {
    let on = |op: Op| vec![(input(2, 7, 7), &[][..]), (op, &[0][..])];
    refusal(on(Op::Conv(conv(&[8, 3, 3, 3]))), "the input [2, 7, 7] has 2 channels");
    refusal(on(Op::Conv(conv(&[8, 2, 9, 9]))), "9x9 kernel on [2, 7, 7]");
    refusal(on(Op::Conv(conv(&[8, 2, 3]))), "weight has shape [8, 2, 3]");
    refusal(on(Op::Conv(Conv { groups: 0, ..conv(&[8, 2, 3, 3]) })), "into 0 groups");
    refusal(on(Op::Conv(Conv { groups: 3, ..conv(&[8, 2, 3, 3]) })), "into 3 groups");
    refusal(on(Op::Conv(Conv { stride: (1, 0), ..conv(&[8, 2, 3, 3]) })), "stride is (1, 0)");
    refusal(on(Op::Conv(Conv { bias: Some(zeros(&[7])), ..conv(&[8, 2, 3, 3]) })), "bias has shape [7], [8]");
    let extra = Conv { output_padding: (1, 0), ..up(&[2, 8, 3, 3]) };
    refusal(on(Op::Conv(extra)), "output padding (1, 0) is not below");
    let norm = |n: usize| {
        Op::BatchNorm(BatchNorm {
            scale: zeros(&[2]),
            shift: zeros(&[2]),
            mean: zeros(&[n]),
            variance: zeros(&[2]),
            epsilon: 1e-5,
        })
    };
    refusal(on(norm(3)), "mean has shape [3], [2] expected");
    refusal(on(Op::Embedding(Embedding { table: zeros(&[4, 4]) })), "[2, 7, 7], one channel");
    refusal(on(Op::NearestCode(NearestCode { table: zeros(&[4, 2]) })), "a read-out expected");
}

#[test]
fn signals_of_the_wrong_kind_are_refused() {
    let on = |op: Op| vec![(input(1, 7, 7), &[][..]), (op, &[0][..])];
    refusal(on(Op::MeanOverTime(MeanOverTime)), "MeanOverTime reads a signal that is constant over time");
    let behind = |op: Op, from: &'static [usize]| {
        vec![
            (input(1, 7, 7), &[][..]),
            (LIF, &[0][..]),
            (Op::MeanOverTime(MeanOverTime), &[1][..]),
            (op, from),
        ]
    };
    refusal(behind(LIF, &[2]), "Lif reads a signal that is one map after the last timestep");
    refusal(behind(Op::MeanOverTime(MeanOverTime), &[2]), "MeanOverTime reads");
    refusal(
        behind(Op::Mix(Mix { alpha: 0.5 }), &[1, 2]),
        "Mix reads signals that are one map a timestep and",
    );
    refusal(behind(Op::Concat(Concat), &[1, 2]), "Concat joins a read-out");
    refusal(
        behind(Op::Embedding(Embedding { table: zeros(&[4, 4]) }), &[1]),
        "Embedding reads a signal that is one map a",
    );
    refusal(
        behind(Op::WeightedSum(WeightedSum { coefficients: vec![1.0; 3] }), &[1]),
        "3 coefficients found, 4 expected",
    );
}

#[test]
fn all_misfits_are_collected_and_layers_behind_them_skipped() {
    let bad = Op::Conv(conv(&[8, 3, 3, 3]));
    let layers = vec![(input(2, 7, 7), &[][..]), (bad.clone(), &[0][..]), (LIF, &[1][..]), (bad, &[0][..])];
    let errors = graph(layers).unwrap_err();
    assert_eq!(
        errors.0.iter().map(|d| d.place.subject()).collect::<Vec<_>>(),
        [&Subject::layer("net", "l1"), &Subject::layer("net", "l3")]
    );
}

#[test]
fn hostile_sizes_are_refused_without_overflow() {
    let huge = usize::MAX / 2;
    refusal(vec![(input(huge, 3, 3), &[])], "too large");
    refusal(vec![(input(1 << 10, 1 << 10, 1 << 9), &[])], "too large");
    refusal(vec![(input(0, 3, 3), &[])], "is empty");
    refusal(vec![(input(1, 1 << 13, 1 << 14), &[]), (LIF, &[0])], "over 4 timesteps is too large");
    let on = |op: Op| vec![(input(2, 7, 7), &[][..]), (op, &[0][..])];
    refusal(on(Op::Conv(Conv { padding: (1 << 40, 0), ..conv(&[8, 2, 3, 3]) })), "too large");
    refusal(on(Op::Conv(Conv { padding: (huge, 0), ..conv(&[8, 2, 3, 3]) })), "gives no output map");
    refusal(on(Op::Conv(Conv { dilation: (huge, huge), ..conv(&[8, 2, 3, 3]) })), "gives no output map");
    refusal(on(Op::Conv(Conv { stride: (huge, 1), ..up(&[2, 8, 3, 3]) })), "gives no output map");
    refusal(on(Op::Conv(Conv { groups: usize::MAX, ..conv(&[8, 2, 3, 3]) })), "groups");
}

#[test]
fn malformed_networks_are_refused() {
    let codes = |layers| graph(layers).unwrap_err().codes();
    assert_eq!(codes(vec![]), [Code::GraphInvalid]);
    assert_eq!(codes(vec![(input(1, 1, 1), &[]), (input(1, 1, 1), &[])]), [Code::GraphInvalid]);
    assert_eq!(codes(vec![(input(1, 1, 1), &[]), (LIF, &[])]), [Code::GraphInvalid]);
    assert_eq!(codes(vec![(input(1, 1, 1), &[]), (LIF, &[2]), (LIF, &[1])]), [Code::GraphInvalid]);
    let mut still = graph(vec![(input(1, 1, 1), &[])]).unwrap();
    still.timesteps = 0;
    assert_eq!(still.shapes().unwrap_err().codes(), [Code::GraphInvalid]);
}

fn synapses(sources: &[u32], targets: &[u32]) -> SparseLinear {
    let weights = vec![0.5; 2];
    SparseLinear { sources: sources.to_vec(), targets: targets.to_vec(), weights, bias: None, outputs: 4 }
}

#[test]
fn linear_layers_and_synapses_take_what_they_name() {
    let linear = |n: usize, bias| Op::Linear(Linear { weight: zeros(&[5, n]), bias });
    let on = |op: Op| vec![(input(2, 3, 4), &[][..]), (op, &[0][..])];
    assert_eq!(last(on(linear(24, None))), (Shape::new(5, 1, 1), SignalKind::Constant));
    let flat =
        vec![(input(2, 3, 4), &[][..]), (Op::Flatten(Flatten), &[0][..]), (linear(24, None), &[1][..])];
    assert_eq!(last(flat), (Shape::new(5, 1, 1), SignalKind::Constant));
    refusal(on(linear(23, None)), "the input [2, 3, 4] has 24 elements, but the weight [5, 23] reads 23");
    refusal(on(linear(24, Some(zeros(&[4])))), "bias has shape [4], [5]");
    refusal(on(Op::Linear(Linear { weight: zeros(&[5, 4, 6]), bias: None })), "[out, in] expected");

    let line = |synapses| vec![(input(1, 1, 3), &[][..]), (Op::SparseLinear(synapses), &[0][..])];
    assert_eq!(last(line(synapses(&[2, 2], &[3, 0]))), (Shape::new(1, 1, 4), SignalKind::Constant));
    refusal(on(Op::SparseLinear(synapses(&[2, 2], &[3, 0]))), "Sparse reads [2, 3, 4], a line of neurons");
    refusal(line(synapses(&[0, 3], &[3, 0])), "source 3 of synapse 1 is not below 3");
    refusal(line(synapses(&[0, 2], &[4, 0])), "target 4 of synapse 0 is not below 4");
    refusal(line(synapses(&[2, 2], &[1, 1])), "two synapses from source 2 to target 1");
    refusal(line(synapses(&[2], &[1])), "1 sources, 1 targets and 2 weights");
    let biased = SparseLinear { bias: Some(zeros(&[3])), ..synapses(&[2, 2], &[3, 0]) };
    refusal(line(biased), "bias has shape [3], [4]");
}
