//! Processor time of a pass of each network of a model: the float reference, and the event-driven path with its bits.
//!
//! `cargo bench -p snnc-compiler --bench float_reference -- MODEL.ron [passes, default 5]`, on one thread with
//! `RAYON_NUM_THREADS=1`. Linux only; the clock has hundredths of a second, so many passes are
//! needed. Inputs are whole numbers from 0 to 127, drawn from a fixed seed, as tokens are. Fails where the
//! two differ in a bit.

use std::path::Path;
use std::time::Duration;

use snnc_compiler::event_driven::EventDriven;
use snnc_compiler::frontend::load;
use snnc_compiler::reference::{Interpreter, Trace};

/// Whole numbers, by Knuth's linear congruential generator (MMIX).
fn input(n: usize, seed: u64) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from((state >> 57) as u32)
    };
    (0..n).map(|_| next()).collect()
}

fn timed(pass: impl Fn() -> Trace) -> (Trace, Duration) {
    let start = processor_time();
    let trace = pass();
    (trace, processor_time() - start)
}

/// Time that this process has run, in user and kernel mode: fields 14 and 15 of `proc_pid_stat(5)`, in hundredths of a
/// second.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").expect("a Linux system");
    let (_, behind_name) = text.rsplit_once(')').expect("a name in brackets");
    let ticks = behind_name.split_whitespace().skip(11).take(2);
    Duration::from_millis(ticks.map(|ticks| 10 * ticks.parse::<u64>().expect("ticks")).sum())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [model, passes @ ..] = &arguments[..] else {
        // `cargo bench` without arguments runs every bench.
        return println!("float_reference: MODEL.ron [passes]");
    };
    let passes = passes.first().map_or(5, |passes| passes.parse().expect("a number of passes"));
    let model = load(Path::new(model)).expect("a model");
    println!("network: milliseconds a pass of the reference, event-driven, ratio, spikes a pass");
    for (name, graph) in &model.graphs {
        let plain = Interpreter::new(graph).expect("a network");
        let quick = EventDriven::new(plain.clone());
        let (mut times, mut spikes) = ([Duration::ZERO; 2], 0);
        for seed in 0..passes {
            let values = input(plain.input_len(), seed);
            let (expected, slow) = timed(|| plain.pass(&values).expect("a pass"));
            let (found, fast) = timed(|| quick.answer(&values).expect("a pass"));
            for b in found.layers() {
                let a = expected.layers().iter().find(|a| a.name == b.name).expect("a layer of the network");
                let bits = |signal: &snnc_compiler::reference::Signal| -> Vec<u64> {
                    signal
                        .steps()
                        .iter()
                        .flat_map(|map| map.data.iter().map(|value| value.to_bits()))
                        .collect()
                };
                assert!(bits(&a.signal) == bits(&b.signal), "{name}.{} differs", a.name);
            }
            let fired =
                |layer: &str| found.spikes(layer).into_iter().flatten().flatten().filter(|&one| one).count();
            spikes += found.spiking().map(fired).sum::<usize>();
            times = [times[0] + slow, times[1] + fast];
        }
        let [slow, fast] = times.map(|time| time.as_secs_f64() * 1e3 / passes as f64);
        println!("{name}: {slow:.2} {fast:.2} {:.1} {}", slow / fast, spikes as u64 / passes);
    }
}
