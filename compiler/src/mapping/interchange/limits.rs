//! Limits files: what stands beside an exported hypergraph, so that other people's partitioners can keep the limits of
//! a core, not balance alone.
//!
//! Everything is said of vertices and nets of the hypergraph, numbered from 0 as they come in its file; nothing of the
//! target or the network need be known. docs/partitioning.md has the rules by which a block's use adds up. Some targets
//! store kernels by how boxes of neurons fall, which no sum over vertices says; such a resource says so itself
//! ([`Counted`]).

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use snnc_targets::schema::{InputAxonKind, KernelSharing, OutputAxonKind};
use snnc_targets::{Target, Topology};

use super::MappingFile;
use crate::ir::channels::common;
use crate::ir::program::usage::{Limit, list_bits};
use crate::ir::spiking::{Connectivity, Convolution, Projection, SpikingIr};
use crate::ir::{NetworkId, PopulationId, ProjectionId};
use crate::mapping::build::refine::groups;
use crate::mapping::hypergraph::from_ir::{Group, NetworkGraph};
use crate::mapping::partition::multilevel::problem::{FanIn, threshold_members};

/// Format string of limits files.
pub const FORMAT: &str = "snnc.limits/1";

/// What a core of a target may hold of a network's hypergraph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsFile {
    /// Always [`FORMAT`].
    pub format: String,
    /// Name of the target.
    pub target: String,
    /// Name of the network.
    pub network: String,
    /// Most blocks: cores of all chips.
    pub cores: u64,
    /// Most neurons of a run, if limited.
    pub run_max: Option<u32>,
    /// One a net of the hypergraph.
    pub nets: Vec<NetEntry>,
    /// What a core has, and what of it a block uses.
    pub resources: Vec<CoreResource>,
}

/// Who sends a net: the vertex (none of spikes from outside); whether the net reaches that vertex too; the neurons; and
/// the net's line. Nets of one projection and position are a line, in the order of their channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetEntry(pub Option<u32>, pub bool, pub u32, pub u32);

/// One limit of a core. What a block uses is the sum of all parts that are there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoreResource {
    /// The limit, as errors name it.
    pub name: String,
    /// What a core has of it.
    pub most: u64,
    /// Whether the parts are all.
    pub counted: Counted,
    /// By vertex, what it uses by itself; empty where it uses nothing.
    #[serde(default)]
    pub vertices: Vec<u64>,
    /// What a block needs once, however many of its vertices use it: the cost and those vertices.
    #[serde(default)]
    pub covers: Vec<(u64, Vec<u32>)>,
    /// For the nets that reach the block.
    #[serde(default)]
    pub received: Option<NetCost>,
    /// For the nets that vertices of the block send, once for each block that they reach.
    #[serde(default)]
    pub sent: Option<NetCost>,
    /// Where it is more than the sum.
    #[serde(default)]
    pub neurons: NeuronCost,
}

/// Whether a resource is what the verifier counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Counted {
    /// It is: a block is within the limit if and only if the verifier says so.
    Exactly,
    /// The verifier may count more, for this reason: a block beyond the limit is beyond it in any case.
    AtLeast(String),
    /// The verifier may count more or less, for this reason.
    About(String),
}

/// What nets cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NetCost {
    /// So much for each neuron of a net.
    Neurons(u64),
    /// 1 for a run: neighbours in a line whose senders are in one block.
    Runs,
    /// 1 for each started so many neurons of a run.
    RunsOf(u32),
}

/// How many neurons of a core a neuron takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NeuronCost {
    /// One.
    #[default]
    One,
    /// So many for each block that each of its vertex's nets reaches, at least one.
    EachDestination(u64),
    /// The least power of two that, times this, is as much as the block's input axons.
    EachInputAxons(u64),
}

impl MappingFile for LimitsFile {
    const FORMAT: &str = FORMAT;
    const COMMENT: &str = "limits of a core, beside a hypergraph; vertices and nets are numbered from 0";

