//! The partitioner by tiles: beam search from the outputs of networks to their inputs, one network after the other.
//!
//! A layer's slices set the output axons of its sources, so targets come first. A state of the search is cores filled
//! with all layers seen so far ([`filled`]). Each next layer is tried with several plans ([`mod@plans`]): cuts of its
//! kernels and grids of its map, whose tiles ([`tile`]) cost what [`open_core`] counts. The best states go on.
//! Populations of irregular projections have no map and are placed neuron by neuron ([`irregular`]). What fits no core
//! is refused by name ([`refuse`]).
//!
//! Deterministic: candidates are ordered, and those of equal cost keep their order.

mod axons;
mod capacity;
mod core_room;
mod filled;
mod growth;
mod irregular;
mod layer;
mod least_cost;
mod open_core;
mod plans;
mod rebalance;
mod refuse;
mod tile;
pub mod work;

use rayon::prelude::*;
use snnc_targets::schema::RoutingScheme;
use snnc_targets::{Diagnostics, Target};
use std::ops::Range;
use std::sync::Arc;

use self::capacity::CoreCapacity;
pub use self::filled::FilledCores;
use self::layer::PartitionLayer;
use self::open_core::PlacedChannels;
use self::plans::{LayerPlan, TILES_KEPT, TileGrids, plans};
use self::tile::PopulationTile;
use self::work::{TileWork, WorkLimit, WorkModel};
use super::Rates;
use super::search::{Objective, SearchOptions, SearchedPartition};
use crate::ir::program::Slice;
use crate::ir::program::usage::LimitExceeded;
use crate::ir::spiking::SpikingIr;
use crate::ir::spiking::parts::Parts;
use crate::ir::{NetworkId, PopulationId};
use crate::mapping::effort::Effort;
use crate::mapping::observer::MappingObserver;

/// States kept after each layer.
fn beam(effort: Effort) -> usize {
    match effort {
        Effort::Fast => 2,
        Effort::Default => 6,
        Effort::Best => 24,
    }
}

/// Share of all work below which networks fill what others leave, without a limit to how busy they make a core.
pub const NEGLIGIBLE: f64 = 0.01;

/// Cores that the states of a beam may have together.
const BEAM_CORES: usize = 8_000;

/// Searches a partition of networks without cycles, which may share cores. The layers of the last one are placed first.
/// Steps of the observer are layers; they are expected here.
///
/// # Errors
/// [`Code::DoesNotFit`](snnc_targets::Code::DoesNotFit) with layer, limit, use and a remedy.
pub fn search_networks(
    ir: &SpikingIr,
    target: &Target,
    rates: &Rates,
    options: SearchOptions,
    networks: &[NetworkId],
    observer: &dyn MappingObserver,
) -> Result<SearchedPartition, Diagnostics> {
    let mut search = TileSearch::new(ir, target, rates, options, networks, (None, observer));
    observer.expect(search.run_layers());
    let fill = search.run(search.objective())?;
    Ok(search.found(&fill))
}

/// Work that the search looks at.
pub struct WorkForeseen<'a> {
    /// Of an item, its passes taken to be alike: what cores are filled by.
    pub item: WorkModel<'a>,
    /// Of its phases: what filled cores are evened out by.
    pub phases: WorkModel<'a>,
}

/// The search for some networks: layers and their tiles, made once for any number of runs.
pub struct TileSearch<'a> {
    ir: &'a SpikingIr,
    target: &'a Target,
    rates: &'a Rates,
    options: SearchOptions,
    layers: Vec<PartitionLayer<'a>>,
    grids: Vec<TileGrids>,
    work: Option<WorkForeseen<'a>>,
    /// Work of each layer, in picoseconds; empty where work is not looked at.
    layer_work: Vec<f64>,
    /// Its steps are layers of runs, and moves where work is evened out.
    observer: &'a dyn MappingObserver,
}

impl<'a> TileSearch<'a> {
    /// The search for networks, of which the last one is placed first and the others where it leaves room; where `work`
    /// is given, cores know how busy they are.
    pub fn new(
        ir: &'a SpikingIr,
        target: &'a Target,
        rates: &'a Rates,
        options: SearchOptions,
        networks: &[NetworkId],
        (work, observer): (Option<WorkForeseen<'a>>, &'a dyn MappingObserver),
    ) -> Self {
        let layers = PartitionLayer::all(ir, target, rates, networks, options.whole_kernels);
        let grids = layers.iter().map(|_| TileGrids::default()).collect();
        let of =
            |work: &WorkForeseen| layers.iter().map(|layer| work.item.population(ir, layer.id)).collect();
        let layer_work = work.as_ref().map(of).unwrap_or_default();
        Self { ir, target, rates, options, layers, grids, work, layer_work, observer }
    }

