//! Sums of weight rows, the sums in registers: one row for each packet that reaches a position.
//!
//! A [`WeightLine`] holds 64 weights of 8 bits as 32 words of 16: weight j + 128 in the low byte of word j, weight j
//! + 32 in its high byte. Two sums a word then cost one load, two additions and one shift:
//!
//! ```text
//! raw += word            raw  = 256 high + low   (mod 2^16)
//! high += word >> 8      arithmetic: the high weight, as the low byte is never negative
//! low  = raw - 256 high - 128 n
//! ```
//!
//! Exact for up to [`PARTIAL`] rows: |high| <= 255 x 128 and 0 <= low + 128 n <= 255 x 255 fit 16 bits. Longer lists
//! are summed in parts, which join in 32 bits.

use super::LANES;
use super::level::SimdLevel;

/// Rows that 16-bit sums surely hold.
const PARTIAL: usize = 255;

/// 64 weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct WeightLine([i16; LANES / 2]);

impl WeightLine {
    /// Weights of 0.
    pub const ZERO: Self = Self([128; LANES / 2]);

    /// Packs 64 weights, which must fit 8 bits.
    pub fn new(weights: &[i16; LANES]) -> Self {
        let (low, high) = weights.split_at(LANES / 2);
        let mut words = [0; LANES / 2];
        for ((word, low), high) in words.iter_mut().zip(low).zip(high) {
            *word = ((low & 0xFF) ^ 128) | (high << 8);
        }
        Self(words)
    }
}

