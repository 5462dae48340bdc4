//! A core while layers are put on it: what it uses of each limit, and how many more channels of a tile fit.
//!
//! Use is exact, as the built core will have it, but for the input axons of layers whose sources are not placed yet:
//! those are the least that they can be ([`axons_least`](super::layer::axons_least)). Two slices of one population
//! share a core only if no source position reaches both: then a source takes one axon for each (slice, kernel), and the
//! counts are sums.

use std::ops::Range;
use std::sync::Arc;

use super::axons::TileOutput;
use super::capacity::CoreCapacity;
use super::layer::PartitionLayer;
use super::tile::PopulationTile;
use super::work::CoreLoad;
use crate::ir::PopulationId;
use crate::ir::program::usage::{CoreUsage, Limit, LimitExceeded};
use crate::mapping::build::refine::pieces;

/// The limits in the order in which a refusal names them.
const NAMED_FIRST: [Limit; 4] = [Limit::Neurons, Limit::SynapseMemory, Limit::InputAxons, Limit::OutputAxons];

/// Channels of a tile on a core.
#[derive(Debug, Clone)]
pub struct PlacedChannels {
    /// Population.
    pub population: PopulationId,
    /// Positions.
    pub tile: Arc<PopulationTile>,
    /// Channels.
    pub channels: Range<u32>,
}

/// One core and what it uses.
#[derive(Debug, Clone, Default)]
pub struct OpenCore {
    /// Before neurons are merged for more input axons.
    used: CoreUsage,
    /// Ascending, distinct.
    thresholds: Vec<u32>,
    /// What it holds.
    pub slices: Vec<PlacedChannels>,
    /// What it is expected to do.
    pub load: CoreLoad,
}

impl OpenCore {
    /// What it uses of neurons, memory, output axons and time, each as a share of a core.
    fn each_share(&self, capacity: &CoreCapacity) -> [f64; 4] {
        let share = |used: u64, most: u64| used as f64 / most.max(1) as f64;
        let (used, most) = (&self.used, &capacity.most);
        let busy = capacity.work.as_ref().map_or(0.0, |limit| self.load.share_of(&limit.0));
        [
            share(used.neurons, most.neurons),
            share(used.synapse_bits, most.synapse_bits),
            share(used.output_axons, most.output_axons),
            busy,
        ]
    }

    /// What it uses of all limits, each as a share of a core, summed.
    pub fn shares(&self, capacity: &CoreCapacity) -> f64 {
        self.each_share(capacity).into_iter().sum()
    }

    /// What is left of the limit that it has least of, as a share of a core.
    pub fn left(&self, capacity: &CoreCapacity) -> f64 {
        1.0 - self.each_share(capacity).into_iter().fold(0.0, f64::max).min(1.0)
    }

    /// A core with these slices, of which use and load are known; thresholds are not counted.
    pub fn of(used: CoreUsage, slices: Vec<PlacedChannels>, load: CoreLoad) -> Self {
        Self { used, thresholds: Vec::new(), slices, load }
    }

    /// What it uses, neurons merged where the input axons ask for it.
    pub fn merged(&self, capacity: &CoreCapacity) -> CoreUsage {
        CoreUsage { neurons: self.used.neurons * capacity.core.merged(self.used.input_axons), ..self.used }
    }

    /// What it uses before neurons are merged for more input axons.
    pub fn before_merging(&self) -> &CoreUsage {
        &self.used
    }

