//! What feeds neurons: the language in which layers are lowered.
//!
//! A layer between firing layers is linear, so what it gives is a sum of kernels over the spikes of firing layers and a
//! constant ([`SpikeSum`]); a layer before the first firing layer is constant over time, so it is stages that the host
//! computes once a pass ([`HostPath`]). Layers are folded into each other by changing that sum: a convolution of spikes
//! is a kernel, a pool before it makes the kernel larger ([`mod@compose`]), a sum joins kernels, a concatenation moves
//! their channels.
//! Invariants: nothing is approximated, and no kernel is padded with zeros that it did not have. What has no such form
//! is refused, with the layer and what to do instead.

mod compose;
mod composed_channels;
mod convolve;
mod join;
mod reshape;

use std::ops::Range;

use crate::ir::channels::ChannelMap;
use crate::ir::spiking::HostStage;
use crate::ir::{AxisMap, ConvMap, Shape};
use crate::layers::LoweringSite;
use crate::passes::collect::{KernelWiring, SourceKernel};

pub use crate::passes::collect::HostPath;
pub use compose::{Composed, compose};
pub use join::check_feeds;

/// What a layer gives to the neurons behind it.
#[derive(Debug, Clone)]
pub struct Current {
    /// `[c, h, w]`.
    pub shape: Shape,
    /// Where it comes from.
    pub feed: CurrentSource,
    /// If its elements are those of a map of another shape: that map.
    pub flattened: Option<Flattened>,
}

/// Where a current comes from.
#[derive(Debug, Clone)]
pub enum CurrentSource {
    /// Constant over time: the host computes it.
    Host(HostPath),
    /// A weighted sum of spikes.
    Spikes(SpikeSum),
}

/// A weighted sum of spikes, and a constant.
#[derive(Debug, Clone)]
pub struct SpikeSum {
    /// What is added up.
    pub terms: Vec<Term>,
    /// One a channel, or one a neuron of the only channel.
    pub bias: Vec<f64>,
    /// Label of the layer that gave the bias.
    pub bias_by: String,
    /// A current that the host computes and that is added to it, if there is one. Layers that know how to keep it say
    /// so ([`crate::layers::LayerKind::keeps_host_current`]).
    pub host: Option<HostPath>,
}

/// The spikes of one firing layer through one kernel.
#[derive(Debug, Clone)]
pub struct Term {
    /// Source, wiring and weights; target channels are those of the current.
    pub kernel: SourceKernel,
    /// Label of the layer that gave the weights; the firing layer's own if none did.
    pub by: String,
}

/// A map whose elements were given another shape.
#[derive(Debug, Clone)]
pub struct Flattened {
    /// Its shape.
    pub shape: Shape,
    /// Name of the layer that did it.
    pub by: String,
    /// Its operation.
    pub op: &'static str,
}

/// Why a layer has no current.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoweringRefusal {
    /// The layer's name, if it is another than the one that refuses.
    pub layer: Option<String>,
    /// What was found and expected.
    pub message: String,
    /// What to do instead, if there is more to say than that the chip cannot.
    pub hint: Option<String>,
}

impl LoweringRefusal {
    /// A refusal of the layer that is being lowered.
    pub fn here(message: impl Into<String>) -> Self {
        Self { layer: None, message: message.into(), hint: None }
    }

    /// A refusal of another layer.
    pub fn of(layer: &str, message: impl Into<String>) -> Self {
        Self { layer: Some(layer.to_owned()), ..Self::here(message) }
    }

    /// Adds a remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Current {
    /// What the host computes.
    pub fn host(shape: Shape, path: HostPath) -> Self {
        Self { shape, feed: CurrentSource::Host(path), flattened: None }
    }

    /// What kernels make of spikes.
    pub fn spikes(shape: Shape, spikes: SpikeSum) -> Self {
        Self { shape, feed: CurrentSource::Spikes(spikes), flattened: None }
    }

    /// The spikes of a firing layer themselves: each neuron through one synapse of weight 1.
    pub fn of_layer(source: usize, shape: Shape, label: String) -> Self {
        let kernel = SourceKernel {
            source,
            delay: 0,
            wiring: KernelWiring::Conv {
                map: ConvMap {
                    rows: AxisMap::pointwise(shape.height),
                    cols: AxisMap::pointwise(shape.width),
                },
                channels: ChannelMap::one_to_one(shape.channels),
            },
            weights: vec![1.0; shape.channels].into(),
        };
        let bias = vec![0.0; shape.channels];
        let terms = vec![Term { kernel, by: label }];
        Self::spikes(shape, SpikeSum { terms, bias, bias_by: String::new(), host: None })
    }

    /// It some timesteps later, and nothing before.
    ///
    /// # Errors
    /// If some of it is constant over time: the constant would be missing in the first timesteps.
    pub fn late(mut self, steps: usize) -> Result<Self, LoweringRefusal> {
        let hint = "put the delay right behind the neurons, before layers with a bias";
        let CurrentSource::Spikes(spikes) = &mut self.feed else {
            let message = "a delay is fed by what is constant over time";
            return Err(LoweringRefusal::here(message).hint("put the delay behind neurons"));
        };
        if spikes.bias.iter().any(|&bias| bias != 0.0) {
            let message = format!("a delay is fed by the bias of {}", spikes.bias_by);
            return Err(LoweringRefusal::here(message).hint(hint));
        }
        spikes.terms.iter_mut().for_each(|term| term.kernel.delay += steps as u32);
        Ok(self)
    }

