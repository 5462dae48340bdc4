//! Rules of the spiking IR.

use snnc_compiler::ir::channels::ChannelMap;
use snnc_compiler::ir::spiking::{Bias, Connectivity, HostStage, NeuronModel, SpikingIr, Window};
use snnc_compiler::ir::workload::{DrivenNetwork, WorkloadSpec};
use snnc_compiler::ir::{NetworkId, PopulationId, ProjectionId, Shape};
use snnc_targets::Code;

use crate::common::{irregular, network};
use crate::support::{FIRST, SECOND, SUM, bad_ir, bad_irregular, conv, refuses, sparse};

#[test]
fn spiking_ir_populations() {
    bad_ir("unknown network", "net7 does not exist", |ir| ir.model.populations[FIRST].network = NetworkId(7));
    bad_ir("layer twice", "used twice", |ir| ir.model.populations[SECOND].name = "first".into());
    bad_ir("network twice", "used twice", |ir| {
        let copy = ir.model.networks[NetworkId(0)].clone();
        ir.model.networks.push(copy);
    });
    bad_ir("no timestep", "at least one timestep", |ir| ir.model.networks[NetworkId(0)].timesteps = 0);
    bad_ir("long pass", "end of the last window", |ir| ir.model.networks[NetworkId(0)].pass_steps = 11);
    bad_ir("shape beyond counting", "must hold 1", |ir| {
        ir.model.populations[SUM].shape = Shape::new(usize::MAX, usize::MAX, 3);
        ir.model.populations[SUM].bias = Bias::Neuron(vec![1]);
        ir.model.populations[SUM].order = Some(vec![0]);
    });
    bad_ir("empty shape", "must hold 1", |ir| ir.model.populations[SUM].shape = Shape::new(0, 5, 5));
    bad_ir("window outside", "inside the pass", |ir| {
        ir.model.populations[SUM].window = Window { start: 3, steps: 9 };
    });
    bad_ir("leak", "without a fractional leak", |ir| ir.model.neuron.decay_bits = 0);
    bad_ir("decay", "decay 5000 exceeds", |ir| {
        ir.model.populations[SUM].dynamics = NeuronModel::integrator(5000)
    });
    bad_ir("shift", "input shift 7", |ir| ir.model.populations[SUM].input_shift = 7);
    bad_ir("few thresholds", "1 thresholds for 4", |ir| {
        ir.model.populations[FIRST].dynamics = NeuronModel::lif(0, vec![1]);
    });
    bad_ir("threshold range", "threshold mantissa is outside 1 to", |ir| {
        ir.model.neuron.strict = false;
        ir.model.populations[FIRST].dynamics = NeuronModel::lif(0, vec![0, 1, 2, 3]);
    });
    bad_ir("strict threshold range", "threshold mantissa is outside 0 to", |ir| {
        ir.model.neuron.strict = true;
        ir.model.populations[FIRST].dynamics = NeuronModel::lif(0, vec![0, 1, 2, 1 << 17]);
    });
    bad_ir("threshold cap", "threshold mantissa is outside 0 to 999", |ir| {
        ir.model.neuron.threshold_max = Some(63_999);
        ir.model.populations[FIRST].dynamics = NeuronModel::lif(0, vec![1, 2, 3, 1000]);
    });
    bad_ir("few biases", "2 biases for 6", |ir| {
        ir.model.populations[SECOND].bias = Bias::Channel(vec![0; 2])
    });
    bad_ir("bias form", "mantissa << exponent", |ir| {
        ir.model.populations[SECOND].bias = Bias::Channel(vec![8193; 6]);
    });
    bad_ir("neuron format", "width is out of range", |ir| ir.model.neuron.state_bits = 40);
    bad_ir("no threshold", "width is out of range", |ir| ir.model.neuron.threshold_max = Some(63));
    bad_ir("neuron format", "width is out of range", |ir| {
        // Nothing may be counted in such widths.
        ir.model.neuron.bias_exponent_max = u32::MAX;
        ir.model.neuron.bias_mantissa_bits = u32::MAX;
        ir.model.neuron.decay_bits = 77;
        ir.model.populations[SECOND].bias = Bias::Channel(vec![i32::MIN; 6]);
    });
}

