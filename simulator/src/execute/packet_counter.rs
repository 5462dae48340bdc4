//! How many packets a slice's spikes send and each connection brings: counted without following packets.
//!
//! Of most source slices every spike is a packet of every connection. Where it depends on the position, connections
//! of one source that count the same positions share a sum ([`PositionSums`]), made once a timestep.

use std::collections::BTreeMap;

use snnc_compiler::ir::program::{CoreSlice, Program};
use snnc_compiler::ir::{CoreId, NetworkId};

use super::incoming::{CountedPackets, IncomingConnection};
use crate::counts::{SliceIndex, SliceTable};

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
    /// Cores, ascending.
    pub cores: Vec<CoreId>,
    /// Slices on them.
    pub receivers: Vec<Receivers>,
}

/// Packets sent and received, without following them.
#[derive(Debug)]
pub struct PacketCounter {
    /// Sums of each slice as a source.
    pub sums: Vec<PositionSums>,
    /// Where each slice's packets are received.
    pub reach: Vec<SliceReach>,
    /// Packets that each slice's spikes send.
    pub departures: Vec<Departures>,
    /// Most flows of a timestep or pass: cores in reach of the slices of one network.
    pub flows: usize,
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
            let SliceReach { cores, receivers: groups } = &mut reach[connection.source];
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
            PositionSums { factors }
        });
        let mut flows: BTreeMap<NetworkId, usize> = BTreeMap::new();
        for (reach, &population) in reach.iter().zip(&table.populations) {
            *flows.entry(program.model.populations[population].network).or_default() += reach.cores.len();
        }
        let flows = flows.into_values().max().unwrap_or(0);
        Self { sums: sums.collect(), reach, departures, flows }
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
