//! Rows of single synapses added to sums in memory: a row is what one source neuron gives to a block of neurons.
//!
//! A row is read from one end to the other, so the next one is fetched while it is added. Sums of 8-bit weights have 16
//! bits, which stay in the first-level cache, and join those of 32 bits before they can overflow.

use super::LANES;
use super::level::{SimdLevel, dispatch};
use super::scatter::Weights;

/// Most neurons of a block: targets have 16 bits.
pub const BLOCK_MAX: usize = 1 << 16;
/// Rows of 8-bit weights that a 16-bit sum surely holds: each adds to a sum at most once, 255 x 128 < 2^15.
const PARTIAL: usize = 255;
/// Weights behind the last that may be read.
const MARGIN: usize = LANES;

/// Rows of some source neurons into a block of neurons.
#[derive(Debug)]
pub struct RowBlock {
    /// First synapse of each row, and one past the last.
    starts: Vec<u32>,
    targets: Targets,
    /// Row by row, each ascending by target, and [`MARGIN`] more.
    weights: Weights,
}

/// Which neurons of the block the synapses of a row lead to.
#[derive(Debug)]
enum Targets {
    /// The neuron of each synapse.
    Listed(Vec<u16>),
    /// So many words for each row, a bit a neuron: where these are shorter than lists.
    Masked(usize, Vec<u64>),
}

impl RowBlock {
    /// Whether all weights have 8 bits.
    pub fn is_narrow(&self) -> bool {
        matches!(self.weights, Weights::Narrow(_))
    }
}

/// Rows in the making: room for all synapses is made first, so that they are held once.
#[derive(Debug)]
pub struct RowBlockBuilder {
    block: RowBlock,
    /// Where the next synapse of each row goes.
    next: Vec<u32>,
}

impl RowBlockBuilder {
    /// Rows of `lengths` synapses into a block of so many neurons, at most [`BLOCK_MAX`]; `narrow` promises weights of
    /// 8 bits.
    pub fn new(lengths: &[u32], neurons: usize, narrow: bool) -> Self {
        let mut starts = vec![0; lengths.len() + 1];
        for (i, length) in lengths.iter().enumerate() {
            starts[i + 1] = starts[i] + length;
        }
        let (synapses, lines) = (starts[lengths.len()] as usize, neurons.div_ceil(LANES));
        let words = lengths.len() * lines;
        let targets = match 8 * words <= 2 * synapses {
            true => Targets::Masked(lines, vec![0; words]),
            false => Targets::Listed(vec![0; synapses]),
        };
        let weights = match narrow {
            true => Weights::Narrow(vec![0; synapses + MARGIN]),
            false => Weights::Wide(vec![0; synapses + MARGIN]),
        };
        let next = starts[..lengths.len()].to_vec();
        Self { block: RowBlock { starts, targets, weights }, next }
    }

    /// Adds a synapse to a row; they come ascending by target, none twice.
    pub fn push(&mut self, row: usize, target: usize, weight: i16) {
        let at = self.next[row] as usize;
        self.next[row] += 1;
        match &mut self.block.targets {
            Targets::Listed(targets) => targets[at] = target as u16,
            Targets::Masked(lines, masks) => masks[row * *lines + target / LANES] |= 1 << (target % LANES),
        }
        match &mut self.block.weights {
            Weights::Narrow(weights) => weights[at] = weight as i8,
            Weights::Wide(weights) => weights[at] = weight,
        }
    }

    /// The rows, once they are complete.
    pub fn finish(self) -> RowBlock {
        debug_assert!(self.next[..] == self.block.starts[1..], "every row is as long as was said");
        self.block
    }
}

/// Sums of a line of neurons, in one piece of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct SumLine<S>([S; LANES]);

/// Sums of a block of neurons.
type BlockSums<S> = [SumLine<S>; BLOCK_MAX / LANES];

/// Sums of a block of neurons in a timestep.
#[derive(Debug)]
pub struct RowSums {
    /// What rows of 8-bit weights brought since these sums last joined those of 32 bits.
    partial: Box<BlockSums<i16>>,
    /// How many rows that are.
    rows: usize,
    /// Lines in use.
    lines: usize,
    sums: Box<BlockSums<i32>>,
    /// The sums when a timestep is over.
    finished: Vec<[i32; LANES]>,
}

impl RowSums {
    /// Sums of 0, of so many lines of neurons.
    pub fn new(lines: usize) -> Self {
        // Not made on the stack; what is not in use is never touched.
        fn zeros<S: Copy + Default>() -> Box<BlockSums<S>> {
            let zeros = vec![SumLine([S::default(); LANES]); BLOCK_MAX / LANES].into_boxed_slice();
            zeros.try_into().unwrap_or_else(|_| unreachable!("it has this length"))
        }
        Self { partial: zeros(), rows: 0, lines, sums: zeros(), finished: vec![[0; LANES]; lines] }
    }

    /// Sets all to 0.
    pub fn clear(&mut self) {
        self.sums[..self.lines].fill(SumLine([0; LANES]));
    }

