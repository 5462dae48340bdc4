//! A run of two images on two cores, for tests of the report.

use snnc_compiler::ir::channels::ChannelMap;
use snnc_compiler::ir::program::{AxonDestination, Core, CoreSlice, InputAxon, Program, Slice};
use snnc_compiler::ir::spiking::{
    Bias, HostInput, HostStage, Network, NeuronFormat, NeuronModel, Population, Readout, SpikingModel, Window,
};
use snnc_compiler::ir::{AxisMap, ConvMap, CoreId, NetworkId, PopulationId, Shape};
use snnc_simulator::charge::{Meter, MeterRecord, RunRecord, TimedStep};
use snnc_simulator::counts::{Events, PassCounts, SliceFlow, SliceTable, StepCounts};
use snnc_simulator::time::Fidelity;
use snnc_targets::{Site, registry};

use super::ReportInput;

/// Gives `use_it` the input of a report.
pub fn run<R>(fidelity: Fidelity, use_it: impl FnOnce(&ReportInput) -> R) -> R {
    run_changed(fidelity, |_| (), use_it)
}

/// Gives `use_it` the input of a report on a program that `change` changed.
pub fn run_changed<R>(
    fidelity: Fidelity,
    change: impl FnOnce(&mut Program),
    use_it: impl FnOnce(&ReportInput) -> R,
) -> R {
    let mut program = program();
    change(&mut program);
    let slices = SliceTable {
        starts: vec![0, 1, 2],
        cores: vec![CoreId(0), CoreId(1)],
        populations: vec![PopulationId(0), PopulationId(1)],
    };
    let meter = Meter::new(&program, &slices, fidelity).unwrap();
    let mut run = RunRecord::new(&meter);
    (0..2).for_each(|image| run.push(&meter, &record(&meter, image, 0)));
    use_it(&ReportInput {
        program: &program,
        warnings: &program.warnings(),
        slices: &slices,
        meter: &meter,
        run: &run,
        item_name: "image",
        compile_s: 1.5,
        wall_s: 0.25,
        peak_memory_bytes: 100 << 20,
    })
}

/// One image; of `by_core` timesteps with what each core did.
fn record(meter: &Meter, image: u64, by_core: usize) -> MeterRecord {
    let mut record = meter.record();
    record.timesteps.by_core = by_core;
    for iteration in 0..3 {
        meter.add_pass(&mut record, iteration, &pass(image * 3 + iteration as u64), &[]);
    }
    record
}

/// The timesteps of both images, `by_core` of each with what each core did.
pub fn stepped(input: &ReportInput, by_core: usize) -> [Vec<TimedStep>; 2] {
    [0, 1].map(|image| record(input.meter, image, by_core).timesteps.steps)
}

fn program() -> Program {
    let target = registry::load("loihi-like").unwrap();
    let shape = Shape::new(2, 2, 2);
    let population = |name: &str, dynamics| Population {
        network: NetworkId(0),
        name: name.into(),
        shape,
        dynamics,
        input_shift: 6,
        bias: Bias::Zero,
        window: Window { start: 0, steps: 4 },
        order: None,
        rounding: Default::default(),
    };
    let model = SpikingModel {
        name: "toy".into(),
        neuron: NeuronFormat::new(&target.neuron, 8),
        networks: vec![Network { name: "net".into(), timesteps: 4, pass_steps: 5 }].into(),
        populations: vec![
            population("conv1", NeuronModel::lif(2048, vec![1; 2])),
            population("out", NeuronModel::integrator(0)),
        ]
        .into(),
        inputs: vec![host_input()],
        readouts: vec![Readout { population: PopulationId(1), scale: vec![1.0; 2], offset: vec![0.0; 2] }],
        workload: None,
    };
    let cores = vec![core(0, &[1]), core(1, &[])];
    Program {
        target,
        model,
        kernel_parts: Default::default(),
        cores: cores.into(),
        sites: vec![Site(0), Site(129)].into(),
        chips: 2,
        held: None,
    }
}

/// conv1 from ids: an embedding of width 3 and a 3 x 3 convolution with padding.
fn host_input() -> HostInput {
    let axis = AxisMap { kernel: 3, padding: 1, ..AxisMap::pointwise(2) };
    let embedding = HostStage::Embedding { rows: 5, width: 3, table: vec![0.0; 15] };
    let map = ConvMap { rows: axis, cols: axis };
    let (weights, bias) = (vec![0.0; 3 * 9 * 2], vec![0.0; 2]);
    let conv = HostStage::Conv { map, channels: ChannelMap::dense(3, 2), outputs: 2, weights, bias };
    let input = Shape::new(1, 2, 2);
    let stages = vec![embedding, conv];
    HostInput { population: PopulationId(0), input, stages, scale: vec![1.0; 2], neuron: None }
}

fn core(population: u32, targets: &[u32]) -> Core {
    let slice = Slice { population: PopulationId(population), channels: 0..2, rows: 0..2, cols: 0..2 };
    let destinations = targets.iter().map(|&core| AxonDestination { core: CoreId(core), axon: 0 }).collect();
    let route_starts = (0..5).map(|p| if p == 0 { 0 } else { targets.len() as u32 }).collect();
    // Packets arrive, and meet no synapse.
    let axon = InputAxon { first_atom: 0, atoms: 2, delay: 1, first_entry: 0, entries: 0 };
    let slices = vec![CoreSlice { slice, first_neuron: 0, route_starts, destinations }];
    Core { slices, axons: vec![axon], ..Core::default() }
}

fn pass(seed: u64) -> PassCounts {
    let source =
        Events { updates_active: 8, updates_inactive: seed, spikes: 5, packets_sent: 5, ..Events::default() };
    let target = Events {
        synaptic_operations: 1000 + seed,
        updates_active: 8,
        packets_received: 5,
        accumulator_overflows: 1,
        ..Events::default()
    };
    // Packets are integrated in the timestep after they were sent.
    let flow = SliceFlow { source: 0, target: CoreId(1), packets: 5 };
    let step = |sends: bool, integrates: bool| StepCounts {
        events: vec![
            if sends { source } else { Events::default() },
            if integrates { target } else { Events::default() },
        ],
        flows: sends.then_some(flow).into_iter().collect(),
        multicast_flows: Vec::new(),
    };
    PassCounts {
        network: NetworkId(0),
        start: 0,
        ends: true,
        following: None,
        timesteps: 3,
        host_writes: vec![8, 0],
        host_reads: vec![0, 8],
        host_multiply_adds: [vec![16, 0], vec![0, 8]],
        host_synchronisations: vec![1, 0],
        cleared: vec![8, 8],
        bias_saturations: 0,
        steps: vec![step(true, false), step(true, true), step(false, true)],
    }
}
