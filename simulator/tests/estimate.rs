//! What the mapping expects a pass to take is what the simulator's bottleneck formula says of it, if the spikes
//! expected are those that come: two computations, from routes and from counted events.

use crate::common::{self, timing};
use snnc_compiler::driver::{CompileOptions, MappingInputs, map_estimated};
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::mapping::Activity;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::estimate::estimate;
use snnc_compiler::mapping::partition::search::{Objective, SearchOptions};
use snnc_simulator::counts::Events;
use snnc_simulator::execute::{Chip, PassOutcome, plain};
use snnc_simulator::time::Fidelity;
use snnc_targets::Target;
use snnc_targets::schema::{CorePath, KernelSharing, Provenance, RoutingScheme, Sourced};

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
            let said = |serial| Some(Sourced(serial, Provenance::Assumed("a test".into())));
            if random.one_in(2) {
                target.timing.receive_path = said(CorePath::Serial);
                target.timing.send_path = said(CorePath::Serial);
            }
            target.neuron.gated = Some(Sourced(random.one_in(2), Provenance::Assumed("a test".into())));
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

#[test]
fn a_chip_that_cannot_gate_visits_every_neuron_in_every_timestep() {
    let mut visits = 0;
    for seed in 0..12 {
        let (program, input) = timing::program(seed, |_, _| ());
        let mut ungated = program.clone();
        ungated.target.neuron.gated = Some(Sourced(false, Provenance::Assumed("a test".into())));
        let [gated, ungated] = [program, ungated].map(Chip::new);
        let [with, without] = [&gated, &ungated].map(|chip| chip.run(NetworkId(0), &input).unwrap());
        assert_eq!((&with.traces, &with.readouts), (&without.traces, &without.readouts));
        let by_packets = plain::run(&ungated, NetworkId(0), &input);
        for (step, (a, b)) in with.counts.steps.iter().zip(&without.counts.steps).enumerate() {
            assert_eq!(b.events, by_packets.events[step], "seed {seed}");
            for (slice, (a, b)) in a.events.iter().zip(&b.events).enumerate() {
                let placed = ungated.table.slice(&ungated.program, slice);
                if ungated.program.is_port(ungated.table.cores[slice]) {
                    continue;
                }
                assert_eq!(b.updates_active + b.updates_inactive, u64::from(placed.slice.neurons()));
                visits += b.updates_inactive - a.updates_inactive;
                assert_eq!(Events { updates_inactive: a.updates_inactive, ..*b }, *a);
            }
        }
    }
    assert!(visits > 1_000, "{visits}");
}

/// Expected energy of a mapping, and whether it cuts kernels.
fn mapped(ir: &SpikingIr, target: &Target, search: SearchOptions) -> Option<(f64, bool)> {
    let mut options = CompileOptions { search, ..CompileOptions::fewest_cores() };
    options.place.effort = Effort::Fast;
    let (program, estimate) = map_estimated(ir, target, options, &MappingInputs::default()).ok()?;
    Some((estimate?.energy_j, !program.kernel_parts.is_empty()))
}

#[test]
fn cut_kernels_pay_for_their_packets_where_axons_cost() {
    let (mut cut, mut whole) = (0, 0);
    for seed in 0..40 {
        let mut random = common::Random::seeded(seed);
        let mut target = common::target(&mut random, 256);
        target.synapses.kernel_sharing.0 = KernelSharing::PerVariant;
        target.core.threshold_profiles = None;
        target.core.synapse_memory_bits.0 = 1 << 15;
        target.energy.axon_out_pj.0 = 5_000.0;
        target.energy.ranges.clear();
        let ir = common::network(&mut random, &target);
        let energy = SearchOptions { objective: Objective::Energy, ..SearchOptions::default() };
        let Some((best, _)) = mapped(&ir, &target, energy) else { continue };
        let fewest = mapped(&ir, &target, SearchOptions::default());
        cut += usize::from(fewest.is_some_and(|(_, cut)| cut));
        let uncut = mapped(&ir, &target, SearchOptions { whole_kernels: true, ..energy });
        if let Some((uncut, parts)) = uncut {
            assert!(
                !parts && best <= uncut * (1.0 + 1e-9),
                "seed {seed}: {best} J, {uncut} J with whole kernels"
            );
            whole += 1;
        }
    }
    assert!(cut > 1 && whole > 10, "{cut} mappings cut kernels, {whole} fit with whole ones");
}
