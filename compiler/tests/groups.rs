//! Channel groups cost what they are: closed forms of direct read-outs and depthwise layers on real targets.

use std::collections::BTreeSet;

use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::channels::ChannelMap;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::{
    Bias, Connectivity, Convolution, HostInput, HostStage, Kernel, Network, NeuronFormat, NeuronModel,
    Population, Projection, Readout, SpikingIr, SpikingModel, Window,
};
use snnc_compiler::ir::{AxisMap, ConvMap, CoreId, NetworkId, PopulationId, Shape};
use snnc_compiler::mapping::partition::Rates;
use snnc_compiler::mapping::report::MappingReport;
use snnc_compiler::mapping::traffic::CoreTraffic;
use snnc_targets::entity::EntityMap;
use snnc_targets::schema::KernelSharing;
use snnc_targets::{Target, registry};

/// Neurons that the host feeds and a read-out of the same shape, joined by one kernel.
fn network(target: &Target, shape: Shape, map: ConvMap, channels: ChannelMap) -> SpikingIr {
    let network = Network { name: "net".into(), timesteps: 4, pass_steps: 5 };
    let mut populations = EntityMap::new();
    for (name, start) in [("neurons", 0), ("out", 1)] {
        let fires = start == 0;
        populations.push(Population {
            network: NetworkId(0),
            name: name.into(),
            shape,
            dynamics: match fires {
                true => NeuronModel::lif(0, vec![2; shape.channels]),
                false => NeuronModel::integrator(0),
            },
            input_shift: target.neuron.weight_shift_min.get(),
            bias: if fires { Bias::Host } else { Bias::Zero },
            window: Window { start, steps: 4 },
            order: None,
            rounding: Default::default(),
        });
    }
    let stage = HostStage::Conv {
        map: ConvMap { rows: AxisMap::pointwise(shape.height), cols: AxisMap::pointwise(shape.width) },
        channels: ChannelMap::dense(1, shape.channels),
        outputs: shape.channels,
        weights: vec![0.6; shape.channels],
        bias: vec![0.0; shape.channels],
    };
    let (height, width) = (map.rows.kernel, map.cols.kernel);
    let kernel = Kernel { channels, height, width, weights: vec![1; channels.pairs() * height * width] };
    let ir = SpikingIr {
        model: SpikingModel {
            name: "groups".into(),
            neuron: NeuronFormat::new(&target.neuron, target.synapses.weight_bits.get()),
            networks: vec![network].into(),
            populations,
            inputs: vec![HostInput {
                population: PopulationId(0),
                input: Shape::new(1, shape.height, shape.width),
                stages: vec![stage],
                scale: vec![1.0; shape.channels],
                neuron: None,
            }],
            readouts: vec![Readout {
                population: PopulationId(1),
                scale: vec![1.0; shape.channels],
                offset: vec![0.0; shape.channels],
            }],
            workload: None,
        },
        projections: vec![Projection {
            source: PopulationId(0),
            target: PopulationId(1),
            delay: 1,
            connectivity: Connectivity::Conv(Convolution { map, kernel }),
        }]
        .into(),
    };
    ir.verify().unwrap();
    ir
}

fn cores_of(program: &Program, population: PopulationId) -> BTreeSet<CoreId> {
    let holds = |id: &CoreId| program.cores[*id].slices.iter().any(|s| s.slice.population == population);
    program.cores.keys().filter(holds).collect()
}

fn weights(program: &Program) -> usize {
    program.cores.values().map(|core| core.weights.len()).sum()
}

