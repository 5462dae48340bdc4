//! A small mapped program for tests of time and charge: two networks, seven cores on a board of two rows of chips,
//! one chip without cores, a core with three slices. Synapses are left out; only routes matter here.

use snnc_compiler::ir::channels::ChannelMap;
use snnc_compiler::ir::program::{AxonDestination, Core, CoreSlice, Program, Slice};
use snnc_compiler::ir::spiking::{
    Bias, HostInput, HostStage, Network, NeuronFormat, NeuronModel, Population, SpikingModel, Window,
};
use snnc_compiler::ir::{AxisMap, ConvMap, CoreId, NetworkId, PopulationId, Shape};
use snnc_targets::schema::Sourced;
use snnc_targets::{Provenance, Site, Target, registry};

use crate::counts::{Events, PassCounts, SliceFlow, SliceTable, StepCounts};
use crate::philox::philox4x32_10;

/// `loihi-like` with four chips, two to a row, a cost for every event, and primes that make mix-ups visible.
pub fn target() -> Target {
    let mut target = registry::load("loihi-like").unwrap();
    let set = |value: f64| Sourced(value, Provenance::Assumed("test".into()));
    target.topology.chip_columns = Sourced(2, Provenance::Assumed("test".into()));
    target.energy.neuron_spike_pj = set(7.0);
    target.energy.axon_in_pj = set(11.0);
    target.energy.axon_out_pj = set(13.0);
    target.energy.host_read_pj = set(17.0);
    target.energy.host_multiply_add_pj = Some(set(19.0));
    target.energy.host_synchronisation_pj = Some(set(1009.0));
    target.timing.axon_in.interval_ns = set(1.3);
    target.timing.axon_out.interval_ns = set(1.7);
    target
}

/// The slices of cores: populations.
const CORES: [&[u32]; 7] = [&[0], &[0, 1], &[1], &[1, 2, 2], &[2], &[3], &[3, 4]];
/// (core, slice, target cores).
const ROUTES: [(usize, usize, &[u32]); 7] = [
    (0, 0, &[1, 2, 3]),
    (1, 0, &[1, 2]),
    (1, 1, &[3, 4]),
    (2, 0, &[3, 4]),
    (3, 0, &[3, 4]),
    (5, 0, &[6]),
    (6, 0, &[6]),
];
const SITES: [u32; 7] = [0, 2, 127, 128 + 40, 384 + 90, 131, 384 + 91];

/// The program.
pub fn program() -> Program {
    let target = target();
    let population = |network: u32, name: &str, shape: Shape, fires: bool| Population {
        network: NetworkId(network),
        name: name.into(),
        shape,
        dynamics: if fires {
            NeuronModel::lif(2048, vec![1; shape.channels])
        } else {
            NeuronModel::integrator(0)
        },
        input_shift: 6,
        bias: Bias::Zero,
        window: Window { start: 0, steps: 4 },
        order: None,
        rounding: Default::default(),
    };
    let model = SpikingModel {
        name: "toy".into(),
        neuron: NeuronFormat::new(&target.neuron, 8),
        networks: vec![network("a", 4, 6), network("b", 4, 5)].into(),
        populations: vec![
            population(0, "conv1", Shape::new(4, 2, 2), true),
            population(0, "conv2", Shape::new(6, 2, 2), true),
            population(0, "out", Shape::new(6, 2, 2), false),
            population(1, "up", Shape::new(4, 2, 2), true),
            population(1, "mem", Shape::new(2, 2, 2), false),
        ]
        .into(),
        inputs: vec![host_input()],
        readouts: Vec::new(),
        workload: None,
    };
    let mut cores: Vec<Core> = CORES.iter().map(|slices| core(slices)).collect();
    for (core, slice, targets) in ROUTES {
        connect(&mut cores[core].slices[slice], targets);
    }
    let sites = SITES.iter().map(|&s| Site(s)).collect();
    Program {
        target,
        model,
        kernel_parts: Default::default(),
        cores: cores.into(),
        sites,
        chips: 3,
        held: None,
    }
}

fn network(name: &str, timesteps: u32, pass_steps: u32) -> Network {
    Network { name: name.into(), timesteps, pass_steps }
}

