//! Crossbar chips: weights as bit planes, neurons copied for each target axon. The spikes stay those of the spiking
//! IR; packets and synaptic events are those of planes and copies, counted here synapse by synapse.

use crate::common;
use std::collections::BTreeMap;

use crate::common::Random;
use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::program::usage::Limit;
use snnc_compiler::ir::spiking::{Bias, Convolution, NeuronFormat, NeuronModel, Projection, SpikingIr};
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::{Rates, search};
use snnc_simulator::charge::{Meter, MeterRecord, Prices};
use snnc_simulator::execute::{Chip, oracle};
use snnc_simulator::time::Fidelity;
use snnc_targets::{Code, EnergyComponent, EnergyEvent, StaticPower, Target, registry};

/// A random network made integrate-and-fire, in the number formats of `target`.
fn network(random: &mut Random, target: &Target) -> SpikingIr {
    let mut other = registry::load("loihi-like").unwrap();
    other.synapses.weight_bits.0 = target.synapses.weight_bits.get();
    let mut ir = common::network(random, &other);
    ir.model.neuron = NeuronFormat::new(&target.neuron, target.synapses.weight_bits.get());
    for population in ir.model.populations.values_mut() {
        population.input_shift = 0;
        if let Bias::Channel(biases) = &mut population.bias {
            biases.iter_mut().for_each(|bias| *bias /= 64);
        }
        let neurons = &mut population.dynamics;
        if neurons.is_port() {
            continue;
        }
        *neurons = match neurons.fires() {
            true => NeuronModel::lif(0, neurons.thresholds().to_vec()),
            false => NeuronModel::integrator(0),
        };
    }
    ir.model.inputs.iter_mut().for_each(|input| input.scale.fill(10.0));
    ir.verify().unwrap();
    ir
}

/// Where cores sit does not matter here.
fn quick() -> CompileOptions {
    let mut options = CompileOptions::fewest_cores();
    options.place.effort = Effort::Fast;
    options
}

/// Neurons of its core that each neuron takes, by population and `(channel, row, column)`.
fn copies(program: &Program) -> BTreeMap<(PopulationId, u32, u32, u32), u64> {
    let planes = u64::from(program.target.axons.planes());
    let mut all = BTreeMap::new();
    for placed in program.cores.values().flat_map(|core| &core.slices) {
        for position in 0..placed.slice.positions() {
            let (y, x) = placed.slice.coordinates(position);
            for c in placed.slice.channels.clone() {
                let copies = (placed.routes(position).len() as u64 * planes).max(1);
                all.insert((placed.slice.population, c, y, x), copies);
            }
        }
    }
    all
}

/// Ones among the weights' bits that a spike meets, copies of the targets included.
fn events(
    p: &Projection,
    (c, y, x): (usize, usize, usize),
    copies: &BTreeMap<(PopulationId, u32, u32, u32), u64>,
) -> u64 {
    let mut sum = 0;
    let Convolution { map, kernel } = p.conv().unwrap();
    for (ty, ky) in map.rows.reach(y, 0..map.rows.output) {
        for (tx, kx) in map.cols.reach(x, 0..map.cols.output) {
            let joined = kernel.channels.targets_of(c);
            if joined.is_empty() {
                continue;
            }
            for (channel, weight) in joined.zip(kernel.row(c, ky, kx)) {
                let bits = u64::from((*weight as u16 & 0xF).count_ones());
                sum += bits * copies[&(p.target, channel as u32, ty as u32, tx as u32)];
            }
        }
    }
    sum
}

