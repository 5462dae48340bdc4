//! Energy constants of which the source gives a range rather than a number.
//!
//! A constant has one nominal value; where sources disagree, name a bound, or nothing is published, its range says so
//! ([`EnergyRange`]). Energies are then charged three times: at the nominal, the lowest and the highest values. The
//! ends assume that all constants err in the same direction, so they bound the total rather than estimate its spread.

use serde::{Deserialize, Serialize};

use crate::energy::Energy;
use crate::schema::{Provenance, Target};

/// The lowest and highest value that one constant of [`crate::schema::EnergySpec`] may have, in its unit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnergyRange {
    /// Field name of the constant.
    pub constant: String,
    /// At most the nominal value.
    pub low: f64,
    /// At least the nominal value.
    pub high: f64,
    /// Who gives these ends, or why they are assumed.
    pub source: Provenance,
}

impl Target {
    /// The range of an energy constant; none if it is not said to have one.
    pub fn energy_range(&self, constant: &str) -> Option<&EnergyRange> {
        self.energy.ranges.iter().find(|range| range.constant == constant)
    }

    /// Energies with every constant at its lowest, and at its highest value. Call [`Target::check`] first.
    pub fn energy_bounds(&self) -> [Energy; 2] {
        let end = |of: fn(&EnergyRange) -> f64| {
            self.energy_by(|name, nominal| self.energy_range(name).map_or(nominal, of))
        };
        [end(|range| range.low), end(|range| range.high)]
    }

    /// Ranges that name no constant, name one twice, or do not hold the nominal value.
    pub(crate) fn check_ranges(&self, need: &mut impl FnMut(bool, &str, &str)) {
        let constants = self.energy_constants();
        for (i, range) in self.energy.ranges.iter().enumerate() {
            let field = format!("energy.ranges: {}", range.constant);
            let Some((_, nominal)) = constants.iter().find(|(name, _)| *name == range.constant) else {
                need(false, &field, "the name of an energy constant");
                continue;
            };
            let earlier = self.energy.ranges[..i].iter();
            need(earlier.clone().all(|r| r.constant != range.constant), &field, "one range for a constant");
            let ordered = 0.0 <= range.low && range.low <= nominal.get() && nominal.get() <= range.high;
            need(ordered && range.high <= 1e6, &field, "0 <= low <= nominal value <= high <= 1000000");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::{EnergyEvent, StaticPower};
    use crate::{Code, registry};

    fn range(constant: &str, low: f64, high: f64) -> EnergyRange {
        EnergyRange { constant: constant.into(), low, high, source: Provenance::Assumed("a test".into()) }
    }

    #[test]
    fn ends_replace_their_constant_only() {
        let mut target = registry::load("loihi-like").unwrap();
        target.energy.ranges =
            vec![range("hop_east_west_pj", 2.5, 3.5), range("static_uw_per_core", 1.0, 500.0)];
        target.check("t").unwrap();
        let (nominal, [low, high]) = (target.energy(), target.energy_bounds());
        let ends = |energy: &Energy| (energy.aj(EnergyEvent::HopEastWest), energy.pw(StaticPower::Core));
        assert_eq!(ends(&low), (2_500_000, 1_000_000));
        assert_eq!(ends(&high), (3_500_000, 500_000_000));
        for end in [low, high] {
            let events = EnergyEvent::ALL.into_iter().filter(|&e| e != EnergyEvent::HopEastWest);
            events.for_each(|event| assert_eq!(end.aj(event), nominal.aj(event)));
            assert_eq!(end.pw(StaticPower::MemoryKib), nominal.pw(StaticPower::MemoryKib));
        }
    }

    #[test]
    fn ranges_that_contradict_are_refused() {
        let mut target = registry::load("loihi-like").unwrap();
        for ranges in [
            vec![range("hop_up_pj", 0.0, 1.0)],
            vec![range("hop_east_west_pj", 3.5, 4.0)],
            vec![range("hop_east_west_pj", 2.0, f64::NAN)],
            vec![range("hop_east_west_pj", -1.0, 4.0)],
            vec![range("hop_east_west_pj", 2.0, 4.0), range("hop_east_west_pj", 2.0, 4.0)],
        ] {
            target.energy.ranges = ranges;
            assert_eq!(target.check("t").unwrap_err().codes(), [Code::TargetInvalid]);
        }
    }
}
