//! Which partitioner cuts a network: tiles ([`tiles`]) or its hypergraph ([`multilevel`]).

use serde::{Deserialize, Serialize};
use snnc_targets::entity::EntityMap;
use snnc_targets::resolved::UnitPs;
use snnc_targets::schema::{CorePath, KernelSharing};
use snnc_targets::{Code, Diagnostic, Diagnostics, EnergyEvent, Subject, Target};

use super::{Partition, Rates, balance, multilevel, tiles};
use crate::ir::program::usage::CoreUsage;
use crate::ir::spiking::SpikingIr;
use crate::ir::spiking::order::Orders;
use crate::ir::{CoreId, NetworkId};
use crate::mapping::activity::Activity;
use crate::mapping::effort::Effort;
use crate::mapping::observer::MappingObserver;

/// What the mapping minimises, within the cores at hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// Time of an item: the busiest unit of each timestep, and barriers.
    Time,
    /// Energy of an item, static power included.
    Energy,
    /// Energy times time.
    Edp,
    /// Cores; among mappings with as few, packets.
    #[default]
    Cores,
    /// Packets; among mappings with as few, cores.
    Packets,
    /// Packets times hops.
    Traffic,
}

impl Objective {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Time, Self::Energy, Self::Edp, Self::Cores, Self::Packets, Self::Traffic];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Energy => "energy",
            Self::Edp => "edp",
            Self::Cores => "cores",
            Self::Packets => "packets",
            Self::Traffic => "traffic",
        }
    }

    /// Whether it asks how busy cores are, so that cores are filled no more than need be.
    pub fn balances(self) -> bool {
        !matches!(self, Self::Cores | Self::Packets)
    }
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
    /// Cores that may be used; those of the chips if left out.
    pub cores_max: Option<u32>,
    /// Chips that may be used; as few as hold the model if left out.
    pub chips: Option<u32>,
    /// Whether kernels stay whole: cut ones need less memory where lists are stored once a variant, and more packets.
    pub whole_kernels: bool,
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

/// Searches a partition of every network; spikes are expected evenly over the windows.
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

/// Searches a partition of some of the networks; spikes are expected evenly over the windows.
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
    let activity = Activity::even(&ir.model, rates);
    Ok(candidates(ir, target, (rates, &activity), options, networks, 1, &())?.pop().unwrap_or_default())
}

/// Partitions of some of the networks to choose from, fewest cores first. Where work is balanced there is one for each
/// of `budgets` shares of the cores at hand, if they differ; else there is one.
///
/// On targets whose cores have few thresholds, channels of one threshold are put side by side first: any range of
/// channels then has few, so that thresholds keep no layers from sharing a core.
///
/// The observer is told of two stages: runs of the search, layer by layer, and moves that even out work.
///
/// # Errors
/// Those of [`search`].
pub fn candidates(
    ir: &SpikingIr,
    target: &Target,
    weights: (&Rates, &Activity),
    options: SearchOptions,
    networks: impl Iterator<Item = NetworkId>,
    budgets: usize,
    observer: &dyn MappingObserver,
) -> Result<Vec<SearchedPartition>, Diagnostics> {
    observer.stage("partitioning", "layers");
    let networks: Vec<NetworkId> = networks.collect();
    let mut orders = if target.core.threshold_profiles.is_some() { ir.by_threshold() } else { Orders::new() };
    orders.retain(|&id, _| networks.contains(&ir.model.populations[id].network));
    let ordered = ir.reordered(&orders);
    let mut found = of_ordered(&ordered, target, weights, options, networks.into_iter(), budgets, observer)?;
    for one in &mut found {
        one.partition.orders.extend(orders.clone());
    }
    Ok(found)
}