    fn format(&self) -> &str {
        &self.format
    }
}

/// Why kernels are not counted exactly.
const KERNELS: &str = "kernels are stored by how the boxes of neurons on a core fall";
/// Why runs are not counted exactly.
const GROUPS: &str = "groups of channels cut runs further";
/// Why nothing of a chip of layer cores is counted exactly.
const LAYERS: &str = "each core takes one layer";
/// Why synapse memory is counted too high where a target stores kernels without their zeros.
const ZEROS: &str = "weights of 0 are counted, which the target leaves out";

impl LimitsFile {
    /// The limits of a target for the hypergraph of one of the networks.
    pub fn new(ir: &SpikingIr, target: &Target, network: NetworkId, graph: &NetworkGraph) -> Self {
        let target = &target.for_weight_bits(ir.model.neuron.weight_bits);
        let all = Topology::new(&target.topology, target.topology.chips_max.get());
        let resource = |limit: Limit| {
            let most = limit.of(target)?;
            let mut resource = match limit {
                Limit::Neurons => neurons(graph, target),
                Limit::InputAxons => CoreResource { received: Some(input(target)), ..nothing() },
                Limit::OutputAxons => CoreResource { sent: Some(output(target)), ..nothing() },
                Limit::SynapseMemory => memory(ir, target, network, graph),
                Limit::ThresholdProfiles => {
                    let members = threshold_members(ir, graph).into_values();
                    let covers = members.map(|mut members| {
                        members.dedup();
                        (1, members.into_iter().map(|v| v.0).collect())
                    });
                    CoreResource { covers: covers.collect(), ..nothing() }
                }
            };
            (resource.name, resource.most) = (limit.to_string(), most);
            let grouped = own(ir, network).any(|(_, projection)| groups(ir, projection).is_some());
            if target.layer_cores.is_some() {
                resource.counted = Counted::About(LAYERS.into());
            } else if limit == Limit::SynapseMemory && leaves_zeros_out(ir, target, network) {
                resource.counted = Counted::About(ZEROS.into());
            } else if grouped && limit != Limit::ThresholdProfiles && resource.counted == Counted::Exactly {
                resource.counted = Counted::About(GROUPS.into());
            }
            Some(resource)
        };
        Self {
            format: FORMAT.into(),
            target: target.name.clone(),
            network: ir.model.networks[network].name.clone(),
            cores: all.sites().into(),
            run_max: target.axons.atoms_max(),
            nets: nets(graph),
            resources: Limit::ALL.into_iter().filter_map(resource).collect(),
        }
    }
}

/// A resource of which nothing is used.
fn nothing() -> CoreResource {
    CoreResource {
        name: String::new(),
        most: 0,
        counted: Counted::Exactly,
        vertices: Vec::new(),
        covers: Vec::new(),
        received: None,
        sent: None,
        neurons: NeuronCost::One,
    }
}

/// Whether the target stores kernels of the network without some of their weights.
fn leaves_zeros_out(ir: &SpikingIr, target: &Target, network: NetworkId) -> bool {
    let kernels = || own(ir, network).filter_map(|(_, p)| p.conv()).map(|conv| &conv.kernel);
    target.skips_zeros() && kernels().any(|kernel| kernel.weights.contains(&0))
}

/// The projections of a network.
fn own(ir: &SpikingIr, network: NetworkId) -> impl Iterator<Item = (ProjectionId, &Projection)> {
    ir.projections.iter().filter(move |(_, p)| ir.model.populations[p.target].network == network)
}