#[test]
fn spiking_ir_projections() {
    let projection = ProjectionId(0);
    bad_ir("dangling", "does not exist", |ir| ir.projections[projection].source = PopulationId(9));
    bad_ir("backward", "must come before", |ir| {
        // The same network with its first two populations the other way round.
        let swapped = |id: PopulationId| [SECOND, FIRST, SUM][id.0 as usize];
        let (first, second) = (ir.model.populations[FIRST].clone(), ir.model.populations[SECOND].clone());
        (ir.model.populations[FIRST], ir.model.populations[SECOND]) = (second, first);
        ir.model.inputs[0].population = SECOND;
        for p in ir.projections.values_mut() {
            (p.source, p.target) = (swapped(p.source), swapped(p.target));
        }
    });
    bad_ir("parted cycle", "stands between populations of a cycle", |ir| {
        // First and last feed each other; the one between them feeds nothing.
        *ir = looped(ir, FIRST, SUM);
        ir.projections =
            ir.projections.values().filter(|p| p.source != SECOND).cloned().collect::<Vec<_>>().into();
    });
    bad_ir("short pass", "10 timesteps a pass, expected 12", |ir| {
        *ir = looped(ir, SECOND, SECOND);
        let last = ir.projections.keys().last().unwrap();
        ir.projections[last].delay = 3;
    });
    bad_ir("late into a cycle", "outside the target's window", |ir| {
        *ir = looped(ir, SECOND, SECOND);
        ir.model.populations[SECOND].window.start = 0;
    });
    bad_ir("silent source", "never fires", |ir| {
        ir.model.populations[FIRST].dynamics = NeuronModel::integrator(0);
    });
    bad_ir("delay", "at least 1", |ir| ir.projections[projection].delay = 0);
    bad_ir("late", "outside the target's window", |ir| ir.projections[projection].delay = 2);
    bad_ir("kernel volume", "holds 215 weights", |ir| {
        conv(ir, projection).kernel.weights.pop();
    });
    bad_ir("weight width", "weight is outside", |ir| conv(ir, projection).kernel.weights[0] = 128);
    bad_ir("channels", "joins channels outside the populations'", |ir| {
        conv(ir, ProjectionId(1)).kernel = conv(ir, projection).kernel.clone()
    });
    bad_ir("geometry", "does not fit kernel", |ir| conv(ir, projection).map.rows.input = 6);
    bad_ir("stride", "out of range", |ir| conv(ir, projection).map.cols.stride = 0);
    bad_ir("two networks", "joins two networks", |ir| {
        let mut other = ir.model.networks[NetworkId(0)].clone();
        other.name = "other".into();
        let other = ir.model.networks.push(other);
        ir.model.networks[NetworkId(0)].pass_steps = 9;
        ir.model.populations[SUM].network = other;
    });
    let wide = |ir: &mut SpikingIr| {
        ir.model.neuron.weight_bits = 16;
        let p = conv(ir, projection);
        (p.kernel.height, p.kernel.width) = (129, 129);
        (p.map.rows.kernel, p.map.cols.kernel) = (129, 129);
        p.kernel.weights = vec![0; 4 * 129 * 129 * 6];
    };
    // What a network may ask for is no broken invariant.
    refuses(Code::Unsupported, "wide sum", "does not fit 32 bits", network(), wide, SpikingIr::verify);
    bad_ir("a kernel larger than its weights", "holds 216 weights", |ir| {
        // Its fan-in is no number to count with.
        let p = conv(ir, projection);
        (p.kernel.height, p.kernel.width) = (usize::MAX, usize::MAX);
    });
}

