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
use snnc_targets::schema::{AxonSpec, CoreLimits, OutputAxonKind};

use super::fan::Fan;
use super::figures::Tile;
use super::layers::{Layer, axons_least};
use crate::ir::program::usage::{CoreUse, Limit};
use crate::ir::spiking::parts::Parts;
use crate::ir::{PopulationId, Shape};

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
}

/// What a tile sends, and what that takes.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Destination axons summed over its positions.
    pub fan: u64,
    /// Neurons of a core that one channel of it takes, copies included.
    pub neurons: u64,
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
    pub fn fitting(&self, room: &Room, layer: &Layer, tile: &Tile, load: Load, channels: &Range<u32>) -> u32 {
        let fan = load.fan;
        // Where input axons merge neurons they are those of single source neurons, so their number is settled.
        let merged = room.core.merged(self.input_axons + tile.axons_least);
        let Some(neurons) = (room.neurons / merged).checked_sub(self.neurons) else { return 0 };
        let bits = room.synapse_bits.saturating_sub(self.synapse_bits);
        if self.input_axons + tile.axons_least > room.input_axons || tile.header_bits > bits {
            return 0;
        }
        let by_neurons = neurons / load.neurons;
        let by_bits = (bits - tile.header_bits).checked_div(tile.channel_bits).unwrap_or(u64::MAX);
        let atoms = room.axons.atoms_max().filter(|_| fan > 0).unwrap_or(u32::MAX);
        let most = by_neurons.min(by_bits).min(atoms.into()).min(u64::from(channels.end - channels.start));
        let slots = room.output_axons.saturating_sub(self.output_axons);
        let fits = |k: u32| fan * u64::from(room.axons.output_slots(k)) <= slots;
        let most = if fits(most as u32) { most as u32 } else { last_that(most as u32, fits) };
        if most == 0 || self.clashes(layer.id, tile) {
            return 0;
        }
        self.within_profiles(room, layer, channels.start, most)
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

    fn add(&mut self, room: &Room, layer: &Layer, tile: &Rc<Tile>, load: Load, channels: Range<u32>) {
        let count = channels.end - channels.start;
        self.neurons += load.neurons * u64::from(count);
        self.input_axons += tile.axons_least;
        self.output_axons += load.fan * u64::from(room.axons.output_slots(count));
        self.synapse_bits += tile.header_bits + tile.channel_bits * u64::from(count);
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
    pub fans: BTreeMap<PopulationId, Fan>,
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
        let positions = tile.positions();
        let Some(all) = self.fans.get(&population) else { return Load { fan: 0, neurons: positions } };
        let fan = all.sum(&tile.rows, &tile.cols);
        match axons.output.get() {
            OutputAxonKind::NeuronCopies => {
                let silent = positions - all.sending(&tile.rows, &tile.cols);
                Load { fan, neurons: fan * u64::from(axons.planes()) + silent }
            }
            OutputAxonKind::Discrete | OutputAxonKind::Population { .. } => Load { fan, neurons: positions },
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
        let mut pieces: Vec<(Rc<Tile>, Vec<u32>)> = Vec::new();
        let mut start = 0;
        for (tiles, width) in &plan.groups {
            for tile in tiles.iter() {
                pieces
                    .push((Rc::clone(tile), self.place_tile(room, layer, plan, tile, start..start + width)));
            }
            start += width;
        }
        self.settle_axons(room, layer, &pieces)?;
        for (tile, slices) in &pieces {
            self.packets += tile.packets * slices.len() as f64;
            for wire in &tile.wires {
                let shape = source_shape(wire.source);
                let fan = self.fans.entry(wire.source).or_insert_with(|| Fan::new(shape));
                fan.add(&wire.rows, &wire.cols, slices.len() as u32);
            }
        }
        for fan in self.fans.values_mut() {
            fan.finish();
        }
        self.parts.insert(layer.id, plan.parts);
        Ok(())
    }

    /// Channels of each slice that a tile's channels were cut into. The plan's tiles fit an empty core.
    fn place_tile(
        &mut self,
        room: &Room,
        layer: &Layer,
        plan: &Plan,
        tile: &Rc<Tile>,
        mut channels: Range<u32>,
    ) -> Vec<u32> {
        let load = self.load(room.axons, layer.id, tile);
        let mut holes = self.holes(room, layer, tile, load, &channels);
        let mut slices = Vec::new();
        while !channels.is_empty() {
            let fresh = OpenCore::default().fitting(room, layer, tile, load, &channels).max(1);
            let core = pick_hole(&mut holes, channels.len() as u32, f64::from(fresh) * plan.hole_share);
            let core = core.unwrap_or_else(|| {
                self.cores.push(Rc::default());
                self.cores.len() - 1
            });
            let open = Rc::make_mut(&mut self.cores[core]);
            // A hole was measured for the first channels; thresholds of others can leave less room.
            let count = open.fitting(room, layer, tile, load, &channels);
            let count = if open.slices.is_empty() { count.max(1) } else { count };
            if count == 0 {
                continue;
            }
            let end = channels.start + count;
            open.add(room, layer, tile, load, channels.start..end);
            slices.push(count);
            channels.start = end;
        }
        slices
    }

    /// Open cores with room for the tile: (channels, core), most channels last. Only the latest [`HOLES_MAX`] cores
    /// that are not nearly full are looked at.
    fn holes(
        &self,
        room: &Room,
        layer: &Layer,
        tile: &Tile,
        load: Load,
        channels: &Range<u32>,
    ) -> Vec<(u32, usize)> {
        let mut holes: Vec<_> = self
            .cores
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, core)| core.neurons + load.neurons <= room.neurons)
            .take(HOLES_MAX)
            .map(|(i, core)| (core.fitting(room, layer, tile, load, channels), i))
            .filter(|&(count, _)| count > 0)
            .collect();
        holes.sort_unstable_by_key(|&(count, core)| (count, usize::MAX - core));
        holes
    }

    /// Replaces the least input axons of the layer's targets by the true ones.
    fn settle_axons(
        &mut self,
        room: &Room,
        layer: &Layer,
        pieces: &[(Rc<Tile>, Vec<u32>)],
    ) -> Result<(), Refusal> {
        let mut own = Fan::new(layer.population.shape);
        for (tile, slices) in pieces {
            let axons = slices.iter().map(|&atoms| room.axons.input_axons(atoms)).sum();
            own.add_box(&tile.rows, &tile.cols, axons);
        }
        own.finish();
        for core in &mut self.cores {
            let wires = core.slices.iter().flat_map(|s| &s.tile.wires).filter(|w| w.source == layer.id);
            let mut change = 0i64;
            for wire in wires {
                let least = axons_least(room.axons, wire.inputs) * wire.positions();
                change += own.sum_reached(&wire.rows, &wire.cols) as i64 - least as i64;
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
