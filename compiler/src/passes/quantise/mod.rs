//! Integers in the target's widths.
//!
//! A firing layer's membrane is counted in units of its threshold: channel c has 1.0 = `mantissa[c] <<
//! threshold_shift`, so a channel's scale lives in its threshold and costs nothing at run time. Each channel takes the
//! mantissa at which weights and biases together are rounded best ([`search`], [`objective`]), as far as no
//! timestep's sum can leave the accumulator ([`scale`]); where a core has few threshold profiles, the channels share
//! a palette of that many values ([`palette`]). Weights are rounded up or down such that their sums stay what they
//! were, or, where activity was recorded, the currents ([`adaptive`]). The 1/tau of the input goes into weights and
//! biases. Where weights are too small for their width (thresholds end before they do), a smaller weight exponent
//! makes them larger. Strict thresholds are made to fire on ties as far as the format allows ([`ties`]).
//!
//! Read-outs are integrators without threshold: each channel has a scale of its own, which the host divides by
//! ([`readout`]).

mod adaptive;
mod bounds;
mod design;
mod dynamics;
mod fan;
mod kernels;
mod leak;
mod objective;
mod palette;
mod readout;
mod scale;
mod search;
mod summary;
mod ties;

pub use summary::{LayerQuantisation, summary};

use snnc_targets::{Code, Diagnostic, Diagnostics, Subject};

use super::TargetRules;
use super::calibrate::RecordedPass;
use super::collect::{Collected, HostPath, NeuronKind, NeuronLayer, SourceKernel};
use super::schedule::WindowSchedule;
use crate::ir::spiking::reach;
use crate::ir::spiking::{
    Bias, Connectivity, HostInput, MembraneUnit, NeuronFormat, NeuronModel, Population, Projection, Readout,
    Rounding, SpikingIr, Ties,
};
use crate::ir::{NetworkId, PopulationId};
use crate::neuron::TrainedNeuron;
use crate::workload::RecordingObserver;
use design::Design;
use objective::SourceActivity;
use scale::Gain;

/// Name of the pass.
pub const NAME: &str = "quantise";
/// What it does.
pub const DESCRIPTION: &str = "rounds weights, thresholds, biases and decays to the target's integers";

/// Membranes may reach this multiple of the threshold before they are clipped.
const HEADROOM: f64 = 16.0;
/// Rounding errors of a weight, in its units, that are float noise.
const EXACT: f64 = 1e-9;

/// Appends a network's populations, projections, host inputs and read-outs to `ir`.
///
/// `ranges` are the value ranges of the network's input channels, where they are known; the observer is told of each
/// layer.
///
/// # Errors
/// [`Code::Quantise`] or [`Code::Unsupported`] naming the layer.
pub fn run(
    ir: &mut SpikingIr,
    network: NetworkId,
    collected: &Collected,
    schedule: &WindowSchedule,
    ranges: Option<&[(f64, f64)]>,
    (recorded, observer): (&[RecordedPass], &dyn RecordingObserver),
    target: &TargetRules,
) -> Result<(), Diagnostics> {
    leak::check(collected, target)?;
    has_port(collected, target)?;
    let profiles = target.threshold_profiles.map(|profiles| profiles as usize);
    let mut problems = Diagnostics::default();
    let first = ir.model.populations.len();
    for (index, layer) in collected.layers.iter().enumerate() {
        let quantiser = Quantiser {
            format: ir.model.neuron,
            target,
            network: collected,
            layer,
            ranges,
            recorded,
            profiles,
        };
        let quantised = match quantiser.holding(collected.timesteps) {
            Ok(quantised) => quantised,
            // Later layers refer to this one by index, so nothing after it can be lowered.
            Err(problem) => {
                problems.push(problem);
                break;
            }
        };
        observer.rounded(layer.weights());
        let population = ir.model.populations.push(Population {
            network,
            name: layer.name.clone(),
            shape: layer.shape,
            dynamics: quantised.dynamics,
            input_shift: quantised.input_shift,
            bias: quantised.bias,
            window: schedule.windows[index],
            order: None,
            rounding: quantised.rounding,
        });
        for ((source, connectivity), &delay) in
            layer.sources.iter().zip(quantised.kernels).zip(&schedule.delays[index])
        {
            let source = PopulationId((first + source.source) as u32);
            let connectivity = match connectivity {
                Connectivity::Sparse(lists) if target.skips_zeros => {
                    Connectivity::Sparse(lists.without_zeros())
                }
                stored => stored,
            };
            ir.projections.push(Projection { source, target: population, delay, connectivity });
        }
        if let Some(path) = layer.host.clone() {
            let HostPath { input, stages } = match &quantised.host_correction[..] {
                [] => path,
                correction => path.with_constants(layer.shape, correction),
            };
            let neuron = layer.kind.trained().filter(|neuron| {
                // Spikes of others are not written alike.
                layer.sources.is_empty()
                    && neuron.subtract.is_none()
                    && !neuron.strict
                    && neuron.current.is_none()
            });
            let scale = quantised.current_scale;
            ir.model.inputs.push(HostInput { population, input, stages, scale, neuron });
        }
        if let Some((scale, offset)) = quantised.readout {
            ir.model.readouts.push(Readout { population, scale, offset });
        }
    }
    problems.into_result(())
}

