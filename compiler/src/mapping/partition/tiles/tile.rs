//! What a spatial tile of a population costs a core, exactly, without building the core.
//!
//! Rows and columns of a convolution are independent ([`AxisMap`]), so a tile's figures are sums of products of
//! per-axis figures. The program's verifier counts the same things one by one.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use snnc_targets::Target;
use snnc_targets::schema::{AxonSpec, KernelSharing};

use super::layer::{IncomingKernel, axons_least};
use super::work::TileWork;
use crate::ir::channels::{ChannelMap, common};
use crate::ir::program::usage::list_bits;
use crate::ir::spiking::zeros::NonzeroTaps;
use crate::ir::{AxisMap, PopulationId};
use crate::mapping::build::refine::sources_of;

/// How one axis of a projection falls into one piece of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxisUse {
    /// `[i]`: source indices below i that reach the piece.
    below: Vec<u32>,
    /// `[i]`: taps of source index i into the piece.
    taps_of: Vec<u32>,
    /// Distinct tap sets.
    variants: u64,
    /// Taps over the distinct sets.
    variant_taps: u64,
    /// Distinct taps.
    taps: u64,
    /// (source, tap) pairs.
    connections: u64,
    /// By tap: distinct sets and sources that have it.
    each_tap: Vec<TapUse>,
    /// The first source index that reaches the piece, and one past the last; empty if none does.
    reaching: Range<u32>,
}

/// How often a tap of an axis stands in one piece of the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct TapUse {
    variants: u64,
    sources: u64,
}

impl TapUse {
    /// How often it is stored.
    fn stored(self, sharing: KernelSharing) -> u64 {
        match sharing {
            KernelSharing::PerVariant => self.variants,
            KernelSharing::Ideal => self.sources.min(1),
            KernelSharing::Unshared => self.sources,
        }
    }
}

impl AxisUse {
    fn new(axis: &AxisMap, piece: &Range<usize>) -> Self {
        let mut variants = BTreeSet::new();
        let mut taps = BTreeSet::new();
        let mut connections = 0;
        let mut below = vec![0];
        let mut taps_of = Vec::with_capacity(axis.input);
        let mut each_tap = vec![TapUse::default(); axis.kernel];
        for i in 0..axis.input {
            let reach = axis.reach(i, piece.clone());
            below.push(below[i] + u32::from(!reach.is_empty()));
            taps_of.push(reach.len() as u32);
            let Some(&(first, _)) = reach.first() else { continue };
            connections += reach.len() as u64;
            taps.extend(reach.iter().map(|&(_, k)| k));
            reach.iter().for_each(|&(_, k)| each_tap[k].sources += 1);
            variants.insert(reach.iter().map(|&(t, k)| (t - first, k)).collect::<Vec<_>>());
        }
        variants.iter().flatten().for_each(|&(_, k)| each_tap[k].variants += 1);
        let first = taps_of.iter().position(|&taps| taps > 0).unwrap_or(0);
        let end = taps_of.iter().rposition(|&taps| taps > 0).map_or(0, |last| last + 1);
        Self {
            reaching: first as u32..end as u32,
            below,
            taps_of,
            each_tap,
            variants: variants.len() as u64,
            variant_taps: variants.iter().map(|v| v.len() as u64).sum(),
            taps: taps.len() as u64,
            connections,
        }
    }

    /// Source indices that reach the piece.
    pub fn sources(&self) -> u64 {
        self.below.last().copied().unwrap_or(0).into()
    }

    /// Source indices of a range that reach the piece.
    pub fn sources_in(&self, range: &Range<u32>) -> u64 {
        (self.below[range.end as usize] - self.below[range.start as usize]).into()
    }

    /// The source indices that reach the piece, if they are neighbours.
    pub fn span(&self) -> Option<Range<u32>> {
        (self.reaching.len() as u64 == self.sources()).then(|| self.reaching.clone())
    }

    /// Whether source index `i` reaches the piece.
    pub fn reached_from(&self, i: usize) -> bool {
        self.below[i + 1] > self.below[i]
    }

