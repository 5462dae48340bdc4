use super::gather::prepared_for;
use super::lanes::FloatInstructions;
use super::*;
use crate::graph::{Builder, Op};
use crate::ir::Shape;
use crate::layers::{Conv, Input, LayerKind, Linear, SparseLinear};
use crate::weights::Tensor;

fn tensor(shape: &[usize], data: &[f64]) -> Tensor {
    Tensor::new(shape.to_vec(), data.to_vec())
}

/// Whether layers of this kind are evaluated event by event.
fn follows_events(op: impl Into<Op>, from: Shape, to: Shape) -> bool {
    op.into().kind().event_sums(from, to).is_some()
}

#[test]
fn terms_are_added_in_the_order_of_the_inputs() {
    // (1 + 2^53) + 1 - 2^53: 1 is lost twice in this order, (2^53 - 2^53) + 1 + 1 = 2 in another.
    let large = 2f64.powi(53);
    for outputs in [4, 8, 9, 64, 65] {
        let weight = [1.0, large, 1.0, -large].repeat(outputs);
        let linear = Linear { weight: tensor(&[outputs, 4], &weight), bias: None };
        let (from, to) = (Shape::new(4, 1, 1), Shape::new(outputs, 1, 1));
        let sums = linear.event_sums(from, to).unwrap();
        let all = sums.sums(&[Map::filled(from, 1.0), Map::new(from, vec![0.0, 1.0, 1.0, 1.0])]);
        assert_eq!(all[0].data, vec![0.0; outputs]);
        assert_eq!(all[1].data, vec![0.0; outputs]);
        let one = sums.sums(&[Map::new(from, vec![1.0, 0.0, 0.5, 0.0])]);
        assert_eq!(one[0].data, vec![1.5; outputs]);
    }
}

#[test]
fn products_are_rounded_before_they_are_added() {
    // (1 + 2^-30)^2 is 1 + 2^-29 when rounded, and has 2^-60 more when fused with the addition of -1 - 2^-29.
    let near = 1.0 + 2f64.powi(-30);
    let weight = tensor(&[8, 2], &[-1.0 - 2f64.powi(-29), near].repeat(8));
    let shapes = (Shape::new(2, 1, 1), Shape::new(8, 1, 1));
    for set in FloatInstructions::available() {
        let conv = Conv::new(Tensor::of(vec![8, 2, 1, 1], weight.data.clone()));
        let sums = prepared_for(set, &conv, shapes.0, shapes.1);
        assert_eq!(sums.sums(&[Map::new(shapes.0, vec![1.0, near])])[0].data, [0.0; 8], "{set:?}");
    }
}

#[test]
fn all_instruction_sets_give_the_bits_of_the_plain_loop() {
    let mut seed = crate::random::SplitMix64::new(7);
    let mut number = || seed.unit() * 2.0 - 1.0;
    for (outputs, single) in [(5, true), (8, false), (12, true), (30, false), (64, true), (100, false)] {
        let narrowed = |x: f64| if single { f64::from(x as f32) } else { x };
        let weight: Vec<f64> = (0..outputs * 6 * 9).map(|_| narrowed(number())).collect();
        let bias: Vec<f64> = (0..outputs).map(|_| number()).collect();
        let conv = Conv {
            bias: Some(tensor(&[outputs], &bias)),
            padding: (1, 1),
            ..Conv::new(tensor(&[outputs, 6, 3, 3], &weight))
        };
        let (from, to) = (Shape::new(6, 5, 4), Shape::new(outputs, 5, 4));
        let spikes = Map::new(from, (0..from.len()).map(|_| f64::from(u8::from(number() > 0.3))).collect());
        let values = Map::new(from, (0..from.len()).map(|_| number().max(0.0)).collect());
        let signal = Signal::Series(vec![spikes, values]);
        let run = crate::layers::Evaluation { shape: to, timesteps: 2, input: &signal };
        let expected = conv.evaluate(&[&signal], &run).unwrap();
        for set in FloatInstructions::available() {
            let found = signal.together(|maps| prepared_for(set, &conv, from, to).sums(maps));
            assert_eq!(found, expected, "{set:?}");
        }
    }
}

#[test]
fn layers_in_which_zeros_or_their_order_count_are_left_to_the_reference() {
    let (from, to) = (Shape::new(1, 1, 2), Shape::new(4, 1, 1));
    let linear = |weight: f64, bias: f64| Linear {
        weight: tensor(&[4, 2], &[weight; 8]),
        bias: Some(tensor(&[4], &[bias; 4])),
    };
    assert!(follows_events(linear(1.0, 0.0), from, to));
    assert!(!follows_events(linear(f64::INFINITY, 0.0), from, to));
    assert!(!follows_events(linear(1.0, -0.0), from, to));
    let sparse = |sources: [u32; 2], weight: f64| SparseLinear {
        sources: sources.to_vec(),
        targets: vec![0, 0],
        weights: vec![weight; 2],
        bias: None,
        outputs: 1,
    };
    let line = Shape::new(1, 1, 1);
    assert!(follows_events(sparse([0, 1], 1.0), from, line));
    assert!(!follows_events(sparse([1, 0], 1.0), from, line));
    assert!(!follows_events(sparse([0, 1], f64::NAN), from, line));
    let depthwise = Conv { groups: 2, ..Conv::new(tensor(&[2, 1, 1, 1], &[1.0; 2])) };
    assert!(!follows_events(depthwise, Shape::new(2, 1, 1), Shape::new(2, 1, 1)));
}

#[test]
fn inputs_that_the_reference_refuses_are_refused() {
    let shape = Shape::new(1, 1, 2);
    let graph = Builder::chain("net", 1, [Op::Input(Input::constant(shape))]).fragment().unwrap();
    let network = EventDriven::new(Interpreter::new(&graph).unwrap());
    let plain = network.interpreter();
    assert_eq!(network.pass(&[1.0]).unwrap_err(), plain.pass(&[1.0]).unwrap_err());
    assert_eq!(network.answer(&[1.0; 3]).unwrap_err(), plain.pass(&[1.0; 3]).unwrap_err());
}
