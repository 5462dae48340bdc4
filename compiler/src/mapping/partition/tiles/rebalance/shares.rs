//! Filled cores as share-outs: how many channels of each tile which core has, and what that takes of every limit.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::super::TileSearch;
use super::super::capacity::CoreCapacity;
use super::super::filled::FilledCores;
use super::super::open_core::{OpenCore, PlacedChannels};
use super::super::tile::PopulationTile;
use super::super::work::CoreLoad;
use super::links::Links;
use super::moves::Move;
use super::pressure::{LaneWork, Pressure, WorkChange};
use super::profiles::ThresholdRuns;
use crate::ir::PopulationId;
use crate::ir::program::usage::CoreUsage;

/// A tile's channels, shared out among cores.
#[derive(Debug, Clone)]
pub struct TileShares {
    /// Population.
    pub population: PopulationId,
    /// Positions, and what they cost.
    pub tile: Arc<PopulationTile>,
    /// First channel.
    start: u32,
    /// (core, channels), channels ascending; every entry has some.
    pub holders: Vec<(usize, u32)>,
    /// Whether channels may move.
    pub movable: bool,
    /// Destination axons summed over its positions.
    pub fan_out: u64,
    /// What it does, by timestep.
    pub work: LaneWork,
    /// Expected packets that a slice of it is sent.
    pub packets: f32,
    /// The thresholds of its population.
    thresholds: Arc<ThresholdRuns>,
}

impl TileShares {
    /// The ranges of channels that a core has: one if channels may move.
    fn ranges(&self, core: usize) -> impl Iterator<Item = Range<u32>> {
        let mut start = self.start;
        let ranges = self.holders.iter().map(move |&(holder, channels)| {
            start += channels;
            (holder, start - channels..start)
        });
        let most = if self.movable { 1 } else { usize::MAX };
        ranges.filter(move |&(holder, _)| holder == core).map(|(_, range)| range).take(most)
    }
}

/// Channels of a tile on a core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldChannels {
    /// Index of the tile.
    pub share: usize,
    /// Channels; some.
    pub channels: u32,
}

/// Channels of a tile among those that a core has.
pub fn channels_of(held: &[HeldChannels], share: usize) -> u32 {
    held.iter().find(|held| held.share == share).map_or(0, |held| held.channels)
}

/// All cores.
#[derive(Debug, Clone)]
pub struct SharedOut<'a> {
    /// What a core holds.
    pub capacity: &'a CoreCapacity<'a>,
    /// Tiles with their cores.
    pub shares: Vec<TileShares>,
    /// By core: the tiles that it has channels of.
    pub of_core: Vec<Vec<HeldChannels>>,
    /// By core.
    pub used: Vec<CoreUsage>,
    /// How unevenly the cores are busy.
    pub pressure: Pressure,
    /// Which tiles feed which.
    pub links: Links,
    /// Input axons of a slice, by tile.
    pub slice_axons: Vec<u64>,
    /// Room for the holders of the tiles of a move, as they were before it.
    pub before: [Vec<(usize, u32)>; 2],
}

/// A population with first and last row, first and last column of a tile.
type TileKey = (PopulationId, u32, u32, u32, u32);

/// The tiles of filled cores; none if the channels of some are not alike.
fn tiles_of(search: &TileSearch, fill: &FilledCores) -> Option<Vec<TileShares>> {
    let mut slices: BTreeMap<TileKey, Vec<(u32, u32, usize)>> = BTreeMap::new();
    let mut tiles: BTreeMap<TileKey, Arc<PopulationTile>> = BTreeMap::new();
    for (core, open) in fill.cores.iter().enumerate() {
        for placed in &open.slices {
            let (rows, cols) = (&placed.tile.rows, &placed.tile.cols);
            let outgoing = fill.outgoing.get(&placed.population);
            let unlike = outgoing.is_some_and(|outgoing| !outgoing.cuts.is_empty());
            if placed.tile.grouped || unlike || search.is_irregular(placed.population) {
                return None;
            }
            let key = (placed.population, rows.start, rows.end, cols.start, cols.end);
            slices.entry(key).or_default().push((placed.channels.start, placed.channels.end, core));
            tiles.entry(key).or_insert_with(|| Arc::clone(&placed.tile));
        }
    }
    let runs = search.thresholds().map(|(id, all)| (id, Arc::new(ThresholdRuns::new(all))));
    let runs: BTreeMap<PopulationId, Arc<ThresholdRuns>> = runs.collect();
    let mut shares: Vec<TileShares> = Vec::new();
    for (key, mut own) in slices {
        own.sort_unstable();
        let tile = &tiles[&key];
        let outgoing = fill.outgoing.get(&key.0);
        let fan_out = outgoing.map_or(0, |outgoing| outgoing.all.sum(&tile.rows, &tile.cols));
        let mut end = None;
        for (start, stop, core) in own {
            let channels = stop - start;
            match shares.last_mut() {
                Some(last) if end == Some(start) => last.holders.push((core, channels)),
                _ => shares.push(TileShares {
                    population: key.0,
                    tile: Arc::clone(tile),
                    start,
                    holders: vec![(core, channels)],
                    movable: true,
                    fan_out,
                    work: LaneWork::new(&search.work_of(key.0, tile, fan_out)),
                    packets: tile.packets(&(0..0)) as f32,
                    thresholds: runs.get(&key.0).cloned().unwrap_or_default(),
                }),
            }
            end = Some(stop);
        }
    }
    Some(shares)
}

