//! A part of a list of work: the I-th of N, every N-th from the I-th on.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Most parts.
const MOST: u64 = 1 << 20;

/// A part, as `I/N` with I from 1 to N.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which, from 1.
    pub part: u64,
    /// Of how many.
    pub of: u64,
}

impl Shard {
    /// All of the work.
    pub const WHOLE: Self = Self { part: 1, of: 1 };

    /// Whether a piece of work, numbered from 0, is in this part. Neighbours are in different parts, since they
    /// are about equally long.
    pub fn holds(self, index: usize) -> bool {
        index as u64 % self.of.max(1) == self.part.saturating_sub(1)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers =
            text.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        match numbers {
            Some((part, of)) if (1..=MOST).contains(&of) && (1..=of).contains(&part) => Ok(Self { part, of }),
            _ => Err("expected I/N with I from 1 to N, such as 1/4".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_everything_once() {
        for of in 1..6 {
            let parts: Vec<Shard> = (1..=of).map(|part| format!("{part}/{of}").parse().unwrap()).collect();
            for index in 0..20 {
                assert_eq!(parts.iter().filter(|shard| shard.holds(index)).count(), 1);
            }
        }
        for wrong in ["0/4", "5/4", "1/0", "1", "a/2", "1/2/3", "-1/2", "1/9999999"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
