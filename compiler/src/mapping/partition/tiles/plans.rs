//! Plans for one layer: which spatial grid for which channels.
//!
//! A grid cuts the map into tiles; each tile holds so many channels a core. No single grid need serve all channels: a
//! dynamic program over the channels finds the mix of grids of least cost, for several mixtures of cores (as shares
//! of a core, if holes get filled, or whole) and packets. The plans are then filled for real.

use std::collections::BTreeMap;
use std::sync::Arc;

use snnc_targets::Target;

use super::axons::TileOutput;
use super::capacity::CoreCapacity;
use super::filled::FilledCores;
use super::layer::PartitionLayer;
use super::least_cost::least_cost;
use super::open_core::OpenCore;
use super::tile::{PopulationTile, TileCache};
use super::work::WorkModel;
use crate::ir::spiking::parts::Parts;
use crate::mapping::partition::tiling::{pieces, useful_counts};

/// How a layer is cut: its kernels, and groups of channels with the tiles of each.
#[derive(Debug, Clone)]
pub struct LayerPlan {
    /// Parts of the incoming kernels.
    pub parts: Parts,
    /// (tiles, number of channels), channels ascending.
    pub groups: Vec<(Grid, u32)>,
    /// A hole takes channels before a new core does if it holds at least this share of what the new core would.
    pub hole_share: f64,
}

/// A grid of tiles, row by row.
type Grid = Arc<Vec<Arc<PopulationTile>>>;

/// Tiles of a population by cut and grid; they do not depend on other populations. Made when they are asked for; those
/// of large layers are made anew each time, as there would be millions of them.
#[derive(Debug, Default)]
pub struct TileGrids {
    figures: TileCache,
    known: BTreeMap<(Parts, (usize, usize)), Grid>,
    /// Tiles of the known grids.
    tiles: usize,
}

/// Most tiles that all grids of a layer may have together; finer ones are left out.
const TILES_MAX: usize = 40_000;
/// Most tiles that are kept, of a layer and of all layers together.
pub const TILES_KEPT: usize = 4 * TILES_MAX;

/// Rows and columns of the grids of a layer, coarse ones first.
fn grid_sizes(layer: &PartitionLayer, capacity: &CoreCapacity) -> Vec<(usize, usize)> {
    let shape = layer.population.shape;
    let least = (shape.len() as u64).div_ceil(capacity.most.neurons.max(1)) as usize;
    let mut counts: Vec<(usize, usize)> = Vec::new();
    for &rows in &useful_counts(shape.height) {
        counts.extend(useful_counts(shape.width).iter().map(|&cols| (rows, cols)));
    }
    counts.sort_by_key(|&(rows, cols)| (rows * cols, rows));
    let mut tiles = 0;
    // A grid coarser than the cores a layer needs at least is always tried.
    let tried = counts.into_iter().take_while(|&(rows, cols)| {
        tiles += rows * cols;
        tiles <= TILES_MAX || rows * cols <= 4 * least + 16
    });
    // One position of a channel is a neuron at least.
    let largest = |(rows, cols): (usize, usize)| shape.height.div_ceil(rows) * shape.width.div_ceil(cols);
    tried.filter(|&size| largest(size) as u64 <= capacity.most.neurons).collect()
}

impl TileGrids {
    /// Tiles that are kept.
    pub fn tiles(&self) -> usize {
        self.tiles
    }

    /// The grid of so many rows and columns of tiles under one cut.
    fn grid(
        &mut self,
        target: &Target,
        layer: &PartitionLayer,
        cut: usize,
        (rows, cols): (usize, usize),
        work: Option<&WorkModel>,
    ) -> Grid {
        let (parts, kernels) = &layer.cuts[cut];
        if let Some(grid) = self.known.get(&(*parts, (rows, cols))) {
            return Arc::clone(grid);
        }
        let shape = layer.population.shape;
        let mut tiles = Vec::with_capacity(rows * cols);
        for rows in &pieces(shape.height, rows) {
            for cols in &pieces(shape.width, cols) {
                let mut tile = self.figures.tile(target, kernels, rows, cols);
                if let Some(work) = work {
                    tile.work = work.tile(layer.id, tile.positions(), &tile.kernels);
                }
                tiles.push(Arc::new(tile));
            }
        }
        let grid = Arc::new(tiles);
        if self.tiles + grid.len() <= TILES_KEPT {
            self.tiles += grid.len();
            self.known.insert((*parts, (rows, cols)), Arc::clone(&grid));
        }
        grid
    }
}

