//! Partition of a whole network by its hypergraph: for irregular networks, and for convolutional ones on demand.
//!
//! The hypergraph partitioner knows sums (neurons, synapses that are not shared) and unions (input axons, shared
//! kernels, thresholds). What a core really uses also depends on how boxes fall: lists for each variant of a border,
//! output slots for each destination. So the cores are built and counted; where a limit is exceeded, the limit that the
//! partitioner is given is tightened by as much, and it tries again.

use snnc_targets::entity::EntityMap;
use snnc_targets::schema::KernelSharing;
use snnc_targets::{Code, Diagnostic, Diagnostics, Subject, Target};

use super::Rates;
use super::search::Found;
use crate::ir::channels::common;
use crate::ir::program::Core;
use crate::ir::program::usage::{CoreUse, Limit, core_use, list_bits};
use crate::ir::spiking::{Connectivity, Convolution, SpikingIr};
use crate::ir::{CoreId, NetworkId};
use crate::mapping::build_cores;
use crate::mapping::effort::Effort;
use crate::mapping::hypergraph::from_ir::{NetworkGraph, network_graph};
use crate::mapping::hypergraph::{
    Blocks, Cover, Hypergraph, Incidence, Limits, Net, Options, Vertex, partition,
};
use crate::mapping::traffic::Traffic;

/// How often limits are tightened before the network is refused.
const ATTEMPTS: usize = 10;
/// How many times the least number of blocks is tried, in steps of a quarter, before the network is refused.
const COUNT_GROWTH: usize = 3;
/// Seed of the partitioner: results depend on the network alone.
const SEED: u64 = 1;

/// Partitions a network, `group` channels of a position a vertex.
///
/// # Errors
/// [`Code::DoesNotFit`] with the limit that stayed exceeded, [`Code::Argument`] for a group of 0 channels.
pub fn search_network(
    ir: &SpikingIr,
    target: &Target,
    rates: &Rates,
    network: NetworkId,
    group: usize,
    effort: Effort,
) -> Result<Found, Diagnostics> {
    let groups = network_graph(ir, network, group)?;
    let graph = problem(ir, target, rates, &groups)?;
    let mut shares = Shares::default();
    let mut count = 0;
    for _ in 0..ATTEMPTS {
        let limits = shares.limits(target);
        limits.check(&graph)?;
        count = limits.blocks_at_least(&graph).max(least(&graph, &limits)).max(count);
        let (options, first) = (Options { effort, seed: SEED }, count);
        let solution = loop {
            match partition(&graph, &limits, Blocks::Exactly(count), options) {
                Ok(solution) => break solution,
                Err(_) if count < first * COUNT_GROWTH && count < graph.vertices() => count += count / 4 + 1,
                Err(problem) => {
                    let hint = "shared kernels pull channels together and packets pull positions together: where \
                                memory is short, tiles (--partitioner tiles) serve convolutions better";
                    return Err(problem.hint(hint).into());
                }
            }
        };
        let partition = groups.to_partition(ir, &solution.blocks);
        let cores = build_cores(&ir.reordered(&partition.orders), &partition);
        if let Some(most) = target.axons.atoms_max() {
            let sending = cores.values().flat_map(|core| &core.slices).filter(|s| !s.destinations.is_empty());
            if let Some(wide) = sending.map(|s| s.slice.atoms()).find(|&atoms| atoms > most) {
                let place = Subject::Network(ir.model.networks[network].name.clone());
                let message = format!(
                    "{wide} channels of a position came together on a core, an axon of {} tells {most} apart",
                    target.name
                );
                let hint = "use tiles (--partitioner tiles)";
                return Err(Diagnostic::new(Code::DoesNotFit, place, message).hint(hint).into());
            }
        }
        let uses: EntityMap<CoreId, CoreUse> =
            cores.values().map(|core| core_use(core, target, &ir.model)).collect();
        let Some((limit, used, most)) = shares.tighten(target, &uses) else {
            let packets = packets(&cores, rates);
            return Ok(Found { partition, uses, packets });
        };
        shares.last = Some((limit, used, most));
    }
    Err(refusal(ir, target, network, &shares).into())
}

/// Blocks that the unions need at least: every item stands in one block or more.
fn least(graph: &Hypergraph, limits: &Limits) -> usize {
    let needed = graph.covers.iter().zip(&limits.covers).map(|(cover, &limit)| {
        let used = (0..cover.items.nets()).filter(|&i| !cover.items.pins_of(Net(i as u32)).is_empty());
        used.map(|i| cover.costs[i]).sum::<u64>().div_ceil(limit) as usize
    });
    needed.max().unwrap_or(1)
}

