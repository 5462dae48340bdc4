//! Plans for one layer: which spatial grid for which channels.
//!
//! A grid cuts the map into tiles; each tile holds so many channels a core. No single grid need serve all channels: a
//! dynamic program over the channels finds the mix of grids of least cost, for several mixtures of cores (as shares
//! of a core, if holes get filled, or whole) and packets. The plans are then filled for real.

use std::collections::BTreeMap;
use std::rc::Rc;

use snnc_targets::Target;

use super::figures::{Figures, Tile};
use super::fill::{Fill, OpenCore, Plan, Room};
use super::layers::Layer;
use super::tiling::{pieces, useful_counts};
use crate::ir::spiking::parts::Parts;

/// Tiles of a population by cut and grid; they do not depend on other populations.
#[derive(Debug, Default)]
pub struct Grids {
    figures: Figures,
    known: BTreeMap<Parts, Vec<Rc<Vec<Rc<Tile>>>>>,
}

/// Most tiles that all grids of a layer may have together; finer ones are left out.
const TILES_MAX: usize = 40_000;

impl Grids {
    /// All grids of a layer under one cut, coarse ones first.
    fn of(&mut self, target: &Target, layer: &Layer, cut: usize, reach: usize) -> Vec<Rc<Vec<Rc<Tile>>>> {
        let (parts, wires) = &layer.cuts[cut];
        if let Some(grids) = self.known.get(parts) {
            return grids.clone();
        }
        let shape = layer.population.shape;
        let mut counts: Vec<(usize, usize)> = Vec::new();
        for &rows in &useful_counts(shape.height) {
            counts.extend(useful_counts(shape.width).iter().map(|&cols| (rows, cols)));
        }
        counts.sort_by_key(|&(rows, cols)| (rows * cols, rows));
        let mut tiles = 0;
        let mut grids = Vec::new();
        for (rows, cols) in counts {
            tiles += rows * cols;
            // A grid coarser than the cores a layer needs at least is always tried.
            if tiles > TILES_MAX && rows * cols > reach {
                break;
            }
            let mut grid = Vec::with_capacity(rows * cols);
            for rows in &pieces(shape.height, rows) {
                for cols in &pieces(shape.width, cols) {
                    grid.push(Rc::new(self.figures.tile(target, wires, rows, cols)));
                }
            }
            grids.push(Rc::new(grid));
        }
        self.known.insert(*parts, grids.clone());
        grids
    }
}

/// A grid under the fans of a state: how its tiles divide channels.
struct Choice {
    tiles: Rc<Vec<Rc<Tile>>>,
    /// (channels a core, tiles, packets a slice of each of them summed).
    classes: Vec<(u32, f64, f64)>,
    /// Packets of one channel of all tiles, beyond those of a slice: of groups of channels each is sent to one slice.
    grouped: f64,
}

/// What some channels cost.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    /// Cores, if holes get filled.
    shares: f64,
    /// Cores, each slice on one of its own.
    slices: f64,
    packets: f64,
}

impl Choice {
    /// `None` if some tile does not fit a core.
    fn new(room: &Room, layer: &Layer, fill: &Fill, tiles: &Rc<Vec<Rc<Tile>>>) -> Option<Self> {
        let mut classes: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
        let mut grouped = 0.0;
        let empty = OpenCore::default();
        for tile in tiles.iter() {
            let load = fill.load(room.axons, layer.id, tile);
            let most = empty.fitting(room, layer, tile, &load, &(0..layer.channels()));
            if most == 0 {
                return None;
            }
            let class = classes.entry(most).or_default();
            class.0 += 1.0;
            let slice = tile.packets(&(0..0));
            class.1 += slice;
            if tile.grouped {
                grouped += (tile.packets(&(0..layer.channels())) - slice) / f64::from(layer.channels());
            }
        }
        let classes = classes.into_iter().map(|(most, (count, packets))| (most, count, packets)).collect();
        Some(Self { tiles: Rc::clone(tiles), classes, grouped })
    }

    fn cost(&self, channels: u32) -> Cost {
        let mut cost = Cost { packets: self.grouped * f64::from(channels), ..Cost::default() };
        for &(most, count, packets) in &self.classes {
            let slices = f64::from(channels.div_ceil(most));
            cost.shares += f64::from(channels) / f64::from(most) * count;
            cost.slices += slices * count;
            cost.packets += slices * packets;
        }
        cost
    }

