//! Mapping never changes results: random networks, many legal mappings, three executors, one answer.

pub mod agreement;
use crate::common;
mod kept_state;
mod models;
mod partitions;
mod parts;
mod recurrent;
mod shared_cores;

use agreement::agree;
use common::Random;
use common::random::cases;
use partitions::{assembled, scattered_partition, shuffled, wild};
use snnc_compiler::driver::{CompileOptions, assemble, map, partition_of};
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::SynapseRun;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::Rates;
use snnc_compiler::mapping::partition::search::{Method, Objective, SearchOptions, search};
use snnc_compiler::mapping::place::{PlaceOptions, place};
use snnc_compiler::mapping::traffic::CoreTraffic;
use snnc_simulator::execute::Chip;
use snnc_targets::Code;
use snnc_targets::schema::{InputAxonKind, OutputAxonKind};

#[test]
fn every_mapping_gives_the_spikes_of_the_spiking_ir() {
    let mut fired = 0;
    let mut overflowed = 0;
    cases(60, 0, |random| {
        let seed = random.next();
        let mut target = common::target(random, 1024);
        let ir = common::network(random, &target);
        let input = common::input(random, &ir);
        for neurons_max in [None, Some(random.between(16, 64) as u32), Some(random.between(70, 300) as u32)] {
            let search = SearchOptions { neurons_max, ..SearchOptions::default() };
            let place = PlaceOptions { seed, effort: Effort::Fast };
            let program = match map(&ir, &target, CompileOptions { search, place, ..Default::default() }) {
                Ok(program) => program,
                Err(error) => panic!("seed {seed}: {error}"),
            };
            fired += agree(&ir, &program, &input);
        }
        target.core.neurons.0 = random.between(100, 400) as u32;
        target.core.threshold_profiles = None;
        let program = wild(random, &ir, &target);
        fired += agree(&ir, &program, &input);
        let counts = Chip::new(program.clone()).run(NetworkId(0), &input).unwrap().counts;
        overflowed += counts
            .steps
            .iter()
            .flat_map(|s| &s.events)
            .map(|e| e.accumulator_overflows + e.state_saturations)
            .sum::<u64>();
    });
    // The comparison means nothing if the networks are silent or never leave their widths.
    assert!(fired > 20_000, "{fired} spikes");
    assert!(overflowed > 1_000, "{overflowed} overflows");
}

#[test]
fn many_channels_and_extreme_weights_run_the_same() {
    let (mut fired, mut overflowed, mut longest) = (0, 0, 0);
    cases(12, 503, |random| {
        let seed = random.next();
        let mut target = common::target(random, 1 << 20);
        (target.core.input_axons.0, target.core.output_axons.0) = (1 << 20, 1 << 20);
        target.core.synapse_memory_bits.0 = 1 << 40;
        target.core.threshold_profiles = None;
        let ir = common::wide_network(random, &target);
        let input = common::input(random, &ir);
        let partition = scattered_partition(random, &ir);
        let program = assembled(seed, &ir, &target, &partition);
        fired += agree(&ir, &program, &input);
        // Fewest cores have the longest slices.
        let whole = map(&ir, &target, CompileOptions::fewest_cores()).unwrap();
        fired += agree(&ir, &whole, &input);
        let counts = Chip::new(whole.clone()).run(NetworkId(0), &input).unwrap().counts;
        for events in counts.steps.iter().flat_map(|step| &step.events) {
            overflowed += events.accumulator_overflows;
            longest = longest.max(events.spikes);
        }
    });
    assert!(fired > 20_000 && overflowed > 1_000, "{fired} spikes, {overflowed} overflows");
    assert!(longest > 600, "at most {longest} spikes of a slice in a timestep");
}

#[test]
fn a_packet_serves_all_slices_of_a_core() {
    let mut shared = 0;
    cases(40, 200, |random| {
        let seed = random.next();
        let mut target = common::target(random, 1 << 20);
        (target.core.input_axons.0, target.core.output_axons.0) = (1 << 20, 1 << 20);
        target.core.synapse_memory_bits.0 = 1 << 40;
        target.core.threshold_profiles = None;
        let ir = common::network(random, &target);
        let input = common::input(random, &ir);
        let partition = scattered_partition(random, &ir);
        let program = assembled(seed, &ir, &target, &partition);
        agree(&ir, &program, &input);
        shared += program.cores.values().flat_map(|c| &c.axons).filter(|axon| axon.entries > 1).count();
    });
    assert!(shared > 2_000, "{shared} axons with several slices");
}

#[test]
fn partitions_of_the_hypergraph_keep_every_limit_and_run_the_same() {
    let (mut fired, mut renumbered) = (0, 0);
    cases(24, 400, |random| {
        let seed = random.next();
        let mut target = common::target(random, 1024);
        target.core.neurons.0 = random.between(100, 300) as u32;
        target.core.threshold_profiles = None;
        let irregular = random.one_in(2);
        let ir = if irregular {
            common::irregular_network(random, &target)
        } else {
            common::network(random, &target)
        };
        let input = common::input(random, &ir);
        let method = Method::Hypergraph { group: random.between(1, 4) };
        let options = SearchOptions { method, effort: Effort::Fast, ..SearchOptions::default() };
        let found = search(&ir, &target, &Rates::default(), options).unwrap();
        let program = assembled(seed, &ir, &target, &found.partition);
        for (core, use_) in found.uses.iter() {
            assert_eq!(program.core_use(core), *use_, "seed {seed} {core}");
        }
        assert_eq!(CoreTraffic::uniform(&program.cores).packets() as f64, found.packets, "seed {seed}");
        fired += agree(&ir, &program, &input);
        renumbered += found.partition.orders.len();
    });
    assert!(fired > 1_000 && renumbered > 5, "{fired} spikes, {renumbered} populations numbered anew");
}

