//! The two inner loops, compiled once for each instruction set and chosen at run time.
//!
//! Integer arithmetic is exact, so every version gives the same result; [`super::neuron`] defines it and takes over
//! wherever a sum leaves the range in which 32 bits suffice.

use snnc_compiler::ir::program::Run;

use super::neuron::Update;
use crate::counts::Events;

/// Weights in the narrowest type that holds them.
#[derive(Debug)]
pub enum Weights {
    /// Up to 8 bits.
    Narrow(Vec<i8>),
    /// Up to 16 bits.
    Wide(Vec<i16>),
}

impl Weights {
    /// Narrows if possible.
    pub fn new(weights: Vec<i16>) -> Self {
        let narrow: Result<Vec<i8>, _> = weights.iter().map(|&w| i8::try_from(w)).collect();
        narrow.map_or(Self::Wide(weights), Self::Narrow)
    }
}

/// A synapse list: consecutive weights that join consecutive sums.
#[derive(Debug)]
pub struct List {
    /// First weight of source channel 0.
    pub weights: usize,
    /// Weights between one source channel and the next.
    pub stride: usize,
    /// Ascending, apart: no sum is touched twice.
    pub runs: Vec<Run>,
    /// Synapses per source channel in units of the gang.
    pub units: u64,
}

/// One packet at its list.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// Index of the list.
    pub list: u32,
    /// First weight of the source channel.
    pub weight: u32,
    /// The sum that the list's targets are relative to.
    pub target: u32,
}

/// State of a block of neurons, position-major; the counters have one entry a channel.
#[derive(Debug)]
pub struct Neurons<'a> {
    /// Membranes.
    pub membranes: &'a mut [i32],
    /// Summed weights of the timestep.
    pub sums: &'a [i32],
    /// 1 where a neuron fired.
    pub fired: &'a mut [u8],
    /// Active updates.
    pub active: &'a mut [u32],
    /// Clipped membranes.
    pub saturated: &'a mut [u32],
    /// Overflowed sums.
    pub overflowed: &'a mut [u32],
}

/// Compiles `$body` for several instruction sets and calls the best that the processor has.
macro_rules! dispatch {
    ($body:ident($($argument:ident: $type:ty),*)) => {{
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
            fn avx512($($argument: $type),*) {
                $body($($argument),*);
            }
            #[target_feature(enable = "avx2")]
            fn avx2($($argument: $type),*) {
                $body($($argument),*);
            }
            if is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl") {
                // SAFETY: the processor has the features, as just seen (avx512bw implies avx512f).
                return unsafe { avx512($($argument),*) };
            }
            if is_x86_feature_detected!("avx2") {
                // SAFETY: the processor has the feature, as just seen.
                return unsafe { avx2($($argument),*) };
            }
        }
        $body($($argument),*);
    }};
}

/// Adds the weights of every packet to the sums. `partial` is scratch of the same length, zero before and after.
pub fn add_packets(weights: &Weights, lists: &[List], hits: &[Hit], partial: &mut [i16], sums: &mut [i32]) {
    dispatch!(add_body(weights: &Weights, lists: &[List], hits: &[Hit], partial: &mut [i16], sums: &mut [i32]))
}

/// Packets whose 8-bit weights a 16-bit sum surely holds: each adds to a sum at most once, 255 x 128 < 2^15.
const PARTIAL: usize = 255;

#[inline(always)]
fn add_body(weights: &Weights, lists: &[List], hits: &[Hit], partial: &mut [i16], sums: &mut [i32]) {
    match weights {
        // Half the width is twice the speed; the short sums join the long ones before they can overflow.
        Weights::Narrow(weights) => {
            for hits in hits.chunks(PARTIAL) {
                add_all(weights, lists, hits, partial);
                for (sum, part) in sums.iter_mut().zip(partial.iter_mut()) {
                    *sum += i32::from(*part);
                    *part = 0;
                }
            }
        }
        Weights::Wide(weights) => add_all(weights, lists, hits, sums),
    }
}

#[inline(always)]
fn add_all<W: Copy + Into<S>, S: Copy + std::ops::AddAssign>(
    weights: &[W],
    lists: &[List],
    hits: &[Hit],
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

/// Updates all neurons of a block, position by position; one threshold a channel.
pub fn update_rows(rule: &Update, thresholds: &[i32], bias: &[i32], neurons: &mut Neurons) {
    dispatch!(update_body(rule: &Update, thresholds: &[i32], bias: &[i32], neurons: &mut Neurons))
}

#[inline(always)]
fn update_body(rule: &Update, thresholds: &[i32], bias: &[i32], neurons: &mut Neurons) {
    let width = thresholds.len();
    for first in (0..bias.len()).step_by(width) {
        let span = first..first + width;
        let row = RowState {
            v: &mut neurons.membranes[span.clone()],
            sums: &neurons.sums[span.clone()],
            bias: &bias[span.clone()],
            fired: &mut neurons.fired[span],
        };
        if rule.fits_32_bits(row.sums) {
            update_fast(rule, thresholds, row, neurons.active, neurons.saturated);
        } else {
            update_exact(rule, thresholds, row, neurons.active, neurons.saturated, neurons.overflowed);
        }
    }
}

struct RowState<'a> {
    v: &'a mut [i32],
    sums: &'a [i32],
    bias: &'a [i32],
    fired: &'a mut [u8],
}

/// The neuron's rule, without branches, for sums that cannot overflow.
#[inline(always)]
fn update_fast(rule: &Update, thresholds: &[i32], row: RowState, active: &mut [u32], saturated: &mut [u32]) {
    let n = thresholds.len();
    let (v, sums, bias, fired) = (&mut row.v[..n], &row.sums[..n], &row.bias[..n], &mut row.fired[..n]);
    let (active, saturated) = (&mut active[..n], &mut saturated[..n]);
    for i in 0..n {
        let next = rule.next_32(v[i], sums[i], bias[i]);
        let clipped = rule.clip_32(next);
        active[i] += u32::from(v[i] | sums[i] | bias[i] != 0);
        saturated[i] += u32::from(clipped != next);
        let fires = rule.fires(clipped, thresholds[i]);
        fired[i] = u8::from(fires);
        v[i] = if fires { 0 } else { clipped };
    }
}

/// The neuron's rule as defined, with its counts.
fn update_exact(
    rule: &Update,
    thresholds: &[i32],
    row: RowState,
    active: &mut [u32],
    saturated: &mut [u32],
    overflowed: &mut [u32],
) {
    for (i, &threshold) in thresholds.iter().enumerate() {
        let mut events = Events::default();
        let next = rule.integrate(row.v[i], row.sums[i], row.bias[i], &mut events);
        active[i] += events.updates_active as u32;
        saturated[i] += events.state_saturations as u32;
        overflowed[i] += events.accumulator_overflows as u32;
        let fires = rule.fires(next, threshold);
        row.fired[i] = u8::from(fires);
        row.v[i] = if fires { 0 } else { next };
    }
}
