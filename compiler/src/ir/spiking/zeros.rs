//! Weights of 0: what projections are without them, for targets whose formats leave them out
//! ([`snnc_targets::schema::ZeroWeights`]).

use std::ops::Range;

use super::{Connectivity, Convolution, Kernel, Projection, SparseSynapses};
use crate::ir::AxisMap;
use crate::ir::channels::common;

/// Weights other than 0 of a kernel, by tap and target channel; its source channels summed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonzeroTaps {
    width: usize,
    /// Target channels of all groups.
    targets: Range<usize>,
    /// `[tap][c]`: those of the first c target channels.
    below: Vec<Vec<u64>>,
}

impl NonzeroTaps {
    /// Counts the weights of a kernel.
    pub fn new(kernel: &Kernel) -> Self {
        let targets = kernel.channels.targets();
        let taps = (0..kernel.height).flat_map(|ky| (0..kernel.width).map(move |kx| (ky, kx)));
        let of_tap = |(ky, kx)| {
            let mut below = vec![0; targets.len() + 1];
            for source in kernel.channels.sources() {
                let first = kernel.channels.targets_of(source).start - targets.start;
                let counts = below[first + 1..].iter_mut().zip(kernel.row(source, ky, kx));
                counts.for_each(|(count, &weight)| *count += u64::from(weight != 0));
            }
            (0..targets.len()).for_each(|c| below[c + 1] += below[c]);
            below
        };
        Self { width: kernel.width, below: taps.map(of_tap).collect(), targets: targets.clone() }
    }

    /// Those of a tap into some target channels.
    pub fn of(&self, (ky, kx): (usize, usize), channels: &Range<usize>) -> u64 {
        let own = common(channels, &self.targets);
        if own.is_empty() {
            return 0;
        }
        let below = &self.below[ky * self.width + kx];
        below[own.end - self.targets.start] - below[own.start - self.targets.start]
    }

    /// Those of a tap into all target channels.
    fn of_all(&self, tap: (usize, usize)) -> u64 {
        self.of(tap, &self.targets)
    }

    /// Target channels of all groups.
    pub fn targets(&self) -> Range<usize> {
        self.targets.clone()
    }

    /// Taps of the kernel.
    pub fn taps(&self) -> u64 {
        self.below.len() as u64
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.below.iter().filter_map(|below| below.last()).sum()
    }
}

impl Projection {
    /// Synapses whose weight is not 0, unrolled, borders cut.
    pub fn nonzero_synapses(&self) -> u64 {
        match &self.connectivity {
            Connectivity::Conv(Convolution { map, kernel }) => {
                let nonzero = NonzeroTaps::new(kernel);
                let reaching = |axis: &AxisMap| -> Vec<u64> {
                    let reaches = |k: usize| (0..axis.input).filter(|&i| axis.target(i, k).is_some()).count();
                    (0..axis.kernel).map(|k| reaches(k) as u64).collect()
                };
                let (rows, cols) = (reaching(&map.rows), reaching(&map.cols));
                let of_row = |(ky, count): (usize, &u64)| {
                    let taps = cols.iter().enumerate();
                    count * taps.map(|(kx, count)| count * nonzero.of_all((ky, kx))).sum::<u64>()
                };
                rows.iter().enumerate().map(of_row).sum()
            }
            Connectivity::Sparse(sparse) => {
                sparse.weights.iter().filter(|&&weight| weight != 0).count() as u64
            }
        }
    }

    /// Synapses that a chip stores for each source neuron and processes: all, or where it skips zeros the others.
    pub fn stored_synapses(&self, skips_zeros: bool) -> u64 {
        if skips_zeros { self.nonzero_synapses() } else { self.synapses() }
    }

    /// Weights that a chip stores, each once: all, or where it skips zeros the others.
    pub fn stored_weights(&self, skips_zeros: bool) -> u64 {
        self.weights().iter().filter(|&&weight| !skips_zeros || weight != 0).count() as u64
    }
}

impl SparseSynapses {
    /// The synapses whose weight is not 0. Irregular networks need no others: none shares its list.
    #[must_use]
    pub fn without_zeros(&self) -> Self {
        let mut others = Self::default();
        others.starts.push(0);
        for source in 0..self.sources() {
            others.push_row(self.row(source).filter(|&(_, weight)| weight != 0));
        }
        others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::channels::ChannelMap;
    use crate::ir::{ConvMap, PopulationId};

    /// Two groups of two source and three target channels, 2 x 3 taps, every other weight 0 or so.
    fn projection() -> Projection {
        let channels = ChannelMap { first_output: 1, ..ChannelMap::grouped(2, 2, 3) };
        let mut state = 7u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i16 % 2
        };
        let weights = (0..4 * 2 * 3 * 3).map(|_| draw()).collect();
        let kernel = Kernel { channels, height: 2, width: 3, weights };
        let axis = |kernel, padding, input: usize| AxisMap {
            kernel,
            padding,
            input,
            output: AxisMap::conv_output(input, kernel, 1, padding, 1).unwrap(),
            ..AxisMap::pointwise(input)
        };
        let map = ConvMap { rows: axis(2, 0, 4), cols: axis(3, 1, 5) };
        let connectivity = Connectivity::Conv(Convolution { map, kernel });
        Projection { source: PopulationId(0), target: PopulationId(1), delay: 1, connectivity }
    }

    #[test]
    fn weights_and_synapses_are_counted_one_by_one() {
        let projection = projection();
        let Connectivity::Conv(Convolution { map, kernel }) = &projection.connectivity else {
            unreachable!()
        };
        let nonzero = NonzeroTaps::new(kernel);
        let mut unrolled = 0;
        for (ky, kx) in (0..2).flat_map(|ky| (0..3).map(move |kx| (ky, kx))) {
            for channels in [0..9, 1..7, 2..5, 4..5, 5..5, 0..1, 8..12] {
                let mut expected = 0;
                for source in 0..4 {
                    let first = 1 + source / 2 * 3;
                    let row = kernel.row(source, ky, kx).iter().enumerate();
                    expected += row.filter(|&(j, &w)| w != 0 && channels.contains(&(first + j))).count();
                }
                assert_eq!(nonzero.of((ky, kx), &channels), expected as u64);
            }
            for (y, x) in (0..4).flat_map(|y| (0..5).map(move |x| (y, x))) {
                if map.rows.target(y, ky).is_some() && map.cols.target(x, kx).is_some() {
                    unrolled += nonzero.of((ky, kx), &(0..9));
                }
            }
        }
        assert_eq!(projection.nonzero_synapses(), unrolled);
        assert!(0 < unrolled && unrolled < projection.synapses());
        assert_eq!(projection.stored_weights(true), nonzero.total());
        assert_eq!(projection.stored_weights(false), 72);
    }

    #[test]
    fn lists_keep_what_is_not_zero() {
        let sparse = SparseSynapses::from_edges(3, vec![(0, 1, 0), (0, 2, 4), (1, 0, 0), (2, 2, -1)]);
        let expected = SparseSynapses::from_edges(3, vec![(0, 2, 4), (2, 2, -1)]);
        assert_eq!(sparse.without_zeros(), expected);
    }
}
