//! Networks with cycles, and neurons of every model: all executors, many mappings, any number of threads, one answer.

use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::spiking::{
    Bias, Connectivity, Network, NeuronFormat, NeuronModel, Population, Projection, SparseSynapses,
    SpikingIr, SpikingModel, Window,
};
use snnc_compiler::ir::{NetworkId, PopulationId, Shape};
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::search::{Method, SearchOptions};
use snnc_simulator::execute::{Chip, oracle};
use snnc_targets::Code;
use snnc_targets::entity::EntityMap;

use super::agreement::agree;
use super::common::random::cases;
use super::common::{self, Random};
use super::partitions::{assembled, scattered_partition, shuffled};

const NET: NetworkId = NetworkId(0);

/// `neurons` integrate-and-fire neurons in a ring, each of which makes the next fire `delay` timesteps later; the
/// first has a bias that makes it fire in every step.
fn ring(neurons: usize, steps: u32, delay: u32) -> SpikingIr {
    let target = snnc_targets::registry::load("loihi-like").unwrap();
    let mut bias = vec![0; neurons];
    bias[0] = 20 << 6;
    let edges = (0..neurons as u32).map(|n| (n, (n + 1) % neurons as u32, 20)).collect();
    SpikingIr {
        model: SpikingModel {
            name: "ring".into(),
            neuron: NeuronFormat::new(&target.neuron, 8),
            networks: vec![Network { name: "net".into(), timesteps: steps, pass_steps: steps + delay }]
                .into(),
            populations: EntityMap::from(vec![Population {
                network: NET,
                name: "ring".into(),
                shape: Shape::new(1, 1, neurons),
                dynamics: NeuronModel::lif(0, vec![19]),
                input_shift: 6,
                bias: Bias::Neuron(bias),
                window: Window { start: 0, steps },
                order: None,
                rounding: Default::default(),
            }]),
            inputs: Vec::new(),
            readouts: Vec::new(),
            workload: None,
        },
        projections: EntityMap::from(vec![Projection {
            source: PopulationId(0),
            target: PopulationId(0),
            delay,
            connectivity: Connectivity::Sparse(SparseSynapses::from_edges(neurons, edges)),
        }]),
    }
}

#[test]
fn spikes_go_round_a_ring_and_those_after_the_window_are_counted_and_change_nothing() {
    for (neurons, steps, delay) in [(5, 12, 1), (4, 9, 2), (3, 10, 3), (6, 4, 1)] {
        let ir = ring(neurons, steps, delay);
        ir.verify().unwrap();
        let target = snnc_targets::registry::load("loihi-like").unwrap();
        let trace = &oracle::run(&ir, NET, &[])[&PopulationId(0)];
        for (step, flags) in trace.spikes.iter().enumerate() {
            // Neuron n has fired in every step since the first spike came round to it.
            let wanted: Vec<bool> = (0..neurons).map(|n| step >= n * delay as usize).collect();
            assert_eq!(*flags, wanted, "step {step}");
        }
        let spikes: u64 =
            (0..neurons as u64).map(|n| u64::from(steps).saturating_sub(n * u64::from(delay))).sum();
        let late = trace.spikes[(steps - delay) as usize..].iter().flatten().filter(|&&fired| fired).count();
        for neurons_max in [None, Some(2)] {
            let search = SearchOptions { neurons_max, ..SearchOptions::default() };
            let program = map(&ir, &target, CompileOptions { search, ..CompileOptions::default() }).unwrap();
            assert_eq!(agree(&ir, &program, &[]), spikes);
            let counts = Chip::new(program).run(NET, &[]).unwrap().counts;
            assert_eq!(counts.steps.len() as u32, steps + delay);
            let sum = |range: std::ops::Range<u32>, of: fn(&snnc_simulator::counts::Events) -> u64| -> u64 {
                range.flat_map(|step| &counts.steps[step as usize].events).map(of).sum()
            };
            // A synapse and a packet a spike, in the step in which it arrives.
            assert_eq!(sum(0..steps + delay, |e| e.synaptic_operations), spikes);
            assert_eq!(sum(0..steps + delay, |e| e.packets_received), spikes);
            assert_eq!(sum(steps..steps + delay, |e| e.synaptic_operations), late as u64);
            assert_eq!(sum(steps..steps + delay, |e| e.packets_received), late as u64);
            assert_eq!(sum(steps..steps + delay, |e| e.updates_active + e.updates_inactive), 0);
        }
    }
}

