//! Which of a chip's neurons a trained neuron becomes, and what is refused because the chip has none.

use snnc_targets::Diagnostic;
use snnc_targets::schema::{Reset, Sourced};

use super::Quantiser;
use super::scale::Gain;
use crate::ir::spiking::{NeuronModel, SynapticCurrent};
use crate::neuron::TrainedNeuron;
use crate::passes::unsupported;

impl Quantiser<'_> {
    /// The neurons of a firing layer, one or one a channel, if the chip's can be them.
    pub(super) fn mappable(&self) -> Result<Vec<TrainedNeuron>, Diagnostic> {
        let mut neurons = self.layer.kind.neurons().to_vec();
        if neurons.iter().all(|neuron| *neuron == neurons[0]) {
            neurons.truncate(1);
        }
        for neuron in &neurons {
            let least = neuron.threshold - neuron.reset;
            if !(neuron.tau.is_none_or(|tau| tau >= 1.0) && least > 0.0) {
                let tau = neuron.tau.unwrap_or(f64::INFINITY);
                return Err(self.refuse(format!(
                    "tau {tau}, threshold {least} above reset: expected tau >= 1 and a threshold above the reset"
                )));
            }
            if neuron.subtract.is_some_and(f64::is_infinite) {
                let what = "a spike takes the threshold off the membrane a step late, and the membrane keeps nothing \
                            of itself (beta 0)";
                return Err(self.lacks(what, "use `reset: Zero`, or a beta above 0"));
            }
        }
        let neuron = neurons[0];
        let (strict_chip, grid) = (self.format.strict, self.format.threshold_shift);
        if neuron.strict && !strict_chip && grid > 0 {
            let what = format!(
                "fires above its threshold only, the chip at it, and its thresholds are multiples of {}",
                1u64 << grid
            );
            return Err(self.lacks(&what, "choose a target with a strict comparison, such as loihi-like"));
        }
        if neuron.current.is_some() && self.target.neuron.synaptic_current.is_none() {
            let what = "a synaptic current with a decay of its own, which neurons of the chip have not";
            return Err(self.lacks(what, "choose a target with synaptic currents, such as loihi-like"));
        }
        self.refractory(&neurons)?;
        if self.by_channel(&neurons) && !self.target.neuron.programmable.get() {
            let what = match neurons.len() {
                1 if neuron.current.is_some()
                    && neuron.subtract.is_none_or(|s| s == neuron.threshold - neuron.reset) =>
                {
                    "a constant input that joins a synaptic current"
                }
                1 => "a spike takes another amount than the threshold off the membrane",
                _ => "tau, threshold or reset differ between channels",
            };
            let what = format!("{what}, which neurons of the chip cannot do");
            return Err(self
                .lacks(&what, "choose a target with `programmable` neurons: loihi2-like, spinnaker2-like"));
        }
        Ok(neurons)
    }

    /// Refuses refractory timesteps that the chip cannot count, and those of neurons that differ by channel.
    fn refractory(&self, neurons: &[TrainedNeuron]) -> Result<(), Diagnostic> {
        let most = self.target.neuron.refractory_max.as_ref().map_or(0, Sourced::get);
        let longest = neurons.iter().map(|neuron| neuron.refractory).max().unwrap_or(0);
        if longest > most {
            let what = match most {
                0 => format!("`refractory: {longest}`: neurons of the chip are never refractory"),
                _ => format!(
                    "`refractory: {longest}`: neurons of the chip are refractory for {most} timesteps at most"
                ),
            };
            let remedy = "choose a target with `refractory_max`, such as loihi-like, or train without";
            return Err(self.lacks(&what, remedy));
        }
        if longest > 0 && self.by_channel(neurons) {
            let what = "`refractory` together with parameters by channel, an amount subtracted that is not the \
                        threshold, or a bias before a synaptic current";
            return Err(
                self.lacks(what, "leave out one of them; a reset to 0 and parameters of all channels fit")
            );
        }
        Ok(())
    }

    fn lacks(&self, what: &str, remedy: &str) -> Diagnostic {
        unsupported(&self.network.network, &self.layer.name, what.to_owned()).hint(remedy.to_owned())
    }

    /// Whether neurons need parameters by channel, beside thresholds.
    fn by_channel(&self, neurons: &[TrainedNeuron]) -> bool {
        let neuron = neurons[0];
        let constant = self.layer.host.is_some() || self.layer.bias.iter().any(|&bias| bias != 0.0);
        // The threshold that an inclusive chip compares with is one more than what a spike takes off.
        let raised = neuron.strict && !self.format.strict;
        let amount =
            neuron.subtract.is_some_and(|amount| raised || amount != neuron.threshold - neuron.reset);
        neurons.len() > 1 || amount || (neuron.current.is_some() && constant)
    }

    /// What a neuron does with a current.
    pub(super) fn gain(&self, neuron: &TrainedNeuron, timesteps: usize) -> Result<Gain, Diagnostic> {
        let threshold = neuron.threshold - neuron.reset;
        let (divisor, lost) = match neuron.tau {
            Some(tau) if neuron.decay_input => (tau * threshold, 1.0 / tau),
            Some(tau) => (threshold, 1.0 / tau),
            None => (threshold, 0.0),
        };
        let decay = self.decay(lost);
        if let Some(tau) = neuron.tau.filter(|_| decay == 0) {
            let bits = self.format.decay_bits;
            return Err(self
                .refuse(format!("tau {tau}: a loss of 1/tau a step rounds to none of 2^{bits} parts"))
                .hint("choose a target with a finer decay, or a smaller tau"));
        }
        let gathered = match neuron.current {
            Some(kept) if kept >= 1.0 => timesteps as f64,
            Some(kept) => (1.0 - kept.powf(timesteps as f64)) / (1.0 - kept),
            None => 1.0,
        };
        Ok(Gain { gain: 1.0 / divisor, decay, steps: timesteps as u32, gathered })
    }

    /// The neurons in integers: `whole` are the mantissas of the trained thresholds, `compared` those that the chip
    /// compares with.
    pub(super) fn dynamics(
        &self,
        neurons: &[TrainedNeuron],
        gains: &[Gain],
        whole: &[u32],
        compared: Vec<u32>,
    ) -> Result<NeuronModel, Diagnostic> {
        let of = |channel: usize| &neurons[if neurons.len() == 1 { 0 } else { channel }];
        let current = |kept: f64| {
            let spec = self.target.neuron.synaptic_current.as_ref()?;
            let lost = self.decay(1.0 - kept).saturating_sub(spec.decay_offset.get());
            Some(SynapticCurrent::new(spec, lost))
        };
        if !self.by_channel(neurons) {
            let (decay, thresholds) = (gains[0].decay, compared);
            let reset = if neurons[0].subtract.is_some() { Reset::Subtract } else { Reset::Zero };
            let refractory = neurons[0].refractory;
            return Ok(match neurons[0].current.and_then(current) {
                current if refractory > 0 => {
                    NeuronModel::Refractory { current, decay, thresholds, reset, refractory, floor: None }
                }
                Some(current) => NeuronModel::CubaLif { current, decay, thresholds, reset },
                None => NeuronModel::Lif { decay, thresholds, reset },
            });
        }
        let (mut subtracted, mut currents) = (Vec::new(), Vec::new());
        for (channel, &mantissa) in whole.iter().enumerate() {
            let neuron = of(channel);
            if let Some(amount) = neuron.subtract {
                let unit = f64::from(mantissa) * f64::from(1u32 << self.format.threshold_shift);
                let amount = amount / (neuron.threshold - neuron.reset) * unit;
                if amount.round_ties_even() > f64::from(self.format.state_max()) {
                    let message = format!(
                        "channel {channel}: a spike takes more off the membrane than its width holds"
                    );
                    return Err(self.refuse(message).hint("a beta near 0 subtracts threshold / beta"));
                }
                subtracted.push(amount.round_ties_even() as u32);
            }
            currents.extend(neuron.current.and_then(current));
        }
        let decays = gains.iter().map(|gain| gain.decay).collect();
        Ok(NeuronModel::ByChannel { thresholds: compared, decays, subtracted, currents })
    }
}