#[test]
fn spiking_ir_irregular_projections() {
    irregular().verify().unwrap();
    let projection = ProjectionId(0);
    bad_irregular("row starts", "do not belong together", |ir| sparse(ir, projection).starts[2] = 99);
    bad_irregular("weights", "do not belong together", |ir| sparse(ir, projection).weights.truncate(3));
    bad_irregular("sources", "do not belong together", |ir| {
        sparse(ir, projection).starts.pop();
    });
    bad_irregular("target twice", "are not ascending", |ir| {
        let targets = &mut sparse(ir, projection).targets;
        targets[1] = targets[0];
    });
    bad_irregular("target outside", "not below 5", |ir| {
        let row = sparse(ir, projection).range(5);
        sparse(ir, projection).targets[row.end - 1] = 5;
    });
    bad_irregular("target far outside", "not below 5", |ir| {
        // Sums by target may not be made before.
        *sparse(ir, projection).targets.last_mut().unwrap() = u32::MAX;
    });
    bad_irregular("weight width", "weight is outside", |ir| sparse(ir, projection).weights[0] = 128);
    bad_irregular("no line", "joins lines [1, 1, n]", |ir| {
        ir.model.populations[SUM].shape = Shape::new(1, 3, 1);
    });
    bad_irregular("few biases", "4 biases for 5 neurons", |ir| {
        ir.model.populations[SECOND].bias = Bias::Neuron(vec![0; 4])
    });
    bad_irregular("neuron twice in order", "order is no permutation of 5", |ir| {
        ir.model.populations[SECOND].order = Some(vec![0, 1, 2, 3, 3])
    });
    bad_irregular("short order", "order is no permutation of 5", |ir| {
        ir.model.populations[SECOND].order = Some(vec![0, 1, 2, 3])
    });
    bad_ir("order of a map", "is no single line", |ir| {
        ir.model.populations[SUM].order = Some((0..75).collect())
    });
    bad_irregular("convolution of renumbered neurons", "numbered anew by a convolution", |ir| {
        let mut other = network();
        ir.projections[projection].connectivity = Connectivity::Conv(conv(&mut other, projection).clone());
        ir.model.populations[SECOND].order = Some(vec![1, 0, 2, 3, 4]);
    });
}

#[test]
fn spiking_ir_host_side() {
    bad_ir("written twice", "written twice", |ir| {
        let copy = ir.model.inputs[0].clone();
        ir.model.inputs.push(copy);
    });
    bad_ir("nobody writes", "populations with host biases", |ir| ir.model.inputs.clear());
    bad_ir("stages", "stages turn", |ir| ir.model.inputs[0].input = Shape::new(2, 5, 5));
    bad_ir("huge stage", "stages turn", |ir| {
        let HostStage::Conv { map, .. } = &mut ir.model.inputs[0].stages[0] else { unreachable!() };
        map.rows.output = 1 << 30;
    });
    let large = |ir: &mut SpikingIr| ir.model.inputs[0].input = Shape::new(1, 1 << 14, 1 << 14);
    refuses(Code::Unsupported, "large map", "at most 67108864 values", network(), large, SpikingIr::verify);
    bad_ir("scale", "finite scale", |ir| ir.model.inputs[0].scale[1] = f64::NAN);
    bad_ir("unknown input", "does not exist", |ir| ir.model.inputs[0].population = PopulationId(8));
    bad_ir("unknown readout", "does not exist", |ir| ir.model.readouts[0].population = PopulationId(8));
    bad_ir("readout fires", "read-outs are integrators", |ir| ir.model.readouts[0].population = SECOND);
    bad_ir("readout scale", "finite scale and offset", |ir| ir.model.readouts[0].offset.clear());
    bad_ir("two shapes of input", "takes shape [1, 5, 5], another input of net0 takes [2, 5, 5]", |ir| {
        ir.model.populations[SECOND].bias = Bias::Host;
        let mut other = ir.model.inputs[0].clone();
        other.population = SECOND;
        other.scale = vec![1.0; 6];
        let HostStage::Conv { channels, outputs, weights, bias, .. } = &mut other.stages[0] else {
            unreachable!()
        };
        (*channels, *outputs) = (ChannelMap::dense(1, 6), 6);
        (*weights, *bias) = (vec![0.0; 54], vec![0.0; 6]);
        ir.model.inputs.push(other);
        ir.model.inputs[0].input = Shape::new(2, 5, 5);
        let HostStage::Conv { channels, weights, .. } = &mut ir.model.inputs[0].stages[0] else {
            unreachable!()
        };
        channels.inputs = 2;
        weights.resize(72, 0.0);
    });
    let driven = |ir: &mut SpikingIr, network, range, number: f64| {
        ir.model.workload = Some(WorkloadSpec {
            kind: "loop".into(),
            networks: [("first".into(), DrivenNetwork { network: NetworkId(network), ranges: vec![range] })]
                .into(),
            numbers: [("rate".into(), number)].into(),
        });
    };
    bad_ir("network of a workload", "the first is net1, which does not exist", |ir| {
        driven(ir, 1, (0.0, 1.0), 1.0);
    });
    bad_ir("range of a workload", "first's input ranges must be finite and ascending", |ir| {
        driven(ir, 0, (1.0, 0.0), 1.0);
    });
    bad_ir("number of a workload", "rate is NaN", |ir| driven(ir, 0, (0.0, 1.0), f64::NAN));
    bad_ir("name of a workload", "\"lo\\u{1b}op\" is no printable name", |ir| {
        driven(ir, 0, (0.0, 1.0), 1.0);
        ir.model.workload.as_mut().unwrap().kind = "lo\u{1b}op".into();
    });
}

