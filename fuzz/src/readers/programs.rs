//! `.snnx` files and programs as text: verified, and what is accepted is executed, timed, charged and reported.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use snnc::report::ReportInput;
use snnc::{Session, SessionOptions};
use snnc_compiler::driver::{CompileOptions, compile};
use snnc_compiler::frontend::load;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_simulator::charge::{Meter, RunRecord};
use snnc_simulator::execute::slice::SliceTrace;
use snnc_simulator::execute::{Chip, plain};
use snnc_simulator::time::Fidelity;
use snnc_simulator::workload::Generation;
use snnc_targets::registry;

use super::numbers::{self, Number};
use super::{Answer, all_told, models};
use crate::mutate;
use crate::random::Random;

/// Bytes before a program's payload: magic, version, length, checksum.
const HEADER: usize = 48;
/// Most neurons times timesteps of a program that is executed here.
const WORK_MAX: u64 = 1 << 20;
/// Most sites of a board that is timed here: every pass is timed on a mesh of its own, a kilobyte a router.
const SITES_MAX: u64 = 1 << 13;

/// Networks of convolutions, of lists, and one that generates, on chips of all kinds.
pub fn seeds() -> Vec<Vec<u8>> {
    programs().iter().map(Program::to_bytes).collect()
}

/// The same as text.
pub fn text_seeds() -> Vec<Vec<u8>> {
    programs().iter().map(|program| program.to_text().into_bytes()).collect()
}

/// The spiking IRs of the seeds and their programs.
pub fn compiled() -> &'static [(SpikingIr, Program)] {
    static ALL: OnceLock<Vec<(SpikingIr, Program)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let folder = models::folder();
        let models = models::TEXTS.iter().enumerate().map(|(i, text)| {
            let path = folder.path().join(format!("{i}.ron"));
            std::fs::write(&path, text).expect("a temporary folder can be written");
            load(Path::new(&path)).expect("seeds are right")
        });
        let models: Vec<_> = models.collect();
        let mut all = Vec::new();
        for name in registry::names() {
            let target = registry::load(name).expect("built-in targets are right");
            for model in &models {
                let Ok((ir, program, _)) = compile(model, &target, CompileOptions::fewest_cores()) else {
                    continue;
                };
                all.push((ir, program));
            }
        }
        all
    })
}

fn programs() -> Vec<Program> {
    compiled().iter().map(|(_, program)| program.clone()).collect()
}

/// Damages a program's fields, or the bytes of its payload; the checksum is right again afterwards.
pub fn damage(random: &mut Random, input: &mut Vec<u8>, other: &[u8]) {
    if random.one_in(16) || input.len() < HEADER {
        return mutate::bytes(random, input, other);
    }
    let mut payload = input.split_off(HEADER);
    match postcard::from_bytes::<Program>(&payload) {
        Ok(mut program) if !random.one_in(4) => {
            for _ in 0..1 + random.below(3) {
                damage_fields(random, &mut program);
            }
            payload = postcard::to_stdvec(&program).expect("a program is plain data");
        }
        _ => mutate::bytes(random, &mut payload, other.get(HEADER..).unwrap_or_default()),
    }
    input[8..16].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    input[16..HEADER].copy_from_slice(blake3::hash(&payload).as_bytes());
    input.extend(payload);
}

/// Changes a number, or repeats, drops or exchanges an element of a list.
fn damage_fields(random: &mut Random, program: &mut Program) {
    if random.one_in(4) {
        return numbers::rearrange(random, program);
    }
    let mut fields = numbers::of(random, program);
    let chosen = random.below(fields.len());
    let Some(field) = fields.get_mut(chosen) else { return };
    match field {
        Number::U32(value) => **value = numbers::changed(random, u64::from(**value)) as u32,
        Number::Usize(value) => **value = numbers::changed(random, **value as u64) as usize,
        Number::I32(value) => **value = numbers::changed(random, **value as u64) as i32,
        Number::Weight(weights) => weights.edit(|weights| {
            let chosen = random.below(weights.len());
            if let Some(weight) = weights.get_mut(chosen) {
                *weight = numbers::changed(random, *weight as u64) as i16;
            }
        }),
        Number::F64(value) => **value = *random.pick(&[0.0, -1.0, 1e300, f64::NAN, f64::INFINITY, 0.5]),
    }
}

