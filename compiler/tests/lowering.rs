//! What lowering refuses, on small graphs: the message names the layer and why.

use indexmap::IndexMap;
use snnc_compiler::driver::{self, CompileOptions};
use snnc_compiler::frontend::{LoadedModel, Origin};
use snnc_compiler::graph::{Builder, Op};
use snnc_compiler::ir::Shape;
use snnc_compiler::layers::{
    BatchNorm, Conv, Flatten, If, Input, Lif, Linear, MeanOverTime, SparseLinear, WeightedSum,
};
use snnc_compiler::passes::{LowerOptions, quantise};
use snnc_compiler::weights::Tensor;
use snnc_targets::schema::{InputAxonKind, WeightStorage};
use snnc_targets::{Code, Diagnostics, Subject, Target, registry};

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
    ("input", Op::Input(Input { shape: Shape::new(2, 3, 3) }))
}

fn lif(tau: f64) -> Op {
    Op::Lif(Lif { tau, threshold: 1.0, reset: 0.0 })
}

fn target() -> Target {
    registry::load("loihi-like").unwrap()
}

fn lower(model: &LoadedModel, target: &Target) -> Result<(), Diagnostics> {
    driver::lower(model, target, Default::default()).map(drop)
}

fn refused(code: Code, expected: &str, layers: Vec<(&str, Op)>) {
    let error = lower(&chain(layers), &target()).unwrap_err();
    assert_eq!(error.codes(), [code], "{error}");
    assert!(error.to_string().contains(expected), "expected \"{expected}\" in {error}");
}