    /// Whether some source index reaches both pieces. Pieces that lie apart, and those without gaps, need no look at
    /// each index: a tile asks hundreds of cores.
    fn meets(&self, other: &Self) -> bool {
        let start = self.reaching.start.max(other.reaching.start);
        let end = self.reaching.end.min(other.reaching.end);
        let whole = |axis: &Self| axis.reaching.len() as u64 == axis.sources();
        start < end
            && (whole(self) && whole(other)
                || (start..end).any(|i| self.reached_from(i as usize) && other.reached_from(i as usize)))
    }
}

/// What one incoming kernel of a tile costs.
#[derive(Debug, Clone)]
pub struct IncomingKernelUse {
    /// Source population.
    pub source: PopulationId,
    /// Which channels connect.
    pub channels: ChannelMap,
    /// Whether all channels connect with all, so that no slice differs from another.
    pub joins_all: bool,
    /// Rows.
    pub rows: Arc<AxisUse>,
    /// Columns.
    pub cols: Arc<AxisUse>,
    /// Headers of the lists of one source channel, in bits.
    header_bits: u64,
    /// Synapses of one target channel, in bits; 0 where they differ by channel.
    channel_bits: u64,
    /// Of a kernel without its zeros the synapses of its first target channels, in bits.
    unlike_bits: Option<Arc<UnlikeChannels>>,
    /// Expected spikes of a source neuron.
    rate: f64,
}

/// What the target channels of a kernel without its zeros take.
#[derive(Debug, Clone, PartialEq)]
struct UnlikeChannels {
    /// First target channel.
    first: usize,
    /// `[c]`: bits of the first c target channels.
    below: Vec<u64>,
    /// Bits of the channel that has most.
    most: u64,
    /// Weights other than 0, as a share of all.
    density: f64,
}

impl UnlikeChannels {
    fn new(target: &Target, kernel: &IncomingKernel, nonzero: &NonzeroTaps, axes: [&AxisUse; 2]) -> Self {
        let sharing = target.synapses.kernel_sharing.get();
        let [rows, cols] = axes.map(|axis| axis.each_tap.iter().map(|tap| tap.stored(sharing)));
        let times: Vec<((usize, usize), u64)> = rows
            .enumerate()
            .flat_map(|(ky, row)| {
                let tap = move |kx: usize| (kernel.first_tap.0 + ky, kernel.first_tap.1 + kx);
                cols.clone().enumerate().map(move |(kx, col)| (tap(kx), row * col))
            })
            .collect();
        let (targets, mut below, mut most) = (nonzero.targets(), vec![0], 0);
        for channel in targets.clone() {
            let one = channel..channel + 1;
            let synapses = times.iter().map(|&(tap, times)| times * nonzero.of(tap, &one)).sum();
            let bits = list_bits(target, 0, synapses);
            below.push(below[below.len() - 1] + bits);
            most = most.max(bits);
        }
        let all = kernel.channels.pairs() as u64 * nonzero.taps();
        let density = nonzero.total() as f64 / all.max(1) as f64;
        Self { first: targets.start, below, most, density }
    }

    fn bits(&self, channels: &Range<u32>) -> u64 {
        let own = channels.start as usize..channels.end as usize;
        let own = common(&own, &(self.first..self.first + self.below.len() - 1));
        if own.is_empty() {
            return 0;
        }
        self.below[own.end - self.first] - self.below[own.start - self.first]
    }
}

impl IncomingKernelUse {
    /// Source positions that reach the tile.
    pub fn positions(&self) -> u64 {
        self.rows.sources() * self.cols.sources()
    }

    /// (source position, target position, tap) triples.
    pub fn connections(&self) -> u64 {
        self.rows.connections * self.cols.connections
    }

    /// The rows and the columns of source positions that reach the tile, with the taps of each.
    pub fn reaching(&self) -> [Vec<(usize, u32)>; 2] {
        [&self.rows, &self.cols].map(|axis| {
            let taps = axis.taps_of.iter().copied().enumerate();
            taps.filter(|&(_, taps)| taps > 0).collect()
        })
    }

