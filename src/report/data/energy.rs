//! Energy by component and by constant of the target.

use std::collections::BTreeMap;
use std::ops::Index;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use snnc_targets::EnergyComponent;

use super::Exact;

/// Joules by component; in JSON an object with a field for each of [`EnergyComponent::ALL`]. Static energy is 0 without
/// a time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EnergyByComponent([f64; EnergyComponent::ALL.len()]);

impl EnergyByComponent {
    /// The joules that `of` gives.
    pub fn from_fn(of: impl FnMut(EnergyComponent) -> f64) -> Self {
        Self(EnergyComponent::ALL.map(of))
    }

    /// Names as in the schema, and joules.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> {
        EnergyComponent::ALL.into_iter().map(EnergyComponent::name).zip(self.0)
    }
}

impl Index<EnergyComponent> for EnergyByComponent {
    type Output = f64;
    fn index(&self, component: EnergyComponent) -> &f64 {
        &self.0[component as usize]
    }
}

impl Serialize for EnergyByComponent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for EnergyByComponent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let joules = BTreeMap::<String, f64>::deserialize(deserializer)?;
        let mut all = Self::default();
        for component in EnergyComponent::ALL {
            let name = component.name();
            all.0[component as usize] =
                *joules.get(name).ok_or_else(|| D::Error::custom(format!("missing field `{name}`")))?;
        }
        Ok(all)
    }
}

/// Lowest and highest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// At most the nominal value.
    pub low: f64,
    /// At least the nominal value.
    pub high: f64,
}

/// One energy constant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EnergyConstant {
    /// Field name in the target file.
    pub name: String,
    /// SI: joules per event; watts per chip, core or KiB for static power.
    pub value: f64,
    /// `J` or `W`.
    pub unit: String,
    /// `measured`, `published`, `derived` or `assumed`.
    pub provenance: String,
    /// The source or reason.
    pub source: String,
    /// Lowest and highest value, if the target gives a range.
    pub range: Option<Range>,
    /// Where the range comes from: kind of provenance, source or reason.
    pub range_source: Option<String>,
    /// Events charged: flits for hops and deliveries, all that a chip repeats for copies. For static power the chips,
    /// cores or KiB that draw it.
    pub events: u64,
    /// Joules charged.
    pub energy_j: f64,
    /// The same as a whole number of attojoules; absent in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub energy_aj: Option<Exact>,
    /// What an event was charged, as a whole number of attojoules; of constants in joules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_aj: Option<Exact>,
    /// The power of a chip, core or KiB, as a whole number of picowatts; of constants in watts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_pw: Option<Exact>,
}

/// 45 nm arithmetic (Horowitz 2014): no memory, no network, no static power.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Paper {
    /// J per accumulate.
    pub accumulate_j: f64,
    /// Synaptic operations.
    pub accumulates: u64,
    /// J per multiply-accumulate.
    pub multiply_accumulate_j: f64,
    /// Multiply-accumulates of host-computed layers, dense, once a pass.
    pub multiply_accumulates: u64,
    /// Both terms, J.
    pub energy_j: f64,
}
