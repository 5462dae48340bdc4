//! Rows as two bytes a synapse: how far its neuron lies behind the one before, and its weight.
//!
//! Which neuron is next does not have to be guessed by the processor, as it is where bits are looked for, and a row is
//! no longer than its synapses. Neurons that lie further apart than a byte says have synapses of weight 0 between them.

use super::BLOCK_MAX;

/// The farthest step.
const STEP_MAX: u16 = u8::MAX as u16;
/// Synapses that are added without asking whether there is one more.
const TOGETHER: usize = 8;
/// Groups of synapses that fill a line of the cache.
const GROUPS_A_LINE: usize = 64 / (TOGETHER * size_of::<RowStep>());

/// A synapse: step and weight.
#[derive(Debug, Clone, Copy, Default)]
pub struct RowStep {
    on: u8,
    weight: i8,
}

/// Synapses of weight 0 between two neurons so far apart.
pub fn between(gap: u16) -> u32 {
    u32::from(gap.saturating_sub(1) / STEP_MAX)
}

/// Writes a synapse so far behind the one before; how many places it took.
pub fn write(places: &mut [RowStep], mut gap: u16, weight: i8) -> u32 {
    let between = between(gap);
    let (zeros, own) = places.split_at_mut(between as usize);
    for zero in zeros {
        *zero = RowStep { on: STEP_MAX as u8, weight: 0 };
        gap -= STEP_MAX;
    }
    own[0] = RowStep { on: gap as u8, weight };
    between + 1
}

/// Adds rows, each `steps[starts[row]..starts[row + 1]]`.
pub fn add(starts: &[u32], steps: &[RowStep], rows: &[u32], sums: &mut [i16; BLOCK_MAX]) {
    let of = |row: u32| starts[row as usize] as usize..starts[row as usize + 1] as usize;
    for (i, &row) in rows.iter().enumerate() {
        // The next row is fetched while this one is added.
        let next = steps[of(rows.get(i + 1).copied().unwrap_or(row))].as_ptr();
        let (groups, rest) = steps[of(row)].as_chunks::<TOGETHER>();
        let mut neuron = 0;
        let mut add = |step: &RowStep| {
            neuron += usize::from(step.on);
            // Always in range, so that it is not checked.
            sums[neuron % BLOCK_MAX] += i16::from(step.weight);
        };
        for (group, steps) in groups.iter().enumerate() {
            if group % GROUPS_A_LINE == 0 {
                fetch(next.wrapping_add(group * TOGETHER));
            }
            steps.iter().for_each(&mut add);
        }
        rest.iter().for_each(add);
    }
}

/// Has a line of the cache loaded that is about to be read.
#[inline(always)]
fn fetch(steps: *const RowStep) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every processor of the architecture has the instruction, and it may be given any address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(steps.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = steps;
}
