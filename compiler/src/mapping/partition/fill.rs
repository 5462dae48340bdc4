//! Cores filling up: layer after layer, targets before sources, under every limit, with exact counts.
//!
//! A layer comes as a [`Plan`]: groups of channels, each with its spatial tiles. Every tile's channels go to cores in
//! as few slices as possible: full new cores, and what is left over into holes of cores that are already open, also
//! those of other layers. Each slice adds one axon, and so one packet a spike, at every source position that reaches
//! it; [`Fan`] holds these counts for the layers that come later.
//!
//! Two slices of one population share a core only if no source position reaches both: then a source takes one axon
//! for each (slice, wire), and the counts are sums.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use snnc_targets::Target;
use snnc_targets::schema::{AxonSpec, CoreLimits, KernelSharing};

use super::fan::{Fan, Fans, Load};
use super::figures::Tile;
use super::layers::{Layer, axons_least};
use crate::ir::program::usage::{CoreUse, Limit};
use crate::ir::spiking::parts::Parts;
use crate::ir::{PopulationId, Shape};
use crate::mapping::build::refine::pieces;

/// Cores that are looked at for a tile's channels before a new one is opened: enough for a chip or two, and a bound on
/// the work for models of many thousand cores.
const HOLES_MAX: usize = 256;

/// A limit that was exceeded, by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// Which.
    pub limit: Limit,
    /// Use.
    pub used: u64,
    /// What a core has.
    pub most: u64,
}

/// What one core of the target holds.
#[derive(Debug, Clone)]
pub struct Room<'a> {
    /// Neurons.
    pub neurons: u64,
    /// Input axons.
    pub input_axons: u64,
    /// Output slots.
    pub output_axons: u64,
    /// Synapse memory in bits.
    pub synapse_bits: u64,
    /// Distinct thresholds.
    pub profiles: usize,
    /// How axons serve neurons.
    pub axons: &'a AxonSpec,
    /// How neurons are merged for more input axons.
    pub core: &'a CoreLimits,
    /// Whether lists are shared by sources with the same relative targets. Slices side by side in a core have relative
    /// targets that differ from position to position.
    by_variant: bool,
}

impl<'a> Room<'a> {
    /// The target's limits, with at most `neurons_max` neurons.
    pub fn new(target: &'a Target, neurons_max: Option<u32>) -> Self {
        let of = |limit: Limit| limit.of(target).unwrap_or(u64::MAX);
        Self {
            neurons: of(Limit::Neurons).min(neurons_max.unwrap_or(u32::MAX).into()),
            input_axons: of(Limit::InputAxons),
            output_axons: of(Limit::OutputAxons),
            synapse_bits: of(Limit::SynapseMemory),
            profiles: of(Limit::ThresholdProfiles).min(u32::MAX.into()) as usize,
            axons: &target.axons,
            core: &target.core,
            by_variant: target.synapses.kernel_sharing.get() == KernelSharing::PerVariant,
        }
    }
}

/// Channels of a tile on a core.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Population.
    pub population: PopulationId,
    /// Positions.
    pub tile: Rc<Tile>,
    /// Channels.
    pub channels: Range<u32>,
}

/// One core and what it uses.
#[derive(Debug, Clone, Default)]
pub struct OpenCore {
    neurons: u64,
    input_axons: u64,
    output_axons: u64,
    synapse_bits: u64,
    /// Ascending, distinct.
    thresholds: Vec<u32>,
    /// What it holds.
    pub slices: Vec<Placed>,
}

impl OpenCore {
    /// Use of every limit.
    pub fn used(&self, room: &Room) -> CoreUse {
        let use_ = self.before_merging();
        CoreUse { neurons: use_.neurons * room.core.merged(use_.input_axons), ..use_ }
    }

    /// Most channels of `tile` from `channels.start` on that still fit, at most `channels`.
    pub fn fitting(
        &self,
        room: &Room,
        layer: &Layer,
        tile: &Tile,
        load: &Load,
        channels: &Range<u32>,
    ) -> u32 {
        let atoms = room.axons.atoms_max().filter(|_| load.sends()).unwrap_or(u32::MAX);
        let most = atoms.min(channels.end - channels.start);
        let most = if tile.grouped || load.differs() {
            let whole = |k: u32| whole_groups(room, layer, tile, load, channels.start..channels.start + k);
            let fits = |k: u32| self.exceeds(room, layer, tile, load, &whole(k)).is_none();
            let most = if fits(most) { most } else { last_that(most, fits) };
            let most = self.within_profiles(room, layer, channels.start, most);
            whole(most).len() as u32
        } else {
            let most = self.alike(room, tile, load, channels.start, most);
            self.within_profiles(room, layer, channels.start, most)
        };
        if most == 0 || self.clashes(layer.id, tile) { 0 } else { most }
    }

