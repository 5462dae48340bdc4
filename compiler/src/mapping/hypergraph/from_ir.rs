//! From a network of the spiking IR to a hypergraph, and from blocks back to a [`Partition`].
//!
//! A vertex is a group of consecutive channels at one position of a population; it weighs its neurons. A firing
//! vertex is the source of one net for each projection that leaves its population: itself and every vertex that the
//! projection's synapses reach. A built core has an input axon for each projection, and a spike is a packet for each
//! axon, so [`Hypergraph::km1`] is the packets that leave their core. Channels of a vertex that a kernel of several
//! groups joins to different channels have nets of their own. A net weighs its neurons (every neuron fires once).
//! Spikes from outside are no vertices: their nets are what they reach. Vertices are numbered population by
//! population, group by group, `[y, x]` within a group; nets vertex by vertex, projection by projection.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use snnc_targets::entity::EntityMap;
use snnc_targets::{Code, Diagnostic, Subject};

use super::graph::{BlockId, Hypergraph, Incidence, SharedResource, VertexId};
use crate::ir::channels::common;
use crate::ir::program::Slice;
use crate::ir::spiking::order::Orders;
use crate::ir::spiking::{Connectivity, Convolution, Population, Projection, SpikingIr};
use crate::ir::{NetworkId, PopulationId, ProjectionId};
use crate::mapping::Partition;

/// What a vertex stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Whose neurons.
    pub population: PopulationId,
    /// Channels of the population.
    pub channels: Range<u32>,
    /// Row.
    pub y: u32,
    /// Column.
    pub x: u32,
}

/// Who sends a net.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetSender {
    /// The vertex; none of spikes from outside.
    pub vertex: Option<VertexId>,
    /// The neurons: all of a vertex, or those that a kernel of several groups joins to the same channels.
    pub neurons: Group,
    /// Along which synapses.
    pub projection: ProjectionId,
}

/// A network as a hypergraph.
#[derive(Debug, Clone)]
pub struct NetworkGraph {
    /// One scalar resource, neurons; no shared resources.
    pub graph: Hypergraph,
    /// By vertex.
    pub groups: Vec<Group>,
    /// By net: who sends it.
    pub senders: Vec<NetSender>,
    /// Input axons of a block: one item a net, whose members are the vertices that its synapses reach; each costs 1.
    /// Move it into the graph's shared resources to limit axons.
    pub axons: SharedResource,
    /// Weight memory with shared kernels: one item a projection and group of target channels, whose members are the
    /// group's vertices at all positions; it costs its number of weights. Move it into the graph's shared resources as
    /// well.
    pub kernels: SharedResource,
}

/// Vertices of the populations of one network.
struct Numbering {
    /// First vertex, groups, positions and width by population.
    populations: BTreeMap<PopulationId, (usize, usize, usize, usize)>,
    /// Channels of a group.
    group: usize,
}

impl Numbering {
    fn new(ir: &SpikingIr, network: NetworkId, group: usize) -> Result<(Self, usize), Diagnostic> {
        let mut populations = BTreeMap::new();
        let mut first = 0usize;
        for (id, population) in on_cores(ir, network) {
            let shape = population.shape;
            let groups = shape.channels.div_ceil(group);
            populations.insert(id, (first, groups, shape.positions(), shape.width));
            first += groups * shape.positions();
        }
        if u32::try_from(first).is_err() {
            let message = format!("{first} vertices are too many");
            return Err(Diagnostic::new(Code::Argument, Subject::argument("group"), message)
                .hint("use larger groups of channels"));
        }
        Ok((Self { populations, group }, first))
    }

    /// The groups of a population at one position that hold some of these channels.
    fn at(
        &self,
        population: PopulationId,
        channels: &Range<usize>,
        y: usize,
        x: usize,
    ) -> impl Iterator<Item = VertexId> + use<> {
        let (first, groups, positions, width) = self.populations[&population];
        let end = if channels.is_empty() { 0 } else { channels.end.div_ceil(self.group).min(groups) };
        (channels.start / self.group..end)
            .map(move |g| VertexId((first + g * positions + y * width + x) as u32))
    }
}

