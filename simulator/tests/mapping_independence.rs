//! Mapping never changes results: seeded random networks, many legal mappings, three executors, one answer.

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::Random;
use snnc_compiler::driver::{CompileOptions, assemble, map, partition_of};
use snnc_compiler::ir::program::{Program, Run, Slice};
use snnc_compiler::ir::spiking::parts::Parts;
use snnc_compiler::ir::spiking::{Convolution, Projection, SpikingIr};
use snnc_compiler::ir::{CoreId, NetworkId, PopulationId};
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::search::{Method, Objective, SearchOptions, search};
use snnc_compiler::mapping::partition::{Partition, Rates};
use snnc_compiler::mapping::place::{PlaceOptions, place};
use snnc_compiler::mapping::traffic::Traffic;
use snnc_simulator::counts::{Cast, Events, Flow, Grain, PassCounts, StepCounts};
use snnc_simulator::execute::kernels::level::Level;
use snnc_simulator::execute::{Chip, Choice, PassOutcome, oracle, plain};
use snnc_targets::schema::{InputAxonKind, OutputAxonKind};
use snnc_targets::{Code, Target};

/// Cuts `0..length` at random.
fn cuts(random: &mut Random, length: usize) -> Vec<std::ops::Range<u32>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    while start < length {
        let end = random.between(start + 1, length.min(start + 4));
        ranges.push(start as u32..end as u32);
        start = end;
    }
    ranges
}

/// Uneven boxes, several to a core, in random order, kernels cut at random: what no search of ours would make.
fn wild_partition(random: &mut Random, ir: &SpikingIr, neurons_max: u32) -> Partition {
    let mut slices = Vec::new();
    for (population, p) in ir.model.populations.iter() {
        for channels in cuts(random, p.shape.channels) {
            for rows in cuts(random, p.shape.height) {
                for cols in cuts(random, p.shape.width) {
                    slices.push(Slice { population, channels: channels.clone(), rows: rows.clone(), cols });
                }
            }
        }
    }
    for i in (1..slices.len()).rev() {
        slices.swap(i, random.between(0, i));
    }
    let mut partition = Partition::default();
    let mut core: Vec<Slice> = Vec::new();
    for slice in slices {
        let used: u32 = core.iter().map(Slice::neurons).sum();
        if !core.is_empty() && (used + slice.neurons() > neurons_max || random.one_in(4)) {
            partition.cores.push(std::mem::take(&mut core));
        }
        core.push(slice);
    }
    partition.cores.push(core);
    for (id, projection) in ir.projections.iter() {
        let Some(Convolution { kernel, .. }) = projection.conv() else { continue };
        let parts = Parts { rows: random.between(1, kernel.height), cols: random.between(1, kernel.width) };
        if parts.fit(kernel.height, kernel.width) && random.one_in(2) {
            partition.kernel_parts.insert(id, parts);
        }
    }
    partition
}

/// Uneven boxes of every population, dealt out to a few cores: several slices of one population on each, which a
/// source position often reaches together.
fn scattered_partition(random: &mut Random, ir: &SpikingIr) -> Partition {
    let slices = wild_partition(random, ir, u32::MAX).cores.values().flatten().cloned().collect::<Vec<_>>();
    let mut cores = vec![Vec::new(); random.between(2, 5)];
    for slice in slices {
        let core = random.between(0, cores.len() - 1);
        cores[core].push(slice);
    }
    cores.retain(|core| !core.is_empty());
    Partition { cores: cores.into(), ..Partition::default() }
}

/// Events that depend on the spiking IR alone.
fn without_packets(events: Events) -> Events {
    Events { packets_sent: 0, packets_received: 0, ..events }
}

/// Every other inner loop of the processor gives the outcome as well.
fn any_loop_agrees(program: &Program, input: &[f64], outcome: &PassOutcome) {
    for level in Level::available() {
        for rows in [true, false] {
            let other = Chip::with(program, Choice { level, rows }).run(NetworkId(0), input);
            assert_eq!(other.readouts, outcome.readouts, "{level:?} {rows}");
            assert_eq!(other.counts, outcome.counts, "{level:?} {rows}");
            assert_eq!(other.traces, outcome.traces, "{level:?} {rows}");
        }
    }
}

