//! Small networks by hand, one of convolutions and one of irregular lists.
//!
//! Convolutions: host-fed layer -> firing layer -> read-out, which also reads the first layer (a skip).

#![allow(dead_code, reason = "every test crate uses a part")]

use snnc_compiler::ir::channels::ChannelMap;
use snnc_compiler::ir::spiking::{
    Bias, Connectivity, Convolution, HostInput, HostStage, Kernel, Network, NeuronFormat, NeuronModel,
    Population, Projection, Readout, SparseSynapses, SpikingIr, SpikingModel, Window,
};
use snnc_compiler::ir::{AxisMap, ConvMap, NetworkId, PopulationId, Shape};
use snnc_targets::Target;
use snnc_targets::entity::EntityMap;

pub fn target() -> Target {
    snnc_targets::registry::load("loihi-like").unwrap()
}

/// 3x3, stride 1, padding 1, on 5x5.
pub fn map() -> ConvMap {
    let axis = AxisMap {
        kernel: 3,
        first_tap: 0,
        stride: 1,
        padding: 1,
        dilation: 1,
        transposed: false,
        input: 5,
        output: 5,
    };
    ConvMap { rows: axis, cols: axis }
}

fn kernel(inputs: usize, outputs: usize) -> Kernel {
    let weights = (0..inputs * 9 * outputs).map(|i| (i * 37 % 255) as i16 - 127).collect();
    Kernel::dense(inputs, 3, 3, outputs, weights)
}

pub fn network() -> SpikingIr {
    let target = target();
    let population = |name: &str, channels, dynamics, bias, start, steps| Population {
        network: NetworkId(0),
        name: name.into(),
        shape: Shape::new(channels, 5, 5),
        dynamics,
        input_shift: 6,
        bias,
        window: Window { start, steps },
        order: None,
        rounding: Default::default(),
    };
    let lif = |channels: u32| NeuronModel::lif(2048, (200..200 + channels).collect());
    let populations = vec![
        population("first", 4, lif(4), Bias::Host, 0, 8),
        population("second", 6, lif(6), Bias::Channel(vec![10; 6]), 1, 8),
        population("sum", 3, NeuronModel::integrator(0), Bias::Zero, 1, 9),
    ];
    let project = |source, target, inputs, outputs| Projection {
        source: PopulationId(source),
        target: PopulationId(target),
        delay: 1,
        connectivity: Connectivity::Conv(Convolution { map: map(), kernel: kernel(inputs, outputs) }),
    };
    let stage = HostStage::Conv {
        map: map(),
        channels: ChannelMap::dense(1, 4),
        outputs: 4,
        weights: vec![0.5; 36],
        bias: vec![0.0; 4],
    };
    SpikingIr {
        model: SpikingModel {
            name: "small".into(),
            neuron: NeuronFormat::new(&target.neuron, 8),
            networks: vec![Network { name: "net".into(), timesteps: 8, pass_steps: 10 }].into(),
            populations: EntityMap::from(populations),
            inputs: vec![HostInput {
                population: PopulationId(0),
                input: Shape::new(1, 5, 5),
                stages: vec![stage],
                scale: vec![1000.0; 4],
                neuron: None,
            }],
            readouts: vec![Readout {
                population: PopulationId(2),
                scale: vec![0.1; 3],
                offset: vec![0.0; 3],
            }],
            workload: None,
        },
        projections: vec![project(0, 1, 4, 6), project(1, 2, 6, 3), project(0, 2, 4, 3)].into(),
    }
}

/// A host-fed line of 6 neurons -> 5 firing ones -> 3 read-outs, by lists.
pub fn irregular() -> SpikingIr {
    let mut ir = network();
    let axis = |length| AxisMap { kernel: 1, padding: 0, input: length, output: length, ..map().rows };
    let map = ConvMap { rows: axis(1), cols: axis(6) };
    let stage = HostStage::Conv {
        map,
        channels: ChannelMap::dense(1, 1),
        outputs: 1,
        weights: vec![0.5],
        bias: vec![0.0],
    };
    ir.model.inputs[0] = HostInput {
        population: PopulationId(0),
        input: Shape::new(1, 1, 6),
        stages: vec![stage],
        scale: vec![1000.0],
        neuron: None,
    };
    ir.model.readouts[0] = Readout { population: PopulationId(2), scale: vec![0.1], offset: vec![0.0] };
    for (population, neurons) in ir.model.populations.values_mut().zip([6, 5, 3]) {
        population.shape = Shape::new(1, 1, neurons);
        if population.dynamics.fires() {
            let neurons = &population.dynamics;
            population.dynamics = NeuronModel::lif(neurons.decay(), neurons.thresholds()[..1].to_vec());
        }
    }
    ir.model.populations[PopulationId(1)].bias = Bias::Neuron(vec![10, 20, 30, 40, 50]);
    let join = |source, sources: u32, targets: u32| {
        let all = (0..sources).flat_map(|s| (0..targets).map(move |t| (s, t, (s * 7 + t * 3) as i16 - 20)));
        let edges = all.filter(|(s, t, _)| (s + t) % 3 != 1).collect();
        let connectivity = Connectivity::Sparse(SparseSynapses::from_edges(sources as usize, edges));
        Projection { source: PopulationId(source), target: PopulationId(source + 1), delay: 1, connectivity }
    };
    ir.projections = vec![join(0, 6, 5), join(1, 5, 3)].into();
    ir
}