/// The candidates for networks whose channels are in the order in which slices take them.
fn of_ordered(
    ir: &SpikingIr,
    target: &Target,
    (rates, activity): (&Rates, &Activity),
    options: SearchOptions,
    networks: impl Iterator<Item = NetworkId>,
    budgets: usize,
    observer: &dyn MappingObserver,
) -> Result<Vec<SearchedPartition>, Diagnostics> {
    let mut found = SearchedPartition::default();
    let (mut balanced, mut tiled) = (Vec::new(), Vec::new());
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
            Method::Tiles | Method::Auto if options.objective.balances() => {
                balanced.push(network);
                continue;
            }
            Method::Auto if options.effort == Effort::Best && is_irregular(ir, network) => {
                let tiles = tiles::search_networks(ir, target, rates, options, &[network], observer);
                match by_graph(1) {
                    Ok(graph) if tiles.as_ref().map_or(true, |t| graph.key(options) < t.key(options)) => {
                        graph
                    }
                    _ => tiles?,
                }
            }
            Method::Tiles | Method::Auto => {
                tiled.push(network);
                continue;
            }
        });
    }
    if !tiled.is_empty() {
        found.extend(fewest(ir, target, rates, options, &tiled, observer)?);
    }
    if balanced.is_empty() {
        balance::cores_at_hand(target, options, found.partition.cores.len())?;
        return Ok(vec![found]);
    }
    let taken = found.partition.cores.len();
    let all = balance::search(ir, target, (rates, activity), options, (&balanced, taken), budgets, observer)?;
    let joined = all.into_iter().map(|own| {
        let mut joined = found.clone();
        joined.extend(own);
        joined
    });
    Ok(joined.collect())
}

/// The fewest cores, or packets, of some networks cut by tiles: together on cores that they share, or each on its own.
fn fewest(
    ir: &SpikingIr,
    target: &Target,
    rates: &Rates,
    options: SearchOptions,
    networks: &[NetworkId],
    observer: &dyn MappingObserver,
) -> Result<SearchedPartition, Diagnostics> {
    let tiles =
        |networks: &[NetworkId]| tiles::search_networks(ir, target, rates, options, networks, observer);
    let mut apart = SearchedPartition::default();
    for &network in networks {
        apart.extend(tiles(&[network])?);
    }
    if networks.len() == 1 {
        return Ok(apart);
    }
    match tiles(networks) {
        Ok(together) if together.key(options) < apart.key(options) => Ok(together),
        _ => Ok(apart),
    }
}

/// Networks that are cut by their hypergraph, which is into the fewest cores whatever the objective, in sentences.
pub fn exceptions(ir: &SpikingIr, options: SearchOptions) -> Vec<String> {
    if options.objective == Objective::Cores {
        return Vec::new();
    }
    let (all, components) = (matches!(options.method, Method::Hypergraph { .. }), ir.components());
    let by_graph = ir.model.networks.iter().filter(|(id, _)| all || components.has_cycle(&ir.model, *id));
    by_graph.map(|(_, of)| format!("{} is cut by its hypergraph, into the fewest cores", of.name)).collect()
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

/// Whether kernels can be cut, and the making or decoding of a packet takes energy, or time that no other unit hides.
pub fn cuts_cost(ir: &SpikingIr, target: &Target) -> bool {
    let (energy, timing) = (target.energy(), target.timing());
    let priced = [EnergyEvent::AxonIn, EnergyEvent::AxonOut].into_iter().any(|event| energy.aj(event) > 0);
    let serial = [(timing.receive_path, timing.axon_in), (timing.send_path, timing.axon_out)];
    let longer = |unit: UnitPs| unit.interval_ps > timing.synaptic_operation.interval_ps;
    let costs = priced
        || serial.into_iter().any(|(path, unit)| path == CorePath::Serial && unit.interval_ps > 0)
        || [timing.axon_in, timing.axon_out].into_iter().any(longer);
    let by_variant = target.synapses.kernel_sharing.get() == KernelSharing::PerVariant;
    costs && by_variant && ir.projections.values().filter_map(|p| p.conv()).any(|conv| conv.kernel.height > 1)
}

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
            Objective::Packets => (self.packets, cores),
            _ => (cores, self.packets),
        }
    }

    /// Adds the cores of other networks.
    pub fn extend(&mut self, other: Self) {
        self.partition.extend(other.partition);
        other.uses.values().for_each(|&used| {
            self.uses.push(used);
        });
        self.packets += other.packets;
    }
}
