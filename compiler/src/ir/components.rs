//! Strongly connected components of a network's populations: what can run by itself, in order.
//!
//! A component without a cycle is one population whose spikes come from earlier components only, so all of them are
//! known before it runs. The populations of a cycle (or one that feeds itself) wait for each other's spikes in every
//! timestep. Spiking IR and program find the same components: a projection without a synapse joins nothing, and has no
//! route.

use std::collections::BTreeSet;

use petgraph::algo::tarjan_scc;
use petgraph::graphmap::DiGraphMap;

use super::PopulationId;
use super::program::Program;
use super::spiking::{Connectivity, Projection, SpikingIr, SpikingModel};

/// Populations that reach each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PopulationComponent {
    /// The populations, ascending.
    pub populations: Vec<PopulationId>,
    /// Whether spikes come back to where they came from.
    pub cyclic: bool,
}

/// The components of all networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PopulationComponents {
    /// By their first populations, which is the order in which they run.
    pub all: Vec<PopulationComponent>,
    /// Index of each population's component.
    of: Vec<usize>,
}

impl PopulationComponents {
    /// The components of populations joined by `edges`.
    fn new(model: &SpikingModel, edges: impl Iterator<Item = (PopulationId, PopulationId)>) -> Self {
        let mut graph: DiGraphMap<u32, ()> = DiGraphMap::new();
        model.populations.keys().for_each(|id| {
            graph.add_node(id.0);
        });
        edges.for_each(|(source, target)| {
            graph.add_edge(source.0, target.0, ());
        });
        let component = |mut members: Vec<u32>| {
            members.sort_unstable();
            let cyclic = members.len() > 1 || graph.contains_edge(members[0], members[0]);
            PopulationComponent { populations: members.into_iter().map(PopulationId).collect(), cyclic }
        };
        let mut all: Vec<PopulationComponent> = tarjan_scc(&graph).into_iter().map(component).collect();
        all.sort_by_key(|component| component.populations[0]);
        let mut of = vec![0; model.populations.len()];
        for (index, component) in all.iter().enumerate() {
            component.populations.iter().for_each(|id| of[id.0 as usize] = index);
        }
        Self { all, of }
    }

    /// Whether two populations, or one that feeds itself, are in one cycle.
    pub fn share_a_cycle(&self, a: PopulationId, b: PopulationId) -> bool {
        let of = |id: PopulationId| self.of[id.0 as usize];
        of(a) == of(b) && self.all[of(a)].cyclic
    }

    /// Whether a network has a cycle; `model` is the one that the components are of.
    pub fn has_cycle(&self, model: &SpikingModel, network: super::NetworkId) -> bool {
        let own =
            |component: &PopulationComponent| model.populations[component.populations[0]].network == network;
        self.all.iter().any(|component| component.cyclic && own(component))
    }

    /// Cycles whose populations do not stand side by side among those of their network: what stands between would have
    /// to run before and after them.
    pub fn parted<'a>(&'a self, model: &'a SpikingModel) -> impl Iterator<Item = PopulationId> + 'a {
        self.all.iter().filter(|component| component.cyclic).filter_map(|component| {
            let ids = &component.populations;
            let network = model.populations[ids[0]].network;
            let between = (ids[0].0..ids[ids.len() - 1].0).map(PopulationId);
            between.into_iter().find(|id| model.populations[*id].network == network && !ids.contains(id))
        })
    }
}

impl SpikingIr {
    /// Its components; projections must name populations that exist and have their sizes.
    pub fn components(&self) -> PopulationComponents {
        let joining = self.projections.values().filter(|projection| joins(projection));
        PopulationComponents::new(&self.model, joining.map(|p| (p.source, p.target)))
    }
}

/// A population that sends spikes, and one that receives them.
pub type PopulationEdge = (PopulationId, PopulationId);

/// Whether a projection has a synapse.
pub fn joins(projection: &Projection) -> bool {
    match &projection.connectivity {
        Connectivity::Sparse(sparse) => !sparse.targets.is_empty(),
        Connectivity::Conv(conv) => conv.map.joins(),
    }
}

impl Program {
    /// Its components, from its routes, which must arrive somewhere.
    pub fn components(&self) -> PopulationComponents {
        let edges = match &self.held {
            Some(held) => held.edges().clone(),
            None => self.population_edges(),
        };
        PopulationComponents::new(&self.model, edges.into_iter())
    }

    /// Populations that are joined by routes to cores that are held: those that send and those that receive.
    pub(super) fn population_edges(&self) -> BTreeSet<PopulationEdge> {
        let (mut edges, mut last) = (BTreeSet::new(), None);
        for placed in self.cores.values().flat_map(|core| &core.slices) {
            for to in placed.destinations.iter().filter(|to| self.holds(to.core)) {
                let core = &self.cores[to.core];
                let list = &core.lists[core.entries(&core.axons[to.axon as usize])[0].list as usize];
                let edge = (placed.slice.population, core.slices[list.slice as usize].slice.population);
                // A slice's destinations mostly lie in one population.
                if last.replace(edge) != Some(edge) {
                    edges.insert(edge);
                }
            }
        }
        edges
    }
}
