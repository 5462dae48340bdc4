//! Three networks for `benches/vs_sana_fe.sh`: feed-forward, recurrent, convolutional, each mapped onto many cores of
//! `loihi-like-sanafe`.
//!
//! `cargo bench --bench sana_fe -- FOLDER [steps, default 200]` writes `NAME.snnx` for each, which
//! `snnc export --to sana-fe` takes, and `NAME.json` with what snnc made of it: spikes by timestep, packets, hops,
//! energy, time.

use std::path::Path;
use std::time::Instant;

use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::Program;
use snnc_simulator::charge::Meter;
use snnc_simulator::execute::Chip;
use snnc_simulator::time::Fidelity;
use snnc_targets::EnergyEvent;

#[path = "sana_fe/networks.rs"]
mod networks;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let folder = arguments.next().expect("the folder to write into");
    let steps = arguments.next().map_or(200, |steps| steps.parse().expect("a number of timesteps"));
    for (name, program) in networks::programs(steps) {
        program.save(&Path::new(&folder).join(format!("{name}.snnx"))).expect("the folder can be written");
        let text = measure(name, program, steps);
        std::fs::write(Path::new(&folder).join(format!("{name}.json")), text).expect("likewise");
    }
}

/// What snnc makes of a program, as JSON.
fn measure(name: &str, program: Program, steps: u32) -> String {
    let cores = program.cores.len();
    let chip = Chip::new(program);
    let meter =
        Meter::new(&chip.program, &chip.table, Fidelity::Cycle { every: 1 }).expect("it has a network");
    let start = Instant::now();
    let outcome = chip.run(NetworkId(0), &[]).expect("it is fed nothing");
    let execution = start.elapsed().as_secs_f64();
    let mut record = meter.record();
    let time = meter.add_pass(&mut record, 0, &outcome.counts, &outcome.traces).expect("it is timed");
    let wall = start.elapsed().as_secs_f64();
    let events = &record.tally.total().total().events;
    let spikes =
        |step: &snnc_simulator::counts::StepCounts| step.events.iter().map(|e| e.spikes).sum::<u64>();
    let by_step: Vec<u64> = outcome.counts.steps.iter().take(steps as usize).map(spikes).collect();
    let timed: u64 = time.steps.iter().take(steps as usize).map(|step| step.own_ps()).sum();
    let energy = record.ledger.total().total() as f64 / 1e18;
    format!(
        "{{\"name\": \"{name}\", \"steps\": {steps}, \"cores\": {cores}, \"spikes_by_step\": {by_step:?}, \
         \"packets\": {}, \"hops\": {}, \"synaptic_operations\": {}, \"updates_inactive\": {}, \"energy_j\": \
         {energy:e}, \"time_s\": {:e}, \"execution_s\": {execution:.6}, \"wall_s\": {wall:.6}}}\n",
        events[EnergyEvent::AxonOut],
        events[EnergyEvent::HopEastWest] + events[EnergyEvent::HopNorthSouth],
        events[EnergyEvent::SynapticOperation],
        events[EnergyEvent::NeuronUpdateInactive],
        timed as f64 / 1e12,
    )
}