#[test]
fn spikes_are_those_of_the_network_and_copies_are_charged() {
    let target = registry::load("truenorth-like").unwrap();
    let (mut mapped, mut refused, mut all_spikes, mut most_copies, mut ports) = (0, 0, 0u64, 0, 0);
    for seed in 0..60 {
        let mut random = Random::seeded(seed);
        let ir = network(&mut random, &target);
        let input = common::input(&mut random, &ir);
        let program = match map(&ir, &target, quick()) {
            Ok(program) => program,
            Err(error) => {
                assert!(error.codes().iter().all(|&code| code == Code::DoesNotFit), "seed {seed}: {error}");
                refused += 1;
                continue;
            }
        };
        mapped += 1;
        let found = search(&ir, &target, &Rates::default(), Default::default()).unwrap();
        for (core, use_) in found.uses.iter() {
            assert_eq!(*use_, program.core_use(core), "seed {seed}: {core}");
        }
        ports += program.cores.len() - program.chip_cores().count();
        let chip = Chip::new(program.clone());
        let outcome = chip.run(NetworkId(0), &input).unwrap();
        common::grains::agree(&chip, &input, &outcome);
        let truth = oracle::run(&ir, NetworkId(0), &input);
        for (&population, trace) in &truth {
            assert_eq!(
                chip.spikes(&outcome, population),
                trace.spikes,
                "seed {seed}: spikes of {population}"
            );
        }

        let copies = copies(&program);
        most_copies = most_copies.max(copies.values().copied().max().unwrap());
        for (id, core) in program.chip_cores() {
            let neurons: u64 = core
                .slices
                .iter()
                .flat_map(|s| copies.range((s.slice.population, 0, 0, 0)..).map(move |(k, n)| (s, k, n)))
                .filter(|(s, k, _)| {
                    k.0 == s.slice.population
                        && s.slice.channels.contains(&k.1)
                        && s.slice.position(k.2, k.3).is_some()
                })
                .map(|(_, _, n)| n)
                .sum();
            assert_eq!(program.core_use(id).get(Limit::Neurons), neurons);
            assert!(neurons <= 256);
        }
        let (mut synaptic, mut packets, mut entered) = (0, 0, 0);
        for (id, population) in ir.model.populations.iter() {
            for fired in truth.get(&id).iter().flat_map(|trace| &trace.spikes) {
                for (index, _) in fired.iter().enumerate().filter(|(_, fired)| **fired) {
                    let (height, width) = (population.shape.height, population.shape.width);
                    let at = (index / (height * width), index / width % height, index % width);
                    let key = (id, at.0 as u32, at.1 as u32, at.2 as u32);
                    all_spikes += 1;
                    let outgoing = || ir.projections.values().filter(|p| p.source == id);
                    synaptic += outgoing().map(|p| events(p, at, &copies)).sum::<u64>();
                    // Each copy sends to one axon; a neuron without destinations sends nothing.
                    let sent = if population.dynamics.is_port() { &mut entered } else { &mut packets };
                    *sent += if outgoing().any(|p| events_reached(p, at)) { copies[&key] } else { 0 };
                }
            }
        }
        let meter = Meter::new(&program, &chip.table, Fidelity::Analytic).unwrap();
        let mut record = meter.record();
        let time = meter.add_pass(&mut record, 0, &outcome.counts, &outcome.traces).unwrap();
        let breakdown = record.ledger.total();
        assert_eq!(breakdown[EnergyComponent::Synapse], u128::from(synaptic) * 26_000_000, "seed {seed}");
        let tally = record.tally.total().total();
        assert_eq!(
            (tally.events[EnergyEvent::AxonOut], tally.events[EnergyEvent::TileDelivery]),
            (packets, packets + entered),
            "seed {seed}"
        );
        assert_eq!(tally.events[EnergyEvent::AxonIn], packets + entered);
        // A tick of 1 ms hides all work.
        assert_eq!(time.steps.iter().map(|s| s.total_ps).max(), Some(1_000_000_000));
        constants_are_what_was_charged(&program, &record, &copies, synaptic, [packets, entered]);
        let by_slice: u128 = record.ledger.by_slice().iter().map(|breakdown| breakdown.total()).sum();
        assert_eq!(by_slice, breakdown.total());
    }
    assert!(mapped > 15 && refused >= 5, "{mapped} mapped, {refused} refused");
    assert!(all_spikes > 5_000 && most_copies >= 12, "{all_spikes} spikes, {most_copies} copies");
    assert!(ports > 3, "{ports} ports");
}

