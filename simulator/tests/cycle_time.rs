//! Cycle-accurate time over mapped random networks: never below the analytic bound, the same with any number of
//! threads, every packet delivered, no count changed.

mod common;

use common::Random;
use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::Program;
use snnc_simulator::charge::{Meter, Record};
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_simulator::time::{Fidelity, PassTime};

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
