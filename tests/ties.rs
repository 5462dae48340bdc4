//! Membranes exactly at the threshold: a chip that fires only above it must fire as the trained network does.
//!
//! Random networks whose weights are few halves and quarters, so that ties are common and every integer is exact.

use crate::random::{Random, cases};
use indexmap::IndexMap;
use snnc_compiler::driver;
use snnc_compiler::frontend::{LoadedModel, Origin};
use snnc_compiler::graph::{Builder, Op};
use snnc_compiler::ir::spiking::{Bias, NeuronModel, SpikingIr, Ties};
use snnc_compiler::ir::{NetworkId, Shape};
use snnc_compiler::layers::{Conv, If, Input, Lif, MeanOverTime, SparseLinear};
use snnc_compiler::passes::quantise::summary;
use snnc_compiler::reference::{Interpreter, Map, Trace};
use snnc_compiler::weights::Tensor;
use snnc_simulator::execute::oracle;
use snnc_targets::registry;

const NEURONS: usize = 24;
const FIRE: Op = Op::If(If::new(1.0));
const LEAK: Op = Op::Lif(Lif::new(2.0, 1.0, 0.0));

/// Half of all pairs, weights in quarters from -1/2 to 1; `bias` for each neuron, if there is one.
fn synapses(random: &mut Random, bias: Option<f64>) -> Op {
    let (mut sources, mut targets, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for source in 0..NEURONS as u32 {
        for target in 0..NEURONS as u32 {
            if random.value_one_in(2) {
                sources.push(source);
                targets.push(target);
                weights.push(random.value(0, 6) as f64 / 4.0 - 0.5);
            }
        }
    }
    let bias = bias.map(|b| Tensor::new(vec![NEURONS], vec![b; NEURONS]));
    Op::SparseLinear(SparseLinear { sources, targets, weights, bias, outputs: NEURONS })
}

/// Host-driven neurons, then `layers` with a list of synapses before each.
fn model(random: &mut Random, layers: &[(Op, Option<f64>)]) -> LoadedModel {
    let one = Conv::new(Tensor::new(vec![1, 1, 1, 1], vec![1.0]));
    let mut ops = vec![Op::Input(Input::constant(Shape::new(1, 1, NEURONS))), Op::Conv(one), FIRE];
    for (op, bias) in layers {
        ops.extend([synapses(random, *bias), op.clone()]);
    }
    ops.extend([synapses(random, None), Op::MeanOverTime(MeanOverTime)]);
    let graph = Builder::chain("net", 8, ops).finish().unwrap();
    LoadedModel {
        name: "ties".into(),
        graphs: IndexMap::from([("net".into(), graph)]),
        pipeline: None,
        origin: Origin::default(),
    }
}

/// (Neuron, timestep) pairs at which the integers fire otherwise than the float reference.
fn differences(ir: &SpikingIr, input: &[f64], trace: &Trace) -> usize {
    let chip = oracle::run(ir, NetworkId(0), input);
    let firing = ir.model.populations.iter().filter(|(_, p)| p.dynamics.fires());
    let differ = |(id, p): (_, &snnc_compiler::ir::spiking::Population)| {
        let float = trace.spikes(&p.name).unwrap();
        let pairs = chip[&id].spikes.iter().flatten().zip(float.iter().flatten());
        pairs.filter(|(chip, float)| chip != float).count()
    };
    firing.map(differ).sum()
}

/// The same integers without the correction.
fn uncorrected(ir: &SpikingIr) -> SpikingIr {
    let mut ir = ir.clone();
    for population in ir.model.populations.values_mut() {
        let ties = population.rounding.ties;
        match (ties, &mut population.bias) {
            (Some(Ties::Threshold), _) => {
                let neurons = &population.dynamics;
                let before = neurons.thresholds().iter().map(|t| t + 1).collect();
                population.dynamics = NeuronModel::lif(neurons.decay(), before);
            }
            (Some(Ties::Bias), Bias::Channel(values) | Bias::Neuron(values)) => {
                values.iter_mut().for_each(|v| *v -= 1);
            }
            _ => {}
        }
    }
    ir
}

/// Differences with and without the correction, over some networks and inputs.
fn compared(target: &str, layers: &[(Op, Option<f64>)], expected: &[Ties]) -> (usize, usize) {
    let target = registry::load(target).unwrap();
    let mut sums = (0, 0);
    cases(12, 0, |random| {
        let model = model(random, layers);
        let ir = driver::lower(&model, &target, Default::default()).unwrap();
        let ties: Vec<Ties> = summary(&ir).iter().filter_map(|layer| layer.ties).collect();
        assert_eq!(ties[1..], *expected, "{}", target.name);
        let interpreter = Interpreter::new(&model.graphs["net"]).unwrap();
        // No eighth and no sum of few of them is a threshold: the host-driven layer has no ties.
        let input: Vec<f64> = (0..NEURONS).map(|_| random.value(0, 7) as f64 / 8.0 + 0.03).collect();
        let trace = interpreter.run(&Map::new(interpreter.input_shape(), input.clone())).unwrap();
        sums.0 += differences(&ir, &input, &trace);
        sums.1 += differences(&uncorrected(&ir), &input, &trace);
    });
    sums
}

#[test]
fn without_a_leak_a_threshold_of_one_less_is_exact() {
    let layers = [(FIRE, None), (FIRE, Some(0.125))];
    let (corrected, plain) = compared("loihi-like", &layers, &[Ties::Threshold, Ties::Threshold]);
    assert!(corrected == 0 && plain > 100, "{corrected} {plain}");
}

#[test]
fn with_a_leak_a_bias_of_one_more_fires_on_ties() {
    let layers = [(LEAK, None), (LEAK, Some(0.125))];
    let (corrected, plain) = compared("loihi-like", &layers, &[Ties::Bias, Ties::Bias]);
    assert!(corrected == 0 && plain > 100, "{corrected} {plain}");
}

#[test]
fn inclusive_chips_need_no_correction() {
    let layers = [(LEAK, None), (FIRE, Some(0.125))];
    let (first, second) = compared("darwin3-like", &layers, &[Ties::Inclusive, Ties::Inclusive]);
    assert_eq!((first, second), (0, 0));
}
