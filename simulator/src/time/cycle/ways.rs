//! How long a packet is under way in an empty mesh, by prefix sums over columns and rows.
//!
//! As ways go along X, then Y, the latencies of links add up independently along both. A packet of several flits needs
//! the interval of its slowest line for each flit after the first. Never more than what the mesh gives.

use super::mesh::MeshSpec;

/// East, and south.
const ALONG: [usize; 2] = [0, 2];

/// Zero-load latencies of one mesh, in cycles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ways {
    /// By axis: for each coordinate, latency from coordinate 0.
    latencies: [Vec<u64>; 2],
    /// By axis: for each coordinate, links between chips from coordinate 0.
    chips: [Vec<u32>; 2],
    /// First router and delivery.
    ends: u64,
    /// Flits after the first.
    body: u64,
    /// Interval of entrance and exit; of links along an axis; of links between chips.
    intervals: [u64; 4],
}

impl Ways {
    /// Of a mesh.
    pub fn new(spec: &MeshSpec) -> Self {
        let lengths = [spec.columns, spec.rows];
        let steps = [1, spec.columns as usize];
        let mut ways = Self {
            latencies: lengths.map(|_| vec![0]),
            chips: lengths.map(|_| vec![0]),
            ends: spec.router_latency + spec.delivery.latency.max(1),
            body: u64::from(spec.flits_per_packet.max(1) - 1),
            intervals: [
                spec.injection.interval.max(spec.delivery.interval).max(1),
                spec.east_west.interval,
                spec.north_south.interval,
                spec.chip.interval,
            ],
        };
        let sides = [spec.chip_columns.max(1), spec.chip_rows.max(1)];
        for axis in 0..2 {
            for i in 1..lengths[axis] as usize {
                let (from, to) = ((i - 1) * steps[axis], i * steps[axis]);
                let latency = spec.line(from, to, ALONG[axis]).latency + spec.router_latency;
                let border = u32::from((i as u32).is_multiple_of(sides[axis]));
                ways.latencies[axis].push(ways.latencies[axis][i - 1] + latency);
                ways.chips[axis].push(ways.chips[axis][i - 1] + border);
            }
        }
        ways
    }

    /// Cycles from `(x, y)` to `(x, y)`, from the local buffer to the arrival of the last flit.
    #[inline]
    pub fn between(&self, from: (u16, u16), to: (u16, u16)) -> u64 {
        let ends = [(from.0, to.0), (from.1, to.1)];
        let along = |axis: usize| {
            let (a, b) = ends[axis];
            self.latencies[axis][a as usize].abs_diff(self.latencies[axis][b as usize])
        };
        let head = self.ends + along(0) + along(1);
        if self.body == 0 { head } else { head + self.body * self.slowest(ends) }
    }

    /// The longest interval of a way.
    fn slowest(&self, ends: [(u16, u16); 2]) -> u64 {
        let mut slowest = self.intervals[0];
        for (axis, (a, b)) in ends.into_iter().enumerate() {
            let chips = self.chips[axis][a as usize].abs_diff(self.chips[axis][b as usize]);
            if u32::from(a.abs_diff(b)) > chips {
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
    use super::super::mesh::{Line, MeshSpec};
    use super::*;

    fn spec(flits_per_packet: u32) -> MeshSpec {
        let line = |latency, interval| Line { latency, interval, credit: 1, buffer_flits: 4 };
        MeshSpec {
            columns: 6,
            rows: 4,
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
        let spec = spec(1);
        let ways = Ways::new(&spec);
        let at = |router: usize| {
            let (x, y) = spec.at(router);
            (x as u16, y as u16)
        };
        for from in 0..spec.routers() {
            for to in 0..spec.routers() {
                assert_eq!(ways.between(at(from), at(to)), spec.zero_load(from, to), "{from} to {to}");
            }
        }
    }

    #[test]
    fn longer_packets_follow_at_the_interval_of_the_slowest_line() {
        let (one, three) = (Ways::new(&spec(1)), Ways::new(&spec(3)));
        let more = |from, to| three.between(from, to) - one.between(from, to);
        assert_eq!(more((0, 0), (0, 0)), 2);
        assert_eq!(more((0, 0), (2, 0)), 2 * 2);
        assert_eq!(more((2, 0), (3, 0)), 2 * 7);
        assert_eq!(more((0, 0), (1, 1)), 2 * 4);
        assert_eq!(more((5, 1), (5, 2)), 2 * 7);
    }
}
