//! Neuron models of the spiking IR: integer parameters, and what the rest of the compiler and the simulator ask about
//! them.
//!
//! What the parameters mean is in `simulator/src/neuron`, a file a model. No other file matches on the models: a new
//! one is a variant here with its answers to the questions below. Whether a chip has it is [`NeuronModel::lacking`].

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use snnc_targets::schema::{CurrentSpec, Overflow, Reset};

use super::NeuronFormat;

mod lacking;
mod problems;

/// What the neurons of a population do with their input. Decays are in units of 2^-decay_bits, lost each step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub enum NeuronModel {
    /// Leaky integrate-and-fire: fires on `thresholds[c] << threshold_shift`; without decay integrate-and-fire.
    Lif {
        /// Loss of the membrane.
        decay: u32,
        /// Threshold mantissas, one a channel.
        thresholds: Vec<u32>,
        /// What a spike leaves of the membrane.
        #[serde(default)]
        reset: Reset,
    },
    /// Never fires; the host reads the membrane.
    Integrator {
        /// Loss of the membrane; at 0 the membrane is the sum of all inputs.
        decay: u32,
    },
    /// Current-based leaky integrate-and-fire: the input joins a synaptic current, and that the membrane.
    CubaLif {
        /// The synaptic current, which starts a pass at 0.
        current: SynapticCurrent,
        /// Loss of the membrane.
        decay: u32,
        /// Threshold mantissas, one a channel.
        thresholds: Vec<u32>,
        /// What a spike leaves of the membrane; the current stays.
        #[serde(default)]
        reset: Reset,
    },
    /// Leaky integrate-and-fire, with or without a synaptic current, whose channels have parameters of their own and
    /// lose any amount with a spike. The constant input joins the synaptic current where there is one.
    ByChannel {
        /// Threshold mantissas, one a channel.
        thresholds: Vec<u32>,
        /// Loss of the membrane, one a channel.
        decays: Vec<u32>,
        /// What a spike takes off the membrane, in its units, one a channel; empty if it goes to 0.
        subtracted: Vec<u32>,
        /// Synaptic currents, one a channel; empty if inputs join the membrane at once.
        currents: Vec<SynapticCurrent>,
    },
    /// No neurons of the chip: spikes from outside, which enter it at a port. Nothing feeds them, and no core holds
    /// them.
    Port,
    /// Leaky integrate-and-fire, with or without a synaptic current, that is refractory after a spike, or whose
    /// membrane has a floor of its own.
    Refractory {
        /// The synaptic current, which goes on while the neuron is refractory; none if inputs join the membrane at
        /// once.
        current: Option<SynapticCurrent>,
        /// Loss of the membrane.
        decay: u32,
        /// Threshold mantissas, one a channel.
        thresholds: Vec<u32>,
        /// What a spike leaves of the membrane.
        reset: Reset,
        /// Timesteps after that of a spike in which the membrane stays as the spike left it, and does not fire.
        refractory: u32,
        /// Exponent k of the least membrane, `-(2^k - 1)`; none if only its width bounds it.
        floor: Option<u32>,
    },
}

/// A synaptic current: width and rules of the chip, and its decay. See [`CurrentSpec`] for the arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SynapticCurrent {
    /// Width of the current in bits, sign included.
    pub bits: u32,
    /// Whether a current outside it wraps; else it is clipped.
    pub wrap: bool,
    /// Lost each step beyond the decay.
    pub decay_offset: u32,
    /// Loss per step.
    pub decay: u32,
}

impl SynapticCurrent {
    /// A current as a chip has them.
    pub fn new(spec: &CurrentSpec, decay: u32) -> Self {
        Self {
            bits: spec.bits.get(),
            wrap: spec.overflow.get() == Overflow::Wrap,
            decay_offset: spec.decay_offset.get(),
            decay,
        }
    }

    /// Part of 2^decay_bits that a step keeps.
    pub fn kept(&self, format: &NeuronFormat) -> i64 {
        (1i64 << format.decay_bits) - i64::from(self.decay_offset) - i64::from(self.decay)
    }
}

impl NeuronModel {
    /// Leaky integrate-and-fire that resets to 0.
    pub fn lif(decay: u32, thresholds: Vec<u32>) -> Self {
        Self::Lif { decay, thresholds, reset: Reset::Zero }
    }

    /// A read-out.
    pub fn integrator(decay: u32) -> Self {
        Self::Integrator { decay }
    }

    /// Loss of the membrane per step; the least of its channels.
    pub fn decay(&self) -> u32 {
        match self {
            Self::Lif { decay, .. }
            | Self::Integrator { decay }
            | Self::CubaLif { decay, .. }
            | Self::Refractory { decay, .. } => *decay,
            Self::ByChannel { decays, .. } => decays.iter().min().copied().unwrap_or(0),
            Self::Port => 0,
        }
    }