/// conv1 from two planes by a 3x3 convolution with padding, after an embedding.
fn host_input() -> HostInput {
    let axis = AxisMap {
        kernel: 3,
        first_tap: 0,
        stride: 1,
        padding: 1,
        dilation: 1,
        transposed: false,
        input: 2,
        output: 2,
    };
    HostInput {
        population: PopulationId(0),
        input: Shape::new(1, 2, 2),
        stages: vec![
            HostStage::Embedding { rows: 3, width: 2, table: vec![0.0; 6] },
            HostStage::Conv {
                map: ConvMap { rows: axis, cols: axis },
                channels: ChannelMap::dense(2, 4),
                outputs: 4,
                weights: vec![0.0; 72],
                bias: vec![0.0; 4],
            },
        ],
        scale: vec![1.0; 4],
        neuron: None,
    }
}

fn core(populations: &[u32]) -> Core {
    let mut core = Core::default();
    for (i, &population) in populations.iter().enumerate() {
        let slice = Slice { population: PopulationId(population), channels: 0..2, rows: 0..1, cols: 0..2 };
        core.slices.push(CoreSlice {
            slice,
            first_neuron: i as u32 * 4,
            route_starts: vec![0; 3],
            destinations: Vec::new(),
        });
    }
    core
}

fn connect(slice: &mut CoreSlice, targets: &[u32]) {
    let n = targets.len() as u32;
    slice.route_starts = vec![0, n, 2 * n];
    for axon in 0..2 {
        slice.destinations.extend(targets.iter().map(|&t| AxonDestination { core: CoreId(t), axon }));
    }
}

/// The flat numbering of slices.
pub fn slice_table(program: &Program) -> SliceTable {
    let mut table = SliceTable { starts: vec![0], cores: Vec::new(), populations: Vec::new() };
    for (core, content) in program.cores.iter() {
        for slice in &content.slices {
            table.cores.push(core);
            table.populations.push(slice.slice.population);
        }
        table.starts.push(table.cores.len());
    }
    table
}

/// A number below `below` that follows from seed and index.
fn random(seed: u32, index: usize, below: u32) -> u64 {
    u64::from(philox4x32_10([index as u32, 0, 0, 0], [seed, 1])[0] % below)
}

/// A timestep with random events in every slice and random packets on about half the routes.
pub fn random_step(program: &Program, table: &SliceTable, seed: u32) -> StepCounts {
    let mut step = StepCounts { events: vec![Events::default(); table.cores.len()], ..StepCounts::default() };
    for (i, e) in step.events.iter_mut().enumerate() {
        let r = |k: usize| random(seed, i * 16 + k, 1000);
        e.synaptic_operations = r(0) * 7;
        e.updates_active = r(1);
        e.updates_inactive = r(2);
        e.spikes = r(3);
        e.packets_received = r(4);
        e.accumulator_overflows = r(5) / 900;
    }
    for (core, slice, targets) in ROUTES {
        let source = table.starts[core] + slice;
        for &target in targets {
            let packets = random(seed, 10_000 + source * 64 + target as usize, 20).saturating_sub(9);
            if packets > 0 {
                step.flows.extend([SliceFlow { source: source as u32, target: CoreId(target), packets }]);
                step.events[source].packets_sent += packets;
            }
        }
    }
    assert!(step.flows.iter().count() < program.cores.len() * program.cores.len());
    step
}

/// A pass of random timesteps with host traffic on the first slice.
pub fn random_pass(program: &Program, table: &SliceTable, network: u32, seed: u32) -> PassCounts {
    let mut writes = vec![0; table.cores.len()];
    let mut reads = writes.clone();
    writes[0] = 16;
    reads[table.cores.len() - 1] = 8;
    let once = |slice: usize, count: u64| {
        let mut counts = vec![0; table.cores.len()];
        counts[slice] = count;
        counts
    };
    let steps = (0..5).map(|i| random_step(program, table, seed * 8 + i)).collect();
    PassCounts {
        network: NetworkId(network),
        start: 0,
        ends: true,
        following: None,
        timesteps: 5,
        host_writes: writes,
        host_reads: reads,
        host_multiply_adds: [once(0, 23), once(1, 5)],
        host_synchronisations: once(0, 1),
        cleared: vec![3; table.cores.len()],
        bias_saturations: 1,
        steps,
    }
}