impl<'a> SharedOut<'a> {
    /// Of filled cores and empty ones up to `cores`; none if nothing can move.
    pub fn new(
        search: &'a TileSearch,
        capacity: &'a CoreCapacity,
        fill: &FilledCores,
        cores: usize,
    ) -> Option<Self> {
        let count = cores.max(fill.cores.len());
        let mut shares = tiles_of(search, fill)?;
        let mut of_core: Vec<Vec<HeldChannels>> = vec![Vec::new(); count];
        for (index, share) in shares.iter_mut().enumerate() {
            for &(core, channels) in &share.holders {
                match of_core[core].iter_mut().find(|held| held.share == index) {
                    // A core that has two ranges of a tile keeps them.
                    Some(held) => {
                        held.channels += channels;
                        share.movable = false;
                    }
                    None => of_core[core].push(HeldChannels { share: index, channels }),
                }
            }
        }
        if !shares.iter().any(|share| share.movable) {
            return None;
        }
        let empty = OpenCore::default();
        let open = |core: usize| fill.cores.get(core).map_or(&empty, |core| &**core);
        // Which channels a core will have is not settled, so each takes what the largest one takes.
        let unsettled = |core: usize| -> u64 {
            let own = open(core).slices.iter();
            own.map(|s| s.tile.synapse_bits_most(s.channels.len() as u32) - s.tile.synapse_bits(&s.channels))
                .sum()
        };
        let used = (0..count).map(|core| {
            let used = *open(core).before_merging();
            CoreUsage { synapse_bits: used.synapse_bits + unsettled(core), ..used }
        });
        let used = used.collect();
        let links = Links::new(&shares, capacity.axons);
        let axons = |share: &TileShares| -> u64 {
            share.holders.iter().map(|&(_, channels)| u64::from(capacity.axons.input_axons(channels))).sum()
        };
        let axons: Vec<u64> = shares.iter().map(axons).collect();
        let of_slice = |(senders, outside): (&Vec<(usize, u64)>, &u64)| {
            outside + senders.iter().map(|&(sender, positions)| positions * axons[sender]).sum::<u64>()
        };
        let slice_axons = links.senders.iter().zip(&links.outside).map(of_slice).collect();
        let pressure = Pressure::new(count, search.steps());
        let mut state = Self {
            capacity,
            shares,
            of_core,
            used,
            pressure,
            links,
            slice_axons,
            before: Default::default(),
        };
        state.sum_loads();
        Some(state)
    }

    /// Channels that a core has of a tile.
    pub fn channels(&self, share: usize, core: usize) -> u32 {
        channels_of(&self.of_core[core], share)
    }

    /// A core's use if it has `now` channels of a tile and not `has`: neurons, memory, slots, and the axons of a
    /// slice that comes or goes.
    pub fn with(&self, used: &CoreUsage, share: usize, has: u32, now: u32) -> CoreUsage {
        let s = &self.shares[share];
        let bits = |channels: u32| if channels == 0 { 0 } else { s.tile.synapse_bits_most(channels) };
        let slots = |channels: u32| match channels {
            0 => 0,
            _ => s.fan_out * u64::from(self.capacity.axons.output_slots(channels)),
        };
        let mut used = *used;
        let positions = s.tile.positions();
        used.neurons = used.neurons + u64::from(now) * positions - u64::from(has) * positions;
        used.synapse_bits = used.synapse_bits + bits(now) - bits(has);
        used.output_axons = used.output_axons + slots(now) - slots(has);
        if (has == 0) != (now == 0) {
            let axons = self.slice_axons[share];
            used.input_axons = if has == 0 { used.input_axons + axons } else { used.input_axons - axons };
        }
        used
    }

