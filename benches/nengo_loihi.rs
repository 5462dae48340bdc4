//! Networks that `benches/nengo_loihi_nets.py` ran on nengo-loihi's emulator, on the simulated chip.
//!
//! `cargo bench --bench nengo_loihi -- FOLDER` maps each of FOLDER's networks onto cores of at most 30 neurons of
//! `loihi-like` and runs it on one thread. Prints the seconds that execution took; fails if one of the spikes, or one
//! of the voltages after the last timestep, is not the emulator's.

#[path = "../simulator/tests/recorded/mod.rs"]
mod recorded;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use recorded::{Golden, NET, golden, target};
use safetensors::SafeTensors;
use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::PopulationId;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::search::SearchOptions;
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_targets::Target;

fn main() -> ExitCode {
    let folder =
        std::env::args().skip(1).find(|argument| argument != "--bench").expect("a folder of networks");
    let entries = std::fs::read_dir(&folder).expect("the folder can be read");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("likewise").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "safetensors"));
    files.sort();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread starts");
    let mut target = target();
    target.core.neurons.0 = 30;
    let (mut wrong, mut seconds, mut cores) = (0, 0.0, 0);
    for file in &files {
        let bytes = std::fs::read(file).expect("the file can be read");
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let golden = golden(&target, &name, &SafeTensors::deserialize(&bytes).expect("a network"));
        let chip = mapped(&golden, &target);
        cores += chip.program.cores.len();
        let start = Instant::now();
        let outcome = pool.install(|| chip.run(NET, &[])).expect("it is fed nothing");
        seconds += start.elapsed().as_secs_f64();
        let differs = golden.blocks.iter().enumerate().filter(|(i, _)| differs(&golden, &chip, &outcome, *i));
        let count = differs.count();
        if count > 0 {
            println!("{}: {count} of {} blocks differ", golden.name, golden.blocks.len());
        }
        wrong += count;
    }
    println!("snnc: {} networks on {cores} cores, {wrong} blocks differ, {seconds:.3} s", files.len());
    if wrong == 0 && !files.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn mapped(golden: &Golden, target: &Target) -> Chip {
    let search = SearchOptions { effort: Effort::Fast, ..SearchOptions::default() };
    Chip::new(
        map(&golden.ir, target, CompileOptions { search, ..CompileOptions::default() }).expect("it fits"),
    )
}

/// Whether a spike of a block, or a voltage after its last timestep, is another.
fn differs(golden: &Golden, chip: &Chip, outcome: &PassOutcome, block: usize) -> bool {
    let (id, recorded) = (PopulationId(block as u32), &golden.blocks[block]);
    if chip.spikes(outcome, id) != recorded.spikes {
        return true;
    }
    let population = &chip.program.model.populations[id];
    let Some(last) = recorded.voltages.last() else { return false };
    outcome.traces.iter().enumerate().any(|(index, trace)| {
        let slice = &chip.table.slice(&chip.program, index).slice;
        let neurons = slice.cols.clone().map(|i| population.outside(i as usize)).zip(&trace.membranes);
        slice.population == id && neurons.into_iter().any(|(i, v)| last.get(i).is_some_and(|own| own != v))
    })
}
