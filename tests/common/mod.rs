//! What integration tests share: the example model, and the command as a process.

#[cfg(unix)]
pub mod process;

use std::path::PathBuf;

use snnc_compiler::frontend::LoadedModel;

/// Path of the example's model file.
#[allow(dead_code, reason = "not every test binary needs it")]
pub fn example() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/spiking-diffusion-mnist/model.ron")
}

/// The example model.
#[allow(dead_code, reason = "not every test binary loads it")]
pub fn model() -> LoadedModel {
    snnc_compiler::frontend::load(&example()).unwrap()
}
