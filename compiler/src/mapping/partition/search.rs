//! Which partitioner cuts a network: tiles ([`tiles`]) or its hypergraph ([`multilevel`]).

use snnc_targets::entity::EntityMap;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, Target};

use super::{Partition, Rates, multilevel, tiles};
use crate::ir::program::usage::CoreUsage;
use crate::ir::spiking::SpikingIr;
use crate::ir::{CoreId, NetworkId};
use crate::mapping::effort::Effort;

/// What the search minimises.
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
    /// What the search minimises.
    pub objective: Objective,
    /// How to cut.
    pub method: Method,
    /// How hard to search.
    pub effort: Effort,
    /// Fewer neurons a core than the target allows: other legal mappings of the same network.
    pub neurons_max: Option<u32>,
}

/// A partition, what its cores use of their limits, and its packets.
#[derive(Debug, Clone, Default)]
pub struct SearchedPartition {
    /// Cores and cuts.
    pub partition: Partition,
    /// Use of each core's limits, as the built core will have it.
    pub uses: EntityMap<CoreId, CoreUsage>,
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
) -> Result<SearchedPartition, Diagnostics> {
    search_some(ir, target, rates, options, ir.model.networks.keys())
}

/// Searches a partition of some of the networks.
///
/// # Errors
/// Those of [`search`].
pub fn search_some(
    ir: &SpikingIr,
    target: &Target,
    rates: &Rates,
    options: SearchOptions,
    networks: impl Iterator<Item = NetworkId>,
) -> Result<SearchedPartition, Diagnostics> {
    let mut found = SearchedPartition::default();
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
            Method::Tiles => tiles::search_network(ir, target, rates, options, network)?,
            Method::Auto => {
                let tiles = tiles::search_network(ir, target, rates, options, network);
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

/// Most vertices of a hypergraph that is partitioned without being asked for: of larger networks with cycles several
/// neurons are a vertex, and larger irregular networks are cut by tiles.
const GRAPH_NEURONS: usize = 20_000;

/// Whether a network is irregular and small enough for its hypergraph.
fn is_irregular(ir: &SpikingIr, network: NetworkId) -> bool {
    let neurons: usize = ir.model.populations_of(network).map(|(_, p)| p.shape.len()).sum();
    let mut own = ir.projections.values().filter(|p| ir.model.populations[p.target].network == network);
    neurons <= GRAPH_NEURONS && own.any(|p| p.sparse().is_some())
}

impl SearchedPartition {
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
}