    /// Loss of a channel's membrane per step.
    pub fn decay_of(&self, channel: usize) -> u32 {
        match self {
            Self::ByChannel { decays, .. } => decays[channel],
            _ => self.decay(),
        }
    }

    /// The synaptic current of a channel, if it has one.
    pub fn current_of(&self, channel: usize) -> Option<&SynapticCurrent> {
        match self {
            Self::ByChannel { currents, .. } => currents.get(channel),
            _ => self.current(),
        }
    }

    /// What a spike takes off a channel's membrane, for a threshold after the shift; none if it goes to 0.
    pub fn subtracted(&self, channel: usize, threshold: i32) -> Option<i32> {
        match self {
            Self::ByChannel { subtracted, .. } => subtracted.get(channel).map(|&amount| amount as i32),
            Self::Lif { reset, .. } | Self::CubaLif { reset, .. } | Self::Refractory { reset, .. } => {
                (*reset == Reset::Subtract).then_some(threshold)
            }
            Self::Integrator { .. } | Self::Port => None,
        }
    }

    /// Whether the constant input joins the synaptic current; else it joins the membrane.
    pub fn bias_joins_current(&self) -> bool {
        matches!(self, Self::ByChannel { currents, .. } if !currents.is_empty())
    }

    /// Whether channels have parameters of their own beside the threshold.
    pub fn by_channel(&self) -> bool {
        matches!(self, Self::ByChannel { .. })
    }

    /// Whether they are spikes from outside.
    pub fn is_port(&self) -> bool {
        *self == Self::Port
    }

    /// Whether a neuron of this model sends spikes.
    pub fn fires(&self) -> bool {
        !matches!(self, Self::Integrator { .. })
    }

    /// Threshold mantissas, one a channel; none if it never fires.
    pub fn thresholds(&self) -> &[u32] {
        match self {
            Self::Lif { thresholds, .. }
            | Self::CubaLif { thresholds, .. }
            | Self::ByChannel { thresholds, .. }
            | Self::Refractory { thresholds, .. } => thresholds,
            Self::Integrator { .. } | Self::Port => &[],
        }
    }

    /// What a spike leaves of the membrane; none if it never fires.
    pub fn reset(&self) -> Option<Reset> {
        match self {
            Self::Lif { reset, .. } | Self::CubaLif { reset, .. } | Self::Refractory { reset, .. } => {
                Some(*reset)
            }
            Self::ByChannel { subtracted, .. } if subtracted.is_empty() => Some(Reset::Zero),
            Self::ByChannel { .. } => Some(Reset::Subtract),
            Self::Integrator { .. } | Self::Port => None,
        }
    }

    /// Its synaptic current, if it has one of its own; of its channels the one that keeps most.
    pub fn current(&self) -> Option<&SynapticCurrent> {
        match self {
            Self::CubaLif { current, .. } => Some(current),
            Self::Refractory { current, .. } => current.as_ref(),
            Self::ByChannel { currents, .. } => currents.iter().min_by_key(|current| current.decay),
            Self::Lif { .. } | Self::Integrator { .. } | Self::Port => None,
        }
    }

    /// All its synaptic currents: none, one, or one a channel.
    fn currents(&self) -> Vec<&SynapticCurrent> {
        match self {
            Self::ByChannel { currents, .. } => currents.iter().collect(),
            _ => self.current().into_iter().collect(),
        }
    }

    /// Timesteps after that of a spike in which a neuron is silent.
    pub fn refractory(&self) -> u32 {
        match self {
            Self::Refractory { refractory, .. } => *refractory,
            _ => 0,
        }
    }

    /// The least membrane, where a neuron has one of its own above that of its width.
    pub fn floor(&self) -> Option<i32> {
        match self {
            Self::Refractory { floor, .. } => floor.map(|exponent| 1 - (1 << exponent.min(30))),
            _ => None,
        }
    }

    /// Every number of its parameters.
    pub fn numbers_mut(&mut self) -> Vec<&mut u32> {
        match self {
            Self::Lif { decay, thresholds, .. } => thresholds.iter_mut().chain([decay]).collect(),
            Self::Integrator { decay } => vec![decay],
            Self::CubaLif { current, decay, thresholds, .. } => {
                let SynapticCurrent { bits, decay_offset, decay: own, .. } = current;
                thresholds.iter_mut().chain([decay, bits, decay_offset, own]).collect()
            }
            Self::ByChannel { thresholds, decays, subtracted, currents } => {
                let own = thresholds.iter_mut().chain(decays).chain(subtracted);
                let of_currents = currents.iter_mut().flat_map(|current| {
                    let SynapticCurrent { bits, decay_offset, decay, .. } = current;
                    [bits, decay_offset, decay]
                });
                own.chain(of_currents).collect()
            }
            Self::Refractory { current, decay, thresholds, refractory, floor, .. } => {
                let of_current = current.iter_mut().flat_map(|current| {
                    let SynapticCurrent { bits, decay_offset, decay, .. } = current;
                    [bits, decay_offset, decay]
                });
                thresholds.iter_mut().chain([decay, refractory]).chain(floor).chain(of_current).collect()
            }
            Self::Port => Vec::new(),
        }
    }

