//! Pass 4: integers in the target's widths.
//!
//! A firing layer's membrane is counted in units of its threshold: channel c has 1.0 = `mantissa[c] <<
//! threshold_shift`, so a channel's scale lives in its threshold and costs nothing at run time. Each channel takes
//! the largest mantissa at which its weights, biases and head-room fit; where a core has few threshold profiles,
//! the channels share a palette of that many values ([`palette`]). Weights are rounded to nearest, ties to even, or, where activity was
//! recorded, so that the currents stay what they were ([`adaptive`]). The 1/tau of the input goes into weights and biases.
//! Where weights are too small for their width (thresholds end before they do), a smaller weight exponent makes them
//! larger. Strict thresholds are made to fire on ties as far as the format allows ([`ties`]).
//!
//! Read-outs are integrators without threshold: each channel has a scale of its own, which the host divides by.

mod adaptive;
mod bounds;
mod design;
mod leak;
mod palette;
mod scale;
mod summary;
mod ties;

pub use summary::{LayerQuantisation, summary};
pub use ties::Ties;

use snnc_targets::{Code, Diagnostic, Diagnostics, Target};

use super::calibrate::Pass;
use super::collect::{Collected, HostPath, NeuronKind, NeuronLayer, SourceKernel, Wiring};
use super::schedule::Schedule;
use super::unsupported;
use crate::ir::NetworkId;
use crate::ir::spiking::{
    Bias, Connectivity, Convolution, Dynamics, HostInput, Kernel, NeuronFormat, Population, Projection,
    Readout, Sparse, SpikingIr,
};
use adaptive::Rounded;
use design::Design;

/// Name of the pass.
pub const NAME: &str = "quantise";
/// What it does.
pub const DESCRIPTION: &str = "rounds weights, thresholds, biases and decays to the target's integers";

/// Membranes may reach this multiple of the threshold before they are clipped.
const HEADROOM: f64 = 16.0;
/// Largest error at which recorded read-out coefficients still count as powers of one decay.
const COEFFICIENT_TOLERANCE: f64 = 1e-5;
/// Rounding errors of a weight, in its units, that are float noise.
const EXACT: f64 = 1e-9;

/// Appends a network's populations, projections, host inputs and read-outs to `ir`.
///
/// `ranges` are the value ranges of the network's input channels, where they are known.
///
/// # Errors
/// [`Code::Quantise`] or [`Code::Unsupported`] naming the layer.
pub fn run(
    ir: &mut SpikingIr,
    network: NetworkId,
    collected: &Collected,
    schedule: &Schedule,
    ranges: Option<&[(f64, f64)]>,
    recorded: &[Pass],
    target: &Target,
) -> Result<(), Diagnostics> {
    leak::check(collected, target)?;
    let profiles = target.core.threshold_profiles.as_ref().map(|p| p.get() as usize);
    let mut problems = Diagnostics::default();
    let mut ids = Vec::new();
    for (index, layer) in collected.layers.iter().enumerate() {
        let quantiser =
            Quantiser { format: ir.model.neuron, network: collected, layer, ranges, recorded, profiles };
        match quantiser.layer(collected.timesteps) {
            Ok(quantised) => {
                ids.push(ir.model.populations.push(Population {
                    network,
                    name: layer.name.clone(),
                    shape: layer.shape,
                    dynamics: quantised.dynamics,
                    input_shift: quantised.input_shift,
                    bias: quantised.bias,
                    window: schedule.windows[index],
                    order: None,
                }));
                let population = ids[index];
                for ((source, connectivity), &delay) in
                    layer.sources.iter().zip(quantised.kernels).zip(&schedule.delays[index])
                {
                    let source = ids[source.source];
                    ir.projections.push(Projection { source, target: population, delay, connectivity });
                }
                if let Some(HostPath { input, stages }) = layer.host.clone() {
                    ir.model.inputs.push(HostInput {
                        population,
                        input,
                        stages,
                        scale: quantised.current_scale,
                    });
                }
                if let Some((scale, offset)) = quantised.readout {
                    ir.model.readouts.push(Readout { population, scale, offset });
                }
            }
            // Later layers refer to this one by index, so nothing after it can be lowered.
            Err(problem) => {
                problems.push(problem);
                break;
            }
        }
    }
    problems.into_result(())
}

/// One layer in integers.
struct Quantised {
    dynamics: Dynamics,
    input_shift: u32,
    bias: Bias,
    kernels: Vec<Connectivity>,
    /// Integer bias per unit of current, one a channel.
    current_scale: Vec<f64>,
    /// Scale and offset of a read-out.
    readout: Option<(Vec<f64>, Vec<f64>)>,
}

/// A layer's rounded weights.
struct Rounding {
    /// One a source.
    kernels: Vec<Connectivity>,
    /// Constant input, in membrane units, that makes up for the mean error of what was recorded; one a channel.
    correction: Vec<f64>,
    /// Whether no weight had to be rounded.
    exact: bool,
}

