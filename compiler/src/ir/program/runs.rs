//! Runs of synapses, a byte or two each: irregular networks have about as many of them as synapses.
//!
//! A run is what it is relative to the end of the one before: how far on its targets and its weights begin, and its
//! length. Where weights follow each other and a run has one synapse, that is a single number. Any runs can be held,
//! also those that a verifier refuses. Text and files have them as a plain list of [`SynapseRun`].

use std::fmt;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::SynapseRun;

/// A list of runs.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SynapseRuns(Box<[u8]>);

/// The first number of a run: twice its lowest bits say what follows.
const LONG: u64 = 1;
const ELSEWHERE: u64 = 2;

impl SynapseRuns {
    /// The runs in order.
    pub fn iter(&self) -> RunIter<'_> {
        RunIter { bytes: &self.0, before: SynapseRun { target: 0, weight: 0, len: 0 } }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Runs being read.
#[derive(Debug, Clone)]
pub struct RunIter<'r> {
    bytes: &'r [u8],
    before: SynapseRun,
}

impl RunIter<'_> {
    /// The next number, seven bits a byte, the lowest first.
    #[inline]
    fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let (&byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(number);
            }
            shift += 7;
        }
    }
}

impl Iterator for RunIter<'_> {
    type Item = SynapseRun;

    #[inline]
    fn next(&mut self) -> Option<SynapseRun> {
        let first = self.number()?;
        let SynapseRun { target, weight, len } = self.before;
        let target = target.wrapping_add(len).wrapping_add((first >> 2) as u32);
        let on = if first & ELSEWHERE == 0 { 0 } else { self.number()? as u32 };
        let weight = weight.wrapping_add(len).wrapping_add(on);
        let len = if first & LONG == 0 { 1 } else { self.number()? as u32 };
        self.before = SynapseRun { target, weight, len };
        Some(self.before)
    }
}

fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

impl FromIterator<SynapseRun> for SynapseRuns {
    fn from_iter<I: IntoIterator<Item = SynapseRun>>(runs: I) -> Self {
        let mut bytes = Vec::new();
        let mut before = SynapseRun { target: 0, weight: 0, len: 0 };
        for run in runs {
            let gap = |at: u32, before: u32| u64::from(at.wrapping_sub(before));
            let target = gap(run.target, before.target.wrapping_add(before.len));
            let weight = gap(run.weight, before.weight.wrapping_add(before.len));
            let long = if run.len == 1 { 0 } else { LONG };
            let elsewhere = if weight == 0 { 0 } else { ELSEWHERE };
            push(&mut bytes, target << 2 | long | elsewhere);
            if weight != 0 {
                push(&mut bytes, weight);
            }
            if run.len != 1 {
                push(&mut bytes, run.len.into());
            }
            before = run;
        }
        Self(bytes.into())
    }
}

impl From<Vec<SynapseRun>> for SynapseRuns {
    fn from(runs: Vec<SynapseRun>) -> Self {
        runs.into_iter().collect()
    }
}

impl<'r> IntoIterator for &'r SynapseRuns {
    type Item = SynapseRun;
    type IntoIter = RunIter<'r>;

    fn into_iter(self) -> RunIter<'r> {
        self.iter()
    }
}

impl fmt::Debug for SynapseRuns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

impl Serialize for SynapseRuns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().collect::<Vec<_>>())
    }
}

impl<'de> Deserialize<'de> for SynapseRuns {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Runs;

        impl<'de> Visitor<'de> for Runs {
            type Value = SynapseRuns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of synapse runs")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<SynapseRuns, A::Error> {
                std::iter::from_fn(|| list.next_element().transpose()).collect()
            }
        }

        deserializer.deserialize_seq(Runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_runs_come_back() {
        let run = |target, weight, len| SynapseRun { target, weight, len };
        let most = u32::MAX;
        for runs in [
            vec![],
            vec![run(0, 0, 1)],
            vec![run(3, 0, 1), run(9, 1, 1), run(200, 2, 5), run(205, 40, 1), run(90_000, 41, 300)],
            vec![run(most, most, most), run(0, 0, 0), run(5, 7, most), run(4, 6, 1)],
        ] {
            let held = SynapseRuns::from(runs.clone());
            assert_eq!(held.iter().collect::<Vec<_>>(), runs);
            assert_eq!(held.is_empty(), runs.is_empty());
            let bytes = postcard::to_allocvec(&held).unwrap();
            assert_eq!(bytes, postcard::to_allocvec(&runs).unwrap());
            assert_eq!(postcard::from_bytes::<SynapseRuns>(&bytes).unwrap(), held);
            let text = ron::to_string(&held).unwrap();
            assert_eq!(text, ron::to_string(&runs).unwrap());
            assert_eq!(ron::from_str::<SynapseRuns>(&text).unwrap(), held);
        }
        let single: SynapseRuns = (0..100).map(|i| run(20 * i, i, 1)).collect();
        assert_eq!(single.0.len(), 100);
    }
}
