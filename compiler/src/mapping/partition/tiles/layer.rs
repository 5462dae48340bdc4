//! The network as the search by tiles sees it: populations with the kernels that feed them.
//!
//! An [`IncomingKernel`] is the kernel of a projection, or one part of it where it is cut ([`Parts`]). A source
//! position takes one axon for each of them on a destination core.

use std::sync::Arc;

use snnc_targets::Target;
use snnc_targets::schema::{AxonSpec, InputAxonKind, KernelSharing};

use crate::ir::channels::ChannelMap;
use crate::ir::spiking::parts::{Parts, axis_parts};
use crate::ir::spiking::zeros::NonzeroTaps;
use crate::ir::spiking::{Convolution, Population, SpikingIr};
use crate::ir::{AxisMap, NetworkId, PopulationId, ProjectionId};
use crate::mapping::build::refine::groups;
use crate::mapping::partition::Rates;

/// Geometry of the kernel of a projection, or of one of its parts.
#[derive(Debug, Clone)]
pub struct IncomingKernel {
    /// Source.
    pub source: PopulationId,
    /// Which channels connect.
    pub channels: ChannelMap,
    /// Whether all channels connect with all.
    pub joins_all: bool,
    /// Vertical axis.
    pub rows: AxisMap,
    /// Horizontal axis.
    pub cols: AxisMap,
    /// Expected spikes of a source neuron.
    pub rate: f64,
    /// The weights of the whole kernel, if it has zeros that the target leaves out.
    pub nonzero: Option<Arc<NonzeroTaps>>,
    /// First row and column of taps of the whole kernel that it has.
    pub first_tap: (usize, usize),
}

/// A population, and the ways to cut the kernels that feed it.
#[derive(Debug)]
pub struct PartitionLayer<'a> {
    /// The population.
    pub id: PopulationId,
    /// Its shape, neurons and window.
    pub population: &'a Population,
    /// Incoming projections.
    pub incoming: Vec<ProjectionId>,
    /// Ways to cut the incoming kernels, whole first, with the kernels that result.
    pub cuts: Vec<(Parts, Vec<IncomingKernel>)>,
    /// Groups of channels that a slice of the layer must not cut, other than within one.
    pub groups: Vec<ChannelMap>,
}

impl<'a> PartitionLayer<'a> {
    /// The layers of networks, one network after the other, sources first; without spikes from outside, which are on no
    /// core.
    pub fn all(
        ir: &'a SpikingIr,
        target: &Target,
        rates: &Rates,
        networks: &[NetworkId],
        whole_kernels: bool,
    ) -> Vec<Self> {
        let layer = |of| Self::new(ir, target, rates, of, whole_kernels);
        let own = networks.iter().flat_map(|&network| ir.model.populations_of(network));
        own.filter(|(_, p)| !p.dynamics.is_port()).map(layer).collect()
    }

    fn new(
        ir: &'a SpikingIr,
        target: &Target,
        rates: &Rates,
        (id, population): (PopulationId, &'a Population),
        whole_kernels: bool,
    ) -> Self {
        let incoming: Vec<_> =
            ir.projections.iter().filter(|(_, p)| p.target == id).map(|(id, _)| id).collect();
        let kernel = |id: &ProjectionId| {
            let kernel = &ir.projections[*id].conv()?.kernel;
            Some((kernel.height, kernel.width))
        };
        let height = incoming.iter().filter_map(kernel).map(|(height, _)| height).min().unwrap_or(1);
        let mut ways = vec![Parts::WHOLE];
        // Only lists for each variant of a border become fewer by cutting.
        if target.synapses.kernel_sharing.get() == KernelSharing::PerVariant && !whole_kernels {
            ways.extend([2, height].into_iter().filter(|&n| n <= height).map(|rows| Parts { rows, cols: 1 }));
            ways.dedup();
        }
        let nonzero = |id: &ProjectionId| {
            let kernel = &ir.projections[*id].conv().filter(|_| target.skips_zeros())?.kernel;
            let taps = NonzeroTaps::new(kernel);
            (taps.total() < kernel.weights.len() as u64).then(|| Arc::new(taps))
        };
        let nonzero: Vec<Option<Arc<NonzeroTaps>>> = incoming.iter().map(nonzero).collect();
        let kernels = |parts: Parts| {
            let of = |(id, nonzero): (&ProjectionId, &Option<Arc<NonzeroTaps>>)| {
                cut(ir, rates, (*id, nonzero), parts)
            };
            (parts, incoming.iter().zip(&nonzero).flat_map(of).collect())
        };
        let cuts = ways.into_iter().map(kernels).collect();
        let groups = incoming.iter().filter_map(|&id| groups(ir, &ir.projections[id])).collect();
        Self { id, population, incoming, cuts, groups }
    }

    /// Threshold mantissas of some channels; none of an integrator.
    pub fn thresholds(&self, channels: std::ops::Range<u32>) -> &[u32] {
        let thresholds = self.population.dynamics.thresholds();
        thresholds.get(channels.start as usize..channels.end as usize).unwrap_or_default()
    }

    /// Whether all channels cost a core the same.
    pub fn alike(&self) -> bool {
        let zeros = self.cuts.iter().flat_map(|(_, kernels)| kernels).any(|kernel| kernel.nonzero.is_some());
        self.groups.is_empty() && !zeros
    }

    /// All channels.
    pub fn channels(&self) -> u32 {
        self.population.shape.channels as u32
    }
}

/// Input axons that the channels of a source position take on a destination core at least: with their own axons all of
/// them, with population axons as if they stood together.
pub fn axons_least(axons: &AxonSpec, channels: u64) -> u64 {
    match axons.input.get() {
        InputAxonKind::Discrete | InputAxonKind::BitPlanes { .. } => {
            axons.input_axons(channels as u32).into()
        }
        InputAxonKind::Population => channels.div_ceil(axons.atoms_max().unwrap_or(u32::MAX).into()),
    }
}

fn cut(
    ir: &SpikingIr,
    rates: &Rates,
    (id, nonzero): (ProjectionId, &Option<Arc<NonzeroTaps>>),
    parts: Parts,
) -> Vec<IncomingKernel> {
    let p = &ir.projections[id];
    let mut kernels = Vec::new();
    let Some(Convolution { map, kernel }) = p.conv() else { return kernels };
    for (kys, rows) in axis_parts(&map.rows, parts.rows) {
        for (kxs, cols) in axis_parts(&map.cols, parts.cols) {
            kernels.push(IncomingKernel {
                source: p.source,
                channels: kernel.channels,
                joins_all: groups(ir, p).is_none(),
                rows,
                cols,
                rate: rates.of(p.source),
                nonzero: nonzero.clone(),
                first_tap: (kys.start, kxs.start),
            });
        }
    }
    kernels
}
