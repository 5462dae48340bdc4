use snnc_targets::{EnergyComponent, EnergyEvent, LinkKind, StaticPower};

use super::*;
use crate::charge::{EnergyBreakdown, RunRecord};
use crate::counts::{Events, StepCounts};
use crate::noc::fixture::{program, random_pass, slice_table};

/// Three items of three passes, the last of another network.
fn run(fidelity: Fidelity) -> (Program, SliceTable, Vec<Vec<PassCounts>>, RunRecord) {
    let program = program();
    let table = slice_table(&program);
    let meter = Meter::new(&program, &table, fidelity).unwrap();
    let mut total = RunRecord::new(&meter);
    let images: Vec<Vec<PassCounts>> = (0..3)
        .map(|image| {
            (0..3).map(|i| random_pass(&program, &table, u32::from(i == 2), image * 3 + i)).collect()
        })
        .collect();
    for passes in &images {
        let mut record = meter.record();
        for (i, counts) in passes.iter().enumerate() {
            meter.add_pass(&mut record, i, counts, &[]);
        }
        total.push(&meter, &record);
    }
    (program, table, images, total)
}

fn steps(images: &[Vec<PassCounts>]) -> impl Iterator<Item = &StepCounts> {
    images.iter().flatten().flat_map(|pass| &pass.steps)
}

/// Sum of one event over everything.
fn sum(images: &[Vec<PassCounts>], of: fn(&Events) -> u64) -> u128 {
    steps(images).flat_map(|s| &s.events).map(|e| u128::from(of(e))).sum()
}

#[test]
fn components_are_counts_times_constants() {
    let (program, table, images, run) = run(Fidelity::Analytic);
    let total = run.total.ledger.total();
    assert_eq!(total[EnergyComponent::Synapse], sum(&images, |e| e.synaptic_operations) * 23_600_000);
    assert_eq!(
        total[EnergyComponent::Neuron],
        sum(&images, |e| e.updates_active) * 81_000_000
            + sum(&images, |e| e.updates_inactive) * 52_000_000
            + sum(&images, |e| e.spikes) * 7_000_000
    );
    assert_eq!(
        total[EnergyComponent::Axon],
        sum(&images, |e| e.packets_received) * 11_000_000 + sum(&images, |e| e.packets_sent) * 13_000_000
    );
    // Words, multiply-adds and a synchronisation of 9 passes.
    let pass = 16 * 832_000_000 + 8 * 17_000_000 + (23 + 5) * 19_000_000 + 1_009_000_000;
    assert_eq!(total[EnergyComponent::Host], 9 * pass);
    let topology = program.topology();
    let mut network = 0;
    for flow in steps(&images).flat_map(|s| &s.flows) {
        let (from, to) = (program.sites[table.cores[flow.source as usize]], program.sites[flow.target]);
        let hops: u128 = topology
            .path(from, to)
            .map(|(_, kind)| match kind {
                LinkKind::EastWest => 3_000_000,
                LinkKind::NorthSouth => 4_000_000,
                LinkKind::Chip => 832_000_000,
            })
            .sum();
        network += u128::from(flow.packets) * (hops + 1_700_000);
    }
    assert_eq!(total[EnergyComponent::Network], network);
    // 3 chips of 128 cores at 412.5 uW and 128 KiB at 3.125 uW, and one without neurons at 29 mW.
    let power = 3 * 104_000 + 29_000;
    assert_eq!(total[EnergyComponent::Static], power * run.total.tally.total().time.total_ps);
    let statics = StaticPower::ALL.map(|power| run.total.charged.static_aj(power));
    let time = run.total.tally.total().time.total_ps;
    let cores = 384 * 412 * time + 192 * time;
    assert_eq!(statics, [0, cores, 384 * 400 * time, 0, 0, 29_000 * time, 0]);
}

