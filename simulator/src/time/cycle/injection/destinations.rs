//! Where each spike's packets go and how many synapses they meet there, looked up once for a program.

use snnc_compiler::ir::program::{CoreSlice, Program};
use snnc_targets::Topology;

use crate::counts::SliceIndex;

/// The core at which a packet ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketDestination {
    /// Column of its tile.
    pub x: u16,
    /// Row of its tile.
    pub y: u16,
    /// Core within the tile.
    pub local: u16,
    /// First slice of the core that it reaches, counted within the core. All that it reaches are of one population, as
    /// an axon is of one projection.
    pub slice: u16,
    /// Index of the core.
    pub core: u32,
    /// Synaptic operations that the packet causes.
    pub operations: u32,
}

/// Destinations by slice and position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketDestinations {
    /// Destinations of a slice, as its `route_starts` cut them.
    slices: Vec<(Vec<u32>, Vec<PacketDestination>)>,
    /// Whether every packet is integrated in the timestep after it was sent.
    next_step: bool,
}

impl PacketDestinations {
    /// Looks up the destinations of a verified program.
    pub fn new(program: &Program) -> Self {
        let topology = program.topology();
        let slices = program.cores.values().flat_map(|core| &core.slices);
        let slices = slices.map(|slice| (slice.route_starts.clone(), ends(program, &topology, slice)));
        let next_step = program.cores.values().flat_map(|core| &core.axons).all(|axon| axon.delay == 1);
        Self { slices: slices.collect(), next_step }
    }

    /// Destinations of a position's spikes.
    #[inline]
    pub fn of(&self, slice: SliceIndex, position: u32) -> &[PacketDestination] {
        let (starts, destinations) = &self.slices[slice];
        let p = position as usize;
        &destinations[starts[p] as usize..starts[p + 1] as usize]
    }

    /// Whether every packet is integrated in the timestep after it was sent.
    pub fn next_step(&self) -> bool {
        self.next_step
    }
}

fn ends(program: &Program, topology: &Topology, slice: &CoreSlice) -> Vec<PacketDestination> {
    let end = |to: &snnc_compiler::ir::program::AxonDestination| {
        let site = program.sites[to.core];
        let tile = topology.tile_of(site);
        let core = &program.cores[to.core];
        // Without an axon (programs of tests) a packet meets no synapse.
        let axon = core.axons.get(to.axon as usize);
        let entries = axon.map_or(&[][..], |axon| core.entries(axon));
        let slice = entries.iter().map(|entry| core.lists[entry.list as usize].slice).min().unwrap_or(0);
        let operations = entries.iter().map(|entry| core.lists[entry.list as usize].synapses()).sum::<u64>();
        PacketDestination {
            x: tile.x as u16,
            y: tile.y as u16,
            local: (site.0 % topology.cores_per_tile) as u16,
            slice: u16::try_from(slice).unwrap_or(u16::MAX),
            core: to.core.0,
            // An axon names a neuron of its core at most once, and cores have at most 2^24.
            operations: u32::try_from(operations).unwrap_or(u32::MAX),
        }
    };
    slice.destinations.iter().map(end).collect()
}
