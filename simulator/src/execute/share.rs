//! One program on several ranks: each runs the neurons of its own cores and knows the spikes of all.
//!
//! A rank keeps the synapses of its own cores only. Before neurons integrate what others sent, ranks exchange the
//! spikes of their own neurons: populations of a cycle once a timestep, others once a window. So every rank has every
//! spike, and whatever follows from spikes alone (packets, flows) each counts for the cores that receive them. What a
//! neuron's owner alone knows (updates, synaptic operations, membranes of read-outs) is exchanged when a pass is
//! counted or read. Sums of integers do not depend on who adds them, so results and counts are those of one rank.
//!
//! All ranks must run the same passes in the same order, one at a time.

use std::sync::Arc;

use snnc_compiler::ir::program::trees::TreeId;
use snnc_compiler::ir::program::{Program, Slice};
use snnc_compiler::ir::{CoreId, PopulationId, Shape};
use snnc_targets::entity::EntityMap;

use super::incoming::IncomingConnection;
use super::kernels::level::SimdLevel;
use super::spikes::{SpikeBits, StepBitsMut};
use crate::counts::{Events, MulticastFlow, PassCounts, SliceFlow, SliceIndex, SliceTable, StepCounts};
use crate::exchange::{Exchange, halves, wholes};

/// The rank that runs each core.
pub type CoreOwners = EntityMap<CoreId, usize>;

/// Words of a slice's events.
const EVENTS: usize = 8;

/// What a rank runs of a program.
#[derive(Debug)]
pub struct Share {
    exchange: Arc<dyn Exchange>,
    /// The rank that runs each slice.
    owners: Vec<usize>,
    /// By population: bits of its own neurons, as [`SpikeBits`] has them.
    masks: Vec<Vec<u64>>,
}

/// Gives each chip to a rank, as evenly as whole chips in their order allow by `work`, some measure of a core's work.
/// Ports, which no chip has, go with the first chip.
pub fn owners_by_chip(program: &Program, ranks: usize, work: impl Fn(CoreId) -> u64) -> CoreOwners {
    let topology = program.topology();
    let chip_of = |core: CoreId| topology.chip_of(program.sites[core]) as usize;
    let chips = program.chip_cores().map(|(core, _)| chip_of(core) + 1).max().unwrap_or(1);
    let mut of_chip = vec![0_u128; chips];
    program.chip_cores().for_each(|(core, _)| of_chip[chip_of(core)] += u128::from(work(core)));
    let all: u128 = of_chip.iter().sum();
    // A chip goes to the rank in whose share of the work its middle lies.
    let mut before = 0;
    let rank = |work: &u128| {
        let middle = 2 * before + work;
        before += work;
        if all == 0 { 0 } else { ((middle * ranks as u128 / (2 * all)) as usize).min(ranks - 1) }
    };
    let rank_of_chip: Vec<usize> = of_chip.iter().map(rank).collect();
    let owner = |core| if program.is_port(core) { 0 } else { rank_of_chip[chip_of(core)] };
    program.cores.keys().map(owner).collect()
}

impl Share {
    /// The share of this rank of the exchange.
    pub(super) fn new(
        program: &Program,
        (table, slices): (&SliceTable, &[Slice]),
        owners: &CoreOwners,
        exchange: Arc<dyn Exchange>,
    ) -> Self {
        let owners: Vec<usize> = table.cores.iter().map(|&core| owners[core]).collect();
        let mut masks: Vec<SpikeBits> = program
            .model
            .populations
            .values()
            .map(|population| SpikeBits::new(population.shape, 1))
            .collect();
        for (slice, _) in slices.iter().zip(&owners).filter(|(_, owner)| **owner == exchange.rank()) {
            masks[slice.population.0 as usize].add_slice(slice);
        }
        Self { exchange, owners, masks: masks.into_iter().map(SpikeBits::into_words).collect() }
    }

    /// Whether a slice is this rank's.
    pub(super) fn owns(&self, slice: SliceIndex) -> bool {
        self.owners[slice] == self.exchange.rank()
    }

    /// Bits of the own neurons of a population.
    pub(super) fn mask(&self, population: PopulationId) -> &[u64] {
        &self.masks[population.0 as usize]
    }

    /// Leaves the connections into own slices.
    pub(super) fn keep_own(&self, connections: &mut [Vec<IncomingConnection>]) {
        for (slice, connections) in connections.iter_mut().enumerate() {
            if !self.owns(slice) {
                *connections = Vec::new();
            }
        }
    }

    /// The greatest value that any rank has, value by value.
    pub(super) fn greatest(&self, values: &mut [u32]) {
        for other in self.exchange.gather(values) {
            values.iter_mut().zip(other).for_each(|(value, other)| *value = other.max(*value));
        }
    }

    /// Spikes of own neurons among those that `write` adds: bits of the population, ascending.
    pub(super) fn own_spikes(
        &self,
        (population, shape, level): (PopulationId, Shape, SimdLevel),
        write: impl FnOnce(&mut StepBitsMut),
    ) -> Vec<u32> {
        let (mut step, mut fired) = (SpikeBits::new(shape, 1), Vec::new());
        step.append(0, None, |words| {
            write(words);
            words.keep(self.mask(population));
        });
        step.neurons(level, 0, &mut fired);
        fired
    }

