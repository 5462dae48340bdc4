//! Weights added to sums in memory, packet by packet: for lists that are no rows of positions, and for weights beyond
//! 8 bits.

use snnc_compiler::ir::program::{SynapseRun, WeightSlice};

use super::level::{SimdLevel, dispatch};

/// A synapse list: consecutive weights that join consecutive sums.
#[derive(Debug)]
pub struct ScatterList {
    /// First weight of the first source channel.
    pub weights: usize,
    /// Weights between one source channel and the next.
    pub stride: usize,
    /// Ascending, apart: no sum is touched twice.
    pub runs: Vec<SynapseRun>,
    /// Synapses per source channel in units of the fused slices.
    pub units: u64,
    /// Source channels of a group.
    pub group: u32,
    /// Sums between the targets of one group and those of the next.
    pub shift: u32,
}

/// One packet at its list.
#[derive(Debug, Clone, Copy)]
pub struct PacketAtList {
    /// Index of the list.
    pub list: u32,
    /// First weight of the source channel.
    pub weight: u32,
    /// The sum that the list's targets are relative to.
    pub target: u32,
}

/// Adds the weights of every packet to the sums. `partial` is scratch of the same length, zero before and after.
pub fn add_packets(
    level: SimdLevel,
    weights: WeightSlice,
    lists: &[ScatterList],
    hits: &[PacketAtList],
    partial: &mut [i16],
    sums: &mut [i32],
) {
    dispatch!(
        level,
        add_body(weights: WeightSlice, lists: &[ScatterList], hits: &[PacketAtList], partial: &mut [i16], sums: &mut [i32])
    )
}

/// Packets whose 8-bit weights a 16-bit sum surely holds: each adds to a sum at most once, 255 x 128 < 2^15.
const PARTIAL: usize = 255;

#[inline(always)]
fn add_body(
    weights: WeightSlice,
    lists: &[ScatterList],
    hits: &[PacketAtList],
    partial: &mut [i16],
    sums: &mut [i32],
) {
    match weights {
        // Half the width is twice the speed; the short sums join the long ones before they can overflow.
        WeightSlice::Narrow(weights) => {
            for hits in hits.chunks(PARTIAL) {
                add_all(weights, lists, hits, partial);
                for (sum, part) in sums.iter_mut().zip(partial.iter_mut()) {
                    *sum += i32::from(*part);
                    *part = 0;
                }
            }
        }
        WeightSlice::Wide(weights) => add_all(weights, lists, hits, sums),
    }
}

#[inline(always)]
fn add_all<W: Copy + Into<S>, S: Copy + std::ops::AddAssign>(
    weights: &[W],
    lists: &[ScatterList],
    hits: &[PacketAtList],
    sums: &mut [S],
) {
    for hit in hits {
        for run in &lists[hit.list as usize].runs {
            let (target, weight) = ((hit.target + run.target) as usize, (hit.weight + run.weight) as usize);
            let length = run.len as usize;
            let row = &weights[weight..weight + length];
            for (sum, &weight) in sums[target..target + length].iter_mut().zip(row) {
                *sum += weight.into();
            }
        }
    }
}