/// Counting a pass as one gives the sum of its timesteps.
fn grains_agree(chip: &Chip, input: &[f64], outcome: &PassOutcome) {
    let whole = chip.start(NetworkId(0), input).count(Grain::Pass);
    assert_eq!((&whole.readouts, &whole.traces), (&outcome.readouts, &outcome.traces));
    let mut events = vec![Events::default(); chip.table.len()];
    let (mut flows, mut casts) = (BTreeMap::new(), BTreeMap::new());
    for step in &outcome.counts.steps {
        events.iter_mut().zip(&step.events).for_each(|(sum, &more)| *sum += more);
        step.flows.iter().for_each(|f| *flows.entry((f.source, f.target)).or_insert(0) += f.packets);
        step.casts.iter().for_each(|cast| *casts.entry(cast.tree).or_insert(0) += cast.spikes);
    }
    let flows = flows.into_iter().map(|((source, target), packets)| Flow { source, target, packets });
    let casts = casts.into_iter().map(|(tree, spikes)| Cast { tree, spikes });
    let sum = StepCounts { events, flows: flows.collect(), casts: casts.collect() };
    assert_eq!(whole.counts, PassCounts { steps: vec![sum], ..outcome.counts.clone() });
}

/// Runs all three executors and compares them; the number of spikes.
fn agree(ir: &SpikingIr, program: &Program, input: &[f64]) -> u64 {
    let network = NetworkId(0);
    let truth = oracle::run(ir, network, input);
    let chip = Chip::new(program);
    let outcome = chip.run(network, input);
    let plain = plain::run(&chip, network, input);
    any_loop_agrees(program, input, &outcome);
    grains_agree(&chip, input, &outcome);

    let mut sums: BTreeMap<PopulationId, Events> = BTreeMap::new();
    for step in &outcome.counts.steps {
        for (index, events) in step.events.iter().enumerate() {
            *sums.entry(chip.table.populations[index]).or_default() += *events;
        }
    }
    for (&population, trace) in &truth {
        assert_eq!(chip.spikes(&outcome, population), trace.spikes, "spikes of {population}");
        assert_eq!(without_packets(sums[&population]), trace.events, "counts of {population}");
    }
    for (readout, values) in ir.model.readouts.iter().zip(&outcome.readouts) {
        let membranes: Vec<f64> =
            truth[&readout.population].membranes.iter().map(|&v| f64::from(v)).collect();
        assert_eq!(*values, membranes);
    }

    for (step, events) in plain.events.iter().enumerate() {
        assert_eq!(outcome.counts.steps[step].events, *events, "events of step {step}");
    }
    for (index, trace) in outcome.traces.iter().enumerate() {
        assert_eq!(trace.membranes, plain.membranes[index]);
        let start = ir.model.populations[chip.table.populations[index]].window.start as usize;
        for (step, fired) in trace.fired.iter().enumerate() {
            assert_eq!(*fired, plain.fired[index][start + step]);
        }
    }
    conserved(&outcome.counts);
    let sent: u64 = sums.values().map(|e| e.packets_sent).sum();
    assert_eq!(sent, packets_by_hand(ir, program, &truth), "one packet per spike, projection and core");
    sums.values().map(|e| e.spikes).sum()
}