/// The network with a cycle: a projection from `source` to `target`, both of which fire, and a pass that waits for it.
fn looped(ir: &SpikingIr, target: PopulationId, source: PopulationId) -> SpikingIr {
    let mut ir = ir.clone();
    let model = &mut ir.model;
    let channels = model.populations[source].shape.channels;
    if !model.populations[source].dynamics.fires() {
        model.populations[source].dynamics = NeuronModel::lif(0, vec![200; channels]);
        model.readouts.clear();
    }
    let mut back = ir.projections[ProjectionId(0)].clone();
    (back.source, back.target, back.delay) = (source, target, 1);
    if let Connectivity::Conv(conv) = &mut back.connectivity {
        let outputs = model.populations[target].shape.channels;
        conv.kernel.channels = snnc_compiler::ir::channels::ChannelMap::dense(channels, outputs);
        conv.kernel.weights = vec![1; channels * outputs * conv.kernel.height * conv.kernel.width];
    }
    ir.projections.push(back);
    ir
}

#[test]
fn cycles_side_by_side_are_sound() {
    let mut ir = looped(&crate::common::network(), SECOND, SECOND);
    // The last spikes of the window up to timestep 9 arrive in timestep 9, when it is over.
    ir.verify().unwrap();
    let components = ir.components();
    assert!(components.share_a_cycle(SECOND, SECOND) && !components.share_a_cycle(FIRST, SECOND));
    ir = looped(&ir, FIRST, SECOND);
    ir.verify().unwrap();
    let cyclic: Vec<_> = ir.components().all.into_iter().map(|c| (c.populations, c.cyclic)).collect();
    assert_eq!(cyclic, [(vec![FIRST, SECOND], true), (vec![SUM], false)]);
    // A projection without synapses joins nothing.
    let mut ir = crate::common::irregular();
    let mut back = ir.projections[ProjectionId(0)].clone();
    (back.source, back.target) = (SECOND, SECOND);
    back.connectivity =
        Connectivity::Sparse(snnc_compiler::ir::spiking::SparseSynapses::from_edges(5, Vec::new()));
    ir.projections.push(back);
    ir.verify().unwrap();
    assert!(ir.components().all.iter().all(|c| !c.cyclic));
}
