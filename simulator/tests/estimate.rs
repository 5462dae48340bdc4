//! What the mapping expects a pass to take is what the simulator's bottleneck formula says of it, if the spikes
//! expected are those that come: two computations, from routes and from counted events.

mod common;

use common::timing;
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::Program;
use snnc_compiler::mapping::Activity;
use snnc_compiler::mapping::estimate::estimate;
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_simulator::time::Fidelity;
use snnc_targets::schema::RoutingScheme;

/// The spikes of a pass, by timestep and position.
fn recorded(chip: &Chip, outcome: &PassOutcome) -> Activity {
    let model = &chip.program.model;
    let spikes = model.populations.iter().map(|(id, population)| {
        let (positions, channels) = (population.shape.positions(), population.shape.channels);
        let steps = chip.spikes(outcome, id);
        let at = |step: &Vec<bool>, position: usize| {
            (0..channels).filter(|channel| step[channel * positions + position]).count() as f32
        };
        let all = steps.iter().flat_map(|step| (0..positions).map(move |position| at(step, position)));
        all.collect::<Vec<f32>>()
    });
    Activity::recorded(model, spikes.collect(), model.networks.values().map(|_| 1.0).collect())
}

/// Expected and simulated seconds of a pass, host transfers left out; and whether every slice has all channels of its
/// positions. Of others it is not known which channels fire, so spikes are shared out evenly.
fn both((program, input): (Program, Vec<f64>)) -> (f64, f64, bool) {
    let chip = Chip::new(program);
    let outcome = chip.run(NetworkId(0), &input).unwrap();
    let cores = chip.program.cores.len();
    let expected = estimate(&chip.program, &recorded(&chip, &outcome), cores).unwrap();
    let (time, _) = timing::timed(&chip, &outcome, Fidelity::Analytic);
    let simulated: u64 = time.steps.iter().map(|step| step.total_ps).sum();
    assert!(expected.time_least_s <= expected.time_s * (1.0 + 1e-9));
    let populations = &chip.program.model.populations;
    let mut slices = chip.program.cores.values().flat_map(|core| &core.slices).map(|placed| &placed.slice);
    let whole = slices.all(|slice| slice.atoms() as usize == populations[slice.population].shape.channels);
    (expected.time_s, simulated as f64 / 1e12, whole)
}

#[test]
fn expected_time_is_simulated_time_if_expected_spikes_come() {
    let mut exact = 0;
    for seed in 0..80 {
        let program = timing::program(seed, |random, target| {
            // What is expected does not tell neurons with input from those without.
            target.timing.neuron_update_inactive = target.timing.neuron_update_active.clone();
            target.network.as_mut().unwrap().flits_per_packet.0 = random.between(1, 4) as u32;
            if random.one_in(3) {
                target.topology.routing.0 = RoutingScheme::Multicast { table_entries: None };
            }
        });
        let (expected, simulated, whole) = both(program);
        let off = (expected / simulated - 1.0).abs();
        assert!(off < if whole { 1e-6 } else { 0.25 }, "seed {seed}: {expected} {simulated}");
        exact += usize::from(off < 1e-6 && simulated > 1e-6);
    }
    // Where the busiest unit does not hang on which channels fire, expected is simulated all the same.
    assert!(exact > 30, "{exact} passes that take more than a microsecond");
}