    /// What a single run makes small.
    fn objective(&self) -> Fewest {
        if self.options.objective == Objective::Packets { Fewest::Packets } else { Fewest::Cores }
    }

    /// Fills cores with all layers.
    ///
    /// # Errors
    /// What does not fit.
    pub fn run(&mut self, fewest: Fewest) -> Result<FilledCores, Diagnostics> {
        let (beam, all) = (beam(self.options.effort), 0..self.layers.len());
        let (observer, layers) = (self.observer, self.run_layers());
        let mut search = |beam| self.beam_search(fewest, None, beam, (FilledCores::default(), all.clone()));
        // The quick search can meet a dead end; a wider one is tried before the model is refused.
        search(beam).or_else(|_| {
            observer.expect(layers);
            search(beam * 8)
        })
    }

    /// Tells the observer of so many layers more.
    pub fn expect(&self, layers: u64) {
        self.observer.expect(layers);
    }

    /// Tells the observer of so many layers that are not run.
    pub fn skip(&self, layers: u64) {
        self.observer.skip(layers);
    }

    /// Layers that a run goes through.
    pub fn run_layers(&self) -> u64 {
        self.layers.len() as u64
    }

    /// Layers that a run within a limit goes through.
    pub fn busy_layers(&self) -> u64 {
        (self.layers.len() - self.quiet()) as u64
    }

    /// Layers that complete such a run.
    pub fn quiet_layers(&self) -> u64 {
        self.quiet() as u64
    }

    /// Fills cores, each of which may be busy so long at most, with the layers of the networks that work; the others
    /// follow ([`TileSearch::completed`]).
    ///
    /// # Errors
    /// What does not fit.
    pub fn run_within(&mut self, limit: WorkLimit) -> Result<FilledCores, Diagnostics> {
        // Such runs are many, and each is a chance of its own.
        let (beam, busy) = (beam(self.options.effort) / 2, self.quiet()..self.layers.len());
        self.beam_search(Fewest::Cores, Some(limit), beam, (FilledCores::default(), busy))
    }

    /// Adds the networks that do hardly any work wherever there is room.
    ///
    /// # Errors
    /// What does not fit.
    pub fn completed(&mut self, fill: &FilledCores) -> Result<FilledCores, Diagnostics> {
        let (beam, quiet) = (beam(self.options.effort) / 2, 0..self.quiet());
        self.beam_search(Fewest::Cores, None, beam, (fill.clone(), quiet))
    }

    /// Moves that [`TileSearch::rebalanced`] proposes at most.
    pub fn rebalancing_moves(&self, fills: &[Arc<FilledCores>], cores: usize) -> u64 {
        rebalance::moves(self, fills, cores)
    }

    /// The layers of the best of these fills on at most `cores` cores, less unevenly busy; none if nothing can move.
    pub fn rebalanced(&self, fills: &[Arc<FilledCores>], cores: usize) -> Option<FilledCores> {
        rebalance::rebalance(self, fills, cores)
    }

    /// Whether every network works, so that none is left out of a run within a limit.
    pub fn is_whole(&self) -> bool {
        self.quiet() == 0
    }

    /// How many layers are those of the networks at the front that together do hardly any work; never all of them.
    fn quiet(&self) -> usize {
        let least = self.layer_work.iter().sum::<f64>() * NEGLIGIBLE;
        let (mut quiet, mut before) = (0, 0.0);
        for own in self.layers.chunk_by(|a, b| a.population.network == b.population.network) {
            before += self.layer_work[quiet..quiet + own.len()].iter().sum::<f64>();
            if before >= least || quiet + own.len() == self.layers.len() {
                break;
            }
            quiet += own.len();
        }
        quiet
    }

    /// Neurons of the networks.
    pub fn neurons(&self) -> usize {
        self.layers.iter().map(|layer| layer.population.shape.len()).sum()
    }

    /// Timesteps of all phases that are looked at.
    fn steps(&self) -> usize {
        self.work.as_ref().map_or(0, |work| work.phases.steps.len())
    }

    /// The work of a tile of a population by timestep of all phases, which sends to so many axons from all of its
    /// positions together.
    fn work_of(&self, population: PopulationId, tile: &PopulationTile, fan_out: u64) -> TileWork {
        let Some(model) = self.work.as_ref().map(|work| &work.phases) else { return TileWork::default() };
        let mut work = model.tile(population, tile.positions(), &tile.kernels);
        // A packet that forks is made once, whatever its destinations.
        let sent = match self.target.topology.routing.get() {
            RoutingScheme::Multicast { .. } => tile.positions().min(fan_out),
            RoutingScheme::Unicast => fan_out,
        };
        model.add_sending(&mut work, population, sent as f64);
        work
    }

