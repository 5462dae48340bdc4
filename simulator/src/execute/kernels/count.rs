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

/// How often each bit of some rows of words is set. Counts are held plane by plane, bit k of all counts in plane k, so
/// that a row is added to all of them at once.
#[derive(Debug)]
pub struct BitCounts {
    planes: Vec<Vec<u64>>,
    /// What goes on to the next plane.
    carry: Vec<u64>,
}

impl BitCounts {
    /// Counts of 0, for rows of so many words.
    pub fn new(words: usize) -> Self {
        Self { planes: Vec::new(), carry: vec![0; words] }
    }

    /// Counts the bits of a row.
    pub fn add(&mut self, level: SimdLevel, row: &[u64]) {
        self.carry.copy_from_slice(row);
        let mut carries = true;
        for plane in &mut self.planes {
            if carries {
                carries = false;
                add_plane(level, plane, &mut self.carry, &mut carries);
            }
        }
        if carries && self.carry.iter().any(|&word| word != 0) {
            self.planes.push(self.carry.clone());
        }
    }

    /// Counts that are not 0, by bit.
    pub fn counts(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let count = |bit: usize| {
            let of_plane = |plane: &Vec<u64>| plane[bit / 64] >> (bit % 64) & 1;
            self.planes.iter().rev().fold(0, |count, plane| 2 * count + of_plane(plane))
        };
        (0..64 * self.carry.len()).map(move |bit| (bit, count(bit))).filter(|&(_, count)| count > 0)
    }
}

fn add_plane(level: SimdLevel, plane: &mut [u64], carry: &mut [u64], carries: &mut bool) {
    dispatch!(level, plane_body(plane: &mut [u64], carry: &mut [u64], carries: &mut bool))
}

#[inline(always)]
fn plane_body(plane: &mut [u64], carry: &mut [u64], carries: &mut bool) {
    let mut any = 0;
    for (plane, carry) in plane.iter_mut().zip(carry) {
        let before = *plane;
        *plane = before ^ *carry;
        *carry &= before;
        any |= *carry;
    }
    *carries = any != 0;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::philox::philox4x32_10;

    #[test]
    fn bits_are_counted_at_every_level() {
        let row = |step: u32| {
            [0, 1, 2].map(|word| u64::from(philox4x32_10([step, word, 0, 0], [3, 4])[0]) << (7 * word))
        };
        for level in SimdLevel::available() {
            for steps in [0, 1, 2, 300] {
                let mut counts = BitCounts::new(3);
                (0..steps).for_each(|step| counts.add(level, &row(step)));
                let set = |bit: usize| {
                    (0..steps).filter(|&step| row(step)[bit / 64] >> (bit % 64) & 1 == 1).count()
                };
                let expected = (0..192).map(|bit| (bit, set(bit) as u64)).filter(|&(_, count)| count > 0);
                assert!(counts.counts().eq(expected), "{level:?}, {steps} rows");
            }
        }
    }
}
