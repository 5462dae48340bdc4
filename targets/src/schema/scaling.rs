//! How energies and times follow the supply, the process corner and the clock.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Provenance, Sourced};

/// Laws by which the constants of a target hold at another supply, corner or clock. [`crate::scaling`] has the
/// formulas and applies them when a target is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScalingSpec {
    /// Supply V0 at which the energies and times of the file hold, V.
    pub nominal_v: Sourced<f64>,
    /// Supply V at which the chip runs, V.
    pub supply_v: Sourced<f64>,
    /// Lowest and highest supply at which the chip works, V.
    pub supply_range_v: Sourced<(f64, f64)>,
    /// Threshold Vt of the law of delays, V.
    pub threshold_v: Sourced<f64>,
    /// Exponent of the law of delays.
    pub delay_exponent: Sourced<f64>,
    /// Exponent with which static power follows the supply.
    pub leakage_exponent: Sourced<f64>,
    /// Process corner of the chip; it changes static power alone.
    pub corner: Sourced<Corner>,
    /// Static power at the slow and at the fast corner, relative to the typical one.
    pub corner_leakage: Sourced<(f64, f64)>,
    /// Clock, relative to the fastest that the supply allows: above 0, at most 1.
    pub clock: Sourced<f64>,
}

impl ScalingSpec {
    /// Name, value and source of each field.
    pub fn rows(&self) -> Vec<(String, String, String)> {
        let pair = |(low, high): (f64, f64)| format!("{low} to {high}");
        let row = |name: &str, value: String, source: &Provenance| (name.into(), value, source.to_string());
        let real = |name, value: &Sourced<f64>| row(name, value.0.to_string(), &value.1);
        vec![
            real("nominal_v", &self.nominal_v),
            real("supply_v", &self.supply_v),
            row("supply_range_v", pair(self.supply_range_v.0), &self.supply_range_v.1),
            real("threshold_v", &self.threshold_v),
            real("delay_exponent", &self.delay_exponent),
            real("leakage_exponent", &self.leakage_exponent),
            row("corner", self.corner.0.name().into(), &self.corner.1),
            row("corner_leakage", pair(self.corner_leakage.0), &self.corner_leakage.1),
            real("clock", &self.clock),
        ]
    }
}

/// Where in the spread of its process a chip lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Corner {
    /// Slow transistors that leak little.
    Slow,
    /// What the file's constants are of.
    Typical,
    /// Fast transistors that leak much.
    Fast,
}

impl Corner {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Typical => "typical",
            Self::Fast => "fast",
        }
    }
}

/// The supply, corner and clock to which the constants of a target were brought, and by which factors. Files do not
/// have it; it stands where [`ScalingSpec`] stood in a target whose constants were scaled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatingPoint {
    /// Supply at which the constants of the file hold, V.
    pub nominal_v: f64,
    /// Supply, V.
    pub supply_v: f64,
    /// Process corner.
    pub corner: Corner,
    /// Clock, relative to the fastest that the supply allows.
    pub clock: f64,
    /// Of the energies of events on the chip.
    pub energy_factor: f64,
    /// Of static powers.
    pub static_factor: f64,
    /// Of times on the chip.
    pub time_factor: f64,
    /// What that rests on, a sentence each.
    pub assumptions: Vec<String>,
}

impl fmt::Display for OperatingPoint {
    /// The point, its factors and what they rest on, as a sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { supply_v, nominal_v, clock, energy_factor, static_factor, time_factor, .. } = self;
        write!(
            f,
            "constants are scaled to {supply_v} V from {nominal_v} V, the {} corner and {clock} of the fastest clock: \
             energies of events x {energy_factor:.4}, static power x {static_factor:.4}, times on the chip x \
             {time_factor:.4}; {}",
            self.corner.name(),
            self.assumptions.join("; ")
        )
    }
}
