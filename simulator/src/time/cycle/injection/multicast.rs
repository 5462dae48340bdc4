//! Packets that fork: the tree of each position, and what its packet meets at each core of the tree.
//!
//! A spike leaves its core once, however many cores it goes to. A core may have several axons for it, one for each
//! projection; it is delivered there once, and the core takes it once for each axon: its port and its decoder are
//! busy for as many intervals, as if the axons were apart. So are the counts of deliveries, their energy and the
//! analytic bound.

use std::collections::BTreeMap;

use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::program::trees::{MulticastTrees, TreeId};

use super::{PacketDestination, PacketDestinations};
use crate::counts::{MulticastFlow, SliceIndex, SliceTable};
use crate::execute::slice::SliceSpike;
use crate::time::cycle::mesh::{MeshSpec, MeshTrees};

/// What a packet brings to a core.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PacketWork {
    /// Axons that it arrives at.
    pub axons: u32,
    /// Synaptic operations of all of them.
    pub operations: u32,
}

/// A position that sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SendingPosition {
    tree: u32,
    /// First entry of its work, which is in the order of its tree's cores.
    first: usize,
}

/// The multicast trees of a program, and the work of each position's packet at each core of its tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MulticastTable {
    /// First position of each slice.
    starts: Vec<u32>,
    /// Channels of each slice that have entries of their own in `positions`; 1 where all are alike.
    channels: Vec<u32>,
    /// Positions of all slices, one slice after another; channels fastest.
    positions: Vec<Option<SendingPosition>>,
    /// By tree: the slice that sends on it.
    sources: Vec<SliceIndex>,
    /// By tree: its cores, ascending.
    cores: Vec<Vec<u32>>,
    /// By tree: its links.
    links: Vec<u64>,
    work: Vec<PacketWork>,
}

impl MulticastTable {
    /// The table of a program, which has less than 2^32 positions.
    pub fn new(trees: &MulticastTrees, slices: &SliceTable, routes: &PacketDestinations) -> Self {
        let cores = |tree: &snnc_compiler::ir::program::trees::MulticastTree| {
            tree.destinations.iter().map(|core| core.0).collect()
        };
        let ids = (0..trees.all().len()).map(|id| TreeId(id as u32));
        let mut table = Self {
            starts: Vec::with_capacity(slices.cores.len()),
            channels: (0..slices.cores.len()).map(|slice| routes.unlike_channels(slice)).collect(),
            positions: Vec::new(),
            sources: trees.all().iter().map(|tree| tree.slice).collect(),
            cores: trees.all().iter().map(cores).collect(),
            links: ids.map(|id| trees.links(id).len() as u64).collect(),
            work: Vec::new(),
        };
        for slice in 0..slices.cores.len() {
            table.starts.push(table.positions.len() as u32);
            for (position, &tree) in trees.positions(slice).iter().enumerate() {
                for channel in 0..table.channels[slice] {
                    let of = (routes.of(slice, position as u32), channel, routes.zeros());
                    let sending = tree.map(|tree| table.sending(tree, of));
                    table.positions.push(sending);
                }
            }
        }
        table
    }

    /// Enters the work of a channel's packet from a position at each core of its tree.
    fn sending(
        &mut self,
        tree: TreeId,
        (routes, channel, zeros): (&[PacketDestination], u32, &[u32]),
    ) -> SendingPosition {
        let first = self.work.len();
        let mut work: BTreeMap<u32, PacketWork> = BTreeMap::new();
        for to in routes {
            let work = work.entry(to.core).or_default();
            work.axons += 1;
            work.operations = work.operations.saturating_add(to.operations_of(channel, zeros));
        }
        debug_assert!(work.keys().eq(&self.cores[tree.0 as usize]), "a tree reaches its positions' cores");
        self.work.extend(work.into_values());
        SendingPosition { tree: tree.0, first }
    }

    /// The tree of a spike, and the spike's key for [`MulticastTable::packet_work`].
    #[inline]
    pub fn of(&self, slice: SliceIndex, spike: SliceSpike) -> Option<(u32, u32)> {
        let channels = self.channels[slice];
        let key = self.starts[slice] + spike.position * channels + spike.atom.min(channels - 1);
        self.positions[key as usize].map(|sending| (sending.tree, key))
    }

    /// What a position's packet brings to a core of its tree.
    #[inline]
    pub fn packet_work(&self, key: u32, core: u32) -> PacketWork {
        let found = self.positions[key as usize].and_then(|sending| {
            let place = self.cores[sending.tree as usize].binary_search(&core).ok()?;
            Some(self.work[sending.first + place])
        });
        found.expect("a packet is delivered to the cores of its tree")
    }

    /// Deliveries of a timestep: sending slice, receiving core, and how many.
    pub fn deliveries<'a>(
        &'a self,
        multicast_flows: &'a [MulticastFlow],
    ) -> impl Iterator<Item = (SliceIndex, u32, u64)> + 'a {
        multicast_flows.iter().flat_map(move |&MulticastFlow { tree, spikes }| {
            let tree = tree.0 as usize;
            self.cores[tree].iter().map(move |&core| (self.sources[tree], core, spikes))
        })
    }

    /// Links that a timestep's packets cross.
    pub fn crossings(&self, multicast_flows: &[MulticastFlow]) -> u64 {
        multicast_flows.iter().map(|flow| flow.spikes * self.links[flow.tree.0 as usize]).sum()
    }
}

/// The trees of a program on its mesh, by the same numbers.
pub fn on_mesh(program: &Program, slices: &SliceTable, trees: &MulticastTrees, spec: &MeshSpec) -> MeshTrees {
    let topology = program.topology();
    let place = |core| {
        let (site, tile) = (program.sites[core], topology.tile_of(program.sites[core]));
        ((tile.y * topology.width() + tile.x) as usize, site.0 % topology.cores_per_tile)
    };
    let mut grown = MeshTrees::default();
    for tree in trees.all() {
        let (from, _) = place(slices.cores[tree.slice]);
        grown.add(spec, from, tree.destinations.iter().map(|&core| place(core)).collect());
    }
    grown
}
