//! How many packets a slice's spikes send and each connection brings: counted without following packets.
//!
//! Of most source slices every spike is a packet of every connection. Where it depends on the position, connections
//! of one source that count the same positions share a sum ([`PositionSums`]), made once a timestep.

use std::collections::BTreeMap;

use snnc_compiler::ir::CoreId;
use snnc_compiler::ir::program::{CoreSlice, Program};

use super::incoming::{CountedPackets, IncomingConnection};
use crate::counts::{ReachedCores, SliceIndex, SliceTable};

/// Which spikes of a source slice are packets counted at a slice they reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrivals {
    /// Every spike is one; the usual case.
    All,
    /// Spikes times the factors of one of the source's sums.
    Of(usize),
}

/// Sums over the positions of a slice, of spikes times a factor for each position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PositionSums {
    /// Factors by position.
    pub factors: Vec<Vec<u64>>,
    /// The same by position: most have the usual factor of a sum.
    usual: Vec<u64>,
    /// Exceptions of position p: `exceptions[starts[p]..starts[p + 1]]`.
    starts: Vec<u32>,
    /// Index of a sum, and what the factor is beyond the usual one.
    exceptions: Vec<(u32, i64)>,
}

/// Sums whose exceptions are fewer than one in so many factors are sparse. Multiplying out takes one vector of eight
/// factors at a time, an exception some instructions of its own.
const SPARSE: usize = 8;

impl PositionSums {
    /// Sums with these factors, one a position each.
    pub fn new(factors: Vec<Vec<u64>>) -> Self {
        let positions = factors.first().map_or(0, Vec::len);
        let usual: Vec<u64> = factors.iter().map(|factors| most_frequent(factors)).collect();
        let (mut starts, mut exceptions) = (vec![0], Vec::new());
        for position in 0..positions {
            for (sum, (factors, &usual)) in (0..).zip(factors.iter().zip(&usual)) {
                if factors[position] != usual {
                    exceptions.push((sum, factors[position].wrapping_sub(usual) as i64));
                }
            }
            starts.push(exceptions.len() as u32);
        }
        Self { factors, usual, starts, exceptions }
    }

    /// Whether few factors are other than their sum's usual one, so that spikes are added one by one sooner than all
    /// positions are multiplied out for each sum.
    pub fn are_sparse(&self) -> bool {
        let all = self.factors.iter().map(Vec::len).sum::<usize>();
        SPARSE * self.exceptions.len() < all
    }

    /// Adds spikes at positions, so many each, to all sums in a timestep; `sums` are `[sum][timestep]`.
    pub fn add(&self, counts: impl Iterator<Item = (usize, u64)>, sums: &mut [Vec<u64>], step: usize) {
        if self.usual.is_empty() {
            return;
        }
        let mut spikes = 0;
        for (position, count) in counts {
            spikes += count;
            let own = self.starts[position] as usize..self.starts[position + 1] as usize;
            for &(sum, more) in &self.exceptions[own] {
                let sum = &mut sums[sum as usize][step];
                *sum = sum.wrapping_add_signed(more.wrapping_mul(count as i64));
            }
        }
        if spikes > 0 {
            let each = sums.iter_mut().zip(&self.usual);
            each.for_each(|(sum, usual)| sum[step] = sum[step].wrapping_add(spikes * usual));
        }
    }
}

/// The factor that most positions have, the least of several.
fn most_frequent(factors: &[u64]) -> u64 {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    factors.iter().for_each(|&factor| *counts.entry(factor).or_default() += 1);
    counts.into_iter().rev().max_by_key(|&(_, count)| count).map_or(0, |(factor, _)| factor)
}

/// Slices that receive alike from another and count the packets: the sender's side of [`IncomingConnection`]s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receivers {
    /// Which spikes are packets.
    pub arrivals: Arrivals,
    /// Timesteps from spike to integration.
    pub delay: u32,
    /// Index into the source's cores, and slice.
    pub to: Vec<(usize, SliceIndex)>,
}

/// Where a slice's packets are received.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SliceReach {
    /// Number of cores.
    pub cores: usize,
    /// Slices on them.
    pub receivers: Vec<Receivers>,
    /// Whether all receive alike and each core once, so that each is sent as many packets.
    pub even: bool,
}

/// Packets sent and received, without following them.
#[derive(Debug)]
pub struct PacketCounter {
    /// Sums of each slice as a source.
    pub sums: Vec<PositionSums>,
    /// Where each slice's packets are received.
    pub reach: Vec<SliceReach>,
    /// The cores in reach of each slice.
    pub cores: ReachedCores,
    /// Packets that each slice's spikes send.
    pub departures: Vec<Departures>,
}