#[test]
fn all_sums_equal_the_total() {
    let (program, table, _, run) = run(Fidelity::Analytic);
    let ledger = &run.total.ledger;
    let total = ledger.total();
    assert_ne!(total[EnergyComponent::Static], 0);
    let same =
        |breakdowns: Vec<EnergyBreakdown>| assert_eq!(breakdowns.into_iter().sum::<EnergyBreakdown>(), total);
    same(ledger.by_iteration());
    same(ledger.by_slice());
    same(ledger.by_core(&table, program.cores.len()).values().copied().collect());
    same(ledger.by_population(&table, program.model.populations.len()).values().copied().collect());
    same(run.items.iter().map(|item| item.breakdown()).collect());
    let (charged, prices) = (&run.total.charged, Prices::of(&program.target));
    let events: u128 = EnergyEvent::ALL.into_iter().map(|event| charged.event_aj(&prices, event)).sum();
    let statics: u128 = StaticPower::ALL.into_iter().map(|power| charged.static_aj(power)).sum();
    assert_eq!((events, statics), (total.dynamic(), total[EnergyComponent::Static]));
    assert_eq!(total.iter().map(|(_, aj)| aj).sum::<u128>(), total.total());
}

#[test]
fn tallies_are_the_sums_of_the_counts() {
    let (program, table, images, run) = run(Fidelity::Analytic);
    let tally = run.total.tally.total();
    let all = tally.total();
    assert_eq!(u128::from(all.events[EnergyEvent::NeuronSpike]), sum(&images, |e| e.spikes));
    assert_eq!(u128::from(all.accumulator_overflows), sum(&images, |e| e.accumulator_overflows));
    assert_eq!(all.events[EnergyEvent::TileDelivery], all.events[EnergyEvent::AxonOut]);
    assert_eq!((tally.passes, tally.timesteps, tally.bias_saturations), (vec![6, 3], 45, 9));
    assert_eq!((all.events[EnergyEvent::HostWrite], all.events[EnergyEvent::HostRead]), (9 * 16, 9 * 8));
    assert_eq!(tally.time.bounds.iter().sum::<u64>(), 45);
    let layers = run.total.tally.by_population(&table, program.model.populations.len());
    assert_eq!(layers.values().map(|l| l.hops()).sum::<u64>(), all.hops());
    assert_eq!(run.items.iter().map(|i| i.tally().hops()).sum::<u64>(), all.hops());
    assert_eq!(run.items.iter().map(|i| i.time_ps.unwrap()).sum::<u128>(), tally.time.total_ps);
    assert_eq!(run.total.host_macs, 6 * 4 * 9 * 2 * 4);
    assert_eq!(u128::from(run.total.paper_figure().accumulates), sum(&images, |e| e.synaptic_operations));
}

#[test]
fn timesteps_cost_what_their_passes_do_without_the_host() {
    let program = program();
    let table = slice_table(&program);
    let meter = Meter::new(&program, &table, Fidelity::Analytic).unwrap();
    let mut record = meter.record();
    let counts = random_pass(&program, &table, 0, 5);
    let time = meter.add_pass(&mut record, 0, &counts, &[]).unwrap();
    let total = record.ledger.total();
    let steps: u128 = record.timesteps.steps.iter().map(|step| step.energy_aj.unwrap()).sum();
    let static_pw: u128 = (3 * 104 + 29) * 1_000_000_000;
    let of = |ps: u64| static_pw * u128::from(ps) / 1_000_000;
    let in_steps: u128 = time.steps.iter().map(|step| of(step.own_ps())).sum();
    let events = total.dynamic() - total[EnergyComponent::Host];
    // The static energy of each timestep is rounded down by itself, once a power.
    let rounded = 4 * time.steps.len() as u128;
    assert!(
        steps <= events + in_steps && events + in_steps <= steps + rounded,
        "{steps} {events} {in_steps}"
    );
    assert!(events > 0 && in_steps > 0);
    let spikes: Vec<u64> = counts.steps.iter().map(|s| s.events.iter().map(|e| e.spikes).sum()).collect();
    assert_eq!(record.timesteps.spikes, spikes);
    let mut twice = record.timesteps.clone();
    twice.merge(&record.timesteps);
    assert_eq!(twice.spikes, spikes.iter().map(|spikes| 2 * spikes).collect::<Vec<_>>());
}