/// A grid in a state of the search: how many channels of each of its tiles a core takes.
struct GridChoice {
    /// Rows and columns of tiles.
    size: (usize, usize),
    /// (channels a core, tiles, packets a slice of each of them summed).
    classes: Vec<(u32, f64, f64)>,
    /// Packets of one channel of all tiles, beyond those of a slice: of groups of channels each is sent to one slice.
    grouped: f64,
    /// What a channel of all tiles takes of every limit, each as a share of a core, summed; only where work is limited.
    resources: f64,
}

/// What some channels cost under a grid.
#[derive(Debug, Clone, Copy, Default)]
struct GridCost {
    /// Cores, if holes get filled.
    shares: f64,
    /// Cores, each slice on one of its own.
    slices: f64,
    packets: f64,
    /// Shares of all limits together.
    resources: f64,
}

impl GridChoice {
    /// `None` if some tile does not fit a core.
    fn new(
        capacity: &CoreCapacity,
        layer: &PartitionLayer,
        fill: &FilledCores,
        (size, tiles): ((usize, usize), &Grid),
    ) -> Option<Self> {
        let mut classes: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
        let (mut grouped, mut resources) = (0.0, 0.0);
        let empty = OpenCore::default();
        for tile in tiles.iter() {
            let output = fill.output(capacity.axons, layer.id, tile);
            let most = empty.fitting(capacity, layer, tile, &output, &(0..layer.channels()));
            let fits = |c: u32| empty.fitting(capacity, layer, tile, &output, &(c..c + 1)) > 0;
            let bits = capacity.most.synapse_bits;
            let large = tile.unlike && !tile.grouped && tile.synapse_bits_most(1) > bits;
            if most == 0 || large || !unlike(layer, &output).all(fits) {
                return None;
            }
            if capacity.work.is_some() {
                let mut core = OpenCore::default();
                core.add(capacity, layer, tile, &output, 0..most);
                resources += core.shares(capacity) / f64::from(most);
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
        Some(Self { size, classes, grouped, resources })
    }

    /// Whether any number of channels costs the same under both.
    fn costs_as(&self, other: &Self) -> bool {
        let own = (&self.classes, self.grouped, self.resources);
        own == (&other.classes, other.grouped, other.resources)
    }

    fn cost(&self, channels: u32) -> GridCost {
        let mut cost = GridCost {
            packets: self.grouped * f64::from(channels),
            resources: self.resources * f64::from(channels),
            ..GridCost::default()
        };
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

/// Channels from which on a layer is fed or sends otherwise than before; none where all are alike.
fn unlike(layer: &PartitionLayer, output: &TileOutput) -> impl Iterator<Item = u32> {
    let ends = layer.groups.iter().flat_map(|map| [map.targets().start as u32, map.targets().end as u32]);
    ends.chain(output.cuts().iter().copied()).filter(|&c| c < layer.channels())
}

/// How cores and packets are weighed against each other; packets in units that make both alike.
#[derive(Debug, Clone, Copy)]
struct CostWeights {
    shares: f64,
    slices: f64,
    packets: f64,
    resources: f64,
}

impl CostWeights {
    const fn new(shares: f64, slices: f64, packets: f64, resources: f64) -> Self {
        Self { shares, slices, packets, resources }
    }
}

/// Weightings from cores alone to packets alone.
const WEIGHTINGS: [CostWeights; 5] = [
    CostWeights::new(1.0, 0.02, 1e-4, 0.0),
    CostWeights::new(0.5, 0.5, 1e-3, 0.0),
    CostWeights::new(0.1, 0.9, 1e-3, 0.0),
    CostWeights::new(0.2, 0.4, 0.4, 0.0),
    CostWeights::new(0.0, 1e-4, 1.0, 0.0),
];

/// Weightings where work is limited: slices are smaller than cores then, and what counts is what they leave of all
/// limits for others.
const WEIGHTINGS_OF_SHARED: [CostWeights; 4] = [
    CostWeights::new(1.0, 0.02, 1e-4, 0.0),
    CostWeights::new(0.5, 0.5, 1e-3, 0.0),
    CostWeights::new(0.1, 0.02, 1e-3, 0.3),
    CostWeights::new(0.1, 0.02, 0.3, 0.3),
];

/// Shares of a fresh core's channels from which a hole is worth a slice of its own.
const HOLE_SHARES: [f64; 2] = [1.0, 0.3];

/// Plans for a layer on top of what is filled, without doubles; none if no grid fits.
pub fn plans(
    target: &Target,
    capacity: &CoreCapacity,
    layer: &PartitionLayer,
    grids: &mut TileGrids,
    fill: &FilledCores,
    work: Option<&WorkModel>,
) -> Vec<LayerPlan> {
    let sizes = grid_sizes(layer, capacity);
    let mut plans: Vec<LayerPlan> = Vec::new();
    for cut in 0..layer.cuts.len() {
        let choice = |&size: &(usize, usize)| {
            let grid = grids.grid(target, layer, cut, size, work);
            GridChoice::new(capacity, layer, fill, (size, &grid))
        };
        let mut choices: Vec<GridChoice> = Vec::new();
        for one in sizes.iter().filter_map(choice) {
            // Of grids that cost the same, such as one and its mirror image, the first is what would be chosen.
            if !choices.iter().any(|other| other.costs_as(&one)) {
                choices.push(one);
            }
        }
        if choices.is_empty() {
            continue;
        }
        let weightings: &[CostWeights] =
            if capacity.work.is_some() { &WEIGHTINGS_OF_SHARED } else { &WEIGHTINGS };
        // Plans share the tiles of a grid.
        let mut chosen: BTreeMap<usize, Grid> = BTreeMap::new();
        for groups in least_cost_groups(&choices, layer.channels(), weightings) {
            let mut tiles = Vec::with_capacity(groups.len());
            for (choice, width) in groups {
                let grid = || grids.grid(target, layer, cut, choices[choice].size, work);
                tiles.push((Arc::clone(chosen.entry(choice).or_insert_with(grid)), width));
            }
            for hole_share in HOLE_SHARES {
                plans.push(LayerPlan { parts: layer.cuts[cut].0, groups: tiles.clone(), hole_share });
            }
        }
    }
    plans
}

/// (choice, channels) groups of least cost for each of some weightings.
fn least_cost_groups(
    choices: &[GridChoice],
    channels: u32,
    weightings: &[CostWeights],
) -> Vec<Vec<(usize, u32)>> {
    let costs: Vec<Vec<GridCost>> =
        choices.iter().map(|choice| (0..=channels).map(|w| choice.cost(w)).collect()).collect();
    let widths: Vec<Vec<u32>> = choices.iter().map(|choice| choice.widths(channels)).collect();
    let least = |value: fn(&GridCost) -> f64| {
        costs.iter().map(|c| value(&c[channels as usize])).fold(f64::INFINITY, f64::min).max(1e-9)
    };
    let unit = least(|c| c.slices) / least(|c| c.packets);
    let mut found: Vec<Vec<(usize, u32)>> = Vec::new();
    for weights in weightings {
        let value = |c: &GridCost| {
            weights.shares * c.shares
                + weights.slices * c.slices
                + weights.packets * c.packets * unit
                + weights.resources * c.resources
        };
        let values: Vec<Vec<f64>> = costs.iter().map(|c| c.iter().map(value).collect()).collect();
        let groups = least_cost(&values, &widths, channels);
        if !found.contains(&groups) {
            found.push(groups);
        }
    }
    found
}
