//! Counting marked neurons.

use super::level::{SimdLevel, dispatch};

/// Adds to each count the bits that its row of `marks` has within `mask`. Row i is `marks[i * row..(i + 1) * row]`.
pub fn count_masked(level: SimdLevel, marks: &[u64], row: usize, mask: u64, counts: &mut [u64]) {
    dispatch!(level, body(marks: &[u64], row: usize, mask: u64, counts: &mut [u64]))
}

#[inline(always)]
fn body(marks: &[u64], row: usize, mask: u64, counts: &mut [u64]) {
    for (marks, count) in marks.chunks_exact(row).zip(counts) {
        *count += marks.iter().map(|&word| u64::from((word & mask).count_ones())).sum::<u64>();
    }
}

/// Adds to each sum the bits that its row of `marks` has within `mask`, each word's bits times the factor of its
/// place in the row. Row i is `marks[i * factors.len()..(i + 1) * factors.len()]`.
pub fn sum_masked(level: SimdLevel, marks: &[u64], factors: &[u64], mask: u64, sums: &mut [u64]) {
    dispatch!(level, sum_body(marks: &[u64], factors: &[u64], mask: u64, sums: &mut [u64]))
}

#[inline(always)]
fn sum_body(marks: &[u64], factors: &[u64], mask: u64, sums: &mut [u64]) {
    for (marks, sum) in marks.chunks_exact(factors.len()).zip(sums) {
        let bits = marks.iter().map(|&word| u64::from((word & mask).count_ones()));
        *sum += bits.zip(factors).map(|(bits, factor)| bits * factor).sum::<u64>();
    }
}
