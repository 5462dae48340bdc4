//! The cores filled so far: layer after layer, targets before sources, under every limit, with exact counts.
//!
//! A layer comes as a [`LayerPlan`]: groups of channels, each with its spatial tiles. Every tile's channels go to cores
//! in as few slices as possible: full new cores, and what is left over into holes of cores that are already open, also
//! those of other layers. Each slice adds one axon, and so one packet a spike, at every source position that reaches
//! it; [`AxonCounts`] holds these counts for the layers that come later.
//!
//! Two slices of one population share a core only if no source position reaches both: then a source takes one axon
//! for each (slice, kernel), and the counts are sums.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use snnc_targets::schema::AxonSpec;

use super::axons::{AxonCounts, OutgoingAxons, TileOutput};
use super::capacity::CoreCapacity;
use super::core_room::CoreRoom;
use super::layer::{PartitionLayer, axons_least};
use super::open_core::OpenCore;
use super::plans::LayerPlan;
use super::tile::PopulationTile;
use crate::ir::program::usage::{Limit, LimitExceeded};
use crate::ir::spiking::parts::Parts;
use crate::ir::{PopulationId, Shape};
use crate::mapping::build::refine::pieces;

/// Cores that are looked at for a tile's channels before a new one is opened: enough for a chip or two, and a bound on
/// the work for models of many thousand cores.
const HOLES_MAX: usize = 256;

/// Cores filled so far.
#[derive(Debug, Clone, Default)]
pub struct FilledCores {
    /// Cores.
    pub cores: Vec<Arc<OpenCore>>,
    /// Destination axons of every position of the populations that some placed layer reads.
    pub outgoing: BTreeMap<PopulationId, Arc<OutgoingAxons>>,
    /// Expected packets to the layers placed.
    pub packets: f64,
    /// Cuts chosen.
    pub parts: BTreeMap<PopulationId, Parts>,
    /// Irregular populations numbered anew.
    pub orders: BTreeMap<PopulationId, Arc<Vec<u32>>>,
}

impl FilledCores {
    /// What a tile sends to the layers placed so far: all that read it.
    pub fn output(&self, axons: &AxonSpec, population: PopulationId, tile: &PopulationTile) -> TileOutput {
        match self.outgoing.get(&population) {
            Some(outgoing) => outgoing.output(axons, tile),
            None => TileOutput::silent(tile.positions()),
        }
    }

