//! How long a packet is under way in an empty mesh, by sums over columns and rows.
//!
//! As packets cover one axis after the other, the latencies of links add up independently along both. A packet of
//! several flits needs the interval of its slowest link for each flit after the first. A packet in a busy mesh never
//! takes less.

use snnc_targets::Interconnect;
use snnc_targets::topology::routing::AxisSums;
use snnc_targets::topology::{Axis, Direction, Routing};

use super::MeshSpec;

/// Zero-load latencies of one mesh, in cycles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZeroLoadRoutes {
    interconnect: Interconnect,
    /// By axis: routers.
    lengths: [u32; 2],
    /// By axis: latencies of links.
    latencies: [AxisSums; 2],
    /// By axis: links between chips.
    chips: [AxisSums; 2],
    /// Cycles in the first router and for the delivery at the end.
    ends: u64,
    /// Flits after the first.
    body: u64,
    /// Interval of entrance and exit; of links along an axis; of links between chips.
    intervals: [u64; 4],
}

impl ZeroLoadRoutes {
    /// Sums the latencies of a mesh.
    pub fn new(spec: &MeshSpec) -> Self {
        // A router of the first row or column stands for all along the axis.
        let router = |axis: Axis, at: u32| (if axis == Axis::X { at } else { at * spec.columns }) as usize;
        let line = |axis: Axis, from: u32, to: u32| {
            spec.line(router(axis, from), router(axis, to), Direction::along(axis, true).port())
        };
        let sums = |axis: Axis, of: &dyn Fn(u32, u32) -> i64| {
            AxisSums::new(spec.interconnect, spec.grid().length(axis), of)
        };
        let latency =
            |axis| sums(axis, &|from, to| (line(axis, from, to).latency + spec.router_latency) as i64);
        let border = |axis: Axis| {
            let side = if axis == Axis::X { spec.chip_columns } else { spec.chip_rows }.max(1);
            sums(axis, &|from, to| i64::from(from / side != to / side))
        };
        Self {
            interconnect: spec.interconnect,
            lengths: Axis::ALL.map(|axis| spec.grid().length(axis)),
            latencies: Axis::ALL.map(latency),
            chips: Axis::ALL.map(border),
            ends: spec.router_latency + spec.delivery.latency.max(1),
            body: u64::from(spec.flits_per_packet.max(1) - 1),
            intervals: [
                spec.injection.interval.max(spec.delivery.interval).max(1),
                spec.east_west.interval,
                spec.north_south.interval,
                spec.chip.interval,
            ],
        }
    }

    /// Cycles from `(x, y)` to `(x, y)`, from the local buffer to the arrival of the last flit.
    #[inline]
    pub fn between(&self, from: (u16, u16), to: (u16, u16)) -> u64 {
        let ends = [(from.0, to.0), (from.1, to.1)].map(|(a, b)| (u32::from(a), u32::from(b)));
        let along = |axis: usize| {
            let (a, b) = ends[axis];
            self.latencies[axis].between(self.interconnect, a, b) as u64
        };
        let head = self.ends + along(0) + along(1);
        if self.body == 0 { head } else { head + self.body * self.slowest(ends) }
    }

    /// Links that a packet crosses.
    pub fn hops(&self, from: (u16, u16), to: (u16, u16)) -> u32 {
        let along = |axis: usize, a: u16, b: u16| {
            self.interconnect.steps(self.lengths[axis], a.into(), b.into()).unsigned_abs()
        };
        along(0, from.0, to.0) + along(1, from.1, to.1)
    }

    /// The longest interval of a way.
    fn slowest(&self, ends: [(u32, u32); 2]) -> u64 {
        let mut slowest = self.intervals[0];
        for (axis, (a, b)) in ends.into_iter().enumerate() {
            let chips = self.chips[axis].between(self.interconnect, a, b) as u32;
            if self.interconnect.steps(self.lengths[axis], a, b).unsigned_abs() > chips {
                slowest = slowest.max(self.intervals[1 + axis]);
            }
            if chips > 0 {
                slowest = slowest.max(self.intervals[3]);
            }
        }
        slowest
    }
}

#[cfg(test)]
mod tests {
    use super::super::MeshLink;
    use super::*;

    fn spec(flits_per_packet: u32) -> MeshSpec {
        let line = |latency, interval| MeshLink { latency, interval, credit: 1, buffer_flits: 4 };
        MeshSpec {
            allocation: snnc_targets::schema::RouterAllocation::Joint,
            columns: 6,
            rows: 4,
            interconnect: Interconnect::MeshXy,
            chip_columns: 3,
            chip_rows: 2,
            locals: 1,
            virtual_channels: 1,
            flits_per_packet,
            router_latency: 2,
            read_interval: 1,
            east_west: line(3, 2),
            north_south: line(5, 4),
            chip: line(11, 7),
            injection: line(0, 1),
            delivery: line(4, 1),
        }
    }

    #[test]
    fn sums_of_prefixes_are_walked_ways() {
        for interconnect in [Interconnect::MeshXy, Interconnect::MeshYx, Interconnect::TorusXy] {
            let spec = MeshSpec { interconnect, ..spec(1) };
            let routes = ZeroLoadRoutes::new(&spec);
            let at = |router: usize| {
                let (x, y) = spec.at(router);
                (x as u16, y as u16)
            };
            for from in 0..spec.routers() {
                for to in 0..spec.routers() {
                    let walked = spec.zero_load(from, to);
                    assert_eq!(routes.between(at(from), at(to)), walked, "{interconnect}: {from} to {to}");
                    let hops = spec.interconnect.distance(spec.grid(), spec.tile(from), spec.tile(to));
                    assert_eq!(routes.hops(at(from), at(to)), hops);
                }
            }
        }
    }

    #[test]
    fn longer_packets_follow_at_the_interval_of_the_slowest_line() {
        let (one, three) = (ZeroLoadRoutes::new(&spec(1)), ZeroLoadRoutes::new(&spec(3)));
        let more = |from, to| three.between(from, to) - one.between(from, to);
        assert_eq!(more((0, 0), (0, 0)), 2);
        assert_eq!(more((0, 0), (2, 0)), 2 * 2);
        assert_eq!(more((2, 0), (3, 0)), 2 * 7);
        assert_eq!(more((0, 0), (1, 1)), 2 * 4);
        assert_eq!(more((5, 1), (5, 2)), 2 * 7);
    }
}