    /// Numbers of channels after which another slice would be needed.
    fn widths(&self, channels: u32) -> Vec<u32> {
        const EACH: u32 = 24;
        let mut widths = vec![channels];
        for &(most, _, _) in &self.classes {
            let count = channels / most;
            let step = count.div_ceil(EACH).max(1);
            widths.extend((1..=count / step).map(|i| i * step * most));
        }
        widths.sort_unstable();
        widths.dedup();
        widths
    }
}

/// How cores and packets are weighed against each other; packets in units that make both alike.
#[derive(Debug, Clone, Copy)]
struct Mix {
    shares: f64,
    slices: f64,
    packets: f64,
}

/// From cores alone to packets alone.
const MIXES: [Mix; 5] = [
    Mix { shares: 1.0, slices: 0.02, packets: 1e-4 },
    Mix { shares: 0.5, slices: 0.5, packets: 1e-3 },
    Mix { shares: 0.1, slices: 0.9, packets: 1e-3 },
    Mix { shares: 0.2, slices: 0.4, packets: 0.4 },
    Mix { shares: 0.0, slices: 1e-4, packets: 1.0 },
];

/// Shares of a fresh core's channels from which a hole is worth a slice of its own.
const HOLE_SHARES: [f64; 2] = [1.0, 0.3];

/// Plans for a layer on top of what is filled, without doubles; none if no grid fits.
pub fn plans(target: &Target, room: &Room, layer: &Layer, grids: &mut Grids, fill: &Fill) -> Vec<Plan> {
    let reach = 4 * (layer.population.shape.len() as u64).div_ceil(room.neurons.max(1)) as usize + 16;
    let mut plans: Vec<Plan> = Vec::new();
    for cut in 0..layer.cuts.len() {
        let choices: Vec<Choice> = grids
            .of(target, layer, cut, reach)
            .iter()
            .filter_map(|tiles| Choice::new(room, layer, fill, tiles))
            .collect();
        if choices.is_empty() {
            continue;
        }
        for groups in mixed(&choices, layer.channels()) {
            for hole_share in HOLE_SHARES {
                let tiles = groups
                    .iter()
                    .map(|&(choice, width)| (Rc::clone(&choices[choice].tiles), width))
                    .collect();
                plans.push(Plan { parts: layer.cuts[cut].0, groups: tiles, hole_share });
            }
        }
    }
    plans
}

/// (choice, channels) groups of least cost for each mix.
fn mixed(choices: &[Choice], channels: u32) -> Vec<Vec<(usize, u32)>> {
    let costs: Vec<Vec<Cost>> =
        choices.iter().map(|choice| (0..=channels).map(|w| choice.cost(w)).collect()).collect();
    let widths: Vec<Vec<u32>> = choices.iter().map(|choice| choice.widths(channels)).collect();
    let least = |value: fn(&Cost) -> f64| {
        costs.iter().map(|c| value(&c[channels as usize])).fold(f64::INFINITY, f64::min).max(1e-9)
    };
    let unit = least(|c| c.slices) / least(|c| c.packets);
    let mut found: Vec<Vec<(usize, u32)>> = Vec::new();
    for mix in MIXES {
        let value = |c: &Cost| mix.shares * c.shares + mix.slices * c.slices + mix.packets * c.packets * unit;
        let groups = least_cost(&costs, &widths, channels, value);
        if !found.contains(&groups) {
            found.push(groups);
        }
    }
    found
}

/// The dynamic program: `best[c]` for the first c channels, each time with one more group.
fn least_cost(
    costs: &[Vec<Cost>],
    widths: &[Vec<u32>],
    channels: u32,
    value: impl Fn(&Cost) -> f64,
) -> Vec<(usize, u32)> {
    let values: Vec<Vec<f64>> = costs.iter().map(|c| c.iter().map(&value).collect()).collect();
    let mut best = vec![(0.0, 0, 0); channels as usize + 1];
    for c in 1..=channels {
        best[c as usize].0 = f64::INFINITY;
        for (choice, values) in values.iter().enumerate() {
            for &width in &widths[choice] {
                let width = width.min(c);
                let total = best[(c - width) as usize].0 + values[width as usize];
                if total < best[c as usize].0 {
                    best[c as usize] = (total, choice, width);
                }
                if width == c {
                    break;
                }
            }
        }
    }
    let mut groups: Vec<(usize, u32)> = Vec::new();
    let mut c = channels;
    while c > 0 {
        let (_, choice, width) = best[c as usize];
        match groups.iter_mut().find(|(other, _)| *other == choice) {
            // The same grid twice is one group: its slices are cut where cores end, not where groups do.
            Some((_, sum)) => *sum += width,
            None => groups.push((choice, width)),
        }
        c -= width;
    }
    groups.sort_unstable();
    groups
}
