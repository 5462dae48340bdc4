//! Connections between populations: convolutions with a shared kernel, and irregular lists.

use serde::{Deserialize, Serialize};

use super::SparseSynapses;
use crate::ir::channels::ChannelMap;
use crate::ir::{ConvMap, PopulationId};

/// Synapses from one population to another, a later one but for cycles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Projection {
    /// Firing population.
    pub source: PopulationId,
    /// Integrating population.
    pub target: PopulationId,
    /// Timesteps from spike to integration, at least 1.
    pub delay: u32,
    /// Which neurons connect, and how strongly.
    pub connectivity: Connectivity,
}

/// How neurons connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Connectivity {
    /// Positions through a shared kernel, channels in groups: all with all, depthwise, one to one.
    Conv(Convolution),
    /// Neurons by lists; both populations have one channel and one row.
    Sparse(SparseSynapses),
}

/// A (transposed) convolution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Convolution {
    /// Which positions connect.
    pub map: ConvMap,
    /// Weights by tap and pair of channels.
    pub kernel: Kernel,
}

impl Projection {
    /// The convolution, if it is one.
    pub fn conv(&self) -> Option<&Convolution> {
        match &self.connectivity {
            Connectivity::Conv(conv) => Some(conv),
            Connectivity::Sparse(_) => None,
        }
    }

    /// The convolution, to change it.
    pub fn conv_mut(&mut self) -> Option<&mut Convolution> {
        match &mut self.connectivity {
            Connectivity::Conv(conv) => Some(conv),
            Connectivity::Sparse(_) => None,
        }
    }

    /// The lists, if it is irregular.
    pub fn sparse(&self) -> Option<&SparseSynapses> {
        match &self.connectivity {
            Connectivity::Conv(_) => None,
            Connectivity::Sparse(sparse) => Some(sparse),
        }
    }

    /// Number of unrolled synapses, borders cut.
    pub fn synapses(&self) -> u64 {
        match &self.connectivity {
            Connectivity::Conv(Convolution { map, kernel }) => {
                map.connections() as u64 * kernel.channels.pairs() as u64
            }
            Connectivity::Sparse(sparse) => sparse.synapses(),
        }
    }

    /// Weights that are stored, each once.
    pub fn weights(&self) -> &[i16] {
        match &self.connectivity {
            Connectivity::Conv(conv) => &conv.kernel.weights,
            Connectivity::Sparse(sparse) => &sparse.weights,
        }
    }
}

/// Weights `[source channels, kernel rows, kernel columns, target channels of a group]`, the last fastest: a source
/// channel has weights for its own group alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// Which channels connect.
    pub channels: ChannelMap,
    /// Kernel height.
    pub height: usize,
    /// Kernel width.
    pub width: usize,
    /// As many as groups x source channels x rows x columns x target channels of a group.
    #[serde(with = "crate::ir::text::packed")]
    pub weights: Vec<i16>,
}

impl Kernel {
    /// A kernel that joins all of `inputs` source channels with all of `outputs` target channels.
    pub fn dense(inputs: usize, height: usize, width: usize, outputs: usize, weights: Vec<i16>) -> Self {
        Self { channels: ChannelMap::dense(inputs, outputs), height, width, weights }
    }

    /// The weights of one tap of one source channel of a group: one for each of [`ChannelMap::targets_of`].
    pub fn row(&self, input: usize, ky: usize, kx: usize) -> &[i16] {
        let (own, outputs) = (input - self.channels.first_input, self.channels.outputs);
        let start = ((own * self.height + ky) * self.width + kx) * outputs;
        &self.weights[start..start + outputs]
    }
}
