//! The program: a spiking IR mapped onto cores. What a `.snnx` file holds and the simulator executes.
//!
//! A core has its own memories: weights, synapse lists (runs of consecutive targets), input axons, neurons (slices
//! of populations) and, for every position of a slice, the destinations of its spikes. A packet is (core, input
//! axon, atom): the atom is the source neuron's channel within its slice (PAICORE's and Loihi's axons carry
//! such a number; SpiNNaker uses the word for a neuron).
//!
//! Local neuron order: slice after slice; within a slice position-major, channels fastest, so that the channels of
//! one position are consecutive targets.
//!
//! Immutable once built. [`verify`] checks it against its own limits and against the spiking IR.

pub mod cover;
pub mod file;
pub mod held;
pub mod layer_cores;
pub mod powered;
mod reach;
mod room;
mod runs;
pub mod trees;
pub mod usage;
pub mod verify;
mod weights;
pub mod zeros;

use std::ops::Range;

use serde::{Deserialize, Serialize};
use snnc_targets::entity::EntityMap;
use snnc_targets::{Code, Diagnostic, Site, Subject, Target, Topology};

pub use self::runs::{RunIter, SynapseRuns};
pub use self::weights::{WeightMemory, WeightSlice};
use super::spiking::SpikingModel;
use super::spiking::parts::KernelParts;
use super::{CoreId, PopulationId, ProjectionId};

/// A mapped model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Program {
    /// The chip.
    pub target: Target,
    /// Networks, populations, host inputs, read-outs, what drives them.
    pub model: SpikingModel,
    /// Projections of the spiking IR whose kernels are cut; lists name the projections after the cut.
    pub kernel_parts: KernelParts,
    /// Cores in use, and behind them a port for each network that takes spikes from outside ([`Program::is_port`]).
    pub cores: EntityMap<CoreId, Core>,
    /// Where each core sits.
    pub sites: EntityMap<CoreId, Site>,
    /// Chips present; see [`Topology::new`].
    pub chips: u32,
    /// Which cores have their memories; none for all of them. No file says it.
    #[serde(skip)]
    pub held: Option<held::HeldCores>,
}

impl Program {
    /// Whether the simulator's timesteps are what the chip does, and a pass of them is no more than memory holds.
    ///
    /// # Errors
    /// [`Code::Unsupported`] on a target without timesteps, and for passes too long for any memory.
    pub fn needs_timesteps(&self) -> Result<(), Diagnostic> {
        if self.target.neuron.timesteps.get() {
            return room::check(self);
        }
        let message = "has no timesteps: its neurons integrate events as they arrive, which is not simulated";
        Err(Diagnostic::new(Code::Unsupported, Subject::target(&self.target.name), message)
            .hint("`snnc fit` and `snnc compile` answer what fits and where"))
    }

    /// Whether an entry of [`Program::cores`] is no core: it stands for the port at which spikes from outside enter the
    /// mesh, has routes and nothing else, and keeps no limit.
    pub fn is_port(&self, core: CoreId) -> bool {
        is_port(&self.model, &self.cores[core])
    }

    /// The cores, without ports.
    pub fn chip_cores(&self) -> impl Iterator<Item = (CoreId, &Core)> {
        self.cores.iter().filter(|(_, core)| !is_port(&self.model, core))
    }

    /// The mesh.
    pub fn topology(&self) -> Topology {
        Topology::new(&self.target.topology, self.chips)
    }
}

/// Whether what is on a core are spikes from outside.
fn is_port(model: &SpikingModel, core: &Core) -> bool {
    let population = core.slices.first().and_then(|placed| model.populations.get(placed.slice.population));
    population.is_some_and(|population| population.dynamics.is_port())
}

/// A box of a population.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Slice {
    /// The population whose neurons they are.
    pub population: PopulationId,
    /// Channels.
    pub channels: Range<u32>,
    /// Rows.
    pub rows: Range<u32>,
    /// Columns.
    pub cols: Range<u32>,
}

impl Slice {
    /// Channels per position: the atoms of its axons.
    pub fn atoms(&self) -> u32 {
        self.channels.end - self.channels.start
    }

    /// Positions.
    pub fn positions(&self) -> u32 {
        (self.rows.end - self.rows.start) * (self.cols.end - self.cols.start)
    }

    /// Neurons.
    pub fn neurons(&self) -> u32 {
        self.atoms() * self.positions()
    }

    /// Index of position `(y, x)` of the population within the slice, row-major, if inside.
    pub fn position(&self, y: u32, x: u32) -> Option<u32> {
        (self.rows.contains(&y) && self.cols.contains(&x))
            .then(|| (y - self.rows.start) * (self.cols.end - self.cols.start) + x - self.cols.start)
    }

