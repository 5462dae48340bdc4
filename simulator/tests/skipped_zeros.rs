//! Chips that store no weights of 0: memory and operations are those of the other weights, counted one by one; spikes,
//! packets and read-outs are those of a chip that stores zeros.

use crate::common::random::cases;
use crate::common::timing::{self, timed};
use crate::common::{self, Random, zeros};
use crate::mapping_independence::agreement::agree;
use snnc_compiler::driver::{CompileOptions, assemble, map};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::program::usage::Limit;
use snnc_compiler::ir::spiking::{Connectivity, SpikingIr};
use snnc_compiler::ir::{CoreId, NetworkId};
use snnc_compiler::mapping::partition::Rates;
use snnc_compiler::mapping::partition::search::{Objective, SearchOptions, search};
use snnc_compiler::mapping::place::{PlaceOptions, place};
use snnc_simulator::execute::{Chip, oracle};
use snnc_simulator::time::Fidelity;
use snnc_targets::schema::{InputAxonKind, KernelSharing, OutputAxonKind, Target, ZeroWeights};

/// A random network with many zeros, of any kind of kernel, as the lowering gives it to a target that skips them.
fn network(random: &mut Random, target: &Target) -> SpikingIr {
    let mut ir = match random.between(0, 3) {
        0 | 1 => common::network(random, target),
        2 => common::wide_network(random, target),
        _ => common::irregular_network(random, target),
    };
    zeros::thin_out(&mut ir, random.next());
    for projection in ir.projections.values_mut() {
        if let Connectivity::Sparse(lists) = &projection.connectivity {
            projection.connectivity = Connectivity::Sparse(lists.without_zeros());
        }
    }
    ir
}

/// A random target with room, which skips zeros.
fn target(random: &mut Random, neurons: u32) -> Target {
    let mut target = common::target(random, neurons);
    (target.core.input_axons.0, target.core.output_axons.0) = (1 << 20, 1 << 20);
    target.core.synapse_memory_bits.0 = 1 << 40;
    target.core.threshold_profiles = None;
    zeros::skip(&mut target, random.between(1, 6) as u32);
    target
}

/// The same program on a chip that stores zeros.
fn storing(program: &Program) -> Program {
    let mut program = program.clone();
    program.target.synapses.zero_weights.0 = ZeroWeights::Stored;
    program
}

#[test]
fn operations_are_those_of_the_other_weights_on_every_path() {
    let (mut skipped, mut left) = (0, 0);
    cases(60, 900, |random| {
        let target = target(random, 1024);
        let ir = network(random, &target);
        let input = common::input(random, &ir);
        let neurons_max = [None, Some(random.between(16, 200) as u32)][random.between(0, 1)];
        let search = SearchOptions { neurons_max, ..SearchOptions::default() };
        let program = map(&ir, &target, CompileOptions { search, ..CompileOptions::fewest_cores() }).unwrap();
        agree(&ir, &program, &input);
        let [without, with] = [program.clone(), storing(&program)].map(|program| {
            let chip = Chip::new(program);
            chip.run(NetworkId(0), &input).unwrap()
        });
        assert_eq!((&without.readouts, &without.traces), (&with.readouts, &with.traces));
        let truth = oracle::run(&ir, NetworkId(0), &input);
        let zeros: u64 = truth.values().map(|trace| trace.zero_operations).sum();
        let operations = |outcome: &snnc_simulator::execute::PassOutcome| -> u64 {
            let events = outcome.counts.steps.iter().flat_map(|step| &step.events);
            events.map(|events| events.synaptic_operations).sum()
        };
        assert_eq!(operations(&with) - operations(&without), zeros);
        skipped += zeros;
        left += operations(&without);
    });
    assert!(skipped > 50_000 && left > 50_000, "{skipped} skipped, {left} left");
}

#[test]
fn networks_with_cycles_skip_zeros_too() {
    let mut skipped = 0;
    cases(20, 901, |random| {
        let mut target = common::target(random, 60);
        target.core.threshold_profiles = None;
        zeros::skip(&mut target, 3);
        let mut ir = common::recurrent_network(random, &target, true);
        zeros::thin_out(&mut ir, random.next());
        let input = common::input(random, &ir);
        let program = map(&ir, &target, CompileOptions::fewest_cores()).unwrap();
        agree(&ir, &program, &input);
        let truth = oracle::run(&ir, NetworkId(0), &input);
        skipped += truth.values().map(|trace| trace.zero_operations).sum::<u64>();
    });
    assert!(skipped > 1_000, "{skipped}");
}

/// Synapse memory of all cores.
fn bits(program: &Program, sharing: KernelSharing) -> u64 {
    let mut program = program.clone();
    program.target.synapses.kernel_sharing.0 = sharing;
    program.chip_cores().map(|(core, _)| program.core_use(core).get(Limit::SynapseMemory)).sum()
}

