//! Rows of single synapses added to sums in memory: a row is what one source neuron gives to a block of neurons.
//!
//! A row is read from one end to the other, so the next one is fetched while it is added. Sums of 8-bit weights have 16
//! bits, which stay in the first-level cache, and join those of 32 bits before they can overflow.

#[cfg(target_arch = "x86_64")]
mod masked;
mod stepped;

use super::LANES;
use super::level::{SimdLevel, dispatch};
use super::scatter::Weights;
use stepped::Step;

/// Most neurons of a block: targets have 16 bits.
pub const BLOCK_MAX: usize = 1 << 16;
/// 8-bit weights that a 16-bit sum surely holds: 255 x 128 < 2^15.
const PARTIAL: usize = 255;

/// Rows of some source neurons into a block of neurons.
#[derive(Debug)]
pub struct RowBlock {
    /// Where each row begins, and one past the last.
    starts: Vec<u32>,
    format: RowFormat,
    /// Synapses of the neuron that has most of them: so often all rows together add to a sum.
    most: usize,
}

/// How the synapses of rows are written; each row ascends by target.
#[derive(Debug)]
enum RowFormat {
    /// The neuron and the weight of each synapse.
    Listed(Vec<u16>, Weights),
    /// The way from one synapse to the next and an 8-bit weight.
    Stepped(Vec<Step>),
    /// A bit a neuron, and 8-bit weights: where the processor spreads them and the bits are shorter than steps.
    #[cfg(target_arch = "x86_64")]
    Masked(masked::MaskedRows),
}

impl RowBlock {
    /// Whether all weights have 8 bits.
    pub fn is_narrow(&self) -> bool {
        !matches!(self.format, RowFormat::Listed(_, Weights::Wide(_)))
    }
}

/// What rows will hold, told synapse by synapse before room for them is made, so that they are held once.
#[derive(Debug)]
pub struct RowPlan {
    level: SimdLevel,
    rows: Vec<PlannedRow>,
    /// Synapses of each neuron.
    incoming: Vec<u32>,
    /// Whether all weights have 8 bits.
    narrow: bool,
}

/// What a row will hold.
#[derive(Debug, Clone, Copy, Default)]
struct PlannedRow {
    synapses: u32,
    steps: u32,
    last: u16,
}

impl RowPlan {
    /// So many empty rows into a block of so many neurons, at most [`BLOCK_MAX`], for a processor's instructions.
    pub fn new(rows: usize, neurons: usize, level: SimdLevel) -> Self {
        let (rows, incoming) = (vec![PlannedRow::default(); rows], vec![0; neurons]);
        Self { level, rows, incoming, narrow: true }
    }

    /// Plans a synapse of a row; they come ascending by target, none twice.
    pub fn add(&mut self, row: usize, target: usize, weight: i16) {
        let PlannedRow { synapses, steps, last } = &mut self.rows[row];
        *synapses += 1;
        *steps += 1 + stepped::between(target as u16 - *last);
        *last = target as u16;
        self.incoming[target] += 1;
        self.narrow &= i8::try_from(weight).is_ok();
    }

    /// Makes room for the rows, in the shortest format.
    pub fn builder(self) -> RowBlockBuilder {
        let count = |of: fn(&PlannedRow) -> u32| self.rows.iter().map(of).sum::<u32>() as usize;
        let (synapses, steps) = (count(|row| row.synapses), count(|row| row.steps));
        let listed_bytes = synapses * (size_of::<u16>() + size_of::<i8>());
        let stepped = self.narrow && steps * size_of::<Step>() <= listed_bytes;
        let format = match self.masked(synapses) {
            Some(masked) => masked,
            None if stepped => RowFormat::Stepped(vec![Step::default(); steps]),
            None if self.narrow => RowFormat::Listed(vec![0; synapses], Weights::Narrow(vec![0; synapses])),
            None => RowFormat::Listed(vec![0; synapses], Weights::Wide(vec![0; synapses])),
        };
        let places = |row: &PlannedRow| match format {
            RowFormat::Stepped(_) => row.steps,
            _ => row.synapses,
        };
        let mut starts = vec![0];
        for row in &self.rows {
            starts.push(starts[starts.len() - 1] + places(row));
        }
        let next = starts[..self.rows.len()].iter().map(|&at| NextSynapse { at, last: 0 }).collect();
        let most = self.incoming.iter().max().map_or(0, |&most| most as usize);
        RowBlockBuilder { block: RowBlock { starts, format, most }, next }
    }

    /// Rows of bits, if these are shorter than lists of as many synapses and the processor adds them fast.
    #[cfg(target_arch = "x86_64")]
    fn masked(&self, synapses: usize) -> Option<RowFormat> {
        let processor = masked::Expands::of(self.level).filter(|_| self.narrow)?;
        let (rows, lines) = (self.rows.len(), self.incoming.len().div_ceil(LANES));
        let shorter = rows * lines * size_of::<u64>() <= synapses * size_of::<u16>();
        shorter.then(|| RowFormat::Masked(masked::MaskedRows::new(processor, rows, lines, synapses)))
    }

    /// Other processors do not add them fast.
    #[cfg(not(target_arch = "x86_64"))]
    fn masked(&self, _: usize) -> Option<RowFormat> {
        None
    }
}