/// `neurons` that feed each other, one in `of` joined, with weights of `bits`; a bias drives them.
fn random_web(random: &mut Random, (neurons, of): (usize, u64), bits: u32) -> SpikingIr {
    let mut ir = ring(neurons, 14, 2);
    let most = (1i32 << (bits - 1)) - 1;
    let mut weights = SparseSynapses::default();
    for _ in 0..neurons {
        let joined: Vec<u32> = (0..neurons as u32).filter(|_| random.one_in(of)).collect();
        let weight = |random: &mut Random| random.between(0, 2 * most as usize) as i32 - most;
        weights.push_row(joined.into_iter().map(|target| (target, weight(random) as i16)));
    }
    ir.projections[snnc_compiler::ir::ProjectionId(0)].connectivity = Connectivity::Sparse(weights);
    let population = &mut ir.model.populations[PopulationId(0)];
    population.dynamics = NeuronModel::lif(400, vec![900]);
    population.bias = Bias::Neuron((0..neurons).map(|_| random.between(0, 300) as i32 * 64).collect());
    ir.model.neuron = NeuronFormat { weight_bits: bits, ..ir.model.neuron };
    ir
}

/// Several blocks of neurons, rows of masks and of lists, weights that fit 8 bits and others, and several threads.
#[test]
fn large_webs_run_as_the_spiking_ir_says_on_any_threads() {
    let mut fired = 0;
    for (seed, (net, bits)) in [((2200, 12), 8), ((2100, 90), 8), ((1100, 9), 12)].into_iter().enumerate() {
        cases(1, 620 + seed as u64, |random| {
            let ir = random_web(random, net, bits);
            let mut target = snnc_targets::registry::load("loihi-like").unwrap();
            (target.core.input_axons.0, target.core.output_axons.0) = (1 << 20, 1 << 20);
            (target.core.synapse_memory_bits.0, target.synapses.weight_bits.0) = (1 << 40, bits);
            ir.verify().unwrap();
            let seed = random.next();
            let partition = shuffled(random, &ir);
            let program = assembled(seed, &ir, &target, &partition);
            let truth = &oracle::run(&ir, NET, &[])[&PopulationId(0)];
            for threads in [1, 2, 3] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let chip = Chip::new(program.clone());
                    let outcome = chip.run(NET, &[]).unwrap();
                    assert_eq!(chip.spikes(&outcome, PopulationId(0)), truth.spikes, "{threads} threads");
                });
            }
            fired += agree(&ir, &program, &[]);
        });
    }
    assert!(fired > 10_000, "{fired} spikes");
}

#[test]
fn cycles_run_as_the_spiking_ir_says_on_any_cores() {
    let (mut fired, mut cycles, mut loops, mut overflowed) = (0, 0, 0, 0);
    cases(48, 600, |random| {
        let seed = random.next();
        let target = common::target(random, 1 << 20);
        let mut target = common::with_all_models(random, target);
        (target.core.input_axons.0, target.core.output_axons.0) = (1 << 20, 1 << 20);
        target.core.synapse_memory_bits.0 = 1 << 40;
        target.core.threshold_profiles = None;
        let irregular = random.one_in(2);
        let mut ir = common::recurrent_network(random, &target, irregular);
        if random.one_in(2) {
            ir = common::with_other_neurons(random, &target, ir);
        }
        let input = common::input(random, &ir);
        let components = ir.components();
        cycles += components.all.iter().filter(|component| component.cyclic).count();
        loops += components.all.iter().filter(|component| component.populations.len() > 1).count();
        for _ in 0..2 {
            let partition = if irregular { shuffled(random, &ir) } else { scattered_partition(random, &ir) };
            let program = assembled(seed, &ir, &target, &partition);
            fired += agree(&ir, &program, &input);
            let counts = Chip::new(program).run(NET, &input).unwrap().counts;
            let events = counts.steps.iter().flat_map(|step| &step.events);
            overflowed += events.map(|e| e.accumulator_overflows + e.state_saturations).sum::<u64>();
        }
    });
    assert!(fired > 5_000 && overflowed > 500, "{fired} spikes, {overflowed} overflows");
    assert!(cycles > 30 && loops > 10, "{cycles} cycles, {loops} of several populations");
}

