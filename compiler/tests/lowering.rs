//! What lowering makes of small graphs. What it refuses stands in the test files of `files/models`.

use indexmap::IndexMap;
use snnc_compiler::driver::{self, CompileOptions};
use snnc_compiler::frontend::{LoadedModel, Origin};
use snnc_compiler::graph::{Builder, Op};
use snnc_compiler::ir::Shape;
use snnc_compiler::layers::{Conv, If, Input, Lif, MeanOverTime};
use snnc_compiler::passes::{LowerOptions, quantise};
use snnc_compiler::weights::Tensor;
use snnc_targets::schema::{InputAxonKind, WeightStorage};
use snnc_targets::{Target, registry};

/// A chain of layers, each fed by the one before.
fn chain(layers: Vec<(&str, Op)>) -> LoadedModel {
    let mut builder = Builder::new("net", 4);
    for (name, op) in layers {
        builder.then(name, op);
    }
    let graph = builder.fragment().unwrap();
    LoadedModel {
        name: "chain".into(),
        graphs: IndexMap::from([("net".into(), graph)]),
        pipeline: None,
        origin: Origin::default(),
    }
}

fn conv(inputs: usize, outputs: usize, groups: usize) -> Op {
    let volume = outputs * (inputs / groups);
    let weight = Tensor::new(vec![outputs, inputs / groups, 1, 1], vec![0.5; volume]);
    Op::Conv(Conv { groups, ..Conv::new(weight) })
}

fn input() -> (&'static str, Op) {
    ("input", Op::Input(Input::constant(Shape::new(2, 3, 3))))
}

fn lif(tau: f64) -> Op {
    Op::Lif(Lif::new(tau, 1.0, 0.0))
}

fn target() -> Target {
    registry::load("loihi-like").unwrap()
}

#[test]
fn groups_have_weights_of_their_own_alone() {
    let with = |last: Vec<(&'static str, Op)>| {
        let first = vec![input(), ("a", conv(2, 2, 2)), ("lif", lif(2.0))];
        let chain =
            chain(first.into_iter().chain(last).chain([("out", Op::MeanOverTime(MeanOverTime))]).collect());
        let ir = driver::lower(&chain, &target(), Default::default()).unwrap();
        ir.projections.values().map(|p| (p.weights().len(), p.synapses())).collect::<Vec<_>>()
    };
    // Two channels of 3 x 3: depthwise, straight, and two groups of one source and two target channels.
    assert_eq!(with(vec![("b", conv(2, 2, 2))]), [(2, 18)]);
    assert_eq!(with(vec![]), [(2, 18)]);
    assert_eq!(with(vec![("b", conv(2, 4, 2))]), [(4, 36)]);
}

/// A chain whose second convolution has weights around `size`, none of them a short binary fraction.
fn sized(size: f64) -> LoadedModel {
    let Op::Conv(mut second) = conv(2, 2, 1) else { unreachable!("`conv` makes convolutions") };
    second.weight = Tensor::new(vec![2, 2, 1, 1], [0.3, -0.7, 1.0, 0.9].map(|w| w * size / 3.0).to_vec());
    chain(vec![
        input(),
        ("a", conv(2, 2, 1)),
        ("lif", lif(2.0)),
        ("b", Op::Conv(second)),
        ("lif2", lif(2.0)),
        ("c", conv(2, 1, 1)),
        ("out", Op::MeanOverTime(MeanOverTime)),
    ])
}

#[test]
fn small_weights_take_a_smaller_exponent_and_keep_their_bits() {
    let layer = |size, bits| {
        let options = LowerOptions { weight_bits: Some(bits), ..LowerOptions::default() };
        let ir = driver::lower(&sized(size), &target(), options).unwrap();
        quantise::summary(&ir).swap_remove(1)
    };
    let (large, small, coarse) = (layer(1.0, 8), layer(0.01, 8), layer(0.01, 4));
    assert_eq!((large.weight_exponent, large.weight_bits_min), (0, Some(8)));
    // A threshold that held these weights at exponent 0 would leave the membrane less head-room than it has.
    assert!(small.weight_exponent < 0 && small.weight_bits_min == Some(8), "{small:?}");
    assert_eq!((coarse.weight_exponent, coarse.weight_bits_min), (0, Some(4)), "{coarse:?}");
}

