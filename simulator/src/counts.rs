//! What a pass did: event counts per timestep and slice, and packets between cores. Input of [`crate::time`] and
//! [`crate::charge`]; measurement only, nothing here changes a result.

mod flows;

use snnc_compiler::ir::program::trees::TreeId;
use snnc_compiler::ir::{CoreId, NetworkId};

pub use flows::{Flows, ReachedCores, SliceFlow};

/// A slice of a core: index over all slices of a program, core by core ([`SliceTable`]).
pub type SliceIndex = usize;

/// The flat numbering of a program's slices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceTable {
    /// First slice index of each core, and one past the last.
    pub starts: Vec<usize>,
    /// Core of each slice.
    pub cores: Vec<CoreId>,
    /// Population of each slice.
    pub populations: Vec<snnc_compiler::ir::PopulationId>,
}

/// Events of one slice in a timestep, or in a whole pass ([`Grain`]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Events {
    /// Weights added to accumulators of its neurons.
    pub synaptic_operations: u64,
    /// Neurons updated with input, bias or state other than 0.
    pub updates_active: u64,
    /// Neurons updated with none of them.
    pub updates_inactive: u64,
    /// Neurons that fired.
    pub spikes: u64,
    /// Packets sent: spikes x destination cores.
    pub packets_sent: u64,
    /// Packets that arrived for its neurons; one that touches several slices of a core counts at the first of them.
    pub packets_received: u64,
    /// Updates with an input sum outside the accumulator's width, or a synaptic current outside its own.
    pub accumulator_overflows: u64,
    /// Membranes clipped to the state's width.
    pub state_saturations: u64,
}

impl std::ops::AddAssign for Events {
    fn add_assign(&mut self, other: Self) {
        self.synaptic_operations += other.synaptic_operations;
        self.updates_active += other.updates_active;
        self.updates_inactive += other.updates_inactive;
        self.spikes += other.spikes;
        self.packets_sent += other.packets_sent;
        self.packets_received += other.packets_received;
        self.accumulator_overflows += other.accumulator_overflows;
        self.state_saturations += other.state_saturations;
    }
}

/// Spikes that left along one multicast tree in a timestep or a whole pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MulticastFlow {
    /// The tree; its number tells the sending slice.
    pub tree: TreeId,
    /// Spikes.
    pub spikes: u64,
}

/// One timestep, or a whole pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepCounts {
    /// Per slice; all slices of the program, those of other networks zero.
    pub events: Vec<Events>,
    /// Packets sent.
    pub flows: Flows,
    /// Spikes by multicast tree, ascending by tree; empty on a target that sends each destination a packet of its own.
    pub multicast_flows: Vec<MulticastFlow>,
}

/// How finely a pass is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// Timestep by timestep, as models of time need it.
    Timestep,
    /// All timesteps as one, which is all that energy needs.
    Pass,
}

/// One pass of one network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PassCounts {
    /// Which network.
    pub network: NetworkId,
    /// First timestep that is counted here; 0 but for a later part of a pass ([`crate::execute::Chip::parts`]).
    pub start: usize,
    /// Number of timesteps that are counted here: of the pass, or of a part of it.
    pub timesteps: usize,
    /// Whether the last timestep counted here is the last of the pass.
    pub ends: bool,
    /// Per slice, events of the first timestep that is not counted here; of a part that does not end the pass, once
    /// the next part is counted.
    pub following: Option<Vec<Events>>,
    /// Words the host wrote before the pass, per slice (biases).
    pub host_writes: Vec<u64>,
    /// Words the host read after the pass, per slice (membranes).
    pub host_reads: Vec<u64>,
    /// Multiply-adds of the host before the pass, for its inputs, and after the pass, for its read-outs; per slice,
    /// those of a layer shared out evenly.
    pub host_multiply_adds: [Vec<u64>; 2],
    /// Synchronisations with the host, per slice: one a pass, borne by the network's first slice.
    pub host_synchronisations: Vec<u64>,
    /// Neurons whose state is cleared before the pass, per slice.
    pub cleared: Vec<u64>,
    /// Biases clipped to the bias format.
    pub bias_saturations: u64,
    /// Timesteps in order; with [`Grain::Pass`] one entry that is the sum of all.
    pub steps: Vec<StepCounts>,
}
