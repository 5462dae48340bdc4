//! A model without a generation pipeline, from its file to the chip: convolutions, linear layers, lists of synapses.
//!
//! Its weights are numbers that 8 bits hold exactly, so the chip is compared with the float reference spike by spike.

use std::path::PathBuf;
use std::process::{Command, Output};

use snnc::fit::fit;
use snnc_compiler::driver::{CompileOptions, compile};
use snnc_compiler::frontend::{LoadedModel, load};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_compiler::mapping::partition::search::SearchOptions;
use snnc_compiler::reference::{Interpreter, Map};
use snnc_simulator::charge::Meter;
use snnc_simulator::execute::{Chip, oracle, plain};
use snnc_simulator::time::Fidelity;
use snnc_targets::registry;

fn example() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/feed-forward/model.ron")
}

/// Compiled for cores with at most so many neurons.
fn compiled(neurons_max: Option<u32>) -> (LoadedModel, SpikingIr, Program) {
    let model = load(&example()).unwrap();
    let target = registry::load("loihi-like").unwrap();
    let search = SearchOptions { neurons_max, ..SearchOptions::default() };
    let (ir, program, _) =
        compile(&model, &target, CompileOptions { search, ..CompileOptions::default() }).unwrap();
    (model, ir, program)
}

/// Multiples of 1 / `parts` in -1 to 1: few enough that the host's rounding to bias integers decides no spike.
fn input(length: usize, seed: u64, parts: u64) -> Vec<f64> {
    let mut state = seed;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % (2 * parts + 1)
    };
    (0..length).map(|_| draw() as f64 / parts as f64 - 1.0).collect()
}

#[test]
fn the_chip_fires_as_the_spiking_ir_and_as_the_float_reference() {
    let cores = [None, Some(24)].map(|neurons_max| fires_as_the_references(compiled(neurons_max)));
    assert!(cores[1] > 4 * cores[0], "the mappings must differ: {cores:?}");
}

/// Compares every spike, count and read-out; the number of cores.
fn fires_as_the_references((model, ir, program): (LoadedModel, SpikingIr, Program)) -> usize {
    let chip = Chip::new(program.clone());
    for (index, (name, graph)) in (0..).zip(&model.graphs) {
        let network = NetworkId(index);
        let interpreter = Interpreter::new(graph).unwrap();
        let mut fired = vec![0usize; ir.model.populations.len()];
        for seed in 0..5 {
            let data = input(interpreter.input_shape().len(), seed, if name == "classifier" { 1 } else { 8 });
            let trace = interpreter.run(&Map::new(interpreter.input_shape(), data.clone())).unwrap();
            let truth = oracle::run(&ir, network, &data);
            let outcome = chip.run(network, &data).unwrap();
            assert_eq!(outcome.counts.bias_saturations, 0, "inputs of -1 to 1 are never clipped");
            let plain = plain::run(&chip, network, &data);
            for (&id, expected) in &truth {
                let population = &ir.model.populations[id];
                assert_eq!(chip.spikes(&outcome, id), expected.spikes, "{name}.{}", population.name);
                assert_eq!(
                    (expected.events.accumulator_overflows, expected.events.state_saturations),
                    (0, 0)
                );
                if population.dynamics.fires() {
                    let float = trace.spikes(&population.name).unwrap();
                    assert_eq!(expected.spikes, float, "{name}.{}, input {seed}", population.name);
                    fired[id.0 as usize] += float.iter().flatten().filter(|&&spike| spike).count();
                }
            }
            for (step, events) in plain.events.iter().enumerate() {
                assert_eq!(outcome.counts.steps[step].events, *events);
            }
            let differ = |(a, b): (&f64, &f64)| (a - b).abs() > 1e-9;
            let float = &trace.output().data;
            assert_eq!(float.len(), outcome.readouts[0].len());
            assert!(!outcome.readouts[0].iter().zip(float).any(differ), "{:?} {float:?}", outcome.readouts);
        }
        for (id, population) in ir.model.populations_of(network).filter(|(_, p)| p.dynamics.fires()) {
            let slots = 5 * population.shape.len() * graph.timesteps;
            let spikes = fired[id.0 as usize];
            assert!(spikes * 50 > slots && spikes * 10 < slots * 9, "{}: {spikes}/{slots}", population.name);
        }
    }
    program.cores.len()
}