    /// `(y, x)` of a position index.
    pub fn coordinates(&self, position: u32) -> (u32, u32) {
        let width = self.cols.end - self.cols.start;
        (self.rows.start + position / width, self.cols.start + position % width)
    }
}

/// One core's memories.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Core {
    /// Neurons.
    pub slices: Vec<CoreSlice>,
    /// Weight memory; lists of several variants may share rows of it.
    pub weights: WeightMemory,
    /// Synapse lists.
    pub lists: Vec<SynapseList>,
    /// Input axons.
    pub axons: Vec<InputAxon>,
    /// What the axons touch; each names a range of it.
    pub entries: Vec<AxonEntry>,
}

impl Core {
    /// Neurons on the core.
    pub fn neurons(&self) -> u32 {
        self.slices.iter().map(|s| s.slice.neurons()).sum()
    }

    /// What a packet at an axon touches, slice by slice.
    pub fn entries(&self, axon: &InputAxon) -> &[AxonEntry] {
        &self.entries[axon.first_entry as usize..(axon.first_entry + axon.entries) as usize]
    }
}

/// A slice on a core, and where its spikes go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoreSlice {
    /// Its neurons.
    pub slice: Slice,
    /// Local index of its first neuron.
    pub first_neuron: u32,
    /// Destinations of position p: `destinations[route_starts[p] .. route_starts[p + 1]]`.
    pub route_starts: Vec<u32>,
    /// One packet each for every spike of the position.
    pub destinations: Vec<AxonDestination>,
}

impl CoreSlice {
    /// Destinations of a position's spikes.
    pub fn routes(&self, position: u32) -> &[AxonDestination] {
        let p = position as usize;
        &self.destinations[self.route_starts[p] as usize..self.route_starts[p + 1] as usize]
    }
}

/// Where a packet goes: an input axon of a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename = "Destination")]
pub struct AxonDestination {
    /// Core.
    pub core: CoreId,
    /// Index into its [`Core::axons`].
    pub axon: u32,
}

/// Where the packets of one source position arrive for one projection: source channel of atom 0, and what they touch
/// in each slice that they reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputAxon {
    /// Source channel of atom 0.
    pub first_atom: u32,
    /// Atoms served.
    pub atoms: u32,
    /// Timesteps from spike to integration.
    pub delay: u32,
    /// First of its entries in [`Core::entries`].
    pub first_entry: u32,
    /// Entries, at least one; of one projection, in distinct slices, ascending by slice.
    pub entries: u32,
}

/// What a packet touches in one slice: a synapse list and the first target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AxonEntry {
    /// Index into [`Core::lists`].
    pub list: u32,
    /// Local neuron that the list's targets are relative to.
    pub target: u32,
}

/// The synapses of one variant of a projection into one slice, for all source channels that reach the slice.
///
/// Source channels come in groups: those of one group reach the same targets, those of the next reach targets `shift`
/// behind them. [`SynapseList::row`] says where a source channel's synapses are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SynapseList {
    /// The projection it belongs to.
    pub projection: ProjectionId,
    /// Index into [`Core::slices`] of its targets.
    pub slice: u32,
    /// Offset of the first source channel in [`Core::weights`].
    pub weights: u32,
    /// First source channel.
    pub first_atom: u32,
    /// Source channels.
    pub atoms: u32,
    /// Weights between one source channel and the next.
    pub atom_stride: u32,
    /// Source channels of a group; they divide `atoms`.
    pub group: u32,
    /// Neurons between the targets of one group and those of the next.
    pub shift: u32,
    /// Consecutive targets; ascending.
    pub runs: SynapseRuns,
}

impl SynapseList {
    /// The synapses of a source channel of the list: its first weight, and how far its targets lie behind those of the
    /// first group.
    pub fn row(&self, source: u32) -> (u32, u32) {
        let atom = source - self.first_atom;
        (self.weights + atom * self.atom_stride, atom / self.group * self.shift)
    }

    /// Synapses per source channel.
    pub fn synapses(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.len)).sum()
    }
}

/// `len` consecutive targets with consecutive weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "Run")]
pub struct SynapseRun {
    /// First target, relative to the axon's.
    pub target: u32,
    /// First weight, relative to the source channel's.
    pub weight: u32,
    /// Synapses.
    pub len: u32,
}

impl SynapseRun {
    /// One past its last target, relative to the axon's.
    pub fn end(&self) -> u64 {
        u64::from(self.target) + u64::from(self.len)
    }
}
