//! Time constants of which the source gives a range rather than a number: the counterpart of [`crate::ranges`].
//!
//! Intervals, latencies, the barrier and the clock have theirs in `timing.ranges`; times of routers, and depths of
//! buffers and queues, in `network.ranges`. Where nobody gives a second figure, a target says so
//! (`ranges_unknown`) rather than nothing.

use serde::{Deserialize, Serialize};

use crate::schema::{Provenance, Target};
use crate::time_constants::NETWORK;
pub use crate::time_constants::{BARRIER, TimeConstant};

/// The least and greatest value that one constant of [`crate::schema::TimingSpec`] or [`crate::schema::NocSpec`] may
/// have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeRange {
    /// In `timing.ranges` the field name of a unit or link for its `interval_ns`, with `.latency_ns` behind it for its
    /// latency, `barrier`, or `clock_ns`; in `network.ranges` a field name of the network.
    pub constant: String,
    /// At most the nominal value: ns; of the barrier a multiple of its table; of depths whole places.
    pub low: f64,
    /// At least the nominal value.
    pub high: f64,
    /// Who gives these ends, or why they are assumed.
    pub source: Provenance,
}

/// Constants of which no range is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnknownRange {
    /// Named as in the ranges beside it; one that has a range there, has that.
    pub constants: Vec<String>,
    /// Why none is known.
    pub reason: String,
}

