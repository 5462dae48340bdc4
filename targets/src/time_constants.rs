//! The constants of time by name: units, links, the barrier, the clock, routers and queues.
//!
//! Each has a value, a source, and says who reads it: the bottleneck formula and the cycle-accurate simulation, or the
//! simulation alone. [`crate::time_ranges`] has what is known of their ranges.

use crate::schema::{Provenance, Target, UnitTime};

/// The name under which the barrier has a range.
pub const BARRIER: &str = "barrier";

/// The name of the clock.
const CLOCK: &str = "clock_ns";

/// What a unit's latency is called behind the unit's name; the name alone is its interval.
const LATENCY: &str = ".latency_ns";

/// What stands before names of the group `network`.
pub(crate) const NETWORK: &str = "network.";

/// Units whose latency the formula reads: the host's transfers are not pipelined with the chip.
const HOST: [&str; 4] = ["host_write", "host_read", "host_multiply_add", "host_synchronisation"];

/// A constant of time.
#[derive(Debug, Clone, PartialEq)]
pub struct TimeConstant<'a> {
    /// `hop_chip` for the interval of a unit or link, `hop_chip.latency_ns`, `barrier`, `clock_ns`,
    /// `network.router_latency_ns`, `network.buffer_flits`.
    pub name: String,
    /// In [`TimeConstant::unit`]; 1 for the barrier, whose table is multiplied with it.
    pub value: f64,
    /// `ns`, `x` for the barrier, `flits`, `spikes` or `packets` for places of a queue.
    pub unit: &'static str,
    /// Where the value comes from.
    pub source: &'a Provenance,
    /// Whether the bottleneck formula reads it; if not, cycle-accurate timing alone does.
    pub in_formula: bool,
}

impl TimeConstant<'_> {
    /// Whether it counts places of a queue. With more of them a timestep takes less time, not more.
    pub fn is_depth(&self) -> bool {
        depth_unit(&self.name).is_some()
    }
}

/// What a depth counts, if the constant is one.
pub(crate) fn depth_unit(name: &str) -> Option<&'static str> {
    Some(match name.strip_prefix(NETWORK)? {
        "buffer_flits" | "chip_buffer_flits" => "flits",
        "spike_queue_spikes" => "spikes",
        "axon_in_queue_packets" | "synapse_queue_packets" => "packets",
        _ => return None,
    })
}

impl Target {
    /// Every constant of time that the target gives: of each unit and link its interval and its latency, the barrier,
    /// the clock, then times and depths of the network. `virtual_channels` and `flits_per_packet` are the shape of a
    /// network, not among them.
    pub fn time_constants(&self) -> Vec<TimeConstant<'_>> {
        let mut all = Vec::new();
        for (unit, times) in self.unit_times() {
            let host = HOST.contains(&unit);
            for (name, time, in_formula) in [
                (unit.to_owned(), &times.interval_ns, true),
                (format!("{unit}{LATENCY}"), &times.latency_ns, host),
            ] {
                all.push(TimeConstant { name, value: time.0, unit: "ns", source: &time.1, in_formula });
            }
        }
        let t = &self.timing;
        let (barrier, clock) = (&t.barrier.points_ns.1, &t.clock_ns);
        let one = |name: String, value, unit, source, in_formula| TimeConstant {
            name,
            value,
            unit,
            source,
            in_formula,
        };
        all.push(one(BARRIER.into(), 1.0, "x", barrier, true));
        all.push(one(CLOCK.into(), clock.0, "ns", &clock.1, false));
        for (field, time) in self.network.iter().flat_map(|network| network.times_ns()) {
            all.push(one(format!("{NETWORK}{field}"), time.0, "ns", &time.1, false));
        }
        for (field, size) in self.network.iter().flat_map(|network| network.sizes()) {
            let name = format!("{NETWORK}{field}");
            if let Some(unit) = depth_unit(&name) {
                all.push(one(name, size.0.into(), unit, &size.1, false));
            }
        }
        all
    }

    /// A unit or link by its field name, if the target gives it.
    fn unit_mut(&mut self, name: &str) -> Option<&mut UnitTime> {
        let t = &mut self.timing;
        Some(match name {
            "synaptic_operation" => &mut t.synaptic_operation,
            "neuron_update_active" => &mut t.neuron_update_active,
            "neuron_update_inactive" => &mut t.neuron_update_inactive,
            "neuron_spike" => t.neuron_spike.as_mut()?,
            "axon_in" => &mut t.axon_in,
            "axon_out" => &mut t.axon_out,
            "tile_delivery" => &mut t.tile_delivery,
            "hop_east_west" => &mut t.hop_east_west,
            "hop_north_south" => &mut t.hop_north_south,
            "hop_chip" => &mut t.hop_chip,
            "host_write" => &mut t.host_write,
            "host_read" => &mut t.host_read,
            "input_packet" => t.input_packet.as_mut()?,
            "host_multiply_add" => t.host_multiply_add.as_mut()?,
            "host_synchronisation" => t.host_synchronisation.as_mut()?,
            _ => return None,
        })
    }

    /// Gives a constant of time another value, in its unit; depths are rounded. Unknown names change nothing.
    pub(crate) fn set_time(&mut self, constant: &str, value: f64) {
        if let Some(field) = constant.strip_prefix(NETWORK) {
            if let Some(network) = &mut self.network {
                network.set(field, value);
            }
        } else if constant == BARRIER {
            self.timing.barrier.points_ns.0.iter_mut().for_each(|(_, ns)| *ns *= value);
        } else if constant == CLOCK {
            self.timing.clock_ns.0 = value;
        } else if let Some(unit) = constant.strip_suffix(LATENCY).and_then(|unit| self.unit_mut(unit)) {
            unit.latency_ns.0 = value;
        } else if let Some(unit) = self.unit_mut(constant) {
            unit.interval_ns.0 = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::registry;

    #[test]
    fn every_constant_is_set_by_its_name_and_no_other_changes() {
        let mut target = registry::load("loihi-like-sanafe").unwrap();
        let host = Some(target.timing.host_read.clone());
        (target.timing.host_multiply_add, target.timing.host_synchronisation) = (host.clone(), host);
        let values = |target: &crate::Target| -> Vec<(String, f64)> {
            target.time_constants().into_iter().map(|c| (c.name, c.value)).collect()
        };
        let before = values(&target);
        // 15 units with two times each, barrier, clock, three times of routers and five depths.
        assert_eq!(before.len(), 2 * 15 + 2 + 3 + 5);
        for (at, (name, value)) in before.iter().enumerate().filter(|(_, (name, _))| name != super::BARRIER) {
            let mut changed = target.clone();
            changed.set_time(name, value + 2.0);
            for (other, (found, now)) in values(&changed).into_iter().enumerate() {
                let added = if other == at { 2.0 } else { 0.0 };
                assert_eq!((found, now), (before[other].0.clone(), before[other].1 + added), "{name}");
            }
        }
    }

    #[test]
    fn the_formula_reads_intervals_the_barrier_and_latencies_of_the_host() {
        let target = registry::load("loihi-like").unwrap();
        let alone: Vec<String> =
            target.time_constants().into_iter().filter(|c| !c.in_formula).map(|c| c.name).collect();
        let formula = ["host_write.latency_ns", "host_read.latency_ns", "barrier", "axon_in"];
        assert!(formula.iter().all(|name| !alone.iter().any(|found| found == name)), "{alone:?}");
        for name in ["hop_chip.latency_ns", "clock_ns", "network.buffer_flits", "network.router_latency_ns"] {
            assert!(alone.iter().any(|found| found == name), "{name}: {alone:?}");
        }
    }
}