#[test]
fn without_a_time_only_the_static_energy_is_missing() {
    let (.., timed) = run(Fidelity::Analytic);
    let (.., untimed) = run(Fidelity::None);
    let (with, without) = (timed.total.ledger.total(), untimed.total.ledger.total());
    assert_eq!((without[EnergyComponent::Static], without.total()), (0, with.dynamic()));
    assert_eq!(untimed.items[0].time_ps, None);
    assert_eq!(untimed.total.tally.total().slices, timed.total.tally.total().slices);
}

#[test]
fn items_add_up_in_any_order() {
    let program = program();
    let table = slice_table(&program);
    let meter = Meter::new(&program, &table, Fidelity::Analytic).unwrap();
    let image = |seed| {
        let mut record = meter.record();
        meter.add_pass(&mut record, 0, &random_pass(&program, &table, 0, seed), &[]);
        record
    };
    let add = |order: [u32; 3]| {
        let mut run = RunRecord::new(&meter);
        order.iter().for_each(|&seed| run.push(&meter, &image(seed)));
        run.total
    };
    assert_eq!(add([1, 2, 3]), add([3, 1, 2]));
}

#[test]
fn the_ledgers_of_the_ends_add_up_and_enclose_the_nominal_one() {
    let (program, table, images, run) = run(Fidelity::Analytic);
    assert!(!program.target.energy.ranges.is_empty());
    let ends = run.total.bounds.iter().zip(program.target.energy_bounds());
    assert_eq!(run.total.at_other_times_ps.len(), 2);
    for ((end, energy), time) in ends.zip(&run.total.at_other_times_ps) {
        let total = end.total();
        let counted =
            sum(&images, |e| e.synaptic_operations) * u128::from(energy.aj(EnergyEvent::SynapticOperation));
        assert_eq!(total[EnergyComponent::Synapse], counted);
        // All powers are whole microwatts at both ends.
        // Of four chips one has no cores in use.
        let cores = 384 * u128::from(energy.pw(StaticPower::Core));
        let memories = 384 * 128 * u128::from(energy.pw(StaticPower::MemoryKib));
        let embedded = 3 * u128::from(energy.pw(StaticPower::Embedded));
        let unused = u128::from(energy.pw(StaticPower::UnusedChip));
        let power = (cores + memories + embedded + unused) / 1_000_000;
        assert_eq!(total[EnergyComponent::Static], power * time);
        let same = |breakdowns: Vec<EnergyBreakdown>| {
            assert_eq!(breakdowns.into_iter().sum::<EnergyBreakdown>(), total)
        };
        same(end.by_iteration());
        same(end.by_core(&table, program.cores.len()).values().copied().collect());
        same(end.by_population(&table, program.model.populations.len()).values().copied().collect());
    }
    let [low, high] = run.total.bounds.each_ref().map(|end| end.total().total());
    let nominal = run.total.ledger.total().total();
    assert!(low < nominal && nominal < high, "{low} {nominal} {high}");
}

#[test]
fn without_ranges_the_three_ledgers_are_one() {
    let mut program = program();
    program.target.energy.ranges.clear();
    program.target.timing.ranges.clear();
    let table = slice_table(&program);
    let meter = Meter::new(&program, &table, Fidelity::Analytic).unwrap();
    let mut record = meter.record();
    meter.add_pass(&mut record, 0, &random_pass(&program, &table, 0, 1), &[]);
    assert_eq!(record.bounds, [record.ledger.clone(), record.ledger.clone()]);
}

