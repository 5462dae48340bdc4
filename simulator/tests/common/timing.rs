//! Random networks on random meshes, timed and watched.

use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::program::Program;
use snnc_compiler::mapping::effort::Effort;
use snnc_simulator::charge::{Meter, MeterRecord};
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_simulator::time::cycle::{StepDetail, StepPlace, StepRecord, Watcher};
use snnc_simulator::time::{Fidelity, PassTime};
use snnc_targets::Diagnostic;
use snnc_targets::schema::Target;

use super::Random;

/// A random network on a random mesh of small cores, with random queues and times; `change` has the last word on the
/// target.
pub fn program(seed: u64, change: impl FnOnce(&mut Random, &mut Target)) -> (Program, Vec<f64>) {
    let mut random = Random::seeded(seed);
    let mut target = super::target(&mut random, 64);
    let network = target.network.as_mut().unwrap();
    network.virtual_channels.0 = random.between(1, 3) as u32;
    for size in [
        &mut network.buffer_flits,
        &mut network.chip_buffer_flits,
        &mut network.spike_queue_spikes,
        &mut network.axon_in_queue_packets,
        &mut network.synapse_queue_packets,
    ] {
        size.0 = random.between(1, 6) as u32;
    }
    let t = &mut target.timing;
    for unit in [&mut t.axon_in, &mut t.axon_out, &mut t.hop_east_west, &mut t.tile_delivery] {
        unit.interval_ns.0 = random.between(0, 9) as f64;
        unit.latency_ns.0 = random.between(0, 9) as f64;
    }
    t.synaptic_operation.interval_ns.0 = random.between(0, 2) as f64 + 0.013;
    t.neuron_update_active.interval_ns.0 = random.between(1, 40) as f64;
    change(&mut random, &mut target);
    let mut ir = super::network(&mut random, &target);
    if target.skips_zeros() {
        super::zeros::thin_out(&mut ir, seed);
    }
    let input = super::input(&mut random, &ir);
    let mut options = CompileOptions::fewest_cores();
    options.place.effort = Effort::Fast;
    (map(&ir, &target, options).unwrap(), input)
}

/// Times a pass.
pub fn timed(chip: &Chip, outcome: &PassOutcome, fidelity: Fidelity) -> (PassTime, MeterRecord) {
    let meter = Meter::new(&chip.program, &chip.table, fidelity).unwrap();
    let mut record = meter.record();
    let time = meter.add_pass(&mut record, 0, &outcome.counts, &outcome.traces).unwrap();
    (time, record)
}

/// Keeps everything.
#[derive(Default)]
struct Everything(Vec<(StepPlace, StepRecord)>);

impl Watcher for Everything {
    fn wants(&mut self, _: StepPlace, _: u64, _: u64) -> Result<Option<StepDetail>, Diagnostic> {
        Ok(Some(StepDetail::Work))
    }

    fn recorded(&mut self, at: StepPlace, step: &StepRecord) -> Result<(), Diagnostic> {
        self.0.push((at, step.clone()));
        Ok(())
    }
}

/// Simulates every timestep of a pass and keeps what happened.
pub fn watched(chip: &Chip, outcome: &PassOutcome) -> (MeterRecord, Vec<(StepPlace, StepRecord)>) {
    let meter = Meter::new(&chip.program, &chip.table, Fidelity::Cycle { every: 1 }).unwrap();
    let mut record = meter.record();
    let mut all = Everything::default();
    meter.add_watched(&mut record, 0, (&outcome.counts, &outcome.traces), Some(&mut all)).unwrap();
    (record, all.0)
}
