//! How often neurons are expected to fire: what packets are weighed with.

use std::collections::BTreeMap;

use crate::ir::PopulationId;
use crate::ir::spiking::SpikingModel;

/// Expected spikes of a neuron, by population; uniform (every neuron fires once) unless measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rates(BTreeMap<PopulationId, f64>);

impl Rates {
    /// Rates by layer name (`network.layer`), as a run's report gives them; layers not named keep the uniform rate.
    /// Also returns the names that no layer bears.
    pub fn measured<'a>(
        model: &SpikingModel,
        layers: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> (Self, Vec<String>) {
        let by_name: BTreeMap<String, PopulationId> =
            model.populations.keys().map(|id| (model.layer_name(id), id)).collect();
        let mut rates = BTreeMap::new();
        let mut unknown = Vec::new();
        for (name, rate) in layers {
            match by_name.get(name) {
                Some(&id) => {
                    rates.insert(id, rate);
                }
                None => unknown.push(name.to_owned()),
            }
        }
        (Self(rates), unknown)
    }

    /// Rates by population.
    pub fn of_neurons(rates: impl IntoIterator<Item = (PopulationId, f64)>) -> Self {
        Self(rates.into_iter().collect())
    }

    /// Expected spikes of a neuron of a population.
    pub fn of(&self, population: PopulationId) -> f64 {
        self.0.get(&population).copied().unwrap_or(1.0)
    }

    /// What integer packet counts are multiples of: 1 if uniform; measured rates are fractions, so packets are counted
    /// in hundredths then.
    pub fn scale(&self) -> f64 {
        if self.is_uniform() { 1.0 } else { 100.0 }
    }

    /// Whether all neurons are taken to fire once.
    pub fn is_uniform(&self) -> bool {
        self.0.is_empty()
    }
}
