//! The packets that were under way longest.

use serde::{Deserialize, Serialize};

/// Packets kept of a run.
pub const KEPT: usize = 10;

/// A packet, in whatever unit of time its latency is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SlowPacket {
    /// Time under way.
    pub latency: u64,
    /// When it stood in its router's local buffer, from the beginning of its timestep.
    pub injected: u64,
    /// Slice that sent it.
    pub slice: u32,
    /// Core that received it.
    pub core: u32,
    /// Synaptic operations that it caused.
    pub operations: u32,
}

/// Packets that are held before the fastest are dropped.
const HELD: usize = 8 * KEPT;

/// The [`KEPT`] slowest of those entered. Of equals the first in the order of [`SlowPacket`]'s other fields is kept, so
/// the order of entering does not matter.
#[derive(Debug, Clone, Default)]
pub struct Slowest {
    /// Latency below which a packet is not held.
    least: u64,
    /// In any order, less than [`HELD`].
    held: Vec<SlowPacket>,
}

impl Slowest {
    /// Enters a packet of a latency.
    #[inline]
    pub fn enter(&mut self, latency: u64, packet: impl FnOnce() -> SlowPacket) {
        if latency >= self.least {
            self.held.push(packet());
            if self.held.len() == HELD {
                self.drop_fastest();
            }
        }
    }

    #[cold]
    fn drop_fastest(&mut self) {
        let (.., last, _) = self.held.select_nth_unstable_by(KEPT - 1, |a, b| order(a).cmp(&order(b)));
        self.least = last.latency;
        self.held.truncate(KEPT);
    }

    /// The packets, slowest first.
    pub fn into_packets(mut self) -> Vec<SlowPacket> {
        self.held.sort_unstable_by(|a, b| order(a).cmp(&order(b)));
        self.held.truncate(KEPT);
        self.held
    }
}

/// Cuts a list to its slowest, slowest first; `key` gives a packet and where it was, which decides among equals.
pub fn keep<T, P: Ord>(packets: &mut Vec<T>, key: impl Fn(&T) -> (P, SlowPacket)) {
    packets.sort_by(|a, b| {
        let ((a, slow_a), (b, slow_b)) = (key(a), key(b));
        slow_b.latency.cmp(&slow_a.latency).then(a.cmp(&b)).then(slow_a.cmp(&slow_b))
    });
    packets.truncate(KEPT);
}

/// Slowest first, then by the other fields.
fn order(packet: &SlowPacket) -> (std::cmp::Reverse<u64>, &SlowPacket) {
    (std::cmp::Reverse(packet.latency), packet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::philox::philox4x32_10;

    #[test]
    fn the_slowest_are_kept_in_whatever_order_they_come() {
        let draw = |i: u32| philox4x32_10([i, 0, 0, 0], [5, 9]);
        let mut packets: Vec<SlowPacket> = (0..500)
            .map(|i| {
                let [latency, injected, slice, core] = draw(i).map(|word| word % 40);
                SlowPacket { latency: latency.into(), injected: injected.into(), slice, core, operations: i }
            })
            .collect();
        let kept = |packets: &[SlowPacket]| {
            let mut slowest = Slowest::default();
            packets.iter().for_each(|&p| slowest.enter(p.latency, || p));
            slowest.into_packets()
        };
        let found = kept(&packets);
        packets.reverse();
        assert_eq!(kept(&packets), found);
        packets.sort_by(|a, b| order(a).cmp(&order(b)));
        assert_eq!(found, packets[..KEPT]);
        assert_eq!(kept(&packets[..3]), packets[..3]);
    }
}
