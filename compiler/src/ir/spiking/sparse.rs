//! Irregular connections: for each source neuron its targets and weights, end to end (compressed sparse rows).
//!
//! Six bytes a synapse, no allocation of its own for a neuron. What a whole network costs grows with its synapses.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Irregular synapses, listed by source neuron.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "Sparse")]
pub struct SparseSynapses {
    /// Source neuron i has the synapses `starts[i] .. starts[i + 1]`; one more entry than source neurons.
    #[serde(with = "crate::ir::text::packed")]
    pub starts: Vec<u32>,
    /// Target neuron of each synapse, ascending within a source neuron, none twice.
    #[serde(with = "crate::ir::text::packed")]
    pub targets: Vec<u32>,
    /// Weight of each synapse.
    #[serde(with = "crate::ir::text::packed")]
    pub weights: Vec<i16>,
}

impl SparseSynapses {
    /// Source neurons.
    pub fn sources(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Synapses.
    pub fn synapses(&self) -> u64 {
        self.targets.len() as u64
    }

    /// Which synapses a source neuron has.
    pub fn range(&self, source: usize) -> Range<usize> {
        self.starts[source] as usize..self.starts[source + 1] as usize
    }

    /// Targets of a source neuron, ascending.
    pub fn targets_of(&self, source: usize) -> &[u32] {
        &self.targets[self.range(source)]
    }

    /// (target, weight) of a source neuron, ascending by target.
    pub fn row(&self, source: usize) -> impl Iterator<Item = (u32, i16)> + '_ {
        let range = self.range(source);
        self.targets[range.clone()].iter().copied().zip(self.weights[range].iter().copied())
    }

    /// From (source, target, weight) in any order; sums nothing, so no pair may be given twice.
    pub fn from_edges(sources: usize, mut edges: Vec<(u32, u32, i16)>) -> Self {
        edges.sort_unstable();
        let mut sparse = Self { starts: vec![0], ..Self::default() };
        for source in 0..sources {
            let row = edges[sparse.targets.len()..].iter().take_while(|edge| edge.0 as usize == source);
            let row: Vec<_> = row.map(|&(_, target, weight)| (target, weight)).collect();
            sparse.push_row(row);
        }
        sparse
    }

    /// Adds the next source neuron's synapses, ascending by target.
    pub fn push_row(&mut self, row: impl IntoIterator<Item = (u32, i16)>) {
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        for (target, weight) in row {
            self.targets.push(target);
            self.weights.push(weight);
        }
        self.starts.push(self.targets.len() as u32);
    }

    /// For each of `targets` target neurons its sources, ascending: (starts, sources).
    pub fn transposed(&self, targets: usize) -> (Vec<u32>, Vec<u32>) {
        let mut starts = vec![0u32; targets + 1];
        self.targets.iter().for_each(|&t| starts[t as usize + 1] += 1);
        for i in 0..targets {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut sources = vec![0u32; self.targets.len()];
        for source in 0..self.sources() {
            for &target in self.targets_of(source) {
                sources[next[target as usize] as usize] = source as u32;
                next[target as usize] += 1;
            }
        }
        (starts, sources)
    }

    /// What is wrong with the lists as a connection from `sources` to `targets` neurons.
    pub fn problem(&self, sources: usize, targets: usize) -> Option<String> {
        let whole = self.starts.len() == sources + 1
            && self.starts[0] == 0
            && self.starts.is_sorted()
            && self.starts[sources] as usize == self.targets.len()
            && self.targets.len() == self.weights.len();
        if !whole {
            return Some(format!(
                "row starts of {} sources, {} targets and {} weights do not belong together",
                self.sources(),
                self.targets.len(),
                self.weights.len()
            ));
        }
        (0..sources).find_map(|source| {
            let row = self.targets_of(source);
            let ascending = row.windows(2).all(|pair| pair[0] < pair[1]);
            let inside = row.last().is_none_or(|&last| (last as usize) < targets);
            (!ascending || !inside).then(|| {
                format!("targets of source neuron {source} are not ascending or not below {targets}")
            })
        })
    }

    /// These synapses between neurons numbered anew: new source i is old `sources[i]`, likewise targets.
    #[must_use]
    pub fn renumbered(&self, sources: Option<&[u32]>, targets: Option<&[u32]>) -> Self {
        let new_target = targets.map(inverse);
        let mut sparse = Self {
            starts: Vec::with_capacity(self.starts.len()),
            targets: Vec::with_capacity(self.targets.len()),
            weights: Vec::with_capacity(self.weights.len()),
        };
        sparse.starts.push(0);
        let mut row = Vec::new();
        for i in 0..self.sources() {
            row.clear();
            row.extend(self.row(sources.map_or(i, |order| order[i] as usize)));
            if let Some(new) = &new_target {
                row.iter_mut().for_each(|synapse| synapse.0 = new[synapse.0 as usize]);
                row.sort_unstable();
            }
            sparse.push_row(row.iter().copied());
        }
        sparse
    }
}

/// `inverse(order)[order[i]] = i`, for a permutation.
pub fn inverse(order: &[u32]) -> Vec<u32> {
    let mut inverse = vec![0; order.len()];
    for (new, &old) in order.iter().enumerate() {
        inverse[old as usize] = new as u32;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(sparse: &SparseSynapses) -> Vec<(u32, u32, i16)> {
        (0..sparse.sources()).flat_map(|s| sparse.row(s).map(move |(t, w)| (s as u32, t, w))).collect()
    }

    #[test]
    fn rows_transpose_and_renumber_as_edges_do() {
        let mut state = 1u64;
        let mut draw = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        for _ in 0..20 {
            let (sources, targets) = (draw(9) as usize + 1, draw(9) as usize + 1);
            let mut all: Vec<(u32, u32, i16)> = Vec::new();
            for s in 0..sources as u32 {
                for t in 0..targets as u32 {
                    if draw(3) == 0 {
                        all.push((s, t, draw(100) as i16));
                    }
                }
            }
            let sparse = SparseSynapses::from_edges(sources, all.iter().rev().copied().collect());
            assert_eq!(sparse.problem(sources, targets), None);
            assert_eq!(edges(&sparse), all);
            let (starts, by_target) = sparse.transposed(targets);
            for t in 0..targets {
                let expected: Vec<u32> = all.iter().filter(|e| e.1 as usize == t).map(|e| e.0).collect();
                assert_eq!(by_target[starts[t] as usize..starts[t + 1] as usize], expected);
            }
            let mut order = |n: usize| {
                let mut order: Vec<u32> = (0..n as u32).collect();
                (1..n).rev().for_each(|i| order.swap(i, draw(i as u64 + 1) as usize));
                order
            };
            let (from, to) = (order(sources), order(targets));
            let renumbered = sparse.renumbered(Some(&from), Some(&to));
            assert_eq!(renumbered.problem(sources, targets), None);
            let mut back: Vec<_> =
                edges(&renumbered).iter().map(|e| (from[e.0 as usize], to[e.1 as usize], e.2)).collect();
            back.sort_unstable();
            assert_eq!(back, all);
        }
    }
}
