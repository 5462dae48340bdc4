//! Milliseconds a sample of a classifier on the simulated chip, one sample at a time and a hundred together.
//!
//! `cargo bench --bench classifiers -- MODEL INPUTS TARGET BATCH [threads [rounds]]` prints the milliseconds of all
//! samples of INPUTS (an array as `--input` takes it) divided by their number, for the passes alone: model and session
//! are made before.
//! Batches are whole calls of [`Session::run`] on the fewest cores; every spike is counted and charged, time is not
//! modelled. The median of the rounds over all samples counts. Run by `benches/vs_frameworks.sh`.

use std::path::Path;
use std::time::Instant;

use snnc::samples::input::{SampleShape, read};
use snnc::samples::prediction;
use snnc::{CompileOptions, Model, Program, Session, SessionOptions, Workload};
use snnc_compiler::ir::NetworkId;
use snnc_simulator::time::Fidelity;
use snnc_simulator::workload::Samples;

/// Rounds over all samples if the command names none; one more comes before them.
const ROUNDS: usize = 15;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [model, inputs, target, batch, rest @ ..] = &arguments[..] else {
        // `cargo bench` without arguments runs every bench.
        return println!("classifiers: MODEL INPUTS TARGET BATCH [threads [rounds]]");
    };
    let batch: usize = batch.parse().expect("a batch size");
    let threads = rest.first().map_or(2, |threads| threads.parse().expect("a number of threads"));
    let rounds = rest.get(1).map_or(ROUNDS, |rounds| rounds.parse().expect("a number of rounds"));
    let target = snnc::target(target).expect("a built-in target");
    let model = Model::load(model).expect("a model");
    let program = model.compile(&target, &CompileOptions::fewest_cores()).expect("a model that fits");
    let options = SessionOptions { fidelity: Fidelity::None, threads: Some(threads), keep_state: false };
    let session = Session::new(&program, options).expect("a target with timesteps");
    let batches = batches(&program, Path::new(inputs), batch);
    let samples: usize = batches.iter().map(|batch| batch.len() as usize).sum();
    let mut seconds: Vec<f64> = (0..=rounds).map(|_| round(&session, &batches)).skip(1).collect();
    seconds.sort_by(f64::total_cmp);
    println!("{:.6}", seconds[rounds / 2] / samples as f64 * 1e3);
}

/// The samples of a file, so many a workload.
fn batches(program: &Program, inputs: &Path, batch: usize) -> Vec<Samples> {
    let (model, network) = (&program.mapped().model, NetworkId(0));
    let shape = SampleShape::of_compiled(model, network).expect("a network of samples");
    let values = read(inputs, shape, None, None).expect("samples").content.into_values();
    let each = shape.elements();
    let workload = |values: &[f64]| Samples::new(model, network, values.to_vec()).expect("samples");
    values.chunks(each * batch).map(workload).collect()
}

/// Seconds of all samples.
fn round(session: &Session, batches: &[Samples]) -> f64 {
    let start = Instant::now();
    let mut chosen = 0;
    for batch in batches {
        let outcome = session.run(batch).expect("samples");
        chosen += outcome.items.iter().map(|readout| prediction(readout)).sum::<usize>();
    }
    std::hint::black_box(chosen);
    start.elapsed().as_secs_f64()
}