    /// Numbers its channels anew: what was of channel `order[i]` is of channel i.
    pub fn reorder_channels(&mut self, order: &[u32]) {
        fn reorder<T: Copy>(values: &mut Vec<T>, order: &[u32]) {
            if !values.is_empty() {
                *values = order.iter().map(|&i| values[i as usize]).collect();
            }
        }
        match self {
            Self::Lif { thresholds, .. }
            | Self::CubaLif { thresholds, .. }
            | Self::Refractory { thresholds, .. } => reorder(thresholds, order),
            Self::ByChannel { thresholds, decays, subtracted, currents } => {
                reorder(thresholds, order);
                reorder(decays, order);
                reorder(subtracted, order);
                reorder(currents, order);
            }
            Self::Integrator { .. } | Self::Port => {}
        }
    }

    /// Name and decays, in words.
    pub fn describe(&self) -> String {
        let soft = if self.reset() == Some(Reset::Subtract) { ", reset by subtraction" } else { "" };
        match self {
            Self::Lif { decay, .. } => format!("lif, decay {decay}{soft}"),
            Self::Integrator { decay } => format!("integrator, decay {decay}"),
            Self::CubaLif { current, decay, .. } => {
                let SynapticCurrent { decay: own, decay_offset: offset, .. } = current;
                format!("cuba-lif, decay {decay}, current decay {own} + {offset}{soft}")
            }
            Self::ByChannel { decays, currents, .. } => {
                let ends = |values: &mut dyn Iterator<Item = u32>| {
                    let (least, most) = values.fold((u32::MAX, 0), |(a, b), v| (a.min(v), b.max(v)));
                    if least == most { least.to_string() } else { format!("{least} to {most}") }
                };
                let name = if currents.is_empty() { "lif" } else { "cuba-lif" };
                let own = match currents.first() {
                    Some(first) => {
                        let decays = ends(&mut currents.iter().map(|current| current.decay));
                        format!(", current decay {decays} + {}", first.decay_offset)
                    }
                    None => String::new(),
                };
                format!("{name} by channel, decay {}{own}{soft}", ends(&mut decays.iter().copied()))
            }
            Self::Refractory { current, decay, refractory, floor, .. } => {
                let name = if current.is_some() { "cuba-lif" } else { "lif" };
                let own = current.map_or(String::new(), |own| {
                    format!(", current decay {} + {}", own.decay, own.decay_offset)
                });
                let floor =
                    floor.map_or(String::new(), |exponent| format!(", not below -(2^{exponent} - 1)"));
                format!("{name}, decay {decay}{own}{soft}, refractory {refractory}{floor}")
            }
            Self::Port => "spikes from outside".to_owned(),
        }
    }
}

impl Serialize for NeuronModel {
    /// The text form leaves out the usual reset.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStructVariant;
        match self {
            Self::Lif { decay, thresholds, reset: Reset::Zero } if serializer.is_human_readable() => {
                let mut fields = serializer.serialize_struct_variant("NeuronModel", 0, "Lif", 2)?;
                fields.serialize_field("decay", decay)?;
                fields.serialize_field("thresholds", thresholds)?;
                fields.end()
            }
            _ => Self::serialize(self, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for NeuronModel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::text;

    #[test]
    fn both_forms_give_the_model_back_and_text_leaves_out_the_usual_reset() {
        let current = SynapticCurrent { bits: 24, wrap: true, decay_offset: 1, decay: 1024 };
        let thresholds = vec![3, 4];
        let models = [
            NeuronModel::lif(2048, thresholds.clone()),
            NeuronModel::Lif { decay: 2048, thresholds: thresholds.clone(), reset: Reset::Subtract },
            NeuronModel::CubaLif { current, decay: 7, thresholds, reset: Reset::Zero },
            NeuronModel::integrator(0),
            NeuronModel::Refractory {
                current: Some(current),
                decay: 7,
                thresholds: vec![9],
                reset: Reset::Zero,
                refractory: 3,
                floor: Some(17),
            },
        ];
        for model in &models {
            let printed = text::print("", model);
            assert_eq!(
                printed.contains("reset"),
                model.reset().is_some() && *model != models[0],
                "{printed}"
            );
            assert_eq!(text::parse::<NeuronModel>(&printed, "model").unwrap(), *model);
            let bytes = postcard::to_stdvec(model).unwrap();
            assert_eq!(postcard::from_bytes::<NeuronModel>(&bytes).unwrap(), *model);
        }
    }
}
