//! What one core holds, and how it stores synapses.

use serde::{Deserialize, Serialize};

use super::{Provenance, Sourced};

/// Capacity of one core.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoreLimits {
    /// Neurons (compartments).
    pub neurons: Sourced<u32>,
    /// Input axons.
    pub input_axons: Sourced<u32>,
    /// Output axon slots.
    pub output_axons: Sourced<u32>,
    /// Synapse memory in bits.
    pub synapse_memory_bits: Sourced<u64>,
    /// Distinct thresholds, if limited.
    pub threshold_profiles: Option<Sourced<u32>>,
    /// Most times that a core may offer its `input_axons`, in powers of two; each neuron then takes as many of the
    /// core's `neurons` (its dendrites are merged). Exact: partial sums are added before the threshold.
    #[serde(default)]
    pub fan_in_merge: Option<Sourced<u32>>,
}

impl CoreLimits {
    /// Most input axons of a core, at the widest merge.
    pub fn input_axons_max(&self) -> u64 {
        u64::from(self.input_axons.get()) * u64::from(self.fan_in_merge.as_ref().map_or(1, Sourced::get))
    }

    /// Neurons of the core that one neuron takes if the core has so many input axons in use: 1, or the power of two
    /// that offers enough axons.
    pub fn merged(&self, input_axons: u64) -> u64 {
        if self.fan_in_merge.is_none() {
            return 1;
        }
        let least = input_axons.div_ceil(self.input_axons.get().into()).max(1);
        least.checked_next_power_of_two().unwrap_or(u64::MAX)
    }
}

/// Synapse storage. Memory of a list = `header_bits_per_list` + synapses x (`weight_bits` + `index_bits`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SynapseSpec {
    /// Signed weight width in bits, two's complement.
    pub weight_bits: Sourced<u32>,
    /// Whether narrower weights (`--weights`) take less.
    #[serde(default = "fixed_width")]
    pub weight_storage: Sourced<WeightStorage>,
    /// Target index bits stored with each synapse.
    pub index_bits: Sourced<u32>,
    /// Bits of a list's header.
    pub header_bits_per_list: Sourced<u32>,
    /// What a convolution stores on a core.
    pub kernel_sharing: Sourced<KernelSharing>,
    /// Whether weights of 0 stand in kernels and lists.
    #[serde(default = "zeros_stored")]
    pub zero_weights: Sourced<ZeroWeights>,
    /// Longest delay in timesteps; 1 is the least.
    pub delay_max: Sourced<u32>,
}

/// The zeros of a target file that does not say it.
fn zeros_stored() -> Sourced<ZeroWeights> {
    let reason = "not said; kernels and lists are stored whole";
    Sourced(ZeroWeights::Stored, Provenance::Assumed(reason.into()))
}

/// What becomes of weights of 0 within a kernel or a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum ZeroWeights {
    /// They take their place, and a packet that meets one does a synaptic operation (on a crossbar none, as no bit is
    /// set).
    Stored,
    /// They take no place and no operation: what is stored, a list or a kernel that positions share, holds the other
    /// weights alone, each with its index. A source neuron that has none for a core still sends it packets where it
    /// shares an axon with others.
    Skipped,
}

/// The storage of a target file that does not say it.
fn fixed_width() -> Sourced<WeightStorage> {
    let reason = "not said; each weight takes a place of weight_bits";
    Sourced(WeightStorage::Fixed, Provenance::Assumed(reason.into()))
}

/// What weights narrower than `weight_bits` take of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum WeightStorage {
    /// A place of `weight_bits` each, whatever their width.
    Fixed,
    /// As many bits as they have.
    AnyWidth,
    /// The next power of two of bits, each bit in a column of the core: `core.neurons` holds for `weight_bits`, and
    /// narrower weights leave columns for more neurons.
    Columns,
}

/// How often a core stores the weights of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum KernelSharing {
    /// Once for each distinct set of (relative target, weight): borders and tile edges cut the set.
    PerVariant,
    /// Once, whatever the position (hardware convolution).
    Ideal,
    /// Once for every source neuron.
    Unshared,
}
