//! Partition of irregular populations: cores filled neuron by neuron, under every limit, with exact counts.
//!
//! A core grows: next comes the neuron that shares most sources with those already there, so that a spike finds its
//! targets on few cores. Where no neuron shares any, the next in order starts anew. The core is closed when nothing
//! that shares sources fits any more. Then the population is numbered anew, core by core.
//!
//! Work and memory grow with the synapses: a source is looked at once for each core that it reaches. Deterministic.

use std::rc::Rc;

use snnc_targets::schema::KernelSharing;
use snnc_targets::{Code, Diagnostic, Diagnostics, Target};

use super::axons::{AxonCounts, OutgoingAxons};
use super::capacity::CoreCapacity;
use super::filled::FilledCores;
use super::layer::PartitionLayer;
use super::open_core::OpenCore;
use super::refuse;
use crate::ir::program::usage::{CoreUsage, Limit, LimitExceeded, list_bits};
use crate::ir::spiking::{SparseSynapses, SpikingIr};
use crate::ir::{PopulationId, ProjectionId};
use crate::mapping::partition::Rates;

/// Candidates that do not fit before a core is closed.
const REJECTS: usize = 32;
/// A source with more targets than this draws no neuron to a core: they are all over the chip anyway.
const HUB: usize = 4096;

/// Whether a population is placed neuron by neuron: sparse projections touch it and nothing else feeds it.
pub fn is_irregular(ir: &SpikingIr, layer: &PartitionLayer) -> bool {
    let sparse = |p: &&crate::ir::spiking::Projection| p.sparse().is_some();
    let touches = |p: &crate::ir::spiking::Projection| p.source == layer.id || p.target == layer.id;
    ir.projections.values().filter(|p| touches(p)).any(|p| sparse(&p))
        && (layer.incoming.is_empty() || layer.incoming.iter().any(|&id| sparse(&&ir.projections[id])))
}

/// Refuses what no core could hold.
///
/// # Errors
/// [`Code::Unsupported`] for a population fed in both ways, [`Code::DoesNotFit`] for a neuron too large for a core.
pub fn fits(
    ir: &SpikingIr,
    target: &Target,
    capacity: &CoreCapacity,
    layer: &PartitionLayer,
) -> Result<(), Diagnostics> {
    if layer.incoming.iter().any(|&id| ir.projections[id].sparse().is_none()) {
        let message = "is fed by convolutions and by irregular projections";
        return Err(Diagnostic::new(Code::Unsupported, refuse::place(ir, layer), message)
            .hint("put a layer of its own behind each of them")
            .into());
    }
    let mut degrees = vec![0u64; layer.population.shape.len()];
    for (_, sparse) in incoming(ir, layer) {
        sparse.targets.iter().for_each(|&t| degrees[t as usize] += 1);
    }
    let degree = degrees.into_iter().max().unwrap_or(0);
    let lists = if target.synapses.kernel_sharing.get() == KernelSharing::Ideal { 1 } else { degree };
    let one = CoreUsage {
        neurons: 1,
        input_axons: degree * u64::from(capacity.axons.input_axons(1)),
        synapse_bits: list_bits(target, lists, degree),
        ..CoreUsage::default()
    };
    match beyond(one, capacity) {
        Some(exceeded) => Err(refusal(ir, target, layer, exceeded).into()),
        None => Ok(()),
    }
}

fn refusal(ir: &SpikingIr, target: &Target, layer: &PartitionLayer, exceeded: LimitExceeded) -> Diagnostic {
    let LimitExceeded { limit, used, most } = exceeded;
    let message =
        format!("a single neuron of this layer uses {used} {limit}, a core of {} has {most}", target.name);
    Diagnostic::new(Code::DoesNotFit, refuse::place(ir, layer), message).hint(refuse::remedy(target, limit))
}

fn incoming<'a>(ir: &'a SpikingIr, layer: &PartitionLayer) -> Vec<(ProjectionId, &'a SparseSynapses)> {
    layer.incoming.iter().filter_map(|&id| Some((id, ir.projections[id].sparse()?))).collect()
}

/// The first limit that a use exceeds once neurons are merged where the input axons ask for it.
fn beyond(mut used: CoreUsage, capacity: &CoreCapacity) -> Option<LimitExceeded> {
    used.neurons *= capacity.core.merged(used.input_axons);
    used.first_beyond(&capacity.most, Limit::ALL)
}

