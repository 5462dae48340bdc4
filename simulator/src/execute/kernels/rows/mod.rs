//! Rows of single synapses added to sums in memory: a row is what one source neuron gives to a block of neurons.
//!
//! A row is read from one end to the other, so the next one is fetched while it is added. Sums of 8-bit weights have 16
//! bits, which stay in the first-level cache, and join those of 32 bits before they can overflow.

#[cfg(target_arch = "x86_64")]
mod masked;
mod stepped;
mod sums;

use super::LANES;
use super::level::SimdLevel;
use stepped::RowStep;
pub use sums::RowSums;

/// Most neurons of a block: targets have 16 bits.
pub const BLOCK_MAX: usize = 1 << 16;

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
    /// The neuron and the 8-bit weight of each synapse.
    Listed(Vec<u16>, Vec<i8>),
    /// The neuron and the 16-bit weight of each synapse.
    ListedWide(Vec<u16>, Vec<i16>),
    /// The way from one synapse to the next and an 8-bit weight.
    Stepped(Vec<RowStep>),
    /// A bit a neuron, and 8-bit weights: where the processor spreads them and the bits are shorter than steps.
    #[cfg(target_arch = "x86_64")]
    Masked(masked::MaskedRows),
}

impl RowBlock {
    /// Whether all weights have 8 bits.
    pub fn is_narrow(&self) -> bool {
        !matches!(self.format, RowFormat::ListedWide(..))
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
        let stepped = self.narrow && steps * size_of::<RowStep>() <= listed_bytes;
        let format = match self.masked(synapses) {
            Some(masked) => masked,
            None if stepped => RowFormat::Stepped(vec![RowStep::default(); steps]),
            None if self.narrow => RowFormat::Listed(vec![0; synapses], vec![0; synapses]),
            None => RowFormat::ListedWide(vec![0; synapses], vec![0; synapses]),
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
                (targets[place], weights[place]) = (target as u16, weight as i8);
                1
            }
            RowFormat::ListedWide(targets, weights) => {
                (targets[place], weights[place]) = (target as u16, weight);
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
                    RowFormat::ListedWide(..) => 0,
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
