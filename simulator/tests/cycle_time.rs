//! Cycle-accurate time over mapped random networks: never below the analytic bound, the same with any number of
//! threads, every packet delivered, no count changed.

mod common;

use common::{Random, no_overlap};
use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::Program;
use snnc_simulator::charge::{Meter, Record};
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_simulator::time::cycle::{Detail, KEPT, Recorded, StepPlace, Watcher};
use snnc_simulator::time::{Fidelity, Latencies, PassTime};
use snnc_targets::Diagnostic;

/// A random network on a random mesh of small cores, with random queues and times.
fn program(seed: u64) -> (Program, Vec<f64>) {
    let mut random = Random(seed);
    let mut target = common::target(&mut random, 64);
    let network = target.network.as_mut().unwrap();
    network.virtual_channels.0 = random.between(1, 3) as u32;
    network.flits_per_packet.0 = random.between(1, 3) as u32;
    for size in [
        &mut network.buffer_flits,
        &mut network.chip_buffer_flits,
        &mut network.spike_queue_spikes,
        &mut network.axon_in_queue_packets,
        &mut network.synapse_queue_packets,
    ] {
        size.0 = random.between(1, 6) as u32;
    }
    let t = &mut target.timing;
    for unit in [&mut t.axon_in, &mut t.axon_out, &mut t.hop_east_west, &mut t.tile_delivery] {
        unit.interval_ns.0 = random.between(0, 9) as f64;
        unit.latency_ns.0 = random.between(0, 9) as f64;
    }
    t.synaptic_operation.interval_ns.0 = random.between(0, 2) as f64 + 0.013;
    t.neuron_update_active.interval_ns.0 = random.between(1, 40) as f64;
    let ir = common::network(&mut random, &target);
    let input = common::input(&mut random, &ir);
    (map(&ir, &target, CompileOptions::default()).unwrap(), input)
}

fn timed(chip: &Chip, outcome: &PassOutcome, fidelity: Fidelity) -> (PassTime, Record) {
    let meter = Meter::new(chip.program, &chip.table, fidelity).unwrap();
    let mut record = meter.record();
    let time = meter.add_pass(&mut record, 0, &outcome.counts, &outcome.traces).unwrap();
    (time, record)
}

#[test]
fn simulated_time_is_never_below_the_analytic_bound() {
    let mut packets = 0;
    let mut longer = 0;
    for seed in 0..60 {
        let (program, input) = program(seed);
        let chip = Chip::new(&program);
        let outcome = chip.run(NetworkId(0), &input);
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
fn threads_change_no_time() {
    let (program, input) = program(7);
    let chip = Chip::new(&program);
    let outcome = chip.run(NetworkId(0), &input);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| timed(&chip, &outcome, Fidelity::Cycle { every: 1 }))
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(8));
}

/// Keeps everything.
#[derive(Default)]
struct Everything(Vec<(StepPlace, Recorded)>);

impl Watcher for Everything {
    fn wants(&mut self, _: StepPlace, _: u64, _: u64) -> Result<Option<Detail>, Diagnostic> {
        Ok(Some(Detail::Work))
    }

    fn recorded(&mut self, at: StepPlace, step: &Recorded) -> Result<(), Diagnostic> {
        self.0.push((at, step.clone()));
        Ok(())
    }
}

fn watched(chip: &Chip, outcome: &PassOutcome) -> (Record, Vec<(StepPlace, Recorded)>) {
    let meter = Meter::new(chip.program, &chip.table, Fidelity::Cycle { every: 1 }).unwrap();
    let mut record = meter.record();
    let mut all = Everything::default();
    meter.add_watched(&mut record, 0, (&outcome.counts, &outcome.traces), Some(&mut all)).unwrap();
    (record, all.0)
}

#[test]
fn what_is_recorded_is_what_was_simulated() {
    let mut crossings = 0;
    for seed in 0..30 {
        let (program, input) = program(seed);
        let chip = Chip::new(&program);
        let outcome = chip.run(NetworkId(0), &input);
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
                let (latency, least) = (packet.arrived - made.injected, cycle.ways().between(from, to));
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
    let chip = Chip::new(&program);
    let outcome = chip.run(NetworkId(0), &input);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| watched(&chip, &outcome))
    };
    assert_eq!(run(1), run(5));
}