/// Puts the whole population on cores.
///
/// # Errors
/// [`Code::DoesNotFit`] for a neuron whose targets lie on too many cores.
pub fn place(
    ir: &SpikingIr,
    target: &Target,
    rates: &Rates,
    capacity: &CoreCapacity,
    layer: &PartitionLayer,
    state: &mut FilledCores,
) -> Result<(), Diagnostics> {
    let incoming = incoming(ir, layer);
    // No layer that comes later asks for it.
    let fan_out = state.outgoing.remove(&layer.id).map(|outgoing| outgoing.all);
    let mut growth =
        CoreGrowth::new(target, capacity, layer.population.shape.len(), &incoming, fan_out.as_ref());
    // A convolution that reads the population needs its neurons in their places.
    growth.free = ir.projections.values().filter(|p| p.source == layer.id).all(|p| p.sparse().is_some());
    let mut order: Vec<u32> = Vec::with_capacity(layer.population.shape.len());
    let mut core_of = vec![0u32; layer.population.shape.len()];
    // The last core may have room left by the irregular layer placed before.
    let mut open = state.cores.len().saturating_sub(1);
    if state.cores.last().is_some_and(|core| !core.is_fed_by_kernels()) {
        growth.threshold_profiles = state.cores[open].profiles_with(layer);
    } else {
        open = state.cores.len();
    }
    while order.len() < core_of.len() {
        if open == state.cores.len() {
            state.cores.push(Rc::default());
            growth.threshold_profiles = OpenCore::default().profiles_with(layer);
        }
        let core = Rc::make_mut(&mut state.cores[open]);
        let (neurons, more) = growth.grow(open as u32, core.before_merging());
        if neurons.is_empty() && core.slices.is_empty() {
            let none = LimitExceeded { limit: Limit::Neurons, used: 1, most: capacity.most.neurons };
            return Err(refusal(ir, target, layer, growth.refused.unwrap_or(none)).into());
        }
        if !neurons.is_empty() {
            let start = order.len() as u32;
            neurons.iter().for_each(|&n| core_of[n as usize] = open as u32);
            order.extend(neurons);
            core.add_irregular(layer, &more, start..order.len() as u32);
        }
        open = state.cores.len();
    }
    for (id, sparse) in incoming {
        let source = ir.projections[id].source;
        let packets = add_outgoing(ir, state, source, sparse, &core_of);
        state.packets += packets as f64 * rates.of(source);
    }
    state.outgoing.values_mut().for_each(OutgoingAxons::finish);
    if !order.is_sorted() {
        state.orders.insert(layer.id, Rc::new(order));
    }
    Ok(())
}

/// Adds the destination cores of every source neuron; how many.
fn add_outgoing(
    ir: &SpikingIr,
    state: &mut FilledCores,
    source: PopulationId,
    sparse: &SparseSynapses,
    core_of: &[u32],
) -> u64 {
    let outgoing = state
        .outgoing
        .entry(source)
        .or_insert_with(|| OutgoingAxons::new(ir.model.populations[source].shape));
    let mut last_seen = vec![u32::MAX; state.cores.len()];
    let mut all = 0;
    for neuron in 0..sparse.sources() {
        let mut cores = 0;
        for &target in sparse.targets_of(neuron) {
            let seen = &mut last_seen[core_of[target as usize] as usize];
            cores += u32::from(*seen != neuron as u32);
            *seen = neuron as u32;
        }
        outgoing.all.add_at(neuron, cores);
        all += u64::from(cores);
    }
    all
}

/// One incoming projection, seen from its targets.
struct IncomingSynapses<'a> {
    sparse: &'a SparseSynapses,
    /// Sources of target n: `sources[starts[n] .. starts[n + 1]]`.
    starts: Vec<u32>,
    sources: Vec<u32>,
    /// Last core that each source reached.
    reached: Vec<u32>,
    /// Whether the core at hand has synapses of it.
    touched: bool,
}

impl IncomingSynapses<'_> {
    fn sources_of(&self, neuron: usize) -> &[u32] {
        &self.sources[self.starts[neuron] as usize..self.starts[neuron + 1] as usize]
    }
}

/// A population while its neurons go to cores.
struct CoreGrowth<'a> {
    capacity: &'a CoreCapacity<'a>,
    target: &'a Target,
    incoming: Vec<IncomingSynapses<'a>>,
    fan_out: Option<&'a AxonCounts>,
    /// Whether the order of the neurons is free.
    free: bool,
    /// Distinct thresholds of the core at hand with this population.
    threshold_profiles: u64,
    placed: Vec<bool>,
    /// Neurons before this one are placed.
    cursor: usize,
    /// Sources shared with a core, and which core.
    shared: Vec<(u32, u32)>,
    /// Candidates by shared sources; those whose number has changed since are stale.
    candidates: Vec<Vec<u32>>,
    /// The limit that kept the last neuron out.
    refused: Option<LimitExceeded>,
}

