//! Where each spike's packets go and how many synapses they meet there, looked up once for a program.

use std::collections::HashMap;

use snnc_compiler::ir::CoreId;
use snnc_compiler::ir::program::zeros::SkippedZeros;
use snnc_compiler::ir::program::{Core, CoreSlice, InputAxon, Program};
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
    /// Synaptic operations that the packet causes, weights of 0 among them.
    operations: u32,
    /// Where the zeros that each channel's packet skips begin in those of the program.
    zeros: u32,
}

/// Destinations by slice and position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketDestinations {
    /// Destinations of a slice, as its `route_starts` cut them.
    slices: Vec<(Vec<u32>, Vec<PacketDestination>)>,
    /// Whether every packet is integrated in the timestep after it was sent.
    next_step: bool,
    /// Weights of 0 that packets meet and the chip skips, a run of a slice's channels for each kind of destination;
    /// empty where it stores them.
    zeros: Vec<u32>,
    /// Channels of each slice.
    channels: Vec<u32>,
}

impl PacketDestinations {
    /// Looks up the destinations of a verified program.
    pub fn new(program: &Program) -> Self {
        let topology = program.topology();
        let slices = || program.cores.values().flat_map(|core| &core.slices);
        let mut zeros = ZeroTable { of: SkippedZeros::of(program), known: HashMap::new(), all: Vec::new() };
        let of_slice =
            |slice: &CoreSlice| (slice.route_starts.clone(), ends(program, &topology, slice, &mut zeros));
        let next_step = program.cores.values().flat_map(|core| &core.axons).all(|axon| axon.delay == 1);
        Self {
            slices: slices().map(of_slice).collect(),
            next_step,
            zeros: zeros.all,
            channels: slices().map(|slice| slice.slice.atoms()).collect(),
        }
    }

    /// Weights of 0 that packets meet and the chip skips, for [`PacketDestination::operations_of`].
    pub fn zeros(&self) -> &[u32] {
        &self.zeros
    }

    /// Channels of a slice whose packets may differ in operations: all are alike where the chip stores zeros.
    pub fn unlike_channels(&self, slice: SliceIndex) -> u32 {
        if self.zeros.is_empty() { 1 } else { self.channels[slice] }
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

impl PacketDestination {
    /// Synaptic operations of a channel's packet; `zeros` are those of the program.
    #[inline(always)]
    pub fn operations_of(&self, channel: u32, zeros: &[u32]) -> u32 {
        match zeros.get((self.zeros + channel) as usize) {
            Some(zeros) => self.operations - zeros,
            None => self.operations,
        }
    }
}

/// Zeros by channel, once for all destinations that meet the same ones.
struct ZeroTable {
    of: Option<SkippedZeros>,
    /// By core, channels and lists.
    known: HashMap<(CoreId, [u32; 2], Vec<u32>), u32>,
    all: Vec<u32>,
}

impl ZeroTable {
    /// Where the zeros of an axon begin.
    fn start(&mut self, id: CoreId, core: &Core, axon: &InputAxon) -> u32 {
        let Some(zeros) = self.of.as_ref().map(|zeros| zeros.on(id)) else { return 0 };
        let entries = core.entries(axon);
        let key = (id, [axon.first_atom, axon.atoms], entries.iter().map(|entry| entry.list).collect());
        *self.known.entry(key).or_insert_with(|| {
            let start = self.all.len() as u32;
            let sources = axon.first_atom..axon.first_atom + axon.atoms;
            let met = |source| entries.iter().map(|entry| zeros.met(core, entry, source)).sum::<u32>();
            self.all.extend(sources.map(met));
            start
        })
    }
}

fn ends(
    program: &Program,
    topology: &Topology,
    slice: &CoreSlice,
    zeros: &mut ZeroTable,
) -> Vec<PacketDestination> {
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
            zeros: axon.map_or(0, |axon| zeros.start(to.core, core, axon)),
        }
    };
    slice.destinations.iter().map(end).collect()
}