    /// Most channels of `tile` from `channels.start` on that still fit, at most `channels`.
    pub fn fitting(
        &self,
        capacity: &CoreCapacity,
        layer: &PartitionLayer,
        tile: &PopulationTile,
        output: &TileOutput,
        channels: &Range<u32>,
    ) -> u32 {
        let atoms = capacity.axons.atoms_max().filter(|_| output.sends()).unwrap_or(u32::MAX);
        let within = capacity.work.as_ref().map(|limit| self.load.channels_within(&limit.0, &tile.work));
        let most = atoms.min(channels.end - channels.start).min(within.unwrap_or(u32::MAX));
        if most == 0 {
            return 0;
        }
        let most = if tile.grouped || tile.unlike || output.differs() {
            let whole =
                |k: u32| whole_groups(capacity, layer, tile, output, channels.start..channels.start + k);
            let fits = |k: u32| self.exceeds(capacity, layer, tile, output, &whole(k)).is_none();
            let most = if fits(most) { most } else { last_that(most, fits) };
            let most = self.within_profiles(capacity, layer, channels.start, most);
            whole(most).len() as u32
        } else {
            let most = self.alike(capacity, tile, output, channels.start, most);
            self.within_profiles(capacity, layer, channels.start, most)
        };
        if most == 0 || self.clashes(layer.id, tile) { 0 } else { most }
    }

    /// Most channels that fit where all are alike.
    fn alike(
        &self,
        capacity: &CoreCapacity,
        tile: &PopulationTile,
        output: &TileOutput,
        start: u32,
        most: u32,
    ) -> u32 {
        let one = start..start + 1;
        let axons_least = tile.axons_least(capacity.axons, &one);
        // Where input axons merge neurons they are those of single source neurons, so their number is settled.
        let merged = capacity.core.merged(self.used.input_axons + axons_least);
        let Some(neurons) = (capacity.most.neurons / merged).checked_sub(self.used.neurons) else { return 0 };
        if self.used.input_axons + axons_least > capacity.most.input_axons {
            return 0;
        }
        let by_neurons = neurons / output.neurons(&one);
        let by_bits = tile.channels_in(capacity.most.synapse_bits.saturating_sub(self.used.synapse_bits));
        let most = by_neurons.min(by_bits).min(most.into()) as u32;
        let slots = capacity.most.output_axons.saturating_sub(self.used.output_axons);
        let fits = |k: u32| output.slots(capacity.axons, std::slice::from_ref(&(start..start + k))) <= slots;
        if fits(most) { most } else { last_that(most, fits) }
    }

    /// The first limit that some more channels exceed, thresholds left out.
    pub fn exceeds(
        &self,
        capacity: &CoreCapacity,
        layer: &PartitionLayer,
        tile: &PopulationTile,
        output: &TileOutput,
        channels: &Range<u32>,
    ) -> Option<LimitExceeded> {
        let mut with = self.used;
        with += usage(capacity, layer, tile, output, channels);
        with.neurons *= capacity.core.merged(with.input_axons);
        with.first_beyond(&capacity.most, NAMED_FIRST)
    }

    /// Channels until one threshold too many.
    fn within_profiles(&self, capacity: &CoreCapacity, layer: &PartitionLayer, start: u32, most: u32) -> u32 {
        let limit = capacity.most.threshold_profiles;
        if limit >= self.thresholds.len() as u64 + u64::from(most) {
            return most;
        }
        let all = layer.thresholds(start..start + most);
        let mut distinct = Vec::new();
        let mut count = 0;
        // Channels of one threshold stand side by side.
        for run in all.chunk_by(|a, b| a == b) {
            if self.thresholds.binary_search(&run[0]).is_err()
                && let Err(at) = distinct.binary_search(&run[0])
            {
                if (self.thresholds.len() + distinct.len()) as u64 == limit {
                    return count;
                }
                distinct.insert(at, run[0]);
            }
            count += run.len() as u32;
        }
        most
    }

    fn clashes(&self, population: PopulationId, tile: &PopulationTile) -> bool {
        self.slices.iter().any(|s| s.population == population && s.tile.shares_sources(tile))
    }

