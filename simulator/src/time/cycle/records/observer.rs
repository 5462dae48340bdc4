//! The observer of a simulated timestep. It is a type parameter of the cores, so a run without one costs nothing.
//!
//! Times are cycles since the timestep began. Observers decide nothing: what they answer travels with a packet as a
//! number and comes back with it.

use crate::execute::slice::SliceSpike;
use crate::time::cycle::mesh::Crossing;

/// A unit of a core that works off one thing after another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unit {
    /// Updates neurons.
    Neuron,
    /// Makes packets.
    AxonOut,
    /// Decodes packets.
    AxonIn,
    /// Adds weights.
    Synapse,
}

impl Unit {
    /// All units, in the order in which data passes them.
    pub const ALL: [Self; 4] = [Self::Neuron, Self::AxonOut, Self::AxonIn, Self::Synapse];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Neuron => "neuron",
            Self::AxonOut => "axon_out",
            Self::AxonIn => "axon_in",
            Self::Synapse => "synapse",
        }
    }
}

/// A packet that leaves its core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InjectedPacket {
    /// Slice of the neuron that fired.
    pub slice: u32,
    /// The neuron, within its slice.
    pub spike: SliceSpike,
    /// Cycle in which it stands in the local buffer of its router.
    pub injected: u64,
}

/// A packet that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveredPacket {
    /// What [`PacketObserver::made`] answered.
    pub number: u32,
    /// Receiving core.
    pub core: u32,
    /// Synaptic operations that it causes there.
    pub operations: u32,
    /// Cycle of its arrival.
    pub arrived: u64,
}

/// A unit of a core at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitWork {
    /// Core.
    pub core: u32,
    /// Its unit.
    pub unit: Unit,
    /// First cycle.
    pub from: u64,
    /// Cycle after the last.
    pub until: u64,
    /// The packet's number; for the neuron unit the slice.
    pub number: u32,
    /// Whether the unit was stopped by a full queue instead.
    pub stopped: bool,
}

/// Is told what happens in a timestep.
pub trait PacketObserver {
    /// A packet is made; its number.
    fn made(&mut self, packet: &InjectedPacket) -> u32;

    /// The slice that sent a packet.
    fn slice(&self, number: u32) -> u32;

    /// A packet has arrived.
    #[inline(always)]
    fn arrived(&mut self, _packet: impl FnOnce() -> DeliveredPacket) {}

    /// A unit works.
    #[inline(always)]
    fn worked(&mut self, _work: impl FnOnce() -> UnitWork) {}

    /// A flit of a packet crosses a link.
    #[inline(always)]
    fn crossed(&mut self, _number: impl FnOnce() -> (u32, Crossing)) {}
}

/// The observer that records nothing. A packet's number is its slice.
impl PacketObserver for () {
    #[inline(always)]
    fn made(&mut self, packet: &InjectedPacket) -> u32 {
        packet.slice
    }

    #[inline(always)]
    fn slice(&self, number: u32) -> u32 {
        number
    }
}