/// Rows in the making.
#[derive(Debug)]
pub struct RowBlockBuilder {
    block: RowBlock,
    next: Vec<NextSynapse>,
}

/// Where the next synapse of a row goes, and the neuron of the last one.
#[derive(Debug, Clone, Copy)]
struct NextSynapse {
    at: u32,
    last: u16,
}

impl RowBlockBuilder {
    /// Adds a synapse to a row: those that were planned, in the same order.
    pub fn push(&mut self, row: usize, target: usize, weight: i16) {
        let NextSynapse { at, last } = &mut self.next[row];
        let place = *at as usize;
        *at += match &mut self.block.format {
            RowFormat::Listed(targets, weights) => {
                targets[place] = target as u16;
                match weights {
                    Weights::Narrow(weights) => weights[place] = weight as i8,
                    Weights::Wide(weights) => weights[place] = weight,
                }
                1
            }
            RowFormat::Stepped(steps) => {
                stepped::write(&mut steps[place..], target as u16 - *last, weight as i8)
            }
            #[cfg(target_arch = "x86_64")]
            RowFormat::Masked(masked) => {
                masked.set(row, target, (place, weight as i8));
                1
            }
        };
        *last = target as u16;
    }

    /// The rows, once they are complete.
    pub fn finish(self) -> RowBlock {
        debug_assert!(
            self.next.iter().map(|next| next.at).eq(self.block.starts[1..].iter().copied()),
            "every row is as long as was planned"
        );
        self.block
    }
}

/// Sums of a line of neurons, in one piece of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct SumLine<S>([S; LANES]);

/// Sums of a block of neurons.
type BlockSums<S> = [SumLine<S>; BLOCK_MAX / LANES];

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
        if let RowFormat::Listed(targets, Weights::Wide(weights)) = &block.format {
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
        RowFormat::Listed(targets, Weights::Narrow(weights)) => {
            add_listed(level, starts, targets, weights, rows, sums);
        }
        RowFormat::Listed(_, Weights::Wide(_)) => (),
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

#[cfg(test)]
mod tests {
    use snnc_compiler::ir::spiking::SparseSynapses;

    use super::*;
    use crate::philox::philox4x32_10;

    fn block(synapses: &SparseSynapses, neurons: usize, level: SimdLevel) -> RowBlock {
        let mut plan = RowPlan::new(synapses.sources(), neurons, level);
        for row in 0..synapses.sources() {
            synapses.row(row).for_each(|(target, weight)| plan.add(row, target as usize, weight));
        }
        let mut rows = plan.builder();
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

    /// All formats, narrow and wide, at every level, against a sum in 64 bits; more rows than 16-bit sums hold.
    #[test]
    fn every_level_adds_every_synapse() {
        let mut formats = [0; 4];
        let nets = [
            (1000, 9, 127),
            (64, 3, 127),
            (130, 1, 127),
            (777, 90, 127),
            // So far apart that some steps are longer than a byte, and so far that lists are shorter.
            (60_000, 200, 127),
            (60_000, 5000, 127),
            (65, 2, 20_000),
            (300, 60, 300),
        ];
        for (seed, (neurons, of, most)) in nets.into_iter().enumerate() {
            let mut synapses = drawn(seed as u32, 300, neurons, of, most);
            if most == 127 {
                // The lowest weight of 8 bits, always to the same neuron.
                let own =
                    synapses.weights.iter_mut().zip(&synapses.targets).filter(|(_, target)| **target == 5);
                own.for_each(|(weight, _)| *weight = -128);
            }
            // Some rows several times, others never; in a piece each at most once, as 7 does not divide 300.
            let piece = |first: u32| (0..280).map(move |i| (first + 7 * i) % 300);
            let rows: Vec<u32> = piece(0).chain(piece(100)).chain(piece(205)).collect();
            let mut expected = vec![0i64; neurons.next_multiple_of(LANES)];
            for &row in &rows {
                for (target, weight) in synapses.row(row as usize) {
                    expected[target as usize] += i64::from(weight);
                }
            }
            for level in SimdLevel::available() {
                let block = block(&synapses, neurons, level);
                let format = match &block.format {
                    RowFormat::Listed(_, Weights::Wide(_)) => 0,
                    RowFormat::Listed(..) => 1,
                    RowFormat::Stepped(_) => 2,
                    #[cfg(target_arch = "x86_64")]
                    RowFormat::Masked(_) => 3,
                };
                formats[format] += 1;
                assert_eq!(block.is_narrow(), format > 0);
                let mut sums = RowSums::new(neurons.div_ceil(LANES));
                for _ in 0..2 {
                    sums.clear();
                    for rows in rows.chunks(280) {
                        sums.add(level, &block, rows);
                    }
                    let found = sums.finish(level).as_flattened().iter().map(|&sum| i64::from(sum));
                    assert!(found.eq(expected.iter().copied()), "{level:?}, net {seed}");
                }
            }
        }
        let any = formats.map(|count| count > 0);
        assert_eq!(any[..3], [true; 3], "wide and narrow lists, and steps");
        #[cfg(target_arch = "x86_64")]
        assert_eq!(any[3], masked::Expands::of(SimdLevel::best()).is_some());
    }
}