    /// Puts channels of a tile on the core.
    pub fn add(
        &mut self,
        capacity: &CoreCapacity,
        layer: &PartitionLayer,
        tile: &Arc<PopulationTile>,
        output: &TileOutput,
        channels: Range<u32>,
    ) {
        let more = usage(capacity, layer, tile, output, &channels);
        self.load.add_tile(&tile.work, channels.end - channels.start);
        self.enter(layer, &more, PlacedChannels { population: layer.id, tile: Arc::clone(tile), channels });
    }

    /// Puts neurons of an irregular population on the core, which uses so much more then.
    pub fn add_irregular(
        &mut self,
        layer: &PartitionLayer,
        (more, load): (&CoreUsage, &CoreLoad),
        neurons: Range<u32>,
    ) {
        self.load.add_load(load);
        let tile = Arc::new(PopulationTile::line(neurons));
        self.enter(layer, more, PlacedChannels { population: layer.id, tile, channels: 0..1 });
    }

    fn enter(&mut self, layer: &PartitionLayer, more: &CoreUsage, placed: PlacedChannels) {
        self.used += *more;
        let runs = layer.thresholds(placed.channels.clone()).chunk_by(|a, b| a == b);
        self.thresholds.extend(runs.map(|run| run[0]));
        self.thresholds.sort_unstable();
        self.thresholds.dedup();
        self.used.threshold_profiles = self.thresholds.len() as u64;
        self.slices.push(placed);
    }

    /// Corrects its input axons by how many more or fewer they are than was known; how many it has then.
    pub fn settle_input_axons(&mut self, change: i64) -> u64 {
        self.used.input_axons = self.used.input_axons.saturating_add_signed(change);
        self.used.input_axons
    }

    /// Whether sources yet to come change what it uses.
    pub fn is_fed_by_kernels(&self) -> bool {
        self.slices.iter().any(|placed| !placed.tile.kernels.is_empty())
    }

    /// Distinct thresholds with those of another layer's first channel.
    pub fn profiles_with(&self, layer: &PartitionLayer) -> u64 {
        let new = layer.thresholds(0..1).iter().filter(|t| !self.thresholds.contains(t)).count();
        (self.thresholds.len() + new) as u64
    }
}

/// What channels of a tile use on a core, thresholds left out.
fn usage(
    capacity: &CoreCapacity,
    layer: &PartitionLayer,
    tile: &PopulationTile,
    output: &TileOutput,
    channels: &Range<u32>,
) -> CoreUsage {
    CoreUsage {
        neurons: output.neurons(channels),
        input_axons: tile.axons_least(capacity.axons, channels),
        output_axons: output.slots(capacity.axons, &pieces(channels, output.cuts(), &layer.groups)),
        synapse_bits: tile.synapse_bits(channels),
        threshold_profiles: 0,
    }
}

/// The channels up to where they no longer are a part of one group or whole groups for all that feeds them, and, where
/// slices side by side share no lists, up to where they begin to feed others.
fn whole_groups(
    capacity: &CoreCapacity,
    layer: &PartitionLayer,
    tile: &PopulationTile,
    output: &TileOutput,
    channels: Range<u32>,
) -> Range<u32> {
    let (start, mut end) = (channels.start, channels.end);
    if capacity.by_variant && tile.positions() > 1 && !tile.kernels.is_empty() {
        end = output.cuts().range(start + 1..).next().map_or(end, |&cut| end.min(cut));
    }
    let cut = |end: u32| {
        let own = start as usize..end as usize;
        layer.groups.iter().flat_map(|map| map.cuts_of(&own)).min().map(|cut| cut as u32)
    };
    while let Some(earlier) = cut(end) {
        end = earlier;
    }
    start..end
}

/// The last of 0..=most for which a falling property holds (it holds for 0).
fn last_that(most: u32, holds: impl Fn(u32) -> bool) -> u32 {
    let (mut yes, mut no) = (0, most + 1);
    while no - yes > 1 {
        let middle = yes + (no - yes) / 2;
        if holds(middle) { yes = middle } else { no = middle }
    }
    yes
}