/// The hypergraph of one network, with `group` channels a vertex (fewer in the last group of a population).
///
/// # Errors
/// [`Code::Argument`] if the group is empty or there are too many vertices.
pub fn network_graph(ir: &SpikingIr, network: NetworkId, group: usize) -> Result<NetworkGraph, Diagnostic> {
    if group == 0 {
        return Err(Diagnostic::new(
            Code::Argument,
            Subject::argument("group"),
            "a vertex of 0 channels, expected at least 1",
        ));
    }
    let (numbering, vertices) = Numbering::new(ir, network, group)?;
    let groups = groups_of(on_cores(ir, network), group);
    let outside = groups_of(ir.model.port_of(network).into_iter(), group);
    let neurons: Vec<u64> = groups.iter().map(|g| u64::from(g.channels.end - g.channels.start)).collect();
    let (mut starts, mut pins, mut net_senders) = (vec![0], Vec::new(), Vec::new());
    let (mut sink_starts, mut sinks, mut weights) = (vec![0], Vec::new(), Vec::new());
    let senders = groups.iter().enumerate().map(|(v, group)| (Some(VertexId(v as u32)), group));
    for (vertex, source) in senders.chain(outside.iter().map(|group| (None, group))) {
        let outgoing = ir.projections.iter().filter(|(_, p)| p.source == source.population);
        for (id, projection) in outgoing {
            for channels in alike(projection, &source.channels) {
                let neurons = Group { channels, ..source.clone() };
                reached(projection, &neurons, &numbering, &mut sinks);
                pins.extend(vertex);
                pins.extend_from_slice(&sinks[sink_starts[weights.len()]..]);
                starts.push(pins.len());
                sink_starts.push(sinks.len());
                weights.push(u64::from(neurons.channels.end - neurons.channels.start));
                net_senders.push(NetSender { vertex, neurons, projection: id });
            }
        }
    }
    let axons = SharedResource {
        items: Incidence::new(vertices, &sink_starts, sinks)?,
        costs: vec![1; weights.len()],
    };
    let kernels = kernels(ir, &groups)?;
    let graph = Hypergraph::new(Incidence::new(vertices, &starts, pins)?, weights, neurons, 1, Vec::new())?;
    Ok(NetworkGraph { graph, groups, senders: net_senders, axons, kernels })
}

fn kernels(ir: &SpikingIr, groups: &[Group]) -> Result<SharedResource, Diagnostic> {
    let mut items: BTreeMap<(PopulationId, u32), Vec<VertexId>> = BTreeMap::new();
    for (v, group) in groups.iter().enumerate() {
        items.entry((group.population, group.channels.start)).or_default().push(VertexId(v as u32));
    }
    let (mut starts, mut pins, mut costs) = (vec![0], Vec::new(), Vec::new());
    for projection in ir.projections.values() {
        let Some(Convolution { kernel, .. }) = projection.conv() else { continue };
        let weights = (kernel.channels.inputs * kernel.height * kernel.width) as u64;
        for members in items.range((projection.target, 0)..=(projection.target, u32::MAX)).map(|item| item.1)
        {
            let channels = &groups[members[0].0 as usize].channels;
            let own = channels.start as usize..channels.end as usize;
            costs.push(weights * common(&own, &kernel.channels.targets()).len() as u64);
            pins.extend_from_slice(members);
            starts.push(pins.len());
        }
    }
    Ok(SharedResource { items: Incidence::new(groups.len(), &starts, pins)?, costs })
}

/// The populations of a network that are on cores.
fn on_cores(ir: &SpikingIr, network: NetworkId) -> impl Iterator<Item = (PopulationId, &Population)> {
    ir.model.populations_of(network).filter(|(_, p)| !p.dynamics.is_port())
}

/// Groups of populations, in the order of [`Numbering`].
fn groups_of<'a>(
    populations: impl Iterator<Item = (PopulationId, &'a Population)>,
    group: usize,
) -> Vec<Group> {
    let mut groups = Vec::new();
    for (population, p) in populations {
        for first in (0..p.shape.channels).step_by(group) {
            let channels = first as u32..(first + group).min(p.shape.channels) as u32;
            for position in 0..p.shape.positions() {
                let (y, x) = ((position / p.shape.width) as u32, (position % p.shape.width) as u32);
                groups.push(Group { population, channels: channels.clone(), y, x });
            }
        }
    }
    groups
}

/// Some channels in runs that a projection joins to the same channels: a spike of one channel goes where a spike of
/// another of its run goes.
fn alike(projection: &Projection, channels: &Range<u32>) -> Vec<Range<u32>> {
    let Some(Convolution { kernel, .. }) = projection.conv() else { return vec![channels.clone()] };
    let joined = |channel: u32| kernel.channels.targets_of(channel as usize);
    let mut runs: Vec<Range<u32>> = Vec::new();
    for channel in channels.clone() {
        match runs.last_mut() {
            Some(run) if joined(run.start) == joined(channel) => run.end = channel + 1,
            _ => runs.push(channel..channel + 1),
        }
    }
    runs
}