#[test]
fn memory_holds_the_other_weights() {
    let mut saved = 0;
    cases(40, 902, |random| {
        let target = target(random, 400);
        let ir = network(random, &target);
        let program = map(&ir, &target, CompileOptions::fewest_cores()).unwrap();
        let each = u64::from(target.synapses.weight_bits.0 + target.synapses.index_bits.0);
        // Without sharing each synapse is stored once, whatever the mapping: counted tap by tap, from the spiking IR.
        let mut unrolled = 0;
        for projection in ir.projections.values() {
            match &projection.connectivity {
                Connectivity::Sparse(lists) => unrolled += lists.weights.iter().filter(|&&w| w != 0).count(),
                Connectivity::Conv(conv) => {
                    for (y, x) in
                        (0..conv.map.rows.input).flat_map(|y| (0..conv.map.cols.input).map(move |x| (y, x)))
                    {
                        let taps = conv.map.rows.reach(y, 0..conv.map.rows.output);
                        for (_, ky) in taps {
                            for (_, kx) in conv.map.cols.reach(x, 0..conv.map.cols.output) {
                                let rows = conv.kernel.channels.sources().map(|c| conv.kernel.row(c, ky, kx));
                                unrolled += rows.flatten().filter(|&&weight| weight != 0).count();
                            }
                        }
                    }
                }
            }
        }
        assert_eq!(bits(&program, KernelSharing::Unshared), unrolled as u64 * each);
        let [ideal, variants, unshared] =
            [KernelSharing::Ideal, KernelSharing::PerVariant, KernelSharing::Unshared]
                .map(|sharing| (bits(&program, sharing), bits(&storing(&program), sharing)));
        assert!(ideal.0 <= variants.0 && variants.0 <= unshared.0);
        for (without, with) in [ideal, variants, unshared] {
            assert!(without <= with);
            saved += with - without;
        }
        // Weights of a core, each once.
        let stored = |core: CoreId| program.cores[core].weights.iter().filter(|&weight| weight != 0).count();
        let once: usize = program.chip_cores().map(|(core, _)| stored(core)).sum();
        assert_eq!(ideal.0, once as u64 * each);
    });
    assert!(saved > 1 << 20, "{saved} bits");
}

#[test]
fn the_search_foresees_the_memory_of_each_core() {
    let mut shared = 0;
    cases(60, 903, |random| {
        let seed = random.next();
        let mut target = common::target(random, 1024);
        target.core.neurons.0 = random.between(20, 300) as u32;
        target.synapses.header_bits_per_list.0 = random.between(0, 9) as u32;
        zeros::skip(&mut target, random.between(1, 6) as u32);
        if random.one_in(2) {
            target.axons.output.0 = OutputAxonKind::Discrete;
        }
        if random.one_in(3) {
            target.axons.input.0 = InputAxonKind::Discrete;
        }
        let mut ir = common::network(random, &target);
        zeros::thin_out(&mut ir, seed);
        let objective = [Objective::Cores, Objective::Packets, Objective::Time][random.between(0, 2)];
        let options = SearchOptions { objective, ..SearchOptions::default() };
        let found = search(&ir, &target, &Rates::default(), options).unwrap();
        let cores = found.partition.cores.len();
        let place = |traffic: &_| Ok(place(cores, traffic, &target, PlaceOptions::default())?);
        let program = assemble(&ir, &target, &found.partition, place).unwrap();
        for (core, use_) in found.uses.iter() {
            let bits = program.core_use(core).get(Limit::SynapseMemory);
            assert_eq!(bits, use_.get(Limit::SynapseMemory), "seed {seed} {core}");
            shared += usize::from(program.cores[core].slices.len() > 1);
        }
    });
    assert!(shared > 20, "{shared} cores with several slices");
}

#[test]
fn a_core_holds_more_of_a_layer_that_has_zeros() {
    let (mut cores, mut with_zeros) = (0, 0);
    for seed in 0..12 {
        let mut random = Random::seeded(seed);
        let mut target = target(&mut random, 1024);
        target.synapses.kernel_sharing.0 = KernelSharing::PerVariant;
        let mut ir = common::wide_network(&mut random, &target);
        zeros::thin_out(&mut ir, seed);
        let whole = map(&ir, &target, CompileOptions::fewest_cores()).unwrap();
        target.core.synapse_memory_bits.0 = bits(&whole, KernelSharing::PerVariant).max(64_000) / 3;
        let mut others = target.clone();
        others.synapses.zero_weights.0 = ZeroWeights::Stored;
        let [skipping, storing] =
            [&target, &others].map(|target| map(&ir, target, CompileOptions::fewest_cores()).ok());
        let (Some(skipping), Some(storing)) = (skipping, storing) else { continue };
        cores += skipping.chip_cores().count();
        with_zeros += storing.chip_cores().count();
    }
    assert!(0 < cores && cores < with_zeros, "{cores} cores without zeros, {with_zeros} with them");
}

#[test]
fn packets_take_the_time_of_the_other_weights() {
    let (mut shorter, mut packets) = (0, 0);
    for seed in 0..40 {
        let (program, input) = timing::program(seed, |_, target| {
            zeros::skip(target, 4);
            target.timing.synaptic_operation.interval_ns.0 = 40.0;
        });
        let times = [program.clone(), storing(&program)].map(|program| {
            let chip = Chip::new(program);
            let outcome = chip.run(NetworkId(0), &input).unwrap();
            let (bound, _) = timed(&chip, &outcome, Fidelity::Analytic);
            let (cycle, record) = timed(&chip, &outcome, Fidelity::Cycle { every: 1 });
            for (a, c) in bound.steps.iter().zip(&cycle.steps) {
                assert!(c.total_ps >= a.total_ps, "seed {seed}: {c:?}");
            }
            packets += record.tally.total().time.packets.packets;
            (bound.total_ps(), cycle.total_ps())
        });
        let [without, with] = times;
        assert!(without.0 <= with.0, "seed {seed}: the bound of less work is no higher");
        shorter += usize::from(without.0 < with.0 && without.1 < with.1);
    }
    assert!(shorter > 10 && packets > 2_000, "{shorter} shorter, {packets} packets");
}
