//! Whole numbers of attojoules and picoseconds, as they were added up, beside the floats of the report.
//!
//! Energy and time are integers until the report is written. A float has 53 bits, and sums of rounded parts are not the
//! rounded sum; so report.json has the integers too, as decimal words, since readers of JSON take numbers for floats.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use snnc_simulator::charge::EnergyBreakdown;
use snnc_targets::EnergyComponent;

/// A whole number of the unit that its field's name ends with: `aj` (1e-18 J), `ps` (1e-12 s) or `pw` (1e-12 W).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exact(pub u128);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::iter::Sum for Exact {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        Self(numbers.map(|number| number.0).sum())
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let number =
            digits.parse().map_err(|_| D::Error::custom(format!("`{digits}` is no whole number")))?;
        Ok(Self(number))
    }
}

/// Attojoules by component, in the order of [`EnergyComponent::ALL`]; in JSON an object.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExactByComponent([Exact; EnergyComponent::ALL.len()]);

impl ExactByComponent {
    /// Of the ledger.
    pub fn of(breakdown: &EnergyBreakdown) -> Self {
        Self(EnergyComponent::ALL.map(|component| Exact(breakdown[component])))
    }

    /// Names as in the schema, and attojoules.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Exact)> {
        EnergyComponent::ALL.into_iter().map(EnergyComponent::name).zip(self.0)
    }
}

impl Serialize for ExactByComponent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for ExactByComponent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = std::collections::BTreeMap::<String, Exact>::deserialize(deserializer)?;
        let mut all = Self::default();
        for component in EnergyComponent::ALL {
            let name = component.name();
            all.0[component as usize] =
                *given.get(name).ok_or_else(|| D::Error::custom(format!("missing field `{name}`")))?;
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use snnc_simulator::time::Fidelity;

    use super::*;
    use crate::report::fixture::run;

    #[test]
    fn every_cut_of_energy_and_time_adds_up_to_the_last_unit() {
        let report = run(Fidelity::Analytic, |input| input.report());
        let total = report.totals.energy_aj.unwrap();
        assert!(
            total.0 > 0
                && (total.0 as f64 / 1e18 - report.totals.energy_j).abs() <= 1e-15 * report.totals.energy_j
        );
        let sum =
            |parts: &mut dyn Iterator<Item = Option<Exact>>| -> Exact { parts.map(Option::unwrap).sum() };
        assert_eq!(report.energy_aj.unwrap().iter().map(|(_, aj)| aj).sum::<Exact>(), total);
        assert_eq!(sum(&mut report.layers.iter().map(|row| row.energy_aj)), total);
        assert_eq!(sum(&mut report.cores.iter().map(|row| row.energy_aj)), total);
        assert_eq!(sum(&mut report.by_pass().map(|row| row.energy_aj)), total);
        assert_eq!(sum(&mut report.by_item().map(|row| row.energy_aj)), total);
        assert_eq!(sum(&mut report.energy_constants.iter().map(|row| row.energy_aj)), total);
        let time = report.totals.time_ps.unwrap();
        assert_eq!(sum(&mut report.by_pass().map(|row| row.time_ps)), time);
        assert_eq!(sum(&mut report.by_item().map(|row| row.time_ps)), time);
        let barrier = report.time.barrier_each_ps.unwrap().0 * u128::from(report.totals.timesteps);
        assert_eq!(report.time.barrier_ps, Some(Exact(barrier)));
        // An event costs a whole number of attojoules, so what a constant was charged is a product of integers.
        for constant in report.energy_constants.iter().filter(|constant| constant.unit == "J") {
            let each = constant.value_aj.unwrap().0;
            assert_eq!(
                constant.energy_aj,
                Some(Exact(each * u128::from(constant.events))),
                "{}",
                constant.name
            );
        }
    }

    #[test]
    fn numbers_that_no_float_holds_survive_the_file() {
        let large = Exact(u128::from(u64::MAX) * 10 + 1);
        let text = serde_json::to_string(&large).unwrap();
        assert_eq!(text, "\"184467440737095516151\"");
        assert_eq!(serde_json::from_str::<Exact>(&text).unwrap(), large);
        for wrong in ["\"1.5\"", "\"-1\"", "\"\"", "7"] {
            assert!(serde_json::from_str::<Exact>(wrong).is_err(), "{wrong}");
        }
    }
}