#[test]
fn a_plain_chain_lowers() {
    let layers = vec![
        input(),
        ("a", conv(2, 2, 1)),
        ("lif", lif(2.0)),
        ("b", conv(2, 1, 1)),
        ("out", Op::MeanOverTime(MeanOverTime)),
    ];
    lower(&chain(layers), &target()).unwrap();
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
        let options = LowerOptions { weight_bits: Some(bits), calibration: None };
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
            ("if", Op::If(If { threshold: 1.0 })),
            ("b", conv(wide, wide, 1)),
            ("if2", Op::If(If { threshold: 1.0 })),
            ("c", conv(wide, 1, 1)),
            ("out", Op::MeanOverTime(MeanOverTime)),
        ]
    };
    let mut saving = 0;
    for target in registry::names().map(|name| registry::load(name).unwrap()) {
        let model = chain(layers(12));
        let compiled = |target: &Target, bits| {
            let mut options = CompileOptions::default();
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
fn the_remedy_says_narrower_weights_only_where_they_help() {
    let remedy = |storage| {
        let mut target = target();
        target.synapses.weight_storage.0 = storage;
        target.core.synapse_memory_bits.0 = 10;
        let error = driver::compile(&sized(1.0), &target, CompileOptions::default()).unwrap_err();
        assert_eq!(error.codes()[0], Code::DoesNotFit, "{error}");
        // Two weights of 8 bits into a neuron; of 4 bits they fit.
        assert!(error.to_string().contains("uses 16 synapse memory (bits)"), "{error}");
        let mut options = CompileOptions::default();
        options.lower.weight_bits = Some(4);
        (error.to_string(), driver::compile(&sized(1.0), &target, options).is_ok())
    };
    let (text, fits) = remedy(WeightStorage::AnyWidth);
    assert!(text.contains("or narrower weights (--weights)") && fits, "{text}");
    let (text, fits) = remedy(WeightStorage::Fixed);
    assert!(text.contains("narrower weights take as much") && !fits, "{text}");
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
fn what_the_chip_cannot_do_is_refused_with_its_layer() {
    let norm = |shift: f64| {
        Op::BatchNorm(BatchNorm {
            scale: Tensor::new(vec![2], vec![1.0; 2]),
            shift: Tensor::new(vec![2], vec![shift; 2]),
            mean: Tensor::new(vec![2], vec![0.0; 2]),
            variance: Tensor::new(vec![2], vec![1.0; 2]),
            epsilon: 1e-5,
        })
    };
    let first = || vec![input(), ("a", conv(2, 2, 1)), ("lif", lif(2.0))];
    let with = |more: Vec<(&'static str, Op)>| first().into_iter().chain(more).collect::<Vec<_>>();
    // A constant is one a channel only where no border cuts it.
    let padded = || {
        let weight = Tensor::new(vec![1, 2, 3, 3], vec![0.5; 18]);
        ("b", Op::Conv(Conv { padding: (1, 1), ..Conv::new(weight) }))
    };
    let normed = |shift, next| with(vec![("norm", norm(shift)), next, ("o", Op::MeanOverTime(MeanOverTime))]);
    let border = "the constant that \"norm\" (BatchNorm) adds would differ at the map's border";
    refused(Code::Unsupported, border, normed(0.5, padded()));
    lower(&chain(normed(0.0, padded())), &target()).unwrap();
    lower(&chain(normed(0.5, ("b", conv(2, 1, 1)))), &target()).unwrap();
    let late =
        with(vec![("b", conv(2, 2, 1)), ("o", Op::MeanOverTime(MeanOverTime)), ("late", conv(2, 1, 1))]);
    refused(
        Code::Unsupported,
        "operations behind a read-out do not run on the chip\n  --> layer net.late",
        late,
    );
    let coefficients = vec![0.1, 0.9, 0.2, 1.0];
    refused(
        Code::Unsupported,
        "not powers of one decay",
        with(vec![("b", conv(2, 1, 1)), ("out", Op::WeightedSum(WeightedSum { coefficients }))]),
    );
    refused(Code::Quantise, "rounds to none", vec![input(), ("a", conv(2, 2, 1)), ("lif", lif(1e6))]);
}

#[test]
fn weights_that_folding_makes_infinite_are_the_models_fault() {
    let large = |shape: &[usize]| Tensor::new(shape.to_vec(), vec![1e200; shape.iter().product()]);
    let norm = Op::BatchNorm(BatchNorm {
        scale: large(&[2]),
        shift: Tensor::new(vec![2], vec![0.0; 2]),
        mean: Tensor::new(vec![2], vec![0.0; 2]),
        variance: Tensor::new(vec![2], vec![1.0; 2]),
        epsilon: 1e-5,
    });
    let normed = [("b", Op::Conv(Conv::new(large(&[2, 2, 1, 1])))), ("norm", norm), ("second", lif(2.0))];
    let message = "are no finite numbers";
    // By the host, and on spikes.
    refused(Code::Unsupported, message, [input()].into_iter().chain(normed.clone()).collect());
    let spikes = [input(), ("a", conv(2, 2, 1)), ("first", lif(2.0))];
    refused(Code::Unsupported, message, spikes.into_iter().chain(normed).collect());
}

#[test]
fn neurons_without_a_fractional_leak_refuse_every_layer_that_has_one() {
    let mut target = target();
    target.neuron.decay_bits.0 = 0;
    let coefficients = vec![0.512, 0.64, 0.8, 1.0];
    let layers = vec![
        input(),
        ("a", conv(2, 2, 1)),
        ("first", lif(2.0)),
        ("b", conv(2, 2, 1)),
        ("second", lif(4.0)),
        ("c", conv(2, 1, 1)),
        ("out", Op::WeightedSum(WeightedSum { coefficients })),
    ];
    let error = lower(&chain(layers), &target).unwrap_err();
    assert_eq!(error.codes(), [Code::Quantise; 3]);
    for (found, expected) in error.0.iter().zip(["1/2", "1/4", "keeps 0.8000"]) {
        assert!(found.message.contains(expected) && found.message.contains("loihi-like"), "{found}");
        assert!(
            matches!(found.place.subject(), Subject::Layer { network, .. } if network == "net")
                && found.hint.is_some()
        );
    }
}

#[test]
fn a_target_without_windows_is_refused() {
    let mut target = target();
    target.neuron.active_windows.0 = false;
    let layers = vec![
        input(),
        ("a", conv(2, 2, 1)),
        ("lif", lif(2.0)),
        ("b", conv(2, 1, 1)),
        ("o", Op::MeanOverTime(MeanOverTime)),
    ];
    let error = lower(&chain(layers), &target).unwrap_err();
    assert_eq!(error.codes(), [Code::Unsupported]);
    assert!(error.to_string().contains("active_windows"), "{error}");
}

fn line() -> Vec<(&'static str, Op)> {
    vec![("input", Op::Input(Input { shape: Shape::new(1, 1, 3) })), ("a", conv(1, 1, 1)), ("if", fire())]
}

fn fire() -> Op {
    Op::If(If { threshold: 1.0 })
}

fn synapses(bias: f64) -> Op {
    Op::SparseLinear(SparseLinear {
        sources: vec![2, 0],
        targets: vec![0, 1],
        weights: vec![0.5, -1.0],
        bias: Some(Tensor::new(vec![2], vec![0.0, bias])),
        outputs: 2,
    })
}

#[test]
fn integrate_and_fire_lines_need_no_leak() {
    let mut target = target();
    target.neuron.decay_bits.0 = 0;
    let linear =
        Op::Linear(Linear { weight: Tensor::new(vec![2, 2], vec![0.5, 1.0, -1.0, 0.25]), bias: None });
    let tail =
        vec![("s", synapses(0.5)), ("if2", fire()), ("l", linear), ("out", Op::MeanOverTime(MeanOverTime))];
    lower(&chain(line().into_iter().chain(tail).collect()), &target).unwrap();
    let readout = vec![("s", synapses(0.0)), ("out", Op::MeanOverTime(MeanOverTime))];
    lower(&chain(line().into_iter().chain(readout).collect()), &target).unwrap();
}

#[test]
fn what_lines_and_flattened_maps_cannot_do_is_refused_with_its_layer() {
    let host_fed = vec![line().remove(0), ("s", synapses(0.5)), ("if", fire())];
    refused(Code::Unsupported, "Sparse cannot be computed by the host", host_fed);
    let readout = vec![("s", synapses(0.5)), ("out", Op::MeanOverTime(MeanOverTime))];
    refused(
        Code::Unsupported,
        "a read-out of `Sparse` cannot have a bias",
        line().into_iter().chain(readout).collect(),
    );
    let flat = vec![
        input(),
        ("a", conv(2, 2, 1)),
        ("lif", lif(2.0)),
        ("flat", Op::Flatten(Flatten)),
        ("b", conv(18, 1, 1)),
    ];
    refused(Code::Unsupported, "only `Linear` may read a `Flatten`\n  --> layer net.flat", {
        flat.into_iter().chain([("out", Op::MeanOverTime(MeanOverTime))]).collect()
    });
}
