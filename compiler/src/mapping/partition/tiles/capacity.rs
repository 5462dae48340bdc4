//! What one core of the target holds, as the search by tiles asks for it.

use snnc_targets::Target;
use snnc_targets::schema::{AxonSpec, CoreLimits, KernelSharing};

use super::work::WorkLimit;
use crate::ir::program::usage::{CoreUsage, Limit};

/// What one core of the target holds.
#[derive(Debug, Clone)]
pub struct CoreCapacity<'a> {
    /// The most that a core may use of each limit, its neurons merged for more input axons where need be.
    pub most: CoreUsage,
    /// How axons serve neurons.
    pub axons: &'a AxonSpec,
    /// How neurons are merged for more input axons.
    pub core: &'a CoreLimits,
    /// Whether lists are shared by sources with the same relative targets. Slices side by side in a core have relative
    /// targets that differ from position to position.
    pub by_variant: bool,
    /// How long its units may be busy, where that is limited.
    pub work: Option<WorkLimit>,
}

impl<'a> CoreCapacity<'a> {
    /// The target's limits, with at most `neurons_max` neurons.
    pub fn new(target: &'a Target, neurons_max: Option<u32>) -> Self {
        let of = |limit: Limit| limit.of(target).unwrap_or(u64::MAX);
        Self {
            most: CoreUsage {
                neurons: of(Limit::Neurons).min(neurons_max.unwrap_or(u32::MAX).into()),
                input_axons: of(Limit::InputAxons),
                output_axons: of(Limit::OutputAxons),
                synapse_bits: of(Limit::SynapseMemory),
                threshold_profiles: of(Limit::ThresholdProfiles).min(u32::MAX.into()),
            },
            axons: &target.axons,
            core: &target.core,
            by_variant: target.synapses.kernel_sharing.get() == KernelSharing::PerVariant,
            work: None,
        }
    }
}
