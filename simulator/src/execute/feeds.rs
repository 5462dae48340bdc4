//! Which slices feed which: the program's routes, read from the receiving side.
//!
//! A [`Feed`] joins one source slice to one target slice with one delay; for each source position it names the input
//! axon. Routes and axons stay the program's; this is an index made at load.

use std::collections::BTreeMap;

use snnc_compiler::ir::CoreId;
use snnc_compiler::ir::program::{CoreSlice, Program};

use crate::counts::{SliceIndex, SliceTable};

/// Spikes of one slice that arrive at another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Sending slice.
    pub source: SliceIndex,
    /// Timesteps from spike to integration.
    pub delay: u32,
    /// Input axon for each position of the source slice that reaches this one.
    pub axons: Vec<Option<u32>>,
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

/// The feeds of every slice, ordered by source and delay.
pub fn index(program: &Program, table: &SliceTable) -> Vec<Vec<Feed>> {
    let mut feeds: Vec<BTreeMap<(SliceIndex, u32, u32), Feed>> = vec![BTreeMap::new(); table.len()];
    for source in 0..table.len() {
        let placed = table.slice(program, source);
        for position in 0..placed.slice.positions() {
            for to in placed.routes(position) {
                let core = &program.cores[to.core];
                let axon = &core.axons[to.axon as usize];
                let list = &core.lists[axon.list as usize];
                let target = table.starts[to.core.0 as usize] + list.slice as usize;
                // Two projections between the same slices are two feeds: each position has one axon in each.
                let key = (source, axon.delay, list.projection.0);
                let feed = feeds[target].entry(key).or_insert_with(|| Feed {
                    source,
                    delay: axon.delay,
                    axons: vec![None; placed.slice.positions() as usize],
                });
                feed.axons[position as usize] = Some(to.axon);
            }
        }
    }
    feeds.into_iter().map(|map| map.into_values().collect()).collect()
}

/// A slice that receives from another: the sender's side of a [`Feed`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Receiver {
    /// Core of the receiving slice.
    pub core: CoreId,
    /// Receiving slice.
    pub slice: SliceIndex,
    /// Index into its feeds.
    pub feed: usize,
}

/// The receivers of every slice, ordered by core.
pub fn receivers(table: &SliceTable, feeds: &[Vec<Feed>]) -> Vec<Vec<Receiver>> {
    let mut all = vec![Vec::new(); table.len()];
    for (slice, feeds) in feeds.iter().enumerate() {
        for (feed, from) in feeds.iter().enumerate() {
            all[from.source].push(Receiver { core: table.cores[slice], slice, feed });
        }
    }
    all.iter_mut().for_each(|receivers| receivers.sort_unstable());
    all
}
