//! Small networks whose right answers are known in closed form, on every target that runs them: what rounding may not
//! change.
//!
//! Sources are neurons that the host drives with twice their threshold, so that they fire in every timestep.

use indexmap::IndexMap;
use snnc::comparison::layerwise::{LayerCheck, Layerwise};
use snnc_compiler::driver::{self, CompileOptions};
use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::graph::{Builder, Op};
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::ir::{NetworkId, Shape};
use snnc_compiler::layers::{Conv, If, Input, Lif, MeanOverTime, WeightedSum};
use snnc_compiler::passes::LowerOptions;
use snnc_compiler::passes::quantise::summary;
use snnc_compiler::reference::{Interpreter, Map};
use snnc_compiler::weights::Tensor;
use snnc_simulator::execute::oracle;
use snnc_targets::{Code, Target, registry};

const TIMESTEPPED: [&str; 7] = [
    "loihi-like",
    "loihi2-like",
    "loihi-like-sanafe",
    "darwin3-like",
    "spinnaker2-like",
    "paicore-like",
    "truenorth-like",
];
const FIRE: Op = Op::If(If::new(1.0));

fn target(name: &str) -> Target {
    registry::load(name).unwrap()
}

/// A trained number is a 32-bit float.
fn trained(value: f64) -> f64 {
    f64::from(value as f32)
}

/// A convolution of 1 x 1 taps: `weights` are `[out, in]`.
fn pointwise(weights: Vec<f64>, inputs: usize, bias: Option<f64>) -> Op {
    let outputs = weights.len() / inputs;
    Op::Conv(Conv {
        bias: bias.map(|b| Tensor::new(vec![outputs], vec![trained(b); outputs])),
        ..Conv::new(Tensor::new(vec![outputs, inputs, 1, 1], weights.into_iter().map(trained).collect()))
    })
}

/// Layers one after another, behind an input of one number.
fn chain(timesteps: usize, layers: Vec<Op>) -> LoadedModel {
    let input = Op::Input(Input::constant(Shape::new(1, 1, 1)));
    let graph = Builder::chain("net", timesteps, [input].into_iter().chain(layers)).fragment().unwrap();
    LoadedModel {
        name: "numbers".into(),
        graphs: IndexMap::from([("net".into(), graph)]),
        pipeline: None,
        origin: Default::default(),
    }
}

/// A neuron that the host drives with `current`.
fn driven(current: f64, neuron: Op) -> LoadedModel {
    chain(
        16,
        vec![
            pointwise(vec![current], 1, None),
            neuron,
            pointwise(vec![1.0], 1, None),
            Op::MeanOverTime(MeanOverTime),
        ],
    )
}

/// Sources with these weights into one neuron with a bias; those with `false` never fire.
fn fan_in(timesteps: usize, weights: &[(f64, bool)], bias: Option<f64>, last: Vec<Op>) -> LoadedModel {
    let currents = weights.iter().map(|&(_, fires)| if fires { 2.0 } else { -1.0 }).collect();
    let weights: Vec<f64> = weights.iter().map(|&(weight, _)| weight).collect();
    let n = weights.len();
    let layers = vec![pointwise(currents, 1, None), FIRE, pointwise(weights, n, bias)];
    chain(timesteps, layers.into_iter().chain(last).collect())
}

fn firing() -> Vec<Op> {
    vec![FIRE, pointwise(vec![1.0], 1, None), Op::MeanOverTime(MeanOverTime)]
}

fn lowered(model: &LoadedModel, target: &Target, bits: Option<u32>) -> SpikingIr {
    let options = LowerOptions { weight_bits: bits, calibration: Some(0), ..LowerOptions::default() };
    driver::lower(model, target, options).unwrap()
}

/// Spikes of the layer's first neuron per timestep, on the chip; the input is 1.
fn rate(ir: &SpikingIr, layer: &str) -> f64 {
    let traces = oracle::run(ir, NetworkId(0), &[1.0]);
    let (id, population) = ir.model.populations.iter().find(|(_, p)| p.name == layer).unwrap();
    let spikes = traces[&id].spikes.iter().filter(|step| step[0]).count();
    spikes as f64 / f64::from(population.window.steps)
}

/// The read-out's first value.
fn value(ir: &SpikingIr) -> f64 {
    let readout = &ir.model.readouts[0];
    let traces = oracle::run(ir, NetworkId(0), &[1.0]);
    f64::from(traces[&readout.population].membranes[0]) * readout.scale[0] + readout.offset[0]
}