/// Adds to `sums` the rows that `list` names; a row is `K` lines.
#[inline]
pub fn gather<const K: usize>(
    level: SimdLevel,
    rows: &[[WeightLine; K]],
    list: &[u32],
    sums: &mut [[i32; LANES]; K],
) {
    for list in list.chunks(PARTIAL) {
        #[cfg(target_arch = "x86_64")]
        match level.kind() {
            super::level::InstructionSet::Avx512 => {
                // SAFETY: a level exists only if the processor has its instructions.
                unsafe { x86::avx512(rows, list, sums) };
                continue;
            }
            super::level::InstructionSet::Avx2 => {
                // SAFETY: as above.
                unsafe { x86::avx2(rows, list, sums) };
                continue;
            }
            super::level::InstructionSet::Portable => (),
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = level;
        portable(rows, list, sums);
    }
}

fn portable<const K: usize>(rows: &[[WeightLine; K]], list: &[u32], sums: &mut [[i32; LANES]; K]) {
    let bias = 128 * list.len() as i16;
    for (k, sums) in sums.iter_mut().enumerate() {
        let (mut raw, mut high) = ([0i16; 32], [0i16; 32]);
        for &row in list {
            let line = &rows[row as usize][k].0;
            for ((raw, high), &word) in raw.iter_mut().zip(&mut high).zip(line) {
                *raw = raw.wrapping_add(word);
                *high += word >> 8;
            }
        }
        let (first, second) = sums.split_at_mut(32);
        for (((first, second), raw), high) in first.iter_mut().zip(second).zip(raw).zip(high) {
            *first += i32::from(raw.wrapping_sub(high << 8).wrapping_sub(bias));
            *second += i32::from(high);
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::super::LANES;
    use super::WeightLine;

    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn avx512<const K: usize>(
        rows: &[[WeightLine; K]],
        list: &[u32],
        sums: &mut [[i32; LANES]; K],
    ) {
        let mut raw = [_mm512_setzero_si512(); K];
        let mut high = [_mm512_setzero_si512(); K];
        for &row in list {
            let row = &rows[row as usize];
            for k in 0..K {
                // SAFETY: a line is 64 bytes.
                let words = unsafe { _mm512_load_si512((&raw const row[k]).cast()) };
                raw[k] = _mm512_add_epi16(raw[k], words);
                high[k] = _mm512_add_epi16(high[k], _mm512_srai_epi16::<8>(words));
            }
        }
        let bias = _mm512_set1_epi16(128 * list.len() as i16);
        for k in 0..K {
            let low = _mm512_sub_epi16(_mm512_sub_epi16(raw[k], _mm512_slli_epi16::<8>(high[k])), bias);
            for (quarter, sums) in sums[k].as_chunks_mut::<16>().0.iter_mut().enumerate() {
                let words = if quarter < 2 { low } else { high[k] };
                let half = if quarter % 2 == 0 {
                    _mm512_castsi512_si256(words)
                } else {
                    _mm512_extracti64x4_epi64::<1>(words)
                };
                let place = sums.as_mut_ptr().cast::<__m512i>();
                // SAFETY: 16 sums are 64 bytes.
                unsafe {
                    let sum = _mm512_add_epi32(_mm512_loadu_si512(place), _mm512_cvtepi16_epi32(half));
                    _mm512_storeu_si512(place, sum);
                }
            }
        }
    }

    /// Line by line: 16 registers hold the sums of one.
    #[target_feature(enable = "avx2")]
    pub(super) fn avx2<const K: usize>(rows: &[[WeightLine; K]], list: &[u32], sums: &mut [[i32; LANES]; K]) {
        let bias = _mm256_set1_epi16(128 * list.len() as i16);
        for (k, sums) in sums.iter_mut().enumerate() {
            let mut raw = [_mm256_setzero_si256(); 2];
            let mut high = [_mm256_setzero_si256(); 2];
            for &row in list {
                let line = (&raw const rows[row as usize][k]).cast::<__m256i>();
                for half in 0..2 {
                    // SAFETY: a line is twice 32 bytes.
                    let words = unsafe { _mm256_load_si256(line.add(half)) };
                    raw[half] = _mm256_add_epi16(raw[half], words);
                    high[half] = _mm256_add_epi16(high[half], _mm256_srai_epi16::<8>(words));
                }
            }
            for half in 0..2 {
                let low =
                    _mm256_sub_epi16(_mm256_sub_epi16(raw[half], _mm256_slli_epi16::<8>(high[half])), bias);
                for (words, first) in [(low, 0), (high[half], 32)] {
                    let quarters = [_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words)];
                    for (quarter, words) in quarters.into_iter().enumerate() {
                        let start = first + half * 16 + quarter * 8;
                        let place = sums[start..start + 8].as_mut_ptr().cast::<__m256i>();
                        // SAFETY: 8 sums are 32 bytes.
                        unsafe {
                            let sum =
                                _mm256_add_epi32(_mm256_loadu_si256(place), _mm256_cvtepi16_epi32(words));
                            _mm256_storeu_si256(place, sum);
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::philox::philox4x32_10;

    /// Random or extreme weights and lists up to several parts long.
    fn check<const K: usize>(extreme: Option<i8>) {
        let weight = |row: usize, lane: usize| {
            let drawn = philox4x32_10([row as u32, lane as u32, 0, 0], [1, 2])[0].to_le_bytes()[0];
            extreme.unwrap_or(i8::from_le_bytes([drawn]))
        };
        let line = |row: usize, k: usize| -> WeightLine {
            WeightLine::new(&std::array::from_fn(|lane| i16::from(weight(row, k * LANES + lane))))
        };
        let rows: Vec<[WeightLine; K]> = (0..40).map(|row| std::array::from_fn(|k| line(row, k))).collect();
        for length in [0, 1, 2, 17, 254, 255, 256, 511, 800] {
            let list: Vec<u32> =
                (0..length).map(|i| philox4x32_10([i, 0, 0, 0], [3, length])[0] % 40).collect();
            for level in SimdLevel::available() {
                let mut sums = [[7; LANES]; K];
                gather(level, &rows, &list, &mut sums);
                for lane in 0..K * LANES {
                    let plain: i32 = list.iter().map(|&row| i32::from(weight(row as usize, lane))).sum();
                    assert_eq!(sums[lane / LANES][lane % LANES], plain + 7, "{level:?} {length} {lane}");
                }
            }
        }
    }

    #[test]
    fn every_level_sums_exactly() {
        for extreme in [None, Some(-128), Some(127), Some(0)] {
            check::<1>(extreme);
            check::<2>(extreme);
            check::<3>(extreme);
            check::<4>(extreme);
            check::<8>(extreme);
        }
    }
}