#[test]
fn the_compiler_maps_cycles_by_the_hypergraph() {
    let mut fired = 0;
    cases(12, 700, |random| {
        let target = common::target(random, 1024);
        let mut target = common::with_all_models(random, target);
        target.core.neurons.0 = random.between(60, 300) as u32;
        target.core.threshold_profiles = None;
        let irregular = !random.one_in(3);
        let ir = common::recurrent_network(random, &target, irregular);
        let ir = common::with_other_neurons(random, &target, ir);
        let input = common::input(random, &ir);
        let search = SearchOptions { effort: Effort::Fast, ..SearchOptions::default() };
        let program = map(&ir, &target, CompileOptions { search, ..CompileOptions::default() }).unwrap();
        fired += agree(&ir, &program, &input);
        let search = SearchOptions { method: Method::Tiles, ..search };
        let error = map(&ir, &target, CompileOptions { search, ..CompileOptions::default() }).unwrap_err();
        assert_eq!(error.codes(), [Code::Unsupported]);
    });
    assert!(fired > 300, "{fired} spikes");
}

#[test]
fn threads_change_nothing_in_a_cycle() {
    let mut random = Random::seeded(601);
    let target = common::target(&mut random, 1 << 20);
    let target = common::with_all_models(&mut random, target);
    for irregular in [true, false] {
        let ir = common::recurrent_network(&mut random, &target, irregular);
        let input = common::input(&mut random, &ir);
        let program = assembled(1, &ir, &target, &scattered_partition(&mut random, &ir));
        let chip = Chip::new(program);
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| chip.run(NET, &input).unwrap())
        };
        let (one, two) = (run(1), run(2));
        assert_eq!((&one.counts, &one.traces, &one.readouts), (&two.counts, &two.traces, &two.readouts));
    }
}

#[test]
fn neurons_of_every_model_run_the_same_without_cycles() {
    let (mut fired, mut overflowed) = (0, 0);
    cases(30, 800, |random| {
        let target = common::target(random, 1024);
        let mut target = common::with_all_models(random, target);
        target.core.threshold_profiles = None;
        let network = if random.one_in(4) { common::wide_network } else { common::network };
        let ir = network(random, &target);
        let ir = common::with_other_neurons(random, &target, ir);
        let input = common::input(random, &ir);
        let neurons_max = Some(random.between(70, 300) as u32);
        (target.core.input_axons.0, target.core.output_axons.0) = (1 << 20, 1 << 20);
        target.core.synapse_memory_bits.0 = 1 << 40;
        let search = SearchOptions { neurons_max, effort: Effort::Fast, ..SearchOptions::default() };
        let program = map(&ir, &target, CompileOptions { search, ..CompileOptions::default() }).unwrap();
        fired += agree(&ir, &program, &input);
        let counts = Chip::new(program).run(NET, &input).unwrap().counts;
        let events = counts.steps.iter().flat_map(|step| &step.events);
        overflowed += events.map(|e| e.accumulator_overflows + e.state_saturations).sum::<u64>();
    });
    assert!(fired > 5_000 && overflowed > 500, "{fired} spikes, {overflowed} overflows");
}

#[test]
fn what_the_neurons_of_a_chip_lack_is_refused_by_name() {
    let mut random = Random::seeded(801);
    let target = common::target(&mut random, 1024);
    let able = common::with_all_models(&mut random, target.clone());
    let ir = common::network(&mut random, &able);
    let ir = common::with_other_neurons(&mut random, &able, ir);
    let error = map(&ir, &target, CompileOptions::default()).unwrap_err();
    assert!(error.codes().iter().all(|&code| code == Code::Unsupported));
    let text = error.to_string();
    assert!(text.contains("layer net.layer") && text.contains("neurons of the chip"), "{text}");
}