    /// Whether a core keeps its limits, thresholds left out.
    pub fn fits(&self, used: &CoreUsage) -> bool {
        let most = &self.capacity.most;
        used.neurons <= most.neurons
            && used.input_axons <= most.input_axons
            && used.output_axons <= most.output_axons
            && used.synapse_bits <= most.synapse_bits
    }

    /// Whether a core could have channels of a tile as far as the tile's other slices and its axons are concerned;
    /// `leaves` is a tile that the core gives away.
    pub fn joins(&self, share: usize, core: usize, (has, now): (u32, u32), leaves: Option<usize>) -> bool {
        let s = &self.shares[share];
        if self.capacity.axons.atoms_max().is_some_and(|most| s.fan_out > 0 && now > most) {
            return false;
        }
        let clashes = |held: &HeldChannels| {
            let other = &self.shares[held.share];
            other.population == s.population
                && leaves != Some(held.share)
                && other.tile.shares_sources(&s.tile)
        };
        has > 0 || !self.of_core[core].iter().any(clashes)
    }

    /// What the cores do, added up anew from their channels: sums of many small changes would drift.
    pub fn sum_loads(&mut self) {
        self.pressure.clear();
        for share in &self.shares {
            for &(core, channels) in &share.holders {
                self.pressure
                    .add(core, WorkChange { work: &share.work, channels: channels as f32, slices: 1.0 });
            }
        }
        self.pressure.sum();
    }

    /// What is to fall, in ps: the time of cores, and what packets cost beside it.
    pub fn cost(&self, packet_ps: f32) -> f64 {
        let packets: f64 = self.shares.iter().map(|s| f64::from(s.packets) * s.holders.len() as f64).sum();
        self.pressure.busiest_ps() + packets * f64::from(packet_ps)
    }

    /// Whether the cores that hold channels of a tile that moved keep the number of distinct thresholds: other
    /// channels of the tile move up in its range. `before` are its holders before the move, when all cores did.
    pub fn within_profiles(&self, one: &Move, before: &[(usize, u32)]) -> bool {
        let most = self.capacity.most.threshold_profiles;
        if most >= u64::from(u32::MAX) {
            return true;
        }
        let now = &self.shares[one.share].holders;
        let alike = |(a, b): &(&(usize, u32), &(usize, u32))| a == b;
        let first = now.iter().zip(before).take_while(alike).count();
        // The first and the last holders have the channels that they had.
        let rest = (&now[first..], &before[first..]);
        let last = rest.0.iter().rev().zip(rest.1.iter().rev()).take_while(alike).count();
        now[first..now.len() - last].iter().all(|&(core, _)| self.profiles(core, most) <= most)
    }

    /// Distinct thresholds of a core; of those that cannot be more than `enough` a bound.
    fn profiles(&self, core: usize, enough: u64) -> u64 {
        let runs = || {
            self.of_core[core].iter().flat_map(|held| {
                let s = &self.shares[held.share];
                s.ranges(core).map(|range| s.thresholds.of(range))
            })
        };
        let bound = runs().map(|own| own.len() as u64).sum();
        if bound <= enough {
            return bound;
        }
        let mut distinct: Vec<u32> = runs().flatten().copied().collect();
        distinct.sort_unstable();
        distinct.dedup();
        distinct.len() as u64
    }

    /// What a core is expected to do.
    fn load(&self, core: usize) -> CoreLoad {
        let mut load = CoreLoad::default();
        for share in self.of_core[core].iter().map(|held| &self.shares[held.share]) {
            for channels in share.ranges(core) {
                load.add_tile(&share.tile.work, channels.len() as u32);
            }
        }
        load
    }

    /// The cores as the search by tiles knows them; those without channels left out.
    pub fn filled(&self, fill: &FilledCores) -> FilledCores {
        let mut cores: Vec<Arc<OpenCore>> = Vec::new();
        for (core, tiles) in self.of_core.iter().enumerate().filter(|(_, tiles)| !tiles.is_empty()) {
            let mut slices = Vec::new();
            for s in tiles.iter().map(|held| &self.shares[held.share]) {
                let (population, tile) = (s.population, &s.tile);
                slices.extend(s.ranges(core).map(|channels| PlacedChannels {
                    population,
                    tile: Arc::clone(tile),
                    channels,
                }));
            }
            let synapse_bits = slices.iter().map(|s| s.tile.synapse_bits(&s.channels)).sum();
            let threshold_profiles = self.profiles(core, 0);
            let used = CoreUsage { threshold_profiles, synapse_bits, ..self.used[core] };
            cores.push(Arc::new(OpenCore::of(used, slices, self.load(core))));
        }
        let packets = self.shares.iter().map(|s| s.tile.packets(&(0..0)) * s.holders.len() as f64).sum();
        FilledCores { cores, packets, ..fill.clone() }
    }
}
