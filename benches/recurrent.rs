//! Seconds of a sample of a network that draws its input, without loading and indexing the program.
//!
//! `cargo bench --bench recurrent -- PROGRAM.snnx [threads, default 1]` prints the median of several samples after the
//! first; every spike, packet and synaptic operation is counted and charged, time is not modelled. Run by
//! `benches/vs_brian2.sh`.

use std::time::Instant;

use snnc::{Program, Session, SessionOptions};
use snnc_compiler::ir::NetworkId;
use snnc_simulator::time::Fidelity;
use snnc_simulator::workload::Samples;

/// Samples whose median counts.
const ROUNDS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [program, threads @ ..] = &arguments[..] else {
        // `cargo bench` without arguments runs every bench.
        return println!("recurrent: PROGRAM.snnx [threads]");
    };
    let threads = threads.first().map_or(1, |threads| threads.parse().expect("a number of threads"));
    let program = Program::load(program).expect("a program");
    let options = SessionOptions { fidelity: Fidelity::None, threads: Some(threads), keep_state: false };
    let session = Session::new(&program, options).expect("a target with timesteps");
    let one =
        Samples::drawn(&program.mapped().model, NetworkId(0), (1, Vec::new()), None).expect("drawn input");
    let mut seconds: Vec<f64> = (0..=ROUNDS)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(session.run(&one).expect("a sample"));
            start.elapsed().as_secs_f64()
        })
        .skip(1)
        .collect();
    seconds.sort_by(f64::total_cmp);
    println!("{:.6}", seconds[ROUNDS / 2]);
}
