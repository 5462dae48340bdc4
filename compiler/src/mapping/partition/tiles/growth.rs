//! How a core grows by neurons of an irregular population: next comes the neuron that shares most sources with those
//! already there. Neurons that share sources are candidates, kept by how many they share.
//!
//! Work grows with the synapses: a source is looked at once for each core that it reaches.

use snnc_targets::Target;
use snnc_targets::schema::KernelSharing;

use super::axons::AxonCounts;
use super::capacity::CoreCapacity;
use super::layer::PartitionLayer;
use super::work::{CoreLoad, StepTimes, WorkModel};
use crate::ir::program::usage::{CoreUsage, Limit, LimitExceeded, list_bits};
use crate::ir::spiking::SparseSynapses;
use crate::ir::{PopulationId, ProjectionId};

/// Candidates that do not fit before a core is closed.
const REJECTS: usize = 32;
/// A source with more targets than this draws no neuron to a core: they are spread over the chip in any case.
const HUB: usize = 4096;

/// The first limit that a use exceeds once neurons are merged where the input axons ask for it.
pub fn beyond(mut used: CoreUsage, capacity: &CoreCapacity) -> Option<LimitExceeded> {
    used.neurons *= capacity.core.merged(used.input_axons);
    used.first_beyond(&capacity.most, Limit::ALL)
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
    /// Work of a synapse and of a source's packets, by timestep; empty where work is not looked at.
    synapse: StepTimes,
    axon_in: StepTimes,
}

impl IncomingSynapses<'_> {
    fn sources_of(&self, neuron: usize) -> &[u32] {
        &self.sources[self.starts[neuron] as usize..self.starts[neuron + 1] as usize]
    }
}

/// Whether a neuron is placed, else how many sources it shares with a core, and which; side by side, since neurons near
/// each other may be anywhere in memory.
#[derive(Debug, Clone, Copy)]
struct NeuronMark {
    /// [`NO_CORE`] if it shared none yet, [`PLACED`].
    core: u32,
    shared: u32,
}

/// No core that there is.
const NO_CORE: u32 = u32::MAX;
/// The mark of neurons that are placed: no core either.
const PLACED: u32 = u32::MAX - 1;

/// A population while its neurons go to cores.
pub struct CoreGrowth<'a> {
    capacity: &'a CoreCapacity<'a>,
    target: &'a Target,
    incoming: Vec<IncomingSynapses<'a>>,
    fan_out: Option<&'a AxonCounts>,
    /// Whether the order of the neurons is free.
    pub free: bool,
    /// Distinct thresholds of the core at hand with this population.
    pub threshold_profiles: u64,
    /// By neuron: where it stands.
    marks: Vec<NeuronMark>,
    /// Neurons before this one are placed.
    cursor: usize,
    /// Neurons that share the sources of the one that was placed last, with repetitions.
    near: Vec<u32>,
    /// Candidates by shared sources; those whose number has changed since are stale.
    candidates: Vec<Vec<u32>>,
    /// The limit that kept the last neuron out.
    pub refused: Option<LimitExceeded>,
    /// Work of a neuron whatever feeds it, by timestep; empty where work is not looked at.
    neuron: StepTimes,
    /// The unit of a core that decodes packets.
    decoding_unit: usize,
}

impl<'a> CoreGrowth<'a> {
    /// A population, none of whose neurons is placed; `sources` says where projections come from.
    pub fn new(
        target: &'a Target,
        capacity: &'a CoreCapacity<'a>,
        layer: &PartitionLayer,
        incoming: &[(ProjectionId, &'a SparseSynapses)],
        fan_out: Option<&'a AxonCounts>,
        work: Option<&WorkModel>,
        sources: impl Fn(ProjectionId) -> PopulationId,
    ) -> Self {
        let neurons = layer.population.shape.len();
        let synapses = |&(id, sparse): &(ProjectionId, &'a SparseSynapses)| {
            let rates = work.map(|work| work.rates(sources(id))).unwrap_or_default();
            let each = rates.into_iter().filter_map(|rate| Some(work?.arriving(rate, rate)));
            let (synapse, axon_in) = each.unzip();
            let (starts, sources) = sparse.transposed(neurons);
            let reached = vec![NO_CORE; sparse.sources()];
            IncomingSynapses { sparse, starts, sources, reached, touched: false, synapse, axon_in }
        };
        Self {
            capacity,
            target,
            incoming: incoming.iter().map(synapses).collect(),
            fan_out,
            free: true,
            threshold_profiles: 0,
            marks: vec![NeuronMark { core: NO_CORE, shared: 0 }; neurons],
            cursor: 0,
            near: Vec::new(),
            candidates: Vec::new(),
            refused: None,
            neuron: work.map(|work| work.neuron(layer.id).clone()).unwrap_or_default(),
            decoding_unit: work.map_or(0, WorkModel::decoding_unit),
        }
    }

    /// Fills a core that uses `base` and does `load` already; returns its new neurons, ascending, what they use and
    /// what they do.
    pub fn grow(&mut self, core: u32, base: &CoreUsage, load: &CoreLoad) -> (Vec<u32>, CoreUsage, CoreLoad) {
        let mut more = CoreUsage::default();
        let mut done = CoreLoad::default();
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
            let mut work = done.clone();
            self.add_work(neuron, core, &mut work);
            let busy = self.capacity.work.as_ref().is_some_and(|limit| {
                // One neuron has to be somewhere, however much it does.
                let first = neurons.is_empty() && base.neurons == 0;
                !(first || load.allows(&limit.0, &work))
            });
            if self.refused.is_none() && !busy {
                more = with;
                done = work;
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
        (neurons, more, done)
    }

    /// What a neuron that comes to the core at hand makes it do.
    fn add_work(&self, neuron: u32, core: u32, load: &mut CoreLoad) {
        if self.neuron.is_empty() {
            return;
        }
        load.add(1, &self.neuron, 1.0);
        for synapses in &self.incoming {
            let sources = synapses.sources_of(neuron as usize);
            let new = sources.iter().filter(|&&s| synapses.reached[s as usize] != core).count();
            load.add(0, &synapses.synapse, sources.len() as f32);
            load.add(self.decoding_unit, &synapses.axon_in, new as f32);
        }
    }

    /// The next neuron to try, and whether shared sources drew it.
    fn next(&mut self, core: u32) -> Option<(u32, bool)> {
        for shared in (1..self.candidates.len()).rev() {
            while let Some(neuron) = self.candidates[shared].pop() {
                let mark = self.marks[neuron as usize];
                if (mark.core, mark.shared) == (core, shared as u32) {
                    return Some((neuron, true));
                }
            }
        }
        while self.marks.get(self.cursor).is_some_and(|mark| mark.core == PLACED) {
            self.cursor += 1;
        }
        (self.cursor < self.marks.len()).then_some((self.cursor as u32, false))
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
        self.marks[neuron as usize].core = PLACED;
        self.near.clear();
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
                if targets.len() <= HUB {
                    self.near.extend_from_slice(targets);
                }
            }
        }
        // Neurons are numbered at random, so that each mark is likely a miss of the caches. This look at all of them
        // depends on nothing, so the processor waits for many at once; the loop below would wait for one after another.
        let placed = self.near.iter().filter(|&&n| self.marks[n as usize].core == PLACED).count();
        if placed == self.near.len() {
            return;
        }
        for &other in &self.near {
            let NeuronMark { core: of, shared } = &mut self.marks[other as usize];
            if *of == PLACED {
                continue;
            }
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