#[test]
fn a_current_that_the_host_writes_fires_when_the_trained_neuron_does() {
    let leaky = || Op::Lif(Lif::new(2.0, 1.0, 0.0));
    // A tenth of a 32-bit float is a little more than a tenth, so ten of them are a threshold.
    let plain = [(0.5, 0.5), (0.25, 0.25), (1.0, 1.0), (0.3, 0.25), (0.1, 0.0625), (0.75, 0.5), (1.75, 1.0)];
    for (current, expected) in plain {
        for name in TIMESTEPPED {
            let ir = lowered(&driven(current, FIRE), &target(name), None);
            assert_eq!(rate(&ir, "l2"), expected, "{name} {current}");
        }
    }
    // A membrane that only nears its threshold never fires.
    for (current, expected) in [(2.0, 1.0), (1.0, 0.0), (1.5, 0.5), (1.25, 0.3125), (0.5, 0.0)] {
        for name in &TIMESTEPPED[..5] {
            let ir = lowered(&driven(current, leaky()), &target(name), None);
            assert_eq!(rate(&ir, "l2"), expected, "{name} {current} with a leak");
        }
    }
}

#[test]
fn nearly_exact_ties_fire_and_what_is_claimed_is_stored() {
    for (bias, weight, n) in [(1.2, -0.01, 20), (1.1, -0.01, 10), (0.8, 0.01, 20), (1.5, -0.25, 2)] {
        let current = trained(bias) + n as f64 * trained(weight);
        assert!((1.0..1.0 + 1e-6).contains(&current));
        let model = fan_in(16, &vec![(weight, true); n], Some(bias), firing());
        for name in ["loihi-like", "loihi2-like", "loihi-like-sanafe", "darwin3-like", "spinnaker2-like"] {
            assert_eq!(rate(&lowered(&model, &target(name), None), "l4"), 1.0, "{name} {bias} {weight}");
        }
    }
}

#[test]
fn the_sum_of_many_inputs_stays_in_the_accumulator() {
    for (n, weight, expected) in
        [(512, 1.0, 1.0), (2000, 1.0, 1.0), (2000, 0.3, 1.0), (2000, -0.3, 0.0), (1500, -0.7, 0.0)]
    {
        let model = fan_in(8, &vec![(weight, true); n], None, firing());
        for name in &TIMESTEPPED[..6] {
            let ir = lowered(&model, &target(name), None);
            assert_eq!(rate(&ir, "l4"), expected, "{name} {n} {weight}");
            assert_eq!(ir.warnings(), [], "{name} {n} {weight}");
            let traces = oracle::run(&ir, NetworkId(0), &[1.0]);
            assert!(
                traces.values().all(|trace| trace.events.accumulator_overflows == 0),
                "{name} {n} {weight}"
            );
        }
    }
}

#[test]
fn what_no_exponent_holds_is_warned_of_by_name_from_ir_and_program_alike() {
    let mut narrow = target("loihi-like");
    narrow.neuron.accumulator_bits.0 = 12;
    narrow.neuron.weight_shift_min.0 = 6;
    let model = fan_in(8, &vec![(0.3, true); 200], None, firing());
    let (ir, program, _) = driver::compile(&model, &narrow, CompileOptions::default()).unwrap();
    let found = ir.warnings();
    assert_eq!(found, program.warnings());
    assert_eq!(found.iter().map(|w| w.code).collect::<Vec<_>>(), [Code::SumMayOverflow]);
    let weight = i64::from(ir.projections.values().next().unwrap().weights()[0]);
    let text = found[0].to_string();
    assert!(text.contains("layer net.l4") && text.contains(&(200 * weight * 64).to_string()), "{text}");
    assert!(text.contains("12 bits") && text.contains("2047") && text.contains("wraps"), "{text}");
    // And it does happen.
    let traces = oracle::run(&ir, NetworkId(0), &[1.0]);
    assert!(traces.values().any(|trace| trace.events.accumulator_overflows > 0));
}

