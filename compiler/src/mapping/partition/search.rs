//! Partition of convolutional networks: beam search from the outputs to the inputs.
//!
//! A layer's slices set the output axons of its sources, so targets come first. A state is cores filled with all
//! layers seen so far ([`Fill`]); each next layer is tried with several plans ([`cover`](super::cover)), and the
//! best states go on. Deterministic: candidates are ordered and ties keep their order.

use snnc_targets::entity::EntityMap;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, Target};

use super::Partition;
use super::cover::{Grids, plans};
use super::fill::{Fill, Placed, Refusal, Room};
use super::irregular;
use super::layers::Layer;
use super::multilevel;
use super::rates::Rates;
use super::refuse;
use crate::ir::program::Slice;
use crate::ir::program::usage::CoreUse;
use crate::ir::spiking::SpikingIr;
use crate::ir::spiking::parts::Parts;
use crate::ir::{CoreId, NetworkId};
use crate::mapping::effort::Effort;

/// What to make small.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Objective {
    /// Cores; among mappings with as few, packets.
    #[default]
    Cores,
    /// Packets; among mappings with as few, cores.
    Packets,
}

/// How a network is cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    /// Tiles; with [`Effort::Best`] the hypergraph as well for irregular networks of moderate size, and the better of
    /// the two. Networks with cycles by the hypergraph.
    #[default]
    Auto,
    /// Boxes of maps, layer by layer; irregular populations neuron by neuron.
    Tiles,
    /// The network's hypergraph, multilevel, so many channels of a position a vertex.
    Hypergraph {
        /// Channels.
        group: usize,
    },
}

/// How to search.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SearchOptions {
    /// What to make small.
    pub objective: Objective,
    /// How to cut.
    pub method: Method,
    /// How hard to search.
    pub effort: Effort,
    /// Fewer neurons a core than the target allows: other legal mappings of the same network.
    pub neurons_max: Option<u32>,
}

/// States kept after each layer.
fn beam(effort: Effort) -> usize {
    match effort {
        Effort::Fast => 2,
        Effort::Default => 6,
        Effort::Best => 24,
    }
}

/// Cores that the states of a beam may have together.
const BEAM_CORES: usize = 8_000;

/// A partition, and what it was searched for.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Cores and cuts.
    pub partition: Partition,
    /// Use of each core's limits, as the built core will have it.
    pub uses: EntityMap<CoreId, CoreUse>,
    /// Expected packets a core receives for every neuron's expected spikes, summed.
    pub packets: f64,
}

/// Searches a partition of every network.
///
/// # Errors
/// [`snnc_targets::Code::DoesNotFit`] with layer, limit, use and a remedy.
pub fn search(
    ir: &SpikingIr,
    target: &Target,
    rates: &Rates,
    options: SearchOptions,
) -> Result<Found, Diagnostics> {
    search_some(ir, target, rates, options, ir.model.networks.keys())
}

/// The same for some of the networks.
///
/// # Errors
/// Those of [`search`].
pub fn search_some(
    ir: &SpikingIr,
    target: &Target,
    rates: &Rates,
    options: SearchOptions,
    networks: impl Iterator<Item = NetworkId>,
) -> Result<Found, Diagnostics> {
    let mut found = Found::default();
    let components = ir.components();
    for network in networks {
        // No layer of a cycle comes after all that it feeds, as tiles need it.
        let options = match components.has_cycle(&ir.model, network) {
            true => SearchOptions { method: without_order(ir, network, options.method)?, ..options },
            false => options,
        };
        let by_graph = |group| multilevel::search_network(ir, target, rates, network, group, options.effort);
        found.extend(match options.method {
            Method::Hypergraph { group } => by_graph(group)?,
            Method::Tiles => tiles(ir, target, rates, options, network)?,
            Method::Auto => {
                let tiles = tiles(ir, target, rates, options, network);
                let graph = options.effort == Effort::Best && is_irregular(ir, network);
                match graph.then(|| by_graph(1)) {
                    Some(Ok(graph))
                        if tiles.as_ref().map_or(true, |t| graph.key(options) < t.key(options)) =>
                    {
                        graph
                    }
                    _ => tiles?,
                }
            }
        });
    }
    Ok(found)
}

/// How a network with a cycle is cut: by its hypergraph, which knows no order of layers.
fn without_order(ir: &SpikingIr, network: NetworkId, method: Method) -> Result<Method, Diagnostics> {
    match method {
        Method::Hypergraph { .. } => Ok(method),
        Method::Auto => {
            let neurons: usize = ir.model.populations_of(network).map(|(_, p)| p.shape.len()).sum();
            Ok(Method::Hypergraph { group: neurons.div_ceil(GRAPH_NEURONS).max(1) })
        }
        Method::Tiles => {
            let place = Subject::Network(ir.model.networks[network].name.clone());
            let message = "tiles are cut from the outputs to the inputs, and this network has a cycle";
            let hint = "leave the partitioner to the compiler, or choose --partitioner hypergraph";
            Err(Diagnostic::new(Code::Unsupported, place, message).hint(hint).into())
        }
    }
}

/// Largest irregular network whose hypergraph is partitioned without being asked for, in neurons; under tight limits that
/// takes seconds for some hundred neurons.
const GRAPH_NEURONS: usize = 20_000;

