//! What kind of figure the time of a run is, and how it and the energy that follows from it are written.
//!
//! The bottleneck formula gives a lower bound, and static energy, a power times that time, is then a bound as well. A
//! sampled simulation gives an estimate with its 95 % interval. Both read as a plain number would mislead.

use serde::{Deserialize, Serialize};
use snnc_simulator::time::Fidelity;
use snnc_targets::EnergyComponent;

use super::Report;
use super::units::si;

/// What kind of figure a time is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// No execution on the described chip is shorter.
    LowerBound,
    /// Follows from a sample of timesteps; see `time.simulated.time_half_width_s`.
    Estimate,
    /// Every packet of every timestep was simulated.
    Simulated,
}

impl Certainty {
    /// Of the times that a fidelity gives; none without a time.
    pub fn of(fidelity: Fidelity) -> Option<Self> {
        match fidelity {
            Fidelity::None => None,
            Fidelity::Analytic => Some(Self::LowerBound),
            Fidelity::Cycle { every: 1 } => Some(Self::Simulated),
            Fidelity::Cycle { .. } => Some(Self::Estimate),
        }
    }

    /// As people read it.
    pub fn describe(self) -> &'static str {
        match self {
            Self::LowerBound => "lower bound",
            Self::Estimate => "estimate from a sample of timesteps",
            Self::Simulated => "simulated packet by packet",
        }
    }
}

impl Report {
    /// What kind of figure the time is; reports of earlier versions say it by their fidelity alone.
    pub fn time_is(&self) -> Option<Certainty> {
        self.totals.time_is.or_else(|| self.fidelity.parse().ok().and_then(Certainty::of))
    }

    /// What of time and energy the host's multiply-adds are part of.
    pub(super) fn host_is(&self) -> &'static str {
        let timed = self.time_constants.iter().any(|constant| constant.name == "host_multiply_add");
        let charged = self.energy_constants.iter().any(|constant| constant.name == "host_multiply_add_pj");
        match (timed, charged) {
            (false, false) => "neither timed nor charged",
            (true, false) => "timed and not charged",
            (false, true) => "charged and not timed",
            (true, true) => "timed and charged",
        }
    }

    /// Whether the time is a lower bound.
    pub(super) fn bounds_time(&self) -> bool {
        self.time_is() == Some(Certainty::LowerBound)
    }

    /// Whether the energy is a lower bound at nominal constants, since a part of it is a power times such a time.
    pub(super) fn bounds_energy(&self) -> bool {
        self.bounds_time() && self.energy_j[EnergyComponent::Static] > 0.0
    }

    /// Joules of the run, or of a part of it: `>= 149.2 mJ` if they are a bound.
    pub(super) fn energy_text(&self, joules: f64) -> String {
        at_least(self.bounds_energy(), si(joules, "J"))
    }

    /// Seconds of the run, or of a part of it: `>= 367.9 ms (bound)` if they are a bound.
    pub(super) fn time_text(&self, seconds: f64) -> String {
        let bound = self.bounds_time();
        at_least(bound, si(seconds, "s")) + if bound { " (bound)" } else { "" }
    }
}

fn at_least(bound: bool, figure: String) -> String {
    if bound { format!(">= {figure}") } else { figure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::run;

    #[test]
    fn a_bound_is_written_as_one_and_nothing_else_is() {
        let bound = run(Fidelity::Analytic, |input| input.report());
        assert_eq!(bound.totals.time_is, Some(Certainty::LowerBound));
        assert_eq!(
            (bound.time_text(0.25), bound.energy_text(0.5)),
            (">= 250.0 ms (bound)".into(), ">= 500.0 mJ".into())
        );
        // A bound of the time is none of an energy without static power.
        let mut without = bound.clone();
        without.energy_j = crate::report::data::EnergyByComponent::from_fn(|_| 0.0);
        assert_eq!(without.energy_text(0.5), "500.0 mJ");
        for (fidelity, kind) in [("cycle", Certainty::Simulated), ("cycle:1/16", Certainty::Estimate)] {
            let mut other = bound.clone();
            (other.fidelity, other.totals.time_is) = (fidelity.into(), None);
            assert_eq!(other.time_is(), Some(kind));
            assert_eq!(
                (other.time_text(0.25), other.energy_text(0.5)),
                ("250.0 ms".into(), "500.0 mJ".into())
            );
        }
        let untimed = run(Fidelity::None, |input| input.report());
        assert_eq!((untimed.totals.time_is, untimed.time_is()), (None, None));
    }
}