fn nets(graph: &NetworkGraph) -> Vec<NetEntry> {
    let mut lines: BTreeMap<(ProjectionId, u32, u32), u32> = BTreeMap::new();
    let entry = |(net, sender): (_, &crate::mapping::hypergraph::from_ir::NetSender)| {
        let Group { channels, y, x, .. } = &sender.neurons;
        let next = lines.len() as u32;
        let line = *lines.entry((sender.projection, *y, *x)).or_insert(next);
        let itself = sender.vertex.is_some_and(|own| graph.axons.items.pins_of(net).contains(&own));
        NetEntry(sender.vertex.map(|v| v.0), itself, channels.end - channels.start, line)
    };
    graph.graph.incidence.all_nets().zip(&graph.senders).map(entry).collect()
}

fn neurons(graph: &NetworkGraph, target: &Target) -> CoreResource {
    let neurons = match (target.axons.output.get(), &target.core.fan_in_merge) {
        (OutputAxonKind::NeuronCopies, _) => NeuronCost::EachDestination(target.axons.planes().into()),
        (_, Some(_)) => NeuronCost::EachInputAxons(target.core.input_axons.get().into()),
        _ => NeuronCost::One,
    };
    CoreResource { vertices: graph.graph.vertex_weights.clone(), neurons, ..nothing() }
}

fn input(target: &Target) -> NetCost {
    match target.axons.input.get() {
        InputAxonKind::Discrete => NetCost::Neurons(1),
        InputAxonKind::BitPlanes { planes } => NetCost::Neurons(planes.into()),
        InputAxonKind::Population => NetCost::Runs,
    }
}

fn output(target: &Target) -> NetCost {
    match target.axons.output.get() {
        OutputAxonKind::Discrete => NetCost::Neurons(1),
        OutputAxonKind::NeuronCopies => NetCost::Neurons(target.axons.planes().into()),
        OutputAxonKind::Population { atoms_per_slot } => NetCost::RunsOf(atoms_per_slot),
    }
}

/// Synapse memory: synapses by vertex, and headers of lists. Of shared kernels each tap is counted once that some
/// vertex of a block uses; only where the target has one position does no box change that.
fn memory(ir: &SpikingIr, target: &Target, network: NetworkId, graph: &NetworkGraph) -> CoreResource {
    let sharing = target.synapses.kernel_sharing.get();
    let shared = sharing != KernelSharing::Unshared;
    let fan_in = FanIn::new(ir);
    let synapses = |group: &Group| list_bits(target, 0, fan_in.synapses(ir, group, shared));
    let mut memory = CoreResource { vertices: graph.groups.iter().map(synapses).collect(), ..nothing() };
    let kernels: Vec<&Projection> = own(ir, network).map(|(_, p)| p).filter(|p| p.conv().is_some()).collect();
    if !shared || (sharing == KernelSharing::PerVariant && kernels.is_empty()) {
        memory.received = Some(NetCost::Neurons(list_bits(target, 1, 0)));
        return memory;
    }
    for projection in &kernels {
        for (bits, members) in taps(ir, target, projection, graph) {
            match members[..] {
                [vertex] => memory.vertices[vertex as usize] += bits,
                _ => memory.covers.push((bits, members)),
            }
        }
    }
    memory.covers.extend(headers(ir, target, graph));
    let boxes = match sharing {
        // A list for each box that an irregular projection reaches: one a block where neurons may be numbered anew.
        KernelSharing::Ideal => {
            own(ir, network).any(|(_, p)| p.sparse().is_some() && !ir.order_is_free(p.target))
        }
        _ => false,
    };
    if boxes || kernels.iter().any(|p| !is_flat(ir, p)) {
        memory.counted = Counted::AtLeast(KERNELS.into());
    }
    memory
}

/// Whether what a projection reaches has one position.
fn is_flat(ir: &SpikingIr, projection: &Projection) -> bool {
    ir.model.populations[projection.target].shape.positions() == 1
}

/// What has headers of its own: a projection, and the row and column of its sources where they matter.
type HeaderPlace = (ProjectionId, Option<(u32, u32)>);

