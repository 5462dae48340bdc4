//! What a crossbar does for its copies of neurons and for the bits of its weights, beyond what the network asks for.
//!
//! Counts of the execution are those of distinct neurons and whole weights, whatever the mapping. A chip whose neuron
//! has one target axon repeats a neuron for each further one, and its synapses are single bits
//! ([`snnc_targets::schema::AxonSpec::repeats_work`]). Energy is charged for what such a chip does:
//! * one packet for every bit plane of a destination, and its hops and delivery;
//! * one synaptic event for every 1 among the bits of a weight, at the neuron and at each of its copies: exact, from
//!   the spikes;
//! * updates and host writes of a slice times its neurons with copies per distinct neuron. Their sum is exact; how many
//!   updates are active among the copies is taken in proportion.

use snnc_compiler::ir::program::{AxonEntry, Core, CoreSlice, Program};
use snnc_targets::schema::AxonSpec;

use super::SliceTally;
use crate::counts::{SliceIndex, SliceTable};
use crate::execute::slice::SliceTrace;

/// Repeated work of one program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copies {
    planes: u64,
    slices: Vec<SliceCopies>,
}

/// One slice.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SliceCopies {
    /// Distinct neurons.
    neurons: u64,
    /// Neurons with their copies.
    copied: u64,
    /// Neurons that one neuron of each position takes.
    takes: Vec<u32>,
    /// Destinations of position p: `ends[starts[p] .. starts[p + 1]]`, each with the slices that it touches.
    starts: Vec<u32>,
    ends: Vec<Vec<End>>,
}

/// Synaptic events of a packet in one slice, by source channel of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
struct End {
    slice: SliceIndex,
    events: Vec<u64>,
}

impl Copies {
    /// `None` if the target repeats no work.
    pub fn new(program: &Program, table: &SliceTable) -> Option<Self> {
        let axons = &program.target.axons;
        if !axons.repeats_work() {
            return None;
        }
        let slices = program.cores.values().flat_map(|core| &core.slices);
        Some(Self {
            planes: axons.planes().into(),
            slices: slices.map(|placed| SliceCopies::new(program, table, placed)).collect(),
        })
    }

    /// Multiplies what is sent by the bit planes.
    pub fn send(&self, slices: &mut [SliceTally]) {
        for slice in slices {
            slice.events.packets_sent *= self.planes;
            slice.events.packets_received *= self.planes;
            slice.hops = slice.hops.times(self.planes);
            slice.deliveries *= self.planes;
            slice.departures *= self.planes;
        }
    }

    /// What the chip works off in a pass: `slices` are its counts after [`Copies::send`], `traces` its spikes.
    pub fn work(&self, slices: &[SliceTally], traces: &[SliceTrace]) -> Vec<SliceTally> {
        let mut all = slices.to_vec();
        for (tally, copies) in all.iter_mut().zip(&self.slices) {
            let events = &mut tally.events;
            let updates = copies.scaled(events.updates_active + events.updates_inactive);
            events.updates_active = copies.scaled(events.updates_active);
            events.updates_inactive = updates - events.updates_active;
            tally.host_writes = copies.scaled(tally.host_writes);
            (events.synaptic_operations, events.spikes) = (0, 0);
        }
        for (source, (copies, trace)) in self.slices.iter().zip(traces).enumerate() {
            for spike in trace.fired.iter().flatten() {
                let position = spike.position as usize;
                all[source].events.spikes += u64::from(copies.takes[position]);
                let ends = copies.starts[position] as usize..copies.starts[position + 1] as usize;
                for end in copies.ends[ends].iter().flatten() {
                    all[end.slice].events.synaptic_operations += end.events[spike.atom as usize];
                }
            }
        }
        all
    }
}

impl SliceCopies {
    fn new(program: &Program, table: &SliceTable, placed: &CoreSlice) -> Self {
        let axons = &program.target.axons;
        let takes: Vec<u32> = (0..placed.slice.positions()).map(|p| takes(axons, placed, p)).collect();
        let atoms = u64::from(placed.slice.atoms());
        let end = |to: &snnc_compiler::ir::program::AxonDestination| {
            let core = &program.cores[to.core];
            let axon = &core.axons[to.axon as usize];
            let entry = |entry: &AxonEntry| {
                let slice = table.starts[to.core.0 as usize] + core.lists[entry.list as usize].slice as usize;
                let sources = axon.first_atom..axon.first_atom + axon.atoms;
                End { slice, events: sources.map(|source| events(axons, core, entry, source)).collect() }
            };
            core.entries(axon).iter().map(entry).collect()
        };
        Self {
            neurons: placed.slice.neurons().into(),
            copied: takes.iter().map(|&n| u64::from(n)).sum::<u64>() * atoms,
            takes,
            starts: placed.route_starts.clone(),
            ends: placed.destinations.iter().map(end).collect(),
        }
    }

    /// A count of all neurons alike, with the copies'.
    fn scaled(&self, count: u64) -> u64 {
        (u128::from(count) * u128::from(self.copied) / u128::from(self.neurons.max(1))) as u64
    }
}

/// Neurons of its core that one neuron of a position takes.
fn takes(axons: &AxonSpec, placed: &CoreSlice, position: u32) -> u32 {
    axons.copies(placed.routes(position).len() as u32)
}

/// Synaptic events of a packet from one source channel in one slice.
fn events(axons: &AxonSpec, core: &Core, entry: &AxonEntry, source: u32) -> u64 {
    let list = &core.lists[entry.list as usize];
    let placed = &core.slices[list.slice as usize];
    let (first, behind) = list.row(source);
    let mut sum = 0;
    for run in &list.runs {
        for i in 0..run.len {
            let weight = core.weights[(first + run.weight + i) as usize];
            let neuron = entry.target + behind + run.target + i - placed.first_neuron;
            let copies = takes(axons, placed, neuron / placed.slice.atoms());
            sum += u64::from(bits(axons.planes(), weight)) * u64::from(copies);
        }
    }
    sum
}

/// Synapses that hold a weight: its bits that are 1, in two's complement of `planes` bits; 1 for a whole weight.
fn bits(planes: u32, weight: i16) -> u32 {
    if planes == 1 { 1 } else { (i32::from(weight) & ((1 << planes) - 1)).count_ones() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_a_weight_are_those_of_its_twos_complement() {
        assert_eq!([-8, -7, -1, 0, 3, 7].map(|w| bits(4, w)), [1, 2, 4, 0, 2, 3]);
        assert_eq!([-1, 0, 1].map(|w| bits(2, w)), [2, 0, 1]);
        assert_eq!(bits(1, 0), 1);
        // What the axon types add up to: 1, 2, 4, -8.
        for w in -8i32..8 {
            let planes = (0..4).filter(|p| w & (1 << p) != 0);
            assert_eq!(planes.map(|p| if p == 3 { -8 } else { 1 << p }).sum::<i32>(), w);
        }
    }
}