/// Spikes times the cores that each reaches, projection by projection (parts of a cut one apart), from the spiking IR
/// and the cores' neurons alone.
fn packets_by_hand(
    ir: &SpikingIr,
    program: &Program,
    truth: &BTreeMap<PopulationId, oracle::PopulationTrace>,
) -> u64 {
    let ir = ir.reordered(&ir.orders_of(&program.model));
    let mut homes: BTreeMap<(PopulationId, usize), CoreId> = BTreeMap::new();
    for (core, content) in program.cores.iter() {
        for Slice { population, channels, rows, cols } in content.slices.iter().map(|s| &s.slice) {
            let shape = ir.model.populations[*population].shape;
            for (c, y) in channels.clone().flat_map(|c| rows.clone().map(move |y| (c, y))) {
                for x in cols.clone() {
                    homes.insert((*population, shape.at(c as usize, y as usize, x as usize)), core);
                }
            }
        }
    }
    let mut packets = 0;
    for projection in ir.with_parts(&program.kernel_parts).projections.values() {
        let (trace, source) = (&truth[&projection.source], &ir.model.populations[projection.source]);
        for neuron in 0..source.shape.len() {
            let spikes = trace.spikes.iter().filter(|flags| flags[source.outside(neuron)]).count() as u64;
            if spikes > 0 {
                let cores: BTreeSet<CoreId> = targets(&ir, projection, neuron)
                    .iter()
                    .map(|&to| homes[&(projection.target, to)])
                    .collect();
                packets += spikes * cores.len() as u64;
            }
        }
    }
    packets
}

/// The neurons that a neuron reaches through a projection.
fn targets(ir: &SpikingIr, projection: &Projection, neuron: usize) -> Vec<usize> {
    let Some(conv) = projection.conv() else {
        let sparse = projection.sparse().unwrap();
        return sparse.targets_of(neuron).iter().map(|&target| target as usize).collect();
    };
    let (from, to) =
        (ir.model.populations[projection.source].shape, ir.model.populations[projection.target].shape);
    let (y, x) = (neuron % from.positions() / from.width, neuron % from.width);
    let mut all = Vec::new();
    for (ty, _) in conv.map.rows.reach(y, 0..to.height) {
        for (tx, _) in conv.map.cols.reach(x, 0..to.width) {
            all.extend((0..to.channels).map(|c| to.at(c, ty, tx)));
        }
    }
    all
}

/// Packets sent = packets on flows = packets received.
fn conserved(counts: &snnc_simulator::counts::PassCounts) {
    let all = || counts.steps.iter().flat_map(|s| &s.events);
    let sent: u64 = all().map(|e| e.packets_sent).sum();
    let received: u64 = all().map(|e| e.packets_received).sum();
    let flowing: u64 = counts.steps.iter().flat_map(|s| &s.flows).map(|f| f.packets).sum();
    assert_eq!((sent, sent), (received, flowing));
    for step in &counts.steps {
        for (index, events) in step.events.iter().enumerate() {
            let flows: u64 = step.flows.iter().filter(|f| f.source == index).map(|f| f.packets).sum();
            assert_eq!(events.packets_sent, flows, "slice {index} sends what its flows carry");
        }
    }
}

fn wild(random: &mut Random, ir: &SpikingIr, target: &Target) -> Program {
    let partition = wild_partition(random, ir, target.core.neurons.get());
    assembled(random.next(), ir, target, &partition)
}

fn assembled(seed: u64, ir: &SpikingIr, target: &Target, partition: &Partition) -> Program {
    let options = PlaceOptions { seed, effort: Effort::Fast };
    assemble(ir, target, partition, |traffic| Ok(place(partition.cores.len(), traffic, target, options)?))
        .unwrap()
}

#[test]
fn every_mapping_gives_the_spikes_of_the_spiking_ir() {
    let mut fired = 0;
    let mut overflowed = 0;
    for seed in 0..60 {
        let mut random = Random(seed);
        let mut target = common::target(&mut random, 1024);
        let ir = common::network(&mut random, &target);
        let input = common::input(&mut random, &ir);
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
        let program = wild(&mut random, &ir, &target);
        fired += agree(&ir, &program, &input);
        let counts = Chip::new(&program).run(NetworkId(0), &input).counts;
        overflowed += counts
            .steps
            .iter()
            .flat_map(|s| &s.events)
            .map(|e| e.accumulator_overflows + e.state_saturations)
            .sum::<u64>();
    }
    // The comparison means nothing if the networks are silent or never leave their widths.
    assert!(fired > 20_000, "{fired} spikes");
    assert!(overflowed > 1_000, "{overflowed} overflows");
}