    /// Adds some rows of a block.
    pub fn add(&mut self, level: SimdLevel, block: &RowBlock, mut rows: &[u32]) {
        let weights = match &block.weights {
            Weights::Narrow(weights) => weights,
            Weights::Wide(weights) => {
                let (starts, targets) = (&block.starts, &block.targets);
                return add_plain(level, starts, targets, weights, rows, &mut self.sums);
            }
        };
        while !rows.is_empty() {
            if self.rows == PARTIAL {
                self.join(level);
            }
            let (now, later) = rows.split_at(rows.len().min(PARTIAL - self.rows));
            add_narrow(level, block, weights, now, &mut self.partial);
            self.rows += now.len();
            rows = later;
        }
    }

    /// The sums, by line.
    pub fn finish(&mut self, level: SimdLevel) -> &[[i32; LANES]] {
        self.join(level);
        self.finished.iter_mut().zip(&*self.sums).for_each(|(line, sums)| *line = sums.0);
        &self.finished
    }

    fn join(&mut self, level: SimdLevel) {
        if self.rows > 0 {
            join(level, &mut self.partial[..self.lines], &mut self.sums[..self.lines]);
            self.rows = 0;
        }
    }
}

fn join(level: SimdLevel, partial: &mut [SumLine<i16>], sums: &mut [SumLine<i32>]) {
    dispatch!(level, join_body(partial: &mut [SumLine<i16>], sums: &mut [SumLine<i32>]))
}

#[inline(always)]
fn join_body(partial: &mut [SumLine<i16>], sums: &mut [SumLine<i32>]) {
    for (sums, partial) in sums.iter_mut().zip(partial) {
        for (sum, part) in sums.0.iter_mut().zip(&mut partial.0) {
            *sum += i32::from(*part);
            *part = 0;
        }
    }
}

fn add_narrow(level: SimdLevel, block: &RowBlock, weights: &[i8], rows: &[u32], sums: &mut BlockSums<i16>) {
    #[cfg(target_arch = "x86_64")]
    if let Targets::Masked(lines, masks) = &block.targets
        && x86::expands(level)
    {
        // SAFETY: the processor has the instructions.
        return unsafe {
            x86::add(x86::MaskedRows { starts: &block.starts, lines: *lines, masks, weights }, rows, sums)
        };
    }
    add_plain(level, &block.starts, &block.targets, weights, rows, sums);
}

/// Synapse by synapse.
fn add_plain<W: Copy + Into<S>, S: Copy + std::ops::AddAssign>(
    level: SimdLevel,
    starts: &[u32],
    targets: &Targets,
    weights: &[W],
    rows: &[u32],
    sums: &mut BlockSums<S>,
) {
    dispatch!(
        level,
        [W: Copy + Into<S>, S: Copy + std::ops::AddAssign]
        plain_body(starts: &[u32], targets: &Targets, weights: &[W], rows: &[u32], sums: &mut BlockSums<S>)
    )
}