    /// Joins lists of own spikes with the same lists of the other ranks.
    pub(super) fn joined(&self, own: &[Vec<u32>]) -> Vec<Vec<u32>> {
        let lengths = own.iter().map(|list| list.len() as u32);
        let words: Vec<u32> = lengths.chain(own.iter().flatten().copied()).collect();
        let mut all = vec![Vec::new(); own.len()];
        for words in self.exchange.gather(&words) {
            let (lengths, mut rest) = words.split_at(own.len());
            for (list, &length) in all.iter_mut().zip(lengths) {
                let (own, others) = rest.split_at(length as usize);
                list.extend_from_slice(own);
                rest = others;
            }
        }
        all
    }

    /// Membranes of a population, `[position][channel]`, each from the rank that runs its neuron.
    pub(super) fn membranes(&self, population: PopulationId, membranes: &mut [i32]) {
        let mut own = Vec::new();
        for (word, &mask) in self.mask(population).iter().enumerate() {
            let bits = (0..64).filter(|bit| mask >> bit & 1 == 1).map(|bit| word * 64 + bit);
            own.extend(bits.flat_map(|bit| [bit as u32, membranes[bit] as u32]));
        }
        for words in self.exchange.gather(&own) {
            for &[bit, membrane] in words.as_chunks::<2>().0 {
                membranes[bit as usize] = membrane as i32;
            }
        }
    }

    /// Makes counts of what this rank's cores did those of all ranks.
    pub(super) fn complete(&self, counts: &mut PassCounts) {
        let own = halves(counts.steps.iter().flat_map(|step| self.encoded(step)));
        let given = self.exchange.gather(&own);
        let mut read: Vec<_> = given.iter().map(|words| wholes(words)).collect();
        for step in &mut counts.steps {
            let own = std::mem::take(step);
            step.events = own.events;
            let mut flows = Vec::new();
            for (rank, words) in read.iter_mut().enumerate() {
                self.decode(rank, words, (step, &mut flows));
            }
            // The core that receives is one rank's, so no flow is there twice.
            flows.sort_unstable_by_key(|flow| (flow.source, flow.target));
            step.flows = flows.into_iter().collect();
            step.multicast_flows.sort_unstable_by_key(|flow| flow.tree);
        }
    }

    /// A timestep as words: events of own slices, then flows, each behind their number.
    fn encoded(&self, step: &StepCounts) -> Vec<u64> {
        let own = (0..self.owners.len()).filter(|&slice| self.owns(slice));
        let mut words: Vec<u64> = own.flat_map(|slice| event_words(&step.events[slice])).collect();
        let flows = step.flows.iter();
        words.push(flows.len() as u64);
        let flow = |flow: SliceFlow| [u64::from(flow.source) << 32 | u64::from(flow.target.0), flow.packets];
        words.extend(flows.flat_map(flow));
        words.push(step.multicast_flows.len() as u64);
        let flow = |flow: &MulticastFlow| [u64::from(flow.tree.0), flow.spikes];
        words.extend(step.multicast_flows.iter().flat_map(flow));
        words
    }

    /// Enters a timestep of another rank's words.
    fn decode(
        &self,
        rank: usize,
        words: &mut impl Iterator<Item = u64>,
        (step, flows): (&mut StepCounts, &mut Vec<SliceFlow>),
    ) {
        let mut next = || words.next().expect("every rank gives all of its timesteps");
        for (slice, _) in self.owners.iter().enumerate().filter(|(_, owner)| **owner == rank) {
            step.events[slice] = events(std::array::from_fn(|_| next()));
        }
        for _ in 0..next() {
            let (ends, packets) = (next(), next());
            let (source, target) = ((ends >> 32) as u32, CoreId(ends as u32));
            flows.push(SliceFlow { source, target, packets });
        }
        for _ in 0..next() {
            let (tree, spikes) = (next(), next());
            step.multicast_flows.push(MulticastFlow { tree: TreeId(tree as u32), spikes });
        }
    }
}

fn event_words(events: &Events) -> [u64; EVENTS] {
    let Events {
        synaptic_operations,
        updates_active,
        updates_inactive,
        spikes,
        packets_sent,
        packets_received,
        accumulator_overflows,
        state_saturations,
    } = *events;
    [
        synaptic_operations,
        updates_active,
        updates_inactive,
        spikes,
        packets_sent,
        packets_received,
        accumulator_overflows,
        state_saturations,
    ]
}

/// The reverse of [`event_words`].
fn events(words: [u64; EVENTS]) -> Events {
    let [
        synaptic_operations,
        updates_active,
        updates_inactive,
        spikes,
        packets_sent,
        packets_received,
        accumulator_overflows,
        state_saturations,
    ] = words;
    Events {
        synaptic_operations,
        updates_active,
        updates_inactive,
        spikes,
        packets_sent,
        packets_received,
        accumulator_overflows,
        state_saturations,
    }
}
