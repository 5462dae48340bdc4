//! Sums of a block of neurons in a timestep, to which rows are added.

use super::super::LANES;
use super::super::level::{SimdLevel, dispatch};
use super::{BLOCK_MAX, RowBlock, RowFormat, stepped};

/// 8-bit weights that a 16-bit sum surely holds: 255 x 128 < 2^15.
const PARTIAL: usize = 255;

/// Sums of a line of neurons, in one piece of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct SumLine<S>(pub(super) [S; LANES]);

/// Sums of a block of neurons.
pub(super) type BlockSums<S> = [SumLine<S>; BLOCK_MAX / LANES];

/// The sums without lines, so that a neuron's place need not be cut in two.
fn flat(sums: &mut BlockSums<i16>) -> &mut [i16; BLOCK_MAX] {
    const { assert!(size_of::<BlockSums<i16>>() == size_of::<[i16; BLOCK_MAX]>()) };
    // SAFETY: both are as long, a line is its sums and nothing else, and any sums are valid in both.
    unsafe { &mut *std::ptr::from_mut(sums).cast() }
}

/// Sums of a block of neurons in a timestep.
#[derive(Debug)]
pub struct RowSums {
    /// What rows of 8-bit weights brought since these sums last joined those of 32 bits.
    partial: Box<BlockSums<i16>>,
    /// How many weights one of them may have.
    weights: usize,
    /// Lines in use.
    lines: usize,
    sums: Box<BlockSums<i32>>,
    /// Whether `sums` may be other than 0.
    summed: bool,
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
        Self {
            partial: zeros(),
            weights: 0,
            lines,
            sums: zeros(),
            summed: false,
            finished: vec![[0; LANES]; lines],
        }
    }

    /// Sets all to 0.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.summed) {
            self.sums[..self.lines].fill(SumLine([0; LANES]));
        }
    }

    /// Adds some rows of a block, each once.
    pub fn add(&mut self, level: SimdLevel, block: &RowBlock, mut rows: &[u32]) {
        if let RowFormat::ListedWide(targets, weights) = &block.format {
            self.summed = true;
            return add_listed(level, &block.starts, targets, weights, rows, &mut self.sums);
        }
        while !rows.is_empty() {
            let wanted = rows.len().min(block.most);
            if self.weights + wanted > PARTIAL {
                self.join(level);
            }
            // A row adds to a sum at most once.
            let now = if wanted <= PARTIAL { rows.len() } else { PARTIAL };
            let (now, later) = rows.split_at(now);
            add_narrow(level, block, now, &mut self.partial);
            self.weights += wanted.min(PARTIAL);
            rows = later;
        }
    }

    /// The sums, by line.
    pub fn finish(&mut self, level: SimdLevel) -> &[[i32; LANES]] {
        if self.summed {
            self.join(level);
            self.finished.iter_mut().zip(&*self.sums).for_each(|(line, sums)| *line = sums.0);
        } else {
            // Mostly the short sums are all that there is.
            widen(level, &mut self.partial[..self.lines], &mut self.finished);
            self.weights = 0;
        }
        &self.finished
    }

    fn join(&mut self, level: SimdLevel) {
        if self.weights > 0 {
            join(level, &mut self.partial[..self.lines], &mut self.sums[..self.lines]);
            (self.weights, self.summed) = (0, true);
        }
    }
}

fn widen(level: SimdLevel, partial: &mut [SumLine<i16>], sums: &mut [[i32; LANES]]) {
    dispatch!(level, widen_body(partial: &mut [SumLine<i16>], sums: &mut [[i32; LANES]]))
}

#[inline(always)]
fn widen_body(partial: &mut [SumLine<i16>], sums: &mut [[i32; LANES]]) {
    for (sums, partial) in sums.iter_mut().zip(partial) {
        for (sum, part) in sums.iter_mut().zip(&mut partial.0) {
            *sum = i32::from(*part);
            *part = 0;
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

/// Adds rows of 8-bit weights; none of others.
fn add_narrow(level: SimdLevel, block: &RowBlock, rows: &[u32], sums: &mut BlockSums<i16>) {
    let starts = &block.starts;
    match &block.format {
        RowFormat::Listed(targets, weights) => {
            add_listed(level, starts, targets, weights, rows, sums);
        }
        RowFormat::ListedWide(..) => (),
        RowFormat::Stepped(steps) => stepped::add(starts, steps, rows, flat(sums)),
        #[cfg(target_arch = "x86_64")]
        RowFormat::Masked(masked) => masked.add(starts, rows, sums),
    }
}

/// Synapse by synapse.
fn add_listed<W: Copy + Into<S>, S: Copy + std::ops::AddAssign>(
    level: SimdLevel,
    starts: &[u32],
    targets: &[u16],
    weights: &[W],
    rows: &[u32],
    sums: &mut BlockSums<S>,
) {
    dispatch!(
        level,
        [W: Copy + Into<S>, S: Copy + std::ops::AddAssign]
        listed_body(starts: &[u32], targets: &[u16], weights: &[W], rows: &[u32], sums: &mut BlockSums<S>)
    )
}

#[inline(always)]
fn listed_body<W: Copy + Into<S>, S: Copy + std::ops::AddAssign>(
    starts: &[u32],
    targets: &[u16],
    weights: &[W],
    rows: &[u32],
    sums: &mut BlockSums<S>,
) {
    for &row in rows {
        let own = starts[row as usize] as usize..starts[row as usize + 1] as usize;
        for (&target, &weight) in targets[own.clone()].iter().zip(&weights[own]) {
            let (line, lane) = (usize::from(target) / LANES, usize::from(target) % LANES);
            sums[line].0[lane] += weight.into();
        }
    }
}