#[test]
fn read_outs_hold_their_worst_case() {
    let leaky = |t: usize| Op::WeightedSum(WeightedSum { coefficients: vec![1.0 / t as f64; t] });
    for (n, steps) in [(128, 16), (512, 256), (1500, 64)] {
        for last in [Op::MeanOverTime(MeanOverTime), leaky(steps)] {
            let weight = trained(0.2 / n as f64);
            let model = fan_in(steps, &vec![(weight, true); n], None, vec![last]);
            for name in &TIMESTEPPED[..6] {
                let ir = lowered(&model, &target(name), None);
                let found = value(&ir);
                assert!((found - weight * n as f64).abs() < 1e-3, "{name} {n} x {steps}: {found}");
                assert_eq!(ir.warnings(), [], "{name} {n} x {steps}");
            }
        }
    }
    let mut narrow = target("darwin3-like");
    narrow.neuron.state_bits.0 = 8;
    let model = fan_in(64, &vec![(0.1, true); 128], None, vec![Op::MeanOverTime(MeanOverTime)]);
    // Thresholds of so narrow a membrane leave no room; the read-out alone is of interest.
    narrow.neuron.threshold_shift.0 = 0;
    let options = LowerOptions { calibration: Some(0), ..LowerOptions::default() };
    let ir = driver::lower(&model, &narrow, options).unwrap();
    let found = ir.warnings();
    assert_eq!(found.iter().map(|w| w.code).collect::<Vec<_>>(), [Code::ReadoutMaySaturate]);
    assert!(found[0].message.contains("8 bits"), "{}", found[0]);
}

#[test]
fn small_weights_beside_a_large_one_keep_their_sum() {
    let weights: Vec<(f64, bool)> = std::iter::repeat_n((0.003, true), 300).chain([(1.0, false)]).collect();
    let model = fan_in(16, &weights, None, firing());
    for name in &TIMESTEPPED[..6] {
        for bits in [8, 7, 6, 5, 4] {
            let ir = lowered(&model, &target(name), Some(bits));
            assert_eq!(rate(&ir, "l4"), 0.5, "{name} at {bits} bits");
        }
    }
    let layers = summary(&lowered(&model, &target("loihi-like"), None));
    // 0.381 of a step each, so 114 of 300 become 1.
    assert_eq!((layers[1].zeroed, layers[1].weights), (186, 301));
    let found = lowered(&model, &target("loihi-like"), None).warnings();
    assert_eq!(found.iter().map(|w| w.code).collect::<Vec<_>>(), [Code::WeightsRoundToZero]);
    assert!(found[0].message.contains("of 301 weights"), "{}", found[0]);
}

#[test]
fn thresholds_of_few_bits_serve_weights_and_biases() {
    // The source fires in every second step (0.55 + 0.55 is a threshold).
    for (weight, bias) in [(0.625, 0.09375), (0.62, 0.09375), (0.64, 0.09375), (0.5, 0.06), (0.49, 0.06)] {
        let layers = vec![pointwise(vec![0.55], 1, None), FIRE, pointwise(vec![weight], 1, Some(bias))];
        let model = chain(16, layers.into_iter().chain(firing()).collect());
        let ir = lowered(&model, &target("truenorth-like"), None);
        assert_eq!((rate(&ir, "l2"), rate(&ir, "l4")), (0.5, 0.25), "{weight} {bias}");
    }
}

/// The check of every firing layer alone.
fn checks(model: &LoadedModel, target: &Target) -> Vec<LayerCheck> {
    let interpreter = Interpreter::new(&model.graphs["net"]).unwrap();
    let trace = interpreter.run(&Map::new(interpreter.input_shape(), vec![1.0])).unwrap();
    let layers = Layerwise::new(model, lowered(model, target, None), target).unwrap();
    layers.check(NetworkId(0), &[1.0], &trace).into_iter().map(|(_, check)| check).collect()
}

#[test]
fn causes_are_named_only_where_something_departs_by_them() {
    for name in &TIMESTEPPED[..5] {
        // Every number is exact: nothing departs, and without a leak no decay is to blame.
        let exact = fan_in(16, &[(0.5, true), (0.25, true)], Some(0.25), firing());
        for check in checks(&exact, &target(name)) {
            assert_eq!((check.changed, check.cause(), check.by_decay), (0, None, None), "{name} {check:?}");
        }
        let leaky = vec![
            Op::Lif(Lif::new(2.0, 1.0, 0.0)),
            pointwise(vec![1.0], 1, None),
            Op::MeanOverTime(MeanOverTime),
        ];
        let checks = checks(&fan_in(16, &[(0.7, true)], Some(0.9), leaky), &target(name));
        assert!(checks[0].by_decay.is_none() && checks[1].by_decay.is_some(), "{name}");
    }
    let mut narrow = target("loihi-like");
    narrow.neuron.accumulator_bits.0 = 12;
    narrow.neuron.weight_shift_min.0 = 6;
    let wraps = checks(&fan_in(8, &vec![(0.3, true); 200], None, firing()), &narrow);
    assert!(wraps[1].changed > 0 && wraps[1].cause() == Some("overflow"), "{:?}", wraps[1]);
}