    /// Whether it adds what the host computes to what comes from spikes.
    pub fn is_mixed(&self) -> bool {
        matches!(&self.feed, CurrentSource::Spikes(spikes) if spikes.host.is_some())
    }

    /// Whether it is the spikes of firing layers themselves, side by side and as they are.
    pub fn is_spikes(&self) -> bool {
        let CurrentSource::Spikes(spikes) = &self.feed else { return false };
        let mut joined = vec![false; self.shape.channels];
        let plain = spikes.terms.iter().all(|term| {
            let Some((map, targets)) = term.depthwise() else { return false };
            let pointwise = *map
                == ConvMap {
                    rows: AxisMap::pointwise(self.shape.height),
                    cols: AxisMap::pointwise(self.shape.width),
                };
            let own = joined[targets].iter_mut().all(|joined| !std::mem::replace(joined, true));
            pointwise && own && term.kernel.weights.iter().all(|weight| weight == 1.0)
        });
        plain && spikes.host.is_none() && spikes.bias.iter().all(|&bias| bias == 0.0)
    }

    /// Each channel c times `factors[c]`, and `bias(c, constant)` for its constants.
    #[must_use]
    pub fn affine(
        mut self,
        factors: &[f64],
        site: &LoweringSite<'_>,
        bias: impl Fn(usize, f64) -> f64,
    ) -> Self {
        match &mut self.feed {
            CurrentSource::Host(path) => path.affine(self.shape, factors, bias),
            CurrentSource::Spikes(spikes) => {
                for term in &mut spikes.terms {
                    let mut weights = term.kernel.weights.to_vec();
                    for (weight, channel) in weights.iter_mut().zip(term.kernel.weight_channels()) {
                        *weight *= factors[channel];
                    }
                    term.kernel.weights = weights.into();
                }
                for (i, value) in spikes.bias.iter_mut().enumerate() {
                    *value = bias(i % factors.len(), *value);
                }
                // What is added to the constants is added to the bias.
                if let Some(path) = &mut spikes.host {
                    path.affine(self.shape, factors, |channel, constant| factors[channel] * constant);
                }
                spikes.bias_by = site.label();
            }
        }
        self
    }
}

impl HostPath {
    /// Folds an affine function into the last stage, or appends it as one.
    fn affine(&mut self, shape: Shape, factors: &[f64], constant: impl Fn(usize, f64) -> f64) {
        if !matches!(self.stages.last(), Some(HostStage::Conv { .. })) {
            let map =
                ConvMap { rows: AxisMap::pointwise(shape.height), cols: AxisMap::pointwise(shape.width) };
            self.depthwise(shape.channels, map, &[1.0]);
        }
        let Some(HostStage::Conv { map, channels, weights, bias, .. }) = self.stages.last_mut() else {
            return;
        };
        let taps = (map.rows.kernel * map.cols.kernel).max(1);
        for (row, weights) in weights.chunks_exact_mut(channels.outputs).enumerate() {
            let targets = channels.targets_of(channels.first_input + row / taps);
            weights.iter_mut().zip(&factors[targets]).for_each(|(weight, factor)| *weight *= factor);
        }
        bias.iter_mut().enumerate().for_each(|(c, value)| *value = constant(c, *value));
    }

    /// Appends a convolution of every channel alone, all with the same taps.
    fn depthwise(&mut self, channels: usize, map: ConvMap, taps: &[f64]) {
        self.stages.push(HostStage::Conv {
            map,
            channels: ChannelMap::one_to_one(channels),
            outputs: channels,
            weights: taps.repeat(channels),
            bias: vec![0.0; channels],
        });
    }

    /// The path with weights, for what adds up currents: those that it has, or 1 for each element.
    #[must_use]
    pub fn with_weights(mut self, shape: Shape) -> Self {
        if !self.has_weights() {
            self.affine(shape, &vec![1.0; shape.channels], |_, constant| constant);
        }
        self
    }

    /// The path with a constant more for each channel.
    #[must_use]
    pub fn with_constants(mut self, shape: Shape, constants: &[f64]) -> Self {
        let ones = vec![1.0; shape.channels];
        self.affine(shape, &ones, |channel, constant| constant + constants[channel]);
        self
    }

    /// The path whose channels stand among `channels` of them from channel `first` on; the others are 0.
    fn among(mut self, shape: Shape, first: usize, channels: usize) -> Self {
        let map = ConvMap { rows: AxisMap::pointwise(shape.height), cols: AxisMap::pointwise(shape.width) };
        self.stages.push(HostStage::Conv {
            map,
            channels: ChannelMap { first_output: first, ..ChannelMap::one_to_one(shape.channels) },
            outputs: channels,
            weights: vec![1.0; shape.channels],
            bias: vec![0.0; channels],
        });
        self
    }

    /// Whether there are weights between the network's input and its end.
    pub fn has_weights(&self) -> bool {
        self.stages.iter().any(|stage| matches!(stage, HostStage::Conv { .. }))
    }
}

impl Term {
    /// Geometry, channels and first target channel of a kernel that joins each source channel to one target channel.
    fn depthwise(&self) -> Option<(&ConvMap, Range<usize>)> {
        match &self.kernel.wiring {
            KernelWiring::Conv { map, channels } if (channels.inputs, channels.outputs) == (1, 1) => {
                Some((map, channels.targets()))
            }
            _ => None,
        }
    }
}