#[test]
fn many_channels_and_extreme_weights_run_the_same() {
    let (mut fired, mut overflowed, mut longest) = (0, 0, 0);
    for seed in 500..512 {
        let mut random = Random(seed);
        let mut target = common::target(&mut random, 1 << 20);
        (target.core.input_axons.0, target.core.output_axons.0) = (1 << 20, 1 << 20);
        target.core.synapse_memory_bits.0 = 1 << 40;
        target.core.threshold_profiles = None;
        let ir = common::wide_network(&mut random, &target);
        let input = common::input(&mut random, &ir);
        let partition = scattered_partition(&mut random, &ir);
        let program = assembled(seed, &ir, &target, &partition);
        fired += agree(&ir, &program, &input);
        let whole = map(&ir, &target, CompileOptions::default()).unwrap();
        fired += agree(&ir, &whole, &input);
        let counts = Chip::new(&whole).run(NetworkId(0), &input).counts;
        for events in counts.steps.iter().flat_map(|step| &step.events) {
            overflowed += events.accumulator_overflows;
            longest = longest.max(events.spikes);
        }
    }
    assert!(fired > 20_000 && overflowed > 1_000, "{fired} spikes, {overflowed} overflows");
    assert!(longest > 600, "at most {longest} spikes of a slice in a timestep");
}

#[test]
fn a_packet_serves_all_slices_of_a_core() {
    let mut shared = 0;
    for seed in 200..240 {
        let mut random = Random(seed);
        let mut target = common::target(&mut random, 1 << 20);
        (target.core.input_axons.0, target.core.output_axons.0) = (1 << 20, 1 << 20);
        target.core.synapse_memory_bits.0 = 1 << 40;
        target.core.threshold_profiles = None;
        let ir = common::network(&mut random, &target);
        let input = common::input(&mut random, &ir);
        let partition = scattered_partition(&mut random, &ir);
        let program = assembled(seed, &ir, &target, &partition);
        agree(&ir, &program, &input);
        shared += program.cores.values().flat_map(|c| &c.axons).filter(|axon| axon.entries > 1).count();
    }
    assert!(shared > 2_000, "{shared} axons with several slices");
}

/// An irregular network in a random order, scattered over cores.
fn shuffled(random: &mut Random, ir: &SpikingIr) -> Partition {
    let mut partition = scattered_partition(random, ir);
    for (id, population) in ir.model.populations.iter() {
        let mut order: Vec<u32> = (0..population.shape.len() as u32).collect();
        (1..order.len()).rev().for_each(|i| order.swap(i, random.between(0, i)));
        if ir.order_problem(id, &order).is_none() {
            partition.orders.insert(id, order);
        }
    }
    partition
}

#[test]
fn partitions_of_the_hypergraph_keep_every_limit_and_run_the_same() {
    let (mut fired, mut renumbered) = (0, 0);
    for seed in 400..424 {
        let mut random = Random(seed);
        let mut target = common::target(&mut random, 1024);
        target.core.neurons.0 = random.between(100, 300) as u32;
        target.core.threshold_profiles = None;
        let irregular = random.one_in(2);
        let ir = if irregular {
            common::irregular_network(&mut random, &target)
        } else {
            common::network(&mut random, &target)
        };
        let input = common::input(&mut random, &ir);
        let method = Method::Hypergraph { group: random.between(1, 4) };
        let options = SearchOptions { method, effort: Effort::Fast, ..SearchOptions::default() };
        let found = search(&ir, &target, &Rates::default(), options).unwrap();
        let program = assembled(seed, &ir, &target, &found.partition);
        for (core, use_) in found.uses.iter() {
            assert_eq!(program.core_use(core), *use_, "seed {seed} {core}");
        }
        assert_eq!(Traffic::uniform(&program.cores).packets() as f64, found.packets, "seed {seed}");
        fired += agree(&ir, &program, &input);
        renumbered += found.partition.orders.len();
    }
    assert!(fired > 1_000 && renumbered > 5, "{fired} spikes, {renumbered} populations numbered anew");
}

