//! How long packets were under way: count, sum, longest, and a histogram by powers of two.

/// Classes of a histogram: latencies of at most 2^i - 1, the last one without bound.
pub const CLASSES: usize = 40;

/// Latencies, in whatever unit they are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latencies {
    /// Packets.
    pub packets: u64,
    /// Sum.
    pub sum: u128,
    /// Longest.
    pub longest: u64,
    /// Packets by the bits of their latency: class i holds 2^(i-1) to 2^i - 1.
    pub classes: [u64; CLASSES],
}

impl Default for Latencies {
    fn default() -> Self {
        Self { packets: 0, sum: 0, longest: 0, classes: [0; CLASSES] }
    }
}

impl Latencies {
    /// Enters one packet.
    #[inline]
    pub fn add(&mut self, latency: u64) {
        self.packets += 1;
        self.sum += u128::from(latency);
        self.longest = self.longest.max(latency);
        self.classes[((64 - latency.leading_zeros()) as usize).min(CLASSES - 1)] += 1;
    }

    /// Mean; 0 without packets.
    pub fn mean(&self) -> f64 {
        if self.packets == 0 { 0.0 } else { self.sum as f64 / self.packets as f64 }
    }
}

impl std::ops::AddAssign<&Self> for Latencies {
    fn add_assign(&mut self, other: &Self) {
        self.packets += other.packets;
        self.sum += other.sum;
        self.longest = self.longest.max(other.longest);
        self.classes.iter_mut().zip(other.classes).for_each(|(a, b)| *a += b);
    }
}