/// Appends the vertices that a projection's synapses reach from channels that are joined alike. An irregular population
/// has one channel and one row, so its positions are its neurons.
fn reached(projection: &Projection, source: &Group, numbering: &Numbering, sinks: &mut Vec<VertexId>) {
    let Convolution { map, kernel } = match &projection.connectivity {
        Connectivity::Conv(conv) => conv,
        Connectivity::Sparse(sparse) => {
            let targets = sparse.targets_of(source.x as usize).iter();
            sinks.extend(targets.flat_map(|&x| numbering.at(projection.target, &(0..1), 0, x as usize)));
            return;
        }
    };
    let joined = kernel.channels.targets_of(source.channels.start as usize);
    let rows = map.rows.reach(source.y as usize, 0..map.rows.output);
    let cols = map.cols.reach(source.x as usize, 0..map.cols.output);
    for &(y, _) in &rows {
        for &(x, _) in &cols {
            sinks.extend(numbering.at(projection.target, &joined, y, x));
        }
    }
}

impl NetworkGraph {
    /// Population and neurons of each net's source.
    pub fn sources(&self) -> impl Iterator<Item = (PopulationId, u64)> + '_ {
        let weights = self.graph.net_weights.iter().copied();
        self.senders.iter().map(|sender| sender.neurons.population).zip(weights)
    }

    /// The cores that a partition means, a core a block; empty blocks are left out. Neighbouring groups of a block
    /// become one box: channels first, then columns, then rows. Populations whose order is free are numbered anew, so
    /// that each core holds consecutive neurons of them.
    pub fn to_partition(&self, ir: &SpikingIr, blocks: &[BlockId]) -> Partition {
        let free: BTreeSet<PopulationId> =
            ir.model.populations.keys().filter(|&id| ir.order_is_free(id)).collect();
        let mut held: BTreeMap<BlockId, Vec<Slice>> = BTreeMap::new();
        let mut members: BTreeMap<(PopulationId, BlockId), Vec<u32>> = BTreeMap::new();
        for (group, &block) in self.groups.iter().zip(blocks) {
            if free.contains(&group.population) {
                members.entry((group.population, block)).or_default().push(group.x);
                continue;
            }
            held.entry(block).or_default().push(Slice {
                population: group.population,
                channels: group.channels.clone(),
                rows: group.y..group.y + 1,
                cols: group.x..group.x + 1,
            });
        }
        let mut orders = Orders::new();
        for ((population, block), neurons) in members {
            let order = orders.entry(population).or_default();
            let start = order.len() as u32;
            order.extend(neurons);
            let cols = start..order.len() as u32;
            held.entry(block).or_default().push(Slice { population, channels: 0..1, rows: 0..1, cols });
        }
        let cores: Vec<Vec<Slice>> = held.into_values().map(merged).collect();
        Partition { cores: EntityMap::from(cores), orders, ..Partition::default() }
    }
}

/// The neurons of some slices in fewer boxes.
fn merged(slices: Vec<Slice>) -> Vec<Slice> {
    let by_channels = join(slices, |s| (s.population, s.rows.start, s.cols.start, 0), |s| &mut s.channels);
    let by_cols = join(
        by_channels,
        |s| (s.population, s.rows.start, s.channels.start, s.channels.end),
        |s| &mut s.cols,
    );
    let key = |s: &Slice| (s.population, s.channels.start, s.channels.end, (s.cols.start, s.cols.end));
    let mut boxes = join(by_cols, key, |s| &mut s.rows);
    boxes.sort_by_key(|s| (s.population, s.rows.start, s.cols.start, s.channels.start));
    boxes
}

/// Joins slices with the same key whose ranges touch.
fn join<K: Ord>(
    mut slices: Vec<Slice>,
    key: impl Fn(&Slice) -> K,
    range: impl Fn(&mut Slice) -> &mut Range<u32>,
) -> Vec<Slice> {
    slices.sort_by_cached_key(|slice| (key(slice), range(&mut slice.clone()).start));
    let mut joined: Vec<Slice> = Vec::new();
    for mut slice in slices {
        let next = range(&mut slice).clone();
        if let Some(last) = joined.last_mut()
            && key(last) == key(&slice)
            && range(last).end == next.start
        {
            range(last).end = next.end;
        } else {
            joined.push(slice);
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touching_groups_become_one_box() {
        let piece = |c: u32, y: u32, x: u32| Slice {
            population: PopulationId(0),
            channels: c * 2..c * 2 + 2,
            rows: y..y + 1,
            cols: x..x + 1,
        };
        let mut pieces: Vec<Slice> = (0..8).map(|i| piece(i & 1, i >> 1 & 1, i >> 2)).collect();
        pieces.push(piece(5, 0, 0));
        let boxes = merged(pieces);
        assert_eq!(boxes.len(), 2);
        assert_eq!((&boxes[0].channels, &boxes[0].rows, &boxes[0].cols), (&(0..4), &(0..2), &(0..2)));
    }
}
