//! Cutting a population into boxes of near-equal size: channels x rows x columns.

use std::ops::Range;

use crate::ir::program::Slice;
use crate::ir::{PopulationId, Shape};

/// Pieces along each axis; piece i of n of a length is `i * length / n .. (i + 1) * length / n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tiling {
    /// Pieces of the channels.
    pub channels: usize,
    /// Pieces of the rows.
    pub rows: usize,
    /// Pieces of the columns.
    pub cols: usize,
}

/// Near-equal pieces of `0..length`.
pub fn pieces(length: usize, count: usize) -> Vec<Range<usize>> {
    (0..count).map(|i| i * length / count..(i + 1) * length / count).collect()
}

/// Piece counts that give distinct largest pieces: for each size, the smallest count that reaches it.
pub fn useful_counts(length: usize) -> Vec<usize> {
    let mut counts: Vec<usize> = (1..=length).map(|size| length.div_ceil(size)).collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}

impl Tiling {
    /// Cores: one a tile.
    pub fn cores(self) -> usize {
        self.channels * self.rows * self.cols
    }

    /// The tiles, channels slowest.
    pub fn slices(self, population: PopulationId, shape: Shape) -> Vec<Slice> {
        let narrow = |r: &Range<usize>| r.start as u32..r.end as u32;
        let mut slices = Vec::with_capacity(self.cores());
        for channels in &pieces(shape.channels, self.channels) {
            for rows in &pieces(shape.height, self.rows) {
                for cols in &pieces(shape.width, self.cols) {
                    slices.push(Slice {
                        population,
                        channels: narrow(channels),
                        rows: narrow(rows),
                        cols: narrow(cols),
                    });
                }
            }
        }
        slices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_and_are_near_equal() {
        for length in 1..40 {
            for count in 1..=length {
                let all = pieces(length, count);
                assert_eq!(all.iter().map(Range::len).sum::<usize>(), length);
                assert!(all.iter().all(|p| p.len() == length / count || p.len() == length.div_ceil(count)));
            }
        }
        assert_eq!(useful_counts(7), [1, 2, 3, 4, 7]);
    }
}
