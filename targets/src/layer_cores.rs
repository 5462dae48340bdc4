//! Chips whose cores differ and take one whole convolution layer each (Speck, DYNAP-CNN).
//!
//! Their limits replace those that cores share elsewhere: words of kernel and of neuron memory, counted in powers of
//! two because addresses are bit fields, and what the layer's address arithmetic can do. A target with layer cores
//! still gives `core`: the largest of them, which bounds every other check.

use serde::{Deserialize, Serialize};

use crate::schema::{InputAxonKind, KernelSharing, OutputAxonKind, Sourced, Target};

/// The layer cores of a chip, in the order of its sites.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerCores {
    /// Memories, core by core.
    pub cores: Sourced<Vec<LayerCore>>,
    /// Most channels of a layer, in or out.
    pub channels_max: Sourced<u32>,
    /// Largest kernel side.
    pub kernel_max: Sourced<u32>,
    /// Strides that the address arithmetic has.
    pub strides: Sourced<Vec<u32>>,
    /// Most layers that a core sends to.
    pub destinations_max: Sourced<u32>,
}

/// Memories of one layer core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerCore {
    /// Words of kernel memory, one a weight.
    pub kernel_words: u32,
    /// Words of neuron memory, one a membrane.
    pub neuron_words: u32,
}

impl LayerCores {
    /// Kernel words of a layer: c_in x 2^(ceil(log2(k x k)) + ceil(log2(c_out))) (sinabs).
    pub fn kernel_words(inputs: u64, taps: u64, outputs: u64) -> u64 {
        inputs.saturating_mul(power(taps).saturating_mul(power(outputs)))
    }

    /// Neuron words of a layer: c x 2^(ceil(log2 h) + ceil(log2 w)): the rounding of the kernel rule taken
    /// over to maps, assumed.
    pub fn neuron_words(channels: u64, height: u64, width: u64) -> u64 {
        channels.saturating_mul(power(height).saturating_mul(power(width)))
    }

    /// Contradictions with the target's other fields.
    pub(crate) fn check(&self, target: &Target, need: &mut impl FnMut(bool, &str, &str)) {
        let topology = &target.topology;
        let sites = u128::from(topology.mesh_columns.0)
            * u128::from(topology.mesh_rows.0)
            * u128::from(topology.cores_per_tile.0);
        let cores = self.cores.0.len() as u128;
        need(
            cores == sites,
            "layer_cores.cores",
            &format!("one entry for each of the {sites} cores of a chip"),
        );
        let words = |size: fn(&LayerCore) -> u32| self.cores.0.iter().map(size).max().unwrap_or(0);
        let filled = self.cores.0.iter().all(|core| core.kernel_words > 0 && core.neuron_words > 0);
        need(filled, "layer_cores.cores", "at least one word of each memory");
        let (neurons, kernel) = (words(|c| c.neuron_words), words(|c| c.kernel_words));
        need(
            target.core.neurons.0 == neurons,
            "core.neurons",
            &format!("{neurons}, the largest neuron memory"),
        );
        let bits = u64::from(kernel) * u64::from(target.synapses.weight_bits.0);
        need(
            target.core.synapse_memory_bits.0 == bits,
            "core.synapse_memory_bits",
            &format!("{bits}, the largest kernel memory"),
        );
        let ideal = target.synapses.kernel_sharing.0 == KernelSharing::Ideal;
        need(ideal, "synapses.kernel_sharing", "Ideal with layer cores");
        let plain = matches!(target.axons.input.0, InputAxonKind::Population)
            && matches!(target.axons.output.0, OutputAxonKind::Population { .. });
        need(plain, "axons", "Population axons with layer cores");
        need(target.topology.chips_max.0 == 1, "topology.chips_max", "1 with layer cores");
        for (value, field) in [
            (&self.channels_max, "channels_max"),
            (&self.kernel_max, "kernel_max"),
            (&self.destinations_max, "destinations_max"),
        ] {
            let (value, most) = (value.0, 1 << 16);
            let range = format!("1 to {most}");
            need((1..=most).contains(&value), &format!("layer_cores.{field}"), &range);
        }
        let strides = &self.strides.0;
        let range = format!("one stride or more, each 1 to 65536, found {strides:?}");
        let known = !strides.is_empty() && strides.iter().all(|stride| (1..=1 << 16).contains(stride));
        need(known, "layer_cores.strides", &range);
    }

    /// What `targets show` prints: field, value, provenance.
    pub fn rows(&self) -> Vec<(String, String, String)> {
        let mut rows = Vec::new();
        for (i, core) in self.cores.0.iter().enumerate() {
            let words = format!("{} / {}", core.kernel_words, core.neuron_words);
            rows.push((format!("core {i}: kernel / neuron words"), words, self.cores.1.to_string()));
        }
        for (name, value) in [
            ("channels_max", &self.channels_max),
            ("kernel_max", &self.kernel_max),
            ("destinations_max", &self.destinations_max),
        ] {
            rows.push((name.into(), value.0.to_string(), value.1.to_string()));
        }
        rows.push(("strides".into(), format!("{:?}", self.strides.0), self.strides.1.to_string()));
        rows
    }
}

/// The least power of two not below `value`.
fn power(value: u64) -> u64 {
    value.max(1).checked_next_power_of_two().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_up_to_powers_of_two() {
        assert_eq!(LayerCores::kernel_words(256, 9, 512), 2 << 20);
        assert_eq!(LayerCores::kernel_words(2, 1, 1), 2);
        assert_eq!(LayerCores::kernel_words(3, 9, 20), 3 * 16 * 32);
        assert_eq!(LayerCores::neuron_words(64, 7, 7), 64 * 64);
        assert_eq!(LayerCores::kernel_words(u64::MAX, 9, 9), u64::MAX);
    }
}