/// A target described for weights of `bits`, by hand.
fn described_for(target: &Target, bits: u32) -> Target {
    let mut edited = target.clone();
    match target.synapses.weight_storage.get() {
        WeightStorage::Fixed => {}
        WeightStorage::AnyWidth => edited.synapses.weight_bits.0 = bits,
        WeightStorage::Columns => {
            // PAICORE's 512 dendrites hold 64 weights of 8 bits side by side.
            assert_eq!((target.core.neurons.0, target.synapses.weight_bits.0), (64, 8));
            let stored = [1, 2, 4, 4, 8, 8, 8, 8][bits as usize - 1];
            edited.synapses.weight_bits.0 = stored;
            edited.core.neurons.0 = 512 / stored;
        }
    }
    if let InputAxonKind::BitPlanes { planes } = &mut edited.axons.input.0 {
        *planes = bits.max(2);
    }
    edited
}

#[test]
fn narrower_weights_count_as_on_a_target_described_for_them() {
    let layers = |wide: usize| {
        vec![
            input(),
            ("a", conv(2, wide, 1)),
            ("if", Op::If(If::new(1.0))),
            ("b", conv(wide, wide, 1)),
            ("if2", Op::If(If::new(1.0))),
            ("c", conv(wide, 1, 1)),
            ("out", Op::MeanOverTime(MeanOverTime)),
        ]
    };
    let mut saving = 0;
    for target in registry::names().map(|name| registry::load(name).unwrap()) {
        let model = chain(layers(12));
        let compiled = |target: &Target, bits| {
            let mut options = CompileOptions::fewest_cores();
            options.lower.weight_bits = bits;
            let (_, program, report) = driver::compile(&model, target, options).unwrap();
            (program, report)
        };
        let whole = compiled(&target, None).1;
        for bits in 1..=target.synapses.weight_bits.0 {
            let (program, report) = compiled(&target, Some(bits));
            let edited = described_for(&target, bits);
            let (expected, same) = compiled(&edited, Some(bits));
            assert_eq!((&program, &report), (&expected, &same), "{} at {bits} bits", target.name);
            if edited.synapses.weight_bits.0 == bits {
                assert_eq!(program, compiled(&edited, None).0, "{} at {bits} bits", target.name);
            }
            // No list has headers or indices here, and two or more planes make a weight of a crossbar.
            let stored = u64::from(edited.synapses.weight_bits.0);
            let full = u64::from(target.synapses.weight_bits.0);
            let (bits_used, bits_full) = (report.synapses.shared_bits, whole.synapses.shared_bits);
            if report.cores == whole.cores {
                assert_eq!(bits_used * full, bits_full * stored, "{} at {bits} bits", target.name);
            }
            saving += usize::from(bits_used < bits_full);
        }
    }
    assert!(saving > 15, "{saving}");
}

#[test]
fn thresholds_stay_below_the_chips_cap() {
    let largest = |cap: u32| {
        let mut target = target();
        target.neuron.threshold_max.as_mut().unwrap().0 = cap;
        let ir = driver::lower(&sized(1.0), &target, LowerOptions::default()).unwrap();
        let layers = quantise::summary(&ir);
        layers.iter().filter_map(|layer| layer.thresholds).map(|(_, most)| most).max().unwrap()
    };
    // 100 x 2^6 and what lies below 101 x 2^6.
    let free = largest(8_388_544);
    assert!(free > 101, "{free}");
    let capped = [6_400, 6_463].map(largest);
    // The search for the best threshold may stay below the cap.
    assert!(capped[0] == capped[1] && (65..=100).contains(&capped[0]), "{capped:?}");
    assert_eq!(largest(8_388_544 - 64), free);
}

#[test]
fn an_input_that_does_not_decay_is_one_of_a_threshold_that_much_larger() {
    // v / tau of one neuron is v of the other: the same integers on the chip.
    let lower = |neuron: Lif| {
        let neuron = || Op::Lif(neuron.clone());
        let layers = vec![
            input(),
            ("a", conv(2, 2, 1)),
            ("first", neuron()),
            ("b", conv(2, 2, 1)),
            ("second", neuron()),
            ("c", conv(2, 1, 1)),
            ("out", Op::MeanOverTime(MeanOverTime)),
        ];
        driver::lower(&chain(layers), &target(), Default::default()).unwrap()
    };
    let divided = lower(Lif::new(4.0, 1.0, 0.0));
    let mut whole = lower(Lif { decay_input: false, ..Lif::new(4.0, 4.0, 0.0) });
    let other = lower(Lif { decay_input: false, ..Lif::new(4.0, 1.0, 0.0) });
    assert_eq!(whole.projections, divided.projections);
    // A membrane of the second is four of the first.
    for unit in whole.model.populations.values_mut().filter_map(|p| p.rounding.membrane.as_mut()) {
        unit.scale.iter_mut().for_each(|scale| *scale /= 4.0);
    }
    assert_eq!(whole.model.populations, divided.model.populations);
    assert_eq!(whole.model.inputs[0].scale, divided.model.inputs[0].scale);
    assert_ne!(other.model.inputs[0].scale, divided.model.inputs[0].scale);
}
