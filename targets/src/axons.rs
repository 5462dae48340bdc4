//! What axons serve: one neuron, the channels of a position, a bit of a weight; and what that takes of a core.
//!
//! The one place that knows how many axons, slots and neurons of a core a number of source neurons spends. Partition,
//! verifier and charge all ask it.

use serde::{Deserialize, Serialize};

use crate::schema::Sourced;

/// What an axon serves, on the receiving and on the sending side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AxonSpec {
    /// What one input axon of a destination core serves.
    pub input: Sourced<InputAxonKind>,
    /// What one output slot of a source core serves.
    pub output: Sourced<OutputAxonKind>,
    /// Most neurons of one position on one core that an axon tells apart (its atoms), if limited.
    pub atoms_max: Option<Sourced<u32>>,
}

/// What one input axon of a destination core serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum InputAxonKind {
    /// One source neuron.
    Discrete,
    /// All neurons of one position on one source core (the atoms).
    Population,
    /// One bit of the weights of one source neuron: a crossbar of 1-bit synapses whose axon types weigh 1, 2, 4 ...
    /// and minus the highest power (two's complement), so that sums are those of the whole weights.
    BitPlanes {
        /// Axons of a source neuron: bits of a weight, at least 2 so that 1-bit weights have both signs.
        planes: u32,
    },
}

/// What one output slot of a source core serves; every destination core takes slots of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum OutputAxonKind {
    /// One source neuron.
    Discrete,
    /// A started group of so many atoms of a position.
    Population {
        /// Atoms that one output slot serves.
        atoms_per_slot: u32,
    },
    /// One neuron: it has one target axon, so a neuron with more has copies on its core, with the same inputs.
    NeuronCopies,
}

impl AxonSpec {
    /// Output axon slots that `atoms` neurons of one position spend per destination axon.
    pub fn output_slots(&self, atoms: u32) -> u32 {
        match self.output.get() {
            OutputAxonKind::Discrete => atoms,
            OutputAxonKind::Population { atoms_per_slot } => atoms.div_ceil(atoms_per_slot),
            OutputAxonKind::NeuronCopies => atoms.saturating_mul(self.planes()),
        }
    }

    /// Axons that a source neuron takes for the bits of its weights; 1 without bit planes.
    pub fn planes(&self) -> u32 {
        match self.input.get() {
            InputAxonKind::BitPlanes { planes } => planes,
            InputAxonKind::Discrete | InputAxonKind::Population => 1,
        }
    }

    /// Neurons of its core that a neuron takes which sends to so many destination axons (before bit planes).
    pub fn copies(&self, destinations: u32) -> u32 {
        match self.output.get() {
            OutputAxonKind::NeuronCopies => destinations.saturating_mul(self.planes()).max(1),
            OutputAxonKind::Discrete | OutputAxonKind::Population { .. } => 1,
        }
    }

    /// Whether what the core does differs from what its distinct neurons and whole weights do.
    pub fn repeats_work(&self) -> bool {
        self.planes() > 1 || self.output.get() == OutputAxonKind::NeuronCopies
    }

    /// Input axons that `atoms` neurons of one position spend on a destination core.
    pub fn input_axons(&self, atoms: u32) -> u32 {
        match self.input.get() {
            InputAxonKind::Discrete => atoms,
            InputAxonKind::Population => 1,
            InputAxonKind::BitPlanes { planes } => atoms.saturating_mul(planes),
        }
    }

    /// Most neurons of one position on one core, if limited.
    pub fn atoms_max(&self) -> Option<u32> {
        self.atoms_max.as_ref().map(Sourced::get)
    }
}
