//! The library in a few lines: a trained network onto a chip, one image, and what it cost.
//!
//! `cargo run --release --no-default-features --example library`

use snnc::{CompileOptions, Diagnostics, Model, Session, SessionOptions};

/// Compiles the MNIST model for `loihi-like`, generates a digit and prints it with its cost.
pub fn main() -> Result<(), Diagnostics> {
    let model =
        Model::load(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/spiking-diffusion-mnist/model.ron"))?;
    let program = model.compile(&snnc::target("loihi-like")?, &CompileOptions::default())?;

    let session = Session::new(&program, SessionOptions::default())?;
    let generation = program.generation(1, 1)?;
    let outcome = session.run(&generation)?;

    for row in outcome.items[0].pixels.chunks(generation.image.width) {
        let line: String = row.iter().map(|&pixel| [' ', '.', 'o', '#'][usize::from(pixel / 64)]).collect();
        println!("{}", line.trim_end());
    }
    let totals = outcome.report().totals;
    println!("{} spikes, {} synaptic operations", totals.spikes, totals.synaptic_operations);
    println!("{:.3} ms, {:.3} mJ", totals.time_s.unwrap_or(0.0) * 1e3, totals.energy_j * 1e3);
    Ok(())
}