/// The hypergraph with every resource that it can count: scalars neurons and unshared synapses, covers input axons,
/// shared kernels and thresholds.
fn problem(
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
struct FanIn(Vec<Vec<u32>>);

impl FanIn {
    /// Degrees of the neurons that irregular projections reach, by population.
    fn new(ir: &SpikingIr) -> Self {
        let mut degrees: Vec<Vec<u32>> = ir.model.populations.values().map(|_| Vec::new()).collect();
        for projection in ir.projections.values() {
            let Some(sparse) = projection.sparse() else { continue };
            let degrees = &mut degrees[projection.target.0 as usize];
            degrees.resize(ir.model.populations[projection.target].shape.len(), 0);
            sparse.targets.iter().for_each(|&target| degrees[target as usize] += 1);
        }
        Self(degrees)
    }

    fn synapses(
        &self,
        ir: &SpikingIr,
        group: &crate::mapping::hypergraph::from_ir::Group,
        shared: bool,
    ) -> u64 {
        let channels = group.channels.start as usize..group.channels.end as usize;
        let irregular = self.0[group.population.0 as usize].get(group.x as usize).copied().unwrap_or(0);
        if shared {
            return u64::from(irregular) * channels.len() as u64;
        }
        let convolutions = ir.projections.values().filter(|p| p.target == group.population);
        let connections = |map: &crate::ir::ConvMap| {
            let count = |axis: &crate::ir::AxisMap, at: u32| {
                let one = at as usize..at as usize + 1;
                (0..axis.input).map(|i| axis.reach(i, one.clone()).len() as u64).sum::<u64>()
            };
            count(&map.rows, group.y) * count(&map.cols, group.x)
        };
        let stored = |p: &crate::ir::spiking::Projection| match &p.connectivity {
            Connectivity::Conv(Convolution { map, kernel }) => {
                let joined = common(&channels, &kernel.channels.targets()).len();
                connections(map) * (kernel.channels.inputs * joined) as u64
            }
            Connectivity::Sparse(_) => 0,
        };
        u64::from(irregular) * channels.len() as u64 + convolutions.map(stored).sum::<u64>()
    }
}

/// One item a distinct threshold, with the vertices that need it.
fn thresholds(ir: &SpikingIr, groups: &NetworkGraph) -> Result<Cover, Diagnostic> {
    let mut items: std::collections::BTreeMap<u32, Vec<Vertex>> = std::collections::BTreeMap::new();
    for (v, group) in groups.groups.iter().enumerate() {
        let thresholds = ir.model.populations[group.population].dynamics.thresholds();
        let own = group.channels.start as usize..group.channels.end as usize;
        for &threshold in thresholds.get(own).unwrap_or_default() {
            items.entry(threshold).or_default().push(Vertex(v as u32));
        }
    }
    let (mut starts, mut pins) = (vec![0], Vec::new());
    for members in items.into_values() {
        pins.extend(members);
        starts.push(pins.len());
    }
    let costs = vec![1; starts.len() - 1];
    Ok(Cover { items: Incidence::new(groups.groups.len(), &starts, pins)?, costs })
}

/// How much of each limit the partitioner may use.
struct Shares {
    neurons: f64,
    memory: f64,
    axons: f64,
    last: Option<(Limit, u64, u64)>,
}

impl Default for Shares {
    fn default() -> Self {
        Self { neurons: 1.0, memory: 1.0, axons: 1.0, last: None }
    }
}

impl Shares {
    fn limits(&self, target: &Target) -> Limits {
        let of = |limit: Limit, share: f64| {
            // Far above any sum of weights, and far from overflow.
            let most = limit.of(target).unwrap_or(u64::MAX).min(1 << 50);
            ((most as f64 * share) as u64).max(1)
        };
        let memory = of(Limit::SynapseMemory, self.memory);
        Limits {
            scalars: vec![of(Limit::Neurons, self.neurons), memory],
            covers: vec![of(Limit::InputAxons, self.axons), memory, of(Limit::ThresholdProfiles, 1.0)],
        }
    }

    /// Takes back what was used too much; the worst excess, or `None` if all cores keep all limits.
    fn tighten(&mut self, target: &Target, uses: &EntityMap<CoreId, CoreUse>) -> Option<(Limit, u64, u64)> {
        let mut worst: Option<(Limit, u64, u64)> = None;
        for limit in Limit::ALL {
            let used = uses.values().map(|u| u.get(limit)).max().unwrap_or(0);
            let Some(most) = limit.of(target).filter(|&most| used > most) else { continue };
            let factor = (most as f64 / used as f64).max(0.5) * 0.98;
            match limit {
                Limit::SynapseMemory => self.memory *= factor,
                Limit::InputAxons => self.axons *= factor,
                Limit::Neurons | Limit::OutputAxons | Limit::ThresholdProfiles => self.neurons *= factor,
            }
            let larger = |(_, u, m): (Limit, u64, u64)| {
                u128::from(used) * u128::from(m) > u128::from(u) * u128::from(most)
            };
            worst = if worst.is_none_or(larger) { Some((limit, used, most)) } else { worst };
        }
        worst
    }
}

fn packets(cores: &EntityMap<CoreId, Core>, rates: &Rates) -> f64 {
    Traffic::expected(cores, rates).packets() as f64 / rates.scale()
}

fn refusal(ir: &SpikingIr, target: &Target, network: NetworkId, shares: &Shares) -> Diagnostic {
    let place = Subject::Network(ir.model.networks[network].name.clone());
    let message = match shares.last {
        Some((limit, used, most)) => format!(
            "after {ATTEMPTS} attempts a core still uses {used} {limit}, a core of {} has {most}",
            target.name
        ),
        None => format!("no partition of the hypergraph fits cores of {}", target.name),
    };
    Diagnostic::new(Code::DoesNotFit, place, message)
        .hint("use smaller groups of channels (--group), or tiles (--partitioner tiles)")
}