#[test]
fn a_direct_read_out_of_n_neurons_has_n_synapses_on_as_few_cores_as_hold_them() {
    for name in ["loihi-like", "loihi2-like", "spinnaker2-like"] {
        let target = registry::load(name).unwrap();
        let each = target.core.neurons.get() as usize;
        for n in [128, 1000, 1024, 1025, 4096, 8192] {
            let pointwise = ConvMap { rows: AxisMap::pointwise(1), cols: AxisMap::pointwise(1) };
            let ir = network(&target, Shape::new(n, 1, 1), pointwise, ChannelMap::one_to_one(n));
            let program = map(&ir, &target, CompileOptions::fewest_cores()).unwrap();
            let report = MappingReport::new(&ir, &program, &Rates::default());
            let place = format!("{n} neurons on {name}");
            assert_eq!((report.synapses.weights, report.synapses.synapses), (n as u64, n as u64), "{place}");
            assert_eq!(weights(&program), n, "{place}");
            let bits = target.synapses.weight_bits.get()
                + target.synapses.index_bits.get()
                + target.synapses.header_bits_per_list.get();
            assert_eq!(report.synapses.stored_bits, n as u64 * u64::from(bits), "{place}");
            assert_eq!(report.synapses.unshared_bits, n as u64 * u64::from(bits), "{place}");
            assert_eq!(cores_of(&program, PopulationId(1)).len(), n.div_ceil(each), "{place}");
            let least = report.core_bounds.iter().map(|bound| bound.least).max().unwrap() as usize;
            assert_eq!((report.cores, least), ((2 * n).div_ceil(each), (2 * n).div_ceil(each)), "{place}");
            // A packet for each spike, as few as there can be.
            let packets = CoreTraffic::uniform(&program.cores).packets();
            assert_eq!((packets, report.traffic.packets_bound), (n as u64, n as u64), "{place}");
        }
    }
}

fn three(length: usize) -> AxisMap {
    let pointwise = AxisMap::pointwise(length);
    AxisMap { kernel: 3, padding: 1, ..pointwise }
}

#[test]
fn a_depthwise_layer_stores_nine_weights_a_channel() {
    for sharing in [KernelSharing::PerVariant, KernelSharing::Ideal, KernelSharing::Unshared] {
        let mut target = registry::load("loihi-like").unwrap();
        target.synapses.kernel_sharing.0 = sharing;
        target.synapses.header_bits_per_list.0 = 5;
        let weight = u64::from(target.synapses.weight_bits.get() + target.synapses.index_bits.get());
        // 8 channels of 6 x 6 fill no core of 1,024 neurons: the whole layer is one tile.
        let (channels, side) = (8, 6);
        let map_of = ConvMap { rows: three(side), cols: three(side) };
        let ir = network(&target, Shape::new(channels, side, side), map_of, ChannelMap::one_to_one(channels));
        let program = map(&ir, &target, CompileOptions::fewest_cores()).unwrap();
        let report = MappingReport::new(&ir, &program, &Rates::default());
        assert_eq!(cores_of(&program, PopulationId(1)).len(), 1);
        // Rows reach 2, 3, 3, 3, 3 and 2 others: 16 pairs, 3 kinds with 2 + 3 + 2 taps.
        let (pairs, kinds, taps) = (16u64, 3u64, 7u64);
        assert_eq!(report.synapses.synapses, channels as u64 * pairs * pairs);
        assert_eq!((weights(&program), report.synapses.weights), (9 * channels, 9 * channels as u64));
        let (lists, synapses) = match sharing {
            KernelSharing::PerVariant => (kinds * kinds, taps * taps),
            KernelSharing::Ideal => (1, 9),
            KernelSharing::Unshared => ((side * side) as u64, pairs * pairs),
        };
        assert_eq!(
            report.synapses.stored_bits,
            channels as u64 * (5 * lists + weight * synapses),
            "{sharing:?}"
        );
        let lists: usize = program.cores.values().map(|core| core.lists.len()).sum();
        assert_eq!(lists as u64, kinds * kinds, "lists do not multiply with the channels");
    }
}

#[test]
fn a_wide_depthwise_layer_takes_the_cores_of_its_neurons() {
    let target = registry::load("loihi2-like").unwrap();
    let shape = Shape::new(256, 28, 28);
    let ir =
        network(&target, shape, ConvMap { rows: three(28), cols: three(28) }, ChannelMap::one_to_one(256));
    let program = map(&ir, &target, CompileOptions::fewest_cores()).unwrap();
    let report = MappingReport::new(&ir, &program, &Rates::default());
    // 2 x 200,704 neurons.
    let least = (2 * shape.len()).div_ceil(target.core.neurons.get() as usize);
    assert!(report.cores <= least * 6 / 5, "{} cores, {least} at least", report.cores);
    assert_eq!(report.synapses.synapses, 256 * 82 * 82);
    // Nine weights for each channel of a slice, and no zeros between them.
    let slices = program.cores.values().flat_map(|core| &core.slices).map(|placed| &placed.slice);
    let channels = slices.filter(|s| s.population == PopulationId(1)).map(|s| s.atoms() as usize);
    assert_eq!(weights(&program), 9 * channels.sum::<usize>());
    assert!(report.traffic.packets >= report.traffic.packets_bound);
}
