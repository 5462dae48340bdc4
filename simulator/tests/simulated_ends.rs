//! Simulated times at the ends of ranges are those of chips that have these values: random networks and meshes, every
//! constant of time with a range.

use crate::common::timing;
use snnc_compiler::ir::NetworkId;
use snnc_simulator::charge::{Meter, OtherTime};
use snnc_simulator::execute::Chip;
use snnc_simulator::time::Fidelity;
use snnc_targets::schema::{Provenance, RoutingScheme, TimeRange};
use snnc_targets::time_ranges::RangeKnown;

/// Every constant of time between half its value and twice it, and 3 more; depths of whole places.
fn give_ranges(target: &mut snnc_targets::Target) {
    let (mut own, mut network) = (Vec::new(), Vec::new());
    for constant in target.time_constants() {
        let low = if constant.is_depth() { (constant.value / 2.0).ceil() } else { constant.value / 2.0 };
        let (constant, high) = (constant.name, 2.0 * constant.value + 3.0);
        let source = Provenance::Assumed("a test".into());
        match constant.strip_prefix("network.") {
            Some(field) => network.push(TimeRange { constant: field.into(), low, high, source }),
            None => own.push(TimeRange { constant, low, high, source }),
        }
    }
    target.timing.ranges = own;
    target.network.as_mut().unwrap().ranges = network;
}

#[test]
fn each_end_is_simulated_as_a_chip_that_has_it() {
    let (mut moved, mut several) = (0, 0);
    for seed in 0..24 {
        let (program, input) = timing::program(seed, |random, target| {
            if random.one_in(3) {
                target.topology.routing.0 = RoutingScheme::Multicast { table_entries: None };
                target.network.as_mut().unwrap().flits_per_packet.0 = 1;
            }
            give_ranges(target);
        });
        several += usize::from(program.topology().chips > 1);
        let chip = Chip::new(program);
        let outcome = chip.run(NetworkId(0), &input).unwrap();
        let fidelity = Fidelity::Cycle { every: 1 + seed as u32 % 3 };
        let meter = Meter::with_ends(&chip.program, &chip.table, fidelity, true).unwrap();
        let mut record = meter.record();
        let nominal = meter.add_pass(&mut record, 0, &outcome.counts, &outcome.traces).unwrap().total_ps();
        let bounds = chip.program.target.at_time_bounds();
        assert_eq!(meter.other_times().len(), 2 + 2 * chip.program.target.time_constants().len());
        for (index, (other, &found)) in meter.other_times().iter().zip(&record.at_other_times_ps).enumerate()
        {
            // All of them take long: the first ones, and then some of every kind.
            if index > 2 && !(index + seed as usize).is_multiple_of(7) {
                continue;
            }
            let end = |name: &String, end: usize| {
                let RangeKnown::Ends(range) = chip.program.target.time_range(name) else { panic!("{name}") };
                chip.program.target.at_time_ends(name, range)[end].clone()
            };
            let mut alone = (*chip.program).clone();
            alone.target = match other {
                OtherTime::Lowest => bounds[0].clone(),
                OtherTime::Highest => bounds[1].clone(),
                OtherTime::LowestOf(name) => end(name, 0),
                OtherTime::HighestOf(name) => end(name, 1),
            };
            let meter = Meter::new(&alone, &chip.table, fidelity).unwrap();
            let expected =
                meter.add_pass(&mut meter.record(), 0, &outcome.counts, &outcome.traces).unwrap().total_ps();
            assert_eq!(found, u128::from(expected), "seed {seed}, {other:?}");
            moved += usize::from(expected != nominal);
        }
    }
    assert!(moved > 50 && several > 0, "{moved} {several}");
}
