//! How long packets were under way: count, sum, longest, and a histogram by powers of two.

use serde::{Deserialize, Serialize};

/// Classes of a histogram: latencies of at most 2^i - 1, the last one without bound.
pub const CLASSES: usize = 40;

/// Latencies, in whatever unit they are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Latencies {
    /// Packets.
    pub packets: u64,
    /// Sum.
    pub sum: u128,
    /// Longest.
    pub longest: u64,
    /// Packets by the bits of their latency: class i holds 2^(i-1) to 2^i - 1.
    #[serde(with = "as_list")]
    pub classes: [u64; CLASSES],
}

/// The histogram as a list: arrays of this length have no form of their own in `serde`.
mod as_list {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::CLASSES;

    pub(super) fn serialize<S: Serializer>(classes: &[u64; CLASSES], to: S) -> Result<S::Ok, S::Error> {
        classes.as_slice().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u64; CLASSES], D::Error> {
        let classes = Vec::<u64>::deserialize(from)?;
        let found = classes.len();
        classes.try_into().map_err(|_| D::Error::invalid_length(found, &"a histogram of 40 classes"))
    }
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
