//! Lists of the bits that are set.

use super::level::{SimdLevel, dispatch};

/// Entries behind a list of bits that may be read, and written over while it is made.
pub const MARGIN: usize = 16;

/// Lists the bits that are set: those of row r, which has `width` bits, are `places[starts[r]..starts[r + 1]]`. Behind
/// the last are [`MARGIN`] places at least, which may be written over.
pub fn list(level: SimdLevel, width: usize, words: &[u64], starts: &mut [u32], places: &mut [u32]) {
    start_rows(level, width, words, starts);
    list_places(level, words, places);
}

/// Adds the bits that are set to a list, ascending.
pub fn append(level: SimdLevel, words: &[u64], listed: &mut Vec<u32>) {
    let first = listed.len();
    let end = first + words.iter().map(|word| word.count_ones() as usize).sum::<usize>();
    listed.resize(end + MARGIN, 0);
    list_places(level, words, &mut listed[first..]);
    listed.truncate(end);
}

/// Writes where the list of each row starts.
fn start_rows(level: SimdLevel, width: usize, words: &[u64], starts: &mut [u32]) {
    dispatch!(level, starts_body(width: usize, words: &[u64], starts: &mut [u32]))
}

#[inline(always)]
fn starts_body(width: usize, words: &[u64], starts: &mut [u32]) {
    let mut end = 0;
    // Rows that no word cuts need no shifting together.
    if width < 64 && 64 % width == 0 {
        let mask = (1 << width) - 1;
        for (starts, &word) in starts[1..].chunks_mut(64 / width).zip(words) {
            for (row, start) in starts.iter_mut().enumerate() {
                end += (word >> (row * width) & mask).count_ones();
                *start = end;
            }
        }
        return;
    }
    for (row, start) in starts[1..].iter_mut().enumerate() {
        for first in (0..width).step_by(64) {
            end += bits(words, row * width + first, (width - first).min(64)).count_ones();
        }
        *start = end;
    }
}

/// Lists the bits that are set; behind the last are [`MARGIN`] places at least.
fn list_places(level: SimdLevel, words: &[u64], places: &mut [u32]) {
    #[cfg(target_arch = "x86_64")]
    if level.kind() == super::level::InstructionSet::Avx512 {
        // SAFETY: a level exists only if the processor has its instructions.
        return unsafe { x86::places(words, places) };
    }
    dispatch!(level, places_body(words: &[u64], places: &mut [u32]))
}

#[inline(always)]
fn places_body(words: &[u64], places: &mut [u32]) {
    let mut end = 0;
    for (first, &word) in (0..).step_by(64).zip(words) {
        let mut word = word;
        let mut left = word.count_ones() as usize;
        let listed = end + left;
        // Four at a time, as whether there is one more is as good as random.
        while left > 0 {
            for place in places[end..].first_chunk_mut::<4>().into_iter().flatten() {
                *place = first + word.trailing_zeros();
                word &= word.wrapping_sub(1);
            }
            end += 4;
            left = left.saturating_sub(4);
        }
        end = listed;
    }
}

/// Up to 64 bits of a row of words from bit `first` on.
#[inline]
pub fn bits(words: &[u64], first: usize, len: usize) -> u64 {
    let (word, shift) = (first / 64, first % 64);
    let low = words[word] >> shift;
    let high = if shift + len > 64 { words[word + 1] << (64 - shift) } else { 0 };
    (low | high) & (u64::MAX >> (64 - len))
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    /// Sixteen bits of a word at a time, whose numbers move together.
    #[target_feature(enable = "avx512f,popcnt")]
    pub(super) fn places(words: &[u64], places: &mut [u32]) {
        let sixteen = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let mut end = 0;
        for (first, &word) in (0..).step_by(64).zip(words) {
            if word == 0 {
                continue;
            }
            for quarter in 0..4 {
                let set = (word >> (16 * quarter)) as u16;
                let numbers = _mm512_add_epi32(sixteen, _mm512_set1_epi32(first + 16 * quarter));
                let listed = _mm512_maskz_compress_epi32(set, numbers);
                let Some(room) = places[end..].first_chunk_mut::<16>() else { return };
                // SAFETY: 16 places are 64 bytes.
                unsafe { _mm512_storeu_si512(room.as_mut_ptr().cast(), listed) };
                end += set.count_ones() as usize;
            }
        }
    }
}
