//! A short run that shows when and where neurons fire, for a mapping that balances the work of every timestep.
//!
//! Spikes do not depend on the mapping, so any mapping serves: one that is quickly made. Items are the workload's own
//! (the first image of the generation loop), or samples that the user gives.

use std::sync::Arc;

use snnc_compiler::ir::program::Program as Mapped;
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_compiler::mapping::{Activity, RecordedPhase};
use snnc_simulator::counts::Grain;
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_simulator::workload::{ChipDriver, Workload, drive};
use snnc_targets::Diagnostic;
use snnc_targets::entity::EntityMap;

use crate::progress::Progress;

/// Most items that are recorded: spikes of one image differ little from those of many.
pub const ITEMS: u64 = 4;

/// Most timesteps of a pass that is recorded: longer ones run in parts, none of which shows a whole window.
pub const STEPS_MAX: u32 = 256;

/// Phases of an item: passes that follow each other and are taken to be alike. The denoiser's spikes change slowly
/// from pass to pass; with one phase an image takes 2.9 % longer than foreseen on a `loihi-like` chip, with three 1.1
/// %, with seven 0.7 %, and every phase multiplies the timesteps of the search.
const PHASES: u64 = 3;

/// Spikes of the first items of a workload, on the mean of them; steps of the progress are passes.
///
/// # Errors
/// The workload's.
pub fn record<W: Workload>(
    program: &Arc<Mapped>,
    workload: &W,
    items: u64,
    progress: &dyn Progress,
) -> Result<Activity, Diagnostic> {
    let chip = Chip::new(program.clone());
    let (mut phases, passes) = (Vec::new(), workload.passes().max(1));
    phases.resize_with(PHASES.min(passes) as usize, || SpikeSums::new(program));
    let items = items.min(workload.len()).max(1);
    progress.stage("recording spikes", "passes");
    progress.begin(items.saturating_mul(workload.passes()));
    for index in 0..items {
        let mut pass = 0;
        let mut observe = |outcome: &PassOutcome| {
            let last = phases.len() - 1;
            let phase = pass * phases.len() as u64 / passes;
            phases[(phase as usize).min(last)].add(program, outcome);
            pass += 1;
        };
        ChipDriver::observed(&chip, (Grain::Pass, &mut observe), |driver| {
            drive(workload.begin(index), driver, &mut || progress.advance(1))
        })?;
    }
    let phases = phases.into_iter().map(|sums| sums.mean_of(items as f64)).collect();
    Ok(Activity::in_phases(&program.model, phases))
}

/// Spikes by timestep of the window and position, and passes.
struct SpikeSums {
    spikes: EntityMap<PopulationId, Vec<f32>>,
    passes: EntityMap<NetworkId, f64>,
}

impl SpikeSums {
    fn new(program: &Mapped) -> Self {
        let populations = program.model.populations.values();
        let none = populations.map(|p| vec![0.0; p.window.steps as usize * p.shape.positions()]);
        Self { spikes: none.collect(), passes: program.model.networks.values().map(|_| 0.0).collect() }
    }

    fn add(&mut self, program: &Mapped, outcome: &PassOutcome) {
        let network = outcome.counts.network;
        self.passes[network] += 1.0;
        for (id, population) in program.model.populations_of(network) {
            let Some(record) = outcome.traces.population(id) else { continue };
            let (positions, channels) = (population.shape.positions(), population.shape.channels);
            let sums = self.spikes[id].chunks_exact_mut(positions);
            for (step, sums) in sums.enumerate() {
                for position in 0..positions {
                    let first = record.spikes.bit(position, 0);
                    let words = (0..channels).step_by(64);
                    let fired: u32 = words
                        .map(|at| record.spikes.bits(step, first + at, (channels - at).min(64)).count_ones())
                        .sum();
                    sums[population.outside_position(position)] += fired as f32;
                }
            }
        }
    }

    fn mean_of(mut self, items: f64) -> RecordedPhase {
        self.spikes.values_mut().flatten().for_each(|sum| *sum /= items as f32);
        self.passes.values_mut().for_each(|passes| *passes /= items);
        RecordedPhase { spikes: self.spikes, passes: self.passes }
    }
}