struct Quantiser<'a> {
    format: NeuronFormat,
    network: &'a Collected,
    layer: &'a NeuronLayer,
    ranges: Option<&'a [(f64, f64)]>,
    recorded: &'a [Pass],
    profiles: Option<usize>,
}

impl Quantiser<'_> {
    fn layer(&self, timesteps: usize) -> Result<Quantised, Diagnostic> {
        match &self.layer.kind {
            NeuronKind::Lif { tau, threshold, reset } => self.lif(*tau, threshold - reset),
            NeuronKind::If { threshold } => self.firing(0, 1.0 / threshold),
            NeuronKind::Mean => Ok(self.readout(0, 1.0 / timesteps as f64, 1.0, timesteps as f64)),
            NeuronKind::Weighted { coefficients } => self.weighted(coefficients),
        }
    }

    fn refuse(&self, message: String) -> Diagnostic {
        Diagnostic::new(
            Code::Quantise,
            format!("layer {}.{}", self.network.network, self.layer.name),
            message,
        )
    }

    fn lif(&self, tau: f64, threshold: f64) -> Result<Quantised, Diagnostic> {
        if !(tau >= 1.0 && threshold > 0.0) {
            return Err(self.refuse(format!(
                "tau {tau}, threshold {threshold} above reset: expected tau >= 1 and a threshold above the reset"
            )));
        }
        if self.decay(1.0 / tau) == 0 {
            let bits = self.format.decay_bits;
            return Err(self
                .refuse(format!("tau {tau}: a loss of 1/tau a step rounds to none of 2^{bits} parts"))
                .hint("choose a target with a finer decay, or a smaller tau"));
        }
        self.firing(self.decay(1.0 / tau), 1.0 / (tau * threshold))
    }

    /// Neurons that lose `decay` a step; `gain` is from current to membrane, in thresholds.
    fn firing(&self, decay: u32, gain: f64) -> Result<Quantised, Diagnostic> {
        let (input_shift, mut mantissas) = self.scales(gain)?;
        let unit: Vec<f64> = mantissas
            .iter()
            .map(|&m| f64::from(m) * f64::from(1u32 << self.format.threshold_shift))
            .collect();
        let current_scale: Vec<f64> = unit.iter().map(|u| u * gain).collect();
        let rounding = self.kernels(&current_scale, input_shift);
        let bias = self.bias(&current_scale, &rounding.correction, |value| self.format.encode_bias(value).0);
        let bias = match Ties::plan(&self.format, decay, input_shift, &bias) {
            Ties::Threshold => {
                mantissas.iter_mut().for_each(|m| *m -= 1);
                bias
            }
            Ties::Bias => {
                self.bias(&current_scale, &rounding.correction, |value| ties::raised(&self.format, value))
            }
            Ties::Strict if rounding.exact && bias == Bias::Zero => Bias::Channel(vec![1; unit.len()]),
            Ties::Strict | Ties::Inclusive => bias,
        };
        Ok(Quantised {
            dynamics: Dynamics::Lif { decay, thresholds: mantissas },
            input_shift,
            bias,
            kernels: rounding.kernels,
            current_scale,
            readout: None,
        })
    }

    fn decay(&self, lost: f64) -> u32 {
        (lost * f64::from(1u32 << self.format.decay_bits)).round_ties_even() as u32
    }

    /// The constant current, in membrane units, with a correction in the same units, as `encode` holds it.
    fn bias(&self, scale: &[f64], correction: &[f64], encode: impl Fn(f64) -> i32) -> Bias {
        if self.layer.host.is_some() {
            return Bias::Host;
        }
        // One a channel, or one a neuron of the only channel.
        let channel = |i: usize| i % scale.len();
        let exact =
            self.layer.bias.iter().enumerate().map(|(i, b)| b * scale[channel(i)] + correction[channel(i)]);
        let encoded: Vec<i32> = exact.map(encode).collect();
        if encoded.iter().all(|&b| b == 0) {
            Bias::Zero
        } else if encoded.len() == scale.len() {
            Bias::Channel(encoded)
        } else {
            Bias::Neuron(encoded)
        }
    }

    /// Rounds every source's weights at `scale[c]` membrane units per unit of current.
    fn kernels(&self, scale: &[f64], input_shift: u32) -> Rounding {
        let shift = f64::from(1u32 << input_shift);
        let most = f64::from(self.format.weight_max());
        let outputs = scale.len();
        let of = |source: &'_ SourceKernel| -> Vec<f64> {
            let pairs = source.weights.iter().zip(source.weight_channels());
            pairs.map(|(w, channel)| w * scale[channel] / shift).collect()
        };
        let exact: Vec<f64> = self.layer.sources.iter().flat_map(of).collect();
        let rounded = if self.recorded.is_empty() || self.layer.sources.is_empty() {
            let nearest = |w: &f64| w.round_ties_even().clamp(-most, most) as i16;
            Rounded { weights: exact.iter().map(nearest).collect(), correction: vec![0.0; outputs] }
        } else {
            let design = Design::new(self.network, self.layer, self.recorded);
            let firsts: Vec<(usize, usize)> = self
                .layer
                .sources
                .iter()
                .flat_map(|s| s.rows().map(|(first, row)| (first, row.len())))
                .collect();
            adaptive::round_rows(&design, &exact, &firsts, outputs, most)
        };
        let mut rest = rounded.weights.as_slice();
        let kernel = |source: &SourceKernel| {
            let (weights, after) = rest.split_at(source.weights.len());
            rest = after;
            self.connectivity(source, weights)
        };
        let kernels = self.layer.sources.iter().map(kernel).collect();
        let close = |(exact, rounded): (&f64, &i16)| (exact - f64::from(*rounded)).abs() <= EXACT;
        Rounding {
            kernels,
            correction: rounded.correction.iter().map(|c| c * shift).collect(),
            exact: exact.iter().zip(&rounded.weights).all(close),
        }
    }

    /// The wiring of a source with its rounded weights.
    fn connectivity(&self, source: &SourceKernel, weights: &[i16]) -> Connectivity {
        match &source.wiring {
            &Wiring::Conv { map, channels } => {
                let (height, width) = (map.rows.kernel, map.cols.kernel);
                let kernel = Kernel { channels, height, width, weights: weights.to_vec() };
                Connectivity::Conv(Convolution { map, kernel })
            }
            Wiring::Sparse { sources, targets } => {
                let pairs = sources.iter().zip(targets).zip(weights);
                let edges = pairs.map(|((&source, &target), &weight)| (source, target, weight)).collect();
                let neurons = self.network.layers[source.source].shape.len();
                Connectivity::Sparse(Sparse::from_edges(neurons, edges))
            }
        }
    }

    /// An integrator that loses `decay`; value = sum / scale x `mean`, plus bias x `bias_sum`. `reach` bounds the sum
    /// of the factors with which steps enter.
    fn readout(&self, decay: u32, mean: f64, bias_sum: f64, reach: f64) -> Quantised {
        let weight_max = f64::from(self.format.weight_max());
        let scale: Vec<f64> = bounds::full_scale(self.layer, weight_max)
            .iter()
            .map(|&largest| if largest > 0.0 { weight_max / largest } else { 1.0 })
            .collect();
        // Fractions below one weight unit matter only to a membrane that decays.
        let worst = bounds::largest_row_sum(self.layer, &scale) * reach;
        let fits = |shift: &u32| worst * f64::from(1u32 << shift) <= f64::from(self.format.state_max());
        let (least, most) = (self.format.weight_shift_min, self.format.weight_shift);
        let input_shift = if decay == 0 { least } else { (least..=most).rev().find(fits).unwrap_or(least) };
        let unit: Vec<f64> = scale.iter().map(|s| s * f64::from(1u32 << input_shift)).collect();
        let Rounding { kernels, correction, .. } = self.kernels(&unit, input_shift);
        let (bias, offset) = if self.layer.host.is_some() {
            (Bias::Host, vec![0.0; scale.len()])
        } else {
            // The host adds the bias exactly; it costs no neuron update. A correction is per pass, not per step.
            let offset = |((b, c), u): ((&f64, &f64), &f64)| b * bias_sum + c * mean / u;
            (Bias::Zero, self.layer.bias.iter().zip(&correction).zip(&unit).map(offset).collect())
        };
        Quantised {
            dynamics: Dynamics::Integrator { decay },
            input_shift,
            bias,
            kernels,
            readout: Some((unit.iter().map(|u| mean / u).collect(), offset)),
            current_scale: unit,
        }
    }

    /// A leaky read-out: coefficients must be powers of one decay, newest 1.
    fn weighted(&self, coefficients: &[f64]) -> Result<Quantised, Diagnostic> {
        let kept = match coefficients {
            [.., before, last] if *last != 0.0 => before / last,
            _ => 0.0,
        };
        let newest = coefficients.last().copied().unwrap_or(0.0);
        let mut power = newest;
        let mut geometric = newest != 0.0 && (0.0..=1.0).contains(&kept);
        for &coefficient in coefficients.iter().rev() {
            geometric &= (coefficient - power).abs() <= COEFFICIENT_TOLERANCE * newest.abs();
            power *= kept;
        }
        if !geometric {
            let message =
                "read-out coefficients are not powers of one decay, which is what an integrator can do";
            return Err(unsupported(&self.network.network, &self.layer.name, message));
        }
        let sum: f64 = coefficients.iter().sum();
        Ok(self.readout(self.decay(1.0 - kept), newest, sum, sum / newest))
    }
}