    /// Whether a population sends to the same axons under both.
    pub fn is_sent_alike(&self, other: &Self, population: PopulationId) -> bool {
        match (self.outgoing.get(&population), other.outgoing.get(&population)) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other) || own == other,
            (own, other) => own.is_none() && other.is_none(),
        }
    }

    /// Puts a whole layer on cores.
    ///
    /// # Errors
    /// The limit that stands in the way.
    pub fn place(
        &mut self,
        capacity: &CoreCapacity,
        layer: &PartitionLayer,
        plan: &LayerPlan,
        source_shape: impl Fn(PopulationId) -> Shape,
    ) -> Result<(), LimitExceeded> {
        let mut placed: Vec<(Arc<PopulationTile>, Vec<Range<u32>>)> = Vec::new();
        let mut room = CoreRoom::new(self.cores.iter().map(|core| core.before_merging().neurons));
        let mut start = 0;
        for (tiles, width) in &plan.groups {
            for tile in tiles.iter() {
                let slices =
                    self.place_tile(capacity, layer, plan, (tile, start..start + width), &mut room)?;
                placed.push((Arc::clone(tile), slices));
            }
            start += width;
        }
        let cuts = self.outgoing.get(&layer.id).map(|outgoing| outgoing.cuts.clone()).unwrap_or_default();
        let parted =
            |slices: &[Range<u32>]| slices.iter().flat_map(|s| pieces(s, &cuts, &layer.groups)).collect();
        let parts: Vec<(Arc<PopulationTile>, Vec<Range<u32>>)> =
            placed.iter().map(|(tile, slices)| (Arc::clone(tile), parted(slices))).collect();
        self.settle_axons(capacity, layer, &parts)?;
        for ((tile, slices), (_, parts)) in placed.iter().zip(&parts) {
            self.add_outgoing(tile, slices, parts, &source_shape);
        }
        for kernel in placed.first().iter().flat_map(|(tile, _)| &tile.kernels) {
            if let Some(outgoing) = self.outgoing.get_mut(&kernel.source) {
                Arc::make_mut(outgoing).finish();
            }
        }
        self.parts.insert(layer.id, plan.parts);
        Ok(())
    }

    /// Enters what a tile's slices are sent; `parts` are the slices as they are cut for groups of channels.
    fn add_outgoing(
        &mut self,
        tile: &PopulationTile,
        slices: &[Range<u32>],
        parts: &[Range<u32>],
        source_shape: impl Fn(PopulationId) -> Shape,
    ) {
        self.packets += match tile.grouped {
            true => slices.iter().map(|channels| tile.packets(channels)).sum(),
            false => tile.packets(&(0..0)) * slices.len() as f64,
        };
        for kernel in &tile.kernels {
            let shape = source_shape(kernel.source);
            let new = || Arc::new(OutgoingAxons::new(shape));
            let outgoing = Arc::make_mut(self.outgoing.entry(kernel.source).or_insert_with(new));
            if kernel.joins_all {
                outgoing.all.add(&kernel.rows, &kernel.cols, slices.len() as u32);
                continue;
            }
            for channels in slices {
                outgoing.add(&kernel.sources(channels), &kernel.rows, &kernel.cols);
            }
            for part in parts {
                outgoing.cut_around(&kernel.sources(part));
            }
        }
    }

    /// The slices that a tile's channels were cut into.
    ///
    /// # Errors
    /// The limit that a single channel of it exceeds.
    fn place_tile(
        &mut self,
        capacity: &CoreCapacity,
        layer: &PartitionLayer,
        plan: &LayerPlan,
        (tile, mut channels): (&Arc<PopulationTile>, Range<u32>),
        room: &mut CoreRoom,
    ) -> Result<Vec<Range<u32>>, LimitExceeded> {
        let output = &self.output(capacity.axons, layer.id, tile);
        let mut holes = self.holes(capacity, layer, (tile, output), &channels, room);
        let mut slices = Vec::new();
        while !channels.is_empty() {
            let fresh = OpenCore::default().fitting(capacity, layer, tile, output, &channels);
            if fresh == 0 {
                let one = channels.start..channels.start + 1;
                let exceeded = OpenCore::default().exceeds(capacity, layer, tile, output, &one);
                let most = capacity.most.threshold_profiles;
                let one_more = LimitExceeded { limit: Limit::ThresholdProfiles, used: most + 1, most };
                return Err(exceeded.unwrap_or(one_more));
            }
            let core = pick_hole(&mut holes, channels.len() as u32, f64::from(fresh) * plan.hole_share);
            let core = core.unwrap_or_else(|| {
                self.cores.push(Arc::default());
                self.cores.len() - 1
            });
            let open = Arc::make_mut(&mut self.cores[core]);
            // A hole was measured for the first channels; others can leave less room.
            let count = open.fitting(capacity, layer, tile, output, &channels);
            if count == 0 {
                continue;
            }
            let end = channels.start + count;
            open.add(capacity, layer, tile, output, channels.start..end);
            room.set(core, open.before_merging().neurons);
            slices.push(channels.start..end);
            channels.start = end;
            // Channels that no source feeds together may share a core, where one axon does not serve all that fit.
            if !channels.is_empty() {
                let more = open.fitting(capacity, layer, tile, output, &channels);
                let at = holes.partition_point(|&(count, _)| count < more);
                holes.splice(at..at, (more > 0).then_some((more, core)));
            }
        }
        Ok(slices)
    }

    /// Open cores with room for the tile: (channels, core), most channels last. Only the latest [`HOLES_MAX`] cores
    /// that are not nearly full are looked at.
    fn holes(
        &self,
        capacity: &CoreCapacity,
        layer: &PartitionLayer,
        (tile, output): (&PopulationTile, &TileOutput),
        channels: &Range<u32>,
        room: &CoreRoom,
    ) -> Vec<(u32, usize)> {
        let least = output.neurons(&(channels.start..channels.start + 1));
        let Some(most) = capacity.most.neurons.checked_sub(least) else { return Vec::new() };
        let mut holes: Vec<_> = room
            .latest_within(most)
            .take(HOLES_MAX)
            .map(|core| (self.cores[core].fitting(capacity, layer, tile, output, channels), core))
            .filter(|&(count, _)| count > 0)
            .collect();
        holes.sort_unstable_by_key(|&(count, core)| (count, usize::MAX - core));
        holes
    }

    /// Replaces the least input axons of the layer's targets by the true ones; `parts` are the layer's slices.
    fn settle_axons(
        &mut self,
        capacity: &CoreCapacity,
        layer: &PartitionLayer,
        parts: &[(Arc<PopulationTile>, Vec<Range<u32>>)],
    ) -> Result<(), LimitExceeded> {
        // Axons by position of those channels that reach a target.
        let mut known: BTreeMap<(u32, u32), AxonCounts> = BTreeMap::new();
        let axons_of = |sources: &Range<u32>| {
            let mut own = AxonCounts::new(layer.population.shape);
            for (tile, parts) in parts {
                let reaching = parts.iter().filter(|p| sources.start <= p.start && p.end <= sources.end);
                let axons = reaching.map(|p| capacity.axons.input_axons(p.end - p.start)).sum();
                own.add_box(&tile.rows, &tile.cols, axons);
            }
            own.finish();
            own
        };
        for core in &mut self.cores {
            let mut change = 0i64;
            for placed in &core.slices {
                for kernel in placed.tile.kernels.iter().filter(|kernel| kernel.source == layer.id) {
                    let sources = kernel.sources(&placed.channels);
                    let own = known.entry((sources.start, sources.end)).or_insert_with(|| axons_of(&sources));
                    let least = axons_least(capacity.axons, sources.len() as u64) * kernel.positions();
                    change += own.sum_reached(&kernel.rows, &kernel.cols) as i64 - least as i64;
                }
            }
            if change != 0 {
                let core = Arc::make_mut(core);
                let (used, most) = (core.settle_input_axons(change), capacity.most.input_axons);
                if let Some(exceeded) = LimitExceeded::check(Limit::InputAxons, used, most) {
                    return Err(exceeded);
                }
            }
        }
        Ok(())
    }
}

/// The smallest hole that takes all that is left, else the largest if it is worth it.
fn pick_hole(holes: &mut Vec<(u32, usize)>, left: u32, worth: f64) -> Option<usize> {
    let at = holes.partition_point(|&(count, _)| count < left);
    if at < holes.len() {
        return Some(holes.remove(at).1);
    }
    let &(count, _) = holes.last()?;
    if f64::from(count) >= worth { holes.pop().map(|(_, core)| core) } else { None }
}
