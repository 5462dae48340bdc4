//! What may go wrong in a run, known before it from the integers alone: the same from a spiking IR and from a program.
//!
//! Bounds assume nothing about spikes, so a warning says what can happen and not that it will; what does happen is
//! counted at run time. Without a warning no timestep's sum leaves the accumulator and no read-out its width.

use snnc_targets::{Code, Diagnostic, Place};

use super::PopulationId;
use super::program::Program;
use super::spiking::reach::{Excess, ValueRange, Worst, bias_ranges};
use super::spiking::{NeuronFormat, Population, SpikingIr, SpikingModel};

impl SpikingIr {
    /// Warnings about its layers, in order.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        warnings(&self.model, |id| self.sum_ranges(id))
    }
}

impl Program {
    /// Warnings about its layers, in order.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let mut sums = self.sum_ranges();
        warnings(&self.model, |id| sums.remove(&id).unwrap_or_default())
    }
}

fn warnings(model: &SpikingModel, mut sums: impl FnMut(PopulationId) -> Vec<ValueRange>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (id, population) in model.populations.iter() {
        let place = model.layer_place(id);
        let worst = Worst {
            sums: &sums(id),
            biases: &bias_ranges(model, id),
            steps: model.networks[population.network].timesteps,
        };
        let excess = worst.excess(&model.neuron, &population.dynamics, population.input_shift);
        found.extend(excess.map(|excess| overflow(&model.neuron, &place, excess, worst.steps)));
        found.extend(zeroed(model.neuron.weight_bits, &place, population));
    }
    found
}

fn overflow(format: &NeuronFormat, place: &Place, excess: Excess, steps: u32) -> Diagnostic {
    let most = |bits: u32| (1i64 << (bits - 1)) - 1;
    let bits = format.state_bits;
    match excess {
        Excess::Sum(ValueRange { low, high }) => {
            let (bits, does) = (format.accumulator_bits, if format.wrap { "wraps" } else { "is clipped" });
            let message = format!(
                "the weights of one timestep may sum to {low} or {high} if all sources with such weights fire; an \
                 accumulator of {bits} bits ends at {} and {}, beyond which the sum {does}",
                -most(bits) - 1,
                most(bits)
            );
            Diagnostic::warning(Code::SumMayOverflow, place.clone(), message).hint(
                "no weight exponent holds it without rounding far more: use fewer inputs, smaller weights or a \
                 target with a wider accumulator, or check that the run's report counts no overflow",
            )
        }
        Excess::Current(low, high) => {
            let message = format!(
                "with its bias a synaptic current may reach {low:.0} or {high:.0} within {steps} timesteps, which \
                 leaves its width"
            );
            Diagnostic::warning(Code::SumMayOverflow, place.clone(), message).hint(
                "use fewer inputs, smaller weights or a faster decay of the current, or check that the run's report \
                 counts no overflow",
            )
        }
        Excess::Drift(low) => {
            let message = format!(
                "its membranes may sink to {low:.0} within {steps} timesteps and still fire again; a membrane of \
                 {bits} bits ends at {}, where it is clipped",
                -most(bits) - 1
            );
            Diagnostic::warning(Code::MembraneMayClip, place.clone(), message).hint(
                "use fewer inputs or smaller negative weights, fewer timesteps or a target with wider membranes, or \
                 check that the run's report counts no clipped membrane",
            )
        }
        Excess::Integrator(low, high) => {
            let message = format!(
                "over {steps} timesteps its membrane may reach {low:.0} or {high:.0}; a membrane of {bits} bits ends \
                 at {} and {}, where it is clipped",
                -most(bits) - 1,
                most(bits)
            );
            Diagnostic::warning(Code::ReadoutMaySaturate, place.clone(), message).hint(
                "no scale holds it with whole weights: use fewer inputs or timesteps or a target with wider \
                 membranes, or check that the run's report counts no clipped membrane",
            )
        }
    }
}

/// More than half of a layer's weights became 0.
fn zeroed(bits: u32, place: &Place, population: &Population) -> Option<Diagnostic> {
    let (zeroed, weights) = (population.rounding.zeroed, population.rounding.weights);
    (zeroed.saturating_mul(2) > weights).then(|| {
        let message = format!("{zeroed} of {weights} weights other than 0 became 0 at {bits} bits");
        Diagnostic::warning(Code::WeightsRoundToZero, place.clone(), message).hint(
            "its largest weights leave the others too few steps: use more bits, `--calibrate`, or train with a \
             smaller range",
        )
    })
}