/// Reads a `.snnx` file and uses it.
pub fn read(input: &[u8]) -> Answer {
    let program = Program::from_bytes(input, "fuzz.snnx").map_err(|problems| all_told(&problems))?;
    used(&Arc::new(program))
}

/// Reads a program's text and uses it.
pub fn read_text(input: &[u8]) -> Answer {
    let text = std::str::from_utf8(input).map_err(|_| "no text".to_owned())?;
    let program = Program::from_text(text, "fuzz").map_err(|problem| super::told(&problem))?;
    // As if it came in a file.
    read(&program.to_bytes())
}

/// Executes a verified program in every way there is.
fn used(program: &Arc<Program>) -> Answer {
    program.needs_timesteps().map_err(|problem| super::told(&problem))?;
    assert!(!program.to_text().is_empty());
    let model = &program.model;
    let work = model.populations.values().map(|p| p.shape.len() as u64 * u64::from(p.window.steps));
    let slices = program.cores.values().map(|core| core.slices.len() as u64).sum::<u64>();
    let counts = model.networks.values().map(|network| u64::from(network.pass_steps) * slices);
    let stages = model.inputs.iter().map(|host| host.input.len() as u64);
    let sites = u64::from(program.topology().sites());
    if work.chain(counts).chain(stages).sum::<u64>() > WORK_MAX || sites > SITES_MAX {
        return Ok(());
    }
    let chip = Chip::new(program.clone());
    let fidelities = [Fidelity::None, Fidelity::Analytic, Fidelity::Cycle { every: 1 }];
    let meters: Vec<Meter> = fidelities
        .into_iter()
        .filter_map(|fidelity| Meter::new(program, &chip.table, fidelity).ok())
        .collect();
    let mut runs: Vec<RunRecord> = meters.iter().map(RunRecord::new).collect();
    for network in model.networks.keys() {
        let fed = model.inputs.iter().find(|host| model.populations[host.population].network == network);
        let port = model.port_of(network).map(|(_, port)| port.shape.len() * port.window.steps as usize);
        let length = port.unwrap_or_else(|| fed.map_or(0, |host| host.input.len()));
        assert!((fed.is_none() && port.is_none()) || chip.run(network, &vec![0.0; length + 1]).is_err());
        // Spikes are 0 or 1.
        for value in [0.0, 1.0, -3.5e3].into_iter().take(if port.is_some() { 2 } else { 3 }) {
            let input = vec![value; length];
            let outcome = chip.run(network, &input).expect("the input has the network's shape");
            let plain = plain::run(&chip, network, &input);
            for (step, events) in plain.events.iter().enumerate() {
                assert_eq!(outcome.counts.steps[step].events, *events, "counts are those of packets");
            }
            for (meter, run) in meters.iter().zip(&mut runs) {
                let mut record = meter.item(0);
                let traces: &[SliceTrace] = &outcome.traces;
                meter.add_pass(&mut record, 0, &outcome.counts, traces);
                run.push(meter, &record);
            }
        }
    }
    for (meter, run) in meters.iter().zip(&runs) {
        let slices = &chip.table;
        let input = ReportInput {
            program,
            warnings: &program.warnings(),
            slices,
            meter,
            run,
            item_name: "image",
            compile_s: 0.0,
            wall_s: 0.0,
            peak_memory_bytes: 0,
        };
        let report = input.report();
        assert!(!snnc::report::text::print(&report).is_empty());
        assert!(snnc::report::json::print(&report).is_ok());
    }
    generated(program)
}

/// One image, if the program generates and its loop is short.
fn generated(program: &Arc<Program>) -> Answer {
    if program.model.workload.is_none() {
        return Ok(());
    }
    let generation = Generation::new(&program.model, 1, 1).map_err(|problems| all_told(&problems))?;
    let shape = generation.image;
    if generation.parameters.iterations > 64 || shape.len() as u64 > WORK_MAX {
        return Ok(());
    }
    let options = SessionOptions::default();
    let made = Session::new(&program.clone().into(), options).and_then(|session| session.run(&generation));
    made.map(drop).map_err(|problem| super::told(&problem))
}
