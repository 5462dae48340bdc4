//! Filled cores as share-outs: how many channels of each tile which core has, and what that takes of every limit.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use super::super::TileSearch;
use super::super::capacity::CoreCapacity;
use super::super::filled::FilledCores;
use super::super::open_core::{OpenCore, PlacedChannels};
use super::super::tile::PopulationTile;
use super::super::work::CoreLoad;
use super::links::Links;
use super::moves::Move;
use super::pressure::Pressure;
use crate::ir::PopulationId;
use crate::ir::program::usage::{CoreUsage, Limit};

/// A tile's channels, shared out among cores.
#[derive(Debug, Clone)]
pub struct TileShares {
    /// Population.
    pub population: PopulationId,
    /// Positions, and what they cost.
    pub tile: Rc<PopulationTile>,
    /// First channel.
    start: u32,
    /// (core, channels), channels ascending; every entry has some.
    pub holders: Vec<(usize, u32)>,
    /// Whether channels may move.
    pub movable: bool,
    /// Destination axons summed over its positions.
    pub fan_out: u64,
}

impl TileShares {
    /// The ranges of channels that a core has.
    fn ranges(&self, core: usize) -> impl Iterator<Item = Range<u32>> {
        let ranges = self.holders.iter().scan(self.start, |start, &(holder, channels)| {
            let range = *start..*start + channels;
            *start = range.end;
            Some((holder, range))
        });
        ranges.filter(move |&(holder, _)| holder == core).map(|(_, range)| range)
    }
}

/// All cores.
#[derive(Debug, Clone)]
pub struct SharedOut<'a> {
    /// What a core holds.
    pub capacity: &'a CoreCapacity<'a>,
    thresholds: BTreeMap<PopulationId, &'a [u32]>,
    /// Tiles with their cores.
    pub shares: Vec<TileShares>,
    /// By core: the tiles that it has channels of.
    pub of_core: Vec<Vec<usize>>,
    /// By core.
    pub used: Vec<CoreUsage>,
    /// By core.
    pub loads: Vec<CoreLoad>,
    /// How uneven they are.
    pub pressure: Pressure,
    /// Which tiles feed which.
    pub links: Links,
    /// Input axons of a slice, by tile.
    pub slice_axons: Vec<u64>,
}

/// A population with first and last row, first and last column of a tile.
type TileKey = (PopulationId, u32, u32, u32, u32);