impl<'a> CoreGrowth<'a> {
    fn new(
        target: &'a Target,
        capacity: &'a CoreCapacity<'a>,
        neurons: usize,
        incoming: &[(ProjectionId, &'a SparseSynapses)],
        fan_out: Option<&'a AxonCounts>,
    ) -> Self {
        let synapses = |&(_, sparse): &(ProjectionId, &'a SparseSynapses)| {
            let (starts, sources) = sparse.transposed(neurons);
            IncomingSynapses {
                sparse,
                starts,
                sources,
                reached: vec![u32::MAX; sparse.sources()],
                touched: false,
            }
        };
        Self {
            capacity,
            target,
            incoming: incoming.iter().map(synapses).collect(),
            fan_out,
            free: true,
            threshold_profiles: 0,
            placed: vec![false; neurons],
            cursor: 0,
            shared: vec![(0, u32::MAX); neurons],
            candidates: Vec::new(),
            refused: None,
        }
    }

    /// Fills a core that uses so much already: its new neurons, ascending, and what they use.
    fn grow(&mut self, core: u32, base: &CoreUsage) -> (Vec<u32>, CoreUsage) {
        let mut more = CoreUsage::default();
        self.incoming.iter_mut().for_each(|synapses| synapses.touched = false);
        let mut neurons = Vec::new();
        let mut rejects = 0;
        self.candidates.iter_mut().for_each(Vec::clear);
        while let Some((neuron, drawn)) = self.next(core) {
            let with = self.with(neuron, core, &more);
            let mut sum = *base;
            sum += with;
            sum.threshold_profiles = self.threshold_profiles;
            self.refused = beyond(sum, self.capacity);
            if self.refused.is_none() {
                more = with;
                neurons.push(neuron);
                self.enter(neuron, core);
            } else {
                rejects += 1;
                if !drawn || rejects == REJECTS {
                    break;
                }
            }
        }
        neurons.sort_unstable();
        (neurons, more)
    }

    /// The next neuron to try, and whether shared sources drew it.
    fn next(&mut self, core: u32) -> Option<(u32, bool)> {
        for shared in (1..self.candidates.len()).rev() {
            while let Some(neuron) = self.candidates[shared].pop() {
                let n = neuron as usize;
                if !self.placed[n] && self.shared[n] == (shared as u32, core) {
                    return Some((neuron, true));
                }
            }
        }
        while self.placed.get(self.cursor) == Some(&true) {
            self.cursor += 1;
        }
        (self.cursor < self.placed.len()).then_some((self.cursor as u32, false))
    }

    /// What the core's new neurons use with one more.
    fn with(&self, neuron: u32, core: u32, more: &CoreUsage) -> CoreUsage {
        let n = neuron as usize;
        let (mut degree, mut new, mut first) = (0, 0, 0);
        for synapses in &self.incoming {
            let sources = synapses.sources_of(n);
            degree += sources.len() as u64;
            first += u64::from(!synapses.touched && !sources.is_empty());
            new += sources.iter().filter(|&&s| synapses.reached[s as usize] != core).count() as u64;
        }
        // Lists of an irregular projection are all different; where a core has one for a projection, it has one.
        let lists =
            if self.target.synapses.kernel_sharing.get() == KernelSharing::Ideal { first } else { new };
        let (axons, fan_out) = (&self.capacity.axons, self.fan_out.map_or(0, |fan_out| fan_out.at(n)));
        CoreUsage {
            neurons: more.neurons + u64::from(axons.copies(fan_out as u32)),
            input_axons: more.input_axons + new * u64::from(axons.input_axons(1)),
            output_axons: more.output_axons + fan_out * u64::from(axons.output_slots(1)),
            synapse_bits: more.synapse_bits + list_bits(self.target, lists, degree),
            threshold_profiles: 0,
        }
    }

    /// Places a neuron; neurons that share its sources become candidates.
    fn enter(&mut self, neuron: u32, core: u32) {
        self.placed[neuron as usize] = true;
        for synapses in &mut self.incoming {
            let range =
                synapses.starts[neuron as usize] as usize..synapses.starts[neuron as usize + 1] as usize;
            synapses.touched |= !range.is_empty();
            for &source in &synapses.sources[range] {
                let reached = &mut synapses.reached[source as usize];
                if std::mem::replace(reached, core) == core || !self.free {
                    continue;
                }
                let targets = synapses.sparse.targets_of(source as usize);
                if targets.len() > HUB {
                    continue;
                }
                for &other in targets.iter().filter(|&&t| !self.placed[t as usize]) {
                    let (shared, of) = &mut self.shared[other as usize];
                    *shared = if *of == core { *shared + 1 } else { 1 };
                    *of = core;
                    let at = *shared as usize;
                    if self.candidates.len() <= at {
                        self.candidates.resize_with(at + 1, Vec::new);
                    }
                    self.candidates[at].push(other);
                }
            }
        }
    }
}
