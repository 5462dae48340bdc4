//! Two networks on the same cores: each runs as if the other were not there, and pays for nothing of it.

use snnc_compiler::driver::assemble;
use snnc_compiler::ir::program::{Core, Program, Slice};
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_compiler::mapping::Placement;
use snnc_compiler::mapping::partition::Partition;
use snnc_simulator::counts::Events;
use snnc_simulator::execute::{Chip, PassOutcome, oracle, plain};
use snnc_simulator::time::Fidelity;
use snnc_targets::{Site, Target};

use super::common::random::cases;
use super::common::{self, Random, timing};
use super::partitions::scattered_partition;

/// Both networks as one model; populations of the second are numbered behind those of the first.
fn joined(first: &SpikingIr, second: &SpikingIr) -> SpikingIr {
    let mut ir = first.clone();
    let behind = first.model.populations.len() as u32;
    let moved = |id: PopulationId| PopulationId(id.0 + behind);
    for network in second.model.networks.values() {
        let mut network = network.clone();
        network.name.push_str("_too");
        ir.model.networks.push(network);
    }
    for population in second.model.populations.values() {
        let mut population = population.clone();
        population.network = NetworkId(1);
        ir.model.populations.push(population);
    }
    for input in &second.model.inputs {
        let mut input = input.clone();
        input.population = moved(input.population);
        ir.model.inputs.push(input);
    }
    for readout in &second.model.readouts {
        let mut readout = readout.clone();
        readout.population = moved(readout.population);
        ir.model.readouts.push(readout);
    }
    for projection in second.projections.values() {
        let mut projection = projection.clone();
        (projection.source, projection.target) = (moved(projection.source), moved(projection.target));
        ir.projections.push(projection);
    }
    ir.verify().unwrap();
    ir
}

/// The slices of two partitions on the same cores: core c has those of both cores c.
fn on_top(first: &Partition, second: &Partition, behind: usize) -> Partition {
    let mut cores: Vec<Vec<Slice>> = first.cores.values().cloned().collect();
    cores.resize(first.cores.len().max(second.cores.len()), Vec::new());
    for (core, slices) in cores.iter_mut().zip(second.cores.values()) {
        core.extend(slices.iter().cloned().map(|mut slice| {
            slice.population.0 += behind as u32;
            slice
        }));
    }
    Partition { cores: cores.into(), ..Partition::default() }
}

/// Built with core c at site c.
fn built(ir: &SpikingIr, target: &Target, partition: &Partition) -> Chip {
    let place = |_: &_| {
        let sites: Vec<Site> = (0..partition.cores.len() as u32).map(Site).collect();
        Ok(Placement { chips: 1, sites: sites.into() })
    };
    Chip::new(assemble(ir, target, partition, place).unwrap())
}

/// A target on which anything fits and whose tiles have a core each.
fn roomy(random: &mut Random) -> Target {
    let mut target = common::target(random, 1 << 20);
    (target.topology.mesh_columns.0, target.topology.mesh_rows.0) = (4, 4);
    (target.core.input_axons.0, target.core.output_axons.0) = (1 << 20, 1 << 20);
    target.core.synapse_memory_bits.0 = 1 << 40;
    target.core.threshold_profiles = None;
    target
}

/// What a pass on shared cores gives: spikes of the spiking IR, events of the oracle that walks the cores, nothing of
/// the network that does not run.
fn runs_alone(ir: &SpikingIr, chip: &Chip, network: NetworkId, input: &[f64]) -> PassOutcome {
    let truth = oracle::run(ir, network, input);
    let outcome = chip.run(network, input).unwrap();
    for (&population, trace) in &truth {
        assert_eq!(chip.spikes(&outcome, population), trace.spikes, "spikes of {population}");
    }
    let plain = plain::run(chip, network, input);
    for (step, events) in plain.events.iter().enumerate() {
        assert_eq!(outcome.counts.steps[step].events, *events, "events of step {step}");
    }
    for step in &outcome.counts.steps {
        for (slice, events) in step.events.iter().enumerate() {
            let own = ir.model.populations[chip.table.populations[slice]].network == network;
            assert!(own || *events == Events::default(), "slice {slice} of the other network: {events:?}");
        }
    }
    outcome
}

/// Cores with slices of both networks.
fn cores_of_two(program: &Program) -> usize {
    let network = |slice: &Slice| program.model.populations[slice.population].network;
    let of_two =
        |core: &&Core| core.slices.iter().any(|s| network(&s.slice) != network(&core.slices[0].slice));
    program.cores.values().filter(of_two).count()
}

#[test]
fn networks_that_share_cores_run_as_if_alone_and_pay_as_if_alone() {
    let (mut fired, mut shared) = (0, 0);
    cases(24, 700, |random| {
        let target = roomy(random);
        let irs = [common::network(random, &target), common::network(random, &target)];
        let inputs = [common::input(random, &irs[0]), common::input(random, &irs[1])];
        let partitions = [scattered_partition(random, &irs[0]), scattered_partition(random, &irs[1])];
        let both = joined(&irs[0], &irs[1]);
        let behind = irs[0].model.populations.len();
        let chip = built(&both, &target, &on_top(&partitions[0], &partitions[1], behind));
        shared += cores_of_two(&chip.program);
        for (index, input) in inputs.iter().enumerate() {
            let outcome = runs_alone(&both, &chip, NetworkId(index as u32), input);
            let alone = built(&irs[index], &target, &partitions[index]);
            let own = alone.run(NetworkId(0), input).unwrap();
            assert_eq!(outcome.readouts, own.readouts);
            let sum = |outcome: &PassOutcome| {
                let mut sum = Events::default();
                outcome.counts.steps.iter().flat_map(|step| &step.events).for_each(|&more| sum += more);
                sum
            };
            assert_eq!(sum(&outcome), sum(&own));
            let (time, _) = timing::timed(&chip, &outcome, Fidelity::Analytic);
            let (time_alone, _) = timing::timed(&alone, &own, Fidelity::Analytic);
            // The barrier spans the tiles of both.
            for (step, alone) in time.steps.iter().zip(&time_alone.steps) {
                assert_eq!(step.total_ps - step.barrier_ps, alone.total_ps - alone.barrier_ps);
            }
            fired += sum(&own).spikes;
        }
    });
    assert!(fired > 10_000 && shared > 40, "{fired} spikes, {shared} cores of two networks");
}
