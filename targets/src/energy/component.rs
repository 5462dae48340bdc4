//! The columns of the energy table: what an event is charged as, by what unit, and what a crossbar makes of it.

use serde::{Deserialize, Serialize};

/// What energy is spent on. The names are those of `energy_j` in report.json.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EnergyComponent {
    /// Synaptic operations.
    Synapse,
    /// Neuron updates and firing.
    Neuron,
    /// Decoding and making of packets.
    Axon,
    /// Hops and delivery within the destination tile.
    Network,
    /// Words written and read by the host.
    Host,
    /// Static power times time.
    Static,
}

impl EnergyComponent {
    /// All, in the order of reports.
    pub const ALL: [Self; 6] =
        [Self::Synapse, Self::Neuron, Self::Axon, Self::Network, Self::Host, Self::Static];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Synapse => "synapse",
            Self::Neuron => "neuron",
            Self::Axon => "axon",
            Self::Network => "network",
            Self::Host => "host",
            Self::Static => "static",
        }
    }
}

/// How often one counted event is charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventUnit {
    /// Once.
    Once,
    /// Once for each flit of its packet.
    Flit,
}

/// What feeds the circuits in which an event happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supply {
    /// The supply of the cores, so that the event's energy follows its voltage.
    Cores,
    /// Another: links between chips, input ports, the host.
    Outside,
}

/// How often a crossbar does what the network asks for once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrossbarExpansionRule {
    /// Once.
    Never,
    /// Once for each bit plane of the weights.
    BitPlanes,
    /// Once for each copy of the neuron.
    NeuronCopies,
    /// As the fired neuron, its copies and the bits of its weights say; counted spike by spike.
    BySpike,
}