/// Refuses spikes from outside where the target describes no way in.
fn has_port(network: &Collected, target: &TargetRules) -> Result<(), Diagnostic> {
    let taken = network.layers.iter().find(|layer| layer.kind.is_port());
    let Some(layer) = taken.filter(|_| !target.has_input_port) else { return Ok(()) };
    let message = format!("takes spikes from outside; {} describes no port for them", target.name);
    Err(crate::passes::unsupported(&network.network, &layer.name, message)
        .hint("choose a target with `topology.input_port`, or give it one in a file of your own"))
}

/// One layer in integers.
struct Quantised {
    dynamics: NeuronModel,
    input_shift: u32,
    bias: Bias,
    kernels: Vec<Connectivity>,
    /// Integer bias per unit of current, one a channel.
    current_scale: Vec<f64>,
    /// What the host adds to its current to make up for rounded weights, one a channel; empty for nothing.
    host_correction: Vec<f64>,
    /// Scale and offset of a read-out.
    readout: Option<(Vec<f64>, Vec<f64>)>,
    rounding: Rounding,
}

impl Quantised {
    /// Spikes from outside have no numbers.
    fn port() -> Self {
        Self {
            dynamics: NeuronModel::Port,
            input_shift: 0,
            bias: Bias::Zero,
            kernels: Vec::new(),
            current_scale: Vec::new(),
            host_correction: Vec::new(),
            readout: None,
            rounding: Rounding::default(),
        }
    }
}

/// By how much the worst sums are made smaller, one try after the other, until rounded weights keep them in their
/// width too.
const HELD: [f64; 4] = [1.0, 0.98, 0.95, 0.9];

struct Quantiser<'a> {
    format: NeuronFormat,
    target: &'a TargetRules,
    network: &'a Collected,
    layer: &'a NeuronLayer,
    ranges: Option<&'a [(f64, f64)]>,
    recorded: &'a [RecordedPass],
    profiles: Option<usize>,
}