#[test]
fn irregular_networks_run_the_same_on_any_cores() {
    let (mut fired, mut renumbered, mut regular) = (0, 0, 0);
    cases(60, 303, |random| {
        let seed = random.next();
        let mut target = common::target(random, 1 << 20);
        target.core.threshold_profiles = None;
        let ir = common::irregular_network(random, &target);
        let input = common::input(random, &ir);
        regular += ir.projections.values().filter(|p| p.conv().is_some()).count();
        let partition = shuffled(random, &ir);
        fired += agree(&ir, &assembled(seed, &ir, &target, &partition), &input);

        target.core.neurons.0 = random.between(8, 60) as u32;
        target.core.input_axons.0 = random.between(500, 900) as u32;
        target.synapses.header_bits_per_list.0 = random.between(0, 9) as u32;
        let found = search(&ir, &target, &Rates::default(), SearchOptions::default()).unwrap();
        renumbered += found.partition.orders.len();
        let program = assembled(seed, &ir, &target, &found.partition);
        for (core, use_) in found.uses.iter() {
            assert_eq!(program.core_use(core), *use_, "seed {seed} {core}");
        }
        assert_eq!(CoreTraffic::uniform(&program.cores).packets() as f64, found.packets, "seed {seed}");
        fired += agree(&ir, &program, &input);
        assert_eq!(partition_of(&program), found.partition);
    });
    assert!(fired > 10_000, "{fired} spikes");
    assert!(renumbered > 60 && regular > 10, "{renumbered} populations renumbered, {regular} convolutions");
}

#[test]
fn an_irregular_layer_that_fits_no_core_is_named() {
    let mut random = Random::seeded(301);
    let mut target = common::target(&mut random, 64);
    let ir = common::irregular_network(&mut random, &target);
    target.core.input_axons.0 = 2;
    let error = map(&ir, &target, CompileOptions::default()).unwrap_err();
    assert_eq!(error.codes(), [Code::DoesNotFit]);
    let text = error.to_string();
    let says = ["layer net.layer", "input axons", "a core of loihi-like has 2", "hint"];
    assert!(says.iter().all(|part| text.contains(part)), "{text}");
}

#[test]
fn the_search_counts_what_the_built_cores_use() {
    let mut shared = 0;
    cases(60, 100, |random| {
        let seed = random.next();
        let mut target = common::target(random, 1024);
        target.core.neurons.0 = random.between(20, 300) as u32;
        target.synapses.header_bits_per_list.0 = random.between(0, 9) as u32;
        if random.one_in(2) {
            target.axons.output.0 = OutputAxonKind::Discrete;
        }
        if random.one_in(3) {
            target.axons.input.0 = InputAxonKind::Discrete;
        }
        let ir = common::network(random, &target);
        let objective = [Objective::Cores, Objective::Packets, Objective::Time][random.between(0, 2)];
        let options = SearchOptions { objective, ..SearchOptions::default() };
        let found = search(&ir, &target, &Rates::default(), options).unwrap();
        let place =
            |traffic: &_| Ok(place(found.partition.cores.len(), traffic, &target, PlaceOptions::default())?);
        let program = assemble(&ir, &target, &found.partition, place).unwrap();
        for (core, use_) in found.uses.iter() {
            assert_eq!(program.core_use(core), *use_, "seed {seed} {core}");
            shared += usize::from(program.cores[core].slices.len() > 1);
        }
        assert_eq!(CoreTraffic::uniform(&program.cores).packets() as f64, found.packets, "seed {seed}");
    });
    assert!(shared > 20, "{shared} cores with several slices");
}

#[test]
fn lists_cut_within_a_position_run_the_same() {
    cases(10, 100, |random| {
        let target = common::target(random, 200);
        let ir = common::network(random, &target);
        let input = common::input(random, &ir);
        let mut program = map(&ir, &target, CompileOptions::default()).unwrap();
        for list in program.cores.values_mut().flat_map(|core| &mut core.lists) {
            let cut = |run: SynapseRun| {
                let half = run.len / 2;
                let first = SynapseRun { len: half, ..run };
                let second =
                    SynapseRun { target: run.target + half, weight: run.weight + half, len: run.len - half };
                [first, second].into_iter().filter(|run| run.len > 0)
            };
            list.runs = list.runs.iter().flat_map(cut).collect();
        }
        program.verify().unwrap();
        agree(&ir, &program, &input);
    });
}

#[test]
fn threads_change_nothing() {
    let mut random = Random::seeded(7);
    let target = common::target(&mut random, 64);
    let ir = common::network(&mut random, &target);
    let input = common::input(&mut random, &ir);
    let program = map(&ir, &target, CompileOptions::default()).unwrap();
    let chip = Chip::new(program.clone());
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| chip.run(NetworkId(0), &input).unwrap())
    };
    let one = run(1);
    for threads in [2, 8] {
        let other = run(threads);
        assert_eq!((&one.counts, &one.traces), (&other.counts, &other.traces));
    }
}

#[test]
fn a_core_too_small_is_an_error_that_names_layer_limit_and_remedy() {
    let mut random = Random::seeded(3);
    let mut target = common::target(&mut random, 64);
    let ir = common::network(&mut random, &target);
    target.core.synapse_memory_bits.0 = 8;
    let error = map(&ir, &target, CompileOptions::default()).unwrap_err();
    assert_eq!(error.codes(), [Code::DoesNotFit]);
    let text = error.to_string();
    assert!(
        text.contains("layer net.layer") && text.contains("synapse memory") && text.contains("hint"),
        "{text}"
    );
}
