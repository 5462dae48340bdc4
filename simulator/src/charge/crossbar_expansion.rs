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
use snnc_targets::energy::CrossbarExpansionRule;
use snnc_targets::schema::AxonSpec;
use snnc_targets::{EnergyEvent, EventMap};

use super::SliceTally;
use crate::counts::{SliceIndex, SliceTable};
use crate::execute::slice::SliceTrace;

/// Repeated work of one program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrossbarExpansion {
    planes: u64,
    slices: Vec<SliceExpansion>,
}

/// One slice.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SliceExpansion {
    /// Distinct neurons.
    neurons: u64,
    /// Neurons with their copies.
    copied: u64,
    /// Neurons that one neuron of each position takes.
    takes: Vec<u32>,
    /// Destinations of position p: `reached[starts[p] .. starts[p + 1]]`, each with the slices that it touches.
    starts: Vec<u32>,
    reached: Vec<Vec<ReachedSlice>>,
}

/// Synaptic events of a packet in one slice, by source channel of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ReachedSlice {
    slice: SliceIndex,
    events: Vec<u64>,
}

impl CrossbarExpansion {
    /// `None` if the target repeats no work.
    pub fn new(program: &Program, table: &SliceTable) -> Option<Self> {
        let axons = &program.target.axons;
        if !axons.repeats_work() {
            return None;
        }
        let slices = program.cores.values().flat_map(|core| &core.slices);
        Some(Self {
            planes: axons.planes().into(),
            slices: slices.map(|placed| SliceExpansion::new(program, table, placed)).collect(),
        })
    }

    /// Multiplies what the network sends by the bit planes.
    pub fn expand_packets(&self, slices: &mut [SliceTally]) {
        for slice in slices {
            for event in EnergyEvent::ALL {
                if event.crossbar_expansion() == CrossbarExpansionRule::BitPlanes {
                    slice.events[event] *= self.planes;
                }
            }
            slice.departures *= self.planes;
            slice.port_packets *= self.planes;
        }
    }

    /// What the chip does in a pass: `slices` are its counts after [`CrossbarExpansion::expand_packets`], `traces` its
    /// spikes.
    pub fn expand_work(&self, slices: &[SliceTally], traces: &[SliceTrace]) -> Vec<SliceTally> {
        let mut all = slices.to_vec();
        for (tally, expansion) in all.iter_mut().zip(&self.slices) {
            expansion.expand(&mut tally.events);
        }
        for (source, (expansion, trace)) in self.slices.iter().zip(traces).enumerate() {
            for spike in trace.fired.iter().flatten() {
                let position = spike.position as usize;
                all[source].events[EnergyEvent::NeuronSpike] += u64::from(expansion.takes[position]);
                let range = expansion.starts[position] as usize..expansion.starts[position + 1] as usize;
                for reached in expansion.reached[range].iter().flatten() {
                    all[reached.slice].events[EnergyEvent::SynapticOperation] +=
                        reached.events[spike.atom as usize];
                }
            }
        }
        all
    }
}

impl SliceExpansion {
    fn new(program: &Program, table: &SliceTable, placed: &CoreSlice) -> Self {
        let axons = &program.target.axons;
        // A port sends to as many axons as it has to, and has no neurons.
        let outside = program.model.populations[placed.slice.population].dynamics.is_port();
        let takes = |position| if outside { 0 } else { takes(axons, placed, position) };
        let takes: Vec<u32> = (0..placed.slice.positions()).map(takes).collect();
        let atoms = u64::from(placed.slice.atoms());
        let destination = |to: &snnc_compiler::ir::program::AxonDestination| {
            let core = &program.cores[to.core];
            let axon = &core.axons[to.axon as usize];
            let entry = |entry: &AxonEntry| {
                let slice = table.starts[to.core.0 as usize] + core.lists[entry.list as usize].slice as usize;
                let sources = axon.first_atom..axon.first_atom + axon.atoms;
                ReachedSlice {
                    slice,
                    events: sources.map(|source| events(axons, core, entry, source)).collect(),
                }
            };
            core.entries(axon).iter().map(entry).collect()
        };
        Self {
            neurons: placed.slice.neurons().into(),
            copied: takes.iter().map(|&n| u64::from(n)).sum::<u64>() * atoms,
            takes,
            starts: placed.route_starts.clone(),
            reached: placed.destinations.iter().map(destination).collect(),
        }
    }

    /// Counts of neurons become counts of neurons and their copies; what is counted spike by spike starts at 0.
    fn expand(&self, events: &mut EventMap<u64>) {
        let updates = events[EnergyEvent::NeuronUpdateActive] + events[EnergyEvent::NeuronUpdateInactive];
        for event in EnergyEvent::ALL {
            match event.crossbar_expansion() {
                CrossbarExpansionRule::Never | CrossbarExpansionRule::BitPlanes => {}
                CrossbarExpansionRule::NeuronCopies => events[event] = self.scaled(events[event]),
                CrossbarExpansionRule::BySpike => events[event] = 0,
            }
        }
        // The sum of the updates is exact; rounding falls to the inactive ones.
        events[EnergyEvent::NeuronUpdateInactive] =
            self.scaled(updates) - events[EnergyEvent::NeuronUpdateActive];
    }

    /// A count over all neurons, which act alike, as a count over neurons and their copies.
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
            let weight = core.weights.at((first + run.weight + i) as usize);
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
