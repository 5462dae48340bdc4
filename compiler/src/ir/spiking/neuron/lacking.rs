//! What a neuron model asks of a chip and the chip lacks.

use snnc_targets::schema::{NeuronSpec, Reset, Sourced};

use super::{NeuronModel, SynapticCurrent};

impl NeuronModel {
    /// What a chip would need for it and lacks, in words, with what it has instead.
    pub fn lacking(&self, chip: &NeuronSpec) -> Option<String> {
        if let Some(reset) = self.reset().filter(|reset| !chip.resets.0.contains(reset)) {
            let name = |reset: Reset| match reset {
                Reset::Zero => "to 0",
                Reset::Subtract => "by subtraction",
            };
            let has: Vec<&str> = chip.resets.0.iter().map(|&reset| name(reset)).collect();
            return Some(format!("resets {}; neurons of the chip reset {}", name(reset), has.join(" or ")));
        }
        if self.by_channel() && !chip.programmable.get() {
            return Some(
                "has parameters by channel; neurons of the chip lose their threshold and share their decays"
                    .into(),
            );
        }
        if let Some(lacking) = self.lacking_after_spikes(chip) {
            return Some(lacking);
        }
        let currents = self.currents();
        if currents.is_empty() {
            return None;
        }
        let Some(spec) = &chip.synaptic_current else {
            return Some(
                "has a synaptic current with a decay of its own; neurons of the chip have none".into(),
            );
        };
        let of_chip = |current: &SynapticCurrent| SynapticCurrent::new(spec, current.decay);
        let other = currents.into_iter().find(|&current| *current != of_chip(current))?;
        let has = of_chip(other);
        Some(format!("has the synaptic current {other:?}; that of the chip is {has:?}"))
    }

    /// What a chip lacks of refractory timesteps and floors.
    fn lacking_after_spikes(&self, chip: &NeuronSpec) -> Option<String> {
        let Self::Refractory { refractory, floor, .. } = self else { return None };
        let most = chip.refractory_max.as_ref().map_or(0, Sourced::get);
        if *refractory > most {
            return Some(format!(
                "is refractory for {refractory} timesteps after a spike; neurons of the chip for {most} at most"
            ));
        }
        let (exponent, most) = ((*floor)?, chip.floor_exponent_max.as_ref().map(Sourced::get));
        match most {
            Some(most) if exponent <= most => None,
            Some(most) => Some(format!(
                "has a floor of -(2^{exponent} - 1); neurons of the chip one of -(2^{most} - 1)"
            )),
            None => Some("has a floor of its own; neurons of the chip have that of their width".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_chip_lacks_is_named() {
        let chip = |name: &str| snnc_targets::registry::load(name).unwrap().neuron;
        let loihi = chip("loihi-like");
        let soft = NeuronModel::Lif { decay: 0, thresholds: vec![1], reset: Reset::Subtract };
        assert_eq!(soft.lacking(&loihi).unwrap(), "resets by subtraction; neurons of the chip reset to 0");
        assert_eq!(soft.lacking(&chip("paicore-like")), None);
        let current = SynapticCurrent::new(loihi.synaptic_current.as_ref().unwrap(), 1024);
        let model =
            |current| NeuronModel::CubaLif { current, decay: 0, thresholds: vec![1], reset: Reset::Zero };
        assert_eq!(model(current).lacking(&loihi), None);
        assert!(model(current).lacking(&chip("truenorth-like")).unwrap().contains("a decay of its own"));
        let second = |current: SynapticCurrent| NeuronModel::ByChannel {
            thresholds: vec![1, 1],
            decays: vec![0, 0],
            subtracted: Vec::new(),
            currents: vec![SynapticCurrent { decay: 0, ..current }, current],
        };
        let mut programmable = chip("loihi2-like");
        let own = SynapticCurrent::new(programmable.synaptic_current.as_ref().unwrap(), 1024);
        assert_eq!(second(own).lacking(&programmable), None);
        programmable.programmable.0 = false;
        assert!(second(own).lacking(&programmable).unwrap().contains("by channel"));
        programmable.programmable.0 = true;
        // The second channel's is looked at as well as the first's.
        let NeuronModel::ByChannel { thresholds, decays, subtracted, mut currents } = second(own) else {
            unreachable!("it was made by channel")
        };
        currents[1].bits = 25;
        let mixed = NeuronModel::ByChannel { thresholds, decays, subtracted, currents };
        assert!(mixed.lacking(&programmable).unwrap().contains("bits: 25"));
        let wide = SynapticCurrent { bits: 25, ..current };
        assert!(model(wide).lacking(&loihi).unwrap().contains("bits: 25"));
    }

    #[test]
    fn refractory_timesteps_and_floors_beyond_the_chips_are_named() {
        let chip = |name: &str| snnc_targets::registry::load(name).unwrap().neuron;
        let model = |refractory, floor| NeuronModel::Refractory {
            current: None,
            decay: 0,
            thresholds: vec![1],
            reset: Reset::Zero,
            refractory,
            floor,
        };
        let says = |model: NeuronModel, name, word| model.lacking(&chip(name)).unwrap().contains(word);
        assert_eq!(model(62, Some(23)).lacking(&chip("loihi-like")), None);
        assert!(says(model(63, None), "loihi-like", "for 62 at most"));
        assert!(says(model(1, None), "truenorth-like", "for 0 at most"));
        assert!(says(model(0, Some(24)), "loihi-like", "-(2^23 - 1)"));
        assert_eq!(model(62, None).lacking(&chip("loihi2-like")), None);
        assert!(says(model(62, Some(0)), "loihi2-like", "that of their width"));
    }
}
