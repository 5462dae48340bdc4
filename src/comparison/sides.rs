//! Chip and float reference side by side: one input, both answers, and what the layers did.

use std::sync::Arc;

use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::SpikingIr;
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_simulator::execute::{Chip, PassOutcome};
use snnc_targets::{Diagnostic, Diagnostics};

use super::layer_sums::LayerSums;
use super::layerwise::Layerwise;
use crate::float_driver::FloatDriver;

/// Spikes of every firing population of a pass, `[timestep][c, h, w]`.
pub type PassSpikes = Vec<(PopulationId, Vec<Vec<bool>>)>;

/// Both sides of a compiled model.
pub struct Sides<'a> {
    float: FloatDriver<'a>,
    /// The chip.
    pub chip: Chip,
    layerwise: Layerwise,
}

/// Read-outs of a pass.
pub struct Answers {
    /// Of the float reference.
    pub float: Vec<f64>,
    /// Of the chip.
    pub chip: Vec<f64>,
}

impl<'a> Sides<'a> {
    /// A model, and what it was compiled to.
    ///
    /// # Errors
    /// What the float reference refuses.
    pub fn new(
        model: &'a LoadedModel,
        (ir, program): (SpikingIr, &Arc<Program>),
    ) -> Result<Self, Diagnostics> {
        Ok(Self {
            float: FloatDriver::new(model)?,
            chip: Chip::new(program.clone()),
            layerwise: Layerwise::new(model, ir, &program.target)?,
        })
    }

    /// Gives both sides the same input and compares their spikes; those of a chip that runs freely are compared too, if
    /// given. `checked`: each layer alone is checked as well.
    ///
    /// # Errors
    /// For inputs that the network does not take.
    pub fn pass(
        &self,
        sums: &mut LayerSums,
        (network, input): (NetworkId, &[f64]),
        free: Option<PassSpikes>,
        checked: bool,
    ) -> Result<Answers, Diagnostic> {
        let trace = self.float.trace(network, input)?;
        let mut outcome = self.chip.run(network, input)?;
        let forced = self.spikes(network, &outcome);
        for (spikes, passes) in [(&mut sums.spikes, Some(forced)), (&mut sums.free_spikes, free)] {
            for (id, steps) in passes.into_iter().flatten() {
                let Some(float) = trace.spikes(&self.chip.program.model.populations[id].name) else {
                    continue;
                };
                let layer = spikes.entry(id).or_default();
                float.iter().zip(&steps).for_each(|(float, chip)| layer.add(float, chip));
            }
        }
        for events in outcome.counts.steps.iter().flat_map(|step| &step.events) {
            sums.saturation.accumulator += events.accumulator_overflows;
            sums.saturation.state += events.state_saturations;
        }
        sums.saturation.bias += outcome.counts.bias_saturations;
        if checked {
            for (id, check) in self.layerwise.check(network, input, &trace) {
                sums.checks.entry(id).or_default().merge(&check);
            }
        }
        Ok(Answers { float: trace.output().data.clone(), chip: outcome.readouts.swap_remove(0) })
    }

    /// Spikes of the network's firing populations; those from outside are the same on both sides.
    pub fn spikes(&self, network: NetworkId, outcome: &PassOutcome) -> PassSpikes {
        let populations = self.chip.program.model.populations_of(network);
        let firing = populations.filter(|(_, p)| p.dynamics.fires() && !p.dynamics.is_port());
        firing.map(|(id, _)| (id, self.chip.spikes(outcome, id))).collect()
    }
}