#[inline(always)]
fn plain_body<W: Copy + Into<S>, S: Copy + std::ops::AddAssign>(
    starts: &[u32],
    targets: &Targets,
    weights: &[W],
    rows: &[u32],
    sums: &mut BlockSums<S>,
) {
    for &row in rows {
        let row = row as usize;
        let own = starts[row] as usize..starts[row + 1] as usize;
        let mut weights = weights[own.clone()].iter();
        match targets {
            Targets::Listed(targets) => {
                for (&target, &weight) in targets[own].iter().zip(weights) {
                    let (line, lane) = (usize::from(target) / LANES, usize::from(target) % LANES);
                    sums[line].0[lane] += weight.into();
                }
            }
            Targets::Masked(lines, masks) => {
                let masks = &masks[row * lines..(row + 1) * lines];
                for (&mask, sums) in masks.iter().zip(&mut *sums) {
                    let mut mask = mask;
                    while mask != 0
                        && let Some(&weight) = weights.next()
                    {
                        sums.0[mask.trailing_zeros() as usize % LANES] += weight.into();
                        mask &= mask - 1;
                    }
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_add_epi16, _mm512_castsi512_si256, _mm512_cvtepi8_epi16,
        _mm512_extracti64x4_epi64, _mm512_loadu_si512, _mm512_maskz_expand_epi8, _mm512_storeu_si512,
    };

    use super::{BlockSums, LANES, MARGIN};
    use crate::execute::kernels::level::{InstructionSet, SimdLevel};

    /// Lines between two looks ahead: their masks fill a line of the cache.
    const AHEAD: usize = 8;
    /// Rows that are added together, so that sums are read and written once for all of them.
    const TOGETHER: usize = 4;

    /// Whether a level goes with instructions that spread bytes over the lanes of a mask.
    pub fn expands(level: SimdLevel) -> bool {
        level.kind() == InstructionSet::Avx512 && is_x86_feature_detected!("avx512vbmi2")
    }

    /// Rows of masked targets.
    #[derive(Clone, Copy)]
    pub struct MaskedRows<'r> {
        pub starts: &'r [u32],
        pub lines: usize,
        pub masks: &'r [u64],
        pub weights: &'r [i8],
    }

    /// Adds rows: the next weights of a row are spread over the bits of each mask.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,bmi1,popcnt")]
    pub fn add(block: MaskedRows, rows: &[u32], sums: &mut BlockSums<i16>) {
        let (groups, rest) = rows.as_chunks::<TOGETHER>();
        for (i, group) in groups.iter().enumerate() {
            add_some(block, *group, groups.get(i + 1).copied().unwrap_or(*group), sums);
        }
        for &row in rest {
            add_some(block, [row], [row], sums);
        }
    }

    /// Adds some rows, and fetches the next ones.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi2,bmi1,popcnt")]
    fn add_some<const N: usize>(
        block: MaskedRows,
        rows: [u32; N],
        next: [u32; N],
        sums: &mut BlockSums<i16>,
    ) {
        let MaskedRows { starts, lines, masks, weights } = block;
        let masks_of = |row: u32| &masks[row as usize * lines..][..lines];
        let weights_of = |row: u32| &weights[starts[row as usize] as usize..];
        let (own, mut bytes) = (rows.map(masks_of), rows.map(weights_of));
        let ahead = next.map(|row| (masks_of(row).as_ptr(), weights_of(row).as_ptr()));
        for (line, sums) in sums[..lines].iter_mut().enumerate() {
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
}

#[cfg(test)]
mod tests {
    use snnc_compiler::ir::spiking::SparseSynapses;

    use super::*;
    use crate::philox::philox4x32_10;

    fn block(synapses: &SparseSynapses, neurons: usize) -> RowBlock {
        let lengths: Vec<u32> = synapses.starts.windows(2).map(|span| span[1] - span[0]).collect();
        let narrow = synapses.weights.iter().all(|&weight| i8::try_from(weight).is_ok());
        let mut rows = RowBlockBuilder::new(&lengths, neurons, narrow);
        for row in 0..synapses.sources() {
            synapses.row(row).for_each(|(target, weight)| rows.push(row, target as usize, weight));
        }
        rows.finish()
    }

    /// Draws `sources` rows into `neurons` neurons; about one neuron in `of` is joined.
    fn drawn(seed: u32, sources: usize, neurons: usize, of: u32, most: i32) -> SparseSynapses {
        let mut synapses = SparseSynapses::default();
        for source in 0..sources as u32 {
            let draw = |target: u32| philox4x32_10([source, target, 0, 0], [seed, 9]);
            let joined = (0..neurons as u32).filter(|&target| draw(target)[0].is_multiple_of(of));
            let weight = |target| (draw(target)[1] % (2 * most as u32 + 1)) as i32 - most;
            synapses.push_row(joined.map(|target| (target, weight(target) as i16)).collect::<Vec<_>>());
        }
        synapses
    }

    /// Lists and masks, narrow and wide, at every level, against a sum in 64 bits; more rows than 16-bit sums hold.
    #[test]
    fn every_level_adds_every_synapse() {
        let mut kinds = [0; 4];
        let nets =
            [(1000, 9, 127), (64, 3, 127), (130, 1, 127), (777, 90, 127), (65, 2, 20_000), (300, 60, 300)];
        for (seed, (neurons, of, most)) in nets.into_iter().enumerate() {
            let mut synapses = drawn(seed as u32, 300, neurons, of, most);
            if most == 127 {
                // The lowest weight of 8 bits, always to the same neuron.
                let own =
                    synapses.weights.iter_mut().zip(&synapses.targets).filter(|(_, target)| **target == 5);
                own.for_each(|(weight, _)| *weight = -128);
            }
            let block = block(&synapses, neurons);
            let masked = matches!(block.targets, Targets::Masked(..));
            kinds[usize::from(masked) * 2 + usize::from(block.is_narrow())] += 1;
            // Some rows several times, others never.
            let rows: Vec<u32> = (0..600).map(|i| philox4x32_10([i, 0, 0, 0], [7, 7])[0] % 300).collect();
            let mut expected = vec![0i64; neurons.next_multiple_of(LANES)];
            for &row in &rows {
                for (target, weight) in synapses.row(row as usize) {
                    expected[target as usize] += i64::from(weight);
                }
            }
            for level in SimdLevel::available() {
                let mut sums = RowSums::new(neurons.div_ceil(LANES));
                for _ in 0..2 {
                    sums.clear();
                    for rows in rows.chunks(100) {
                        sums.add(level, &block, rows);
                    }
                    let found = sums.finish(level).as_flattened().iter().map(|&sum| i64::from(sum));
                    assert!(found.eq(expected.iter().copied()), "{level:?}, net {seed}");
                }
            }
        }
        assert!(kinds.iter().all(|&kind| kind > 0), "lists and masks, wide and narrow: {kinds:?}");
    }
}