/// Headers of lists, with the vertices that need them: where kernels are stored once, one for each source channel of a
/// projection; where they are stored once a variant, of each position that reaches a target of one position (others may
/// share), and of each neuron of an irregular projection.
fn headers(ir: &SpikingIr, target: &Target, graph: &NetworkGraph) -> Vec<(u64, Vec<u32>)> {
    let once = target.synapses.kernel_sharing.get() == KernelSharing::Ideal;
    let mut reached: BTreeMap<HeaderPlace, (u64, Vec<u32>)> = BTreeMap::new();
    for (net, sender) in graph.graph.incidence.all_nets().zip(&graph.senders) {
        let projection = &ir.projections[sender.projection];
        let kernel = projection.conv().map(|conv| &conv.kernel);
        let apart = !once && (kernel.is_none() || is_flat(ir, projection));
        let position = apart.then_some((sender.neurons.y, sender.neurons.x));
        let lists = kernel.map_or(1, |kernel| kernel.channels.inputs as u64);
        let cover = reached.entry((sender.projection, position)).or_insert((lists, Vec::new()));
        cover.1.extend(graph.axons.items.pins_of(net).iter().map(|v| v.0));
    }
    let cover = |(lists, mut members): (u64, Vec<u32>)| {
        members.sort_unstable();
        members.dedup();
        (list_bits(target, lists, 0), members)
    };
    reached.into_values().map(cover).filter(|(bits, members)| *bits > 0 && !members.is_empty()).collect()
}

/// The weights of each tap of a shared kernel for each group of target channels, with the vertices that use it.
fn taps(
    ir: &SpikingIr,
    target: &Target,
    projection: &Projection,
    graph: &NetworkGraph,
) -> Vec<(u64, Vec<u32>)> {
    let Connectivity::Conv(Convolution { map, kernel }) = &projection.connectivity else { return Vec::new() };
    let shape = ir.model.populations[projection.target].shape;
    let mut covers: BTreeMap<(u32, usize, usize), (u64, Vec<u32>)> = BTreeMap::new();
    let used = |axis: &crate::ir::AxisMap, length: usize| -> Vec<Vec<usize>> {
        let mut by_target = vec![Vec::new(); length];
        for (source, tap) in (0..axis.input).flat_map(|i| (0..axis.kernel).map(move |k| (i, k))) {
            if let Some(at) = axis.target(source, tap) {
                by_target[at].push(tap);
            }
        }
        by_target
    };
    let (rows, cols) = (used(&map.rows, shape.height), used(&map.cols, shape.width));
    for (vertex, group) in members(graph, projection.target) {
        let Range { start, end } = group.channels.clone();
        let joined = common(&(start as usize..end as usize), &kernel.channels.targets()).len();
        let bits = list_bits(target, 0, (kernel.channels.inputs * joined) as u64);
        for &ky in &rows[group.y as usize] {
            for &kx in cols[group.x as usize].iter().filter(|_| bits > 0) {
                covers.entry((start, ky, kx)).or_insert((bits, Vec::new())).1.push(vertex);
            }
        }
    }
    covers.into_values().collect()
}

/// The vertices of a population.
fn members(graph: &NetworkGraph, population: PopulationId) -> impl Iterator<Item = (u32, &Group)> {
    (0..).zip(&graph.groups).filter(move |(_, group)| group.population == population)
}

/// The vertices of a hypergraph as a table: number from 0, layer, first channel, channel after the last, row, column.
pub fn vertices_csv(ir: &SpikingIr, graph: &NetworkGraph) -> String {
    let mut text = String::from("vertex,layer,first_channel,end_channel,y,x\n");
    for (vertex, Group { population, channels, y, x }) in graph.groups.iter().enumerate() {
        let layer = ir.model.layer_name(*population);
        let quoted = match layer.contains([',', '"', '\n']) {
            true => format!("\"{}\"", layer.replace('"', "\"\"")),
            false => layer,
        };
        text += &format!("{vertex},{quoted},{},{},{y},{x}\n", channels.start, channels.end);
    }
    text
}
