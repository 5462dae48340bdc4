//! Cycle-accurate time over mapped random networks: never below the analytic bound, the same with any number of
//! threads, every packet delivered, no count changed.

use crate::common;
use crate::common::no_overlap;
use crate::common::timing::{self, timed, watched};
use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::Program;
use snnc_compiler::mapping::effort::Effort;
use snnc_simulator::charge::Meter;
use snnc_simulator::execute::Chip;
use snnc_simulator::time::cycle::KEPT;
use snnc_simulator::time::{Fidelity, Latencies};
use snnc_targets::schema::{CorePath, Provenance, Sourced};

/// A random network whose packets have several flits.
fn program(seed: u64) -> (Program, Vec<f64>) {
    timing::program(seed, |random, target| {
        target.network.as_mut().unwrap().flits_per_packet.0 = random.between(1, 8) as u32;
        let mut path = || {
            let path = if random.one_in(2) { CorePath::Serial } else { CorePath::Pipelined };
            Some(Sourced(path, Provenance::Assumed("a test".into())))
        };
        (target.timing.receive_path, target.timing.send_path) = (path(), path());
    })
}

#[test]
fn simulated_time_is_never_below_the_analytic_bound() {
    let mut packets = 0;
    let mut longer = 0;
    for seed in 0..60 {
        let (program, input) = program(seed);
        let chip = Chip::new(program.clone());
        let outcome = chip.run(NetworkId(0), &input).unwrap();
        let (analytic, bound) = timed(&chip, &outcome, Fidelity::Analytic);
        let cycle = Fidelity::Cycle { every: 1 };
        let (cycle, record) = timed(&chip, &outcome, cycle);
        for (step, (a, c)) in analytic.steps.iter().zip(&cycle.steps).enumerate() {
            assert!(c.total_ps >= a.total_ps, "seed {seed}, step {step}: {c:?}");
            assert_eq!((c.barrier_ps, c.busy_ps), (a.barrier_ps, a.busy_ps));
            longer += usize::from(c.total_ps > a.total_ps);
        }
        let sent: u64 = outcome.counts.steps.iter().flat_map(|s| &s.flows).map(|f| f.packets).sum();
        assert_eq!(record.tally.total().time.packets.packets, sent, "seed {seed}");
        assert_eq!(record.tally.total().slices, bound.tally.total().slices);
        packets += sent;
    }
    assert!(packets > 5_000 && longer > 50, "{packets} packets, {longer} timesteps above the bound");
}

#[test]
fn networks_with_cycles_are_timed_until_their_last_spike_has_arrived() {
    let (mut packets, mut late) = (0, 0);
    for seed in 600..608 {
        let mut random = common::Random::seeded(seed);
        let mut target = common::target(&mut random, 1024);
        target.core.threshold_profiles = None;
        target.core.neurons.0 = 20;
        let ir = common::recurrent_network(&mut random, &target, true);
        let input = common::input(&mut random, &ir);
        let mut options = CompileOptions::fewest_cores();
        (options.place.effort, options.search.effort) = (Effort::Fast, Effort::Fast);
        let chip = Chip::new(map(&ir, &target, options).unwrap());
        let outcome = chip.run(NetworkId(0), &input).unwrap();
        let (analytic, _) = timed(&chip, &outcome, Fidelity::Analytic);
        let (cycle, record) = timed(&chip, &outcome, Fidelity::Cycle { every: 1 });
        assert_eq!(cycle.steps.len() as u32, ir.model.networks[NetworkId(0)].pass_steps);
        assert!(
            analytic.steps.iter().zip(&cycle.steps).all(|(a, c)| c.total_ps >= a.total_ps),
            "seed {seed}"
        );
        let sent: u64 = outcome.counts.steps.iter().flat_map(|s| &s.flows).map(|f| f.packets).sum();
        assert_eq!(record.tally.total().time.packets.packets, sent, "seed {seed}");
        packets += sent;
        let after = ir.model.populations.values().map(|p| p.window.end()).max().unwrap() as usize;
        let events = outcome.counts.steps[after..].iter().flat_map(|step| &step.events);
        late += events.map(|e| e.packets_received).sum::<u64>();
    }
    assert!(packets > 1_000 && late > 0, "{packets} packets, {late} after all windows");
}

#[test]
fn threads_change_no_time() {
    let (program, input) = program(7);
    let chip = Chip::new(program.clone());
    let outcome = chip.run(NetworkId(0), &input).unwrap();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| timed(&chip, &outcome, Fidelity::Cycle { every: 1 }))
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(8));
}

#[test]
fn what_is_recorded_is_what_was_simulated() {
    let mut crossings = 0;
    for seed in 0..30 {
        let (program, input) = program(seed);
        let chip = Chip::new(program.clone());
        let outcome = chip.run(NetworkId(0), &input).unwrap();
        let (record, steps) = watched(&chip, &outcome);
        let (_, unwatched) = timed(&chip, &outcome, Fidelity::Cycle { every: 1 });
        assert_eq!(record, unwatched, "seed {seed}: watching changes nothing");
        let cycle = Meter::new(&program, &chip.table, Fidelity::Cycle { every: 1 }).unwrap();
        let cycle = cycle.cycle().unwrap();
        let (mut latencies, mut zero_load, mut slowest) = (Latencies::default(), 0, Vec::new());
        for (i, (at, step)) in steps.iter().enumerate() {
            assert_eq!((at.iteration, at.step), (0, i));
            assert_eq!(step.time_ps, record.timesteps.steps[i].time.simulated.unwrap().time_ps);
            for packet in &step.arrived {
                let made = &step.made[packet.number as usize];
                let from = chip.table.cores[made.slice as usize].0;
                let [from, to] = [from, packet.core].map(|core| cycle.tiles()[core as usize]);
                let (latency, least) =
                    (packet.arrived - made.injected, cycle.zero_load_routes().between(from, to));
                assert!(latency >= least, "seed {seed}, step {i}: {latency} < {least}");
                latencies.add(latency * step.clock_ps);
                zero_load += u128::from(least * step.clock_ps);
                slowest.push(latency * step.clock_ps);
            }
            crossings += step.crossed.len();
            no_overlap(step.crossed.iter().map(|c| ((c.router, c.direction), c.from, c.until)));
            let work = step.work.iter().filter(|work| !work.stopped);
            no_overlap(work.map(|work| ((work.core, work.unit as u32), work.from, work.until)));
        }
        let time = record.tally.total().time;
        assert_eq!((time.packets, time.zero_load_ps), (latencies, zero_load), "seed {seed}");
        slowest.sort_unstable_by(|a, b| b.cmp(a));
        slowest.truncate(KEPT);
        let kept = record.timesteps.slowest.iter().map(|slow| slow.packet.latency);
        assert_eq!(kept.collect::<Vec<_>>(), slowest, "seed {seed}");
    }
    assert!(crossings > 5_000, "{crossings}");
}

#[test]
fn threads_change_no_record() {
    let (program, input) = program(7);
    let chip = Chip::new(program.clone());
    let outcome = chip.run(NetworkId(0), &input).unwrap();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| watched(&chip, &outcome))
    };
    assert_eq!(run(1), run(5));
}