/// Packets that a slice's spikes send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departures {
    /// So many each, wherever the neuron is.
    Each(u64),
    /// By one of the slice's sums.
    Of(usize),
}

impl PacketCounter {
    /// Counts the packets of a program; `connections` are the incoming ones of each slice.
    pub fn new(program: &Program, table: &SliceTable, connections: &[Vec<IncomingConnection>]) -> Self {
        let mut known: Vec<BTreeMap<Vec<u64>, usize>> = vec![BTreeMap::new(); table.len()];
        let mut sum = |source: usize, factors: Vec<u64>| {
            let next = known[source].len();
            *known[source].entry(factors).or_insert(next)
        };
        let mut reach = vec![SliceReach::default(); table.len()];
        let mut cores: Vec<Vec<CoreId>> = vec![Vec::new(); table.len()];
        for (slice, connection) in connections
            .iter()
            .enumerate()
            .flat_map(|(i, connections)| connections.iter().map(move |f| (i, f)))
        {
            let factors = counted(connection);
            let arrivals = match factors.iter().sum::<u64>() as usize {
                // Other slices of the core come first.
                0 => continue,
                n if n == factors.len() => Arrivals::All,
                _ => Arrivals::Of(sum(connection.source, factors)),
            };
            let cores = &mut cores[connection.source];
            let groups = &mut reach[connection.source].receivers;
            let alike = |other: &Receivers| (other.arrivals, other.delay) == (arrivals, connection.delay);
            let group = groups.iter().position(alike).unwrap_or_else(|| {
                groups.push(Receivers { arrivals, delay: connection.delay, to: Vec::new() });
                groups.len() - 1
            });
            // Slices are numbered core by core, so their cores come in order.
            if cores.last() != Some(&table.cores[slice]) {
                cores.push(table.cores[slice]);
            }
            groups[group].to.push((cores.len() - 1, slice));
        }
        for (reach, cores) in reach.iter_mut().zip(&cores) {
            reach.cores = cores.len();
            let once = |group: &Receivers| group.to.iter().map(|&(core, _)| core).eq(0..cores.len());
            reach.even = reach.receivers.len() == 1 && reach.receivers.iter().all(once);
        }
        let departures = (0..table.len()).map(|slice| {
            let routes = routes(table.slice(program, slice));
            match routes.first() {
                Some(&first) if routes.iter().all(|&routes| routes == first) => Departures::Each(first),
                _ => Departures::Of(sum(slice, routes)),
            }
        });
        let departures = departures.collect();
        let sums = known.into_iter().map(|known| {
            let mut factors = vec![Vec::new(); known.len()];
            known.into_iter().for_each(|(of, index)| factors[index] = of);
            PositionSums::new(factors)
        });
        Self { sums: sums.collect(), reach, cores: cores.into(), departures }
    }
}

/// 1 for each source position whose packets a connection counts.
fn counted(connection: &IncomingConnection) -> Vec<u64> {
    let counted = |position: usize| match &connection.counted {
        CountedPackets::All => true,
        CountedPackets::None => false,
        CountedPackets::Some(here) => here[position],
    };
    let taps = connection.taps.iter().enumerate();
    taps.map(|(position, tap)| u64::from(tap.is_some() && counted(position))).collect()
}

fn routes(placed: &CoreSlice) -> Vec<u64> {
    (0..placed.slice.positions()).map(|position| placed.routes(position).len() as u64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_by_position_are_spikes_times_factors() {
        let factors = vec![vec![1, 1, 0, 1, 7], vec![0, 0, 3, 0, 0], vec![2, 5, 2, 5, 2]];
        let fired = [vec![0, 2, 4], vec![], vec![1, 3], vec![2]];
        let all = PositionSums::new(factors.clone());
        let mut sums = vec![vec![0; fired.len()]; factors.len()];
        for (step, fired) in fired.iter().enumerate() {
            // The first of a timestep come as two.
            let counts =
                fired.iter().enumerate().map(|(i, &position)| (position, if i == 0 { 2 } else { 1 }));
            all.add(counts, &mut sums, step);
        }
        for (factors, sums) in factors.iter().zip(&sums) {
            let of = |fired: &Vec<usize>| fired.iter().chain(fired.first()).map(|&p| factors[p]).sum();
            let expected = fired.iter().map(of);
            assert_eq!(*sums, expected.collect::<Vec<u64>>());
        }
    }
}