    /// Threshold mantissas of each population.
    fn thresholds(&self) -> impl Iterator<Item = (PopulationId, &'a [u32])> {
        self.layers.iter().map(|layer| (layer.id, layer.population.dynamics.thresholds()))
    }

    /// Whether a population is placed neuron by neuron.
    fn is_irregular(&self, population: PopulationId) -> bool {
        self.layers.iter().any(|layer| layer.id == population && irregular::is_irregular(self.ir, layer))
    }

    /// The partition that filled cores mean.
    pub fn found(&self, fill: &FilledCores) -> SearchedPartition {
        found(&CoreCapacity::new(self.target, self.options.neurons_max), &self.layers, fill)
    }

    /// Tells the observer of all layers, also of those that a dead end leaves out.
    fn beam_search(
        &mut self,
        fewest: Fewest,
        limit: Option<WorkLimit>,
        beam: usize,
        (fill, layers): (FilledCores, Range<usize>),
    ) -> Result<FilledCores, Diagnostics> {
        let mut left = layers.len() as u64;
        let found = self.fill_layers(fewest, limit, beam, (fill, layers), &mut left);
        self.observer.skip(left);
        found
    }

    /// Fills cores with some layers, and counts down those that are `left`.
    fn fill_layers(
        &mut self,
        fewest: Fewest,
        limit: Option<WorkLimit>,
        beam: usize,
        (fill, layers): (FilledCores, Range<usize>),
        left: &mut u64,
    ) -> Result<FilledCores, Diagnostics> {
        let (ir, target) = (self.ir, self.target);
        let mut capacity = CoreCapacity::new(target, self.options.neurons_max);
        capacity.work = limit;
        refuse::fan_in(ir, target, &capacity, &self.layers)?;
        let observer = self.observer;
        let done = |left: &mut u64| {
            *left -= 1;
            observer.advance(1);
        };
        let mut states = vec![fill];
        for index in layers.rev() {
            let layer = &self.layers[index];
            if irregular::is_irregular(ir, layer) {
                irregular::fits(ir, target, &capacity, layer)?;
                let work = self.work.as_ref().map(|work| &work.item);
                for state in &mut states {
                    irregular::place(ir, target, self.rates, &capacity, layer, state, work)?;
                }
                done(left);
                continue;
            }
            let placed = self.placed(index, &capacity, &states);
            let layer = &self.layers[index];
            let mut refused: Option<LimitExceeded> = None;
            let mut next: Vec<FilledCores> = Vec::new();
            for placed in placed {
                match placed {
                    Ok(state) => next.push(state),
                    Err(refusal) => {
                        let better = refused.is_none_or(|r| refusal.used * r.most < r.used * refusal.most);
                        refused = if better { Some(refusal) } else { refused };
                    }
                }
            }
            if next.is_empty() {
                return Err(match refused {
                    Some(refusal) => refuse::joint(ir, target, layer, refusal),
                    None => refuse::own(ir, target, &capacity, layer, states.first()),
                }
                .into());
            }
            if self.grids.iter().map(TileGrids::tiles).sum::<usize>() > TILES_KEPT {
                self.grids[index] = TileGrids::default();
            }
            let rest = (&self.layers[..index], self.layer_work.get(..index).unwrap_or_default());
            states = best(next, &capacity, rest, fewest, beam);
            done(left);
        }
        // Every layer left a state.
        Ok(states.into_iter().next().unwrap_or_default())
    }

    /// Each of some states with a layer by each of its plans, or what stands in the way; on all threads, in order.
    fn placed(
        &mut self,
        index: usize,
        capacity: &CoreCapacity,
        states: &[FilledCores],
    ) -> Vec<Result<FilledCores, LimitExceeded>> {
        let (ir, layer, grids) = (self.ir, &self.layers[index], &mut self.grids[index]);
        let work = self.work.as_ref().map(|work| &work.item);
        // What a layer costs follows from what its slices send to, whatever else the cores hold.
        let mut planned: Vec<(&FilledCores, Vec<LayerPlan>)> = Vec::new();
        let mut tried: Vec<(&FilledCores, usize)> = Vec::new();
        for state in states {
            let alike = |(other, _): &(&FilledCores, _)| state.is_sent_alike(other, layer.id);
            let known = planned.iter().position(alike).unwrap_or_else(|| {
                planned.push((state, plans(self.target, capacity, layer, grids, state, work)));
                planned.len() - 1
            });
            tried.push((state, known));
        }
        let plans = |&(state, known): &(_, usize)| planned[known].1.iter().map(move |plan| (state, plan));
        let all: Vec<(&FilledCores, &LayerPlan)> = tried.iter().flat_map(plans).collect();
        let place = |(state, plan): (&FilledCores, &LayerPlan)| {
            let mut state = state.clone();
            state.place(capacity, layer, plan, |source| ir.model.populations[source].shape)?;
            Ok(state)
        };
        all.into_par_iter().map(place).collect()
    }
}

