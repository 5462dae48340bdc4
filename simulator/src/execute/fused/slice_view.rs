//! A slice's memories in units of positions, so that slices with different channels compare.
//!
//! Slices of one population and one spatial tile differ in their channels only: the same packets reach the same
//! positions through the same taps. Their views are equal, and then they can be fused.

use snnc_compiler::ir::program::{Core, CoreSlice, SynapseList, SynapseRun};

use crate::execute::incoming::IncomingConnection;

/// Weight memory of one projection: `[atoms][taps][unit]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WeightBlock {
    /// Source channels.
    pub atoms: u32,
    /// Units between one source channel and the next.
    pub taps: u32,
}

/// A synapse list in units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitList {
    /// Index into the blocks.
    pub block: usize,
    /// Runs with target, weight and length in units.
    pub runs: Vec<SynapseRun>,
    /// Source channels of a group of channels.
    pub group: u32,
    /// Units between the targets of one group and those of the next.
    pub shift: u32,
}

/// What an input axon touches in the slice, in units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitAxon {
    /// Index into the lists.
    pub list: usize,
    /// Row of atom 0: its place among the source channels of the list.
    pub first_atom: u32,
    /// First target, units from the slice's first neuron.
    pub target: u32,
}

/// Spikes of a source slice, by its positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitConnection {
    /// Sending slice.
    pub source: usize,
    /// Timesteps from spike to integration.
    pub delay: u32,
    /// Axon for each source position that reaches the slice.
    pub axons: Vec<Option<UnitAxon>>,
}

/// What equal slices share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedView {
    /// Rows and columns of the slice.
    pub tile: [std::ops::Range<u32>; 2],
    /// Weight blocks.
    pub blocks: Vec<WeightBlock>,
    /// Lists.
    pub lists: Vec<UnitList>,
    /// Feeds.
    pub connections: Vec<UnitConnection>,
}

/// A slice in units of `unit` neurons.
#[derive(Debug)]
pub struct SliceView {
    /// Channels of the slice; 1 if a list cuts a position (such a slice runs alone).
    pub unit: u32,
    /// Offset of each block in the core's weight memory.
    pub bases: Vec<u32>,
    /// The rest.
    pub shared: SharedView,
}

impl SliceView {
    /// Views a slice in units of whole positions if all its lists allow that, else neuron by neuron.
    pub fn new(core: &Core, placed: &CoreSlice, connections: &[IncomingConnection]) -> Self {
        Self::in_units(core, placed, connections, placed.slice.atoms()).unwrap_or_else(|| {
            Self::in_units(core, placed, connections, 1).expect("every number is a multiple of one neuron")
        })
    }

    fn in_units(
        core: &Core,
        placed: &CoreSlice,
        connections: &[IncomingConnection],
        unit: u32,
    ) -> Option<Self> {
        let tile = [placed.slice.rows.clone(), placed.slice.cols.clone()];
        let shared = SharedView { tile, blocks: Vec::new(), lists: Vec::new(), connections: Vec::new() };
        let mut view = Self { unit, bases: Vec::new(), shared };
        let mut known: Vec<Option<usize>> = vec![None; core.lists.len()];
        for connection in connections {
            let mut axons = Vec::with_capacity(connection.taps.len());
            for tap in &connection.taps {
                axons.push(match tap {
                    None => None,
                    Some(tap) => {
                        let list = match known[tap.list as usize] {
                            Some(list) => list,
                            None => {
                                let list = view.list(&core.lists[tap.list as usize])?;
                                *known[tap.list as usize].insert(list)
                            }
                        };
                        let target = exact(tap.target - placed.first_neuron, unit)?;
                        let first_atom = tap.first_atom - core.lists[tap.list as usize].first_atom;
                        Some(UnitAxon { list, first_atom, target })
                    }
                });
            }
            view.shared.connections.push(UnitConnection {
                source: connection.source,
                delay: connection.delay,
                axons,
            });
        }
        Some(view)
    }

    /// Adds a list; its index.
    fn list(&mut self, list: &SynapseList) -> Option<usize> {
        let block = WeightBlock { atoms: list.atoms, taps: exact(list.atom_stride, self.unit)? };
        let same = |i: &usize| self.bases[*i] == list.weights && self.shared.blocks[*i] == block;
        let block = match (0..self.bases.len()).find(same) {
            Some(found) => found,
            None => {
                self.bases.push(list.weights);
                self.shared.blocks.push(block);
                self.bases.len() - 1
            }
        };
        let unit = self.unit;
        let in_units = |run: SynapseRun| {
            Some(SynapseRun {
                target: exact(run.target, unit)?,
                weight: exact(run.weight, unit)?,
                len: exact(run.len, unit)?,
            })
        };
        let runs = list.runs.iter().map(in_units).collect::<Option<Vec<_>>>()?;
        let shift = exact(list.shift, unit)?;
        self.shared.lists.push(UnitList { block, runs, group: list.group, shift });
        Some(self.shared.lists.len() - 1)
    }
}

/// `value / unit` if it divides.
fn exact(value: u32, unit: u32) -> Option<u32> {
    value.is_multiple_of(unit).then(|| value / unit)
}