/// What is known of a constant's range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RangeKnown<'a> {
    /// Its ends.
    Ends(&'a TimeRange),
    /// Nothing, and why.
    Unknown(&'a str),
    /// The target does not say.
    Unsaid,
}

impl Target {
    /// All ranges of time, with the names of [`Target::time_constants`].
    pub fn time_ranges(&self) -> Vec<(String, &TimeRange)> {
        let own = self.timing.ranges.iter().map(|range| (range.constant.clone(), range));
        let network = self.network.iter().flat_map(|network| &network.ranges);
        own.chain(network.map(|range| (format!("{NETWORK}{}", range.constant), range))).collect()
    }

    /// Constants that are said to have no known range, with the reason.
    fn unknown_ranges(&self) -> impl Iterator<Item = (String, &str)> {
        let within = |prefix: &'static str, list: &'_ UnknownRange| -> Vec<String> {
            list.constants.iter().map(|name| format!("{prefix}{name}")).collect()
        };
        let own = self.timing.ranges_unknown.iter().map(move |list| (within("", list), &list.reason));
        let network = self.network.iter().flat_map(|network| &network.ranges_unknown);
        let network = network.map(move |list| (within(NETWORK, list), &list.reason));
        own.chain(network).flat_map(|(names, why)| names.into_iter().map(move |name| (name, why.as_str())))
    }

    /// What is known of the range of a constant of time, by its name in [`Target::time_constants`].
    pub fn time_range(&self, constant: &str) -> RangeKnown<'_> {
        if let Some((_, range)) = self.time_ranges().into_iter().find(|(name, _)| name == constant) {
            return RangeKnown::Ends(range);
        }
        let unknown = self.unknown_ranges().find(|(name, _)| name == constant);
        unknown.map_or(RangeKnown::Unsaid, |(_, reason)| RangeKnown::Unknown(reason))
    }

    /// This target with some constants of time at other values. Its ranges are those of the nominal ones.
    fn with_times<'a>(&self, values: impl IntoIterator<Item = (&'a str, f64)>) -> Self {
        let mut changed = self.clone();
        values.into_iter().for_each(|(constant, value)| changed.set_time(constant, value));
        changed
    }

    /// This target with every constant of time at that end of its range which makes timesteps short, and with every one
    /// at the other: times low and queues deep, times high and queues shallow.
    pub fn at_time_bounds(&self) -> [Self; 2] {
        let ranges = self.time_ranges();
        [true, false].map(|short| {
            self.with_times(ranges.iter().map(|(name, range)| {
                let deep = crate::time_constants::depth_unit(name).is_some();
                (name.as_str(), if short != deep { range.low } else { range.high })
            }))
        })
    }

    /// This target with one constant of time, by the name that [`Target::time_ranges`] gives it, at its lowest, and at
    /// its highest value.
    pub fn at_time_ends(&self, constant: &str, range: &TimeRange) -> [Self; 2] {
        [range.low, range.high].map(|value| self.with_times([(constant, value)]))
    }

    /// Ranges that name no constant, name one twice, or do not hold the nominal value.
    pub(crate) fn check_time_ranges(&self, need: &mut impl FnMut(bool, &str, &str)) {
        let constants = self.time_constants();
        let named = |name: &str| constants.iter().find(|constant| constant.name == name);
        let expected = "a unit or link of this target, one with .latency_ns behind it, barrier, or clock_ns";
        let of_network = "a time or a depth of this target's network";
        let field = |name: &str, list: &str| match name.strip_prefix(NETWORK) {
            Some(inner) => (format!("network.{list}: {inner}"), of_network),
            None => (format!("timing.{list}: {name}"), expected),
        };
        for (name, _) in self.unknown_ranges() {
            let (field, expected) = field(&name, "ranges_unknown");
            need(named(&name).is_some(), &field, expected);
        }
        let ranges = self.time_ranges();
        for (i, (name, range)) in ranges.iter().enumerate() {
            let (field, expected) = field(name, "ranges");
            let Some(constant) = named(name) else {
                need(false, &field, expected);
                continue;
            };
            let once = ranges[..i].iter().all(|(earlier, _)| earlier != name);
            need(once, &field, "one range for a constant");
            let (least, most) = match constant.unit {
                "x" => (0.0, 1e3),
                "ns" if name == "clock_ns" => (0.001, 1e9),
                "ns" => (0.0, 1e9),
                _ => (1.0, 4096.0),
            };
            let nominal = constant.value;
            let ordered = least <= range.low && range.low <= nominal && nominal <= range.high;
            let bounds = format!("{least} <= low <= nominal value <= high <= {most}");
            need(ordered && range.high <= most, &field, &bounds);
            let whole = range.low.fract() == 0.0 && range.high.fract() == 0.0;
            need(whole || !constant.is_depth(), &field, "whole numbers of places");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Code, Timing, registry};

    fn range(constant: &str, low: f64, high: f64) -> TimeRange {
        TimeRange { constant: constant.into(), low, high, source: Provenance::Assumed("a test".into()) }
    }

    #[test]
    fn ends_replace_their_constant_only() {
        let mut target = registry::load("loihi-like").unwrap();
        target.timing.ranges = vec![range("synaptic_operation", 3.0, 4.5), range(BARRIER, 0.5, 2.0)];
        target.network.as_mut().unwrap().ranges.clear();
        target.check("t").unwrap();
        let nominal = target.timing();
        let [low, high] = target.at_time_bounds().map(|end| end.timing());
        let ends = |timing: &Timing| (timing.synaptic_operation.interval_ps, timing.barrier_ps(32));
        assert_eq!(
            [ends(&nominal), ends(&low), ends(&high)],
            [(3500, 465_000), (3000, 232_500), (4500, 930_000)]
        );
        let [one, _] = target.at_time_ends("synaptic_operation", &target.timing.ranges[0]);
        let mut one = one.timing();
        assert_eq!(ends(&one), (3000, 465_000));
        one.synaptic_operation = nominal.synaptic_operation;
        assert_eq!(one, nominal);
    }

    /// Long latencies and shallow queues slow a timestep down, short ones and deep ones do not.
    #[test]
    fn bounds_have_queues_deep_where_times_are_short() {
        let mut target = registry::load("loihi-like").unwrap();
        target.timing.ranges = vec![range("hop_chip.latency_ns", 6.5, 364.0), range("clock_ns", 0.005, 0.02)];
        target.network.as_mut().unwrap().ranges =
            vec![range("buffer_flits", 16.0, 64.0), range("credit_latency_ns", 0.0, 6.5)];
        target.check("t").unwrap();
        let ends = target.at_time_bounds().map(|end| {
            let network = end.network.unwrap();
            let (timing, credit) = (end.timing, network.credit_latency_ns.0);
            (timing.hop_chip.latency_ns.0, timing.clock_ns.0, network.buffer_flits.0, credit)
        });
        assert_eq!(ends, [(6.5, 0.005, 64, 0.0), (364.0, 0.02, 16, 6.5)]);
        let depth = target.network.as_ref().unwrap().ranges[0].clone();
        let ends = target.at_time_ends("network.buffer_flits", &depth);
        assert_eq!(ends.map(|end| end.network.unwrap().buffer_flits.0), [16, 64]);
    }

    #[test]
    fn every_constant_may_have_a_range() {
        let mut target = registry::load("loihi-like-sanafe").unwrap();
        let host = Some(target.timing.host_read.clone());
        (target.timing.host_multiply_add, target.timing.host_synchronisation) = (host.clone(), host);
        let all: Vec<(String, f64)> =
            target.time_constants().into_iter().map(|constant| (constant.name, constant.value)).collect();
        let (network, own): (Vec<_>, Vec<_>) = all.iter().partition(|(name, _)| name.starts_with(NETWORK));
        let ranges = |constants: &[&(String, f64)]| {
            constants
                .iter()
                .map(|(name, value)| range(name.strip_prefix(NETWORK).unwrap_or(name), *value, value + 1.0))
                .collect::<Vec<_>>()
        };
        target.timing.ranges = ranges(&own);
        target.network.as_mut().unwrap().ranges = ranges(&network);
        target.check("t").unwrap();
        assert!(all.iter().all(|(name, _)| matches!(target.time_range(name), RangeKnown::Ends(_))));
    }

    /// A built-in target leaves no constant of time without a word about its range.
    #[test]
    fn built_in_targets_say_of_every_constant_whether_its_range_is_known() {
        for name in registry::names() {
            let target = registry::load(name).unwrap();
            for constant in target.time_constants() {
                let known = target.time_range(&constant.name);
                assert_ne!(known, RangeKnown::Unsaid, "{name}: {}", constant.name);
            }
        }
    }

    #[test]
    fn ranges_that_contradict_are_refused() {
        let plain = registry::load("loihi-like").unwrap();
        for ranges in [
            vec![range("hop_up", 0.0, 1.0)],
            vec![range("synaptic_operation", 3.6, 4.0)],
            vec![range("synaptic_operation", 3.0, f64::NAN)],
            vec![range("hop_chip.latency_ns", 66.0, 70.0)],
            vec![range(BARRIER, 1.5, 2.0)],
            vec![range(BARRIER, 0.5, 2.0), range(BARRIER, 0.5, 2.0)],
            vec![range("clock_ns", 0.0, 1.0)],
        ] {
            let mut target = plain.clone();
            target.timing.ranges = ranges;
            assert_eq!(target.check("t").unwrap_err().codes(), [Code::TargetInvalid]);
        }
        for ranges in [
            vec![range("flits_per_packet", 1.0, 2.0)],
            vec![range("buffer_flits", 0.0, 64.0)],
            vec![range("buffer_flits", 16.5, 64.0)],
            vec![range("synapse_queue_packets", 1.0, 5000.0)],
        ] {
            let mut target = plain.clone();
            target.network.as_mut().unwrap().ranges = ranges;
            assert_eq!(target.check("t").unwrap_err().codes(), [Code::TargetInvalid]);
        }
        let mut target = plain;
        target.timing.ranges_unknown =
            vec![UnknownRange { constants: vec!["hop_up".into()], reason: "a test".into() }];
        assert_eq!(target.check("t").unwrap_err().codes(), [Code::TargetInvalid]);
    }
}
