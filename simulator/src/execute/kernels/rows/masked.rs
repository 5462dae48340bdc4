//! Rows as a bit a neuron, and the weights of the bits that are set: AVX-512 spreads the weights of 64 bits over their
//! lanes in one instruction.

use std::arch::x86_64::{
    __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_add_epi16, _mm512_castsi512_si256, _mm512_cvtepi8_epi16,
    _mm512_extracti64x4_epi64, _mm512_loadu_si512, _mm512_maskz_expand_epi8, _mm512_storeu_si512,
};

use super::LANES;
use super::sums::BlockSums;
use crate::execute::kernels::level::{InstructionSet, SimdLevel};

/// Weights behind the last that may be read.
pub const MARGIN: usize = LANES;

/// Lines between two looks ahead: their masks fill a line of the cache.
const AHEAD: usize = 8;
/// Rows that are added together, so that sums are read and written once for all of them.
const TOGETHER: usize = 4;

/// Says that the processor spreads bytes over the lanes of a mask.
#[derive(Debug, Clone, Copy)]
pub struct Expands(());

impl Expands {
    /// If a level goes with these instructions.
    pub fn of(level: SimdLevel) -> Option<Self> {
        let has = level.kind() == InstructionSet::Avx512 && is_x86_feature_detected!("avx512vbmi2");
        has.then_some(Self(()))
    }
}

/// Rows of masked targets.
#[derive(Debug)]
pub struct MaskedRows {
    /// What adds them.
    processor: Expands,
    /// Lines of the block: words of a row.
    lines: usize,
    /// Row by row, a bit a neuron.
    masks: Vec<u64>,
    /// Of the bits that are set, and [`MARGIN`] more.
    weights: Vec<i8>,
}

impl MaskedRows {
    /// So many rows without synapses, and room for the weights of all that will come.
    pub fn new(processor: Expands, rows: usize, lines: usize, synapses: usize) -> Self {
        Self { processor, lines, masks: vec![0; rows * lines], weights: vec![0; synapses + MARGIN] }
    }

    /// Sets a synapse of a row, whose weight is at `at`.
    pub fn set(&mut self, row: usize, target: usize, (at, weight): (usize, i8)) {
        self.masks[row * self.lines + target / LANES] |= 1 << (target % LANES);
        self.weights[at] = weight;
    }

    /// Adds rows; the weights of each begin at its start.
    pub fn add(&self, starts: &[u32], rows: &[u32], sums: &mut BlockSums<i16>) {
        let Expands(()) = self.processor;
        // SAFETY: the processor has the instructions, or there were none of this type.
        unsafe { add(self, starts, rows, sums) }
    }
}

/// Adds rows: the next weights of a row are spread over the bits of each mask.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,bmi1,popcnt")]
fn add(block: &MaskedRows, starts: &[u32], rows: &[u32], sums: &mut BlockSums<i16>) {
    let (groups, rest) = rows.as_chunks::<TOGETHER>();
    for (i, group) in groups.iter().enumerate() {
        add_some(block, starts, (*group, groups.get(i + 1).copied().unwrap_or(*group)), sums);
    }
    for &row in rest {
        add_some(block, starts, ([row], [row]), sums);
    }
}

/// Adds some rows, and fetches the next ones.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,bmi1,popcnt")]
fn add_some<const N: usize>(
    block: &MaskedRows,
    starts: &[u32],
    (rows, next): ([u32; N], [u32; N]),
    sums: &mut BlockSums<i16>,
) {
    let MaskedRows { lines, masks, weights, .. } = block;
    let masks_of = |row: u32| &masks[row as usize * lines..][..*lines];
    let weights_of = |row: u32| &weights[starts[row as usize] as usize..];
    let (own, mut bytes) = (rows.map(masks_of), rows.map(weights_of));
    let ahead = next.map(|row| (masks_of(row).as_ptr(), weights_of(row).as_ptr()));
    for (line, sums) in sums[..*lines].iter_mut().enumerate() {
        if line.is_multiple_of(AHEAD) {
            for (masks, weights) in ahead {
                // A row mostly has fewer bytes of weights than of masks.
                _mm_prefetch::<_MM_HINT_T0>(masks.wrapping_add(line).cast());
                _mm_prefetch::<_MM_HINT_T0>(weights.wrapping_add(line * 8));
            }
        }
        let (low, high) = sums.0.split_at_mut(LANES / 2);
        let [low, high] = [low, high].map(|half| half.as_mut_ptr().cast::<__m512i>());
        // SAFETY: `low` and `high` are 32 words of 16 bits each.
        let mut sum = unsafe { [_mm512_loadu_si512(low), _mm512_loadu_si512(high)] };
        for (masks, bytes) in own.iter().zip(&mut bytes) {
            let mask = masks[line];
            let Some(first) = bytes.first_chunk::<MARGIN>() else {
                unreachable!("behind the last weight there are as many more")
            };
            // SAFETY: `first` has 64 bytes.
            let packed = unsafe { _mm512_loadu_si512(first.as_ptr().cast()) };
            let spread = _mm512_maskz_expand_epi8(mask, packed);
            let halves = [_mm512_castsi512_si256(spread), _mm512_extracti64x4_epi64::<1>(spread)];
            for (sum, half) in sum.iter_mut().zip(halves) {
                *sum = _mm512_add_epi16(*sum, _mm512_cvtepi8_epi16(half));
            }
            *bytes = &bytes[mask.count_ones() as usize..];
        }
        // SAFETY: as above.
        unsafe {
            _mm512_storeu_si512(low, sum[0]);
            _mm512_storeu_si512(high, sum[1]);
        }
    }
}