/// What is charged by constant, counted anew from the copies of each neuron, and its sum.
fn constants_are_what_was_charged(
    program: &Program,
    record: &MeterRecord,
    copies: &BTreeMap<(PopulationId, u32, u32, u32), u64>,
    synaptic: u64,
    [packets, entered]: [u64; 2],
) {
    let model = &program.model;
    let copied = |id: PopulationId| copies.iter().filter(|(key, _)| key.0 == id).map(|(_, n)| n).sum::<u64>();
    let on_cores = model.populations.iter().filter(|(_, p)| !p.dynamics.is_port());
    let updates: u64 = on_cores.map(|(id, p)| copied(id) * u64::from(p.window.steps)).sum();
    let charged = |event| record.charged.events(event);
    let [active, inactive] =
        [EnergyEvent::NeuronUpdateActive, EnergyEvent::NeuronUpdateInactive].map(charged);
    assert_eq!(active + inactive, updates.into());
    let written = model.inputs.iter().map(|input| copied(input.population)).sum::<u64>();
    assert_eq!(charged(EnergyEvent::HostWrite), written.into());
    let read: usize = model.readouts.iter().map(|r| model.populations[r.population].shape.len()).sum();
    assert_eq!(charged(EnergyEvent::HostRead), read as u128);
    assert_eq!(charged(EnergyEvent::SynapticOperation), synaptic.into());
    assert_eq!(charged(EnergyEvent::AxonOut), packets.into());
    assert_eq!(charged(EnergyEvent::InputPacket), entered.into());
    for event in [EnergyEvent::AxonIn, EnergyEvent::TileDelivery] {
        assert_eq!(charged(event), (packets + entered).into(), "{event:?}");
    }
    let prices = Prices::of(&program.target);
    let events: u128 =
        EnergyEvent::ALL.into_iter().map(|event| record.charged.event_aj(&prices, event)).sum();
    let statics: u128 = StaticPower::ALL.into_iter().map(|power| record.charged.static_aj(power)).sum();
    assert_eq!(events + statics, record.ledger.total().total());
}

fn events_reached(p: &Projection, (_, y, x): (usize, usize, usize)) -> bool {
    let map = &p.conv().unwrap().map;
    !map.rows.reach(y, 0..map.rows.output).is_empty() && !map.cols.reach(x, 0..map.cols.output).is_empty()
}

#[test]
fn narrower_weights_spend_fewer_axons() {
    let target = registry::load("truenorth-like").unwrap();
    let mut random = Random::seeded(2);
    let mut ir = network(&mut random, &target);
    ir.model.neuron.weight_bits = 2;
    for weight in ir.projections.values_mut().filter_map(|p| p.conv_mut()).flat_map(|c| &mut c.kernel.weights)
    {
        *weight = weight.signum();
    }
    let program = map(&ir, &target, quick()).unwrap();
    assert_eq!(program.target.axons.planes(), 2);
    let input = common::input(&mut random, &ir);
    let chip = Chip::new(program.clone());
    let outcome = chip.run(NetworkId(0), &input).unwrap();
    for (population, trace) in oracle::run(&ir, NetworkId(0), &input) {
        assert_eq!(chip.spikes(&outcome, population), trace.spikes);
    }
}

#[test]
fn merged_dendrites_run_the_same_and_take_neurons() {
    let mut target = registry::load("paicore-like").unwrap();
    target.core.input_axons.0 = 16;
    // The random networks have skip paths.
    target.synapses.delay_max.0 = 8;
    let mut merged = 0;
    for seed in 0..12 {
        let mut random = Random::seeded(seed);
        let ir = network(&mut random, &target);
        let input = common::input(&mut random, &ir);
        let program = map(&ir, &target, quick()).unwrap();
        let found = search(&ir, &target, &Rates::default(), Default::default()).unwrap();
        for (core, _) in program.chip_cores() {
            let use_ = program.core_use(core);
            assert_eq!(found.uses[core], use_, "seed {seed}: {core}");
            let factor = use_.input_axons.div_ceil(16).max(1).next_power_of_two();
            assert_eq!(use_.neurons, u64::from(program.cores[core].neurons()) * factor);
            assert!(use_.neurons <= 64 && factor <= 64);
            merged += u64::from(factor > 1);
        }
        let chip = Chip::new(program.clone());
        let outcome = chip.run(NetworkId(0), &input).unwrap();
        for (population, trace) in oracle::run(&ir, NetworkId(0), &input) {
            assert_eq!(chip.spikes(&outcome, population), trace.spikes, "seed {seed}");
        }
    }
    assert!(merged > 10, "{merged} cores merge");
    target.core.fan_in_merge = None;
    // Depthwise layers alone need few axons.
    let refusal = |seed| map(&network(&mut Random::seeded(seed), &target), &target, quick()).err();
    let error = (0..12).find_map(refusal).unwrap();
    assert!(error.codes().iter().all(|&code| code == Code::DoesNotFit), "{error}");
    assert!(error.to_string().contains("input axons"), "{error}");
}
