//! Packets per second of the cycle-accurate simulation on the network that benches/cycle_peer.py gives SANA-FE: 8 cores
//! of `loihi-like-sanafe` with 256 neurons that send and 256 that receive, fan-out 500 over all 8 cores, weights 0,
//! every tenth neuron fires in each timestep.
//!
//! `cargo bench --bench cycle -- [steps, default 100] [threads, default 1] [runs, default 5]`
//!
//! The network is a spiking IR, mapped and verified as any other, executed, and timed cycle by cycle. Prints one line
//! of JSON.

use std::time::Instant;

use snnc_compiler::driver::assemble;
use snnc_compiler::ir::program::{Program, Slice};
use snnc_compiler::ir::spiking::{
    Bias, Connectivity, Network, NeuronFormat, NeuronModel, Population, Projection, SparseSynapses,
    SpikingIr, SpikingModel, Window,
};
use snnc_compiler::ir::{NetworkId, PopulationId, Shape};
use snnc_compiler::mapping::partition::Partition;
use snnc_compiler::mapping::place::Placement;
use snnc_simulator::charge::Meter;
use snnc_simulator::execute::Chip;
use snnc_simulator::time::Fidelity;
use snnc_targets::entity::EntityMap;
use snnc_targets::{EnergyEvent, Site, Target, registry};

const CORES: u32 = 8;
const SIZE: u32 = 256;
const FAN_OUT: u32 = 500;

fn main() {
    let numbers: Vec<u32> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let steps = numbers.first().copied().unwrap_or(100);
    let threads = numbers.get(1).copied().unwrap_or(1) as usize;
    let runs = numbers.get(2).copied().unwrap_or(5);
    let chip = Chip::new(program(steps));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
    pool.install(|| measure(&chip, steps, threads, runs));
}

/// Best of a few runs: the first also warms up.
fn measure(chip: &Chip, steps: u32, threads: usize, runs: u32) {
    let meter = Meter::new(&chip.program, &chip.table, Fidelity::Cycle { every: 1 })
        .expect("the target has a network");
    let [mut best, mut best_cpu, mut best_execution, mut best_timing] = [f64::INFINITY; 4];
    let mut last = None;
    for _ in 0..runs {
        let mut record = meter.record();
        let (start, cpu) = (Instant::now(), cpu_s());
        let outcome = chip.run(NetworkId(0), &[]).unwrap();
        let execution = start.elapsed().as_secs_f64();
        let time = meter.add_pass(&mut record, 0, &outcome.counts, &outcome.traces).expect("it is timed");
        let all = start.elapsed().as_secs_f64();
        best = best.min(all);
        best_execution = best_execution.min(execution);
        best_timing = best_timing.min(all - execution);
        best_cpu = best_cpu.min(cpu_s() - cpu);
        last = Some((record, time));
    }
    let (record, time) = last.expect("a run");
    let tally = record.tally.total();
    // The last timestep only integrates.
    let timed: u64 = time.steps[..steps as usize].iter().map(|step| step.own_ps()).sum();
    println!(
        "{{\"model\": \"snnc cycle\", \"threads\": {threads}, \"steps\": {steps}, \"spikes\": {}, \"packets\": {}, \
         \"synaptic_operations\": {}, \"sim_time_s\": {:e}, \"wall_s\": {best:.6}, \"cpu_s\": {best_cpu:.6}, \
         \"execution_s\": {best_execution:.6}, \"timing_s\": {best_timing:.6}}}",
        tally.total().events[EnergyEvent::NeuronSpike],
        tally.time.packets.packets,
        tally.total().events[EnergyEvent::SynapticOperation],
        timed as f64 / 1e12,
    );
}

/// Processor time of all threads of this process, s; NaN where the system does not tell.
fn cpu_s() -> f64 {
    // A running thread's time is otherwise that of its last tick, some milliseconds ago.
    std::thread::yield_now();
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return f64::NAN };
    let spent = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    tasks.flatten().filter_map(spent).sum::<f64>() / 1e9
}

fn program(steps: u32) -> Program {
    let target = registry::load("loihi-like-sanafe").expect("a built-in target");
    let ir = ir(&target, steps);
    ir.verify().expect("a valid network");
    let slice = |population, core: u32| Slice {
        population: PopulationId(population),
        channels: 0..1,
        rows: 0..1,
        cols: core * SIZE..(core + 1) * SIZE,
    };
    let cores: Vec<Vec<Slice>> = (0..CORES).map(|core| vec![slice(0, core), slice(1, core)]).collect();
    let partition = Partition { cores: cores.into(), ..Partition::default() };
    // SANA-FE counts tiles column by column; two tiles of four cores, one below the other.
    let below = target.topology.mesh_columns.get() * target.topology.cores_per_tile.get();
    let sites: Vec<Site> = (0..CORES).map(|core| Site(core / 4 * below + core % 4)).collect();
    let placement = Placement { chips: 1, sites: sites.into() };
    assemble(&ir, &target, &partition, |_| Ok(placement)).expect("a legal mapping")
}

fn ir(target: &Target, steps: u32) -> SpikingIr {
    let neurons = CORES * SIZE;
    let population = |name: &str, start: u32, bias: Bias| Population {
        network: NetworkId(0),
        name: name.into(),
        shape: Shape::new(1, 1, neurons as usize),
        dynamics: NeuronModel::lif(0, vec![1]),
        input_shift: 6,
        bias,
        window: Window { start, steps },
        order: None,
        rounding: Default::default(),
    };
    let fires = (0..neurons).map(|i| if i.is_multiple_of(10) { 1 << 10 } else { 0 }).collect();
    let populations =
        vec![population("sends", 0, Bias::Neuron(fires)), population("receives", 1, Bias::Zero)];
    let edges = (0..neurons).flat_map(|source| {
        (0..CORES).flat_map(move |core| {
            let share = FAN_OUT / CORES + u32::from(core < FAN_OUT % CORES);
            (0..share).map(move |k| (source, core * SIZE + (source + 4 * k) % SIZE, 0))
        })
    });
    let lists = SparseSynapses::from_edges(neurons as usize, edges.collect());
    let projection = Projection {
        source: PopulationId(0),
        target: PopulationId(1),
        delay: 1,
        connectivity: Connectivity::Sparse(lists),
    };
    SpikingIr {
        model: SpikingModel {
            name: "packets".into(),
            neuron: NeuronFormat::new(&target.neuron, 8),
            networks: vec![Network { name: "net".into(), timesteps: steps, pass_steps: steps + 1 }].into(),
            populations: populations.into(),
            inputs: Vec::new(),
            readouts: Vec::new(),
            workload: None,
        },
        projections: EntityMap::from(vec![projection]),
    }
}
