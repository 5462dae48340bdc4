//! The hypergraph that stands for a network on a target: every resource of a core that a hypergraph partitioner can
//! count.
//!
//! Sums are neurons and synapses that are not shared; resources that a core needs once for all vertices that use them
//! are input axons, shared kernels and thresholds.

use std::collections::BTreeMap;

use snnc_targets::schema::KernelSharing;
use snnc_targets::{Diagnostic, Target};

use crate::ir::channels::common;
use crate::ir::program::usage::list_bits;
use crate::ir::spiking::{Connectivity, Convolution, Projection, SpikingIr};
use crate::ir::{AxisMap, ConvMap};
use crate::mapping::hypergraph::from_ir::{Group, NetworkGraph};
use crate::mapping::hypergraph::{Hypergraph, Incidence, SharedResource, VertexId};
use crate::mapping::partition::Rates;

/// The hypergraph of a network; scalar resources are neurons and bits of synapse memory, shared ones bits of kernels
/// too.
///
/// # Errors
/// [`snnc_targets::Code::HypergraphInvalid`] if its weights overflow.
pub fn problem(
    ir: &SpikingIr,
    target: &Target,
    rates: &Rates,
    groups: &NetworkGraph,
) -> Result<Hypergraph, Diagnostic> {
    let vertices = groups.groups.len();
    let shared = target.synapses.kernel_sharing.get() != KernelSharing::Unshared;
    let mut weights = Vec::with_capacity(2 * vertices);
    let fan_in = FanIn::new(ir);
    for (group, &neurons) in groups.groups.iter().zip(&groups.graph.vertex_weights) {
        weights.push(neurons);
        weights.push(list_bits(target, 0, fan_in.synapses(ir, group, shared)));
    }
    let mut axons = groups.axons.clone();
    let spiking: Vec<u32> = groups.graph.net_weights.iter().map(|&neurons| neurons as u32).collect();
    axons.costs = spiking.iter().map(|&n| u64::from(target.axons.input_axons(n))).collect();
    let mut kernels = groups.kernels.clone();
    let bits = |&weights: &u64| if shared { list_bits(target, 0, weights) } else { 0 };
    kernels.costs = kernels.costs.iter().map(bits).collect();
    let expected = groups
        .sources()
        .map(|(population, neurons)| (neurons as f64 * rates.of(population) * rates.scale()).round() as u64);
    Hypergraph::new(
        groups.graph.incidence.clone(),
        expected.collect(),
        weights,
        2,
        vec![axons, kernels, thresholds(ir, groups)?],
    )
}

/// Synapses of a group's neurons that are stored for it alone.
pub(crate) struct FanIn(Vec<Vec<u32>>);

impl FanIn {
    /// Degrees of the neurons that irregular projections reach, by population.
    pub(crate) fn new(ir: &SpikingIr) -> Self {
        let mut degrees: Vec<Vec<u32>> = ir.model.populations.values().map(|_| Vec::new()).collect();
        for projection in ir.projections.values() {
            let Some(sparse) = projection.sparse() else { continue };
            let degrees = &mut degrees[projection.target.0 as usize];
            degrees.resize(ir.model.populations[projection.target].shape.len(), 0);
            sparse.targets.iter().for_each(|&target| degrees[target as usize] += 1);
        }
        Self(degrees)
    }

    /// Those of a group; of kernels only where the target does not share them.
    pub(crate) fn synapses(&self, ir: &SpikingIr, group: &Group, shared: bool) -> u64 {
        let channels = group.channels.start as usize..group.channels.end as usize;
        let irregular = self.0[group.population.0 as usize].get(group.x as usize).copied().unwrap_or(0);
        if shared {
            return u64::from(irregular) * channels.len() as u64;
        }
        let convolutions = ir.projections.values().filter(|p| p.target == group.population);
        let connections = |map: &ConvMap| {
            let count = |axis: &AxisMap, at: u32| {
                let one = at as usize..at as usize + 1;
                (0..axis.input).map(|i| axis.reach(i, one.clone()).len() as u64).sum::<u64>()
            };
            count(&map.rows, group.y) * count(&map.cols, group.x)
        };
        let stored = |p: &Projection| match &p.connectivity {
            Connectivity::Conv(Convolution { map, kernel }) => {
                let joined = common(&channels, &kernel.channels.targets()).len();
                connections(map) * (kernel.channels.inputs * joined) as u64
            }
            Connectivity::Sparse(_) => 0,
        };
        u64::from(irregular) * channels.len() as u64 + convolutions.map(stored).sum::<u64>()
    }
}

/// The vertices that need each distinct threshold, ascending; one that needs it in several channels is named as often.
pub(crate) fn threshold_members(ir: &SpikingIr, groups: &NetworkGraph) -> BTreeMap<u32, Vec<VertexId>> {
    let mut items: BTreeMap<u32, Vec<VertexId>> = BTreeMap::new();
    for (v, group) in groups.groups.iter().enumerate() {
        let thresholds = ir.model.populations[group.population].dynamics.thresholds();
        let own = group.channels.start as usize..group.channels.end as usize;
        for &threshold in thresholds.get(own).unwrap_or_default() {
            items.entry(threshold).or_default().push(VertexId(v as u32));
        }
    }
    items
}

/// One item a distinct threshold, with the vertices that need it.
fn thresholds(ir: &SpikingIr, groups: &NetworkGraph) -> Result<SharedResource, Diagnostic> {
    let (mut starts, mut pins) = (vec![0], Vec::new());
    for members in threshold_members(ir, groups).into_values() {
        pins.extend(members);
        starts.push(pins.len());
    }
    let costs = vec![1; starts.len() - 1];
    Ok(SharedResource { items: Incidence::new(groups.groups.len(), &starts, pins)?, costs })
}