    /// Synapses that are walked, as a share of all: fewer where the target leaves zeros out.
    pub fn density(&self) -> f64 {
        self.unlike_bits.as_ref().map_or(1.0, |channels| channels.density)
    }

    /// Synapse memory of some channels beyond what is alike for all.
    fn unlike_bits(&self, channels: &Range<u32>) -> u64 {
        self.unlike_bits.as_ref().map_or(0, |unlike| unlike.bits(channels))
    }

    /// Source channels that reach some channels of the tile.
    pub fn sources(&self, channels: &Range<u32>) -> Range<u32> {
        sources_of(&self.channels, channels)
    }

    /// Synapse lists of a source channel on a core, and synapses of it and of one target channel.
    fn stored(&self, sharing: KernelSharing) -> (u64, u64) {
        let (rows, cols) = (&self.rows, &self.cols);
        match sharing {
            KernelSharing::PerVariant => {
                (rows.variants * cols.variants, rows.variant_taps * cols.variant_taps)
            }
            KernelSharing::Ideal => (self.positions().min(1), rows.taps * cols.taps),
            KernelSharing::Unshared => (self.positions(), rows.connections * cols.connections),
        }
    }
}

/// A box of positions and what it costs.
#[derive(Debug, Clone)]
pub struct PopulationTile {
    /// Rows.
    pub rows: Range<u32>,
    /// Columns.
    pub cols: Range<u32>,
    /// Incoming kernels, in the layer's order.
    pub kernels: Vec<IncomingKernelUse>,
    /// Synapse memory whatever the number of channels: headers of lists. Without kernels of several groups.
    header_bits: u64,
    /// Synapse memory of one channel. Without kernels of several groups.
    channel_bits: u64,
    /// Input axons if every source's channels stand together. Without kernels of several groups.
    axons_least: u64,
    /// Expected packets that arrive at a core with some channels of the tile. Without kernels of several groups.
    packets: f64,
    /// Whether some kernel has groups, so that what channels cost depends on which they are.
    pub grouped: bool,
    /// Whether some kernel is stored without its zeros, so that the memory of channels depends on which they are.
    pub unlike: bool,
    /// Expected work, where it is looked at.
    pub work: TileWork,
}

impl PopulationTile {
    /// Neurons of an irregular population. What they cost is not here: it depends on each of them.
    pub fn line(cols: Range<u32>) -> Self {
        Self {
            rows: 0..1,
            cols,
            kernels: Vec::new(),
            header_bits: 0,
            channel_bits: 0,
            axons_least: 0,
            packets: 0.0,
            grouped: false,
            unlike: false,
            work: TileWork::default(),
        }
    }

    /// Kernels of several groups.
    fn groups(&self) -> impl Iterator<Item = &IncomingKernelUse> {
        self.kernels.iter().filter(|kernel| !kernel.joins_all)
    }

    /// Synapse memory of some channels.
    pub fn synapse_bits(&self, channels: &Range<u32>) -> u64 {
        let of = |kernel: &IncomingKernelUse| {
            let sources = kernel.sources(channels).len() as u64;
            let own = channels.start as usize..channels.end as usize;
            let joined = common(&own, &kernel.channels.targets()).len() as u64;
            kernel.header_bits * sources + kernel.channel_bits * joined
        };
        let grouped: u64 = if self.grouped { self.groups().map(of).sum() } else { 0 };
        let unlike: u64 = if self.unlike {
            self.kernels.iter().map(|kernel| kernel.unlike_bits(channels)).sum()
        } else {
            0
        };
        self.header_bits + self.channel_bits * channels.len() as u64 + grouped + unlike
    }

    /// Synapse memory of so many channels at most, whichever they are, if none of its kernels has groups.
    pub fn synapse_bits_most(&self, channels: u32) -> u64 {
        let most =
            self.kernels.iter().filter_map(|kernel| kernel.unlike_bits.as_ref()).map(|unlike| unlike.most);
        self.header_bits + (self.channel_bits + most.sum::<u64>()) * u64::from(channels)
    }

