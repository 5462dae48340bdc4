//! Channel groups from the layer graph to the chip: every spike is the float reference's, on several cores as on one.

use indexmap::IndexMap;
use snnc_compiler::driver::{CompileOptions, compile};
use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::graph::{Builder, Graph, Op};
use snnc_compiler::ir::{NetworkId, Shape};
use snnc_compiler::layers::{Concat, Conv, If, Input, MeanOverTime};
use snnc_compiler::mapping::partition::search::SearchOptions;
use snnc_compiler::reference::{Interpreter, Map};
use snnc_compiler::weights::Tensor;
use snnc_simulator::execute::{Chip, oracle, plain};
use snnc_targets::registry;

const FIRE: Op = Op::If(If::new(1.0));

/// Weights in quarters, which 8 bits hold exactly.
fn conv(shape: [usize; 4], groups: usize, stride: usize, padding: usize) -> Conv {
    let volume: usize = shape.iter().product();
    let weights = (0..volume).map(|i| (i * 5 % 7) as f64 / 4.0 - 0.5).collect();
    Conv {
        stride: (stride, stride),
        padding: (padding, padding),
        groups,
        ..Conv::new(Tensor::new(shape.to_vec(), weights))
    }
}

/// 3 and 5 channels under a convolution of 4 groups of 2 (one group reads both), a depthwise one, a transposed one of 6
/// groups, and a read-out straight on its spikes.
fn graph() -> Graph {
    let ops: Vec<(Op, Vec<usize>)> = vec![
        (Op::Input(Input::constant(Shape::new(2, 5, 5))), vec![]),
        (Op::Conv(conv([3, 2, 1, 1], 1, 1, 0)), vec![0]),
        (FIRE, vec![1]),
        (Op::Conv(conv([5, 2, 1, 1], 1, 1, 0)), vec![0]),
        (FIRE, vec![3]),
        (Op::Concat(Concat), vec![2, 4]),
        (Op::Conv(conv([12, 2, 3, 3], 4, 1, 1)), vec![5]),
        (FIRE, vec![6]),
        (Op::Conv(conv([12, 1, 3, 3], 12, 2, 1)), vec![7]),
        (FIRE, vec![8]),
        (Op::Conv(Conv { transposed: true, ..conv([12, 3, 2, 2], 6, 2, 0) }), vec![9]),
        (FIRE, vec![10]),
        (Op::MeanOverTime(MeanOverTime), vec![11]),
    ];
    let layers = ops.iter().map(|(op, inputs)| (op.clone(), inputs.as_slice()));
    Builder::numbered("net", 8, layers).finish().unwrap()
}

#[test]
fn the_chip_fires_as_the_float_reference() {
    let graph = graph();
    let interpreter = Interpreter::new(&graph).unwrap();
    let input: Vec<f64> = (0..50).map(|i| f64::from(i * 7 % 9) / 4.0 - 1.0).collect();
    let trace = interpreter.run(&Map::new(Shape::new(2, 5, 5), input.clone())).unwrap();
    let model = LoadedModel {
        name: "groups".into(),
        graphs: IndexMap::from([("net".into(), graph)]),
        origin: Default::default(),
        pipeline: None,
    };
    let target = registry::load("spinnaker2-like").unwrap();
    let mut cores = Vec::new();
    for neurons_max in [None, Some(96), Some(31)] {
        let search = SearchOptions { neurons_max, ..SearchOptions::default() };
        let options = CompileOptions { search, ..CompileOptions::default() };
        let (ir, program, _) = compile(&model, &target, options).unwrap();
        let (chip, network) = (Chip::new(program.clone()), NetworkId(0));
        let (outcome, truth) = (chip.run(network, &input).unwrap(), oracle::run(&ir, network, &input));
        let mut fired = 0;
        for (&id, expected) in &truth {
            let population = &ir.model.populations[id];
            assert_eq!(chip.spikes(&outcome, id), expected.spikes, "{}", population.name);
            if population.dynamics.fires() {
                assert_eq!(expected.spikes, trace.spikes(&population.name).unwrap(), "{}", population.name);
                fired += expected.events.spikes;
            }
        }
        for (step, events) in plain::run(&chip, network, &input).events.iter().enumerate() {
            assert_eq!(outcome.counts.steps[step].events, *events);
        }
        let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9;
        assert!(outcome.readouts[0].iter().zip(&trace.output().data).all(close));
        assert!(fired > 1_000, "{fired} spikes");
        cores.push(program.cores.len());
    }
    assert!(cores[0] < cores[1] && cores[1] < cores[2], "the mappings must differ: {cores:?}");
}