#[test]
fn irregular_networks_run_the_same_on_any_cores() {
    let (mut fired, mut renumbered, mut regular) = (0, 0, 0);
    for seed in 300..360 {
        let mut random = Random(seed);
        let mut target = common::target(&mut random, 1 << 20);
        target.core.threshold_profiles = None;
        let ir = common::irregular_network(&mut random, &target);
        let input = common::input(&mut random, &ir);
        regular += ir.projections.values().filter(|p| p.conv().is_some()).count();
        let partition = shuffled(&mut random, &ir);
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
        assert_eq!(Traffic::uniform(&program.cores).packets() as f64, found.packets, "seed {seed}");
        fired += agree(&ir, &program, &input);
        assert_eq!(partition_of(&program), found.partition);
    }
    assert!(fired > 10_000, "{fired} spikes");
    assert!(renumbered > 60 && regular > 10, "{renumbered} populations renumbered, {regular} convolutions");
}

#[test]
fn an_irregular_layer_that_fits_no_core_is_named() {
    let mut random = Random(301);
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
    for seed in 100..160 {
        let mut random = Random(seed);
        let mut target = common::target(&mut random, 1024);
        target.core.neurons.0 = random.between(20, 300) as u32;
        target.synapses.header_bits_per_list.0 = random.between(0, 9) as u32;
        if random.one_in(2) {
            target.axons.output.0 = OutputAxonKind::Discrete;
        }
        if random.one_in(3) {
            target.axons.input.0 = InputAxonKind::Discrete;
        }
        let ir = common::network(&mut random, &target);
        let objective = if random.one_in(2) { Objective::Cores } else { Objective::Packets };
        let options = SearchOptions { objective, ..SearchOptions::default() };
        let found = search(&ir, &target, &Rates::default(), options).unwrap();
        let place =
            |traffic: &_| Ok(place(found.partition.cores.len(), traffic, &target, PlaceOptions::default())?);
        let program = assemble(&ir, &target, &found.partition, place).unwrap();
        for (core, use_) in found.uses.iter() {
            assert_eq!(program.core_use(core), *use_, "seed {seed} {core}");
            shared += usize::from(program.cores[core].slices.len() > 1);
        }
        assert_eq!(Traffic::uniform(&program.cores).packets() as f64, found.packets, "seed {seed}");
    }
    assert!(shared > 20, "{shared} cores with several slices");
}

#[test]
fn lists_cut_within_a_position_run_the_same() {
    for seed in 100..110 {
        let mut random = Random(seed);
        let target = common::target(&mut random, 200);
        let ir = common::network(&mut random, &target);
        let input = common::input(&mut random, &ir);
        let mut program = map(&ir, &target, CompileOptions::default()).unwrap();
        for list in program.cores.values_mut().flat_map(|core| &mut core.lists) {
            let cut = |run: &Run| {
                let half = run.len / 2;
                let first = Run { len: half, ..*run };
                let second =
                    Run { target: run.target + half, weight: run.weight + half, len: run.len - half };
                [first, second].into_iter().filter(|run| run.len > 0)
            };
            list.runs = list.runs.iter().flat_map(cut).collect();
        }
        program.verify().unwrap();
        agree(&ir, &program, &input);
    }
}

#[test]
fn threads_change_nothing() {
    let mut random = Random(7);
    let target = common::target(&mut random, 64);
    let ir = common::network(&mut random, &target);
    let input = common::input(&mut random, &ir);
    let program = map(&ir, &target, CompileOptions::default()).unwrap();
    let chip = Chip::new(&program);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| chip.run(NetworkId(0), &input))
    };
    let one = run(1);
    for threads in [2, 8] {
        let other = run(threads);
        assert_eq!((&one.counts, &one.traces), (&other.counts, &other.traces));
    }
}

#[test]
fn a_core_too_small_is_an_error_that_names_layer_limit_and_remedy() {
    let mut random = Random(3);
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