/// Whether a network is irregular and small enough for its hypergraph.
fn is_irregular(ir: &SpikingIr, network: NetworkId) -> bool {
    let neurons: usize = ir.model.populations_of(network).map(|(_, p)| p.shape.len()).sum();
    let mut own = ir.projections.values().filter(|p| ir.model.populations[p.target].network == network);
    neurons <= GRAPH_NEURONS && own.any(|p| p.sparse().is_some())
}

fn tiles(
    ir: &SpikingIr,
    target: &Target,
    rates: &Rates,
    options: SearchOptions,
    network: NetworkId,
) -> Result<Found, Diagnostics> {
    let layers = Layer::all(ir, target, rates, network);
    // The quick search can meet a dead end; a wider one is tried before the model is refused.
    let beam = beam(options.effort);
    let fill = search_network(ir, target, rates, &layers, options, beam)
        .or_else(|_| search_network(ir, target, rates, &layers, options, beam * 8))?;
    Ok(Found::new(&Room::new(target, options.neurons_max), &layers, &fill))
}

fn search_network(
    ir: &SpikingIr,
    target: &Target,
    rates: &Rates,
    layers: &[Layer],
    options: SearchOptions,
    beam: usize,
) -> Result<Fill, Diagnostics> {
    let room = Room::new(target, options.neurons_max);
    refuse::fan_in(ir, target, &room, layers)?;
    let mut states = vec![Fill::default()];
    for (index, layer) in layers.iter().enumerate().rev() {
        if irregular::is_irregular(ir, layer) {
            irregular::fits(ir, target, &room, layer)?;
            for state in &mut states {
                irregular::place(ir, target, rates, &room, layer, state)?;
            }
            continue;
        }
        let mut grids = Grids::default();
        let mut refused: Option<Refusal> = None;
        let mut next: Vec<Fill> = Vec::new();
        for state in &states {
            for plan in plans(target, &room, layer, &mut grids, state) {
                let mut state = state.clone();
                match state.place(&room, layer, &plan, |source| ir.model.populations[source].shape) {
                    Ok(()) => next.push(state),
                    Err(refusal) => {
                        let better = refused.is_none_or(|r| refusal.used * r.most < r.used * refusal.most);
                        refused = if better { Some(refusal) } else { refused };
                    }
                }
            }
        }
        if next.is_empty() {
            return Err(match refused {
                Some(refusal) => refuse::joint(ir, target, layer, refusal),
                None => refuse::own(ir, target, &room, layer, states.first()),
            }
            .into());
        }
        states = best(next, &room, &layers[..index], options.objective, beam);
    }
    // Every layer left a state.
    Ok(states.into_iter().next().unwrap_or_default())
}

/// The states to go on with: most by the objective, some by the other, so that a dead end is not the end.
fn best(states: Vec<Fill>, room: &Room, left: &[Layer], objective: Objective, beam: usize) -> Vec<Fill> {
    let keyed = |state: Fill| {
        let cores = state.cores.len() as f64 + pending(&state, room, left);
        let key = match objective {
            Objective::Cores => (cores, state.packets),
            Objective::Packets => (state.packets, cores),
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
    let mut kept: Vec<Fill> = states.into_iter().map(|(_, state)| state).collect();
    if !left.is_empty() {
        let mut others = others;
        others.sort_by(|((a, b), _), ((c, d), _)| b.total_cmp(d).then(a.total_cmp(c)));
        kept.extend(others.into_iter().take(beam / 2).map(|(_, state)| state));
    }
    kept
}

/// Cores that the layers still to come will need at least: by their neurons, or by the output slots known so far.
fn pending(fill: &Fill, room: &Room, left: &[Layer]) -> f64 {
    left.iter()
        .map(|layer| {
            let neurons = layer.population.shape.len() as f64 / room.neurons as f64;
            let fan = fill.fans.get(&layer.id).map_or(0, |fan| fan.total());
            let slots = fan as f64 * f64::from(room.axons.output_slots(layer.channels()));
            neurons.max(slots / room.output_axons as f64)
        })
        .sum()
}

impl Found {
    /// What the objective makes small.
    fn key(&self, options: SearchOptions) -> (f64, f64) {
        let cores = self.partition.cores.len() as f64;
        match options.objective {
            Objective::Cores => (cores, self.packets),
            Objective::Packets => (self.packets, cores),
        }
    }

    fn extend(&mut self, other: Self) {
        self.partition.extend(other.partition);
        other.uses.values().for_each(|&used| {
            self.uses.push(used);
        });
        self.packets += other.packets;
    }

    fn new(room: &Room, layers: &[Layer], fill: &Fill) -> Self {
        let mut found = Self { packets: fill.packets, ..Self::default() };
        for core in &fill.cores {
            let slice = |placed: &Placed| Slice {
                population: placed.population,
                channels: placed.channels.clone(),
                rows: placed.tile.rows.clone(),
                cols: placed.tile.cols.clone(),
            };
            let mut slices: Vec<_> = core.slices.iter().map(slice).collect();
            slices.sort_by_key(|s| (s.population, s.channels.start, s.rows.start, s.cols.start));
            found.partition.cores.push(slices);
            found.uses.push(core.used(room));
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
}
