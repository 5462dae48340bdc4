//! What must follow from a change whose effect is known, over random networks on random meshes: twice the prices cost
//! twice as much, other places of the same cores change only hops, larger buffers do not slow what never waits, and all
//! sums of a bill are one.
//!
//! `METAMORPHIC_CASES=10000 cargo test --release -p snnc-simulator --test metamorphic` runs as many networks; a failure
//! names its seed, which makes the same case again.

use crate::common;
use crate::common::timing::{self, timed};
use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::Program;
use snnc_compiler::mapping::effort::Effort;
use snnc_simulator::charge::Meter;
use snnc_simulator::execute::Chip;
use snnc_simulator::time::Fidelity;
use snnc_targets::schema::{Provenance, Sourced};
use snnc_targets::{EnergyComponent, EnergyEvent, StaticPower};

/// Seeds of the cases.
fn seeds() -> std::ops::Range<u64> {
    let count =
        std::env::var("METAMORPHIC_CASES").map_or(24, |count| count.parse().expect("a number of cases"));
    4_000..4_000 + count
}

/// The program with all its prices times `factor`; they are whole quarters of a unit before.
fn priced(program: &Program, factor: f64) -> Program {
    let mut program = program.clone();
    let given = |value: f64| Sourced(value * factor, Provenance::Assumed("a test".into()));
    let energy = &mut program.target.energy;
    energy.ranges.clear();
    for (i, event) in (1u32..).zip(EnergyEvent::ALL) {
        event.set_constant(energy, given(f64::from(i * 7 % 13 + 1) * 0.25));
    }
    for (i, power) in (1u32..).zip(StaticPower::ALL) {
        power.set_constant(energy, given(f64::from(i) * 0.25));
    }
    program
}

#[test]
fn twice_the_prices_cost_twice_as_much() {
    let mut charged = 0;
    for seed in seeds() {
        let (program, input) = timing::program(seed, |_, _| ());
        let bill = |factor| {
            let chip = Chip::new(priced(&program, factor));
            let outcome = chip.run(NetworkId(0), &input).unwrap();
            timed(&chip, &outcome, Fidelity::Analytic).1.ledger.total()
        };
        let (once, twice) = (bill(1.0), bill(2.0));
        assert_eq!(twice.dynamic(), 2 * once.dynamic(), "seed {seed}");
        // Each power is rounded down once a pass, and there is one pass.
        let statics = [&once, &twice].map(|total| total[EnergyComponent::Static]);
        let lost = statics[1] - 2 * statics[0];
        assert!(lost <= StaticPower::ALL.len() as u128, "seed {seed}: {statics:?}");
        charged += once.dynamic();
    }
    assert!(charged > 0, "nothing was charged");
}

#[test]
fn all_sums_of_a_bill_are_one() {
    for seed in seeds() {
        let (program, input) = timing::program(seed, |_, _| ());
        let chip = Chip::new(priced(&program, 1.0));
        let outcome = chip.run(NetworkId(0), &input).unwrap();
        for fidelity in [Fidelity::None, Fidelity::Analytic, Fidelity::Cycle { every: 1 }] {
            let (meter, total) =
                (Meter::new(&chip.program, &chip.table, fidelity).unwrap(), |sums: Vec<u128>| {
                    sums.iter().sum::<u128>()
                });
            let mut record = meter.record();
            meter.add_pass(&mut record, 0, &outcome.counts, &outcome.traces);
            let ledger = &record.ledger;
            let (cores, layers) = (program.cores.len(), program.model.populations.len());
            let sums = [
                total(ledger.by_slice().iter().map(|b| b.total()).collect()),
                total(ledger.by_iteration().iter().map(|b| b.total()).collect()),
                total(ledger.by_core(&chip.table, cores).values().map(|b| b.total()).collect()),
                total(ledger.by_population(&chip.table, layers).values().map(|b| b.total()).collect()),
                total(ledger.total().iter().map(|(_, attojoules)| attojoules).collect()),
                total(
                    (EnergyEvent::ALL.iter().map(|&event| record.charged.event_aj(meter.prices(), event)))
                        .chain(StaticPower::ALL.iter().map(|&power| record.charged.static_aj(power)))
                        .collect(),
                ),
            ];
            assert_eq!(sums, [ledger.total().total(); 6], "seed {seed}, {fidelity}");
        }
    }
}

#[test]
fn other_places_of_the_same_cores_change_only_hops() {
    let (mut moved, mut events) = (0, 0);
    for seed in seeds() {
        let mut random = common::Random::seeded(seed);
        let target = common::target(&mut random, 48);
        let ir = common::network(&mut random, &target);
        let input = common::input(&mut random, &ir);
        let [first, second] = [1, 2].map(|place_seed| {
            let mut options = CompileOptions::fewest_cores();
            (options.place.seed, options.place.effort) = (place_seed, Effort::Fast);
            let mut program = map(&ir, &target, options).unwrap();
            program.target.energy.ranges.clear();
            let chip = Chip::new(program);
            let outcome = chip.run(NetworkId(0), &input).unwrap();
            let (_, record) = timed(&chip, &outcome, Fidelity::Analytic);
            (chip.program.sites.clone(), outcome.readouts, record.tally.total().slices)
        });
        moved += usize::from(first.0 != second.0);
        assert_eq!(first.1, second.1, "seed {seed}");
        let placed = [EnergyEvent::HopEastWest, EnergyEvent::HopNorthSouth, EnergyEvent::HopChip];
        for (a, b) in first.2.iter().zip(&second.2) {
            for event in EnergyEvent::ALL.into_iter().filter(|event| !placed.contains(event)) {
                assert_eq!(a.events[event], b.events[event], "seed {seed}, {event:?}");
                events += a.events[event];
            }
        }
    }
    assert!(moved > 3 && events > 1_000, "{moved} programs lie elsewhere, {events} events");
}

#[test]
fn larger_buffers_do_not_slow_timesteps_in_which_no_packet_waits() {
    let (mut compared, mut packets) = (0, 0);
    for seed in seeds() {
        let run = |factor: u32| {
            let (program, input) = timing::program(seed, |_, target| {
                let network = target.network.as_mut().unwrap();
                for size in [
                    &mut network.buffer_flits,
                    &mut network.chip_buffer_flits,
                    &mut network.spike_queue_spikes,
                    &mut network.axon_in_queue_packets,
                    &mut network.synapse_queue_packets,
                ] {
                    size.0 *= factor;
                }
            });
            let chip = Chip::new(program);
            let outcome = chip.run(NetworkId(0), &input).unwrap();
            timed(&chip, &outcome, Fidelity::Cycle { every: 1 }).0
        };
        let (small, large) = (run(1), run(4));
        assert_eq!(small.steps.len(), large.steps.len(), "seed {seed}");
        for (step, (a, b)) in small.steps.iter().zip(&large.steps).enumerate() {
            let (Some(before), Some(after)) = (&a.simulated, &b.simulated) else {
                panic!("seed {seed}: every timestep is simulated");
            };
            let waits = before.packets.sum > before.zero_load_ps
                || before.neurons_stopped_ps > 0
                || before.makers_stopped_ps > 0;
            if !waits {
                assert!(b.total_ps <= a.total_ps, "seed {seed}, step {step}: {before:?}, {after:?}");
                compared += 1;
                packets += before.packets.packets;
            }
        }
    }
    assert!(
        compared > 20 && packets > 20,
        "{compared} timesteps without contention, {packets} packets in them"
    );
}
