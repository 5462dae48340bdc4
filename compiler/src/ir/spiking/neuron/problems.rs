//! What is wrong with the numbers of a neuron model.

use super::{NeuronModel, SynapticCurrent};
use crate::ir::spiking::NeuronFormat;

/// Most refractory timesteps: a pass has no more.
const REFRACTORY_MAX: u32 = 1 << 16;

impl NeuronModel {
    /// What is wrong with its numbers in a format whose widths are in range.
    pub(in crate::ir::spiking) fn problems(&self, format: &NeuronFormat, channels: usize) -> Vec<String> {
        let mut found = self.lengths(format, channels);
        if !found.is_empty() {
            return found;
        }
        let most = if format.decay_bits == 0 { 0 } else { 1 << format.decay_bits };
        // Of many channels the extremes are told.
        let decays = (0..if self.by_channel() { channels } else { 1 }).map(|channel| self.decay_of(channel));
        match decays.max().unwrap_or(0) {
            decay if decay <= most => {}
            decay if format.decay_bits == 0 => {
                found.push(format!("decay {decay} on neurons without a fractional leak"));
            }
            decay => found.push(format!("decay {decay} exceeds 2^{}", format.decay_bits)),
        }
        if let Self::Refractory { floor: Some(exponent), .. } = self
            && *exponent >= format.state_bits
        {
            found.push(format!("a floor of -(2^{exponent} - 1) on membranes of {} bits", format.state_bits));
        }
        if self.refractory() > REFRACTORY_MAX {
            found.push(format!("{} refractory timesteps, at most {REFRACTORY_MAX}", self.refractory()));
        }
        let currents = self.currents();
        if let Some(current) = currents.iter().find(|current| !(8..=31).contains(&current.bits)) {
            found.push(format!("a synaptic current of {} bits, expected 8 to 31", current.bits));
        }
        if let Some(current) = currents.iter().find(|current| current.kept(format) < 0) {
            found.push(format!(
                "current decay {} with its offset of {} exceeds 2^{}",
                current.decay, current.decay_offset, format.decay_bits
            ));
        }
        if self.fires() && *self != Self::Port {
            let thresholds = self.thresholds();
            if thresholds.len() != channels {
                found.push(format!("{} thresholds for {channels} channels", thresholds.len()));
            }
            let most = u64::from(format.threshold_mantissa_max());
            // Strictly above 0 is from 1 on; at 0 an inclusive neuron without input would fire.
            let least = u64::from(!format.strict);
            if !thresholds.iter().all(|&t| (least..=most).contains(&u64::from(t))) {
                found.push(format!("a threshold mantissa is outside {least} to {most}"));
            }
        }
        found
    }

    /// What is wrong with the lengths of its lists, and with amounts that a membrane does not hold.
    fn lengths(&self, format: &NeuronFormat, channels: usize) -> Vec<String> {
        let Self::ByChannel { decays, subtracted, currents, .. } = self else { return Vec::new() };
        let mut found = Vec::new();
        if decays.len() != channels {
            found.push(format!("{} decays for {channels} channels", decays.len()));
        }
        for (name, length) in
            [("amounts to subtract", subtracted.len()), ("synaptic currents", currents.len())]
        {
            if length != 0 && length != channels {
                found.push(format!("{length} {name} for {channels} channels"));
            }
        }
        let most = format.state_max() as u32;
        if let Some(amount) = subtracted.iter().find(|&&amount| amount > most) {
            found.push(format!("a spike takes {amount} off a membrane of at most {most}"));
        }
        let widths = |current: &SynapticCurrent| (current.bits, current.wrap, current.decay_offset);
        if currents.iter().any(|current| widths(current) != widths(&currents[0])) {
            found.push("synaptic currents differ in more than their decay".into());
        }
        found
    }
}