impl Quantiser<'_> {
    /// The layer in integers whose worst sums stay in their widths, where that is worth what it costs.
    fn holding(&self, timesteps: usize) -> Result<Quantised, Diagnostic> {
        let mut first: Option<Quantised> = None;
        for held in HELD {
            let quantised = self.layer(timesteps, held)?;
            if self.holds(&quantised, timesteps) {
                return Ok(quantised);
            }
            // What does not follow the limit was found to be not worth it.
            let free = first.as_ref().is_some_and(|first| {
                (&first.dynamics, &first.current_scale) == (&quantised.dynamics, &quantised.current_scale)
            });
            first = first.or(Some(quantised));
            if free {
                break;
            }
        }
        Ok(first.expect("the list of tries is not empty"))
    }

    fn holds(&self, quantised: &Quantised, timesteps: usize) -> bool {
        let incoming: Vec<&Connectivity> = quantised.kernels.iter().collect();
        let sums = reach::sum_ranges(&incoming, self.layer.shape.channels);
        let biases = reach::stored_biases(&quantised.bias, self.layer.shape);
        let worst = reach::Worst { sums: &sums, biases: &biases, steps: timesteps as u32 };
        worst.excess(&self.format, &quantised.dynamics, quantised.input_shift).is_none()
    }

    fn layer(&self, timesteps: usize, held: f64) -> Result<Quantised, Diagnostic> {
        match &self.layer.kind {
            NeuronKind::Port => Ok(Quantised::port()),
            NeuronKind::Firing { .. } => {
                let neurons = self.mappable()?;
                let gains = neurons.iter().map(|neuron| self.gain(neuron, timesteps));
                let mut gains = gains.collect::<Result<Vec<Gain>, _>>()?;
                if gains.len() == 1 {
                    gains = vec![gains[0]; self.layer.shape.channels];
                }
                self.firing(&neurons, &gains, held)
            }
            NeuronKind::Mean => {
                let mean = 1.0 / timesteps as f64;
                let sum =
                    readout::ReadoutSum { decay: 0, newest: mean, all: 1.0, gathered: timesteps as f64 };
                Ok(self.readout(sum, held))
            }
            NeuronKind::Sum => {
                let steps = timesteps as f64;
                let sum = readout::ReadoutSum { decay: 0, newest: 1.0, all: steps, gathered: steps };
                Ok(self.readout(sum, held))
            }
            NeuronKind::Weighted { coefficients } => self.weighted(coefficients, held),
        }
    }

    fn refuse(&self, message: String) -> Diagnostic {
        Diagnostic::new(Code::Quantise, Subject::layer(&self.network.network, &self.layer.name), message)
    }

    /// Neurons that compare their membrane with a threshold.
    fn firing(&self, neurons: &[TrainedNeuron], gains: &[Gain], held: f64) -> Result<Quantised, Diagnostic> {
        let channels = fan::channels(self.layer);
        let design = self.design();
        let activity = self.activity(design.as_ref());
        let (input_shift, mut mantissas) = self.scales(&channels, &activity, gains, held)?;
        let unit = |m: u32| f64::from(m) * f64::from(1u32 << self.format.threshold_shift);
        let scaled = mantissas.iter().zip(gains).map(|(&m, gain)| unit(m) * gain.gain);
        let current_scale: Vec<f64> = scaled.collect();
        let rounding = self.kernels(&channels, design.as_ref(), &current_scale, input_shift);
        let bias = self.bias(&current_scale, &rounding.correction);
        let Gain { decay, steps, .. } = gains[0];
        // Decays that differ leave membranes no common grid.
        let decay = if gains.iter().all(|gain| gain.decay == decay) { decay } else { 1 };
        let (mantissas_of, exact) = (mantissas.clone(), rounding.exact);
        let layer = ties::FiringLayer {
            format: &self.format,
            decay,
            input_shift,
            steps,
            mantissas: &mantissas_of,
            bias: &bias,
            written_alone: self.layer.sources.is_empty(),
            exact,
            soft: neurons[0].subtract.is_some(),
            trained_strict: neurons[0].strict,
        };
        let ties = layer.plan();
        let bias = match ties {
            Ties::Threshold => {
                mantissas.iter_mut().for_each(|m| *m -= 1);
                bias
            }
            Ties::Above => {
                mantissas.iter_mut().for_each(|m| *m += 1);
                bias
            }
            Ties::Bias => self.raised(bias, channels.len()),
            Ties::Written | Ties::Strict | Ties::Inclusive => bias,
        };
        let (zeroed, weights) = rounding.zeroed;
        let corrects = self.layer.host.is_some() && !self.layer.sources.is_empty();
        let corrections = rounding.correction.iter().zip(&current_scale).filter(|_| corrects);
        let host_correction = corrections.map(|(correction, scale)| correction / scale).collect();
        let of = |channel: usize| &neurons[if neurons.len() == 1 { 0 } else { channel }];
        let units = mantissas_of.iter().enumerate().map(|(c, &m)| (of(c).threshold - of(c).reset) / unit(m));
        let membrane = MembraneUnit {
            scale: units.collect(),
            rest: (0..mantissas_of.len()).map(|channel| of(channel).reset).collect(),
        };
        Ok(Quantised {
            dynamics: self.dynamics(neurons, gains, &mantissas_of, mantissas)?,
            input_shift,
            bias,
            kernels: rounding.kernels,
            host_correction,
            current_scale,
            readout: None,
            rounding: Rounding { ties: Some(ties), zeroed, weights, membrane: Some(membrane) },
        })
    }

    /// Every constant input the next higher that the format holds.
    fn raised(&self, bias: Bias, channels: usize) -> Bias {
        let next = |values: Vec<i32>| {
            values.into_iter().map(|value| self.format.above(value).unwrap_or(value)).collect()
        };
        match bias {
            Bias::Zero => Bias::Channel(vec![1; channels]),
            Bias::Channel(values) => Bias::Channel(next(values)),
            Bias::Neuron(values) => Bias::Neuron(next(values)),
            Bias::Host => Bias::Host,
        }
    }

    /// Variances of what was recorded, or the assumption in its place.
    fn activity(&self, design: Option<&Design>) -> SourceActivity {
        let Some(design) = design else { return SourceActivity::Assumed };
        let rows = self.layer.sources.iter().flat_map(SourceKernel::rows).zip(design.variances());
        SourceActivity::Recorded(rows.flat_map(|(row, v)| std::iter::repeat_n(v, row.len())).collect())
    }

    /// What the weights were multiplied with, if that was recorded.
    fn design(&self) -> Option<Design> {
        let recorded = !self.recorded.is_empty() && !self.layer.sources.is_empty();
        recorded.then(|| Design::new(self.network, self.layer, self.recorded))
    }

    fn decay(&self, lost: f64) -> u32 {
        (lost * f64::from(1u32 << self.format.decay_bits)).round_ties_even() as u32
    }

    /// The constant current, in membrane units, with a correction in the same units, as the format holds it.
    fn bias(&self, scale: &[f64], correction: &[f64]) -> Bias {
        if self.layer.host.is_some() {
            return Bias::Host;
        }
        // One a channel, or one a neuron of the only channel.
        let channel = |i: usize| i % scale.len();
        let exact =
            self.layer.bias.iter().enumerate().map(|(i, b)| b * scale[channel(i)] + correction[channel(i)]);
        let encoded: Vec<i32> = exact.map(|value| self.format.encode_bias(value).0).collect();
        if encoded.iter().all(|&b| b == 0) {
            Bias::Zero
        } else if encoded.len() == scale.len() {
            Bias::Channel(encoded)
        } else {
            Bias::Neuron(encoded)
        }
    }
}
