//! A layer's weights as integers, wired as they were.

use std::ops::Range;

use rayon::prelude::*;

use super::adaptive::{self, Rounded};
use super::design::Design;
use super::fan::{ScaledChannel, SummedWeights};
use super::{Quantiser, objective};
use crate::ir::spiking::{Connectivity, Convolution, Kernel, SparseSynapses};
use crate::passes::collect::{KernelWiring, SourceKernel};

/// Channels whose rounded weights are held beside those of the layer.
const CHANNELS_AT_ONCE: usize = 256;

/// A layer's rounded weights.
pub(super) struct RoundedLayer {
    /// One a source.
    pub kernels: Vec<Connectivity>,
    /// Constant input, in membrane units, that makes up for the mean error of what was recorded; one a channel.
    pub correction: Vec<f64>,
    /// Whether no weight had to be rounded.
    pub exact: bool,
    /// Weights other than 0 that became 0, and all that are not 0.
    pub zeroed: (u64, u64),
}

impl Quantiser<'_> {
    /// Rounds every source's weights at `scale[c]` membrane units per unit of current.
    pub(super) fn kernels(
        &self,
        channels: &[ScaledChannel],
        design: Option<&Design>,
        scale: &[f64],
        input_shift: u32,
    ) -> RoundedLayer {
        let shift = f64::from(1u32 << input_shift);
        let most = f64::from(self.format.weight_max());
        let exact = || {
            let weights = self.layer.sources.iter().flat_map(|s| s.weights.iter().zip(s.weight_channels()));
            weights.map(|(weight, channel)| weight * scale[channel] / shift)
        };
        let rounded = match design {
            None => Rounded {
                weights: balanced(channels, self.layer.weights(), scale, shift, most),
                correction: vec![0.0; scale.len()],
            },
            Some(design) => {
                let rows: Vec<Range<usize>> =
                    self.layer.sources.iter().flat_map(SourceKernel::rows).collect();
                adaptive::round_rows(design, &exact().collect::<Vec<_>>(), &rows, scale.len(), most)
            }
        };
        let (mut all_exact, mut zeroed, mut weights) = (true, 0, 0);
        for (exact, &integer) in exact().zip(&rounded.weights) {
            all_exact &= objective::is_exact(exact, f64::from(integer));
            zeroed += u64::from(exact != 0.0 && integer == 0);
            weights += u64::from(exact != 0.0);
        }
        RoundedLayer {
            kernels: self.connected(rounded.weights),
            correction: rounded.correction.iter().map(|c| c * shift).collect(),
            exact: all_exact,
            zeroed: (zeroed, weights),
        }
    }

    /// The wiring of every source with its part of the rounded weights.
    fn connected(&self, mut weights: Vec<i16>) -> Vec<Connectivity> {
        // From the last to the first, so that the first, often the only one, takes the weights without a copy.
        let mut kernels = Vec::with_capacity(self.layer.sources.len());
        for source in self.layer.sources.iter().rev() {
            let own = weights.split_off(weights.len() - source.weights.len());
            kernels.push(self.connectivity(source, own));
        }
        kernels.reverse();
        kernels
    }

    /// The wiring of a source with its rounded weights.
    fn connectivity(&self, source: &SourceKernel, weights: Vec<i16>) -> Connectivity {
        match &source.wiring {
            &KernelWiring::Conv { map, channels } => {
                let (height, width) = (map.rows.kernel, map.cols.kernel);
                Connectivity::Conv(Convolution { map, kernel: Kernel { channels, height, width, weights } })
            }
            KernelWiring::Sparse { sources, targets } => {
                let pairs = sources.iter().zip(targets).zip(weights);
                let edges = pairs.map(|((&source, &target), weight)| (source, target, weight)).collect();
                let neurons = self.network.layers[source.source].shape.len();
                Connectivity::Sparse(SparseSynapses::from_edges(neurons, edges))
            }
        }
    }
}

/// The `count` weights of all sums, times the scale of their channel, rounded up or down such that each sum stays
/// what it was.
fn balanced(channels: &[ScaledChannel], count: usize, scale: &[f64], shift: f64, most: f64) -> Vec<i16> {
    let round = |(channel, scale): (&ScaledChannel, &f64)| -> Vec<i16> {
        let fan = |fan: &SummedWeights| {
            let exact = fan.weights.iter().map(|weight| weight * scale / shift);
            let integers = objective::balance(exact, most, f64::INFINITY).map(|b| b.integers);
            integers.unwrap_or_default().into_iter().map(|q| q as i16).collect::<Vec<_>>()
        };
        channel.fans.iter().flat_map(fan).collect()
    };
    let mut weights = vec![0; count];
    for (channels, scale) in channels.chunks(CHANNELS_AT_ONCE).zip(scale.chunks(CHANNELS_AT_ONCE)) {
        let rounded: Vec<Vec<i16>> = channels.par_iter().zip(scale).map(round).collect();
        for (channel, integers) in channels.iter().zip(rounded) {
            for (at, integer) in channel.fans.iter().flat_map(|fan| fan.at.iter()).zip(integers) {
                weights[at as usize] = integer;
            }
        }
    }
    weights
}