    /// Most channels that fit where all are alike.
    fn alike(&self, room: &Room, tile: &Tile, load: &Load, start: u32, most: u32) -> u32 {
        let one = start..start + 1;
        let axons_least = tile.axons_least(room.axons, &one);
        // Where input axons merge neurons they are those of single source neurons, so their number is settled.
        let merged = room.core.merged(self.input_axons + axons_least);
        let Some(neurons) = (room.neurons / merged).checked_sub(self.neurons) else { return 0 };
        if self.input_axons + axons_least > room.input_axons {
            return 0;
        }
        let by_neurons = neurons / load.neurons(&one);
        let by_bits = tile.channels_in(room.synapse_bits.saturating_sub(self.synapse_bits));
        let most = by_neurons.min(by_bits).min(most.into()) as u32;
        let slots = room.output_axons.saturating_sub(self.output_axons);
        let fits = |k: u32| load.slots(room.axons, std::slice::from_ref(&(start..start + k))) <= slots;
        if fits(most) { most } else { last_that(most, fits) }
    }

    /// The first limit that some more channels exceed.
    fn exceeds(
        &self,
        room: &Room,
        layer: &Layer,
        tile: &Tile,
        load: &Load,
        channels: &Range<u32>,
    ) -> Option<Refusal> {
        let input_axons = self.input_axons + tile.axons_least(room.axons, channels);
        let neurons = (self.neurons + load.neurons(channels)) * room.core.merged(input_axons);
        let synapse_bits = self.synapse_bits + tile.synapse_bits(channels);
        let slots = load.slots(room.axons, &pieces(channels, load.cuts(), &layer.groups));
        [
            (Limit::Neurons, neurons, room.neurons),
            (Limit::SynapseMemory, synapse_bits, room.synapse_bits),
            (Limit::InputAxons, input_axons, room.input_axons),
            (Limit::OutputAxons, self.output_axons + slots, room.output_axons),
        ]
        .into_iter()
        .find(|&(_, used, most)| used > most)
        .map(|(limit, used, most)| Refusal { limit, used, most })
    }

    /// Channels until one threshold too many.
    fn within_profiles(&self, room: &Room, layer: &Layer, start: u32, most: u32) -> u32 {
        let mut distinct = self.thresholds.clone();
        for (count, &threshold) in layer.thresholds(start..start + most).iter().enumerate() {
            if let Err(at) = distinct.binary_search(&threshold) {
                if distinct.len() == room.profiles {
                    return count as u32;
                }
                distinct.insert(at, threshold);
            }
        }
        most
    }

    fn clashes(&self, population: PopulationId, tile: &Tile) -> bool {
        self.slices.iter().any(|s| s.population == population && s.tile.shares_sources(tile))
    }

    fn add(&mut self, room: &Room, layer: &Layer, tile: &Rc<Tile>, load: &Load, channels: Range<u32>) {
        self.neurons += load.neurons(&channels);
        self.input_axons += tile.axons_least(room.axons, &channels);
        self.output_axons += load.slots(room.axons, &pieces(&channels, load.cuts(), &layer.groups));
        self.synapse_bits += tile.synapse_bits(&channels);
        self.thresholds.extend_from_slice(layer.thresholds(channels.clone()));
        self.thresholds.sort_unstable();
        self.thresholds.dedup();
        self.slices.push(Placed { population: layer.id, tile: Rc::clone(tile), channels });
    }
}

impl OpenCore {
    /// Puts neurons of an irregular population on the core, which uses so much more then.
    pub fn add_irregular(&mut self, layer: &Layer, more: &CoreUse, neurons: Range<u32>) {
        self.neurons += more.neurons;
        self.input_axons += more.input_axons;
        self.output_axons += more.output_axons;
        self.synapse_bits += more.synapse_bits;
        self.thresholds.extend_from_slice(layer.thresholds(0..1));
        self.thresholds.sort_unstable();
        self.thresholds.dedup();
        let tile = Rc::new(Tile::line(neurons));
        self.slices.push(Placed { population: layer.id, tile, channels: 0..1 });
    }

    /// Use of every limit before neurons are merged for more input axons.
    pub fn before_merging(&self) -> CoreUse {
        CoreUse {
            neurons: self.neurons,
            input_axons: self.input_axons,
            output_axons: self.output_axons,
            synapse_bits: self.synapse_bits,
            threshold_profiles: self.thresholds.len() as u64,
        }
    }

