//! Networks, the neuron format and populations: names, shapes, windows, thresholds and biases.

use std::collections::BTreeSet;

use snnc_targets::{NamedPart, Place, Subject};

use super::{Checker, holds};
use crate::ir::spiking::{Bias, NeuronFormat, Population, SpikingModel, Ties};

/// Most neurons of a population.
const NEURONS_MAX: usize = 1 << 28;

impl Checker {
    pub(super) fn networks(&mut self, model: &SpikingModel) {
        let mut ends = vec![None; model.networks.len()];
        for p in model.populations.values() {
            if let Some(end) = ends.get_mut(p.network.0 as usize) {
                *end = (*end).max(Some(u64::from(p.window.start) + u64::from(p.window.steps)));
            }
        }
        let mut names = BTreeSet::new();
        for ((id, network), end) in model.networks.iter().zip(ends) {
            let place = Subject::IrNetwork(id, Some(network.name.clone())).into();
            self.need(names.insert(&network.name), &place, || "network name is used twice".into());
            self.need(network.timesteps >= 1, &place, || "expected at least one timestep".into());
            let whole =
                end.is_some_and(|end| end <= network.pass_steps.into()) && network.pass_steps <= 1 << 23;
            self.need(whole, &place, || {
                format!(
                    "{} timesteps a pass, expected the end of the last window, at most 2^23",
                    network.pass_steps
                )
            });
        }
    }

    pub(super) fn populations(&mut self, model: &SpikingModel) {
        let (mut layers, mut fed) = (BTreeSet::new(), BTreeSet::new());
        for (id, population) in model.populations.iter() {
            let place = Subject::Population(id, population.name.clone()).into();
            let unique = layers.insert((population.network, &population.name));
            self.need(unique, &place, || "layer name is used twice in its network".into());
            let single = !population.dynamics.is_port() || fed.insert(population.network);
            self.need(single, &place, || "its network takes spikes from outside twice".into());
            self.population(model, population, &place);
        }
    }

    pub(super) fn format(&mut self, format: &NeuronFormat) {
        let widths = (1..=16).contains(&format.weight_bits)
            && (8..=31).contains(&format.state_bits)
            && (8..=31).contains(&format.accumulator_bits)
            && format.weight_shift < format.accumulator_bits
            && format.weight_shift_min <= format.weight_shift
            && format.decay_bits <= 16
            && format.bias_mantissa_bits >= 2
            && format.bias_mantissa_bits.saturating_add(format.bias_exponent_max) <= 31
            && format.threshold_mantissa_bits >= 1
            && format.threshold_mantissa_bits.saturating_add(format.threshold_shift) <= 31
            && format.threshold_mantissa_max() >= 1;
        self.need(widths, &NamedPart::NeuronFormat.into(), || "a width is out of range".into());
    }

    /// Spikes from outside know no bias, shift or other order, and are there in the first timesteps.
    fn port(&mut self, p: &Population, place: &Place) {
        if p.dynamics.is_port() {
            let plain = (p.input_shift, &p.bias, &p.order) == (0, &Bias::Zero, &None);
            self.need(plain, place, || "spikes from outside have a shift, a bias or an order".into());
        }
    }

    fn population(&mut self, model: &SpikingModel, p: &Population, place: &Place) {
        let format = &model.neuron;
        let Some(network) = model.networks.get(p.network) else {
            self.need(false, place, || format!("{} does not exist", p.network));
            return;
        };
        if !holds(p.shape, NEURONS_MAX) {
            return self.need(false, place, || format!("shape {} must hold 1 to 2^28 neurons", p.shape));
        }
        let end = p.window.start.checked_add(p.window.steps);
        let inside = p.window.steps >= 1 && end.is_some_and(|end| end <= network.pass_steps);
        self.need(inside, place, || {
            format!(
                "window {:?} must be non-empty and inside the pass of {} steps",
                p.window, network.pass_steps
            )
        });
        let shifts = format.weight_shift_min..=format.weight_shift;
        self.need(p.dynamics.is_port() || shifts.contains(&p.input_shift), place, || {
            format!("input shift {} is outside {shifts:?}", p.input_shift)
        });
        for problem in p.dynamics.problems(format, p.shape.channels) {
            self.need(false, place, || problem);
        }
        // What fires at one mantissa more must be a threshold too.
        let lowered = p.rounding.ties == Some(Ties::Threshold);
        let below = |&t: &u32| t < format.threshold_mantissa_max();
        let room = !lowered || p.dynamics.thresholds().iter().all(below);
        self.need(room, place, || "a lowered threshold mantissa was the largest before".into());
        let biases = match &p.bias {
            Bias::Channel(values) => Some((values, p.shape.channels, "channels")),
            Bias::Neuron(values) => Some((values, p.shape.len(), "neurons")),
            Bias::Zero | Bias::Host => None,
        };
        if let Some((values, count, of)) = biases {
            self.need(values.len() == count, place, || format!("{} biases for {count} {of}", values.len()));
            let fits = values.iter().all(|&b| format.bias_is_representable(b));
            self.need(fits, place, || "a bias is not mantissa << exponent within the widths".into());
        }
        if let Some(unit) = &p.rounding.membrane {
            let channels = [unit.scale.len(), unit.rest.len()] == [p.shape.channels; 2];
            let scales = unit.scale.iter().all(|scale| scale.is_finite() && *scale > 0.0);
            let rests = unit.rest.iter().all(|rest| rest.is_finite());
            self.need(channels && scales && rests, place, || {
                "its membranes' unit is not a finite scale above 0 and a finite rest a channel".into()
            });
        }
        self.port(p, place);
        let order = p.order.as_ref().and_then(|order| p.order_problem(order));
        self.need(order.is_none(), place, || order.unwrap_or_default());
    }
}