/// The tiles of filled cores; none if the channels of some are not alike.
fn tiles_of(search: &TileSearch, fill: &FilledCores) -> Option<Vec<TileShares>> {
    let mut slices: BTreeMap<TileKey, Vec<(u32, u32, usize)>> = BTreeMap::new();
    let mut tiles: BTreeMap<TileKey, Rc<PopulationTile>> = BTreeMap::new();
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
            tiles.entry(key).or_insert_with(|| Rc::clone(&placed.tile));
        }
    }
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
                    tile: Rc::clone(tile),
                    start,
                    holders: vec![(core, channels)],
                    movable: true,
                    fan_out,
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
        let mut of_core = vec![Vec::new(); count];
        for (index, share) in shares.iter_mut().enumerate() {
            let mut seen: Vec<usize> = share.holders.iter().map(|&(core, _)| core).collect();
            seen.sort_unstable();
            seen.dedup();
            // A core that has two ranges of a tile keeps them.
            share.movable &= seen.len() == share.holders.len();
            seen.into_iter().for_each(|core| of_core[core].push(index));
        }
        if !shares.iter().any(|share| share.movable) {
            return None;
        }
        let empty = OpenCore::default();
        let open = |core: usize| fill.cores.get(core).map_or(&empty, |core| &**core);
        let loads: Vec<CoreLoad> = (0..count).map(|core| open(core).load.clone()).collect();
        let pressure = Pressure::new(&loads, search.steps());
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
        let thresholds = search.thresholds().collect();
        let links = Links::new(&shares, capacity.axons);
        let axons = |share: &TileShares| -> u64 {
            share.holders.iter().map(|&(_, channels)| u64::from(capacity.axons.input_axons(channels))).sum()
        };
        let axons: Vec<u64> = shares.iter().map(axons).collect();
        let of_slice = |(senders, outside): (&Vec<(usize, u64)>, &u64)| {
            outside + senders.iter().map(|&(sender, positions)| positions * axons[sender]).sum::<u64>()
        };
        let slice_axons = links.senders.iter().zip(&links.outside).map(of_slice).collect();
        Some(Self { capacity, thresholds, shares, of_core, used, loads, pressure, links, slice_axons })
    }

    /// Channels that a core has of a tile.
    pub fn channels(&self, share: usize, core: usize) -> u32 {
        let held = self.shares[share].holders.iter().find(|&&(holder, _)| holder == core);
        held.map_or(0, |&(_, channels)| channels)
    }

    /// What a core does once it has so many more (or fewer) channels of a tile.
    pub fn load_with(&self, load: &CoreLoad, share: usize, core: usize, change: i64) -> CoreLoad {
        let has = i64::from(self.channels(share, core));
        let tile = &self.shares[share].tile.work;
        let mut load = load.clone();
        for (unit, each) in tile.channel.iter().enumerate() {
            load.add(unit, each, change as f32);
        }
        let slices = i64::from(has + change > 0) - i64::from(has > 0);
        if slices != 0 {
            load.add(tile.decoding_unit, &tile.slice_axon_in, slices as f32);
        }
        load
    }

    /// What changes of a core's own use with so many more (or fewer) channels of a tile: neurons, memory, slots, and
    /// the axons of a slice that comes or goes.
    pub fn own_use(&self, used: &CoreUsage, share: usize, core: usize, change: i64) -> CoreUsage {
        let s = &self.shares[share];
        let has = self.channels(share, core);
        let now = (i64::from(has) + change) as u32;
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
        let limits = [Limit::Neurons, Limit::InputAxons, Limit::OutputAxons, Limit::SynapseMemory];
        used.first_beyond(&self.capacity.most, limits).is_none()
    }

    /// Whether a core could take channels of a tile, looking at the core alone.
    pub fn takes(&self, share: usize, core: usize, used: &CoreUsage, channels: u32) -> Option<CoreUsage> {
        let s = &self.shares[share];
        let has = self.channels(share, core);
        let sends = s.fan_out > 0;
        if self.capacity.axons.atoms_max().is_some_and(|most| sends && has + channels > most) {
            return None;
        }
        let clashes = |&other: &usize| {
            let other = &self.shares[other];
            other.population == s.population && other.tile.shares_sources(&s.tile)
        };
        if has == 0 && self.of_core[core].iter().any(clashes) {
            return None;
        }
        let used = self.own_use(used, share, core, channels.into());
        self.fits(&used).then_some(used)
    }

    /// What a core uses once it has given channels of a tile away.
    pub fn gives(&self, share: usize, core: usize, used: &CoreUsage, channels: u32) -> CoreUsage {
        self.own_use(used, share, core, -i64::from(channels))
    }

    /// Enters what cores do after moves.
    pub fn set_load(&mut self, core: usize, load: CoreLoad) {
        self.pressure.set(core, &load);
        self.loads[core] = load;
    }

    /// What the cores do, added up anew from their channels.
    pub fn sum_loads(&mut self) {
        let steps = self.pressure.steps();
        let of = |(core, tiles): (usize, &Vec<usize>)| {
            let mut load = CoreLoad::default();
            for &share in tiles {
                for channels in self.shares[share].ranges(core) {
                    load.add_tile(&self.shares[share].tile.work, channels.len() as u32);
                }
            }
            load
        };
        self.loads = self.of_core.iter().enumerate().map(of).collect();
        self.pressure = Pressure::new(&self.loads, steps);
    }

    /// Whether the cores that hold channels of the tiles that moved keep the number of distinct thresholds: other
    /// channels of a tile move up in its range.
    pub fn within_profiles(&self, moves: &[Move]) -> bool {
        let most = self.capacity.most.threshold_profiles;
        if most >= u64::from(u32::MAX) {
            return true;
        }
        let tiles = moves.iter().map(|one| &self.shares[one.share]);
        let mut cores: Vec<usize> =
            tiles.flat_map(|share| share.holders.iter().map(|&(core, _)| core)).collect();
        cores.sort_unstable();
        cores.dedup();
        cores.into_iter().all(|core| self.profiles(core) <= most)
    }

    /// Distinct thresholds of a core.
    fn profiles(&self, core: usize) -> u64 {
        let mut distinct: Vec<u32> = Vec::new();
        for &share in &self.of_core[core] {
            let s = &self.shares[share];
            for channels in s.ranges(core) {
                distinct.extend(self.thresholds_of(s.population, channels));
            }
        }
        distinct.sort_unstable();
        distinct.dedup();
        distinct.len() as u64
    }

    fn thresholds_of(&self, population: PopulationId, channels: Range<u32>) -> &[u32] {
        let all = self.thresholds.get(&population).copied().unwrap_or_default();
        all.get(channels.start as usize..channels.end as usize).unwrap_or_default()
    }

    /// The cores as the search by tiles knows them; those without channels left out.
    pub fn filled(&self, fill: &FilledCores) -> FilledCores {
        let mut cores: Vec<Rc<OpenCore>> = Vec::new();
        for (core, tiles) in self.of_core.iter().enumerate().filter(|(_, tiles)| !tiles.is_empty()) {
            let mut slices = Vec::new();
            for s in tiles.iter().map(|&share| &self.shares[share]) {
                let (population, tile) = (s.population, &s.tile);
                slices.extend(s.ranges(core).map(|channels| PlacedChannels {
                    population,
                    tile: Rc::clone(tile),
                    channels,
                }));
            }
            let synapse_bits = slices.iter().map(|s| s.tile.synapse_bits(&s.channels)).sum();
            let threshold_profiles = self.profiles(core);
            let used = CoreUsage { threshold_profiles, synapse_bits, ..self.used[core] };
            cores.push(Rc::new(OpenCore::of(used, slices, self.loads[core].clone())));
        }
        let packets = self.shares.iter().map(|s| s.tile.packets(&(0..0)) * s.holders.len() as f64).sum();
        FilledCores { cores, packets, ..fill.clone() }
    }
}