    /// Most channels whose synapses so many bits hold, if all of its channels are alike.
    pub fn channels_in(&self, bits: u64) -> u64 {
        match bits.checked_sub(self.header_bits) {
            Some(left) => left.checked_div(self.channel_bits).unwrap_or(u64::MAX),
            None => 0,
        }
    }

    /// Input axons of some channels if every source's channels stand together.
    pub fn axons_least(&self, axons: &AxonSpec, channels: &Range<u32>) -> u64 {
        let of = |kernel: &IncomingKernelUse| {
            kernel.positions() * axons_least(axons, kernel.sources(channels).len() as u64)
        };
        self.axons_least + if self.grouped { self.groups().map(of).sum() } else { 0 }
    }

    /// Expected packets that arrive at a core with some channels of the tile.
    pub fn packets(&self, channels: &Range<u32>) -> f64 {
        let of = |kernel: &IncomingKernelUse| {
            kernel.positions() as f64 * kernel.sources(channels).len() as f64 * kernel.rate
        };
        self.packets + if self.grouped { self.groups().map(of).sum() } else { 0.0 }
    }

    /// Positions.
    pub fn positions(&self) -> u64 {
        u64::from(self.rows.end - self.rows.start) * u64::from(self.cols.end - self.cols.start)
    }

    /// Whether one source position reaches both tiles of a population through the same kernel.
    pub fn shares_sources(&self, other: &Self) -> bool {
        self.kernels.iter().zip(&other.kernels).any(|(a, b)| a.rows.meets(&b.rows) && a.cols.meets(&b.cols))
    }
}

/// Tiles and axes, computed once each.
#[derive(Debug, Default)]
pub struct TileCache {
    axes: HashMap<(AxisMap, Range<usize>), Arc<AxisUse>>,
}

impl TileCache {
    fn axis(&mut self, axis: &AxisMap, piece: &Range<usize>) -> Arc<AxisUse> {
        let new = || Arc::new(AxisUse::new(axis, piece));
        Arc::clone(self.axes.entry((*axis, piece.clone())).or_insert_with(new))
    }

    /// The costs of a tile fed through `kernels`.
    pub fn tile(
        &mut self,
        target: &Target,
        kernels: &[IncomingKernel],
        rows: &Range<usize>,
        cols: &Range<usize>,
    ) -> PopulationTile {
        let mut tile = PopulationTile {
            rows: rows.start as u32..rows.end as u32,
            cols: cols.start as u32..cols.end as u32,
            kernels: Vec::with_capacity(kernels.len()),
            header_bits: 0,
            channel_bits: 0,
            axons_least: 0,
            packets: 0.0,
            grouped: kernels.iter().any(|kernel| !kernel.joins_all),
            unlike: kernels.iter().any(|kernel| kernel.nonzero.is_some()),
            work: TileWork::default(),
        };
        for kernel in kernels {
            let mut use_ = IncomingKernelUse {
                source: kernel.source,
                channels: kernel.channels,
                joins_all: kernel.joins_all,
                rows: self.axis(&kernel.rows, rows),
                cols: self.axis(&kernel.cols, cols),
                header_bits: 0,
                channel_bits: 0,
                unlike_bits: None,
                rate: kernel.rate,
            };
            let (lists, synapses) = use_.stored(target.synapses.kernel_sharing.get());
            let inputs = kernel.channels.inputs as u64;
            use_.header_bits = list_bits(target, lists, 0);
            match &kernel.nonzero {
                Some(nonzero) => {
                    let unlike = UnlikeChannels::new(target, kernel, nonzero, [&use_.rows, &use_.cols]);
                    use_.unlike_bits = Some(Arc::new(unlike));
                }
                None => use_.channel_bits = list_bits(target, 0, synapses * inputs),
            }
            if kernel.joins_all {
                tile.header_bits += list_bits(target, lists * inputs, 0);
                tile.channel_bits += use_.channel_bits;
                tile.axons_least += use_.positions() * axons_least(&target.axons, inputs);
                tile.packets += use_.positions() as f64 * inputs as f64 * kernel.rate;
            }
            tile.kernels.push(use_);
        }
        tile
    }
}
