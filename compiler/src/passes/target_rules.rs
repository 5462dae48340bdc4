//! What the lowering knows of a target: nothing else of it decides an integer of the spiking IR.
//!
//! So targets with the same rules have the same spiking IR of a model, whatever their cores hold, cost or take: sweeps
//! round weights once for all of them.

use snnc_targets::Target;
use snnc_targets::schema::NeuronSpec;

/// The rules that integers follow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TargetRules {
    /// Name, for messages.
    pub name: String,
    /// Neuron arithmetic.
    pub neuron: NeuronSpec,
    /// Widest weights.
    pub weight_bits: u32,
    /// Longest delay of a synapse, in timesteps.
    pub delay_max: u32,
    /// Whether weights of 0 are left out of synapse lists.
    pub skips_zeros: bool,
    /// Different thresholds that a core can have; any if there is no number.
    pub threshold_profiles: Option<u32>,
    /// Whether spikes from outside have a way in.
    pub has_input_port: bool,
}

impl From<&Target> for TargetRules {
    fn from(target: &Target) -> Self {
        Self {
            name: target.name.clone(),
            neuron: target.neuron.clone(),
            weight_bits: target.synapses.weight_bits.get(),
            delay_max: target.synapses.delay_max.get(),
            skips_zeros: target.skips_zeros(),
            threshold_profiles: target.core.threshold_profiles.as_ref().map(|profiles| profiles.get()),
            has_input_port: target.topology.input_port.is_some(),
        }
    }
}