    /// Whether sources yet to come change what it uses.
    pub fn is_fed_by_wires(&self) -> bool {
        self.slices.iter().any(|placed| !placed.tile.wires.is_empty())
    }

    /// Distinct thresholds with those of another layer's first channel.
    pub fn profiles_with(&self, layer: &Layer) -> usize {
        let new = layer.thresholds(0..1).iter().filter(|t| !self.thresholds.contains(t)).count();
        self.thresholds.len() + new
    }
}

/// The channels up to where they no longer are a part of one group or whole groups for all that feeds them, and, where
/// slices side by side share no lists, up to where they begin to feed others.
fn whole_groups(room: &Room, layer: &Layer, tile: &Tile, load: &Load, channels: Range<u32>) -> Range<u32> {
    let (start, mut end) = (channels.start, channels.end);
    if room.by_variant && tile.positions() > 1 && !tile.wires.is_empty() {
        end = load.cuts().range(start + 1..).next().map_or(end, |&cut| end.min(cut));
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

/// How a layer is cut: its kernels, and groups of channels with the tiles of each.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Parts of the incoming kernels.
    pub parts: Parts,
    /// (tiles, number of channels), channels ascending.
    pub groups: Vec<(Rc<Vec<Rc<Tile>>>, u32)>,
    /// A hole takes channels before a new core does if it holds at least this share of what the new core would.
    pub hole_share: f64,
}

/// Cores filled so far.
#[derive(Debug, Clone, Default)]
pub struct Fill {
    /// Cores.
    pub cores: Vec<Rc<OpenCore>>,
    /// Destination axons of every position of the populations that some placed layer reads.
    pub fans: BTreeMap<PopulationId, Fans>,
    /// Expected packets to the layers placed.
    pub packets: f64,
    /// Cuts chosen.
    pub parts: BTreeMap<PopulationId, Parts>,
    /// Irregular populations numbered anew.
    pub orders: BTreeMap<PopulationId, Rc<Vec<u32>>>,
}

impl Fill {
    /// What a tile sends to the layers placed so far: all that read it.
    pub fn load(&self, axons: &AxonSpec, population: PopulationId, tile: &Tile) -> Load {
        match self.fans.get(&population) {
            Some(fans) => fans.load(axons, tile),
            None => Load::silent(tile.positions()),
        }
    }

    /// Puts a whole layer on cores.
    ///
    /// # Errors
    /// The limit that stands in the way.
    pub fn place(
        &mut self,
        room: &Room,
        layer: &Layer,
        plan: &Plan,
        source_shape: impl Fn(PopulationId) -> Shape,
    ) -> Result<(), Refusal> {
        let mut placed: Vec<(Rc<Tile>, Vec<Range<u32>>)> = Vec::new();
        let mut start = 0;
        for (tiles, width) in &plan.groups {
            for tile in tiles.iter() {
                let slices = self.place_tile(room, layer, plan, tile, start..start + width)?;
                placed.push((Rc::clone(tile), slices));
            }
            start += width;
        }
        let cuts = self.fans.get(&layer.id).map(|fans| fans.cuts.clone()).unwrap_or_default();
        let parted =
            |slices: &[Range<u32>]| slices.iter().flat_map(|s| pieces(s, &cuts, &layer.groups)).collect();
        let parts: Vec<(Rc<Tile>, Vec<Range<u32>>)> =
            placed.iter().map(|(tile, slices)| (Rc::clone(tile), parted(slices))).collect();
        self.settle_axons(room, layer, &parts)?;
        for ((tile, slices), (_, parts)) in placed.iter().zip(&parts) {
            self.add_fans(tile, slices, parts, &source_shape);
        }
        for fans in self.fans.values_mut() {
            fans.finish();
        }
        self.parts.insert(layer.id, plan.parts);
        Ok(())
    }

    /// Enters what a tile's slices are sent; `parts` are the slices as they are cut for groups of channels.
    fn add_fans(
        &mut self,
        tile: &Tile,
        slices: &[Range<u32>],
        parts: &[Range<u32>],
        source_shape: impl Fn(PopulationId) -> Shape,
    ) {
        self.packets += match tile.grouped {
            true => slices.iter().map(|channels| tile.packets(channels)).sum(),
            false => tile.packets(&(0..0)) * slices.len() as f64,
        };
        for wire in &tile.wires {
            let shape = source_shape(wire.source);
            let fans = self.fans.entry(wire.source).or_insert_with(|| Fans::new(shape));
            if wire.joins_all {
                fans.all.add(&wire.rows, &wire.cols, slices.len() as u32);
                continue;
            }
            for channels in slices {
                fans.add(&wire.sources(channels), &wire.rows, &wire.cols);
            }
            for part in parts {
                fans.cut_around(&wire.sources(part));
            }
        }
    }

    /// The slices that a tile's channels were cut into.
    ///
    /// # Errors
    /// The limit that a single channel of it exceeds.
    fn place_tile(
        &mut self,
        room: &Room,
        layer: &Layer,
        plan: &Plan,
        tile: &Rc<Tile>,
        mut channels: Range<u32>,
    ) -> Result<Vec<Range<u32>>, Refusal> {
        let load = &self.load(room.axons, layer.id, tile);
        let mut holes = self.holes(room, layer, tile, load, &channels);
        let mut slices = Vec::new();
        while !channels.is_empty() {
            let fresh = OpenCore::default().fitting(room, layer, tile, load, &channels);
            if fresh == 0 {
                let one = channels.start..channels.start + 1;
                let refusal = OpenCore::default().exceeds(room, layer, tile, load, &one);
                let (most, used) = (room.profiles as u64, room.profiles as u64 + 1);
                return Err(refusal.unwrap_or(Refusal { limit: Limit::ThresholdProfiles, used, most }));
            }
            let core = pick_hole(&mut holes, channels.len() as u32, f64::from(fresh) * plan.hole_share);
            let core = core.unwrap_or_else(|| {
                self.cores.push(Rc::default());
                self.cores.len() - 1
            });
            let open = Rc::make_mut(&mut self.cores[core]);
            // A hole was measured for the first channels; others can leave less room.
            let count = open.fitting(room, layer, tile, load, &channels);
            if count == 0 {
                continue;
            }
            let end = channels.start + count;
            open.add(room, layer, tile, load, channels.start..end);
            slices.push(channels.start..end);
            channels.start = end;
            // Channels that no source feeds together may share a core, where one axon does not serve all that fit.
            if !channels.is_empty() {
                let more = open.fitting(room, layer, tile, load, &channels);
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
        room: &Room,
        layer: &Layer,
        tile: &Tile,
        load: &Load,
        channels: &Range<u32>,
    ) -> Vec<(u32, usize)> {
        let least = load.neurons(&(channels.start..channels.start + 1));
        let mut holes: Vec<_> = self
            .cores
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, core)| core.neurons + least <= room.neurons)
            .take(HOLES_MAX)
            .map(|(i, core)| (core.fitting(room, layer, tile, load, channels), i))
            .filter(|&(count, _)| count > 0)
            .collect();
        holes.sort_unstable_by_key(|&(count, core)| (count, usize::MAX - core));
        holes
    }

    /// Replaces the least input axons of the layer's targets by the true ones; `parts` are the layer's slices.
    fn settle_axons(
        &mut self,
        room: &Room,
        layer: &Layer,
        parts: &[(Rc<Tile>, Vec<Range<u32>>)],
    ) -> Result<(), Refusal> {
        // Axons by position of those channels that reach a target.
        let mut known: BTreeMap<(u32, u32), Fan> = BTreeMap::new();
        let axons_of = |sources: &Range<u32>| {
            let mut own = Fan::new(layer.population.shape);
            for (tile, parts) in parts {
                let reaching = parts.iter().filter(|p| sources.start <= p.start && p.end <= sources.end);
                let axons = reaching.map(|p| room.axons.input_axons(p.end - p.start)).sum();
                own.add_box(&tile.rows, &tile.cols, axons);
            }
            own.finish();
            own
        };
        for core in &mut self.cores {
            let mut change = 0i64;
            for placed in &core.slices {
                for wire in placed.tile.wires.iter().filter(|wire| wire.source == layer.id) {
                    let sources = wire.sources(&placed.channels);
                    let own = known.entry((sources.start, sources.end)).or_insert_with(|| axons_of(&sources));
                    let least = axons_least(room.axons, sources.len() as u64) * wire.positions();
                    change += own.sum_reached(&wire.rows, &wire.cols) as i64 - least as i64;
                }
            }
            if change != 0 {
                let core = Rc::make_mut(core);
                core.input_axons = core.input_axons.saturating_add_signed(change);
                let (used, most) = (core.input_axons, room.input_axons);
                if used > most {
                    return Err(Refusal { limit: Limit::InputAxons, used, most });
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
