//! Spiking IRs as text: verified, and what is accepted is interpreted and mapped.

use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_simulator::execute::oracle;
use snnc_targets::registry;

use super::{Answer, all_told, programs, told};

/// Most synapses and neurons times timesteps that are worked off here.
const WORK_MAX: u64 = 1 << 20;

/// The seeds' networks.
pub fn seeds() -> Vec<Vec<u8>> {
    programs::compiled().iter().map(|(ir, _)| ir.to_text().into_bytes()).collect()
}

/// Reads, verifies, interprets and maps.
pub fn read(input: &[u8]) -> Answer {
    let text = std::str::from_utf8(input).map_err(|_| "no text".to_owned())?;
    let ir = SpikingIr::from_text(text, "fuzz").map_err(|problem| told(&problem))?;
    ir.verify().map_err(|problems| all_told(&problems))?;
    let model = &ir.model;
    let neurons = model.populations.values().map(|p| p.shape.len() as u64 * u64::from(p.window.steps));
    let inputs = model.inputs.iter().map(|host| host.input.len() as u64);
    if neurons.chain(inputs).sum::<u64>() > WORK_MAX {
        return Ok(());
    }
    assert!(!ir.to_text().is_empty());
    for network in model.networks.keys() {
        let fed = model.inputs.iter().find(|host| model.populations[host.population].network == network);
        let port = model.port_of(network).map(|(_, port)| port.shape.len() * port.window.steps as usize);
        let length = port.unwrap_or_else(|| fed.map_or(0, |host| host.input.len()));
        oracle::run(&ir, network, &vec![1.0; length]);
    }
    let target = registry::load("loihi-like").expect("built-in targets are right");
    map(&ir, &target, CompileOptions::default()).map(drop).map_err(|problems| all_told(&problems))
}
