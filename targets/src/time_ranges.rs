//! Time constants of which the source gives a range rather than a number: the counterpart of [`crate::ranges`] for
//! intervals and barriers.
//!
//! Ranges are of what the bottleneck formula reads: initiation intervals and the barrier. Latencies, buffers and queues
//! move simulated time only, whose ends would each be a simulation of their own; they have no range here.

use serde::{Deserialize, Serialize};

use crate::Timing;
use crate::schema::{Provenance, Target, TimingSpec, UnitTime};

/// The name under which the barrier has a range.
pub const BARRIER: &str = "barrier";

/// The least and greatest value that one constant of [`TimingSpec`] may have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeRange {
    /// Field name of a unit or link, whose `interval_ns` it is of; or `barrier`.
    pub constant: String,
    /// At most the nominal value: ns; of the barrier a multiple of its table.
    pub low: f64,
    /// At least the nominal value.
    pub high: f64,
    /// Who gives these ends, or why they are assumed.
    pub source: Provenance,
}

impl TimingSpec {
    /// A unit or link by its field name, if the target gives it.
    fn unit_mut(&mut self, name: &str) -> Option<&mut UnitTime> {
        Some(match name {
            "synaptic_operation" => &mut self.synaptic_operation,
            "neuron_update_active" => &mut self.neuron_update_active,
            "neuron_update_inactive" => &mut self.neuron_update_inactive,
            "neuron_spike" => self.neuron_spike.as_mut()?,
            "axon_in" => &mut self.axon_in,
            "axon_out" => &mut self.axon_out,
            "tile_delivery" => &mut self.tile_delivery,
            "hop_east_west" => &mut self.hop_east_west,
            "hop_north_south" => &mut self.hop_north_south,
            "hop_chip" => &mut self.hop_chip,
            "host_write" => &mut self.host_write,
            "host_read" => &mut self.host_read,
            "input_packet" => self.input_packet.as_mut()?,
            "host_multiply_add" => self.host_multiply_add.as_mut()?,
            "host_synchronisation" => self.host_synchronisation.as_mut()?,
            _ => return None,
        })
    }

    /// Gives a constant that has a range another value, in the range's unit.
    fn set(&mut self, constant: &str, value: f64) {
        if constant == BARRIER {
            self.barrier.points_ns.0.iter_mut().for_each(|(_, ns)| *ns *= value);
        } else if let Some(unit) = self.unit_mut(constant) {
            unit.interval_ns.0 = value;
        }
    }
}

impl Target {
    /// Constants of time that may have a range, with the nominal value in its unit and where that comes from.
    pub fn time_constants(&self) -> Vec<(&'static str, f64, &Provenance)> {
        let units = self.unit_times().into_iter();
        let intervals = units.map(|(name, unit)| (name, unit.interval_ns.0, &unit.interval_ns.1));
        intervals.chain([(BARRIER, 1.0, &self.timing.barrier.points_ns.1)]).collect()
    }

    /// Times with these constants at these values, all others nominal. Call [`Target::check`] first.
    fn timing_with<'a>(&self, values: impl IntoIterator<Item = (&'a str, f64)>) -> Timing {
        let mut changed = self.clone();
        values.into_iter().for_each(|(constant, value)| changed.timing.set(constant, value));
        changed.timing()
    }

    /// Times with every constant at its lowest, and at its highest value.
    pub fn timing_bounds(&self) -> [Timing; 2] {
        let all = |end: fn(&TimeRange) -> f64| {
            self.timing_with(self.timing.ranges.iter().map(|range| (range.constant.as_str(), end(range))))
        };
        [all(|range| range.low), all(|range| range.high)]
    }

    /// Times with one constant at its lowest, and at its highest value.
    pub fn timing_ends(&self, range: &TimeRange) -> [Timing; 2] {
        [range.low, range.high].map(|value| self.timing_with([(range.constant.as_str(), value)]))
    }

    /// Ranges that name no constant, name one twice, or do not hold the nominal value.
    pub(crate) fn check_time_ranges(&self, need: &mut impl FnMut(bool, &str, &str)) {
        let constants = self.time_constants();
        for (i, range) in self.timing.ranges.iter().enumerate() {
            let field = format!("timing.ranges: {}", range.constant);
            let Some((_, nominal, _)) = constants.iter().find(|(name, ..)| *name == range.constant) else {
                let expected =
                    "a unit or link of this target, or barrier; latencies and queues have no range";
                need(false, &field, expected);
                continue;
            };
            let mut earlier = self.timing.ranges[..i].iter();
            need(earlier.all(|r| r.constant != range.constant), &field, "one range for a constant");
            let ordered = 0.0 <= range.low && range.low <= *nominal && *nominal <= range.high;
            let most = if range.constant == BARRIER { 1e3 } else { 1e9 };
            need(
                ordered && range.high <= most,
                &field,
                &format!("0 <= low <= nominal value <= high <= {most}"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, registry};

    fn range(constant: &str, low: f64, high: f64) -> TimeRange {
        TimeRange { constant: constant.into(), low, high, source: Provenance::Assumed("a test".into()) }
    }

    #[test]
    fn ends_replace_their_constant_only() {
        let mut target = registry::load("loihi-like").unwrap();
        target.timing.ranges = vec![range("synaptic_operation", 3.0, 4.5), range(BARRIER, 0.5, 2.0)];
        target.check("t").unwrap();
        let (nominal, [low, high]) = (target.timing(), target.timing_bounds());
        let ends = |timing: &Timing| (timing.synaptic_operation.interval_ps, timing.barrier_ps(32));
        assert_eq!(
            [ends(&nominal), ends(&low), ends(&high)],
            [(3500, 465_000), (3000, 232_500), (4500, 930_000)]
        );
        let [mut one, _] = target.timing_ends(&target.timing.ranges[0].clone());
        assert_eq!(ends(&one), (3000, 465_000));
        one.synaptic_operation = nominal.synaptic_operation;
        assert_eq!(one, nominal);
    }

    #[test]
    fn every_interval_may_have_a_range() {
        let mut target = registry::load("loihi-like-sanafe").unwrap();
        let host = Some(target.timing.host_read.clone());
        (target.timing.host_multiply_add, target.timing.host_synchronisation) = (host.clone(), host);
        let constants: Vec<(String, f64)> =
            target.time_constants().iter().map(|&(name, value, _)| (name.to_owned(), value)).collect();
        target.timing.ranges =
            constants.iter().map(|(name, value)| range(name, *value, value + 1.0)).collect();
        target.check("t").unwrap();
        for (name, value) in constants.iter().filter(|(name, _)| name != BARRIER) {
            target.timing.set(name, value + 0.5);
            let now = target.time_constants().into_iter().find(|(found, ..)| found == name).unwrap();
            assert_eq!(now.1, value + 0.5, "{name}");
        }
    }

    #[test]
    fn ranges_that_contradict_are_refused() {
        let mut target = registry::load("loihi-like").unwrap();
        for ranges in [
            vec![range("hop_up", 0.0, 1.0)],
            vec![range("synaptic_operation", 3.6, 4.0)],
            vec![range("synaptic_operation", 3.0, f64::NAN)],
            vec![range(BARRIER, 1.5, 2.0)],
            vec![range(BARRIER, 0.5, 2.0), range(BARRIER, 0.5, 2.0)],
        ] {
            target.timing.ranges = ranges;
            assert_eq!(target.check("t").unwrap_err().codes(), [Code::TargetInvalid]);
        }
    }
}
