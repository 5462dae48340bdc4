//! NIR files: read, and what is accepted is evaluated.

use std::path::Path;

use snnc_compiler::frontend::nir::dialect::Overrides;
use snnc_compiler::frontend::nir::node::NirFile;
use snnc_compiler::frontend::nir::{Dialect, NirOptions, model};
use snnc_compiler::reference::Interpreter;

use super::{Answer, all_told, told};

/// Small files of several frameworks, of old and new layouts, one compressed.
pub fn seeds() -> Vec<Vec<u8>> {
    let seeds: [&[u8]; 4] = [
        include_bytes!("../../../tests/data/nir/lif_norse.nir"),
        include_bytes!("../../../tests/data/nir/two_lif_neurons.nir"),
        include_bytes!("../../../tests/data/nir/braille_noDelay_noBias_subtract.nir"),
        include_bytes!("../../../tests/data/nir/bars_events.nir"),
    ];
    seeds.map(<[u8]>::to_vec).to_vec()
}

/// Reads a graph in a dialect, and runs the network on an input without spikes if it is small.
pub fn read(input: &[u8]) -> Answer {
    let file =
        NirFile::parse(input.to_vec(), Path::new("fuzz.nir")).map_err(|problems| all_told(&problems))?;
    let overrides =
        Overrides { dialect: Some(Dialect::SpikingJelly), dt: Some(1e-4), ..Overrides::default() };
    let options = NirOptions { overrides, timesteps: Some(3), ..NirOptions::default() };
    let found = model(&file, &options).map_err(|problems| all_told(&problems))?;
    for graph in found.loaded.graphs.values() {
        let interpreter = Interpreter::new(graph).map_err(|problems| all_told(&problems))?;
        if interpreter.input_len() <= 1 << 14 {
            interpreter.pass(&vec![0.0; interpreter.input_len()]).map_err(|problem| told(&problem))?;
        }
    }
    Ok(())
}
