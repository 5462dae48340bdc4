//! Incoming connections of each slice: the program's routes, read from the receiving side.
//!
//! A [`IncomingConnection`] joins one source slice to one target slice with one delay; for each source position it
//! names what its packets touch. Routes and axons stay the program's; this is an index made at load.

use std::collections::BTreeMap;

use rayon::prelude::*;
use snnc_compiler::ir::program::{CoreSlice, Program};

use crate::counts::{SliceIndex, SliceTable};

/// Spikes of one slice that arrive at another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomingConnection {
    /// Sending slice.
    pub source: SliceIndex,
    /// Timesteps from spike to integration.
    pub delay: u32,
    /// What each position of the source slice that reaches this one touches.
    pub taps: Vec<Option<TargetSynapses>>,
    /// Which of its packets are counted here.
    pub counted: CountedPackets,
}

/// What a packet touches in one slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetSynapses {
    /// Index into the core's synapse lists.
    pub list: u32,
    /// Local neuron that the list's targets are relative to.
    pub target: u32,
    /// Source channel of atom 0.
    pub first_atom: u32,
}

/// A packet that touches several slices of a core is counted once, at the first of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CountedPackets {
    /// Every packet is counted at this slice.
    All,
    /// No packet is counted here, as an earlier slice of the core counts it.
    None,
    /// Packets of the marked source positions are counted here.
    Some(Vec<bool>),
}

impl SliceTable {
    /// Numbers the slices of a program, core by core.
    pub fn new(program: &Program) -> Self {
        let mut table = Self { starts: vec![0], cores: Vec::new(), populations: Vec::new() };
        for (id, core) in program.cores.iter() {
            for placed in &core.slices {
                table.cores.push(id);
                table.populations.push(placed.slice.population);
            }
            table.starts.push(table.cores.len());
        }
        table
    }

    /// Number of slices.
    pub fn len(&self) -> usize {
        self.cores.len()
    }

    /// Whether the program has none.
    pub fn is_empty(&self) -> bool {
        self.cores.is_empty()
    }

    /// The slice itself.
    pub fn slice<'p>(&self, program: &'p Program, index: SliceIndex) -> &'p CoreSlice {
        let core = self.cores[index];
        &program.cores[core].slices[index - self.starts[core.0 as usize]]
    }
}

/// The incoming connections of every slice, ordered by source and delay.
pub fn index(program: &Program, table: &SliceTable) -> Vec<Vec<IncomingConnection>> {
    let of_sources: Vec<_> =
        (0..table.len()).into_par_iter().map(|source| from(program, table, source)).collect();
    let mut connections = vec![Vec::new(); table.len()];
    for ((target, ..), connection) in of_sources.into_iter().flatten() {
        connections[target].push(connection.settled());
    }
    connections
}

/// Target, delay and projection: what tells the connections of one source apart.
type ConnectionKey = (SliceIndex, u32, u32);

/// Connections that leave a slice, ascending by key. Two projections between the same slices are two connections:
/// each position has one axon in each.
fn from(
    program: &Program,
    table: &SliceTable,
    source: SliceIndex,
) -> Vec<(ConnectionKey, IncomingConnection)> {
    let mut connections: Vec<(ConnectionKey, IncomingConnection)> = Vec::new();
    let mut known: BTreeMap<ConnectionKey, usize> = BTreeMap::new();
    let placed = table.slice(program, source);
    let positions = placed.slice.positions() as usize;
    for position in 0..placed.slice.positions() {
        // Positions mostly reach the same slices in the same order.
        let mut likely = 0;
        // What a core that is not held does with them, its rank knows.
        for to in placed.routes(position).iter().filter(|to| program.holds(to.core)) {
            let core = &program.cores[to.core];
            let axon = &core.axons[to.axon as usize];
            for (i, entry) in core.entries(axon).iter().enumerate() {
                let list = &core.lists[entry.list as usize];
                let target = table.starts[to.core.0 as usize] + list.slice as usize;
                let key = (target, axon.delay, list.projection.0);
                let found = match connections.get(likely) {
                    Some((other, _)) if *other == key => likely,
                    _ => *known.entry(key).or_insert_with(|| {
                        connections.push((key, IncomingConnection::new(source, axon.delay, positions)));
                        connections.len() - 1
                    }),
                };
                likely = found + 1;
                let connection = &mut connections[found].1;
                connection.taps[position as usize] = Some(TargetSynapses {
                    list: entry.list,
                    target: entry.target,
                    first_atom: axon.first_atom,
                });
                if let CountedPackets::Some(counted) = &mut connection.counted {
                    counted[position as usize] = i == 0;
                }
            }
        }
    }
    connections.sort_unstable_by_key(|&(key, _)| key);
    connections
}

impl IncomingConnection {
    /// A connection that reaches nothing yet.
    fn new(source: SliceIndex, delay: u32, positions: usize) -> Self {
        Self {
            source,
            delay,
            taps: vec![None; positions],
            counted: CountedPackets::Some(vec![false; positions]),
        }
    }

    /// Replaces a list of marks that are all alike by the case that says so.
    fn settled(mut self) -> Self {
        if let CountedPackets::Some(counted) = &self.counted {
            let mut reaching = self.taps.iter().zip(counted).filter(|(tap, _)| tap.is_some());
            let (first, mixed) = match reaching.next() {
                Some((_, &first)) => (first, reaching.any(|(_, &other)| other != first)),
                None => (false, false),
            };
            if !mixed {
                self.counted = if first { CountedPackets::All } else { CountedPackets::None };
            }
        }
        self
    }
}