#[test]
fn synapses_stay_a_list_and_their_neurons_keep_one_threshold_and_a_bias_each() {
    let (_, ir, _) = compiled(None);
    let sparse: Vec<_> = ir.projections.values().filter_map(|p| Some((p.target, p.sparse()?))).collect();
    assert_eq!(sparse.iter().map(|(_, s)| s.synapses()).collect::<Vec<_>>(), [600, 400]);
    for (target, _) in sparse {
        let population = &ir.model.populations[target];
        assert!(matches!(&population.bias, snnc_compiler::ir::spiking::Bias::Neuron(b) if b.len() > 1));
        assert_eq!(population.shape.channels, 1);
    }
    let hidden = ir.model.populations.iter().find(|(_, p)| p.name == "hidden").unwrap();
    let kernel = ir.projections.values().find(|p| p.target == hidden.0).unwrap().conv().unwrap();
    assert_eq!((kernel.kernel.height, kernel.kernel.width, kernel.kernel.channels.inputs), (3, 3, 12));
    assert!(ir.model.populations.keys().all(|id: PopulationId| ir.model.populations[id].window.steps >= 12));
}

/// PAICORE's routers fork packets.
#[test]
fn it_is_timed_cycle_by_cycle_where_packets_fork() {
    let target = registry::load("paicore-like").unwrap();
    let program = compile(&load(&example()).unwrap(), &target, CompileOptions::default()).unwrap().1;
    let chip = Chip::new(program.clone());
    let [analytic, cycle] = [Fidelity::Analytic, Fidelity::Cycle { every: 1 }]
        .map(|fidelity| Meter::new(&program, &chip.table, fidelity).unwrap());
    for (id, network) in program.model.networks.iter() {
        let size =
            program.model.inputs.iter().filter(|i| program.model.populations[i.population].network == id);
        let length = size.map(|i| i.input.len()).max().unwrap();
        let outcome = chip.run(id, &input(length, 1, 8)).unwrap();
        let time = |meter: &Meter| {
            let mut record = meter.record();
            meter.add_pass(&mut record, 0, &outcome.counts, &outcome.traces).unwrap()
        };
        let (bound, simulated) = (time(&analytic), time(&cycle));
        for (a, c) in bound.steps.iter().zip(&simulated.steps) {
            assert!(c.total_ps >= a.total_ps, "{}", network.name);
        }
        let delivered: u64 = simulated.steps.iter().map(|step| step.simulated.unwrap().packets.packets).sum();
        let casts: u64 = outcome.counts.steps.iter().flat_map(|s| &s.casts).map(|cast| cast.spikes).sum();
        assert!(delivered > casts && casts > 100, "{}: {delivered} of {casts}", network.name);
    }
}

#[test]
fn every_target_says_what_it_makes_of_it() {
    let targets: Vec<_> = registry::names().map(|name| registry::load(name).unwrap()).collect();
    let answer = fit(&load(&example()).unwrap(), &targets, CompileOptions::default());
    let row = |name: &str| answer.targets.iter().find(|row| row.target == name).unwrap();
    assert!(row("loihi-like").fits && row("loihi2-like").fits, "{answer}");
    for row in &answer.targets {
        assert_eq!(row.fits, row.problems.is_empty(), "{answer}");
    }
}

fn snnc(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_snnc")).args(arguments).output().unwrap()
}

#[test]
fn it_compiles_but_has_nothing_to_generate_with() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("model.snnx");
    let (model, program) = (example(), program.to_str().unwrap());
    let model = model.to_str().unwrap();
    let output = snnc(&["compile", model, "--target", "loihi-like", "-o", program]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("first"));
    for arguments in [
        &["simulate", program, "--images", "1"][..],
        &["run", model, "--target", "loihi-like", "--images", "1"],
        &["verify", model, "--target", "loihi-like"],
    ] {
        let output = snnc(arguments);
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains("E0011") && message.contains("pipeline"), "{message}");
    }
}
