//! The arithmetic of neurons.

use serde::{Deserialize, Serialize};

use super::{Provenance, Sourced};

/// What the neurons of a chip can do, in integers: `v <- clip(v - decay(v) + (input << shift) + bias)`, fires on the
/// threshold, resets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NeuronSpec {
    /// Membrane width in bits, sign included; saturates.
    pub state_bits: Sourced<u32>,
    /// Width of a timestep's summed input (after the shift) in bits, sign included; often less than the membrane's.
    pub accumulator_bits: Sourced<u32>,
    /// What a sum outside that width does.
    pub accumulator_overflow: Sourced<Overflow>,
    /// Left shift of summed weights before they join the membrane.
    pub weight_shift: Sourced<u32>,
    /// Least left shift that a weight exponent can choose instead.
    pub weight_shift_min: Sourced<u32>,
    /// Unsigned threshold mantissa width in bits.
    pub threshold_mantissa_bits: Sourced<u32>,
    /// Threshold = mantissa << this.
    pub threshold_shift: Sourced<u32>,
    /// Largest threshold, after the shift, where the chip takes fewer than mantissa and shift can say.
    #[serde(default)]
    pub threshold_max: Option<Sourced<u32>>,
    /// Strict or inclusive firing.
    pub threshold_comparison: Sourced<ThresholdComparison>,
    /// The membrane keeps (2^bits - decay) / 2^bits of itself each step, magnitude rounded toward zero. 0: no leak that
    /// is a fraction of the membrane, so that only integrate-and-fire neurons run.
    pub decay_bits: Sourced<u32>,
    /// What a firing neuron's membrane can become.
    #[serde(default = "reset_to_zero")]
    pub resets: Sourced<Vec<Reset>>,
    /// Most timesteps after that of a spike in which a neuron can be silent, its membrane as the spike left it. None:
    /// no neuron is refractory.
    #[serde(default)]
    pub refractory_max: Option<Sourced<u32>>,
    /// Neurons can have a floor of their own, a least membrane of -(2^k - 1) for k from 0 to this. None: they have that
    /// of their width alone.
    #[serde(default)]
    pub floor_exponent_max: Option<Sourced<u32>>,
    /// Whether neurons run a program of the user's, so that decays, and what a spike takes off the membrane, can differ
    /// between the channels of a layer, and a constant input can join the synaptic current. Else a layer has one decay,
    /// and a spike takes off the threshold or all.
    #[serde(default = "fixed_function")]
    pub programmable: Sourced<bool>,
    /// A synaptic current with a decay of its own, on chips whose neurons have one.
    #[serde(default)]
    pub synaptic_current: Option<CurrentSpec>,
    /// Signed bias mantissa width in bits, sign included.
    pub bias_mantissa_bits: Sourced<u32>,
    /// Bias = mantissa << exponent, exponent 0 to this.
    pub bias_exponent_max: Sourced<u32>,
    /// Whether a core can leave a population without updates outside its window.
    pub active_windows: Sourced<bool>,
    /// Whether neurons cost nothing in timesteps in which their population is not updated; None is yes. If not, the
    /// chip visits each of its neurons in every timestep: one outside its window, or of another network than the
    /// pass's, takes the time and energy of an inactive update, and its state stays as it is.
    #[serde(default)]
    pub gated: Option<Sourced<bool>>,
    /// Whether neurons are updated in timesteps. Without them a model can be mapped but not simulated.
    #[serde(default = "timestepped")]
    pub timesteps: Sourced<bool>,
}

impl NeuronSpec {
    /// Whether neurons cost nothing where they are not updated.
    pub fn gated(&self) -> bool {
        self.gated.as_ref().is_none_or(Sourced::get)
    }
}

/// What the membrane of a neuron becomes in the step in which it fires.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Reset {
    /// 0 (hard reset).
    #[default]
    Zero,
    /// What exceeds the threshold: v - threshold (soft reset).
    Subtract,
}

/// A second word of state: the synaptic current u, which a timestep's sum joins and which joins the membrane.
///
/// ```text
/// u <- overflow(kept(u) + sum)    keeps (2^decay_bits - decay_offset - decay) / 2^decay_bits, magnitude toward zero
/// v <- clip(kept(v) + overflow(u + bias))
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurrentSpec {
    /// Width in bits, sign included; that of the current with the bias as well.
    pub bits: Sourced<u32>,
    /// What a current outside that width does.
    pub overflow: Sourced<Overflow>,
    /// What a current loses beyond its decay each step, of 2^decay_bits.
    pub decay_offset: Sourced<u32>,
}

/// What a target means that does not say.
fn reset_to_zero() -> Sourced<Vec<Reset>> {
    Sourced(vec![Reset::Zero], Provenance::Assumed("not said; as all chips".into()))
}

/// What a target means that does not say.
fn fixed_function() -> Sourced<bool> {
    Sourced(false, Provenance::Assumed("not said; as most chips".into()))
}

/// What a target means that does not say.
fn timestepped() -> Sourced<bool> {
    Sourced(true, Provenance::Assumed("not said; as nearly all chips".into()))
}

/// Overflow of a sum. It acts on a timestep's whole sum, so the order of arrival cannot change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Overflow {
    /// Clip to the nearest representable value.
    Saturate,
    /// Two's complement.
    Wrap,
}

/// Firing condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum ThresholdComparison {
    /// v > threshold
    Strict,
    /// v >= threshold
    Inclusive,
}
