//! Figures against BookSim 2 and the clock. Run with
//! `cargo test --release -p snnc-simulator mesh::bench -- --nocapture --include-ignored`.

use std::time::Instant;

use super::tests::{Schedule, square, uniform};
use super::*;

/// BookSim 2: 8x8 mesh, XY, 2 virtual channels x 8 flits, single-flit packets, uniform traffic, 100,000 cycles.
const BOOKSIM: [(f64, f64); 4] = [(0.001, 26.990), (0.05, 27.088), (0.15, 27.538), (0.30, 29.793)];

/// Mean latency from creation (waiting at the source included), and seconds.
fn mean_latency(rate: f64, cycles: u32) -> (f64, f64, Drained) {
    let spec = square(8);
    let packets = uniform(&spec, rate, cycles, 1);
    let mut schedule = Schedule::new(&spec, &packets);
    let mut mesh = Mesh::new(&spec);
    let start = Instant::now();
    let drained = mesh.run(&mut schedule);
    let seconds = start.elapsed().as_secs_f64();
    let sum: u64 = packets.iter().zip(&schedule.fates).map(|(p, f)| f.1 - p.at).sum();
    (sum as f64 / packets.len() as f64, seconds, drained)
}

#[test]
fn latencies_are_those_of_booksim() {
    for (rate, booksim) in BOOKSIM {
        let cycles = if rate < 0.01 { 100_000 } else { 20_000 };
        let (mean, ..) = mean_latency(rate, cycles);
        println!("rate {rate}: {mean:.3} cycles, BookSim {booksim}");
        assert!((mean / booksim - 1.0).abs() < 0.03, "rate {rate}: {mean} against {booksim}");
    }
}

#[test]
fn the_accepted_rate_at_overload_is_that_of_booksim() {
    let spec = square(8);
    let packets = uniform(&spec, 1.0, 8_000, 1);
    let mut schedule = Schedule::new(&spec, &packets);
    Mesh::new(&spec).run(&mut schedule);
    let window = 2_000..6_000;
    let accepted = schedule.fates.iter().filter(|f| window.contains(&f.1)).count() as f64 / 64.0 / 4_000.0;
    println!("accepted {accepted:.3} flits/node/cycle, BookSim 0.396");
    assert!((accepted / 0.396 - 1.0).abs() < 0.10, "{accepted}");
}

#[test]
#[ignore = "measures"]
fn throughput() {
    for (rate, cycles) in [(0.001, 1_000_000), (0.05, 100_000), (0.15, 100_000), (0.30, 100_000)] {
        let (_, seconds, drained) = mean_latency(rate, cycles);
        println!(
            "rate {rate}: {:.1} M router-cycles/s, {:.2} M flit-hops/s",
            drained.at as f64 * 64.0 / seconds / 1e6,
            drained.flit_hops as f64 / seconds / 1e6
        );
    }
}