/// A meter that times passes at other times gives each the time of a chip that has those times and no others.
#[test]
fn other_times_are_those_of_a_chip_that_has_them() {
    let mut program = program();
    let range = |constant: &str, low, high| snnc_targets::schema::TimeRange {
        constant: constant.into(),
        low,
        high,
        source: snnc_targets::Provenance::Assumed("a test".into()),
    };
    program.target.timing.ranges = vec![
        range("synaptic_operation", 1.0, 9.0),
        range("barrier", 0.5, 3.0),
        range("host_write", 0.0, 50.0),
    ];
    program.target.energy.ranges.clear();
    let table = slice_table(&program);
    let passes: Vec<PassCounts> =
        (0..3).map(|i| random_pass(&program, &table, u32::from(i == 2), i)).collect();
    let record = |program: &Program, each| {
        let meter = Meter::with_ends(program, &table, Fidelity::Analytic, each).unwrap();
        let mut record = meter.record();
        passes.iter().enumerate().for_each(|(i, counts)| drop(meter.add_pass(&mut record, i, counts, &[])));
        (meter.other_times().to_vec(), record)
    };
    let (names, all) = record(&program, true);
    assert_eq!((names.len(), record(&program, false).0.len()), (8, 2));
    let time = |program: &Program| {
        let mut alone = program.clone();
        alone.target.timing.ranges.clear();
        record(&alone, true).1.tally.total().time.total_ps
    };
    let changed = |values: [f64; 3]| {
        let mut program = program.clone();
        let timing = &mut program.target.timing;
        timing.synaptic_operation.interval_ns.0 = values[0];
        timing.barrier.points_ns.0.iter_mut().for_each(|point| point.1 *= values[1]);
        timing.host_write.interval_ns.0 = values[2];
        time(&program)
    };
    let nominal = program.target.timing.synaptic_operation.interval_ns.0;
    let written = program.target.timing.host_write.interval_ns.0;
    let expected = [
        changed([1.0, 0.5, 0.0]),
        changed([9.0, 3.0, 50.0]),
        changed([1.0, 1.0, written]),
        changed([9.0, 1.0, written]),
        changed([nominal, 0.5, written]),
        changed([nominal, 3.0, written]),
        changed([nominal, 1.0, 0.0]),
        changed([nominal, 1.0, 50.0]),
    ];
    assert_eq!(all.at_other_times_ps, expected);
    assert_eq!(
        names[..3],
        [OtherTime::Lowest, OtherTime::Highest, OtherTime::LowestOf("synaptic_operation".into())]
    );
    // Static energy at the ends is that of the times there.
    let static_aj = |ledger: &Ledger| ledger.total()[EnergyComponent::Static];
    let [low, high] = all.bounds.each_ref().map(static_aj);
    // 3 chips of 104 mW and an unused one of 29 mW; each power is rounded once a pass.
    for (aj, ps) in [(low, expected[0]), (high, expected[1])] {
        assert!(aj.abs_diff((3 * 104_000 + 29_000) * ps) <= 4 * 5, "{aj} {ps}");
    }
    assert!(expected[0] < all.tally.total().time.total_ps && all.tally.total().time.total_ps < expected[1]);
}

/// Clearing is charged a neuron and pass, and what is embedded in a chip in use as long as the pass takes.
#[test]
fn clearing_and_embedded_processors_are_charged_where_a_target_gives_them() {
    let mut program = program();
    let table = slice_table(&program);
    let cost = |program: &Program| {
        let meter = Meter::new(program, &table, Fidelity::Analytic).unwrap();
        let mut record = meter.record();
        let time = meter.add_pass(&mut record, 0, &random_pass(program, &table, 0, 1), &[]).unwrap();
        (record.ledger.total(), u128::from(time.total_ps()))
    };
    let (before, time) = cost(&program);
    let set = |value| Some(snnc_targets::Sourced(value, snnc_targets::Provenance::Assumed("a test".into())));
    let energy = &mut program.target.energy;
    (energy.membrane_clear_pj, energy.static_mw_embedded_per_chip) = (set(45.0), set(65.0));
    energy.ranges.clear();
    let (after, _) = cost(&program);
    let slices = table.cores.len() as u128;
    assert_eq!(after[EnergyComponent::Neuron] - before[EnergyComponent::Neuron], 3 * slices * 45_000_000);
    assert_eq!(after[EnergyComponent::Static] - before[EnergyComponent::Static], 3 * 65_000 * time);
}