/// What a run of the search makes small, the other deciding among equals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fewest {
    /// Cores.
    Cores,
    /// Packets.
    Packets,
}

/// The states to go on with: most by the objective, some by the other, so that a dead end is not the end.
fn best(
    states: Vec<FilledCores>,
    capacity: &CoreCapacity,
    (left, work): (&[PartitionLayer], &[f64]),
    fewest: Fewest,
    beam: usize,
) -> Vec<FilledCores> {
    let keyed = |state: FilledCores| {
        let pending = pending(&state, capacity, left, work);
        let cores = state.cores.len() as f64 + pending;
        let key = match fewest {
            Fewest::Cores => (cores, state.packets),
            Fewest::Packets => (state.packets, cores),
        };
        (key, state)
    };
    let mut states: Vec<_> = states.into_iter().map(keyed).collect();
    states.sort_by(|((a, b), _), ((c, d), _)| a.total_cmp(c).then(b.total_cmp(d)));
    states.dedup_by_key(|(key, _)| *key);
    // Models of thousands of cores have as many chances to recover within a layer; fewer states keep time linear.
    let most = states.first().map_or(0, |(_, state)| BEAM_CORES / state.cores.len().max(1));
    let beam = beam.min(most).max(1);
    let others = states.split_off(beam.min(states.len()));
    let mut kept: Vec<FilledCores> = states.into_iter().map(|(_, state)| state).collect();
    if !left.is_empty() {
        let mut others = others;
        others.sort_by(|((a, b), _), ((c, d), _)| b.total_cmp(d).then(a.total_cmp(c)));
        kept.extend(others.into_iter().take(beam / 2).map(|(_, state)| state));
    }
    kept
}

/// Cores that the layers still to come will need at least: by their neurons, or by the output slots known so far.
/// Where work is limited, what the layers to come do counts as well, and what filled cores have left for them.
fn pending(fill: &FilledCores, capacity: &CoreCapacity, left: &[PartitionLayer], work: &[f64]) -> f64 {
    let limit = capacity.work.as_ref().map(|limit| limit.0.iter().map(|&ps| f64::from(ps)).sum::<f64>());
    let pending = left.iter().enumerate().map(|(index, layer)| {
        let busy = limit.map_or(0.0, |limit| work[index] / limit.max(f64::MIN_POSITIVE));
        let neurons = layer.population.shape.len() as f64 / capacity.most.neurons as f64;
        let fan_out = fill.outgoing.get(&layer.id).map_or(0, |fan_out| fan_out.total());
        let slots = fan_out as f64 * f64::from(capacity.axons.output_slots(layer.channels()));
        neurons.max(slots / capacity.most.output_axons as f64).max(busy)
    });
    let pending: f64 = pending.sum();
    if limit.is_none() || left.is_empty() {
        return pending;
    }
    let free: f64 = fill.cores.iter().map(|core| core.left(capacity)).sum();
    (pending - free).max(0.0)
}

/// The partition that filled cores mean.
fn found(capacity: &CoreCapacity, layers: &[PartitionLayer], fill: &FilledCores) -> SearchedPartition {
    let mut found = SearchedPartition { packets: fill.packets, ..SearchedPartition::default() };
    for core in &fill.cores {
        let slice = |placed: &PlacedChannels| Slice {
            population: placed.population,
            channels: placed.channels.clone(),
            rows: placed.tile.rows.clone(),
            cols: placed.tile.cols.clone(),
        };
        let mut slices: Vec<_> = core.slices.iter().map(slice).collect();
        slices.sort_by_key(|s| (s.population, s.channels.start, s.rows.start, s.cols.start));
        found.partition.cores.push(slices);
        found.uses.push(core.merged(capacity));
    }
    found.partition.orders.extend(fill.orders.iter().map(|(&id, order)| (id, order.to_vec())));
    for layer in layers {
        if let Some(&parts) = fill.parts.get(&layer.id).filter(|&&parts| parts != Parts::WHOLE) {
            let cut = layer.incoming.iter().map(|&projection| (projection, parts));
            found.partition.kernel_parts.extend(cut);
        }
    }
    found
}
