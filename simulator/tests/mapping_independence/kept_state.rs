//! Passes that go on from each other are one long pass: the oracle knows nothing of them and runs that.

use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::place::PlaceOptions;
use snnc_simulator::counts::{Events, Grain};
use snnc_simulator::execute::{Carry, Chip, KernelChoice, PassOutcome, oracle};
use snnc_simulator::workload::{ChipDriver, Driver};

use super::common::random::cases;
use super::common::{self, parts};

const NET: NetworkId = NetworkId(0);
const PASSES: u32 = 3;

/// What a run of several passes gave: spikes and membranes of each population of neurons, and all events.
struct Chained {
    spikes: Vec<Vec<Vec<bool>>>,
    membranes: Vec<Vec<Vec<i32>>>,
    events: Events,
}

/// Runs passes on their inputs, each from the state that the one before it left.
fn chained(chip: &Chip, neurons: &[PopulationId], inputs: &[Vec<f64>]) -> Chained {
    let nothing = || vec![Vec::new(); neurons.len()];
    let mut all =
        Chained { spikes: nothing(), membranes: vec![Vec::new(); neurons.len()], events: Events::default() };
    let mut kept = Carry::kept();
    for input in inputs {
        let mut sent_and_received = [0; 2];
        let mut observe = |outcome: &PassOutcome| {
            for (at, &id) in neurons.iter().enumerate() {
                all.spikes[at].extend(chip.spikes(outcome, id));
                all.membranes[at].extend(chip.membranes(outcome, id));
            }
            for events in outcome.counts.steps.iter().flat_map(|step| &step.events) {
                all.events += *events;
                sent_and_received[0] += events.packets_sent;
                sent_and_received[1] += events.packets_received;
            }
        };
        ChipDriver::keeping(chip, Some(&mut kept), (Grain::Timestep, &mut observe), |driver| {
            driver.pass(NET, input).unwrap()
        });
        assert_eq!(sent_and_received[0], sent_and_received[1], "a pass receives what it sends");
    }
    all
}

/// Passes of a program, in parts of `steps` timesteps, against the oracle's long pass; the spikes and how many of them
/// acted in a later pass.
fn agrees(ir: &SpikingIr, program: &Program, inputs: &[Vec<f64>], steps: u32) -> (u64, usize) {
    let model = &ir.model;
    let long = parts::longer(ir.clone(), (PASSES - 1) * model.networks[NET].timesteps);
    // Spikes one pass after the other; a constant input is that of all passes.
    let all = if model.port_of(NET).is_some() { inputs.concat() } else { inputs[0].clone() };
    let truth = oracle::run(&long, NET, &all);
    let fires = |id: &PopulationId| model.populations[*id].dynamics.fires();
    let neurons: Vec<PopulationId> = truth.keys().copied().filter(fires).collect();
    for rows in [true, false] {
        let choice = KernelChoice { rows, ..KernelChoice::default() };
        let chip = Chip::with(program.clone(), choice).watching(&neurons).in_parts(steps);
        let found = chained(&chip, &neurons, inputs);
        for (at, id) in neurons.iter().enumerate() {
            assert!(found.spikes[at] == truth[id].spikes, "spikes of {id}");
            assert_eq!(found.membranes[at].last().unwrap(), &truth[id].membranes, "membranes of {id}");
        }
        let sum = |of: fn(&Events) -> u64| truth.values().map(|trace| of(&trace.events)).sum::<u64>();
        assert_eq!(found.events.spikes, sum(|events| events.spikes));
        assert_eq!(found.events.synaptic_operations, sum(|events| events.synaptic_operations));
    }
    // In the long pass a spike of the last timestep of a sample acts in the next; it must for the test to mean much.
    let across = ir.projections.values().filter(|projection| {
        let [from, to] = [projection.source, projection.target].map(|id| &model.populations[id]);
        from.window.end() + projection.delay > to.window.end() && to.dynamics.fires()
    });
    (sum_of_spikes(&truth), across.count())
}

fn sum_of_spikes(truth: &std::collections::BTreeMap<PopulationId, oracle::PopulationTrace>) -> u64 {
    truth.values().map(|trace| trace.events.spikes).sum()
}

#[test]
fn passes_that_keep_their_state_are_one_long_pass() {
    let (mut fired, mut across) = (0, 0);
    cases(24, 900, |random| {
        let target = common::target(random, 1024);
        let mut target = common::with_all_models(random, target);
        target.core.neurons.0 = random.between(60, 300) as u32;
        target.core.threshold_profiles = None;
        let ir = if random.one_in(4) {
            common::network(random, &target)
        } else {
            let irregular = random.one_in(2);
            common::recurrent_network(random, &target, irregular)
        };
        let ir = common::with_other_neurons(random, &target, ir);
        let mut inputs: Vec<Vec<f64>> = (0..PASSES).map(|_| common::input(random, &ir)).collect();
        if ir.model.port_of(NET).is_none() {
            let first = inputs[0].clone();
            inputs.fill(first);
        }
        let place = PlaceOptions { seed: 1, effort: Effort::Fast };
        let program = map(&ir, &target, CompileOptions { place, ..CompileOptions::default() }).unwrap();
        for (threads, steps) in [(1, 0), (2, 0), (2, 1), (1, 2)] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (spikes, late) = pool.install(|| agrees(&ir, &program, &inputs, steps));
            (fired, across) = (fired + spikes, across + late);
        }
    });
    assert!(fired > 5_000 && across > 50, "{fired} spikes, {across} projections across passes");
}
